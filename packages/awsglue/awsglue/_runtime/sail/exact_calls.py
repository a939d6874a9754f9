"""Calls that are made of others, such that the engine gives Spark's answer: rounding, averages, extremes, dates.

Pure functions over a maker of expressions, so that SQL text and plans have the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sail.arithmetic import INNER, WIDEST, Exact, casts, decimal_of, rounded
from awsglue._runtime.sail.call_rules import FLOATING

AGGREGATES = frozenset({"avg", "mean", "sum", "min", "max"})
NAMES = AGGREGATES | {"round", "isnan", "to_date", "to_timestamp", "unix_timestamp", "to_unix_timestamp"}
_WHOLE = ("tinyint", "smallint", "int", "bigint")
# Beyond, doubles have no places behind the point.
_LARGEST = "9007199254740992"
_MOST_PLACES = 15
# Below, the engine writes doubles with an exponent, which it does not read again; they round to 0 at the fourth place.
_SMALLEST = "0.00001"
_PLAIN_PLACES = 4
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])")


def made(name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any) -> Any:
    """The expression for a call whose first argument has this type; None where the engine's own call is Spark's.

    Raises EngineRefused where neither is known.
    """
    if name == "round":
        return _rounded(arguments, kind, literals, maker)
    if name in ("avg", "mean"):
        return _average(arguments[0], kind, maker)
    if name == "sum":
        exact = decimal_of(kind or "")
        if exact is None or exact.precision + 10 <= WIDEST:
            return None
        # By way of a wider type: the engine's sum may have more digits than its type says.
        total = maker.cast(maker.aggregate("sum", arguments[0]), str(Exact(INNER, exact.scale)))
        return maker.cast(total, str(Exact(WIDEST, exact.scale)))
    if name in ("min", "max"):
        if kind is not None and kind.startswith(("array", "struct")):
            raise EngineRefused(f"{name}() of nested values", "their order is another")
        return _extreme(name, arguments[0], str(kind), maker) if kind in FLOATING else None
    if name == "isnan":
        return maker.call(
            "coalesce", maker.call("isnan", *arguments), maker.cast(maker.literal(0), "boolean")
        )
    return _read(name, arguments, kind, literals, maker)


def _rounded(arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any) -> Any:
    places = "0" if len(arguments) == 1 else literals[1]
    if places is None or not places.lstrip("-").isdigit() or kind is None:
        raise EngineRefused("round()", "the type of its result cannot be told")
    exact, wanted = decimal_of(kind), int(places)
    if exact is not None:
        return maker.cast(maker.call("round", *arguments), str(rounded(exact, wanted)))
    if kind in FLOATING:
        if not 0 <= wanted <= _MOST_PLACES:
            raise EngineRefused("round() of doubles to such a place")
        value = arguments[0] if kind == "double" else maker.cast(arguments[0], "double")
        # As it is written, not as it is held: 1.005 becomes 1.01.
        written = maker.cast(maker.cast(value, "string"), "decimal(38,18)")
        short = maker.cast(maker.call("round", written, maker.literal(wanted)), f"decimal(38,{wanted})")
        nearest = maker.cast(maker.cast(short, "string"), "double")
        if wanted <= _PLAIN_PLACES:
            nearest = maker.when(
                _below(value, _SMALLEST, maker), maker.cast(maker.literal(0), "double"), nearest
            )
        found = maker.when(_below(value, _LARGEST, maker), nearest, value)
        return found if kind == "double" else maker.cast(found, "float")
    if kind in _WHOLE:
        if wanted < 0:
            raise EngineRefused("round() of whole numbers to such a place")
        return None
    raise EngineRefused(f"round() of {kind} values")


def decimal_of_floating(value: Any, kind: str, target: str, maker: Any) -> Any:
    """A double or float as a decimal: of the number as it is written, not as it is held."""
    value = value if kind == "double" else maker.cast(value, "double")
    found = maker.cast(maker.cast(value, "string"), target)
    exact = decimal_of(target)
    if exact is None or exact.scale > _PLAIN_PLACES:
        return found
    return maker.when(_below(value, _SMALLEST, maker), maker.cast(maker.literal(0), target), found)


def _below(value: Any, bound: str, maker: Any) -> Any:
    return maker.call("<", maker.call("abs", value), maker.cast(maker.literal(bound), "double"))


def _average(value: Any, kind: str | None, maker: Any) -> Any:
    if kind == "bigint":
        return maker.aggregate("avg", maker.cast(value, "double"))
    exact = decimal_of(kind or "")
    if exact is None:
        return None
    total = Exact(min(exact.precision + 10, WIDEST), exact.scale)
    result = Exact(min(exact.precision + 4, WIDEST), min(exact.scale + 4, WIDEST))
    wanted = casts("/", total, Exact(20, 0))
    if wanted is None or exact.precision > WIDEST - 14:
        raise EngineRefused("avg() of wide decimals", "the engine has too few digits for it")
    quotient = maker.call(
        "/",
        maker.cast(maker.aggregate("sum", value), str(wanted.left)),
        maker.cast(maker.aggregate("count", value), str(wanted.right)),
    )
    return maker.cast(quotient, str(result))


def _extreme(name: str, value: Any, kind: str, maker: Any) -> Any:
    """NaN is the greatest number, and the engine's groups do not see to it."""
    is_nan = maker.call("coalesce", maker.call("isnan", value), maker.cast(maker.literal(0), "boolean"))
    others = maker.aggregate(name, maker.when(maker.call("not", is_nan), value))
    none = maker.aggregate("max", maker.when(is_nan, maker.literal(1)))
    nan = maker.when(maker.call("=", none, maker.literal(1)), maker.cast(maker.literal("NaN"), kind))
    return maker.call("coalesce", *([nan, others] if name == "max" else [others, nan]))


def _read(name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any) -> Any:
    """A text read by a pattern. Where the engine reads nothing, Spark may read more or fail: then this fails."""
    unix = name in ("unix_timestamp", "to_unix_timestamp")
    if kind in ("date", "timestamp") or not (len(arguments) == 2 or (unix and len(arguments) == 1)):
        return None
    if kind != "string" or (len(arguments) == 2 and literals[1] is None):
        raise EngineRefused(f"{name}() of a value or pattern that cannot be told")
    if literals[0] is not None:
        if len(literals) == 2 and literals[1] == "yyyy-MM-dd" and _DAY.fullmatch(literals[0]):
            return None
        # Read once, while the statement is planned: what it cannot read would be null.
        raise EngineRefused(f"{name}() of a literal by a pattern")
    to: Callable[[Any], Any] = {
        "to_date": lambda value: maker.call("date_from_unix_date", value),
        "to_timestamp": lambda value: maker.cast(maker.call("date_from_unix_date", value), "timestamp"),
    }.get(name, lambda value: value)
    digits = maker.call("rlike", arguments[0], maker.literal("[0-9]"))
    failing = maker.when(digits, to(_failing(arguments[0], maker)))
    return maker.call("coalesce", maker.call(name, *arguments), failing)


def _failing(value: Any, maker: Any) -> Any:
    """A whole number that no row has: the engine's cast of text to bigint is one that fails."""
    return maker.cast(maker.call("concat", maker.literal("?"), value), "bigint")
