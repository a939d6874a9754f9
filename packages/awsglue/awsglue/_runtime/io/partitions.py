"""Hive partition folders: `k=v` in paths, Spark's inference of their types, and the way back to folder names."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"

_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?\Z")
_DOUBLE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[dDfF]?\Z")

# What Spark (and Hive) escape in partition folder names.
_ESCAPED = frozenset("\"#%'*/:=?\\\x7f{[]^") | {chr(code) for code in range(0x01, 0x20)}


def escape(value: str) -> str:
    """A partition value as it appears in a folder name."""
    return "".join(f"%{ord(char):02X}" if char in _ESCAPED else char for char in value)


def unescape(text: str) -> str:
    """The value behind a folder name. A % that starts no two hex digits stays."""
    return re.sub(r"%([0-9a-fA-F]{2})", lambda match: chr(int(match.group(1), 16)), text)


def parse(folders: list[str]) -> list[tuple[str, str | None]]:
    """The `k=v` pairs of the folders between base and file, outermost first; None for the null partition."""
    pairs: list[tuple[str, str | None]] = []
    for folder in folders:
        key, equals, value = folder.partition("=")
        if equals and key:
            text = unescape(value)
            pairs.append((unescape(key), None if text in (NULL_PARTITION, "") else text))
    return pairs


def infer_type(values: list[str | None], *, enabled: bool = True) -> Any:
    """Spark's type for a partition column with these raw values: int, bigint, decimal, double, date … string."""
    from pyspark.sql.types import StringType

    present = [value for value in values if value is not None]
    if not enabled or not present:
        return StringType()
    kinds = {_kind(value) for value in present}
    return _spark_type(kinds, present)


def _kind(value: str) -> str:
    if _INTEGER.match(value):
        number = int(value)
        if -(2**31) <= number < 2**31:
            return "int"
        return "bigint" if -(2**63) <= number < 2**63 else "decimal"
    if _DOUBLE.match(value):
        return "double"
    if _DATE.match(value) and _valid(date.fromisoformat, value):
        return "date"
    if _TIMESTAMP.match(value) and _valid(datetime.fromisoformat, value):
        return "timestamp"
    return "string"


def _valid(parser: Any, value: str) -> bool:
    try:
        parser(value)
    except ValueError:
        return False
    return True


def _spark_type(kinds: set[str], values: list[str]) -> Any:
    from pyspark.sql import types as t

    if kinds <= {"int"}:
        return t.IntegerType()
    if kinds <= {"int", "bigint"}:
        return t.LongType()
    if kinds <= {"int", "bigint", "decimal"}:
        return t.DecimalType(min(38, max(len(value.lstrip("+-")) for value in values)), 0)
    if kinds <= {"int", "bigint", "decimal", "double"}:
        return t.DoubleType()
    if kinds == {"date"}:
        return t.DateType()
    if kinds <= {"date", "timestamp"}:
        return t.TimestampType()
    return t.StringType()


def convert(value: str | None, data_type: Any) -> Any:
    """A raw partition value as Python value of this Spark type; a value that does not fit is null, as in a cast."""
    from pyspark.sql import types as t

    if value is None or isinstance(data_type, (t.StringType, t.VarcharType, t.CharType)):
        return value
    try:
        if isinstance(data_type, (t.ByteType, t.ShortType, t.IntegerType, t.LongType)):
            return int(value)
        if isinstance(data_type, (t.FloatType, t.DoubleType)):
            return float(value.rstrip("dDfF"))
        if isinstance(data_type, t.DecimalType):
            return Decimal(value).quantize(Decimal(1).scaleb(-data_type.scale))
        if isinstance(data_type, t.BooleanType):
            return {"true": True, "false": False}.get(value.lower())
        if isinstance(data_type, t.DateType):
            return date.fromisoformat(value[:10])
        if isinstance(data_type, (t.TimestampType, t.TimestampNTZType)):
            return datetime.fromisoformat(value)
    except (ValueError, InvalidOperation):
        return None
    raise ValueError(f"{data_type.simpleString()} cannot be a partition column")


def render(value: Any) -> str:
    """A Python value as Spark writes it in a partition folder name (not yet escaped)."""
    if value is None:
        return NULL_PARTITION
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
        return text + f".{value.microsecond:06d}".rstrip("0") if value.microsecond else text
    if isinstance(value, float):
        from awsglue._runtime.io.texts import java_double

        return java_double(value)
    if value == "":
        return NULL_PARTITION
    return str(value)
