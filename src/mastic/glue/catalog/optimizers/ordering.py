"""The order of the rows of a compacted file: by the table's sort order, or along a curve through all of its columns.

The strategy ``z-order`` interleaves the bits of the columns' ranks among the rows, so that rows that are near in every
column come to stand near each other, and each column's values lie close together within a row group. Owns no state.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.table.sorting import NullOrder, SortDirection
from pyiceberg.transforms import IdentityTransform

from mastic.glue.catalog.optimizers.opening import Opened
from mastic.glue.catalog.task_runs import TaskFailed

# The interleaved bits of all columns fit into a signed number of 64 bits, a rank times its scale as well.
_BITS, _MOST_OF_ONE = 62, 31


def check(opened: Opened, strategy: str) -> None:
    """Raise TaskFailed for a table whose rows cannot be ordered so."""
    found = len(sort_keys(opened))
    if not found:
        raise TaskFailed(f"The {strategy} strategy needs a table with a sort order")
    if strategy == "z-order" and not 2 <= found <= _BITS:
        raise TaskFailed("The z-order strategy needs a sort order of two columns or more")


def ordered(opened: Opened, strategy: str, table: pa.Table) -> pa.Table:
    """The rows in their new order."""
    keys = sort_keys(opened)
    return _interleaved(table, keys) if strategy == "z-order" else _sorted(table, keys)


def sort_keys(opened: Opened) -> list[tuple[str, str]]:
    """The table's sort order for Arrow. Raises TaskFailed for one that is by transforms."""
    keys = []
    order = opened.metadata.sort_order_by_id(opened.metadata.default_sort_order_id)
    for field in order.fields if order is not None else ():
        if not isinstance(field.transform, IdentityTransform):
            raise TaskFailed(f"Sorting by the transform {field.transform} is not supported")
        name = opened.metadata.schema().find_column_name(field.source_id)
        if name is None or "." in name:
            raise TaskFailed("Sorting by nested fields is not supported")
        first = field.null_order == NullOrder.NULLS_FIRST
        keys.append((name, f"{'asc' if field.direction == SortDirection.ASC else 'desc'}:{first}"))
    return keys


def _interleaved(table: pa.Table, keys: list[tuple[str, str]]) -> pa.Table:
    bits = min(_MOST_OF_ONE, _BITS // len(keys))
    place = pa.array([0] * table.num_rows, pa.int64())
    for number, (name, how) in enumerate(keys):
        rank = _ranks(table.column(name), how, (1 << bits) - 1)
        for bit in range(bits):
            one = _of("bit_wise_and", _of("shift_right", rank, bit), 1)
            place = _of(
                "bit_wise_or", place, _of("shift_left", one, bit * len(keys) + len(keys) - 1 - number)
            )
    return table.take(pc.call_function("array_sort_indices", [place]))


def _ranks(column: pa.ChunkedArray, how: str, highest: int) -> pa.Array:
    """The rank of each row's value among the values there are, from 0 to ``highest``."""
    ways = column.combine_chunks().dictionary_encode()
    # In the order of the values, each dictionary entry where it first comes.
    entries = ways.indices.take(_order(column, how))
    ranks: dict[Any, int] = {}
    for entry in entries.to_pylist():
        ranks.setdefault(entry, len(ranks))
    scale = max(1, len(ranks) - 1)
    return pa.array([ranks[entry] * highest // scale for entry in ways.indices.to_pylist()], pa.int64())


def _of(function: str, left: pa.Array, right: Any) -> pa.Array:
    return pc.call_function(
        function, [left, right if isinstance(right, pa.Array) else pa.scalar(right, pa.int64())]
    )


def _sorted(table: pa.Table, keys: list[tuple[str, str]]) -> pa.Table:
    """Sorted with each key's own order of nulls, the last key first: Arrow's sort is stable."""
    order = pa.array(range(table.num_rows))
    for name, how in reversed(keys):
        order = order.take(_order(table.column(name).take(order), how))
    return table.take(order)


def _order(column: pa.ChunkedArray, how: str) -> pa.Array:
    """The places of the values in their order. ``how`` is as ``sort_keys`` has it."""
    direction, first = how.split(":")
    way = "ascending" if direction == "asc" else "descending"
    placement = "at_start" if first == "True" else "at_end"
    options = pc.SortOptions([("k", way)], null_placement=placement)
    return pc.call_function("sort_indices", [pa.table({"k": column})], options)
