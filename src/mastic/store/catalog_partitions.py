"""Partitions of tables: a row each, storage descriptors shared.

Owns ``catalog_partitions`` and ``catalog_descriptors``. A row's ``key`` is the sortable encoding of all its
values, unique in the table; ``k0`` … are the encodings of the single values (NULL: not readable as the
key's type). Pages follow the order of the index that a search uses. A descriptor is what partitions of one
table have in common in their StorageDescriptor: all of it but the Location.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    select,
    update,
)

from mastic.store import sealing
from mastic.store.engine import insert
from mastic.store.prepared import Prepared
from mastic.store.schema import Identity, Sortable, metadata
from mastic.store.sqlite import driver

# Keys beyond these are stored, but no expression can name them.
SEARCHABLE_KEYS = 10
# The first key leads the unique index. These have one each, for which tables without the key pay nothing.
INDEXED_KEYS = (1, 2, 3, 4)
# Divisible by every number of segments that a scan may ask for.
SLOTS = 2520

partitions = Table(
    "catalog_partitions",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("table_id", BigInteger, nullable=False),
    Column("key", Sortable, nullable=False),
    *(Column(f"k{n}", Sortable) for n in range(SEARCHABLE_KEYS)),
    Column("slot", SmallInteger, nullable=False),
    # JSON texts, written and read by glue.catalog.partitions: a page holds a thousand of them.
    Column("values", Text, nullable=False),
    Column("descriptor", LargeBinary(16)),
    Column("location", Text),
    Column("body", Text),
    Column("created", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
Index("ux_catalog_partitions_key", partitions.c.table_id, partitions.c.key, unique=True)
for _n in INDEXED_KEYS:
    _key = partitions.c[f"k{_n}"]
    Index(
        f"ix_catalog_partitions_k{_n}",
        partitions.c.table_id,
        _key,
        partitions.c.key,
        sqlite_where=_key.is_not(None),
        postgresql_where=_key.is_not(None),
    )

descriptors = Table(
    "catalog_descriptors",
    metadata,
    Column("table_id", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(16), primary_key=True),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

_WRITTEN = tuple(column.name for column in partitions.columns if column.name != "id")
_NO_PARTS = (None,) * SEARCHABLE_KEYS

_OF_TABLE = partitions.c.table_id == bindparam("of")
_ONE = select(partitions).where(_OF_TABLE, partitions.c.key == bindparam("at"))
_SOME = select(partitions).where(_OF_TABLE, partitions.c.key.in_(bindparam("at", expanding=True)))
_KEYS = select(partitions.c.key).where(_OF_TABLE, partitions.c.key.in_(bindparam("at", expanding=True)))
_DESCRIPTOR = Prepared(
    select(descriptors.c.body).where(
        descriptors.c.table_id == bindparam("of"), descriptors.c.digest == bindparam("digest")
    )
)
_DESCRIPTORS = select(descriptors.c.digest, descriptors.c.body).where(
    descriptors.c.table_id == bindparam("of"), descriptors.c.digest.in_(bindparam("digests", expanding=True))
)


class PartitionRow(NamedTuple):
    """A row as a search finds it: all columns."""

    id: int
    table_id: int
    key: str
    k0: str | None
    k1: str | None
    k2: str | None
    k3: str | None
    k4: str | None
    k5: str | None
    k6: str | None
    k7: str | None
    k8: str | None
    k9: str | None
    slot: int
    values: str
    descriptor: bytes | None
    location: str | None
    body: str | None
    created: int


class NewPartition(NamedTuple):
    """A partition about to be stored: JSON texts and encodings, ready for the row."""

    key: str
    parts: tuple[str | None, ...]
    slot: int
    values: str
    digest: bytes | None
    location: str | None
    body: str | None
    created: int
    descriptor: str | None


def _row(table_id: int, new: NewPartition) -> dict[str, Any]:
    parts = (*new.parts[:SEARCHABLE_KEYS], *_NO_PARTS[len(new.parts) :])
    return dict(zip(_WRITTEN, (table_id, new.key, *parts, *new[2:-1]), strict=True))


def add(tx: Connection, table_id: int, new: Sequence[NewPartition]) -> set[str]:
    """Store partitions with keys all different; returns the keys that did not exist before."""
    new = _sealed(tx, new)
    if tx.dialect.name == "sqlite":
        return _add_alone(tx, table_id, new)
    _share(tx, table_id, new)
    added = tx.execute(
        insert(tx, partitions)
        .on_conflict_do_nothing(index_elements=["table_id", "key"])
        .returning(partitions.c.key),
        # In one order for all writers: two that wait for each other's rows would wait for ever.
        [_row(table_id, p) for p in sorted(new, key=lambda p: p.key)],
    )
    return set(added.scalars())


def _add_alone(tx: Connection, table_id: int, new: Sequence[NewPartition]) -> set[str]:
    """SQLite has one writer: what has a higher id than there was before, has just been added.

    Partitions come by the hundred thousand, and SQLAlchemy's work on parameters costs more than SQLite's: the
    statements are given as the driver takes them, with no more columns than the table has keys.
    """
    if not new:
        return set()
    below = driver(tx)
    (last,) = below.execute("SELECT max(id) FROM catalog_partitions").fetchone()
    below.executemany(
        "INSERT INTO catalog_descriptors (table_id, digest, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(table_id, digest, body) for digest, body in _descriptors(new).items()],
    )
    keys = min(len(new[0].parts), SEARCHABLE_KEYS)
    added = below.executemany(
        _INSERTS[keys], [(table_id, p.key, *p.parts[:keys], *p[2:-1]) for p in new]
    ).rowcount
    if added == len(new):
        return {p.key for p in new}
    found: set[str] = set()
    for start in range(0, len(new), 500):
        some = [p.key for p in new[start : start + 500]]
        rows = below.execute(
            'SELECT "key" FROM catalog_partitions WHERE table_id = ? AND id > ? AND "key" IN '
            f"({','.join('?' * len(some))})",
            (table_id, last or 0, *some),
        )
        found.update(key for (key,) in rows)
    return found


def _insert_with(keys: int) -> str:
    columns = [name for name in _WRITTEN if name not in {f"k{n}" for n in range(keys, SEARCHABLE_KEYS)}]
    names, marks = ",".join(f'"{name}"' for name in columns), ",".join("?" * len(columns))
    return f"INSERT INTO catalog_partitions ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"


# SQLite's statements for tables of so many keys.
_INSERTS = tuple(_insert_with(keys) for keys in range(SEARCHABLE_KEYS + 1))


def _descriptors(new: Iterable[NewPartition]) -> dict[bytes, str]:
    return {p.digest: p.descriptor for p in new if p.digest is not None and p.descriptor is not None}


def _sealed(tx: Connection, new: Sequence[NewPartition]) -> Sequence[NewPartition]:
    """The same with their texts encrypted, where the catalog's settings ask for it. Values and keys stay as they
    are, because expressions search them; equal descriptors are still stored once for each key."""
    key = sealing.key_of(tx)
    if key is None:
        return new
    shared: dict[bytes, tuple[bytes, str]] = {}
    found = []
    for one in new:
        changes: dict[str, Any] = {
            m: sealing.sealed(key, text)
            for m in ("location", "body")
            if (text := getattr(one, m)) is not None
        }
        if one.digest is not None and one.descriptor is not None:
            if one.digest not in shared:
                digest = hashlib.blake2b(one.digest, key=key.secret, digest_size=len(one.digest)).digest()
                shared[one.digest] = digest, sealing.sealed(key, one.descriptor)
            changes["digest"], changes["descriptor"] = shared[one.digest]
        found.append(one._replace(**changes))
    return found


def _share(tx: Connection, table_id: int, new: Iterable[NewPartition]) -> None:
    bodies = _descriptors(new)
    if bodies:
        tx.execute(
            insert(tx, descriptors).on_conflict_do_nothing(index_elements=["table_id", "digest"]),
            [{"table_id": table_id, "digest": d, "body": b} for d, b in sorted(bodies.items())],
        )


def find(tx: Connection, table_id: int, key: str) -> Any | None:
    """The partition's row, or None."""
    return tx.execute(_ONE, {"of": table_id, "at": key}).first()


def find_many(tx: Connection, table_id: int, keys: Sequence[str]) -> dict[str, Any]:
    """Rows of those partitions that exist, by key."""
    found = {}
    for start in range(0, len(keys), 500):
        for row in tx.execute(_SOME, {"of": table_id, "at": keys[start : start + 500]}):
            found[row.key] = row
    return found


def replace(tx: Connection, table_id: int, key: str, new: NewPartition) -> bool:
    """Put ``new`` in the place of the partition at ``key``, its creation time kept.

    False when there is none. Raises Duplicate at the end when ``new`` has the key of another.
    """
    (new,) = _sealed(tx, [new])
    values = _row(table_id, new)
    del values["created"], values["table_id"]
    _share(tx, table_id, [new])
    changed = tx.execute(
        update(partitions).where(partitions.c.table_id == table_id, partitions.c.key == key).values(values)
    )
    return changed.rowcount == 1


def remove(tx: Connection, table_id: int, keys: Sequence[str]) -> dict[str, int]:
    """Delete partitions; returns the ids of those that existed, by key."""
    removed = tx.execute(
        delete(partitions)
        .where(partitions.c.table_id == table_id, partitions.c.key.in_(keys))
        .returning(partitions.c.key, partitions.c.id)
    )
    return {row.key: row.id for row in removed}


def descriptor_bodies(tx: Connection, table_id: int, digests: Iterable[bytes]) -> dict[bytes, str]:
    """The JSON texts of descriptors."""
    read = sealing.opener(tx)
    wanted = sorted(set(digests))
    found: dict[bytes, str] = {}
    if len(wanted) == 1:
        # As nearly always.
        body = _DESCRIPTOR.first(tx, {"of": table_id, "digest": wanted[0]})
        return {} if body is None else {wanted[0]: read(body[0]) or ""}
    for start in range(0, len(wanted), 500):
        rows = tx.execute(_DESCRIPTORS, {"of": table_id, "digests": wanted[start : start + 500]})
        found.update((bytes(row.digest), read(row.body) or "") for row in rows)
    return found


def any_of(tx: Connection, table_id: int) -> bool:
    """Whether the table has a partition."""
    return bool(tx.execute(select(exists().where(partitions.c.table_id == table_id))).scalar())


def after_id(tx: Connection, table_id: int, after: int, count: int) -> Sequence[Any]:
    """Ids and values in the order of ids: to go over all partitions of a table while changing their keys."""
    return tx.execute(
        select(partitions.c.id, partitions.c["values"])
        .where(partitions.c.table_id == table_id, partitions.c.id > after)
        .order_by(partitions.c.id)
        .limit(count)
    ).all()


def rekey(tx: Connection, encoded: Sequence[tuple[int, str, Sequence[str | None]]]) -> None:
    """Give partitions, by id, the encodings that other key types ask for."""
    columns: dict[str, Any] = {f"k{n}": bindparam(f"new_k{n}") for n in range(SEARCHABLE_KEYS)}
    tx.execute(
        update(partitions)
        .where(partitions.c.id == bindparam("which"))
        .values(key=bindparam("new_key"), **columns),
        [
            {
                "which": which,
                "new_key": key,
                **{f"new_k{n}": parts[n] if n < len(parts) else None for n in range(SEARCHABLE_KEYS)},
            }
            for which, key, parts in encoded
        ],
    )


def sweep(tx: Connection, table_id: int, count: int) -> int:
    """Delete up to ``count`` partitions of a deleted table, at last its descriptors; returns how many."""
    some = select(partitions.c.id).where(partitions.c.table_id == table_id).limit(count)
    removed = tx.execute(delete(partitions).where(partitions.c.id.in_(some))).rowcount
    if removed < count:
        tx.execute(delete(descriptors).where(descriptors.c.table_id == table_id))
    return removed
