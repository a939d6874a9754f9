"""What S3 requests say, read and checked: keys, conditions, metadata, encryption, tags. Owns no state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from mastic.context import Context
from mastic.objects.errors import refused
from mastic.objects.versions import Conditions, Origin
from mastic.store.buckets import Bucket

LARGEST_KEY = 1024
LARGEST_METADATA = 2048
HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)
STORAGE_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
)
_TAG_TEXT = re.compile(r"[\w\s+\-=._:/@]*\Z")


def key_of(request: Mapping[str, Any]) -> str:
    """The request's key. Raises KeyTooLongError, InvalidArgument."""
    key: str = request["Key"]
    size = len(key.encode("utf-8", "surrogatepass"))
    if size > LARGEST_KEY:
        raise refused("KeyTooLongError", Size=size, MaxSizeAllowed=LARGEST_KEY)
    if "\0" in key:
        raise refused("InvalidArgument", "An object key cannot hold the character NUL.", ArgumentName="key")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise refused("InvalidArgument", "The key is not UTF-8.", ArgumentName="key") from None
    return key


def owned(bucket: Bucket, request: Mapping[str, Any], member: str = "ExpectedBucketOwner") -> None:
    """Raise AccessDenied when the caller expects another owner."""
    if request.get(member, bucket.account) != bucket.account:
        raise refused("AccessDenied")


def origin(context: Context, event: str) -> Origin:
    """The origin of a change, for its event."""
    return Origin(event=event, principal=context.principal_arn, request_id=context.request_id)


def etag(text: str) -> str:
    """An ETag without its quotes."""
    return text.strip().removeprefix("W/").strip('"')


def conditions(request: Mapping[str, Any]) -> Conditions:
    """The preconditions of a write. Raises NotImplemented for what S3 does not offer."""
    unless = request.get("IfNoneMatch")
    if unless is not None and unless.strip() != "*":
        raise refused("NotImplemented", Header="If-None-Match")
    match = request.get("IfMatch")
    if match is not None and unless is not None:
        raise refused("NotImplemented", Header="If-Match and If-None-Match")
    return Conditions(if_none_match=unless is not None, if_match=None if match is None else etag(match))


def content(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the writer says about the bytes, as it is stored. Raises MetadataTooLarge, NotImplemented."""
    headers = {name: request[name] for name in HEADERS if request.get(name) not in (None, "")}
    if isinstance(headers.get("Expires"), datetime):
        headers["Expires"] = headers["Expires"].timestamp()
    encodings = [e.strip() for e in headers.pop("ContentEncoding", "").split(",")]
    kept = ",".join(e for e in encodings if e and e.lower() != "aws-chunked")
    if kept:
        headers["ContentEncoding"] = kept
    headers.setdefault("ContentType", "binary/octet-stream")
    metadata = {name.lower(): value for name, value in (request.get("Metadata") or {}).items()}
    size = sum(len(n.encode()) + len(v.encode()) for n, v in metadata.items())
    if size > LARGEST_METADATA:
        raise refused("MetadataTooLarge", Size=size, MaxSizeAllowed=LARGEST_METADATA)
    out: dict[str, Any] = {"headers": headers, "metadata": metadata}
    redirect = request.get("WebsiteRedirectLocation")
    if redirect:
        if not redirect.startswith(("/", "http://", "https://")):
            raise refused(
                "InvalidArgument",
                "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
            )
        out["redirect"] = redirect
    chosen = encryption(request)
    if chosen:
        out["encryption"] = chosen
    return out


def encryption(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """The encryption a request asks for. Raises NotImplemented for customer-provided keys."""
    if any(request.get(name) for name in ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")):
        raise refused("NotImplemented", "Encryption with customer-provided keys is not implemented by Mastic")
    algorithm = request.get("ServerSideEncryption")
    if not algorithm:
        return None
    out: dict[str, Any] = {"SSEAlgorithm": algorithm}
    if algorithm == "AES256":
        if request.get("SSEKMSKeyId"):
            raise refused(
                "InvalidArgument",
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms",
            )
        return out
    if request.get("SSEKMSKeyId"):
        out["KMSMasterKeyID"] = request["SSEKMSKeyId"]
    if request.get("BucketKeyEnabled") is not None:
        out["BucketKeyEnabled"] = request["BucketKeyEnabled"]
    return out


def storage_class(request: Mapping[str, Any], default: str = "STANDARD") -> str:
    """The storage class asked for. Raises InvalidStorageClass."""
    chosen: str = request.get("StorageClass") or default
    if chosen not in STORAGE_CLASSES:
        raise refused("InvalidStorageClass", StorageClassRequested=chosen)
    return chosen


def header_tags(request: Mapping[str, Any]) -> dict[str, str] | None:
    """The tags in an ``x-amz-tagging`` header."""
    text = request.get("Tagging")
    if not text:
        return None
    pairs = parse_qsl(text, keep_blank_values=True)
    return tags([{"Key": name, "Value": value} for name, value in pairs], most=10)


def tags(given: Iterable[Mapping[str, str]], *, most: int) -> dict[str, str]:
    """A tag set. Raises InvalidTag, BadRequest."""
    out: dict[str, str] = {}
    for tag in given:
        name, value = tag["Key"], tag.get("Value", "")
        if not name or len(name) > 128 or not _TAG_TEXT.match(name):
            raise refused("InvalidTag", "The TagKey you have provided is invalid", TagKey=name)
        if len(value) > 256 or not _TAG_TEXT.match(value):
            raise refused("InvalidTag", "The TagValue you have provided is invalid", TagKey=name)
        if name in out:
            raise refused("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=name)
        if name.startswith("aws:"):
            raise refused("InvalidTag", "System tags cannot be added/updated by requester", TagKey=name)
        out[name] = value
    if len(out) > most:
        kind = "Object" if most == 10 else "Bucket"
        raise refused("BadRequest", f"{kind} tags cannot be greater than {most}")
    return out


def retention(request: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    """The object lock a write asks for. Raises InvalidArgument, InvalidRequest."""
    mode, until = request.get("ObjectLockMode"), request.get("ObjectLockRetainUntilDate")
    hold = request.get("ObjectLockLegalHoldStatus")
    if (mode is None) != (until is None):
        raise refused(
            "InvalidArgument",
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
        )
    if until is not None and until <= now:
        raise refused("InvalidArgument", "The retain until date must be in the future!")
    out: dict[str, Any] = {}
    if mode is not None and until is not None:
        out = {"mode": mode, "until": until.timestamp()}
    if hold is not None:
        out["hold"] = hold
    return out or None
