"""Fitting a DataFrame to a table by Spark's ANSI store assignment: by name, only safe casts, nothing left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._frames.encoding import quote


def align(frame: Any, table: Any, shown: str, options: dict[str, str]) -> Any:
    """The frame with the table's columns in the table's order and types. Raises AnalysisException otherwise."""
    from awsglue._runtime.iceberg.types import spark_struct

    return align_to(frame, spark_struct(table.schema()), shown)


def align_to(frame: Any, target: Any, shown: str) -> Any:
    """The frame fitted to this StructType."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as fn

    here: dict[str, Any] = {}
    for item in frame.schema.fields:
        if item.name.lower() in here:
            raise AnalysisException(
                f"[AMBIGUOUS_REFERENCE] Reference `{item.name}` is ambiguous in the data written."
            )
        here[item.name.lower()] = item
    columns = []
    for item in target.fields:
        given = here.pop(item.name.lower(), None)
        if given is None:
            raise AnalysisException(
                f"[INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA] Cannot write incompatible data for the table {shown}: "
                f"Cannot find data for the output column `{item.name}`."
            )
        check_assignable(given.dataType, item.dataType, item.name, shown)
        column = fn.col(quote(given.name))
        same = given.dataType.simpleString() == item.dataType.simpleString()
        columns.append((column if same else _cast(column, given, item)).alias(item.name))
    if here:
        extra = ", ".join(f"`{item.name}`" for item in here.values())
        raise AnalysisException(
            f"[INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_COLUMNS] Cannot write incompatible data for the table {shown}: "
            f"Cannot write extra columns {extra}."
        )
    return frame.select(*columns)


def _cast(column: Any, given: Any, item: Any) -> Any:
    """The column in the table's type; a number that has no room there is an error, as Spark's store assignment says."""
    from pyspark.sql import functions as fn
    from pyspark.sql import types as t

    from awsglue._runtime import engine

    # The embedded engine's own cast refuses such numbers.
    exact = not isinstance(item.dataType, t.NumericType) or isinstance(
        item.dataType, (t.FloatType, t.DoubleType)
    )
    if exact or not isinstance(given.dataType, t.NumericType) or engine.installed() != engine.SPARK:
        return column.cast(item.dataType)
    wanted = item.dataType.simpleString()
    checked = fn.expr(f"try_cast({quote(given.name)} AS {wanted})")
    failed = fn.raise_error(
        f'[CAST_OVERFLOW_IN_TABLE_INSERT] Fail to assign a value of "{given.dataType.simpleString().upper()}" type to '
        f'the "{wanted.upper()}" type column or variable `{item.name}` due to an overflow. Use `try_cast` on the input '
        "value to tolerate overflow and return NULL instead."
    )
    return fn.when(column.isNotNull() & checked.isNull(), failed).otherwise(checked)


_INTEGERS = ["tinyint", "smallint", "int", "bigint"]
_NUMBERS = [*_INTEGERS, "decimal", "float", "double"]


def check_assignable(source: Any, target: Any, column: str, shown: str) -> None:
    """Raise AnalysisException (CANNOT_SAFELY_CAST) when ANSI store assignment forbids this."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import types as t

    left, right = source.simpleString(), target.simpleString()
    if (
        left == right
        or left == "void"
        or (
            right == "string" and not isinstance(source, (t.ArrayType, t.MapType, t.StructType, t.BinaryType))
        )
    ):
        return None
    if isinstance(source, t.ArrayType) and isinstance(target, t.ArrayType):
        return check_assignable(source.elementType, target.elementType, column, shown)
    if isinstance(source, t.MapType) and isinstance(target, t.MapType):
        check_assignable(source.keyType, target.keyType, column, shown)
        return check_assignable(source.valueType, target.valueType, column, shown)
    structs = isinstance(source, t.StructType) and isinstance(target, t.StructType)
    if structs and len(source.fields) == len(target.fields):
        for given, wanted in zip(source.fields, target.fields, strict=True):
            check_assignable(given.dataType, wanted.dataType, f"{column}.{wanted.name}", shown)
        return None
    bare = [left.split("(")[0], right.split("(")[0]]
    dates = {"date", "timestamp", "timestamp_ntz"}
    if all(item in _NUMBERS for item in bare) or set(bare) <= dates:
        return None
    raise AnalysisException(
        f"[INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST] Cannot write incompatible data for the table {shown}: "
        f'Cannot safely cast `{column}` "{left.upper()}" to "{right.upper()}".'
    )


def widen(source: Any, target: Any, batches: Iterator[Any]) -> Iterator[Any]:
    """Batches of one schema in another that differs only by wider types (byte to int)."""
    from awsglue._runtime.io.arrow_types import arrow_schema

    wanted = arrow_schema(target)
    if arrow_schema(source) == wanted:
        return batches
    import pyarrow as pa

    def cast(batch: Any) -> Any:
        columns = [column.cast(item.type) for column, item in zip(batch.columns, wanted, strict=True)]
        return pa.RecordBatch.from_arrays(columns, schema=wanted)

    return map(cast, batches)
