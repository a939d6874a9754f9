"""Hive's plain text tables (LazySimpleSerDe) as Hive reads them: an empty text is a text, a missing one null."""

from __future__ import annotations

import re
from typing import Any

# What a text has to be like before it is taken for a value of the type; anything else is null.
_WHOLE = "^[+-]?[0-9]+$"
# As Java writes them, too: 1.0E10.
_REAL = "^([+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?|NaN|[+-]?Infinity)$"
_SHAPES = {
    "tinyint": _WHOLE,
    "smallint": _WHOLE,
    "int": _WHOLE,
    "bigint": _WHOLE,
    "float": _REAL,
    "double": _REAL,
    "date": "^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$",
    "timestamp": "^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?$",
}


def served(options: dict[str, str], data: Any) -> bool:
    """Whether a table is read here: without escapes, and of texts, numbers, dates and times."""
    kinds = {field.dataType.simpleString() for field in data.fields}
    return not options.get("escape") and bool(kinds) and kinds <= {"string", *_SHAPES}


def scan_schema() -> Any:
    """One text column: the lines."""
    from pyspark.sql.types import StringType, StructField, StructType

    return StructType([StructField("value", StringType(), True)])


def columns(lines: Any, options: dict[str, str], data: Any, keys: Any) -> Any:
    """The table's columns, of a frame of lines and partition columns."""
    from awsglue._frames.encoding import literal, quote

    names = [quote(field.name) for field in keys.fields]
    pieces = f"split(value, {literal(re.escape(options['sep']))}, -1) as _pieces"
    null = literal(options.get("nullValue", "\\N"))
    shown = []
    for position, field in enumerate(data.fields):
        text = f"get(_pieces, {position})"
        kind = field.dataType.simpleString()
        if kind == "string":
            value = f"case when {text} != {null} then {text} end"
        else:
            value = f"case when {text} rlike {literal(_SHAPES[kind])} then try_cast({text} as {kind}) end"
        shown.append(f"{value} as {quote(field.name)}")
    return lines.selectExpr(pieces, *names).selectExpr(*shown, *names)
