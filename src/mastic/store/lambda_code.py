"""Deployment packages and layers. Owns the tables ``lambda_code``, ``lambda_chunks`` and ``lambda_layers``.

A package is stored once, by its SHA-256, in pieces that are each a short transaction; it counts when its row in
``lambda_code`` is there. So every replica can run every function, and no large write holds up the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    delete,
    func,
    select,
)

from mastic.store.engine import insert
from mastic.store.schema import Json, Sortable, Timestamp, metadata

PIECE = 1 << 20

lambda_code = Table(
    "lambda_code",
    metadata,
    Column("sha", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("stored", Timestamp, nullable=False),
)

lambda_chunks = Table(
    "lambda_chunks",
    metadata,
    Column("sha", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

lambda_layers = Table(
    "lambda_layers",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", Sortable, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sha", String(64), nullable=False),
    Column("deleted", Integer, nullable=False, default=0),
    Column("body", Json, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A version of a layer."""

    scope: str
    name: str
    version: int
    sha: str
    body: dict[str, Any]


def size_of(tx: Connection, sha: str) -> int | None:
    """The bytes of a stored package; None when it is not there."""
    found: int | None = tx.execute(select(lambda_code.c.size).where(lambda_code.c.sha == sha)).scalar()
    return found


def put_piece(tx: Connection, sha: str, number: int, data: bytes) -> None:
    """Store a piece of a package; again is no error."""
    tx.execute(
        insert(tx, lambda_chunks)
        .values(sha=sha, number=number, data=data)
        .on_conflict_do_nothing(index_elements=["sha", "number"])
    )


def put(tx: Connection, sha: str, size: int, stored: datetime) -> None:
    """Declare a package complete."""
    tx.execute(
        insert(tx, lambda_code)
        .values(sha=sha, size=size, stored=stored)
        .on_conflict_do_update(index_elements=["sha"], set_={"stored": stored})
    )


def pieces(tx: Connection, sha: str) -> Iterator[bytes]:
    """A package, piece by piece."""
    number = 0
    while True:
        data = tx.execute(
            select(lambda_chunks.c.data).where(lambda_chunks.c.sha == sha, lambda_chunks.c.number == number)
        ).scalar()
        if data is None:
            return
        yield bytes(data)
        number += 1


def remove_unused(tx: Connection, in_use: set[str], before: datetime) -> list[str]:
    """Remove packages that nothing refers to and that were stored before a time; returns their names."""
    layered = set(tx.execute(select(lambda_layers.c.sha).where(lambda_layers.c.deleted == 0)).scalars())
    old = tx.execute(select(lambda_code.c.sha).where(lambda_code.c.stored < before)).scalars()
    gone = [sha for sha in old if sha not in in_use and sha not in layered]
    if gone:
        tx.execute(delete(lambda_code).where(lambda_code.c.sha.in_(gone)))
        tx.execute(delete(lambda_chunks).where(lambda_chunks.c.sha.in_(gone)))
    return gone


# -- layers --------------------------------------------------------------------------------------------


def publish_layer(tx: Connection, scope: str, name: str, sha: str, body: dict[str, Any]) -> Layer:
    """Add the next version of a layer; numbers are never given out twice."""
    c = lambda_layers.c
    last = tx.execute(select(func.max(c.version)).where(c.scope == scope, c.name == name)).scalar() or 0
    version = int(last) + 1
    tx.execute(
        insert(tx, lambda_layers).values(
            scope=scope, name=name, version=version, sha=sha, deleted=0, body=body
        )
    )
    return Layer(scope=scope, name=name, version=version, sha=sha, body=body)


def get_layer(tx: Connection, scope: str, name: str, version: int) -> Layer | None:
    """A version of a layer."""
    c = lambda_layers.c
    row = tx.execute(
        select(lambda_layers).where(c.scope == scope, c.name == name, c.version == version, c.deleted == 0)
    ).one_or_none()
    return None if row is None else _layer(row)


def layer_versions(tx: Connection, scope: str, name: str, *, before: int, limit: int) -> list[Layer]:
    """A layer's versions, newest first."""
    c = lambda_layers.c
    rows = tx.execute(
        select(lambda_layers)
        .where(c.scope == scope, c.name == name, c.deleted == 0, c.version < before)
        .order_by(c.version.desc())
        .limit(limit)
    )
    return [_layer(row) for row in rows]


def newest_layers(tx: Connection, scope: str, *, after: str = "", limit: int) -> list[Layer]:
    """The newest version of every layer, by name."""
    c = lambda_layers.c
    newest = (
        select(c.name, func.max(c.version).label("version"))
        .where(c.scope == scope, c.deleted == 0, c.name > after)
        .group_by(c.name)
        .order_by(c.name)
        .limit(limit)
        .subquery()
    )
    rows = tx.execute(
        select(lambda_layers)
        .join(newest, (c.name == newest.c.name) & (c.version == newest.c.version))
        .where(c.scope == scope)
        .order_by(c.name)
    )
    return [_layer(row) for row in rows]


def remove_layer(tx: Connection, scope: str, name: str, version: int) -> None:
    """Take a layer's version back; its number stays used."""
    from sqlalchemy import update

    c = lambda_layers.c
    tx.execute(
        update(lambda_layers).where(c.scope == scope, c.name == name, c.version == version).values(deleted=1)
    )


def _layer(row: Row[Any]) -> Layer:
    return Layer(scope=row.scope, name=row.name, version=row.version, sha=row.sha, body=row.body)
