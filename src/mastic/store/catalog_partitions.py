"""Partitions of tables: a row each, storage descriptors shared.

Owns ``catalog_partitions`` and ``catalog_descriptors``. A row's ``key`` is the sortable encoding of all its
values, unique in the table, and its index is the only one: every search walks it (``catalog_scans``). ``k0`` …
are the encodings of the single values (NULL: not readable as the key's type), by which searches filter.
``document`` is the JSON text of a PartitionInput, with the Location in the place of the StorageDescriptor; a
descriptor is what partitions of one table have in common in theirs: all of it but the Location.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    literal,
    select,
    update,
)

from mastic.store import sealing
from mastic.store.changes import note
from mastic.store.engine import insert
from mastic.store.prepared import Prepared
from mastic.store.schema import Identity, Sortable, metadata
from mastic.store.sqlite import driver

# Keys beyond these are stored, but no expression can name them.
SEARCHABLE_KEYS = 10

partitions = Table(
    "catalog_partitions",
    metadata,
    # Counted up from the highest there is: what belongs to an id goes with its partition.
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("table_id", BigInteger, nullable=False),
    Column("key", Sortable, nullable=False),
    *(Column(f"k{n}", Sortable) for n in range(SEARCHABLE_KEYS)),
    Column("descriptor", BigInteger),
    Column("document", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)
Index("ux_catalog_partitions_key", partitions.c.table_id, partitions.c.key, unique=True)

descriptors = Table(
    "catalog_descriptors",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("table_id", BigInteger, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("body", Text, nullable=False),
)
Index("ux_catalog_descriptors_digest", descriptors.c.table_id, descriptors.c.digest, unique=True)

_SHOWN = (
    partitions.c.id,
    partitions.c.key,
    partitions.c.descriptor,
    partitions.c.document,
    partitions.c.created,
)
_OF_TABLE = partitions.c.table_id == bindparam("of")
_ONE = select(*_SHOWN).where(_OF_TABLE, partitions.c.key == bindparam("at"))
_SOME = select(*_SHOWN).where(_OF_TABLE, partitions.c.key.in_(bindparam("at", expanding=True)))
_DESCRIPTOR = Prepared(select(descriptors.c.body).where(descriptors.c.id == bindparam("which")))
_DESCRIPTORS = select(descriptors.c.id, descriptors.c.body).where(
    descriptors.c.id.in_(bindparam("some", expanding=True))
)
_KNOWN = Prepared(
    select(descriptors.c.id).where(
        descriptors.c.table_id == bindparam("of"), descriptors.c.digest == bindparam("digest")
    )
)


class PartitionRow(NamedTuple):
    """What a search finds of a partition."""

    id: int
    key: str
    descriptor: int | None
    document: str
    created: int


class Descriptor(NamedTuple):
    """A shared descriptor about to be stored: its JSON text, and the digest by which it is known again."""

    digest: bytes
    text: str


class NewPartitions(NamedTuple):
    """Partitions of one table about to be stored, column by column: they come by the hundred thousand.

    ``parts`` has a column for each of the table's keys. Of equal keys the first counts.
    """

    keys: Sequence[str]
    parts: Sequence[Sequence[str | None]]
    descriptors: Sequence[Descriptor | None]
    documents: Sequence[str]
    created: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the table's partitions have, in the order of ``rows``."""
        count = min(len(self.parts), SEARCHABLE_KEYS)
        return ("table_id", "key", *(f"k{n}" for n in range(count)), "descriptor", "document", "created")

    def rows(self, table_id: int, ids: dict[Descriptor | None, int | None]) -> Iterator[tuple[Any, ...]]:
        """The rows, given the ids of their descriptors."""
        return zip(
            repeat(table_id),
            self.keys,
            *self.parts[:SEARCHABLE_KEYS],
            map(ids.__getitem__, self.descriptors),
            self.documents,
            repeat(self.created),
            strict=False,
        )


def add(tx: Connection, table_id: int, new: NewPartitions) -> set[str] | None:
    """Store partitions; returns the keys that did not exist before, None when it was all of them."""
    new = _sealed(tx, new)
    ids = _descriptor_ids(tx, table_id, new.descriptors)
    if tx.dialect.name == "sqlite":
        return _add_alone(tx, table_id, new, ids)
    rows = (dict(zip(new.columns, row, strict=True)) for row in new.rows(table_id, ids))
    added = tx.execute(
        insert(tx, partitions)
        .on_conflict_do_nothing(index_elements=["table_id", "key"])
        .returning(partitions.c.key),
        # In one order for all writers: two that wait for each other's rows would wait for ever.
        sorted(rows, key=lambda row: str(row["key"])),
    )
    found = set(added.scalars())
    return None if len(found) == len(new.keys) else found


def _add_alone(
    tx: Connection, table_id: int, new: NewPartitions, ids: dict[Descriptor | None, int | None]
) -> set[str] | None:
    """SQLite has one writer: what has a higher id than there was before, has just been added.

    SQLAlchemy's work on parameters costs more than SQLite's: the statement is given as the driver takes it.
    """
    note(tx, partitions.name)
    below = driver(tx)
    (last,) = below.execute("SELECT max(id) FROM catalog_partitions").fetchone()
    names = ", ".join(f'"{name}"' for name in new.columns)
    text = (
        f"INSERT INTO catalog_partitions ({names}) VALUES ({_marks(len(new.columns))}) ON CONFLICT DO NOTHING"
    )
    if below.executemany(text, new.rows(table_id, ids)).rowcount == len(new.keys):
        return None
    found: set[str] = set()
    for start in range(0, len(new.keys), 500):
        some = new.keys[start : start + 500]
        rows = below.execute(
            'SELECT "key" FROM catalog_partitions WHERE table_id = ? AND id > ? '
            f'AND "key" IN ({_marks(len(some))})',
            (table_id, last or 0, *some),
        )
        found.update(key for (key,) in rows)
    return found


def _marks(count: int) -> str:
    return ",".join("?" * count)


def _descriptor_ids(
    tx: Connection, table_id: int, wanted: Iterable[Descriptor | None]
) -> dict[Descriptor | None, int | None]:
    """The ids of descriptors, stored if they are new. Mostly it is one, and known."""
    ids: dict[Descriptor | None, int | None] = {None: None}
    # In one order for all writers, as the rows.
    for one in sorted({*wanted} - {None}, key=str):
        assert one is not None
        found = _KNOWN.first(tx, {"of": table_id, "digest": one.digest})
        if found is None:
            row = {"table_id": table_id, "digest": one.digest, "body": one.text}
            tx.execute(
                insert(tx, descriptors).on_conflict_do_nothing(index_elements=["table_id", "digest"]), row
            )
            found = _KNOWN.first(tx, {"of": table_id, "digest": one.digest})
        ids[one] = found[0]
    return ids


def _sealed(tx: Connection, new: NewPartitions) -> NewPartitions:
    """The same with their texts encrypted, where the catalog's settings ask for it. Keys stay as they are,
    because expressions search them; equal descriptors are still stored once for each key."""
    key = sealing.key_of(tx)
    if key is None:
        return new
    shared: dict[Descriptor | None, Descriptor | None] = {None: None}
    for one in new.descriptors:
        if one is not None and one not in shared:
            digest = hashlib.blake2b(one.digest, key=key.secret, digest_size=len(one.digest)).digest()
            shared[one] = Descriptor(digest, sealing.sealed(key, one.text))
    return new._replace(
        descriptors=[shared[one] for one in new.descriptors],
        documents=[sealing.sealed(key, text) for text in new.documents],
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


def replace(tx: Connection, table_id: int, key: str, new: NewPartitions) -> bool:
    """Put ``new``, which is one, in the place of the partition at ``key``, its creation time kept.

    False when there is none. Raises Duplicate at the end when ``new`` has the key of another.
    """
    new = _sealed(tx, new)
    (row,) = new.rows(table_id, _descriptor_ids(tx, table_id, new.descriptors))
    values = dict(zip(new.columns, row, strict=True))
    del values["created"], values["table_id"]
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


def descriptor_bodies(tx: Connection, ids: Iterable[int]) -> dict[int, str]:
    """The JSON texts of descriptors."""
    read = sealing.opener(tx)
    wanted = sorted(set(ids))
    found: dict[int, str] = {}
    if len(wanted) == 1:
        # As nearly always.
        body = _DESCRIPTOR.first(tx, {"which": wanted[0]})
        return {} if body is None else {wanted[0]: read(body[0]) or ""}
    for start in range(0, len(wanted), 500):
        rows = tx.execute(_DESCRIPTORS, {"some": wanted[start : start + 500]})
        found.update((row.id, read(row.body) or "") for row in rows)
    return found


def any_of(tx: Connection, table_id: int) -> bool:
    """Whether the table has a partition."""
    return bool(tx.execute(select(exists().where(partitions.c.table_id == table_id))).scalar())


def after_id(tx: Connection, table_id: int, after: int, count: int) -> Sequence[Any]:
    """Ids and documents in the order of ids: to go over all partitions of a table while changing their keys."""
    return tx.execute(
        select(partitions.c.id, partitions.c.document)
        .where(partitions.c.table_id == table_id, partitions.c.id > after)
        .order_by(partitions.c.id)
        .limit(count)
    ).all()


def rekey(tx: Connection, table_id: int, encoded: Sequence[tuple[int, str, Sequence[str | None]]]) -> None:
    """Give partitions, by id, the encodings that other key types ask for."""
    _make_room(tx, table_id, {key: which for which, key, _ in encoded})
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


def _make_room(tx: Connection, table_id: int, wanted: dict[str, int]) -> None:
    """What one type encodes as a key, another may have encoded for another partition: that one, whose turn is still to
    come, gets a key that no values have."""
    keys = list(wanted)
    for start in range(0, len(keys), 500):
        holders = select(partitions.c.id, partitions.c.key).where(
            partitions.c.table_id == table_id, partitions.c.key.in_(keys[start : start + 500])
        )
        others = [which for which, key in tx.execute(holders) if wanted[key] != which]
        if others:
            aside = literal("\x02", Sortable) + cast(partitions.c.id, Text)
            tx.execute(update(partitions).where(partitions.c.id.in_(others)).values(key=aside))


def sweep(tx: Connection, table_id: int, count: int) -> int:
    """Delete up to ``count`` partitions of a deleted table, at last its descriptors; returns how many."""
    some = select(partitions.c.id).where(partitions.c.table_id == table_id).limit(count)
    removed = tx.execute(delete(partitions).where(partitions.c.id.in_(some))).rowcount
    if removed < count:
        tx.execute(delete(descriptors).where(descriptors.c.table_id == table_id))
    return removed
