"""Objects: every version of every key, the blobs its bytes lie in, and the blobs that nobody needs any more.

Owns the tables ``objects``, ``object_segments`` and ``blob_garbage``. Keys sort by their UTF-8 bytes. A key's
newest version is marked ``latest``; the database itself sees to it that there is one at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    CursorResult,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    text,
    tuple_,
    update,
)

from mastic.store import buckets
from mastic.store import engine as dialects
from mastic.store.buckets import Bucket
from mastic.store.schema import Identity, Json, Sortable, Timestamp, metadata

NULL_VERSION = "null"

objects = Table(
    "objects",
    metadata,
    Column("bucket", Identity, primary_key=True, autoincrement=False),
    Column("key", Sortable, primary_key=True),
    Column("version_id", String(64), primary_key=True),
    # Orders the versions of a key; grows with every write to it.
    Column("sequence", BigInteger, nullable=False),
    Column("latest", Boolean, nullable=False),
    Column("delete_marker", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", String(80), nullable=False),
    Column("modified", Timestamp, nullable=False),
    Column("storage_class", String(32), nullable=False),
    # Bytes: in one blob from its start, or, when null, in object_segments.
    Column("blob", String(40)),
    # Set on objects made by multipart upload; their segments then are their parts.
    Column("part_count", Integer),
    Column("checksum", Json),
    Column("content", Json, nullable=False),
    Column("tags", Json),
    Column("acl", Json),
    Column("lock", Json),
    sqlite_with_rowid=False,
)
Index(
    "uq_objects_latest",
    objects.c.bucket,
    objects.c.key,
    unique=True,
    # In each dialect's own words, as the migration has them.
    sqlite_where=text("latest IS 1"),
    postgresql_where=text("latest IS true"),
)
Index("ix_objects_blob", objects.c.blob)

object_segments = Table(
    "object_segments",
    metadata,
    Column("bucket", Identity, primary_key=True, autoincrement=False),
    Column("key", Sortable, primary_key=True),
    Column("version_id", String(64), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("blob", String(40)),
    Column("start", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("part_number", Integer, nullable=False),
    Column("checksum", Json),
    sqlite_with_rowid=False,
)
Index("ix_object_segments_blob", object_segments.c.blob)

blob_garbage = Table(
    "blob_garbage",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    # Not unique: copies share blobs, and each of them may let go of the same one.
    Column("blob", String(40), nullable=False, index=True),
    Column("since", Timestamp, nullable=False),
)
# What a bucket or an object is read from.
TABLES = (objects, object_segments)


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """``size`` bytes from ``start`` of a blob; ``blob`` is None only for no bytes at all."""

    blob: str | None
    size: int
    start: int = 0
    part_number: int = 0
    checksum: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectVersion:
    """A version of a key, or a delete marker.

    ``content`` holds what the writer said about the bytes: ``headers`` (by model member name), ``metadata``,
    ``encryption``, ``redirect``. ``checksum`` is ``{"algorithm", "type", "value"}``.
    """

    key: str
    version_id: str
    sequence: int
    latest: bool = True
    delete_marker: bool = False
    size: int = 0
    etag: str = ""
    modified: datetime
    storage_class: str = "STANDARD"
    blob: str | None = None
    part_count: int | None = None
    checksum: Mapping[str, str] | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] | None = None
    acl: Any = None
    lock: Mapping[str, Any] | None = None


_FIELDS = tuple(ObjectVersion.__slots__)
_COLUMNS = [objects.c[name] for name in _FIELDS]
_BUCKET_FIELDS = tuple(Bucket.__slots__)
_BUCKET_COLUMNS = [buckets.buckets.c[name].label(f"b_{name}") for name in _BUCKET_FIELDS]


def _locating(*, by_version: bool, hold: bool) -> Select[Any]:
    b, o = buckets.buckets.c, objects.c
    which = o.version_id == bindparam("in_version") if by_version else o.latest.is_(True)
    join = buckets.buckets.outerjoin(objects, (o.bucket == b.id) & (o.key == bindparam("in_key")) & which)
    query = select(*_BUCKET_COLUMNS, *_COLUMNS).select_from(join).where(b.name == bindparam("in_bucket"))
    return query.with_for_update(read=True, of=buckets.buckets) if hold else query


# Statements of the hot path are built once: building them costs more than running them.
_LOCATE = {(v, h): _locating(by_version=v, hold=h) for v in (False, True) for h in (False, True)}
_EXACTLY = (
    objects.c.bucket == bindparam("in_bucket"),
    objects.c.key == bindparam("in_key"),
    objects.c.version_id == bindparam("in_version"),
    objects.c.sequence == bindparam("in_sequence"),
)
_ADD = insert(objects)
_ADD_SEGMENTS = insert(object_segments)
_DEMOTE = update(objects).where(*_EXACTLY, objects.c.latest.is_(True)).values(latest=False)
_PROMOTE = update(objects).where(*_EXACTLY).values(latest=True)
_REMOVE = delete(objects).where(*_EXACTLY)
_DISCARD = insert(blob_garbage)


def _exactly(bucket: Bucket, found: ObjectVersion) -> dict[str, Any]:
    return {
        "in_bucket": bucket.id,
        "in_key": found.key,
        "in_version": found.version_id,
        "in_sequence": found.sequence,
    }


def _once(result: CursorResult[Any]) -> None:
    if result.rowcount != 1:
        raise dialects.Stale("objects")


def _of(row: Sequence[Any] | None) -> ObjectVersion | None:
    return None if row is None else ObjectVersion(**dict(zip(_FIELDS, row, strict=True)))


def _one(bucket: Bucket, key: str) -> Select[Any]:
    return select(*_COLUMNS).where(objects.c.bucket == bucket.id, objects.c.key == key)


# -- finding -----------------------------------------------------------------------------------------


def current(tx: Connection, bucket: Bucket, key: str) -> ObjectVersion | None:
    """The newest version of the key, which may be a delete marker."""
    return _of(tx.execute(_one(bucket, key).where(objects.c.latest.is_(True))).one_or_none())


def version(tx: Connection, bucket: Bucket, key: str, version_id: str) -> ObjectVersion | None:
    """One version by its id."""
    return _of(tx.execute(_one(bucket, key).where(objects.c.version_id == version_id)).one_or_none())


def newest(tx: Connection, bucket: Bucket, key: str) -> ObjectVersion | None:
    """The version with the highest sequence, marked latest or not."""
    return _of(tx.execute(_one(bucket, key).order_by(objects.c.sequence.desc()).limit(1)).one_or_none())


def locate(
    tx: Connection, bucket: str, key: str, version_id: str | None = None, *, hold: bool = False
) -> tuple[Bucket, ObjectVersion | None] | None:
    """Bucket and object with one query; None when there is no such bucket.

    ``hold`` keeps the bucket from being deleted or reconfigured until the transaction ends.
    """
    named = {"in_bucket": bucket, "in_key": key}
    if version_id is not None:
        named["in_version"] = version_id
    row = tx.execute(_LOCATE[version_id is not None, hold], named).one_or_none()
    if row is None:
        return None
    values = tuple(row)
    found = Bucket(**dict(zip(_BUCKET_FIELDS, values, strict=False)))
    count = len(_BUCKET_FIELDS)
    return found, (None if values[count] is None else _of(values[count:]))


def segments(tx: Connection, bucket: Bucket, found: ObjectVersion) -> list[Segment]:
    """Where the object's bytes are, in order."""
    if found.blob is not None:
        return [Segment(blob=found.blob, size=found.size)]
    if found.size == 0 and found.part_count is None:
        return []
    s = object_segments.c
    rows = tx.execute(
        select(s.blob, s.start, s.size, s.part_number, s.checksum)
        .where(s.bucket == bucket.id, s.key == found.key, s.version_id == found.version_id)
        .order_by(s.position)
    )
    return [
        Segment(blob=r.blob, start=r.start, size=r.size, part_number=r.part_number, checksum=r.checksum)
        for r in rows
    ]


def is_empty(tx: Connection, bucket: Bucket) -> bool:
    """True when the bucket holds no version of anything."""
    return tx.execute(select(objects.c.key).where(objects.c.bucket == bucket.id).limit(1)).first() is None


# -- listing -----------------------------------------------------------------------------------------

_LISTED = [
    objects.c[name] for name in ("key", "size", "etag", "modified", "storage_class", "checksum", "version_id")
]


def page(tx: Connection, bucket: Bucket, start: str, end: str | None, limit: int) -> Sequence[Row[Any]]:
    """Visible objects with ``start`` <= key < ``end`` in key order.

    Rows of (key, size, etag, modified, storage_class, checksum, version_id).
    """
    o = objects.c
    query = select(*_LISTED).where(
        o.bucket == bucket.id, o.key >= start, o.latest.is_(True), o.delete_marker.is_(False)
    )
    if end is not None:
        query = query.where(o.key < end)
    return tx.execute(query.order_by(o.key).limit(limit)).all()


def version_page(
    tx: Connection, bucket: Bucket, start: str, before: int | None, end: str | None, limit: int
) -> list[ObjectVersion]:
    """Versions from key ``start`` on, newest first within a key.

    With ``before``, of the key ``start`` itself only versions of a lower sequence.
    """
    o = objects.c
    query = select(*_COLUMNS).where(o.bucket == bucket.id, o.key >= start)
    if before is not None:
        query = query.where((o.key > start) | (o.sequence < before))
    if end is not None:
        query = query.where(o.key < end)
    rows = tx.execute(query.order_by(o.key, o.sequence.desc()).limit(limit))
    return [ObjectVersion(**dict(zip(_FIELDS, row, strict=True))) for row in rows]


# -- changing ----------------------------------------------------------------------------------------


def add(tx: Connection, bucket: Bucket, new: ObjectVersion, parts: Sequence[Segment] = ()) -> None:
    """Insert a version. Raises Duplicate when its id, or another latest version, is there already."""
    tx.execute(_ADD, {"bucket": bucket.id, **{name: getattr(new, name) for name in _FIELDS}})
    if parts:
        tx.execute(
            _ADD_SEGMENTS,
            [
                {
                    "bucket": bucket.id,
                    "key": new.key,
                    "version_id": new.version_id,
                    "position": position,
                    "blob": part.blob,
                    "start": part.start,
                    "size": part.size,
                    "part_number": part.part_number,
                    "checksum": part.checksum,
                }
                for position, part in enumerate(parts)
            ],
        )


def demote(tx: Connection, bucket: Bucket, old: ObjectVersion) -> None:
    """``old`` is no longer the latest version. Raises Stale when it has changed."""
    _once(tx.execute(_DEMOTE, _exactly(bucket, old)))


def promote(tx: Connection, bucket: Bucket, key: str) -> None:
    """Make the newest version that is left the latest."""
    found = newest(tx, bucket, key)
    if found is not None:
        _once(tx.execute(_PROMOTE, _exactly(bucket, found)))


def change(tx: Connection, bucket: Bucket, found: ObjectVersion, **values: Any) -> None:
    """Set columns of one version. Raises Stale when it was replaced."""
    _once(tx.execute(update(objects).where(*_EXACTLY).values(**values), _exactly(bucket, found)))


def remove(tx: Connection, bucket: Bucket, found: ObjectVersion, now: datetime) -> None:
    """Delete one version; its blobs become garbage unless something else refers to them.

    Raises Stale when it was replaced.
    """
    dropped = [found.blob] if found.blob is not None else []
    if found.part_count is not None or (found.size and found.blob is None):
        dropped = [s.blob for s in segments(tx, bucket, found) if s.blob]
        s = object_segments.c
        tx.execute(
            delete(object_segments).where(
                s.bucket == bucket.id, s.key == found.key, s.version_id == found.version_id
            )
        )
    _once(tx.execute(_REMOVE, _exactly(bucket, found)))
    discard(tx, dropped, now)


# -- garbage -----------------------------------------------------------------------------------------


def discard(tx: Connection, blobs: Iterable[str], now: datetime) -> None:
    """Say that somebody stopped needing these blobs."""
    rows = [{"blob": blob, "since": now} for blob in dict.fromkeys(blobs)]
    if rows:
        tx.execute(_DISCARD, rows)


def discarded(tx: Connection, before: datetime, limit: int) -> list[str]:
    """Blobs discarded before an instant, oldest first."""
    g = blob_garbage.c
    return list(tx.execute(select(g.blob).where(g.since < before).order_by(g.id).limit(limit)).scalars())


def forget(tx: Connection, blobs: Sequence[str]) -> None:
    """Take blobs off the garbage list: their files are gone, or they are needed."""
    if blobs:
        tx.execute(delete(blob_garbage).where(blob_garbage.c.blob.in_(blobs)))


def listed_garbage(tx: Connection, blobs: Sequence[str]) -> set[str]:
    """Those of the blobs that are on the garbage list."""
    return set(tx.execute(select(blob_garbage.c.blob).where(blob_garbage.c.blob.in_(blobs))).scalars())


def referenced(tx: Connection, blobs: Sequence[str]) -> set[str]:
    """Those of the blobs that an object or an upload's part still needs."""
    from mastic.store.uploads import upload_parts

    found: set[str] = set()
    for column in (objects.c.blob, object_segments.c.blob, upload_parts.c.blob):
        found.update(tx.execute(select(column).where(column.in_(blobs))).scalars())
    return found


def holds_blobs(tx: Connection) -> bool:
    """True when any object of this store has bytes in blobs."""
    found = (objects.c.blob, object_segments.c.blob)
    return any(tx.execute(select(c).where(c.is_not(None)).limit(1)).first() is not None for c in found)


def everything(tx: Connection, bucket: Bucket, after: tuple[str, str], limit: int) -> list[ObjectVersion]:
    """All versions of a bucket in primary key order, for whoever walks through everything."""
    o = objects.c
    rows = tx.execute(
        select(*_COLUMNS)
        .where(o.bucket == bucket.id, tuple_(o.key, o.version_id) > after)
        .order_by(o.key, o.version_id)
        .limit(limit)
    )
    return [ObjectVersion(**dict(zip(_FIELDS, row, strict=True))) for row in rows]
