"""Athena's facts: work groups, query executions, saved queries. Owns the tables ``athena_…``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, String, Table, delete, insert, select, update

from mastic.store.engine import guarded
from mastic.store.schema import Json, Timestamp, metadata

workgroups = Table(
    "athena_workgroups",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("body", Json, nullable=False),
    Column("created", Timestamp, nullable=False),
)

queries = Table(
    "athena_queries",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("scope", String(64), nullable=False),
    Column("workgroup", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("submitted", Timestamp, nullable=False),
    Column("completed", Timestamp),
    Column("token", String(128), nullable=False),
    Column("request", Json, nullable=False),
    Column("outcome", Json, nullable=False),
)
Index("uq_athena_queries_token", queries.c.scope, queries.c.token, unique=True)
Index("ix_athena_queries_listing", queries.c.scope, queries.c.workgroup, queries.c.submitted, queries.c.id)

saved = Table(
    "athena_saved",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("workgroup", String(128), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("body", Json, nullable=False),
    Column("modified", Timestamp, nullable=False),
)


# -- work groups -----------------------------------------------------------------------------------


def add_workgroup(tx: Connection, scope: str, name: str, body: dict[str, Any], created: datetime) -> None:
    """Raises Duplicate (on leaving the transaction) for a taken name."""
    tx.execute(insert(workgroups).values(scope=scope, name=name, body=body, created=created))


def workgroup(tx: Connection, scope: str, name: str) -> Any:
    """The row, or None."""
    return tx.execute(
        select(workgroups).where(workgroups.c.scope == scope, workgroups.c.name == name)
    ).one_or_none()


def list_workgroups(tx: Connection, scope: str, after: str, limit: int) -> Sequence[Any]:
    """Rows by name, beginning behind ``after``."""
    return tx.execute(
        select(workgroups)
        .where(workgroups.c.scope == scope, workgroups.c.name > after)
        .order_by(workgroups.c.name)
        .limit(limit)
    ).all()


def put_workgroup(tx: Connection, scope: str, name: str, body: dict[str, Any]) -> None:
    """Replace the body. Raises Stale when there is none."""
    guarded(
        tx,
        update(workgroups).where(workgroups.c.scope == scope, workgroups.c.name == name).values(body=body),
    )


def delete_workgroup(tx: Connection, scope: str, name: str) -> None:
    """Remove a work group with all it holds."""
    for table in (saved, queries):
        tx.execute(delete(table).where(table.c.scope == scope, table.c.workgroup == name))
    tx.execute(delete(workgroups).where(workgroups.c.scope == scope, workgroups.c.name == name))


def is_empty(tx: Connection, scope: str, name: str) -> bool:
    """True when the work group holds neither executions nor saved queries."""
    return not any(
        tx.execute(
            select(table.c.scope).where(table.c.scope == scope, table.c.workgroup == name).limit(1)
        ).first()
        for table in (saved, queries)
    )


# -- query executions ------------------------------------------------------------------------------


def add_query(tx: Connection, **values: Any) -> None:
    """Insert a row of ``queries``."""
    tx.execute(insert(queries).values(**values))


def query(tx: Connection, scope: str, id: str) -> Any:
    """The row, or None."""
    return tx.execute(select(queries).where(queries.c.scope == scope, queries.c.id == id)).one_or_none()


def query_of_token(tx: Connection, scope: str, token: str) -> Any:
    """The row that a client request token made, or None."""
    return tx.execute(select(queries).where(queries.c.scope == scope, queries.c.token == token)).one_or_none()


def list_queries(
    tx: Connection, scope: str, workgroup: str, before: tuple[datetime, str] | None, limit: int
) -> Sequence[Any]:
    """Ids and submission times, newest first, beginning behind ``before``."""
    statement = select(queries.c.id, queries.c.submitted).where(
        queries.c.scope == scope, queries.c.workgroup == workgroup
    )
    if before is not None:
        when, id = before
        statement = statement.where(
            (queries.c.submitted < when) | ((queries.c.submitted == when) & (queries.c.id < id))
        )
    return tx.execute(statement.order_by(queries.c.submitted.desc(), queries.c.id.desc()).limit(limit)).all()


def move_query(
    tx: Connection,
    id: str,
    expected: Sequence[str],
    state: str,
    outcome: dict[str, Any],
    completed: datetime | None,
) -> None:
    """A guarded change of state. Raises Stale when the query is in none of the expected states."""
    guarded(
        tx,
        update(queries)
        .where(queries.c.id == id, queries.c.state.in_(expected))
        .values(state=state, outcome=outcome, completed=completed),
    )


def note_effect(tx: Connection, id: str) -> None:
    """Note that a running query has done what it was to do. Raises Stale when it runs no more."""
    guarded(
        tx,
        update(queries)
        .where(queries.c.id == id, queries.c.state == "RUNNING")
        .values(outcome={"Effected": True}),
    )


def reusable(tx: Connection, scope: str, workgroup: str, since: datetime, limit: int = 200) -> Sequence[Any]:
    """Succeeded executions since an instant, newest first."""
    return tx.execute(
        select(queries)
        .where(
            queries.c.scope == scope,
            queries.c.workgroup == workgroup,
            queries.c.state == "SUCCEEDED",
            queries.c.submitted >= since,
        )
        .order_by(queries.c.submitted.desc())
        .limit(limit)
    ).all()


# -- saved queries and prepared statements ---------------------------------------------------------


def put_saved(
    tx: Connection, scope: str, kind: str, workgroup: str, name: str, body: dict[str, Any], modified: datetime
) -> None:
    """Insert; raises Duplicate (on leaving the transaction) for a taken name."""
    tx.execute(
        insert(saved).values(
            scope=scope, kind=kind, workgroup=workgroup, name=name, body=body, modified=modified
        )
    )


def replace_saved(
    tx: Connection, scope: str, kind: str, workgroup: str, name: str, body: dict[str, Any], modified: datetime
) -> None:
    """Replace; raises Stale when there is none."""
    guarded(
        tx,
        update(saved).where(*_saved_key(scope, kind, workgroup, name)).values(body=body, modified=modified),
    )


def get_saved(tx: Connection, scope: str, kind: str, workgroup: str, name: str) -> Any:
    """The row, or None."""
    return tx.execute(select(saved).where(*_saved_key(scope, kind, workgroup, name))).one_or_none()


def find_saved(tx: Connection, scope: str, kind: str, name: str) -> Any:
    """The row of that name in any work group, or None."""
    return tx.execute(
        select(saved).where(saved.c.scope == scope, saved.c.kind == kind, saved.c.name == name)
    ).first()


def list_saved(
    tx: Connection, scope: str, kind: str, workgroup: str, after: str, limit: int
) -> Sequence[Any]:
    """Rows by name, beginning behind ``after``."""
    return tx.execute(
        select(saved)
        .where(
            saved.c.scope == scope, saved.c.kind == kind, saved.c.workgroup == workgroup, saved.c.name > after
        )
        .order_by(saved.c.name)
        .limit(limit)
    ).all()


def delete_saved(tx: Connection, scope: str, kind: str, workgroup: str, name: str) -> bool:
    """True when there was one."""
    return tx.execute(delete(saved).where(*_saved_key(scope, kind, workgroup, name))).rowcount == 1


def _saved_key(scope: str, kind: str, workgroup: str, name: str) -> tuple[Any, ...]:
    return (
        saved.c.scope == scope,
        saved.c.kind == kind,
        saved.c.workgroup == workgroup,
        saved.c.name == name,
    )
