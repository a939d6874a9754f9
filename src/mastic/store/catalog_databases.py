"""Databases of the Data Catalog. Owns the table ``catalog_databases``.

``catalog`` is the key of the catalog that a database belongs to: ``account:region`` for an account's own
catalog, ``account:region:name/sub`` below it. A database's id is never used again, so that what hangs on a
deleted database is out of sight at once and can be swept away later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    exists,
    insert,
    select,
    update,
)

from mastic.store.prepared import Prepared
from mastic.store.schema import Identity, SealedJson, Sortable, Timestamp, metadata

databases = Table(
    "catalog_databases",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("catalog", Sortable, nullable=False),
    Column("name", Sortable, nullable=False),
    Column("body", SealedJson, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("catalog", "name"),
    sqlite_autoincrement=True,
)

# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_NAMED = (databases.c.catalog == bindparam("of"), databases.c.name == bindparam("called"))
_ONE = Prepared(select(databases).where(*_NAMED))
_ONE_TO_CHANGE = Prepared(select(databases).where(*_NAMED).with_for_update())
_ID = Prepared(select(databases.c.id).where(*_NAMED))
# Whoever adds to a database holds it, so that nobody deletes it meanwhile. (SQLite has one writer anyway.)
_ONE_HELD = Prepared(select(databases).where(*_NAMED).with_for_update(read=True, key_share=True))
_HELD = Prepared(select(databases.c.id).where(*_NAMED).with_for_update(read=True, key_share=True))
_HOLDING = Prepared(
    select(databases).where(databases.c.id == bindparam("which")).with_for_update(read=True, key_share=True)
)
_INSERT = insert(databases)
_PAGE = (
    select(databases)
    .where(databases.c.catalog == bindparam("of"), databases.c.name > bindparam("after"))
    .order_by(databases.c.name)
    .limit(bindparam("count"))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """A database; ``body`` is the client's DatabaseInput."""

    id: int
    catalog: str
    name: str
    body: dict[str, Any]
    created: datetime
    created_by: str


def find(tx: Connection, catalog: str, name: str, *, hold: bool = False) -> Database | None:
    """The database, or None. ``hold`` keeps it from being deleted before this transaction ends."""
    return _first(tx, _ONE_HELD if hold else _ONE, catalog, name)


def find_to_change(tx: Connection, catalog: str, name: str) -> Database | None:
    """The database, held against any other change, and against new tables, until this transaction ends."""
    return _first(tx, _ONE_TO_CHANGE, catalog, name)


def holding(tx: Connection, id: int) -> Database | None:
    """The database of this id, kept from being deleted until this transaction ends; None when it is gone."""
    return _database(_HOLDING.first(tx, {"which": id}))


def _first(tx: Connection, statement: Prepared, catalog: str, name: str) -> Database | None:
    return _database(statement.first(tx, {"of": catalog, "called": name}))


def _database(row: Any) -> Database | None:
    return None if row is None else Database(**dict(zip(databases.columns.keys(), row, strict=True)))


def find_id(tx: Connection, catalog: str, name: str, *, hold: bool = False) -> int | None:
    """The database's id. ``hold`` keeps it from being deleted before this transaction ends."""
    row = (_HELD if hold else _ID).first(tx, {"of": catalog, "called": name})
    return None if row is None else int(row[0])


def add(
    tx: Connection, *, catalog: str, name: str, body: dict[str, Any], created: datetime, created_by: str
) -> None:
    """Store a new database; a name that exists raises Duplicate when the transaction ends."""
    tx.execute(
        _INSERT,
        {"catalog": catalog, "name": name, "body": body, "created": created, "created_by": created_by},
    )


def replace(tx: Connection, catalog: str, name: str, body: dict[str, Any]) -> bool:
    """Put another body in the place of the present one; false when there is no such database."""
    changed = tx.execute(
        update(databases).where(databases.c.catalog == catalog, databases.c.name == name).values(body=body)
    )
    return changed.rowcount == 1


def remove(tx: Connection, catalog: str, name: str) -> int | None:
    """Delete the database; returns the id it had, or None. What hangs on it is swept separately."""
    # Locked before it is deleted, so that no table comes in between (PostgreSQL).
    found: int | None = tx.execute(
        select(databases.c.id)
        .where(databases.c.catalog == catalog, databases.c.name == name)
        .with_for_update()
    ).scalar()
    if found is not None:
        tx.execute(delete(databases).where(databases.c.id == found))
    return found


def page(tx: Connection, catalog: str, after: str, count: int) -> list[Database]:
    """Up to ``count`` databases by name, after ``after``."""
    rows = tx.execute(_PAGE, {"of": catalog, "after": after, "count": count})
    return [Database(**row._mapping) for row in rows]


def any_in(tx: Connection, catalog: str) -> bool:
    """Whether the catalog holds a database."""
    return bool(tx.execute(select(exists().where(databases.c.catalog == catalog))).scalar())


def names(tx: Connection, ids: Iterable[int]) -> dict[int, str]:
    """The names of databases by id."""
    rows = tx.execute(select(databases.c.id, databases.c.name).where(databases.c.id.in_(list(ids))))
    return {row.id: row.name for row in rows}
