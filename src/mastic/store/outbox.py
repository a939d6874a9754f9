"""What happens next: events written in the transaction of the change that caused them.

Owns the table ``outbox``. The reactor takes an event out in the same transaction in which its receivers do
their work, so that their effects on the store happen exactly once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    bindparam,
    delete,
    insert,
    select,
    update,
)

from mastic.store.engine import signal
from mastic.store.prepared import Prepared
from mastic.store.schema import Json, Timestamp, metadata

SIGNAL = "outbox"

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("topic", String(64), nullable=False),
    Column("key", String(512)),
    Column("payload", Json, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("not_before", Timestamp),
    sqlite_autoincrement=True,
)
Index("ix_outbox_not_before", outbox.c.not_before, outbox.c.id)


# Built once: these run for every change there is.
_PUT = Prepared(insert(outbox), names=("topic", "key", "payload", "attempt"))
_DUE = (
    select(outbox)
    .where((outbox.c.not_before.is_(None)) | (outbox.c.not_before <= bindparam("now", type_=Timestamp)))
    .order_by(outbox.c.id)
    .limit(bindparam("count"))
)
_TAKE = delete(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True))).returning(outbox.c.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An event on its way: ``id`` is unique for ever and serves as an idempotency key."""

    id: int
    topic: str
    key: str | None
    payload: dict[str, Any]
    attempt: int


def put(tx: Connection, topic: str, payload: dict[str, Any], *, key: str | None = None) -> None:
    """Record that something happened; delivered at least once after ``tx`` has been committed."""
    _PUT.insert(tx, {"topic": topic, "key": key, "payload": payload, "attempt": 0})
    signal(tx, SIGNAL)


def due(tx: Connection, now: datetime, limit: int) -> list[Event]:
    """The oldest events that may be delivered now."""
    rows = tx.execute(_DUE, {"now": now, "count": limit})
    return [Event(id=r.id, topic=r.topic, key=r.key, payload=r.payload, attempt=r.attempt) for r in rows]


def take(tx: Connection, events: Sequence[Event]) -> list[Event]:
    """Remove the events; returns those that no other server has taken, in their order."""
    taken = set(tx.execute(_TAKE, {"ids": [event.id for event in events]}).scalars())
    return [event for event in events if event.id in taken]


def postpone(tx: Connection, event: Event, until: datetime) -> None:
    """Keep an event whose receiver failed for a later attempt."""
    tx.execute(
        update(outbox).where(outbox.c.id == event.id).values(attempt=event.attempt + 1, not_before=until)
    )
