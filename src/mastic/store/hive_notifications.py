"""What has changed in catalogs, in order, for clients that ask what is new. Owns ``hive_notifications``.

The reactor alone adds to it, one delivery after the other, so that ids become visible in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Table, Text, delete, func, insert, select

from mastic.store.schema import Identity, Json, Timestamp, metadata

notifications = Table(
    "hive_notifications",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("scope", Text, nullable=False),
    Column("moment", Timestamp, nullable=False),
    Column("kind", Text, nullable=False),
    Column("database", Text, nullable=False),
    Column("table", Text),
    Column("message", Json, nullable=False),
    Index("ix_hive_notifications_scope", "scope", "id"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Something that changed; ``table`` is None when it was the database itself."""

    kind: str
    database: str
    table: str | None
    message: dict[str, Any]


def add(tx: Connection, scope: str, moment: datetime, changes: Sequence[Change]) -> None:
    """Remember changes, the latest last."""
    for one in changes:
        tx.execute(
            insert(notifications).values(
                scope=scope,
                moment=moment,
                kind=one.kind,
                database=one.database,
                table=one.table,
                message=one.message,
            )
        )


def last(tx: Connection, scope: str) -> int:
    """The id of the latest change; 0 when there was none yet."""
    newest = select(func.max(notifications.c.id)).where(notifications.c.scope == scope)
    return int(tx.execute(newest).scalar() or 0)


def after(tx: Connection, scope: str, number: int, count: int) -> list[Any]:
    """Up to ``count`` rows later than an id, in order."""
    wanted = (
        select(notifications)
        .where(notifications.c.scope == scope, notifications.c.id > number)
        .order_by(notifications.c.id)
        .limit(count)
    )
    return list(tx.execute(wanted))


def count_after(tx: Connection, scope: str, number: int, database: str | None) -> int:
    """How many are later than an id, of one database or of all."""
    wanted = select(func.count()).where(notifications.c.scope == scope, notifications.c.id > number)
    if database is not None:
        wanted = wanted.where(notifications.c.database == database)
    return int(tx.execute(wanted).scalar_one())


def forget(tx: Connection, before: datetime) -> None:
    """Forget what is older than a moment, except the latest of each scope: its id must stay known."""
    latest = select(func.max(notifications.c.id)).group_by(notifications.c.scope)
    tx.execute(
        delete(notifications).where(notifications.c.moment < before, notifications.c.id.not_in(latest))
    )
