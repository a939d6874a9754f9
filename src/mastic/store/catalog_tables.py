"""Tables of the Data Catalog and their archived versions.

Owns ``catalog_tables`` and ``catalog_table_versions``. The current version is the row of the table itself;
an update moves it to the archive. A table's id is never used again, so that partitions, versions and
statistics of a deleted table are out of sight at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from mastic.store.catalog_databases import databases
from mastic.store.engine import Stale, guarded
from mastic.store.prepared import Prepared
from mastic.store.schema import Identity, SealedJson, Sortable, Timestamp, metadata

tables = Table(
    "catalog_tables",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("database_id", BigInteger, nullable=False),
    Column("name", Sortable, nullable=False),
    Column("type", Text),
    Column("version", Integer, nullable=False),
    Column("body", SealedJson, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("updated", Timestamp, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("database_id", "name"),
    sqlite_autoincrement=True,
)

versions = Table(
    "catalog_table_versions",
    metadata,
    Column("table_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", SealedJson, nullable=False),
    Column("updated", Timestamp, nullable=False),
    sqlite_with_rowid=False,
)

_IN_DATABASE = tables.c.database_id == bindparam("of")
_ASKED = select(tables).where(_IN_DATABASE, tables.c.name == bindparam("called"))
_ONE = Prepared(_ASKED)
_ONE_TO_CHANGE = Prepared(_ASKED.with_for_update())
_ONE_TO_FILL = Prepared(_ASKED.with_for_update(read=True, key_share=True))
# Database and table in one step: what nearly every call begins with.
_ASKED_BY_NAMES = select(tables).where(
    databases.c.catalog == bindparam("within"),
    databases.c.name == bindparam("database"),
    tables.c.database_id == databases.c.id,
    tables.c.name == bindparam("called"),
)
_BY_NAMES = Prepared(_ASKED_BY_NAMES)
_BY_NAMES_TO_FILL = Prepared(_ASKED_BY_NAMES.with_for_update(read=True, key_share=True))
_INSERT = Prepared(insert(tables), names=tuple(c.name for c in tables.columns if c.name != "id"))
_PAGE = Prepared(
    select(tables)
    .where(_IN_DATABASE, tables.c.name > bindparam("after"))
    .order_by(tables.c.name)
    .limit(bindparam("count"))
)
_NAMES = (
    select(tables.c.name)
    .where(_IN_DATABASE, tables.c.name > bindparam("after"))
    .order_by(tables.c.name)
    .limit(bindparam("count"))
)
_CHANGE = Prepared(
    update(tables)
    .where(tables.c.id == bindparam("which"), tables.c.version == bindparam("expected"))
    .values(
        type=bindparam("new_type"),
        version=tables.c.version + 1,
        body=bindparam("new_body"),
        updated=bindparam("now"),
    )
)
_ARCHIVE = Prepared(
    insert(versions).from_select(
        ["table_id", "version", "body", "updated"],
        select(tables.c.id, tables.c.version, tables.c.body, tables.c.updated).where(
            tables.c.id == bindparam("which")
        ),
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """A table in one of its versions; ``body`` is the client's TableInput."""

    id: int
    database_id: int
    name: str
    type: str | None
    version: int
    body: dict[str, Any]
    created: datetime
    updated: datetime
    created_by: str


def find_by_names(
    tx: Connection, catalog: str, database: str, name: str, *, to_fill: bool = False
) -> TableRow | None:
    """The table, or None whether it or its database is missing. ``to_fill`` holds both against deletion."""
    statement = _BY_NAMES_TO_FILL if to_fill else _BY_NAMES
    row = statement.first(tx, {"within": catalog, "database": database, "called": name})
    return None if row is None else _table(row)


def find(tx: Connection, database_id: int, name: str) -> TableRow | None:
    """The table in its current version, or None."""
    return _first(tx, _ONE, database_id, name)


def find_to_change(tx: Connection, database_id: int, name: str) -> TableRow | None:
    """The table, held against any other change until this transaction ends."""
    return _first(tx, _ONE_TO_CHANGE, database_id, name)


def find_to_fill(tx: Connection, database_id: int, name: str) -> TableRow | None:
    """The table, held against deletion until this transaction ends: others may fill it at the same time."""
    return _first(tx, _ONE_TO_FILL, database_id, name)


def _first(tx: Connection, statement: Prepared, database_id: int, name: str) -> TableRow | None:
    row = statement.first(tx, {"of": database_id, "called": name})
    return None if row is None else _table(row)


def _table(row: Any) -> TableRow:
    """A row of all columns in their order."""
    id_, database_id, name, type_, version_, body, created, updated, created_by = row
    return TableRow(
        id=id_,
        database_id=database_id,
        name=name,
        type=type_,
        version=version_,
        body=body,
        created=created,
        updated=updated,
        created_by=created_by,
    )


def add(
    tx: Connection, *, database_id: int, name: str, body: dict[str, Any], created: datetime, created_by: str
) -> int:
    """Store a new table as version 0, and return its id; a name that exists raises Duplicate at the end."""
    return _INSERT.insert(
        tx,
        {
            "database_id": database_id,
            "name": name,
            "type": body.get("TableType"),
            "version": 0,
            "body": body,
            "created": created,
            "updated": created,
            "created_by": created_by,
        },
    )


def change(tx: Connection, row: TableRow, body: dict[str, Any], *, now: datetime, archive: bool) -> None:
    """Make ``body`` the next version of ``row``. Raises Stale when the table has moved on since."""
    if archive:
        _ARCHIVE.run(tx, {"which": row.id})
    changed = _CHANGE.run(
        tx,
        {
            "which": row.id,
            "expected": row.version,
            "new_type": body.get("TableType"),
            "new_body": body,
            "now": now,
        },
    )
    if changed != 1:
        raise Stale(f"table {row.name}")


def rename(
    tx: Connection, row: TableRow, database_id: int, name: str, body: dict[str, Any], now: datetime
) -> None:
    """Give a table another name or database, as the Iceberg REST and Hive doors allow."""
    guarded(
        tx,
        update(tables)
        .where(tables.c.id == row.id, tables.c.version == row.version)
        .values(database_id=database_id, name=name, body=body, version=tables.c.version + 1, updated=now),
    )


def remove(tx: Connection, database_id: int, names: Iterable[str]) -> dict[str, int]:
    """Delete tables; returns the ids of those that existed, by name."""
    wanted = sorted(set(names))
    found = {
        row.name: row.id
        for row in tx.execute(
            select(tables.c.id, tables.c.name)
            .where(tables.c.database_id == database_id, tables.c.name.in_(wanted))
            .order_by(tables.c.name)
            .with_for_update()
        )
    }
    if found:
        tx.execute(delete(tables).where(tables.c.id.in_(found.values())))
    return found


def page(tx: Connection, database_id: int, after: str, count: int) -> list[TableRow]:
    """Up to ``count`` tables by name, after ``after``."""
    return [_table(row) for row in _PAGE.all(tx, {"of": database_id, "after": after, "count": count})]


def names_after(tx: Connection, database_id: int, after: str, count: int) -> Sequence[str]:
    """Up to ``count`` names in order, after ``after``; cheap, from the index alone."""
    return tx.execute(_NAMES, {"of": database_id, "after": after, "count": count}).scalars().all()


def named(tx: Connection, database_id: int, names: Sequence[str]) -> list[TableRow]:
    """Those of the named tables that exist, by name."""
    rows = tx.execute(
        select(tables)
        .where(tables.c.database_id == database_id, tables.c.name.in_(names))
        .order_by(tables.c.name)
    )
    return [_table(row) for row in rows]


# -- versions ------------------------------------------------------------------------------------------


def version(tx: Connection, row: TableRow, number: int) -> TableRow | None:
    """A version of the table, the current one included, or None."""
    if number == row.version:
        return row
    found = tx.execute(
        select(versions).where(versions.c.table_id == row.id, versions.c.version == number)
    ).first()
    return None if found is None else _as_of(row, found)


def versions_before(tx: Connection, row: TableRow, before: int, count: int) -> list[TableRow]:
    """Up to ``count`` versions older than ``before``, newest first, the current one included."""
    current = [row] if row.version < before else []
    rows = tx.execute(
        select(versions)
        .where(versions.c.table_id == row.id, versions.c.version < before)
        .order_by(versions.c.version.desc())
        .limit(count - len(current))
    )
    return current + [_as_of(row, found) for found in rows]


def version_at(tx: Connection, row: TableRow, moment: datetime) -> TableRow | None:
    """The version that was current at ``moment``, or None when there is none so old."""
    if row.updated <= moment:
        return row
    found = tx.execute(
        select(versions)
        .where(versions.c.table_id == row.id, versions.c.updated <= moment)
        .order_by(versions.c.version.desc())
        .limit(1)
    ).first()
    return None if found is None else _as_of(row, found)


def count_versions(tx: Connection, table_id: int) -> int:
    """How many versions are archived."""
    return int(
        tx.execute(
            select(func.count()).select_from(versions).where(versions.c.table_id == table_id)
        ).scalar_one()
    )


def remove_versions(tx: Connection, table_id: int, numbers: Iterable[int]) -> set[int]:
    """Delete archived versions; returns those that existed."""
    removed = tx.execute(
        delete(versions)
        .where(versions.c.table_id == table_id, versions.c.version.in_(list(numbers)))
        .returning(versions.c.version)
    )
    return set(removed.scalars())


def _as_of(row: TableRow, found: Any) -> TableRow:
    return TableRow(
        id=row.id,
        database_id=row.database_id,
        name=row.name,
        type=found.body.get("TableType"),
        version=found.version,
        body=found.body,
        created=row.created,
        updated=found.updated,
        created_by=row.created_by,
    )


# -- sweeping ------------------------------------------------------------------------------------------


def orphans(tx: Connection, database_id: int, count: int) -> list[int]:
    """Ids of tables of a deleted database."""
    return list(
        tx.execute(select(tables.c.id).where(tables.c.database_id == database_id).limit(count)).scalars()
    )


def sweep(tx: Connection, table_ids: Sequence[int]) -> None:
    """Delete tables by id with their archived versions."""
    tx.execute(delete(versions).where(versions.c.table_id.in_(table_ids)))
    tx.execute(delete(tables).where(tables.c.id.in_(table_ids)))
