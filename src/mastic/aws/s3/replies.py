"""What S3 replies say of an object, and serving its bytes. Owns no state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mastic.aws.s3.requests import etag
from mastic.objects.digests import COMPOSITE
from mastic.objects.errors import refused
from mastic.objects.local import LocalObjects, cut
from mastic.store.buckets import Bucket
from mastic.store.objects import ObjectVersion, Segment
from mastic.wire.dispatch import FileBody, Response

# Up to this size a body is read at once: cheaper than handing a file to the event loop.
SMALL = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """The part of an object that a reply covers; ``partial`` when it is answered with 206."""

    first: int
    length: int
    partial: bool = False


def seconds(instant: datetime) -> datetime:
    """An instant as S3 tells it: whole seconds."""
    return instant.replace(microsecond=0)


def quoted(text: str) -> str:
    """An ETag in its quotes."""
    return f'"{text}"'


def checksum_member(algorithm: str) -> str:
    """``CRC32C`` → ``ChecksumCRC32C``."""
    return f"Checksum{algorithm}"


def checksums(found: Mapping[str, str] | None) -> dict[str, str]:
    """The members that tell an object's checksum."""
    if not found:
        return {}
    return {checksum_member(found["algorithm"]): found["value"], "ChecksumType": found["type"]}


def encryption(content: Mapping[str, Any]) -> dict[str, Any]:
    """The members that tell how an object is encrypted."""
    chosen = content.get("encryption") or {"SSEAlgorithm": "AES256"}
    return {
        "ServerSideEncryption": chosen["SSEAlgorithm"],
        "SSEKMSKeyId": chosen.get("KMSMasterKeyID"),
        "BucketKeyEnabled": chosen.get("BucketKeyEnabled") or None,
    }


def version_of(bucket: Bucket, found: ObjectVersion) -> str | None:
    """The version id to tell: none in a bucket that never had versions."""
    return found.version_id if bucket.versioning else None


def written(bucket: Bucket, made: ObjectVersion) -> dict[str, Any]:
    """The reply to a write."""
    return {
        "ETag": quoted(made.etag),
        "VersionId": version_of(bucket, made),
        **checksums(made.checksum),
        **encryption(made.content),
    }


def described(bucket: Bucket, found: ObjectVersion, request: Mapping[str, Any]) -> dict[str, Any]:
    """The headers of a GET or HEAD of the whole object."""
    headers = dict(found.content.get("headers", {}))
    if isinstance(headers.get("Expires"), (int, float)):
        headers["Expires"] = datetime.fromtimestamp(headers["Expires"], UTC)
    for name in (
        "CacheControl",
        "ContentDisposition",
        "ContentEncoding",
        "ContentLanguage",
        "ContentType",
        "Expires",
    ):
        if request.get(f"Response{name}") is not None:
            headers[name] = request[f"Response{name}"]
    lock = found.lock or {}
    return {
        "AcceptRanges": "bytes",
        "LastModified": seconds(found.modified),
        "ContentLength": found.size,
        "ETag": quoted(found.etag),
        "Metadata": found.content.get("metadata") or None,
        "StorageClass": None if found.storage_class == "STANDARD" else found.storage_class,
        "VersionId": version_of(bucket, found),
        "TagCount": len(found.tags) if found.tags else None,
        "WebsiteRedirectLocation": found.content.get("redirect"),
        "Restore": restored(found),
        "ObjectLockMode": lock.get("mode"),
        "ObjectLockRetainUntilDate": datetime.fromtimestamp(lock["until"], UTC)
        if lock.get("until")
        else None,
        "ObjectLockLegalHoldStatus": lock.get("hold"),
        **headers,
        **encryption(found.content),
    }


def restored(found: ObjectVersion) -> str | None:
    """The ``x-amz-restore`` header of an object brought back from an archive."""
    until = found.content.get("restored_until")
    if until is None:
        return None
    day = datetime.fromtimestamp(until, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return f'ongoing-request="false", expiry-date="{day}"'


def unmodified(found: ObjectVersion, request: Mapping[str, Any], prefix: str = "") -> bool:
    """Judge the preconditions of a read; true when it is to be answered 304.

    ``prefix`` is "CopySource" for the source of a copy. Raises PreconditionFailed.
    """
    match, unless = request.get(f"{prefix}IfMatch"), request.get(f"{prefix}IfNoneMatch")
    before, since = request.get(f"{prefix}IfUnmodifiedSince"), request.get(f"{prefix}IfModifiedSince")
    modified = seconds(found.modified)
    if match is not None and not _matches(match, found.etag):
        raise refused("PreconditionFailed", Condition="If-Match")
    if before is not None and match is None and modified > before:
        raise refused("PreconditionFailed", Condition="If-Unmodified-Since")
    if unless is not None:
        return _matches(unless, found.etag)
    return since is not None and modified <= since


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in [etag(part) for part in header.split(",")]


def extent(found: ObjectVersion, header: str | None) -> Extent:
    """What a Range header covers; the whole when it is none S3 understands. Raises InvalidRange."""
    whole = Extent(first=0, length=found.size)
    match = _RANGE.match(header.replace(" ", "")) if header else None
    if match is None or not (match[1] or match[2]):
        return whole
    if match[1]:
        first, last = int(match[1]), int(match[2]) if match[2] else found.size - 1
        if match[2] and last < first:
            return whole
    else:
        first, last = max(0, found.size - int(match[2])), found.size - 1
        if int(match[2]) == 0:
            first = found.size
    if first >= found.size:
        raise refused("InvalidRange", RangeRequested=header, ActualObjectSize=found.size)
    return Extent(first=first, length=min(last, found.size - 1) - first + 1, partial=True)


def part_extent(found: ObjectVersion, pieces: list[Segment], number: int) -> Extent:
    """What ``partNumber`` covers. Raises InvalidPartNumber."""
    if found.part_count is None:
        if number != 1:
            raise refused("InvalidPartNumber", ActualPartCount=1, PartNumberRequested=number)
        return Extent(first=0, length=found.size, partial=True)
    numbered = [p for p in pieces if p.part_number == number]
    if number > found.part_count or not numbered:
        raise refused("InvalidPartNumber", ActualPartCount=found.part_count, PartNumberRequested=number)
    first = 0
    for piece in pieces:
        if piece.part_number == number:
            break
        first += piece.size
    return Extent(first=first, length=numbered[0].size, partial=True)


def ranged(found: ObjectVersion, covered: Extent) -> dict[str, Any]:
    """The members that tell which part of the object a reply covers."""
    if not covered.partial:
        return {"ContentLength": found.size}
    out: dict[str, Any] = {"ContentLength": covered.length}
    if covered.length:
        last = covered.first + covered.length - 1
        out["ContentRange"] = f"bytes {covered.first}-{last}/{found.size}"
    return out


def told_checksum(found: ObjectVersion, covered: Extent, request: Mapping[str, Any]) -> dict[str, str]:
    """The checksum, where the reader asked for it and gets the bytes that it is of."""
    if request.get("ChecksumMode", "").upper() != "ENABLED" or not found.checksum:
        return {}
    if covered.partial and (covered.length != found.size or found.checksum["type"] == COMPOSITE):
        return {}
    return checksums(found.checksum)


def body(objects: LocalObjects, pieces: list[Segment], covered: Extent) -> bytes | FileBody | Iterable[bytes]:
    """The bytes of a reply."""
    needed = [p for p in cut(pieces, covered.first, covered.length) if p.blob]
    if not needed:
        return b""
    if covered.length <= SMALL:
        return b"".join(objects.blobs.read(p.blob, p.start, p.size) for p in needed if p.blob)
    if len(needed) == 1 and needed[0].blob:
        return FileBody(
            path=objects.blobs.open(needed[0].blob), offset=needed[0].start, length=needed[0].size
        )
    return objects.bytes_of(needed)


def not_modified(bucket: Bucket, found: ObjectVersion) -> Response:
    """304, with what a cache needs."""
    told = {
        "ETag": quoted(found.etag),
        "LastModified": seconds(found.modified),
        "CacheControl": found.content.get("headers", {}).get("CacheControl"),
        "VersionId": version_of(bucket, found),
    }
    return Response(told, status=304)
