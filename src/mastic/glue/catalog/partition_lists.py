"""GetPartitions: a table's partitions by expression, by segment, page by page. Changes nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.context import Context
from mastic.errors import invalid_input
from mastic.glue.catalog import expressions, indexes, lookup, partition_rows
from mastic.glue.catalog.expressions import Key
from mastic.glue.pages import Pager
from mastic.store import catalog_scans
from mastic.store.catalog_scans import Search
from mastic.store.catalog_tables import TableRow
from mastic.store.engine import Store

PAGE = 1000


class PartitionLists:
    """The handler of GetPartitions."""

    def __init__(self, *, store: Store, pager: Pager) -> None:
        self._store = store
        self._pager = pager

    def get_partitions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Partitions that satisfy the Expression. Raises InvalidInputException saying what is wrong."""
        if "QueryAsOfTime" in request or "TransactionId" in request:
            raise invalid_input(
                "QueryAsOfTime and TransactionId belong to governed tables, which are not supported: partitions are "
                "listed as they are now"
            )
        with self._store.read() as tx:
            place, table = lookup.table(tx, context, request)
            count = request.get("MaxResults", PAGE)
            search = search_for(tx, table, request.get("Expression"), request.get("Segment"))
            bound = f"{table.id}:{request.get('Expression', '')}:{search.segment}"
            after = self._pager.read(request.get("NextToken"), "GetPartitions", bound)
            rows = catalog_scans.page(tx, search, after, count + 1)
            token = self._pager.token(rows, count, lambda row: row.key, "GetPartitions", bound)
            found = partition_rows.shapes(
                tx, place, table, rows[:count], without_columns=request.get("ExcludeColumnSchema", False)
            )
        return {"Partitions": found, "NextToken": token}


def search_for(
    tx: Connection, table: TableRow, expression: str | None, segment: dict[str, int] | None
) -> Search:
    """What a request asks of a table's partitions. Raises InvalidInputException."""
    keys = [
        Key(name=k["Name"], type=k.get("Type") or "string") for k in table.body.get("PartitionKeys") or []
    ]
    condition = None
    if expression and expression.strip():
        condition = expressions.parse(expression, keys, strict=indexes.has_any(tx, table.id))
    slice_ = None
    if segment is not None:
        number, total = segment["SegmentNumber"], segment["TotalSegments"]
        if number >= total:
            raise invalid_input(f"SegmentNumber {number} must be less than TotalSegments {total}")
        slice_ = (number, total)
    return Search(table_id=table.id, keys=len(keys), condition=condition, segment=slice_)
