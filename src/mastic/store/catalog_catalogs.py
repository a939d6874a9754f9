"""Catalogs below an account's own. Owns the table ``catalog_catalogs``.

``path`` is ``name`` or ``name/sub``; the account's own catalog always exists and has no row here unless its
settings were changed (path "").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Column, Connection, Table, bindparam, delete, insert, select, update

from mastic.store.schema import Json, Sortable, Timestamp, metadata

catalogs = Table(
    "catalog_catalogs",
    metadata,
    Column("scope", Sortable, primary_key=True),
    Column("path", Sortable, primary_key=True),
    Column("body", Json, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("updated", Timestamp, nullable=False),
)

_ONE = select(catalogs).where(catalogs.c.scope == bindparam("of"), catalogs.c.path == bindparam("at"))

_HOLDING = {
    "": _ONE,
    "fill": _ONE.with_for_update(read=True, key_share=True),
    "change": _ONE.with_for_update(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogRow:
    """A catalog; ``body`` is the client's CatalogInput."""

    scope: str
    path: str
    body: dict[str, Any]
    created: datetime
    updated: datetime


def find(
    tx: Connection, scope: str, path: str, *, hold: Literal["", "fill", "change"] = ""
) -> CatalogRow | None:
    """The catalog at ``path``, or None.

    Until the transaction ends, "fill" keeps it from being deleted, "change" from being filled too.
    """
    row = tx.execute(_HOLDING[hold], {"of": scope, "at": path}).first()
    return None if row is None else CatalogRow(**row._mapping)


def add(tx: Connection, row: CatalogRow) -> None:
    """Store a new catalog; a path that exists raises Duplicate when the transaction ends."""
    tx.execute(
        insert(catalogs).values(
            scope=row.scope, path=row.path, body=row.body, created=row.created, updated=row.updated
        )
    )


def replace(tx: Connection, scope: str, path: str, body: dict[str, Any], now: datetime) -> bool:
    """Put another body in the place of the present one; false when there is no such catalog."""
    changed = tx.execute(
        update(catalogs)
        .where(catalogs.c.scope == scope, catalogs.c.path == path)
        .values(body=body, updated=now)
    )
    return changed.rowcount == 1


def remove(tx: Connection, scope: str, path: str) -> bool:
    """Delete the catalog; false when there is none."""
    gone = tx.execute(delete(catalogs).where(catalogs.c.scope == scope, catalogs.c.path == path))
    return gone.rowcount == 1


def page(tx: Connection, scope: str, parent: str, after: str, count: int) -> list[CatalogRow]:
    """Up to ``count`` catalogs below ``parent`` ("" : all) by path, after ``after``; at any depth."""
    statement = select(catalogs).where(catalogs.c.scope == scope, catalogs.c.path > after)
    if parent:
        statement = statement.where(catalogs.c.path.startswith(parent + "/", autoescape=True))
    return [
        CatalogRow(**row._mapping) for row in tx.execute(statement.order_by(catalogs.c.path).limit(count))
    ]
