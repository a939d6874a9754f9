"""Rows in the order that a rewrite asks for: of its own, or the table's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.tokens import split_commas

_ORDER = re.compile(
    r"(?P<name>`[^`]+`|[\w.]+)(?:\s+(?P<way>asc|desc))?(?:\s+nulls[\s_]+(?P<nulls>first|last))?",
    re.IGNORECASE,
)
_ROWS = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Key:
    """A column to order by."""

    column: str
    descending: bool
    nulls_first: bool


def asked(strategy: str | None, order: str | None, table: Any) -> list[Key]:
    """What a rewrite is to order by; nothing for bin packing. Raises IllegalArgumentException, EngineRefused."""
    from pyspark.errors import IllegalArgumentException

    chosen = (strategy or ("sort" if order else "binpack")).lower()
    if chosen == "binpack":
        if order:
            raise IllegalArgumentException("Must use only one rewriter type (bin-pack, sort, zorder)")
        return []
    if chosen != "sort":
        raise IllegalArgumentException(f"unsupported strategy: {strategy}. Only binpack or sort is supported")
    found = [_key(piece, table) for piece in split_commas(order)] if order else _own(table)
    if not found:
        name = ".".join(table.name())
        raise IllegalArgumentException(
            "Cannot sort data without a valid sort order, "
            f"table '{name}' is unsorted and no sort order is provided"
        )
    return found


def _key(piece: str, table: Any) -> Key:
    from pyspark.errors import IllegalArgumentException

    match = _ORDER.fullmatch(piece.strip())
    if match is None:
        raise EngineRefused(f"rewrite_data_files with the sort order {piece}")
    name = match["name"].strip("`")
    fields = {field.name.lower(): field for field in table.schema().fields}
    field = fields.get(name.lower())
    if field is None:
        raise IllegalArgumentException(f"Cannot find field '{name}' in struct: {table.schema()}")
    descending = (match["way"] or "asc").lower() == "desc"
    nulls_first = (match["nulls"].lower() == "first") if match["nulls"] else not descending
    return _of(field, descending, nulls_first)


def _of(field: Any, descending: bool, nulls_first: bool) -> Key:
    if not field.field_type.is_primitive:
        raise EngineRefused(f"a sort order by {field.name}, which is {field.field_type}")
    return Key(column=field.name, descending=descending, nulls_first=nulls_first)


def _own(table: Any) -> list[Key]:
    from pyiceberg.table.sorting import NullOrder, SortDirection
    from pyiceberg.transforms import IdentityTransform

    fields = {field.field_id: field for field in table.schema().fields}
    found = []
    for one in table.sort_order().fields:
        if not isinstance(one.transform, IdentityTransform) or one.source_id not in fields:
            raise EngineRefused(f"rewrite_data_files by the table's sort order {one}")
        descending = one.direction == SortDirection.DESC
        found.append(_of(fields[one.source_id], descending, one.null_order == NullOrder.NULLS_FIRST))
    return found


def ordered(batches: Iterator[Any], schema: Any, keys: list[Key]) -> Iterator[Any]:
    """The same rows in order, NaN behind every number, as Spark has it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.Table.from_batches(list(batches), schema)
    columns: dict[str, Any] = {}
    order: list[tuple[str, str]] = []
    for number, key in enumerate(keys):
        column = rows.column(key.column)
        way = "descending" if key.descending else "ascending"
        columns[f"null{number}"] = pc.is_null(column)
        order.append((f"null{number}", "descending" if key.nulls_first else "ascending"))
        if pa.types.is_floating(column.type):
            nan = pc.fill_null(pc.is_nan(column), False)
            columns[f"nan{number}"] = nan
            order.append((f"nan{number}", way))
            column = pc.if_else(nan, pa.scalar(None, column.type), column)
        columns[f"value{number}"] = column
        order.append((f"value{number}", way))
    places = pc.sort_indices(pa.table(columns), sort_keys=order)
    yield from rows.take(places).to_batches(max_chunksize=_ROWS)
