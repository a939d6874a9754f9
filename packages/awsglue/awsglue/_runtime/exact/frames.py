"""Frames of windows by RANGE: Spark's bounds go around at the limits of the key's type, the engine's do not.

A key so near to a limit makes the statement fail, which is a refusal. Pure functions over a maker of expressions.
"""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused

_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
_MEASURED = (*_BITS, "float", "double", "decimal", "date", "timestamp", "timestamp_ntz", "void")
_MOST_ROWS = 2**31
# Rows of a moving frame that are added one by one.
_MOST_ADDED = 64


def guarded(key: Any, kind: str, bounds: list[str], maker: Any) -> Any:
    """The key of a frame whose bounds are these numbers; None where the key may stay as it is.

    Raises EngineRefused for bounds that Spark does not take.
    """
    if not bounds:
        return None
    if not kind.startswith(_MEASURED):
        raise EngineRefused("a frame by RANGE over such a key", "Spark takes none")
    if kind == "date":
        return maker.call("unix_date", key)
    if kind.startswith("timestamp"):
        raise EngineRefused("a frame by RANGE of numbers over times", "Spark takes none")
    bits = _BITS.get(kind)
    if bits is None:
        return None
    if not all(bound.isdigit() for bound in bounds):
        raise EngineRefused("a frame by RANGE of parts of whole numbers")
    reach = max(int(bound) for bound in bounds)
    least, most = -(2 ** (bits - 1)) + reach, 2 ** (bits - 1) - 1 - reach
    if least > most:
        raise EngineRefused("a frame by RANGE that is wider than its key's type")
    if not reach:
        return None
    below = maker.call("<", key, maker.cast(maker.literal(str(least)), "bigint"))
    beyond = maker.call(">", key, maker.cast(maker.literal(str(most)), "bigint"))
    text = maker.call("concat", maker.literal("?"), maker.cast(key, "string"))
    return maker.when(maker.call("or", below, beyond), maker.cast(maker.cast(text, "bigint"), kind), key)


def added(name: str, value: Any, kind: str, maker: Any) -> Any:
    """sum() or avg() of doubles over a frame that moves; None for another frame.

    Spark adds up each frame anew. The engine takes away what has left it, which leaves NaN and roundings behind.
    """
    moving = maker.moving
    if moving is False:
        return None
    if moving is True or moving[1] - moving[0] >= _MOST_ADDED:
        raise EngineRefused(
            f"{name}() of doubles over a moving frame", "what leaves the frame would leave roundings"
        )
    zero = maker.cast(maker.literal(0), "double")
    value = value if kind == "double" else maker.cast(value, "double")
    total = zero
    for rows in range(moving[0], moving[1] + 1):
        total = maker.call("+", total, maker.call("coalesce", maker.shifted(value, rows), zero))
    count = maker.aggregate("count", value)
    found = total if name == "sum" else maker.call("/", total, maker.cast(count, "double"))
    return maker.when(maker.call(">", count, maker.literal(0)), found)


def check_interval(kind: str, unit: str) -> None:
    """Raise EngineRefused for bounds that are intervals of this unit over such a key."""
    if kind == "date" and not unit.upper().startswith(("YEAR", "MONTH")):
        raise EngineRefused("a frame by RANGE of days or hours over dates", "Spark takes none")


def check_rows(bounds: list[str]) -> None:
    """Raise EngineRefused for more rows than Spark takes."""
    if any(not bound.isdigit() or int(bound) >= _MOST_ROWS for bound in bounds):
        raise EngineRefused("a frame of so many rows", "Spark takes none")
