"""Small named resources that are a document and nothing more: connections, functions, profiles and their like.

Owns the table ``documents``. ``kind`` tells the families apart; ``scope`` is the account and region, with the
resource that they belong to behind it where there is one (a database's id, a table's id).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Integer, Table, bindparam, delete, insert, select, update

from mastic.store.engine import insert as upsert
from mastic.store.prepared import Prepared
from mastic.store.schema import MaySealJson, Sortable, Timestamp, metadata

documents = Table(
    "documents",
    metadata,
    Column("scope", Sortable, primary_key=True),
    Column("kind", Sortable, primary_key=True),
    Column("name", Sortable, primary_key=True),
    Column("body", MaySealJson, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("updated", Timestamp, nullable=False),
)

_OF_KIND = (documents.c.scope == bindparam("of"), documents.c.kind == bindparam("sort"))
_ONE = Prepared(select(documents).where(*_OF_KIND, documents.c.name == bindparam("called")))
_COLUMNS = documents.columns.keys()
_ANY = Prepared(select(documents.c.name).where(*_OF_KIND).limit(1))
_PAGE = (
    select(documents)
    .where(*_OF_KIND, documents.c.name > bindparam("after"))
    .order_by(documents.c.name)
    .limit(bindparam("count"))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A stored resource; ``body`` is the client's input."""

    scope: str
    kind: str
    name: str
    body: dict[str, Any]
    version: int
    created: datetime
    updated: datetime


def find(tx: Connection, scope: str, kind: str, name: str) -> Document | None:
    """The document, or None."""
    row = _ONE.first(tx, {"of": scope, "sort": kind, "called": name})
    return None if row is None else Document(**dict(zip(_COLUMNS, row, strict=True)))


def add(tx: Connection, scope: str, kind: str, name: str, body: dict[str, Any], now: datetime) -> None:
    """Store a new document; a name that exists raises Duplicate when the transaction ends."""
    tx.execute(
        insert(documents),
        {
            "scope": scope,
            "kind": kind,
            "name": name,
            "body": body,
            "version": 0,
            "created": now,
            "updated": now,
        },
    )


def replace(tx: Connection, scope: str, kind: str, name: str, body: dict[str, Any], now: datetime) -> bool:
    """Put another body in the place of the present one; false when there is no such document."""
    changed = tx.execute(
        update(documents)
        .where(documents.c.scope == scope, documents.c.kind == kind, documents.c.name == name)
        .values(body=body, updated=now, version=documents.c.version + 1)
    )
    return changed.rowcount == 1


def put(tx: Connection, scope: str, kind: str, name: str, body: dict[str, Any], now: datetime) -> None:
    """Store the document, whatever was there."""
    tx.execute(
        upsert(tx, documents)
        .values(scope=scope, kind=kind, name=name, body=body, version=0, created=now, updated=now)
        .on_conflict_do_update(
            index_elements=["scope", "kind", "name"],
            set_={"body": body, "updated": now, "version": documents.c.version + 1},
        )
    )


def remove(tx: Connection, scope: str, kind: str, name: str) -> bool:
    """Delete the document; false when there is none."""
    gone = tx.execute(
        delete(documents).where(
            documents.c.scope == scope, documents.c.kind == kind, documents.c.name == name
        )
    )
    return gone.rowcount == 1


def page(tx: Connection, scope: str, kind: str, after: str, count: int) -> list[Document]:
    """Up to ``count`` documents by name, after ``after``."""
    rows = tx.execute(_PAGE, {"of": scope, "sort": kind, "after": after, "count": count})
    return [Document(**row._mapping) for row in rows]


def has_any(tx: Connection, scope: str, kind: str) -> bool:
    """Whether there is a document of a kind."""
    return _ANY.first(tx, {"of": scope, "sort": kind}) is not None


def named(tx: Connection, scope: str, kind: str, names: Sequence[str]) -> dict[str, Document]:
    """Those of the named documents that exist."""
    rows = tx.execute(
        select(documents).where(
            documents.c.scope == scope, documents.c.kind == kind, documents.c.name.in_(list(names))
        )
    )
    return {row.name: Document(**row._mapping) for row in rows}


def sweep(tx: Connection, scope: str) -> None:
    """Delete everything of a scope: what belonged to a resource that is gone."""
    tx.execute(delete(documents).where(documents.c.scope == scope))
