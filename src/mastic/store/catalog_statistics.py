"""Column statistics of tables and partitions. Owns the table ``catalog_statistics``.

``partition_id`` is 0 for the statistics of a table as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Table, delete, select

from mastic.store.engine import insert
from mastic.store.schema import SealedJson, Sortable, metadata

OF_TABLE = 0

statistics = Table(
    "catalog_statistics",
    metadata,
    Column("table_id", BigInteger, primary_key=True, autoincrement=False),
    Column("partition_id", BigInteger, primary_key=True, autoincrement=False),
    Column("column", Sortable, primary_key=True),
    Column("body", SealedJson, nullable=False),
    sqlite_with_rowid=False,
)


def put(tx: Connection, table_id: int, partition_id: int, bodies: dict[str, dict[str, Any]]) -> None:
    """Store statistics by column name, in the place of any that are there."""
    # In one order for all writers: two that wait for each other's rows would wait for ever.
    for column, body in sorted(bodies.items(), key=lambda item: item[0]):
        tx.execute(
            insert(tx, statistics)
            .values(table_id=table_id, partition_id=partition_id, column=column, body=body)
            .on_conflict_do_update(index_elements=["table_id", "partition_id", "column"], set_={"body": body})
        )


def get(
    tx: Connection, table_id: int, partition_id: int, columns: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Statistics of those of the columns that have some."""
    rows = tx.execute(
        select(statistics.c.column, statistics.c.body).where(
            statistics.c.table_id == table_id,
            statistics.c.partition_id == partition_id,
            statistics.c.column.in_(list(columns)),
        )
    )
    return {row.column: row.body for row in rows}


def remove(tx: Connection, table_id: int, partition_id: int, column: str) -> bool:
    """Delete the statistics of a column; false when there are none."""
    gone = tx.execute(
        delete(statistics).where(
            statistics.c.table_id == table_id,
            statistics.c.partition_id == partition_id,
            statistics.c.column == column,
        )
    )
    return gone.rowcount == 1


def remove_partitions(tx: Connection, table_id: int, partition_ids: Iterable[int]) -> None:
    """Delete what belongs to partitions that are gone."""
    tx.execute(
        delete(statistics).where(
            statistics.c.table_id == table_id, statistics.c.partition_id.in_(list(partition_ids))
        )
    )


def sweep(tx: Connection, table_ids: Sequence[int]) -> None:
    """Delete what belongs to tables that are gone."""
    tx.execute(delete(statistics).where(statistics.c.table_id.in_(table_ids)))
