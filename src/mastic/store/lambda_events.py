"""What feeds functions by itself: event source mappings, and which asynchronous events were taken in.

Owns the tables ``lambda_mappings`` and ``lambda_taken``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, String, Table, UniqueConstraint, delete, select, update

from mastic.store.engine import insert
from mastic.store.schema import Json, Sortable, Timestamp, metadata

lambda_mappings = Table(
    "lambda_mappings",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("scope", String(64), nullable=False),
    Column("source_arn", Sortable, nullable=False),
    Column("function_arn", Sortable, nullable=False),
    Column("state", String(16), nullable=False),
    Column("modified", Timestamp, nullable=False),
    Column("result", String(256), nullable=False),
    Column("body", Json, nullable=False),
    UniqueConstraint("scope", "source_arn", "function_arn"),
)

lambda_taken = Table(
    "lambda_taken",
    metadata,
    Column("key", String(512), primary_key=True),
    Column("taken", Timestamp, nullable=False, index=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapping:
    """An event source mapping; ``state`` is Enabled or Disabled, ``result`` that of its last batch."""

    id: str
    scope: str
    source_arn: str
    function_arn: str
    state: str
    modified: datetime
    result: str
    body: dict[str, Any]


def add(tx: Connection, mapping: Mapping) -> bool:
    """Add a mapping; false when source and function are mapped already."""
    added = tx.execute(
        insert(tx, lambda_mappings)
        .values(
            id=mapping.id,
            scope=mapping.scope,
            source_arn=mapping.source_arn,
            function_arn=mapping.function_arn,
            state=mapping.state,
            modified=mapping.modified,
            result=mapping.result,
            body=mapping.body,
        )
        .on_conflict_do_nothing(index_elements=["scope", "source_arn", "function_arn"])
        .returning(lambda_mappings.c.id)
    ).scalar()
    return added is not None


def get(tx: Connection, scope: str, mapping_id: str) -> Mapping | None:
    """The mapping."""
    c = lambda_mappings.c
    row = tx.execute(select(lambda_mappings).where(c.scope == scope, c.id == mapping_id)).one_or_none()
    return None if row is None else _mapping(row)


def find(tx: Connection, scope: str, source_arn: str, function_arn: str) -> Mapping | None:
    """The mapping of a source to a function."""
    c = lambda_mappings.c
    row = tx.execute(
        select(lambda_mappings).where(
            c.scope == scope, c.source_arn == source_arn, c.function_arn == function_arn
        )
    ).one_or_none()
    return None if row is None else _mapping(row)


def page(
    tx: Connection,
    scope: str,
    *,
    source_arn: str | None,
    function_arn: str | None,
    after: str = "",
    limit: int,
) -> list[Mapping]:
    """Mappings, by id; ``function_arn`` also finds those of the function's versions and aliases."""
    c = lambda_mappings.c
    query = select(lambda_mappings).where(c.scope == scope, c.id > after)
    if source_arn:
        query = query.where(c.source_arn == source_arn)
    if function_arn:
        query = query.where(
            (c.function_arn == function_arn) | c.function_arn.startswith(f"{function_arn}:", autoescape=True)
        )
    return [_mapping(row) for row in tx.execute(query.order_by(c.id).limit(limit))]


def enabled(tx: Connection) -> list[Mapping]:
    """Every mapping, of every account, that is to be polled."""
    return [
        _mapping(row)
        for row in tx.execute(select(lambda_mappings).where(lambda_mappings.c.state == "Enabled"))
    ]


def change(tx: Connection, mapping_id: str, **values: Any) -> None:
    """Set columns of a mapping."""
    tx.execute(update(lambda_mappings).where(lambda_mappings.c.id == mapping_id).values(**values))


def remove(tx: Connection, mapping_id: str) -> bool:
    """Remove a mapping; false when there is none."""
    return tx.execute(delete(lambda_mappings).where(lambda_mappings.c.id == mapping_id)).rowcount == 1


def take(tx: Connection, key: str, now: datetime) -> bool:
    """Note that an event was taken in; false when it was before."""
    # PostgreSQL's driver does not count rows of such an INSERT: what it returns tells.
    added = tx.execute(
        insert(tx, lambda_taken)
        .values(key=key, taken=now)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(lambda_taken.c.key)
    ).scalar()
    return added is not None


def forget(tx: Connection, before: datetime) -> None:
    """Drop the notes of events that nobody will deliver again."""
    tx.execute(delete(lambda_taken).where(lambda_taken.c.taken < before))


def _mapping(row: Row[Any]) -> Mapping:
    return Mapping(
        id=row.id,
        scope=row.scope,
        source_arn=row.source_arn,
        function_arn=row.function_arn,
        state=row.state,
        modified=row.modified,
        result=row.result,
        body=row.body,
    )
