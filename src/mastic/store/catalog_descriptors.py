"""Shared storage descriptors that no partition has any more: found, set aside, deleted.

Changed and deleted partitions leave theirs behind, because looking for others that share it would cost a walk over the
table. A descriptor is set aside by taking away the digest by which it is known again: whoever stores a partition
afterwards stores a descriptor of its own. Only then what is still without a partition is deleted. Owns no table.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, select, update

from mastic.store.catalog_partitions import descriptors, partitions
from mastic.store.catalog_tables import tables

_STEP = 500


def tables_with(tx: Connection, fewest: int) -> list[int]:
    """The tables that have at least so many descriptors."""
    found = select(descriptors.c.table_id).group_by(descriptors.c.table_id).having(func.count() >= fewest)
    return list(tx.execute(found).scalars())


def unused(tx: Connection, table_id: int, after: int, count: int) -> list[int]:
    """Up to ``count`` of the table's descriptors behind ``after`` that none of its partitions has, by id."""
    found = (
        select(descriptors.c.id)
        .where(descriptors.c.table_id == table_id, descriptors.c.id > after, _unused(tx, table_id))
        .order_by(descriptors.c.id)
        .limit(count)
    )
    return list(tx.execute(found).scalars())


def _unused(tx: Connection, table_id: int) -> ColumnElement[bool]:
    """One walk over the table's partitions, as each database does it."""
    its = partitions.c.table_id == table_id
    if tx.dialect.name == "sqlite":
        return descriptors.c.id.not_in(
            select(partitions.c.descriptor).where(its, partitions.c.descriptor.is_not(None))
        )
    return ~exists().where(its, partitions.c.descriptor == descriptors.c.id)


def set_aside(tx: Connection, table_id: int, ids: Sequence[int]) -> None:
    """Nobody finds these by their digest any more. Waits for whoever has found one and not yet stored its use."""
    tx.execute(select(tables.c.id).where(tables.c.id == table_id).with_for_update())
    tx.execute(
        update(descriptors).where(descriptors.c.id == bindparam("which")).values(digest=bindparam("unknown")),
        [{"which": one, "unknown": os.urandom(16)} for one in ids],
    )


def remove(tx: Connection, ids: Sequence[int]) -> None:
    """Delete descriptors that were set aside and have no partition since."""
    for start in range(0, len(ids), _STEP):
        tx.execute(delete(descriptors).where(descriptors.c.id.in_(ids[start : start + _STEP])))
