"""Runs of work on catalog tables: statistics, refreshes of materialized views, table optimizers.

Owns the table ``catalog_runs``. ``active`` is 1 while a run has not ended and NULL afterwards, so that the unique
key lets a table have one run of a kind at a time and any number of ended ones.
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
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from mastic.store.engine import guarded
from mastic.store.schema import Json, Sortable, Timestamp, metadata

ENDED = ("SUCCEEDED", "FAILED", "STOPPED")

runs = Table(
    "catalog_runs",
    metadata,
    Column("id", Sortable, primary_key=True),
    Column("scope", Sortable, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("table_id", BigInteger, nullable=False),
    Column("active", Integer),
    Column("state", String(16), nullable=False),
    Column("stopping", Integer, nullable=False, default=0),
    Column("body", Json, nullable=False),
    Column("outcome", Json, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("updated", Timestamp, nullable=False),
    Column("started", Timestamp),
    Column("ended", Timestamp),
    UniqueConstraint("table_id", "kind", "active"),
)
Index("ix_catalog_runs_scope", runs.c.scope, runs.c.kind, runs.c.created, runs.c.id)
Index("ix_catalog_runs_table", runs.c.table_id, runs.c.kind, runs.c.created, runs.c.id)
Index("ix_catalog_runs_ended", runs.c.ended)

# A place in a list, newest first: when the run was created, and its id.
Before = tuple[datetime, str] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run. ``body`` is what was asked for, ``outcome`` what came of it."""

    id: str
    scope: str
    kind: str
    table_id: int
    active: int | None
    state: str
    stopping: int
    body: dict[str, Any]
    outcome: dict[str, Any]
    created: datetime
    updated: datetime
    started: datetime | None
    ended: datetime | None


def add(
    tx: Connection,
    *,
    id: str,
    scope: str,
    kind: str,
    table_id: int,
    state: str,
    body: dict[str, Any],
    now: datetime,
    started: datetime | None = None,
) -> None:
    """Store a new run; Duplicate is raised at the end when the table has one under way."""
    tx.execute(
        insert(runs),
        {
            "id": id,
            "scope": scope,
            "kind": kind,
            "table_id": table_id,
            "active": 1,
            "state": state,
            "stopping": 0,
            "body": body,
            "outcome": {},
            "created": now,
            "updated": now,
            "started": started,
            "ended": None,
        },
    )


def find(tx: Connection, scope: str, kind: str, id: str) -> Run | None:
    """The run, or None."""
    return _first(tx, runs.c.id == id, runs.c.scope == scope, runs.c.kind == kind)


def under_way(tx: Connection, table_id: int, kind: str) -> Run | None:
    """The table's run that has not ended, or None."""
    return _first(tx, runs.c.table_id == table_id, runs.c.kind == kind, runs.c.active == 1)


def move(
    tx: Connection,
    id: str,
    expected: Sequence[str],
    state: str,
    *,
    now: datetime,
    outcome: dict[str, Any] | None = None,
) -> None:
    """A guarded change of state. Raises Stale when the run is in none of the expected ones."""
    values: dict[str, Any] = {"state": state, "updated": now}
    if state == "RUNNING":
        values["started"] = now
    if state in ENDED:
        values |= {"ended": now, "active": None}
    if outcome is not None:
        values["outcome"] = outcome
    guarded(tx, update(runs).where(runs.c.id == id, runs.c.state.in_(list(expected))).values(**values))


def ask_to_stop(tx: Connection, id: str, now: datetime) -> bool:
    """Note that the run is to end; false when that was noted before or it has ended."""
    noted = tx.execute(
        update(runs)
        .where(runs.c.id == id, runs.c.active == 1, runs.c.stopping == 0)
        .values(stopping=1, updated=now)
    )
    return noted.rowcount == 1


def of_table(tx: Connection, table_id: int, kind: str, before: Before, count: int) -> list[Run]:
    """Up to ``count`` runs of a table, newest first."""
    return _page(tx, before, count, runs.c.table_id == table_id, runs.c.kind == kind)


def of_scope(tx: Connection, scope: str, kind: str, before: Before, count: int) -> list[Run]:
    """Up to ``count`` runs of all tables, newest first."""
    return _page(tx, before, count, runs.c.scope == scope, runs.c.kind == kind)


def newest(tx: Connection, table_ids: Sequence[int], kind: str) -> dict[int, Run]:
    """The newest run of each table that has one."""
    found = ((table_id, of_table(tx, table_id, kind, None, 1)) for table_id in table_ids)
    return {table_id: some[0] for table_id, some in found if some}


def forget(tx: Connection, before: datetime, count: int) -> int:
    """Delete runs that ended before that moment; returns how many."""
    old = select(runs.c.id).where(runs.c.ended < before).limit(count)
    return tx.execute(delete(runs).where(runs.c.id.in_(old))).rowcount


def _first(tx: Connection, *conditions: Any) -> Run | None:
    row = tx.execute(select(runs).where(*conditions)).first()
    return None if row is None else Run(**row._mapping)


def _page(tx: Connection, before: Before, count: int, *conditions: Any) -> list[Run]:
    asked = select(runs).where(*conditions)
    if before is not None:
        when, id = before
        asked = asked.where((runs.c.created < when) | ((runs.c.created == when) & (runs.c.id < id)))
    rows = tx.execute(asked.order_by(runs.c.created.desc(), runs.c.id.desc()).limit(count))
    return [Run(**row._mapping) for row in rows]
