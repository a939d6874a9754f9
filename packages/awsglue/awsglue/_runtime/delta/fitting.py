"""Fitting a DataFrame to a Delta table's schema as Delta's writer does: by name, without casts between kinds."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused

_SMALL = ("tinyint", "smallint", "int")


def fitted(frame: Any, schema: Any, *, merge: bool, table_id: str) -> Any:
    """The frame with the table's columns (missing ones null), then, when schemas merge, its own new ones.

    Raises AnalysisException for columns that the table lacks and for types that do not merge.
    """
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as fn

    refuse_repeated(frame.schema)
    here = {item.name.lower(): item for item in frame.schema.fields}
    columns = []
    for item in schema.fields:
        given = here.pop(item.name.lower(), None)
        if given is None:
            if not item.nullable:
                raise AnalysisException(
                    f"[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: {item.name}."
                )
            columns.append(fn.lit(None).cast(item.dataType).alias(item.name))
            continue
        _check(given, item)
        column = fn.col(f"`{given.name.replace('`', '``')}`")
        same = given.dataType.simpleString() == item.dataType.simpleString()
        columns.append((column if same else column.cast(item.dataType)).alias(item.name))
    if here and not merge:
        raise AnalysisException(
            "[_LEGACY_ERROR_TEMP_DELTA_0007] A schema mismatch detected when writing to the Delta table "
            f"(Table ID: {table_id}).\nTo enable schema migration using DataFrameWriter or DataStreamWriter, please "
            "set:\n"
            '\'.option("mergeSchema", "true")\'.\n'
            f"Columns that the table does not have: {', '.join(item.name for item in here.values())}"
        )
    refuse_odd(list(here.values()))
    columns += [fn.col(f"`{item.name.replace('`', '``')}`") for item in here.values()]
    return frame.select(*columns)


def _check(given: Any, wanted: Any) -> None:
    from pyspark.errors import AnalysisException
    from pyspark.sql import types as t

    left, right = given.dataType.simpleString(), wanted.dataType.simpleString()
    if left == right or (left in _SMALL and right in _SMALL and _SMALL.index(left) <= _SMALL.index(right)):
        return
    if isinstance(given.dataType, t.NullType):
        return
    nested = (t.StructType, t.ArrayType, t.MapType)
    if isinstance(given.dataType, nested) and type(given.dataType) is type(wanted.dataType):
        raise EngineRefused(f"a write to a Delta table that changes nested column {wanted.name}")
    raise AnalysisException(
        f"[DELTA_FAILED_TO_MERGE_FIELDS] Failed to merge fields '{wanted.name}' and '{given.name}'. "
        f"Failed to merge incompatible data types {_name(wanted.dataType)} and {_name(given.dataType)}"
    )


def _name(kind: Any) -> str:
    return type(kind).__name__


def refuse_repeated(schema: Any) -> None:
    """Raise AnalysisException for names that differ only by case."""
    from pyspark.errors import AnalysisException

    names = [item.name.lower() for item in schema.fields]
    for name in names:
        if names.count(name) > 1:
            raise AnalysisException(
                f"[DELTA_DUPLICATE_COLUMNS_FOUND] Found duplicate column(s) in the data to save: {name}"
            )


def refuse_odd(fields: list[Any]) -> None:
    """Types that Delta cannot keep. Raises EngineRefused."""
    from pyspark.sql import types as t

    for item in fields:
        if isinstance(item.dataType, (t.NullType, t.DayTimeIntervalType)):
            raise EngineRefused(f"a column of type {item.dataType.simpleString()} in a Delta table")


def check_names(schema: Any) -> None:
    """Raise AnalysisException for names that Parquet, and so Delta without column mapping, cannot hold."""
    from pyspark.errors import AnalysisException

    for item in schema.fields:
        if any(char in item.name for char in " ,;{}()\n\t="):
            raise AnalysisException(
                "[DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES] Found invalid character(s) among ' ,;{}()\\n\\t=' in the "
                f"column names of your schema. Invalid column names: {item.name}."
            )


def safe_cast(column: Any, given: Any, wanted: Any, what: str) -> Any:
    """An assignment's value in the column's type; only casts that lose nothing. Raises EngineRefused."""
    left, right = given.simpleString(), wanted.simpleString()
    if left == right:
        return column
    if left == "void" or _widens(given, wanted) or right == "string":
        return column.cast(wanted)
    raise EngineRefused(
        f"assigning {left} to column {what} of type {right}", "cast the value in the statement itself"
    )


def _widens(given: Any, wanted: Any) -> bool:
    from pyspark.sql import types as t

    order = ["tinyint", "smallint", "int", "bigint"]
    digits = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
    left, right = given.simpleString(), wanted.simpleString()
    if left in order and right in order:
        return order.index(left) <= order.index(right)
    if right == "double":
        return left in ("tinyint", "smallint", "int", "float")
    if isinstance(wanted, t.DecimalType):
        room = wanted.precision - wanted.scale
        if left in order:
            return room >= digits[left]
        return (
            isinstance(given, t.DecimalType)
            and given.scale <= wanted.scale
            and given.precision - given.scale <= room
        )
    return left == "date" and right in ("timestamp", "timestamp_ntz")
