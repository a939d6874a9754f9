"""Locks that clients of the Hive Metastore hold or wait for. Owns ``hive_locks`` and ``hive_lock_turns``.

Whether a lock is free is decided by one transaction at a time in each scope: all of them first write the scope's row of
``hive_lock_turns``, and so wait for each other on every database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Table, Text, delete, select, update
from sqlalchemy import insert as generic_insert

from mastic.store.engine import insert
from mastic.store.schema import Identity, Json, Timestamp, metadata

locks = Table(
    "hive_locks",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("scope", Text, nullable=False),
    Column("components", Json, nullable=False),
    Column("owner", Json, nullable=False),
    Column("acquired", Timestamp),
    Column("expires", Timestamp, nullable=False),
    Index("ix_hive_locks_scope", "scope", "id"),
    sqlite_autoincrement=True,
)

turns = Table(
    "hive_lock_turns",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("turn", BigInteger, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A lock; ``acquired`` is None while it is waited for."""

    id: int
    components: Sequence[dict[str, Any]]
    owner: dict[str, Any]
    acquired: datetime | None
    expires: datetime


def take_turn(tx: Connection, scope: str, now: datetime) -> None:
    """Be the only transaction that decides about locks in this scope, and forget locks whose clients are gone."""
    statement = insert(tx, turns).values(scope=scope, turn=1)
    tx.execute(statement.on_conflict_do_update(index_elements=["scope"], set_={"turn": turns.c.turn + 1}))
    tx.execute(delete(locks).where(locks.c.scope == scope, locks.c.expires <= now))


def add(
    tx: Connection,
    *,
    scope: str,
    components: Sequence[dict[str, Any]],
    owner: dict[str, Any],
    now: datetime,
    expires: datetime,
) -> Lock:
    """Put a lock last in line."""
    result = tx.execute(
        generic_insert(locks).values(
            scope=scope, components=list(components), owner=owner, acquired=None, expires=expires
        )
    )
    assert result.inserted_primary_key is not None
    number = int(result.inserted_primary_key[0])
    return Lock(id=number, components=components, owner=owner, acquired=None, expires=expires)


def living(tx: Connection, scope: str, now: datetime, *, before: int | None = None) -> list[Lock]:
    """Locks in the order in which they were asked for, all or those before one."""
    wanted = select(locks).where(locks.c.scope == scope, locks.c.expires > now).order_by(locks.c.id)
    if before is not None:
        wanted = wanted.where(locks.c.id < before)
    return [_lock(row) for row in tx.execute(wanted)]


def acquire(tx: Connection, number: int, now: datetime) -> None:
    """The lock is held from now on."""
    tx.execute(update(locks).where(locks.c.id == number).values(acquired=now))


def extend(tx: Connection, scope: str, number: int, now: datetime, expires: datetime) -> Lock | None:
    """Let a lock that lives last longer; None when there is none."""
    row = tx.execute(
        update(locks)
        .where(locks.c.id == number, locks.c.scope == scope, locks.c.expires > now)
        .values(expires=expires)
        .returning(locks)
    ).first()
    return None if row is None else _lock(row)


def remove(tx: Connection, scope: str, number: int) -> bool:
    """Whether there was such a lock."""
    return tx.execute(delete(locks).where(locks.c.id == number, locks.c.scope == scope)).rowcount == 1


def _lock(row: Any) -> Lock:
    return Lock(
        id=row.id,
        components=row.components,
        owner=row.owner,
        acquired=row.acquired,
        expires=row.expires,
    )
