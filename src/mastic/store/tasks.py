"""Durable work to be done outside a transaction, leased to one worker at a time.

Owns the table ``tasks``. A task is unique by queue and key; a lease carries an attempt number and an expiry,
and a worker that lost its lease can neither finish nor extend the task.
"""

from __future__ import annotations

from collections.abc import Collection
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
    UniqueConstraint,
    delete,
    func,
    select,
    update,
)

from mastic.store.engine import insert, signal
from mastic.store.schema import Json, Timestamp, metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("queue", String(64), nullable=False),
    Column("key", String(512), nullable=False),
    Column("payload", Json, nullable=False),
    Column("not_before", Timestamp, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("holder", String(64)),
    Column("expires", Timestamp),
    UniqueConstraint("queue", "key"),
    sqlite_autoincrement=True,
)
Index("ix_tasks_due", tasks.c.queue, tasks.c.not_before, tasks.c.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A leased task. ``attempt`` counts from 1."""

    id: int
    queue: str
    key: str
    payload: dict[str, Any]
    attempt: int


class RetryAt(Exception):
    """Raised by a worker's handler: do this task again at ``when``, optionally with another payload."""

    def __init__(self, when: datetime, *, payload: dict[str, Any] | None = None) -> None:
        super().__init__(when.isoformat())
        self.when = when
        self.payload = payload


def put(tx: Connection, queue: str, key: str, payload: dict[str, Any], *, not_before: datetime) -> bool:
    """Queue a task; false, and nothing changes, when one of this key is there already."""
    added = tx.execute(
        insert(tx, tasks)
        .values(queue=queue, key=key, payload=payload, not_before=not_before)
        .on_conflict_do_nothing(index_elements=["queue", "key"])
        .returning(tasks.c.id)  # a generated key makes PostgreSQL's row count unknown
    ).first()
    signal(tx, f"tasks:{queue}")
    return added is not None


def lease(
    tx: Connection,
    queue: str,
    holder: str,
    now: datetime,
    expires: datetime,
    limit: int,
    *,
    besides: Collection[int] = (),
) -> list[Task]:
    """Take up to ``limit`` tasks that are due and not under a living lease, none of ``besides``."""
    free = (
        select(tasks.c.id)
        .where(
            tasks.c.queue == queue,
            tasks.c.not_before <= now,
            (tasks.c.expires.is_(None)) | (tasks.c.expires <= now),
            tasks.c.id.not_in(list(besides)),
        )
        .order_by(tasks.c.not_before, tasks.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = tx.execute(
        update(tasks)
        .where(tasks.c.id.in_(free.scalar_subquery() if limit == 1 else free))
        .values(holder=holder, expires=expires, attempt=tasks.c.attempt + 1)
        .returning(tasks)
    ).all()
    return [
        Task(id=r.id, queue=r.queue, key=r.key, payload=r.payload, attempt=r.attempt)
        for r in sorted(rows, key=lambda r: (r.not_before, r.id))
    ]


def extend(tx: Connection, task: Task, holder: str, expires: datetime) -> bool:
    """Keep a lease alive; false when it is no longer ours."""
    return tx.execute(_mine(update(tasks), task, holder).values(expires=expires)).rowcount == 1


def finish(tx: Connection, task: Task, holder: str) -> bool:
    """The task is done; false when the lease is no longer ours."""
    return tx.execute(_mine(delete(tasks), task, holder)).rowcount == 1


def retry(
    tx: Connection, task: Task, holder: str, when: datetime, payload: dict[str, Any] | None = None
) -> bool:
    """Give the task back, to be done at ``when``; false when the lease is no longer ours."""
    values: dict[str, Any] = {"holder": None, "expires": None, "not_before": when}
    if payload is not None:
        values["payload"] = payload
    return tx.execute(_mine(update(tasks), task, holder).values(**values)).rowcount == 1


def cancel(tx: Connection, queue: str, key: str) -> bool:
    """Remove a task whether or not somebody works on it."""
    return tx.execute(delete(tasks).where(tasks.c.queue == queue, tasks.c.key == key)).rowcount == 1


def next_due(tx: Connection, queue: str, now: datetime, *, besides: Collection[int] = ()) -> datetime | None:
    """When the queue's next task can be leased: it becomes due, or the lease that somebody has on it ends."""
    free: datetime | None = tx.execute(
        select(func.min(tasks.c.not_before, type_=Timestamp())).where(
            tasks.c.queue == queue, tasks.c.holder.is_(None)
        )
    ).scalar()
    if free is not None and free <= now:
        return free
    held: datetime | None = tx.execute(
        select(func.min(tasks.c.expires, type_=Timestamp())).where(
            tasks.c.queue == queue, tasks.c.holder.is_not(None), tasks.c.id.not_in(list(besides))
        )
    ).scalar()
    return min((moment for moment in (free, held) if moment is not None), default=None)


def release_host(tx: Connection, host: str) -> None:
    """Free the leases of every earlier server of this host, which knows that they are gone."""
    theirs = tasks.c.holder.startswith(f"{host}:", autoescape=True)
    tx.execute(update(tasks).where(theirs).values(holder=None, expires=None))


def release_all(tx: Connection) -> None:
    """Free every lease. Only for a server that knows that it is alone, as on an embedded store."""
    tx.execute(update(tasks).where(tasks.c.holder.is_not(None)).values(holder=None, expires=None))


def _mine(statement: Any, task: Task, holder: str) -> Any:
    return statement.where(tasks.c.id == task.id, tasks.c.holder == holder, tasks.c.attempt == task.attempt)
