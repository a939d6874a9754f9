"""Objects embedded on disk: bytes in blobs, everything else in the store.

Order of a write: blob written, synced, renamed, its directory synced; then one transaction makes it visible.
A crash before the transaction leaves an orphan that ``objects.garbage`` sweeps; after it, the object stays.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.ids import Ids
from mastic.objects import listing, versions
from mastic.objects.base import Listing, ObjectInfo, PathSegment
from mastic.objects.blobs import CHUNK, Blob, Blobs
from mastic.objects.digests import DEFAULT, FULL_OBJECT, Hashing, md5_hex
from mastic.objects.errors import no_such_bucket, no_such_key, refused
from mastic.objects.versions import Conditions, Draft, Origin, Removal
from mastic.store import buckets, objects
from mastic.store.buckets import Bucket
from mastic.store.engine import Duplicate, Stale, Store
from mastic.store.objects import ObjectVersion, Segment
from mastic.store.recall import Recall

T = TypeVar("T")

ATTEMPTS = 50
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


class LocalObjects:
    """Implements ``base.Objects``, and what the S3 protocol needs beyond it."""

    def __init__(
        self, *, store: Store, blobs: Blobs, clock: Clock, ids: Ids, account: str, shared: bool = False
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.clock = clock
        self.ids = ids
        self.account = account
        self._shared = shared
        self._recall = Recall(store, *buckets.TABLES, *objects.TABLES)

    # -- for the S3 protocol ---------------------------------------------------------------------------

    def locate(self, bucket: str, key: str, version_id: str | None = None) -> tuple[Bucket, ObjectVersion]:
        """Bucket and version, which may be a delete marker. Raises NoSuchBucket, NoSuchKey, NoSuchVersion."""
        found = self._recall.get(
            (bucket, key, version_id), lambda tx: objects.locate(tx, bucket, key, version_id)
        )
        if found is None:
            raise no_such_bucket(bucket)
        if found[1] is None:
            if version_id is None:
                raise no_such_key(key)
            raise refused("NoSuchVersion", Key=key, VersionId=version_id)
        return found[0], found[1]

    def glance(self, bucket: str, key: str) -> tuple[Bucket, ObjectVersion | None]:
        """The bucket and the key's latest version, if any. Raises NoSuchBucket."""
        with self.store.read() as tx:
            found = objects.locate(tx, bucket, key)
        if found is None:
            raise no_such_bucket(bucket)
        return found

    def segments(self, bucket: Bucket, found: ObjectVersion) -> list[Segment]:
        """Where the version's bytes are."""
        if found.blob is not None or (found.size == 0 and found.part_count is None):
            return [Segment(blob=found.blob, size=found.size)] if found.blob else []
        return self._recall.get(
            (bucket.id, found.key, found.version_id, found.sequence),
            lambda tx: objects.segments(tx, bucket, found),
        )

    def bytes_of(self, pieces: Sequence[Segment]) -> Iterator[bytes]:
        """The bytes of segments in order, a megabyte at a time; the blobs stay while this is read."""
        self.blobs.pin([s.blob for s in pieces if s.blob], 3600)
        for segment in pieces:
            if segment.blob is not None:
                yield from self.blobs.stream(segment.blob, segment.start, segment.size)

    def commit(
        self,
        bucket: str,
        draft: Draft,
        *,
        conditions: Conditions,
        origin: Origin,
        check: Callable[[Bucket], object] | None = None,
    ) -> tuple[Bucket, ObjectVersion]:
        """Make staged bytes the latest version of a key. ``check`` may refuse the bucket by raising."""
        return self.transact(
            lambda tx: self.commit_in(tx, bucket, draft, conditions=conditions, origin=origin, check=check)
        )

    def commit_in(
        self,
        tx: Connection,
        bucket: str,
        draft: Draft,
        *,
        conditions: Conditions,
        origin: Origin,
        check: Callable[[Bucket], object] | None = None,
    ) -> tuple[Bucket, ObjectVersion]:
        """The same inside a transaction of the caller's."""
        home, current = self.held(tx, bucket, draft.key)
        if check is not None:
            check(home)
        now, new_id = self.clock.now(), self.ids.hex(32)
        written = versions.write(
            tx, home, current, draft, conditions=conditions, origin=origin, now=now, new_id=new_id
        )
        return home, written

    def remove(
        self,
        bucket: str,
        key: str,
        version_id: str | None = None,
        *,
        conditions: Conditions,
        origin: Origin,
        bypass: bool = False,
    ) -> Removal:
        """Delete a key or one of its versions."""
        return self.transact(
            lambda tx: self.remove_in(
                tx, bucket, key, version_id, conditions=conditions, origin=origin, bypass=bypass
            )
        )

    def remove_in(
        self,
        tx: Connection,
        bucket: str,
        key: str,
        version_id: str | None,
        *,
        conditions: Conditions,
        origin: Origin,
        bypass: bool,
    ) -> Removal:
        """The same inside a transaction of the caller's."""
        home, current = self.held(tx, bucket, key)
        now = self.clock.now()
        if version_id is not None:
            return versions.remove_version(
                tx, home, key, version_id, conditions=conditions, origin=origin, now=now, bypass=bypass
            )
        new_id = self.ids.hex(32)
        return versions.remove(
            tx, home, current, key, conditions=conditions, origin=origin, now=now, new_id=new_id
        )

    def change(
        self,
        bucket: str,
        key: str,
        version_id: str | None,
        decide: Callable[[Bucket, ObjectVersion], Mapping[str, object]],
        *,
        origin: Origin | None = None,
    ) -> tuple[Bucket, ObjectVersion]:
        """Set columns of a version (tags, acl, lock, content) to what ``decide`` returns; the bytes stay.

        Raises NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker.
        """

        def run(tx: Connection) -> tuple[Bucket, ObjectVersion]:
            found = objects.locate(tx, bucket, key, version_id, hold=True)
            if found is None:
                raise no_such_bucket(bucket)
            home, version = found
            if version is None and version_id is not None:
                raise refused("NoSuchVersion", Key=key, VersionId=version_id)
            if version is None or (version.delete_marker and version_id is None):
                raise no_such_key(key)
            if version.delete_marker:
                raise refused("MethodNotAllowed", Method="PUT", ResourceType="DeleteMarker")
            objects.change(tx, home, version, **decide(home, version))
            if origin is not None:
                versions.tell(tx, home, version, origin, self.clock.now())
            return home, version

        return self.transact(run)

    def held(self, tx: Connection, bucket: str, key: str) -> tuple[Bucket, ObjectVersion | None]:
        """The bucket, kept as it is until ``tx`` ends, and the key's latest version. Raises NoSuchBucket."""
        found = objects.locate(tx, bucket, key, hold=True)
        if found is None:
            raise no_such_bucket(bucket)
        return found

    def transact(self, run: Callable[[Connection], T]) -> T:
        """Run in one write transaction, again when another writer won a race."""
        for _ in range(ATTEMPTS):
            try:
                with self.store.write() as tx:
                    return run(tx)
            except (Duplicate, Stale):
                continue
        raise refused("ConditionalRequestConflict")

    @contextmanager
    def staged(self, pieces: Iterable[bytes]) -> Iterator[Blob | None]:
        """Bytes on disk for the block, which commits them; if it raises they are removed. None for no bytes."""
        blob = self.blobs.write(pieces)
        if blob.size == 0:
            self.blobs.remove(blob.id)
            yield None
            return
        try:
            yield blob
        except BaseException:
            self.blobs.remove(blob.id)
            raise

    # -- for the server's own parts ----------------------------------------------------------------------

    def stat(self, bucket: str, key: str) -> ObjectInfo:
        return _info(bucket, self._visible(bucket, key)[1])

    def read(self, bucket: str, key: str, range: tuple[int, int] | None = None) -> bytes:
        home, found = self._visible(bucket, key)
        first, end = range if range is not None else (0, found.size)
        if first < 0 or first > end or (first >= found.size and end > first):
            raise refused("InvalidRange", ActualObjectSize=found.size)
        return b"".join(self.bytes_of(cut(self.segments(home, found), first, min(end, found.size) - first)))

    def open(self, bucket: str, key: str) -> BinaryIO:
        home, found = self._visible(bucket, key)
        return io.BufferedReader(_Reader(self, self.segments(home, found), found.size), 256 * 1024)

    def list(
        self, bucket: str, prefix: str = "", delimiter: str = "", start_after: str = "", limit: int = 1000
    ) -> Listing:
        with self.store.read() as tx:
            home = buckets.find(tx, bucket)
            if home is None:
                raise no_such_bucket(bucket)
            page = listing.page(tx, home, prefix=prefix, delimiter=delimiter, after=start_after, limit=limit)
        found = tuple(
            ObjectInfo(
                bucket=bucket,
                key=row.key,
                size=row.size,
                etag=row.etag,
                modified=row.modified,
                storage_class=row.storage_class,
            )
            for row in page.rows
        )
        return Listing(objects=found, prefixes=tuple(page.prefixes), next_start=page.next_after)

    def walk(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        after: str | None = ""
        while after is not None:
            page = self.list(bucket, prefix, "", after)
            yield from page.objects
            after = page.next_start

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
        hashing = Hashing(_pieces(data))
        content: dict[str, Any] = {
            "headers": {"ContentType": content_type or "binary/octet-stream"},
            "metadata": dict(metadata or {}),
        }
        if encryption:
            names = {"ServerSideEncryption": "SSEAlgorithm", "SSEKMSKeyId": "KMSMasterKeyID"}
            content["encryption"] = {names[name]: value for name, value in encryption.items()}
        with self.staged(hashing) as blob:
            draft = Draft(
                key=key,
                size=blob.size if blob else 0,
                etag=md5_hex(hashing.checksums["MD5"]),
                segments=[Segment(blob=blob.id, size=blob.size)] if blob else [],
                checksum={"algorithm": DEFAULT, "type": FULL_OBJECT, "value": hashing.checksums[DEFAULT]},
                content=content,
            )
            conditions = Conditions(
                if_none_match=if_none_match, if_match=if_match.strip('"') if if_match else None
            )
            _, written = self.commit(
                bucket, draft, conditions=conditions, origin=Origin(event="ObjectCreated:Put")
            )
        return _info(bucket, written)

    def delete(self, bucket: str, key: str) -> None:
        self.remove(bucket, key, conditions=Conditions(), origin=Origin(event="ObjectRemoved:Delete"))

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        count = 0
        for found in self.walk(bucket, prefix):
            self.delete(bucket, found.key)
            count += 1
        return count

    def local_paths(self, bucket: str, key: str, *, seconds: float = 900) -> tuple[PathSegment, ...] | None:
        if self._shared:
            return None  # another server's collector does not know what is pinned here
        home, found = self._visible(bucket, key)
        pieces = [s for s in self.segments(home, found) if s.blob]
        self.blobs.pin([s.blob for s in pieces if s.blob], seconds)
        return tuple(
            PathSegment(path=self.blobs.path(s.blob), offset=s.start, size=s.size) for s in pieces if s.blob
        )

    def bucket_exists(self, bucket: str) -> bool:
        with self.store.read() as tx:
            return buckets.find(tx, bucket) is not None

    def create_bucket(self, bucket: str, *, region: str) -> None:
        try:
            with self.store.write() as tx:
                if buckets.find(tx, bucket) is None:
                    buckets.create(tx, name=bucket, account=self.account, region=region, now=self.clock.now())
        except Duplicate:
            return

    def _visible(self, bucket: str, key: str) -> tuple[Bucket, ObjectVersion]:
        home, found = self.locate(bucket, key)
        if found.delete_marker:
            raise no_such_key(key)
        return home, found


def cut(pieces: Sequence[Segment], offset: int, length: int) -> list[Segment]:
    """The segments of ``length`` bytes from ``offset``."""
    out = []
    for piece in pieces:
        if length <= 0:
            break
        if offset >= piece.size:
            offset -= piece.size
            continue
        size = min(piece.size - offset, length)
        out.append(Segment(blob=piece.blob, start=piece.start + offset, size=size))
        length -= size
        offset = 0
    return out


def _info(bucket: str, found: ObjectVersion) -> ObjectInfo:
    return ObjectInfo(
        bucket=bucket,
        key=found.key,
        size=found.size,
        etag=found.etag,
        modified=found.modified,
        version_id=found.version_id,
        storage_class=found.storage_class,
        content_type=found.content.get("headers", {}).get("ContentType", ""),
        metadata=found.content.get("metadata", {}),
    )


def _pieces(data: bytes | BinaryIO | Path) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
    elif isinstance(data, Path):
        with data.open("rb") as source:
            yield from _pieces(source)
    else:
        while piece := data.read(CHUNK):
            yield piece


class _Reader(io.RawIOBase):
    """A seekable reader over segments."""

    def __init__(self, owner: LocalObjects, pieces: Sequence[Segment], size: int) -> None:
        self._owner = owner
        self._pieces = pieces
        self._size = size
        self._position = 0
        owner.blobs.pin([s.blob for s in pieces if s.blob], 3600)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), max(0, self._size - self._position))
        filled = 0
        for piece in cut(self._pieces, self._position, wanted):
            if piece.blob is not None:
                data = self._owner.blobs.read(piece.blob, piece.start, piece.size)
                view[filled : filled + len(data)] = data
                filled += len(data)
        self._position += filled
        return filled
