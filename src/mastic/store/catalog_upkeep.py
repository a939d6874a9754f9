"""What is to be done to catalog tables again and again: statistics by schedule, table optimizers.

Owns the table ``catalog_upkeep``. ``due`` is when the work is to be done next (NULL: not by itself), ``seen`` the
version of the table that was looked at last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from mastic.store.catalog_databases import databases
from mastic.store.catalog_partitions import partitions
from mastic.store.catalog_tables import TableRow, tables
from mastic.store.engine import guarded, signal
from mastic.store.schema import Json, Sortable, Timestamp, metadata
from mastic.store.sealing import MARK, opener

SIGNAL = "catalog.upkeep"

upkeep = Table(
    "catalog_upkeep",
    metadata,
    Column("table_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(32), primary_key=True),
    Column("scope", Sortable, nullable=False),
    Column("body", Json, nullable=False),
    Column("last", Json),
    Column("version", Integer, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("updated", Timestamp, nullable=False),
    Column("due", Timestamp),
    Column("seen", Integer),
)
Index("ix_catalog_upkeep_due", upkeep.c.due)


@dataclass(frozen=True, kw_only=True, slots=True)
class Upkeep:
    """A standing order for one table; ``body`` is the client's configuration, ``last`` what came of the last time."""

    table_id: int
    kind: str
    scope: str
    body: dict[str, Any]
    last: dict[str, Any] | None
    version: int
    created: datetime
    updated: datetime
    due: datetime | None
    seen: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """A table found by its id: the key of its catalog, its database, and its row."""

    catalog: str
    database: str
    row: TableRow

    @property
    def catalog_id(self) -> str:
        """The catalog's id, from its key: ``account:region`` or ``account:region:path``."""
        account, _, rest = self.catalog.partition(":")
        path = rest.partition(":")[2]
        return f"{account}:{path}" if path else account


def add(
    tx: Connection,
    *,
    table_id: int,
    kind: str,
    scope: str,
    body: dict[str, Any],
    now: datetime,
    due: datetime | None,
) -> None:
    """Store a new order; one that the table has already raises Duplicate when the transaction ends."""
    tx.execute(
        insert(upkeep),
        {
            "table_id": table_id,
            "kind": kind,
            "scope": scope,
            "body": body,
            "last": None,
            "version": 0,
            "created": now,
            "updated": now,
            "due": due,
            "seen": None,
        },
    )
    signal(tx, SIGNAL)


def find(tx: Connection, table_id: int, kind: str) -> Upkeep | None:
    """The order, or None."""
    row = tx.execute(select(upkeep).where(upkeep.c.table_id == table_id, upkeep.c.kind == kind)).first()
    return None if row is None else Upkeep(**row._mapping)


def change(
    tx: Connection, order: Upkeep, *, body: dict[str, Any], due: datetime | None, now: datetime
) -> None:
    """Replace what is to be done and when. Raises Stale when the order was changed meanwhile."""
    guarded(
        tx,
        _this(update(upkeep), order)
        .where(upkeep.c.version == order.version)
        .values(body=body, due=due, seen=None, updated=now, version=upkeep.c.version + 1),
    )
    signal(tx, SIGNAL)


def done(
    tx: Connection,
    order: Upkeep,
    *,
    due: datetime | None,
    last: dict[str, Any] | None = None,
    seen: int | None = None,
) -> None:
    """Its time came: note what came of it and when it is due again. Raises Stale when another was quicker."""
    values = {k: v for k, v in (("last", last), ("seen", seen)) if v is not None}
    guarded(
        tx,
        _this(update(upkeep), order)
        .where(
            upkeep.c.version == order.version,
            upkeep.c.due.is_(None) if order.due is None else upkeep.c.due == order.due,
        )
        .values(due=due, **values),
    )


def remove(tx: Connection, table_id: int, kind: str) -> bool:
    """Delete the order; false when there is none."""
    gone = tx.execute(delete(upkeep).where(upkeep.c.table_id == table_id, upkeep.c.kind == kind))
    return gone.rowcount == 1


def sweep(tx: Connection, table_ids: Sequence[int]) -> None:
    """Delete what belongs to tables that are gone."""
    tx.execute(delete(upkeep).where(upkeep.c.table_id.in_(table_ids)))


def due(tx: Connection, now: datetime, count: int) -> list[Upkeep]:
    """Up to ``count`` orders whose time has come."""
    rows = tx.execute(select(upkeep).where(upkeep.c.due <= now).order_by(upkeep.c.due).limit(count))
    return [Upkeep(**row._mapping) for row in rows]


def next_due(tx: Connection) -> datetime | None:
    """When the next order is due; None when none is."""
    return tx.execute(select(func.min(upkeep.c.due, type_=Timestamp()))).scalar()


def of_changed_tables(tx: Connection, kind: str, count: int) -> list[Upkeep]:
    """Up to ``count`` orders of a kind that are in force and whose table has changed since it was looked at."""
    rows = tx.execute(
        select(upkeep)
        .join(tables, tables.c.id == upkeep.c.table_id)
        .where(upkeep.c.kind == kind, upkeep.c.due.is_not(None), upkeep.c.seen != tables.c.version)
        .limit(count)
    )
    return [Upkeep(**row._mapping) for row in rows]


def locate(tx: Connection, table_id: int) -> Located | None:
    """The table of an id with the names under which it is known now, or None."""
    row = tx.execute(_LOCATED.where(tables.c.id == table_id)).first()
    return None if row is None else _located(row)


def others(tx: Connection, table_id: int) -> Iterator[Located]:
    """Every other table of every catalog."""
    for row in tx.execute(_LOCATED.where(tables.c.id != table_id)):
        yield _located(row)


def partitions_near(
    tx: Connection, table_id: int, urls: Sequence[str]
) -> Iterator[tuple[str, str, str | None]]:
    """Database, table and location of other tables' partitions that may lie below one of the URLs or around it.

    A URL ends in a slash. More than those may come: texts are compared as they are, and of sealed ones all are given.
    """
    document = partitions.c.document
    near = [func.substr(document, 1, 1) == MARK]
    for url in urls:
        near.append(_says(document, url))
        near += [_says(document, above, whole=True) for above in _above(url)]
    read = opener(tx)
    for database, table, found in tx.execute(
        select(databases.c.name, tables.c.name, document)
        .join(tables, tables.c.id == partitions.c.table_id)
        .join(databases, databases.c.id == tables.c.database_id)
        .where(tables.c.id != table_id, or_(*near))
    ):
        yield database, table, orjson.loads(read(found) or "{}").get("Location")


def _says(document: Any, location: str, *, whole: bool = False) -> Any:
    """Whether a partition's text says that it lies there, or below."""
    text = orjson.dumps({"Location": location}).decode()[1 : -1 if whole else -2]
    return document.contains(text, autoescape=True)


def _above(url: str) -> Iterator[str]:
    """The folders that hold a URL, and itself, with and without the slash."""
    parts = url.rstrip("/").split("/")
    for end in range(4, len(parts) + 1):
        folder = "/".join(parts[:end])
        yield folder
        yield f"{folder}/"


def set_seen(tx: Connection, table_id: int, kind: str, version: int) -> None:
    """Note which version of the table was looked at last."""
    tx.execute(
        update(upkeep).where(upkeep.c.table_id == table_id, upkeep.c.kind == kind).values(seen=version)
    )


_LOCATED = select(
    databases.c.catalog.label("in_catalog"), databases.c.name.label("in_database"), *tables.c
).join(databases, databases.c.id == tables.c.database_id)


def _located(row: Any) -> Located:
    found = dict(row._mapping)
    return Located(catalog=found.pop("in_catalog"), database=found.pop("in_database"), row=TableRow(**found))


def _this(statement: Any, order: Upkeep) -> Any:
    return statement.where(upkeep.c.table_id == order.table_id, upkeep.c.kind == order.kind)
