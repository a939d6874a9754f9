"""What the rest of Mastic sees of object storage: one interface, embedded on disk or any S3. Owns no state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectInfo:
    """An object without its bytes. ``size`` in bytes; ``etag`` without quotes."""

    bucket: str
    key: str
    size: int
    etag: str
    modified: datetime
    version_id: str | None = None
    storage_class: str = "STANDARD"
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A page of a bucket: objects and common prefixes in key order; ``next_start`` is None on the last."""

    objects: tuple[ObjectInfo, ...]
    prefixes: tuple[str, ...] = ()
    next_start: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PathSegment:
    """``size`` bytes from ``offset`` of a file on this machine."""

    path: Path
    offset: int
    size: int


class Objects(Protocol):
    """The door to object bytes for the server's own parts.

    Raises ``ServiceError`` with S3's codes: NoSuchBucket, NoSuchKey, PreconditionFailed, InvalidRange.
    """

    def stat(self, bucket: str, key: str) -> ObjectInfo:
        """The object without its bytes."""
        ...

    def read(self, bucket: str, key: str, range: tuple[int, int] | None = None) -> bytes:
        """The object's bytes; ``range`` is (first, one past the last)."""
        ...

    def open(self, bucket: str, key: str) -> BinaryIO:
        """A seekable reader. Close it."""
        ...

    def list(
        self, bucket: str, prefix: str = "", delimiter: str = "", start_after: str = "", limit: int = 1000
    ) -> Listing:
        """One page, in the order of the keys' UTF-8 bytes. ``start_after`` continues with ``next_start``."""
        ...

    def walk(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object below ``prefix``, page by page."""
        ...

    def put(
        self,
        bucket: str,
        key: str,
        data: bytes | BinaryIO | Path,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str = "",
        encryption: Mapping[str, str] | None = None,
    ) -> ObjectInfo:
        """Store an object: durable when this returns, or not there at all.

        ``if_none_match``: only when there is none yet. ``if_match``: only over the one with that ETag. ``encryption``:
        as PutObject is told (ServerSideEncryption, SSEKMSKeyId), where it is not to be the bucket's own.
        """
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Delete the object; an absent one is no error."""
        ...

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Delete every object below ``prefix``; returns how many."""
        ...

    def local_paths(self, bucket: str, key: str, *, seconds: float = 900) -> tuple[PathSegment, ...] | None:
        """The files that hold the object's bytes, in order, kept at least ``seconds``; None for an outside
        S3, and where servers share the files."""
        ...

    def bucket_exists(self, bucket: str) -> bool:
        """True when there is such a bucket."""
        ...

    def create_bucket(self, bucket: str, *, region: str) -> None:
        """Make a bucket unless it is there."""
        ...


def split_url(url: str) -> tuple[str, str]:
    """``s3://bucket/key`` (also s3a, s3n) → (bucket, key). Raises ValueError."""
    scheme, separator, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not separator or not bucket:
        raise ValueError(f"{url!r} is not an S3 URL")
    return bucket, key
