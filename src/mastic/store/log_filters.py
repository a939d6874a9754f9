"""Metric filters and subscription filters of log groups. Owns the table ``log_filters``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Row, String, Table, delete, func, select, update

from mastic.store.engine import insert
from mastic.store.logs import Name
from mastic.store.schema import Json, metadata

METRIC = "metric"
SUBSCRIPTION = "subscription"

log_filters = Table(
    "log_filters",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", Name, primary_key=True),
    Column("scope", String(64), nullable=False, index=True),
    Column("group_name", Name, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("pattern", String(1024), nullable=False),
    Column("body", Json, nullable=False),
    Column("quiet_minute", BigInteger, nullable=False, default=0),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A filter; ``body`` is what the client said beyond name and pattern.

    ``quiet_minute`` is the last minute for which a metric filter's default value was published.
    """

    group_id: int
    group_name: str
    kind: str
    name: str
    created: int
    pattern: str
    body: dict[str, Any]
    quiet_minute: int


def put(
    tx: Connection,
    *,
    scope: str,
    group_id: int,
    group_name: str,
    kind: str,
    name: str,
    pattern: str,
    body: dict[str, Any],
    created: int,
) -> None:
    """Add or replace a filter; a replaced one keeps its creation time."""
    tx.execute(
        insert(tx, log_filters)
        .values(
            scope=scope,
            group_id=group_id,
            group_name=group_name,
            kind=kind,
            name=name,
            pattern=pattern,
            body=body,
            created=created,
            quiet_minute=0,
        )
        .on_conflict_do_update(
            index_elements=["group_id", "kind", "name"], set_={"pattern": pattern, "body": body}
        )
    )


def of_group(tx: Connection, group_id: int, kind: str | None = None) -> list[Filter]:
    """The group's filters, by name."""
    query = select(log_filters).where(log_filters.c.group_id == group_id)
    if kind:
        query = query.where(log_filters.c.kind == kind)
    return [_filter(row) for row in tx.execute(query.order_by(log_filters.c.name))]


def page(
    tx: Connection,
    scope: str,
    kind: str,
    *,
    group_id: int | None = None,
    prefix: str = "",
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[Filter]:
    """Filters of an account in a region, by name and group."""
    c = log_filters.c
    query = select(log_filters).where(c.scope == scope, c.kind == kind)
    if group_id is not None:
        query = query.where(c.group_id == group_id)
    if prefix:
        query = query.where(func.substr(c.name, 1, len(prefix)) == prefix)
    if after is not None:
        query = query.where((c.name > after[0]) | ((c.name == after[0]) & (c.group_name > after[1])))
    return [_filter(row) for row in tx.execute(query.order_by(c.name, c.group_name).limit(limit))]


def count(tx: Connection, group_id: int, kind: str) -> int:
    """How many filters of a kind the group has."""
    return int(
        tx.execute(
            select(func.count()).where(log_filters.c.group_id == group_id, log_filters.c.kind == kind)
        ).scalar_one()
    )


def mark_quiet(tx: Connection, watching: Filter, minute: int) -> None:
    """Note the minute for which the filter's default value was published."""
    c = log_filters.c
    tx.execute(
        update(log_filters)
        .where(c.group_id == watching.group_id, c.kind == watching.kind, c.name == watching.name)
        .values(quiet_minute=minute)
    )


def remove(tx: Connection, group_id: int, kind: str, name: str) -> bool:
    """Remove a filter; false when there is none."""
    c = log_filters.c
    return (
        tx.execute(delete(log_filters).where(c.group_id == group_id, c.kind == kind, c.name == name)).rowcount
        == 1
    )


def remove_all(tx: Connection, group_id: int) -> None:
    """Remove every filter of the group."""
    tx.execute(delete(log_filters).where(log_filters.c.group_id == group_id))


def _filter(row: Row[Any]) -> Filter:
    return Filter(
        group_id=row.group_id,
        group_name=row.group_name,
        kind=row.kind,
        name=row.name,
        created=row.created,
        pattern=row.pattern,
        body=row.body,
        quiet_minute=row.quiet_minute,
    )
