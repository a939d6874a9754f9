"""Below a null struct all is null: the engine takes a member's value from its own array, whatever the struct's says.

Arrow arrays that Python makes hold 0 or '' there. So rows that come from Python pass here on their way to the engine:
those of createDataFrame(), and what functions over batches and groups answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime.client import given_rows, map_order, udfs


def install() -> None:
    """Patch the Connect client's classes."""
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.group import GroupedData, PandasCogroupedOps
    from pyspark.sql.connect.plan import LocalRelation

    udfs.install()
    given_rows.install()
    original = LocalRelation.__init__

    def init(self: Any, table: Any, schema: str | None = None) -> None:
        original(self, None if table is None else masked_table(map_order.ordered_table(table)), schema)

    LocalRelation.__init__ = init  # type: ignore[method-assign]
    map_batches = DataFrame.mapInArrow

    def masking(method: Any) -> Any:
        def call(self: Any, func: Any, schema: Any, *args: Any, **kwargs: Any) -> Any:
            answered = method(self, func, schema, *args, **kwargs)
            return (
                map_batches(answered, _masked_batches, answered.schema) if _has_struct(schema) else answered
            )

        return call

    for owner, names in (
        (DataFrame, ("mapInPandas", "mapInArrow")),
        (GroupedData, ("applyInPandas", "applyInArrow")),
        (PandasCogroupedOps, ("applyInPandas", "applyInArrow")),
    ):
        for name in names:
            setattr(owner, name, masking(getattr(owner, name)))


def masked_table(table: Any) -> Any:
    """The Arrow table with nulls below each null struct."""
    import pyarrow as pa

    if not any(_nested(field.type) for field in table.schema):
        return table
    columns = [pa.chunked_array([masked(c) for c in column.chunks], column.type) for column in table.columns]
    return pa.table(columns, schema=table.schema)


def masked(array: Any) -> Any:
    """The Arrow array with nulls below each null struct, at any depth."""
    import pyarrow as pa

    kind = array.type
    if not _nested(kind):
        return array
    if array.offset:
        array = pa.concat_arrays([array])
    nulls = array.is_null() if array.null_count else None
    if pa.types.is_struct(kind):
        # flatten() gives the members as the struct's own nulls leave them.
        return pa.StructArray.from_arrays([masked(c) for c in array.flatten()], fields=list(kind), mask=nulls)
    if pa.types.is_map(kind):
        return pa.MapArray.from_arrays(
            array.offsets, masked(array.keys), masked(array.items), type=kind, mask=nulls
        )
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(masked(array.values), type=kind, mask=nulls)
    return type(array).from_arrays(array.offsets, masked(array.values), type=kind, mask=nulls)


def _nested(kind: Any) -> bool:
    """Whether a struct is somewhere in the Arrow type."""
    import pyarrow as pa

    return pa.types.is_struct(kind) or any(
        _nested(kind.field(i).type) for i in range(kind.num_fields) if pa.types.is_nested(kind)
    )


def _has_struct(schema: Any) -> bool:
    text = schema if isinstance(schema, str) else schema.simpleString().partition("<")[2]
    return "struct" in text.lower()


def _masked_batches(batches: Iterator[Any]) -> Iterator[Any]:
    import pyarrow as pa

    for batch in batches:
        yield pa.RecordBatch.from_arrays([masked(c) for c in batch.columns], schema=batch.schema)
