"""Kinesis streams, their shards and their records. Owns ``kinesis_streams``, ``kinesis_shards``, ``kinesis_records``.

A stream's row counts its sequence numbers. Whoever writes takes that row first, so records become visible in the order
of their numbers on every database, and a reader that has seen one has seen all before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from mastic.store.schema import Identity, Json, Sortable, metadata

streams = Table(
    "kinesis_streams",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("scope", String(64), nullable=False),
    Column("name", Sortable, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("retention", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("shards", Integer, nullable=False),
    Column("body", Json, nullable=False),
    UniqueConstraint("scope", "name"),
    sqlite_autoincrement=True,
)
shards = Table(
    "kinesis_shards",
    metadata,
    Column("stream", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("parent", Integer),
    Column("adjacent", Integer),
    # Whole numbers of up to 39 digits.
    Column("first_hash", String(39), nullable=False),
    Column("last_hash", String(39), nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed", BigInteger),
    Column("closed_at", BigInteger),
)
records = Table(
    "kinesis_records",
    metadata,
    Column("stream", BigInteger, primary_key=True, autoincrement=False),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("arrived", BigInteger, nullable=False),
    Column("partition_key", String(1024), nullable=False),
    Column("data", LargeBinary, nullable=False),
)
Index("ix_kinesis_records_arrived", records.c.stream, records.c.arrived)


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream; ``sequence`` is the last number given, ``shards`` the number of shards it has ever had."""

    id: int
    scope: str
    name: str
    created: int
    retention: int
    sequence: int
    shards: int
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard; ``closed`` is its last sequence number when it takes no more records."""

    stream: int
    number: int
    parent: int | None
    adjacent: int | None
    first_hash: int
    last_hash: int
    opened: int
    opened_at: int
    closed: int | None
    closed_at: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A record; ``arrived`` is milliseconds since the epoch."""

    shard: int
    sequence: int
    arrived: int
    partition_key: str
    data: bytes


def create(
    tx: Connection, *, scope: str, name: str, created: int, retention: int, body: dict[str, Any]
) -> int:
    """A stream without shards. Raises Duplicate."""
    made = tx.execute(
        insert(streams).values(
            scope=scope, name=name, created=created, retention=retention, sequence=0, shards=0, body=body
        )
    )
    return int(made.inserted_primary_key[0])  # type: ignore[index]


def find(tx: Connection, scope: str, name: str, *, lock: bool = False) -> Stream | None:
    """A stream by name; with ``lock`` nobody else writes to it until this transaction ends."""
    query = select(streams).where(streams.c.scope == scope, streams.c.name == name)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else Stream(**row._mapping)


def by_id(tx: Connection, identity: int) -> Stream | None:
    """A stream by its key."""
    row = tx.execute(select(streams).where(streams.c.id == identity)).one_or_none()
    return None if row is None else Stream(**row._mapping)


def listed(tx: Connection, scope: str, after: str, limit: int) -> list[Stream]:
    """Streams in the order of their names."""
    query = select(streams).where(streams.c.scope == scope, streams.c.name > after)
    return [Stream(**row._mapping) for row in tx.execute(query.order_by(streams.c.name).limit(limit))]


def every(tx: Connection) -> list[Stream]:
    """All streams of all scopes."""
    return [Stream(**row._mapping) for row in tx.execute(select(streams))]


def change(tx: Connection, stream: int, **values: Any) -> None:
    """Set columns of a stream."""
    tx.execute(update(streams).where(streams.c.id == stream).values(**values))


def remove(tx: Connection, stream: int) -> None:
    """A stream with all that is in it."""
    for table in (records, shards):
        tx.execute(delete(table).where(table.c.stream == stream))
    tx.execute(delete(streams).where(streams.c.id == stream))


def add_shards(tx: Connection, made: Sequence[Shard]) -> None:
    """New shards."""
    rows = [{**vars(one), "first_hash": str(one.first_hash), "last_hash": str(one.last_hash)} for one in made]
    tx.execute(insert(shards), rows)


def close_shards(tx: Connection, stream: int, numbers: Sequence[int], sequence: int, at: int) -> None:
    """These take no more records."""
    which = (shards.c.stream == stream, shards.c.number.in_(numbers))
    tx.execute(update(shards).where(*which).values(closed=sequence, closed_at=at))


def shards_of(tx: Connection, stream: int) -> list[Shard]:
    """All shards that are kept, closed ones too, oldest first."""
    rows = tx.execute(select(shards).where(shards.c.stream == stream).order_by(shards.c.number))
    return [_shard(row._mapping) for row in rows]


def _shard(row: Any) -> Shard:
    return Shard(**{**row, "first_hash": int(row["first_hash"]), "last_hash": int(row["last_hash"])})


def add_records(tx: Connection, stream: int, made: Sequence[Record]) -> None:
    """New records."""
    tx.execute(
        insert(records),
        [
            {
                "stream": stream,
                "shard": one.shard,
                "sequence": one.sequence,
                "arrived": one.arrived,
                "partition_key": one.partition_key,
                "data": one.data,
            }
            for one in made
        ],
    )


def read(tx: Connection, stream: int, shard: int, *, after: int, since: int, limit: int) -> list[Record]:
    """Records of a shard after a sequence number that arrived since a time."""
    rows = tx.execute(
        select(
            records.c.shard,
            records.c.sequence,
            records.c.arrived,
            records.c.partition_key,
            records.c.data,
        )
        .where(
            records.c.stream == stream,
            records.c.shard == shard,
            records.c.sequence > after,
            records.c.arrived >= since,
        )
        .order_by(records.c.sequence)
        .limit(limit)
    )
    return [Record(**row._mapping) for row in rows]


def last_before(tx: Connection, stream: int, shard: int, moment: int) -> int:
    """The highest sequence number of a shard that arrived before a time; 0 when there is none."""
    found = tx.execute(
        select(func.max(records.c.sequence)).where(
            records.c.stream == stream, records.c.shard == shard, records.c.arrived < moment
        )
    ).scalar()
    return int(found or 0)


def expire(tx: Connection, stream: int, before: int) -> None:
    """Forget what arrived before a time, and shards that were closed before it."""
    tx.execute(delete(records).where(records.c.stream == stream, records.c.arrived < before))
    tx.execute(delete(shards).where(shards.c.stream == stream, shards.c.closed_at < before))
