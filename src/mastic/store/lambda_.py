"""Lambda's functions, versions, aliases, policies and settings. Owns the tables ``lambda_functions``,
``lambda_versions`` and ``lambda_parts``.

``$LATEST`` is a version like any other, the only one that changes. A part is a document that belongs to a
function and may have a qualifier: an alias, a resource policy, the settings of asynchronous invocation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Integer, Row, String, Table, delete, func, select, update

from mastic.store.engine import insert
from mastic.store.schema import Json, Sortable, Timestamp, metadata

LATEST = "$LATEST"
ALIAS = "alias"
POLICY = "policy"
INVOKE_CONFIG = "invoke-config"

lambda_functions = Table(
    "lambda_functions",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", Sortable, primary_key=True),
    Column("next_version", Integer, nullable=False),
    Column("reserved", Integer),
    Column("tags", Json, nullable=False),
)

lambda_versions = Table(
    "lambda_versions",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", Sortable, primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("revision", String(36), nullable=False),
    Column("sha", String(64), nullable=False),
    Column("modified", Timestamp, nullable=False),
    Column("body", Json, nullable=False),
)

lambda_parts = Table(
    "lambda_parts",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", Sortable, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("qualifier", Sortable, primary_key=True),
    Column("revision", String(36), nullable=False),
    Column("modified", Timestamp, nullable=False),
    Column("body", Json, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """What belongs to a function as a whole."""

    scope: str
    name: str
    next_version: int
    reserved: int | None
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version: ``body`` is its configuration as described to clients, ``sha`` its code's SHA-256 in hex."""

    scope: str
    name: str
    version: str
    revision: str
    sha: str
    modified: datetime
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """An alias, a policy or settings."""

    scope: str
    name: str
    kind: str
    qualifier: str
    revision: str
    modified: datetime
    body: dict[str, Any]


def create(tx: Connection, latest: Version, tags: dict[str, str]) -> bool:
    """Add a function with its ``$LATEST``; false when there is one of that name."""
    added = tx.execute(
        insert(tx, lambda_functions)
        .values(scope=latest.scope, name=latest.name, next_version=1, tags=tags)
        .on_conflict_do_nothing(index_elements=["scope", "name"])
        .returning(lambda_functions.c.name)
    ).scalar()
    if added is None:
        return False
    add_version(tx, latest)
    return True


def get(tx: Connection, scope: str, name: str) -> Function | None:
    """The function."""
    c = lambda_functions.c
    row = tx.execute(select(lambda_functions).where(c.scope == scope, c.name == name)).one_or_none()
    if row is None:
        return None
    return Function(
        scope=row.scope, name=row.name, next_version=row.next_version, reserved=row.reserved, tags=row.tags
    )


def exist(tx: Connection) -> bool:
    """Whether anybody has a function."""
    return tx.execute(select(lambda_functions.c.name).limit(1)).first() is not None


def change(tx: Connection, function: Function, **values: Any) -> None:
    """Set ``reserved``, ``tags`` or ``next_version``."""
    c = lambda_functions.c
    tx.execute(
        update(lambda_functions).where(c.scope == function.scope, c.name == function.name).values(**values)
    )


def remove(tx: Connection, scope: str, name: str) -> bool:
    """Remove a function with all that belongs to it; false when there is none."""
    for table in (lambda_parts, lambda_versions):
        tx.execute(delete(table).where(table.c.scope == scope, table.c.name == name))
    c = lambda_functions.c
    return tx.execute(delete(lambda_functions).where(c.scope == scope, c.name == name)).rowcount == 1


def usage(tx: Connection, scope: str) -> tuple[int, int, int]:
    """How many functions there are, the bytes of their code, and the sum of reserved concurrency."""
    functions = tx.execute(
        select(func.count(), func.coalesce(func.sum(lambda_functions.c.reserved), 0)).where(
            lambda_functions.c.scope == scope
        )
    ).one()
    sizes = tx.execute(select(lambda_versions.c.body).where(lambda_versions.c.scope == scope)).scalars()
    return int(functions[0]), sum(int(body.get("CodeSize", 0)) for body in sizes), int(functions[1])


# -- versions ------------------------------------------------------------------------------------------


def add_version(tx: Connection, version: Version) -> None:
    """Add a version."""
    tx.execute(
        insert(tx, lambda_versions).values(
            scope=version.scope,
            name=version.name,
            version=version.version,
            number=0 if version.version == LATEST else int(version.version),
            revision=version.revision,
            sha=version.sha,
            modified=version.modified,
            body=version.body,
        )
    )


def get_version(tx: Connection, scope: str, name: str, version: str) -> Version | None:
    """The version."""
    c = lambda_versions.c
    row = tx.execute(
        select(lambda_versions).where(c.scope == scope, c.name == name, c.version == version)
    ).one_or_none()
    return None if row is None else _version(row)


def save_latest(tx: Connection, version: Version) -> None:
    """Replace ``$LATEST``."""
    c = lambda_versions.c
    tx.execute(
        update(lambda_versions)
        .where(c.scope == version.scope, c.name == version.name, c.version == LATEST)
        .values(revision=version.revision, sha=version.sha, modified=version.modified, body=version.body)
    )


def newest_version(tx: Connection, scope: str, name: str) -> Version | None:
    """The version that was published last."""
    c = lambda_versions.c
    row = tx.execute(
        select(lambda_versions)
        .where(c.scope == scope, c.name == name, c.number > 0)
        .order_by(c.number.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _version(row)


def list_versions(tx: Connection, scope: str, name: str, *, after: int = -1, limit: int) -> list[Version]:
    """The function's versions, ``$LATEST`` first, then by number."""
    c = lambda_versions.c
    rows = tx.execute(
        select(lambda_versions)
        .where(c.scope == scope, c.name == name, c.number > after)
        .order_by(c.number)
        .limit(limit)
    )
    return [_version(row) for row in rows]


def list_latest(tx: Connection, scope: str, *, after: str = "", limit: int) -> list[Version]:
    """The ``$LATEST`` of every function, by name."""
    c = lambda_versions.c
    rows = tx.execute(
        select(lambda_versions)
        .where(c.scope == scope, c.version == LATEST, c.name > after)
        .order_by(c.name)
        .limit(limit)
    )
    return [_version(row) for row in rows]


def remove_version(tx: Connection, scope: str, name: str, version: str) -> bool:
    """Remove a published version; false when there is none."""
    c = lambda_versions.c
    return (
        tx.execute(
            delete(lambda_versions).where(c.scope == scope, c.name == name, c.version == version)
        ).rowcount
        == 1
    )


def shas_in_use(tx: Connection) -> set[str]:
    """The code that any version of any function refers to."""
    return set(tx.execute(select(lambda_versions.c.sha).distinct()).scalars())


# -- parts ---------------------------------------------------------------------------------------------


def put_part(tx: Connection, part: Part) -> None:
    """Add or replace a part."""
    values = {"revision": part.revision, "modified": part.modified, "body": part.body}
    tx.execute(
        insert(tx, lambda_parts)
        .values(scope=part.scope, name=part.name, kind=part.kind, qualifier=part.qualifier, **values)
        .on_conflict_do_update(index_elements=["scope", "name", "kind", "qualifier"], set_=values)
    )


def get_part(tx: Connection, scope: str, name: str, kind: str, qualifier: str) -> Part | None:
    """The part."""
    c = lambda_parts.c
    row = tx.execute(
        select(lambda_parts).where(c.scope == scope, c.name == name, c.kind == kind, c.qualifier == qualifier)
    ).one_or_none()
    return None if row is None else _part(row)


def list_parts(
    tx: Connection, scope: str, name: str, kind: str, *, after: str = "", limit: int
) -> list[Part]:
    """The function's parts of a kind, by qualifier."""
    c = lambda_parts.c
    rows = tx.execute(
        select(lambda_parts)
        .where(c.scope == scope, c.name == name, c.kind == kind, c.qualifier > after)
        .order_by(c.qualifier)
        .limit(limit)
    )
    return [_part(row) for row in rows]


def remove_part(tx: Connection, scope: str, name: str, kind: str, qualifier: str) -> bool:
    """Remove a part; false when there is none."""
    c = lambda_parts.c
    return (
        tx.execute(
            delete(lambda_parts).where(
                c.scope == scope, c.name == name, c.kind == kind, c.qualifier == qualifier
            )
        ).rowcount
        == 1
    )


def _version(row: Row[Any]) -> Version:
    return Version(
        scope=row.scope,
        name=row.name,
        version=row.version,
        revision=row.revision,
        sha=row.sha,
        modified=row.modified,
        body=row.body,
    )


def _part(row: Row[Any]) -> Part:
    return Part(
        scope=row.scope,
        name=row.name,
        kind=row.kind,
        qualifier=row.qualifier,
        revision=row.revision,
        modified=row.modified,
        body=row.body,
    )
