"""Clears away, in small transactions, what hung on deleted databases and tables.

Out of sight it is at once, because ids are never used again. State: tasks of the queue ``catalog.sweep``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.store import (
    catalog_descriptors,
    catalog_partitions,
    catalog_statistics,
    catalog_tables,
    catalog_upkeep,
    documents,
    tasks,
)
from mastic.store.engine import Store

QUEUE = "catalog.sweep"
# So many partitions go with their table in its own transaction.
AT_ONCE = 500
CHUNK = 2000
# Fewer descriptors are not worth a walk over the table's partitions.
MANY_DESCRIPTORS = 100


class Sweeper:
    """``handle`` is the worker's part; the rest is called in the transaction that deletes."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def tables_deleted(self, tx: Connection, table_ids: Sequence[int]) -> None:
        """These tables were deleted."""
        _sweep_tables(tx, table_ids)
        for table_id in table_ids:
            if catalog_partitions.sweep(tx, table_id, AT_ONCE) == AT_ONCE:
                self._later(tx, f"table:{table_id}", {"table": table_id})

    def database_deleted(self, tx: Connection, database_id: int) -> None:
        """This database was deleted."""
        documents.sweep(tx, f"database:{database_id}")
        if catalog_tables.orphans(tx, database_id, 1):
            self._later(tx, f"database:{database_id}", {"database": database_id})

    def handle(self, task: tasks.Task) -> None:
        """Clear away what one deletion left."""
        if "table" in task.payload:
            self._sweep_partitions(task.payload["table"])
        else:
            self._sweep_tables(task.payload["database"])

    def _sweep_tables(self, database_id: int) -> None:
        while True:
            with self._store.read() as tx:
                orphans = catalog_tables.orphans(tx, database_id, 100)
            if not orphans:
                return
            for table_id in orphans:
                self._sweep_partitions(table_id)
            with self._store.write() as tx:
                _sweep_tables(tx, orphans)

    def _sweep_partitions(self, table_id: int) -> None:
        while True:
            with self._store.write() as tx:
                if catalog_partitions.sweep(tx, table_id, CHUNK) < CHUNK:
                    return

    def forget_descriptors(self, fewest: int = MANY_DESCRIPTORS) -> None:
        """Delete the shared descriptors that no partition has any more, of tables that have so many at least."""
        with self._store.read() as tx:
            found = catalog_descriptors.tables_with(tx, fewest)
        for table_id in found:
            last = 0
            while True:
                with self._store.read() as tx:
                    ids = catalog_descriptors.unused(tx, table_id, last, CHUNK)
                if not ids:
                    break
                self._forget(table_id, ids)
                last = ids[-1]

    def _forget(self, table_id: int, ids: list[int]) -> None:
        with self._store.write() as tx:
            catalog_descriptors.set_aside(tx, table_id, ids)
        # Seen after that, what is not used cannot come into use again.
        with self._store.read() as tx:
            still = {*catalog_descriptors.unused(tx, table_id, ids[0] - 1, CHUNK)} & {*ids}
        with self._store.write() as tx:
            catalog_descriptors.remove(tx, sorted(still))

    def _later(self, tx: Connection, key: str, payload: dict[str, Any]) -> None:
        tasks.put(tx, QUEUE, key, payload, not_before=self._clock.now())


def _sweep_tables(tx: Connection, table_ids: Sequence[int]) -> None:
    """Everything of the tables but their partitions, of which there may be millions."""
    catalog_tables.sweep(tx, table_ids)
    catalog_statistics.sweep(tx, table_ids)
    catalog_upkeep.sweep(tx, table_ids)
    for table_id in table_ids:
        documents.sweep(tx, f"table:{table_id}")
