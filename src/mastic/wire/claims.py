"""What a request says about its signer, read but not checked: Version 4 (header, presigned) and S3's Version 2.

Owns no state.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mastic.wire.messages import Incoming

ALGORITHM = "AWS4-HMAC-SHA256"


class Unauthentic(Exception):
    """A signature that is not accepted. ``what`` is a row of ``facts.REFUSALS``."""

    def __init__(self, what: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.what = what
        self.message = message
        self.members = members


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What a request says about its signer, unverified. Version 2 knows no date, region and service."""

    version: int
    access_key: str
    date: str = ""
    region: str = ""
    service: str = ""
    signed_headers: tuple[str, ...] = ()
    signature: str = ""
    presigned: bool = False
    session_token: str = ""

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def identify(incoming: Incoming) -> Claim | None:
    """The claim in the Authorization header or the query string; None for an unsigned request.

    Raises Unauthentic for something that wants to be a signature and is none.
    """
    header = incoming.headers.get("authorization")
    if header is not None:
        if header.startswith("AWS4-"):
            return _v4_header(header, incoming)
        if header.startswith("AWS "):
            access_key, _, signature = header[4:].strip().rpartition(":")
            return Claim(
                version=2, access_key=access_key, signature=signature,
                session_token=incoming.headers.get("x-amz-security-token", ""),
            )  # fmt: skip
        return None
    if "X-Amz-Credential=" in incoming.query_string:
        return _v4_query(incoming)
    if "AWSAccessKeyId=" in incoming.query_string and "Signature=" in incoming.query_string:
        params = incoming.params
        return Claim(
            version=2, access_key=params.get("AWSAccessKeyId", ""), signature=params.get("Signature", ""),
            presigned=True, session_token=params.get("x-amz-security-token", ""),
        )  # fmt: skip
    return None


def _scope(credential: str) -> tuple[str, str, str, str]:
    """``key/date/region/service/aws4_request`` (keys may contain slashes) → its four parts."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise Unauthentic(
            "incomplete", f"Credential must have exactly 5 slash-delimited elements, got '{credential}'"
        )
    return parts[0], parts[1], parts[2], parts[3]


@lru_cache(maxsize=1024)
def _authorization(parameters: str) -> tuple[str, str, str]:
    """Credential and SignedHeaders as given, and Signature."""
    fields = {}
    for part in parameters.split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not fields.get(name)]
    if missing:
        raise Unauthentic(
            "incomplete",
            " ".join(f"Authorization header requires '{name}' parameter." for name in missing),
        )
    return fields["Credential"], fields["SignedHeaders"], fields["Signature"]


def _v4_header(header: str, incoming: Incoming) -> Claim:
    algorithm, _, parameters = header.partition(" ")
    if algorithm != ALGORITHM:
        raise Unauthentic("incomplete", f"The signature algorithm {algorithm} is not supported")
    credential, signed, signature = _authorization(parameters)
    access_key, date, region, service = _scope(credential)
    return Claim(
        version=4, access_key=access_key, date=date, region=region, service=service,
        signed_headers=tuple(signed.lower().split(";")), signature=signature,
        session_token=incoming.headers.get("x-amz-security-token", ""),
    )  # fmt: skip


def _v4_query(incoming: Incoming) -> Claim:
    params = incoming.params
    if params.get("X-Amz-Algorithm") != ALGORITHM or "X-Amz-Signature" not in params:
        raise Unauthentic(
            "incomplete",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    access_key, date, region, service = _scope(params["X-Amz-Credential"])
    return Claim(
        version=4, access_key=access_key, date=date, region=region, service=service, presigned=True,
        signed_headers=tuple(params.get("X-Amz-SignedHeaders", "").lower().split(";")),
        signature=params["X-Amz-Signature"], session_token=params.get("X-Amz-Security-Token", ""),
    )  # fmt: skip
