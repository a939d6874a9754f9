"""How Athena prints values: the text of result files and of GetQueryResults. Pure functions."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

Printer = Callable[[Any], str | None]


def java_double(value: float) -> str:
    """A double as Java prints it: ``1.0E10``, ``0.1``, ``NaN``, ``Infinity``."""
    return _java(value, repr(value))


def java_float(value: float) -> str:
    """A 32-bit float as Java prints it: the shortest text that reads back as the same float."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("f", float(text)) == struct.pack("f", value):
            return _java(value, repr(float(text)))
    return _java(value, repr(value))


def _java(value: float, text: str) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    number = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + exponent
    prefix = "-" if sign else ""
    if -3 < point <= 7:
        if point <= 0:
            return f"{prefix}0.{'0' * -point}{number}"
        whole = number[:point].ljust(point, "0")
        return f"{prefix}{whole}.{number[point:] or '0'}"
    return f"{prefix}{number[0]}.{number[1:] or '0'}E{point - 1}"


def printer(duckdb_type: str) -> Printer:
    """The function that prints values of a DuckDB type; None stays None."""
    if duckdb_type == "FLOAT":
        return lambda v: None if v is None else java_float(v)
    if duckdb_type in ("VARCHAR", "JSON"):
        return lambda v: v
    return lambda v: None if v is None else show(v)


def show(value: Any) -> str:
    """Athena's text of a value, nested ones in Presto's form: ``[1, 2]``, ``{k=v}``, ``{a=1, b=x}``."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case float():
            return java_double(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            text = value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
            return text if value.tzinfo is None else f"{text} {_zone(value)}"
        case date():
            return value.isoformat()
        case time():
            return value.strftime("%H:%M:%S.") + f"{value.microsecond // 1000:03d}"
        case timedelta():
            return _interval(value)
        case bytes() | bytearray() | memoryview():
            return " ".join(f"{b:02x}" for b in bytes(value))
        case UUID():
            return str(value)
        case list() | tuple():
            return "[" + ", ".join(show(v) for v in value) + "]"
        case dict():
            return "{" + ", ".join(f"{show(k)}={show(v)}" for k, v in value.items()) + "}"
    return str(value)


def _zone(value: datetime) -> str:
    name = value.tzname() or "UTC"
    return "UTC" if name in ("UTC", "Etc/UTC", "GMT") else name


def _interval(value: timedelta) -> str:
    milliseconds = value // timedelta(milliseconds=1)
    sign = "-" if milliseconds < 0 else ""
    rest, milliseconds = divmod(abs(milliseconds), 1000)
    rest, seconds = divmod(rest, 60)
    rest, minutes = divmod(rest, 60)
    days, hours = divmod(rest, 24)
    return f"{sign}{days} {hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"


# -- the CSV of result files -----------------------------------------------------------------------

_FIELD = re.compile(r'"((?:[^"]|"")*)"|')


def csv_line(values: Iterable[str | None]) -> str:
    """A line of a result file: every value in quotes, NULL as nothing at all."""
    return ",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in values) + "\n"


def parse_csv_line(text: str, position: int) -> tuple[list[str | None], int] | None:
    """The values of the line that begins at ``position`` and where the next begins; None when it is cut off."""
    values: list[str | None] = []
    while True:
        match = _FIELD.match(text, position)
        assert match is not None
        end = match.end()
        if end >= len(text):
            return None
        values.append(None if match[1] is None else match[1].replace('""', '"'))
        if text[end] == "\n":
            return values, end + 1
        if text[end] != ",":
            # A quote that the cut-off text closes too early.
            return None
        position = end + 1
