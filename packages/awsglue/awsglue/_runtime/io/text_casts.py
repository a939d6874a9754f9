"""Text to numbers and dates as Spark's cast does it without ANSI: None where Spark gives null. Pure functions."""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from typing import Any

from awsglue._runtime.io.texts import INTEGER_BITS, parse_double

# What Spark trims: blanks and control characters.
_TRIMMED = "".join(map(chr, range(33))) + "\x7f"
_INTEGER = re.compile(r"([+-]?)([0-9]*)(?:\.[0-9]*)?\Z")
_DATE = re.compile(r"([+-]?)([0-9]{4,7})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[ T].*)?)?)?\Z", re.DOTALL)
_HEXADECIMAL = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+[dDfF]?\Z")
_SPECIAL = {
    "inf": float("inf"),
    "+inf": float("inf"),
    "infinity": float("inf"),
    "+infinity": float("inf"),
    "-inf": float("-inf"),
    "-infinity": float("-inf"),
    "nan": float("nan"),
}
_EPOCH = date(1970, 1, 1).toordinal()
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097


def cast_integer(text: str, bits: int, *, whole: bool = False) -> int | None:
    """What stands before the point, if it fits. With `whole` there must be no point, as for TRY_CAST."""
    trimmed = text.strip(_TRIMMED)
    match = _INTEGER.match(trimmed)
    if match is None or (whole and "." in trimmed) or trimmed in ("", "+", "-"):
        return None
    value = int(match[2] or 0) * (-1 if match[1] == "-" else 1)
    return value if -(1 << (bits - 1)) <= value < (1 << (bits - 1)) else None


def cast_double(text: str) -> float | None:
    """Java's Double.parseDouble, and the names of what is not finite in any case."""
    trimmed = text.strip(_TRIMMED[:-1])
    if _HEXADECIMAL.match(trimmed):
        try:
            return float.fromhex(trimmed.rstrip("dDfF"))
        except OverflowError:
            return float("-inf" if trimmed.startswith("-") else "inf")
    found = parse_double(trimmed)
    return _SPECIAL.get(trimmed.lower()) if found is None else found


def cast_days(text: str) -> int | None:
    """Days since 1970 of `yyyy`, `yyyy-m`, `yyyy-m-d`, behind which anything may follow a blank or a T."""
    match = _DATE.match(text.strip(_TRIMMED))
    if match is None:
        return None
    year = int(match[2]) * (-1 if match[1] == "-" else 1)
    cycles, within = divmod(year, _CYCLE_YEARS)
    try:
        # The calendar repeats itself every 400 years; Python's has no year 0.
        ordinal = date(within + _CYCLE_YEARS, int(match[3] or 1), int(match[4] or 1)).toordinal()
    except ValueError:
        return None
    return ordinal + (cycles - 1) * _CYCLE_DAYS - _EPOCH


def cast_column(column: Any, kind: str) -> Any:
    """A column of text cast to int, bigint, double or date."""
    import pyarrow as pa

    if kind == "date":
        days = [None if text is None else cast_days(text) for text in column.to_pylist()]
        return pa.array(days, pa.int32()).cast(pa.date32())
    whole, kind = kind.startswith("try_"), kind.removeprefix("try_")
    one = cast_double if kind == "double" else partial(cast_integer, bits=INTEGER_BITS[kind], whole=whole)
    arrow = {"int": pa.int32(), "bigint": pa.int64(), "double": pa.float64()}[kind]
    return pa.array([None if text is None else one(text) for text in column.to_pylist()], arrow)
