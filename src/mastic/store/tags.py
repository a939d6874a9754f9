"""Tags of resources, by ARN. Owns the table ``tags``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Column, Connection, Index, String, Table, delete, func, select, tuple_

from mastic.store.engine import insert
from mastic.store.schema import metadata

tags = Table(
    "tags",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("arn", String(1024), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
)
Index("ix_tags_key", tags.c.scope, tags.c.key, tags.c.value)


def put(tx: Connection, scope: str, arn: str, values: Mapping[str, str]) -> None:
    """Add tags, or give existing ones a new value."""
    # In one order for all writers: two that wait for each other's rows would wait for ever.
    for key, value in sorted(values.items()):
        tx.execute(
            insert(tx, tags)
            .values(scope=scope, arn=arn, key=key, value=value)
            .on_conflict_do_update(index_elements=["scope", "arn", "key"], set_={"value": value})
        )


def get(tx: Connection, scope: str, arn: str) -> dict[str, str]:
    """The resource's tags, by key."""
    rows = tx.execute(
        select(tags.c.key, tags.c.value).where(tags.c.scope == scope, tags.c.arn == arn).order_by(tags.c.key)
    )
    return {row.key: row.value for row in rows}


def remove(tx: Connection, scope: str, arn: str, keys: Iterable[str]) -> None:
    """Take tags away; keys that are not there are no mistake."""
    tx.execute(delete(tags).where(tags.c.scope == scope, tags.c.arn == arn, tags.c.key.in_(list(keys))))


def delete_arn(tx: Connection, scope: str, arn: str) -> None:
    """The resource is gone, and its tags with it."""
    tx.execute(delete(tags).where(tags.c.scope == scope, tags.c.arn == arn))


def delete_below(tx: Connection, scope: str, prefix: str) -> None:
    """Everything whose ARN begins with ``prefix`` is gone, and its tags with it."""
    tx.execute(delete(tags).where(tags.c.scope == scope, tags.c.arn.startswith(prefix, autoescape=True)))


def arns_with(tx: Connection, scope: str, prefix: str, wanted: Mapping[str, str]) -> set[str]:
    """The ARNs beginning with ``prefix`` that carry every one of the ``wanted`` tags."""
    if not wanted:
        return set()
    found = tx.execute(
        select(tags.c.arn)
        .where(
            tags.c.scope == scope,
            tags.c.arn.startswith(prefix, autoescape=True),
            tuple_(tags.c.key, tags.c.value).in_(list(wanted.items())),
        )
        .group_by(tags.c.arn)
        .having(func.count() == len(wanted))
    )
    return set(found.scalars())
