"""Checks who signed a request: Signature Version 4 (header, presigned, streamed) and S3's Version 2.

Owns a cache of derived signing keys.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from mastic.clock import Clock
from mastic.context import DEFAULT_ACCOUNT, DEFAULT_REGION
from mastic.errors import ServiceError
from mastic.wire import canonical
from mastic.wire.claims import ALGORITHM, Claim, Unauthentic
from mastic.wire.messages import Incoming

UNSIGNED = "UNSIGNED-PAYLOAD"
MAX_SKEW = timedelta(minutes=15)
MAX_EXPIRES = 7 * 24 * 3600
_SHA256 = re.compile("[0-9a-fA-F]{64}")
_MARKERS = frozenset(
    {
        UNSIGNED,
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    }
)
_EMPTY = hashlib.sha256().hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """What a lookup knows of an access key. ``session_token`` is set for temporary credentials."""

    secret_key: str
    account_id: str
    principal_arn: str
    session_token: str | None = None


Credentials = Callable[[str], Secret | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The caller as accepted; ``verified`` when the signature was checked.

    ``chunks`` checks the signatures of a streamed body, if it has to.
    """

    account_id: str
    region: str
    principal_arn: str
    access_key: str
    verified: bool = False
    chunks: ChunkChain | None = None


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


@lru_cache(maxsize=1024)
def signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """Version 4's derived key."""
    key = _hmac(b"AWS4" + secret_key.encode(), date)
    for part in (region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


class ChunkChain:
    """The chain of signatures of an aws-chunked body. Every check raises S3's SignatureDoesNotMatch."""

    def __init__(self, key: bytes, amz_date: str, scope: str, seed: str) -> None:
        self._key = key
        self._head = f"{amz_date}\n{scope}"
        self._previous = seed

    def _check(self, signature: str, kind: str, rest: str) -> None:
        expected = _hmac(self._key, f"{ALGORITHM}-{kind}\n{self._head}\n{self._previous}\n{rest}").hex()
        if not hmac.compare_digest(expected, signature):
            raise ServiceError(
                "SignatureDoesNotMatch",
                f"The {kind.lower()} signature of a chunk does not match the signature we calculated.",
                status=403,
            )
        self._previous = signature

    def chunk(self, signature: str, payload_sha256: str) -> None:
        """The signature of one chunk."""
        self._check(signature, "PAYLOAD", f"{_EMPTY}\n{payload_sha256}")

    def trailer(self, signature: str, trailers: bytes) -> None:
        """The signature of the trailers."""
        self._check(signature, "TRAILER", hashlib.sha256(trailers).hexdigest())


class Authenticator:
    """Turns a claim into an identity.

    ``credentials`` looks an access key up. Without it any credentials are accepted (what loopback does).
    With it, a key it knows is verified; a key it does not know is refused, unless ``strict`` is false, and
    so are unsigned requests where ``strict`` holds.
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
        self._region = region
        self._anyone = (account_id, f"arn:aws:iam::{account_id}:root")

    @property
    def open(self) -> bool:
        """True when nothing is ever verified."""
        return self._credentials is None

    def authenticate(self, incoming: Incoming, claim: Claim | None, bucket: str = "") -> Identity:
        """The identity behind a request; ``bucket`` is that of the host name. Raises Unauthentic."""
        account, principal = self._anyone
        if claim is None:
            if self._credentials is not None and self._strict:
                raise Unauthentic("missing", "Access Denied")
            return Identity(account_id=account, region=self._region, principal_arn="anonymous", access_key="")
        secret = self._credentials(claim.access_key) if self._credentials is not None else None
        chunks = None
        if secret is not None:
            chunks = self._verify(incoming, claim, secret, bucket)
            account, principal = secret.account_id, secret.principal_arn
        elif self._credentials is not None and self._strict:
            raise Unauthentic(
                "unknown key",
                "The AWS Access Key Id you provided does not exist in our records."
                if claim.service in ("s3", "")
                else "The security token included in the request is invalid.",
                AWSAccessKeyId=claim.access_key,
            )
        elif claim.presigned:
            # Nobody checks who made the link, but it says itself until when it may be used.
            self._check_expiry(incoming, claim)
        return Identity(
            account_id=account,
            region=claim.region or self._region,
            principal_arn=principal,
            access_key=claim.access_key,
            verified=secret is not None,
            chunks=chunks,
        )

    def _verify(self, incoming: Incoming, claim: Claim, secret: Secret, bucket: str) -> ChunkChain | None:
        if secret.session_token is not None and not hmac.compare_digest(
            secret.session_token.encode(), claim.session_token.encode()
        ):
            raise Unauthentic("token", "The security token included in the request is invalid.")
        if claim.version == 2:
            self._verify_v2(incoming, claim, secret, bucket)
            return None
        return self._verify_v4(incoming, claim, secret)

    def _verify_v2(self, incoming: Incoming, claim: Claim, secret: Secret, bucket: str) -> None:
        date = ""
        if claim.presigned:
            self._check_expiry(incoming, claim)
            date = incoming.params.get("Expires", "")
        else:
            self._fresh(canonical.request_time(incoming), incoming)
            date = "" if "x-amz-date" in incoming.headers else incoming.headers.get("date", "")
        texts = canonical.v2_strings(incoming, date, bucket)
        made = [canonical.v2_signature(secret.secret_key, text) for text in texts]
        if not any(canonical.same(signature, claim.signature) for signature in made):
            raise _mismatch(claim, texts[0])

    def _check_expiry(self, incoming: Incoming, claim: Claim) -> None:
        """Raise Unauthentic for a presigned request whose time is over."""
        if claim.version == 2:
            expires = incoming.params.get("Expires", "")
            if not expires.isascii() or not expires.isdigit():
                raise Unauthentic("expired", "Invalid date (should be seconds since epoch)")
            if self._clock.now().timestamp() > int(expires):
                raise Unauthentic("expired", "Request has expired", Expires=expires)
            return
        moment = canonical.parse_amz_date(incoming.params.get("X-Amz-Date", ""))
        if moment is None:
            raise Unauthentic("incomplete", "Authorization requires a valid 'X-Amz-Date' or 'Date'")
        self._within_expiry(moment, incoming.params.get("X-Amz-Expires", ""))

    def _verify_v4(self, incoming: Incoming, claim: Claim, secret: Secret) -> ChunkChain | None:
        s3 = claim.service == "s3"
        amz_date = incoming.params.get("X-Amz-Date", "") if claim.presigned else ""
        moment = canonical.parse_amz_date(amz_date) if claim.presigned else canonical.request_time(incoming)
        if moment is None:
            raise Unauthentic("incomplete", "Authorization requires a valid 'X-Amz-Date' or 'Date'")
        amz_date = moment.strftime("%Y%m%dT%H%M%SZ")
        if claim.date != amz_date[:8]:
            raise Unauthentic(
                "mismatch",
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{claim.date}' != '{amz_date[:8]}'",
            )
        if claim.presigned:
            self._within_expiry(moment, incoming.params.get("X-Amz-Expires", ""))
        else:
            self._fresh(moment, incoming)
        if "host" not in claim.signed_headers:
            raise Unauthentic("mismatch", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
        if s3:
            _all_signed(incoming, claim)
        payload = _payload_hash(incoming, claim, s3)
        key = signing_key(secret.secret_key, claim.date, claim.region, claim.service)
        for path in canonical.paths(incoming.raw_path, s3=s3):
            request = canonical.v4_request(incoming, claim.signed_headers, path, payload, claim.presigned)
            text = f"{ALGORITHM}\n{amz_date}\n{claim.scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
            expected = _hmac(key, text).hex()
            if canonical.same(expected, claim.signature):
                if payload.startswith("STREAMING-AWS4-HMAC"):
                    return ChunkChain(key, amz_date, claim.scope, expected)
                return None
        raise _mismatch(claim, text, CanonicalRequest=request)

    def _fresh(self, moment: datetime | None, incoming: Incoming) -> None:
        if moment is None:
            raise Unauthentic("incomplete", "AWS authentication requires a valid Date or x-amz-date header")
        now = self._clock.now()
        if abs(now - moment) > MAX_SKEW:
            raise Unauthentic(
                "skewed",
                "The difference between the request time and the current time is too large.",
                RequestTime=moment.strftime("%Y%m%dT%H%M%SZ"),
                ServerTime=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                MaxAllowedSkewMilliseconds=int(MAX_SKEW.total_seconds() * 1000),
            )

    def _within_expiry(self, moment: datetime, expires: str) -> None:
        if not expires.isascii() or not expires.isdigit() or not 0 < int(expires) <= MAX_EXPIRES:
            raise Unauthentic("incomplete", "X-Amz-Expires must be a number between 1 and 604800 seconds")
        now = self._clock.now()
        if now > moment + timedelta(seconds=int(expires)):
            raise Unauthentic("expired", "Request has expired", **{"X-Amz-Expires": expires})
        if moment > now + MAX_SKEW:
            raise Unauthentic("expired", "Request is not valid yet")


def _mismatch(claim: Claim, text: str, **members: str) -> Unauthentic:
    return Unauthentic(
        "mismatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
        AWSAccessKeyId=claim.access_key,
        StringToSign=text,
        SignatureProvided=claim.signature,
        **members,
    )


def _all_signed(incoming: Incoming, claim: Claim) -> None:
    """S3 refuses x-amz- headers that somebody could have added on the way."""
    signed = set(claim.signed_headers)
    loose = [n for n in incoming.headers if n.startswith("x-amz-") and n not in signed]
    if claim.presigned:
        loose = [n for n in loose if n != "x-amz-content-sha256"]
    if loose:
        raise Unauthentic(
            "expired", "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(loose),
        )  # fmt: skip


def _payload_hash(incoming: Incoming, claim: Claim, s3: bool) -> str:
    """The payload's hash as the signer used it. A hash that was given is compared with the body elsewhere."""
    given = incoming.headers.get("x-amz-content-sha256")
    if claim.presigned:
        given = given or incoming.params.get("X-Amz-Content-Sha256")
        if given is None and s3:
            return UNSIGNED
    if given is not None and s3:
        if given not in _MARKERS and _SHA256.fullmatch(given) is None:
            raise ServiceError(
                "InvalidArgument",
                f"x-amz-content-sha256 must be {', '.join(sorted(_MARKERS))}, or a valid sha256 value.",
                status=400,
            )
        return given
    body = incoming.body if incoming.signed_body is None else incoming.signed_body
    computed = hashlib.sha256(body).hexdigest()
    if given is not None and given not in (computed, UNSIGNED):
        raise Unauthentic("mismatch", "The x-amz-content-sha256 header does not match the request body")
    return given or computed
