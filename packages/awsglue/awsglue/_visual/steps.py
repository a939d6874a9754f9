"""What the transforms of the canvas do, on DataFrames. A table by name at the end.

Names and parameters are those of the scripts that Glue Studio generates; defaults that they do not show are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from awsglue._frames.encoding import literal, member, quote
from awsglue._visual.tables import lookup, unpivot

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# strftime's directives as date_format() writes them.
_DIRECTIVES = {
    "%Y": "yyyy", "%y": "yy", "%m": "MM", "%d": "dd", "%H": "HH", "%I": "hh", "%M": "mm", "%S": "ss", "%p": "a",
    "%f": "SSSSSS", "%j": "DDD", "%b": "MMM", "%B": "MMMM", "%a": "EEE", "%A": "EEEE", "%z": "Z", "%%": "%",
}  # fmt: skip
_UNITS = {"seconds": 1e0, "milliseconds": 1e3, "microseconds": 1e6}
_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")


def derived(df: DataFrame, colName: str, expr: str) -> DataFrame:
    """A column from a SQL expression."""
    from pyspark.sql import functions as f

    return df.withColumn(_bare(colName), f.expr(expr))


def now(df: DataFrame, colName: str = "timestamp", dateFormat: str | None = None) -> DataFrame:
    """A column with the present time, the same in all rows; as text where a format is given."""
    import datetime as dt

    from pyspark.sql import functions as f

    moment = f"timestamp'{dt.datetime.now(dt.UTC).replace(tzinfo=None):%Y-%m-%d %H:%M:%S.%f}+00:00'"
    sql = f"date_format({moment}, {literal(_pattern(dateFormat))})" if dateFormat else moment
    return df.withColumn(_bare(colName), f.expr(sql))


def uuid(df: DataFrame, colName: str = "uuid") -> DataFrame:
    """A column with a random identifier for each row."""
    from pyspark.sql import functions as f

    return df.withColumn(_bare(colName), f.expr("uuid()"))


def sequence_id(df: DataFrame, colName: str = "id", unique: bool = False) -> DataFrame:
    """A column that numbers the rows: in each partition from 0 on, or with numbers that are there once only."""
    from pyspark.sql import functions as f

    number = "monotonically_increasing_id()"
    return df.withColumn(_bare(colName), f.expr(number if unique else f"{number} % {1 << 33}"))


def concat(df: DataFrame, colName: str, colList: list[str] | str, spacer: str = "") -> DataFrame:
    """A column of other columns' texts with a spacer between them; what is null is left out."""
    from pyspark.sql import functions as f

    parts = ", ".join(f"cast({_ref(one)} as string)" for one in _names(colList))
    return df.withColumn(_bare(colName), f.expr(f"concat_ws({literal(spacer)}, {parts})"))


def split(df: DataFrame, colName: str, pattern: str, newColName: str | None = None) -> DataFrame:
    """The parts of a text between what a regular expression matches, in place or as a new column."""
    from pyspark.sql import functions as f

    return df.withColumn(_bare(newColName or colName), f.split(f.expr(_ref(colName)), pattern))


def array_to_cols(df: DataFrame, colName: str, colList: list[str] | str, indexes: Any = None) -> DataFrame:
    """Elements of an array as columns: the first ones, or those of `indexes` (from 1). Raises ValueError."""
    from pyspark.sql import functions as f

    names = _names(colList)
    places = [int(one) for one in _names(indexes)] if indexes else list(range(1, len(names) + 1))
    if len(places) != len(names) or any(one < 1 for one in places):
        raise ValueError(f"{len(names)} columns need as many indexes, from 1 on, not {indexes}")
    for name, place in zip(names, places, strict=True):
        df = df.withColumn(name, f.expr(f"get({_ref(colName)}, {place - 1})"))
    return df


def explode(df: DataFrame, colName: str, newCol: str, outer: bool = False) -> DataFrame:
    """A row for each element of an array. Raises NotImplementedError for a map."""
    from pyspark.sql import functions as f

    column = f.expr(_ref(colName))
    kind = df.select(column.alias("c")).schema.fields[0].dataType.typeName()
    if kind == "map":
        raise NotImplementedError(f"gs_explode of a map is not implemented: {colName} is one")
    made = f.explode_outer(column) if outer else f.explode(column)
    return df.withColumn(_bare(newCol), made)


def flatten(df: DataFrame, maxLevels: int | str = 0, separator: str = ".") -> DataFrame:
    """The fields of structs as columns, down to so many levels (0: all)."""
    from pyspark.sql.types import StructType

    found: list[str] = []

    def walk(schema: Any, sql: str, name: str, level: int) -> None:
        for field in schema.fields:
            inner = member(sql, field.name) if sql else quote(field.name)
            title = f"{name}{separator}{field.name}" if name else field.name
            if isinstance(field.dataType, StructType) and (not int(maxLevels) or level < int(maxLevels)):
                walk(field.dataType, inner, title, level + 1)
            else:
                found.append(f"{inner} as {quote(title)}")

    walk(df.schema, "", "", 0)
    return df.selectExpr(*found)


def null_rows(df: DataFrame, extended: bool = False) -> DataFrame:
    """The rows without those in which everything is null (or, extended, an empty text)."""
    present = []
    for field in df.schema.fields:
        name = quote(field.name)
        text = extended and field.dataType.typeName() == "string"
        present.append(f"trim(coalesce({name}, '')) != ''" if text else f"{name} is not null")
    return df.where(" or ".join(present))


def pivot(df: DataFrame, aggCol: str, aggFunction: str, colList: list[str] | str) -> DataFrame:
    """The values of a column as columns, with an aggregate in each; the other columns are what rows are grouped by.

    Raises NotImplementedError for more than one column of values.
    """
    from pyspark.sql import functions as f

    names = [_bare(one) for one in _names(colList)]
    if len(names) != 1:
        raise NotImplementedError(f"gs_pivot of {len(names)} columns is not implemented: of one it is")
    others = [name for name in df.columns if name not in (*names, _bare(aggCol))]
    grouped = df.groupBy(*(quote(name) for name in others)).pivot(names[0])
    return grouped.agg(f.expr(f"{aggFunction}({_ref(aggCol)})"))


def regex_extract(df: DataFrame, colName: str, regex: str, newCols: list[str] | str) -> DataFrame:
    """The groups of a regular expression (without groups: all that it matches) as columns; null without a match."""
    from pyspark.sql import functions as f

    groups = re.compile(regex).groups
    names = _names(newCols)
    if len(names) > max(groups, 1):
        raise ValueError(f"the expression has {groups} groups, for {len(names)} columns")
    text = f"cast({_ref(colName)} as string)"
    for number, name in enumerate(names, 1 if groups else 0):
        pattern = literal(regex)
        found = f"regexp_extract({text}, {pattern}, {number})"
        df = df.withColumn(name, f.expr(f"case when {text} rlike {pattern} then {found} end"))
    return df


def repartition(df: DataFrame, numPartitionsStr: str = "", partitionCols: list[str] | str = "") -> DataFrame:
    """The rows spread anew over so many partitions, or by columns."""
    count = [int(numPartitionsStr)] if str(numPartitionsStr).strip() else []
    columns = [quote(_bare(one)) for one in _names(partitionCols)]
    if not count and not columns:
        count = [max(df.sparkSession.sparkContext.defaultParallelism, 1)]
    return df.repartition(*count, *columns)


def to_timestamp(
    df: DataFrame, colName: str, colType: str = "autodetect", newColName: str | None = None
) -> DataFrame:
    """A column as a timestamp: of (milli-, micro-)seconds since 1970, or of ISO texts. Raises ValueError."""
    from pyspark.sql import functions as f

    column = f.expr(_ref(colName))
    kind = df.select(column.alias("c")).schema.fields[0].dataType.simpleString()
    number = (
        f"cast({_ref(colName)} as double)" if kind in _NUMBERS else f"try_cast({_ref(colName)} as double)"
    )
    if colType in _UNITS:
        sql = f"cast({number} / {_UNITS[colType]!r} as timestamp)"
    elif colType in ("iso", "autodetect") and kind in ("string", "date", "timestamp", "timestamp_ntz"):
        sql = f"try_cast({_ref(colName)} as timestamp)"
        if colType == "autodetect" and kind == "string":
            sql = f"coalesce({sql}, {_guessed(number)})"
    elif colType == "autodetect":
        sql = _guessed(number)
    else:
        raise ValueError(f"gs_to_timestamp: a column of type {kind} cannot be read as {colType}")
    return df.withColumn(_bare(newColName or colName), f.expr(sql))


def _guessed(number: str) -> str:
    """Seconds up to the year 5138, then milliseconds, then microseconds."""
    scaled = (
        f"case when abs({number}) < 1e11 then {number} when abs({number}) < 1e14 then {number} / 1e3 "
        f"else {number} / 1e6 end"
    )
    return f"cast({scaled} as timestamp)"


def format_timestamp(
    df: DataFrame, colName: str, dateFormat: str, newColName: str | None = None
) -> DataFrame:
    """A timestamp as text, by a pattern of Spark (yyyy-MM-dd) or of strftime (%Y-%m-%d)."""
    from pyspark.sql import functions as f

    sql = f"date_format({_ref(colName)}, {literal(_pattern(dateFormat))})"
    return df.withColumn(_bare(newColName or colName), f.expr(sql))


def _pattern(text: str) -> str:
    if "%" not in text:
        return text
    made = []
    for piece in re.findall(r"%.|[A-Za-z]+|[^%A-Za-z]+", text, re.DOTALL):
        if piece.startswith("%") and piece not in _DIRECTIVES:
            raise ValueError(f"{piece} is no directive that dates are written with here")
        made.append(_DIRECTIVES.get(piece) or (f"'{piece}'" if piece.isalpha() else piece))
    return "".join(made)


def _names(given: list[str] | str | None) -> list[str]:
    if not given:
        return []
    return (
        [one.strip() for one in given.split(",")] if isinstance(given, str) else [str(one) for one in given]
    )


def _bare(name: str) -> str:
    return name[1:-1].replace("``", "`") if len(name) > 1 and name[0] == name[-1] == "`" else name


def _ref(name: str) -> str:
    """A column as SQL names it: as it is between back quotes, else with dots that lead into structs."""
    if name.startswith("`"):
        return name
    first, *steps = name.split(".")
    sql = quote(first)
    for step in steps:
        sql = member(sql, step)
    return sql


STEPS: Mapping[str, Callable[..., DataFrame]] = {
    "gs_array_to_cols": array_to_cols,
    "gs_concat": concat,
    "gs_derived": derived,
    "gs_explode": explode,
    "gs_flatten": flatten,
    "gs_format_timestamp": format_timestamp,
    "gs_lookup": lookup,
    "gs_now": now,
    "gs_null_rows": null_rows,
    "gs_pivot": pivot,
    "gs_regex_extract": regex_extract,
    "gs_repartition": repartition,
    "gs_sequence_id": sequence_id,
    "gs_split": split,
    "gs_to_timestamp": to_timestamp,
    "gs_unpivot": unpivot,
    "gs_uuid": uuid,
}
