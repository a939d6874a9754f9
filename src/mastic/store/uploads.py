"""Multipart uploads under way, and the parts that have arrived.

Owns the tables ``uploads`` and ``upload_parts``. A completed upload stays for a while so that a client that
lost the answer can ask again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from mastic.store import engine as dialects
from mastic.store.buckets import Bucket
from mastic.store.schema import Identity, Json, Sortable, Timestamp, metadata

OPEN = "OPEN"
COMPLETED = "COMPLETED"

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("bucket", Identity, nullable=False),
    Column("key", Sortable, nullable=False),
    Column("initiated", Timestamp, nullable=False),
    Column("state", String(16), nullable=False),
    Column("finished", Timestamp),
    # What the object will say of itself, as CreateMultipartUpload gave it.
    Column("draft", Json, nullable=False),
    Column("algorithm", String(16)),
    Column("checksum_type", String(16)),
    Column("result", Json),
)
Index("ix_uploads_bucket_key", uploads.c.bucket, uploads.c.key, uploads.c.id)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("blob", String(40)),
    Column("start", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", String(40), nullable=False),
    Column("checksums", Json, nullable=False),
    Column("modified", Timestamp, nullable=False),
)
Index("ix_upload_parts_blob", upload_parts.c.blob)


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A multipart upload. ``algorithm`` is the checksum the creator asked for, or None."""

    id: str
    bucket: int
    key: str
    initiated: datetime
    state: str = OPEN
    finished: datetime | None = None
    draft: Mapping[str, Any] = field(default_factory=dict)
    algorithm: str | None = None
    checksum_type: str | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """An uploaded part; ``checksums`` are base64 texts by algorithm."""

    number: int
    blob: str | None
    start: int = 0
    size: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    modified: datetime


_UPLOAD = tuple(Upload.__slots__)
_PART = tuple(Part.__slots__)
_UPLOAD_COLUMNS = [uploads.c[name] for name in _UPLOAD]
_PART_COLUMNS = [upload_parts.c[name] for name in _PART]


def create(tx: Connection, new: Upload) -> None:
    """Begin an upload."""
    tx.execute(insert(uploads).values(**{name: getattr(new, name) for name in _UPLOAD}))


def find(tx: Connection, bucket: Bucket, key: str, upload_id: str, *, lock: bool = False) -> Upload | None:
    """The upload of that id, if it is for that key."""
    query = select(*_UPLOAD_COLUMNS).where(
        uploads.c.id == upload_id, uploads.c.bucket == bucket.id, uploads.c.key == key
    )
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else Upload(**dict(zip(_UPLOAD, row, strict=True)))


def page(
    tx: Connection, bucket: Bucket, start: str, after_id: str | None, end: str | None, limit: int
) -> list[Upload]:
    """Open uploads from key ``start`` on, by key and id; of ``start`` itself those after ``after_id``."""
    u = uploads.c
    query = select(*_UPLOAD_COLUMNS).where(u.bucket == bucket.id, u.key >= start, u.state == OPEN)
    if after_id is not None:
        query = query.where((u.key > start) | (u.id > after_id))
    if end is not None:
        query = query.where(u.key < end)
    rows = tx.execute(query.order_by(u.key, u.id).limit(limit))
    return [Upload(**dict(zip(_UPLOAD, row, strict=True))) for row in rows]


def complete(tx: Connection, upload: Upload, result: Mapping[str, Any], now: datetime) -> None:
    """Mark as completed and remember the answer. Raises Stale when it is not open any more."""
    dialects.guarded(
        tx,
        update(uploads)
        .where(uploads.c.id == upload.id, uploads.c.state == OPEN)
        .values(state=COMPLETED, finished=now, result=result),
    )
    tx.execute(delete(upload_parts).where(upload_parts.c.upload == upload.id))


def remove(tx: Connection, upload: Upload) -> list[str]:
    """Delete an upload and its parts; returns the blobs of the parts."""
    blobs = [part.blob for part in parts(tx, upload) if part.blob]
    tx.execute(delete(upload_parts).where(upload_parts.c.upload == upload.id))
    tx.execute(delete(uploads).where(uploads.c.id == upload.id))
    return blobs


def put_part(tx: Connection, upload: Upload, new: Part) -> str | None:
    """Store a part; returns the blob of the one it replaces."""
    p = upload_parts.c
    replaced: str | None = tx.execute(
        select(p.blob).where(p.upload == upload.id, p.number == new.number)
    ).scalar()
    values = {name: getattr(new, name) for name in _PART}
    changed = {name: value for name, value in values.items() if name != "number"}
    tx.execute(
        dialects.insert(tx, upload_parts)
        .values(upload=upload.id, **values)
        .on_conflict_do_update(index_elements=["upload", "number"], set_=changed)
    )
    return replaced


def parts(tx: Connection, upload: Upload, after: int = 0, limit: int | None = None) -> Sequence[Part]:
    """The upload's parts by number, from after ``after``."""
    p = upload_parts.c
    query = select(*_PART_COLUMNS).where(p.upload == upload.id, p.number > after).order_by(p.number)
    rows = tx.execute(query.limit(limit) if limit is not None else query)
    return [Part(**dict(zip(_PART, row, strict=True))) for row in rows]


def of_bucket(tx: Connection, bucket: Bucket) -> list[Upload]:
    """Every upload of a bucket, completed ones too."""
    rows = tx.execute(select(*_UPLOAD_COLUMNS).where(uploads.c.bucket == bucket.id))
    return [Upload(**dict(zip(_UPLOAD, row, strict=True))) for row in rows]


def finished_before(tx: Connection, before: datetime, limit: int) -> list[Upload]:
    """Completed uploads whose memory may be let go."""
    u = uploads.c
    rows = tx.execute(select(*_UPLOAD_COLUMNS).where(u.state == COMPLETED, u.finished < before).limit(limit))
    return [Upload(**dict(zip(_UPLOAD, row, strict=True))) for row in rows]
