"""Calls that are made of others, such that the engine gives Spark's answer: rounding, averages, extremes, dates.

Pure functions over a maker of expressions, so that SQL text and plans have the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from awsglue._runtime.exact import frames, patterns
from awsglue._runtime.exact.arithmetic import FLOATING, INNER, WIDEST, Exact, casts, decimal_of, rounded
from awsglue._runtime.exact.functions import DATE_TEXT, NUMBER_TEXTS, WHOLE_TEXT
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io import json_paths

AGGREGATES = frozenset({"avg", "mean", "sum", "min", "max"})
_READING = frozenset({"isnan", "to_date", "to_timestamp", "unix_timestamp", "to_unix_timestamp"})
_MATCHING = frozenset(
    "regexp_replace regexp_extract regexp_extract_all regexp_count regexp_substr regexp_instr split".split()
)
TESTING = frozenset({"rlike", "regexp", "regexp_like"})
# Made anew always: where the types of their arguments are not known, they are refused.
TYPED = frozenset({"get_json_object", "array_contains"})
NAMES = (
    AGGREGATES
    | _READING
    | _MATCHING
    | TESTING
    | TYPED
    | {"tinyint", "smallint", "int", "bigint", "double", "float"}
    | {"round", "pow", "power", "format_number", "from_json", "ifnull", "nvl", "nullif", "greatest", "least"}
)
_WHOLE = ("tinyint", "smallint", "int", "bigint")
# Beyond, doubles have no places behind the point.
_LARGEST = "9007199254740992"
_MOST_PLACES = 15
# Digits of decimals whose sums the engine's 127 bits hold, but for hundreds of thousands of the greatest.
_SUMMED = 33
# Below, the engine writes doubles with an exponent, which it does not read again; they round to 0 at the fourth place.
_SMALLEST = "0.00001"
_PLAIN_PLACES = 4
_DIGITS = r"^[ [:cntrl:]]*[+-]?[\p{Nd}.]+([eE][+-]?\p{Nd}+)?[ [:cntrl:]]*$"
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])")


def ansi() -> bool:
    """Whether the session's casts are to fail."""
    from awsglue._runtime.engine import STATE

    return str(STATE.conf.get("spark.sql.ansi.enabled", "false")).lower() == "true"


def made(name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any) -> Any:
    """The expression for a call whose first argument has this type; None where the engine's own call is Spark's.

    Raises EngineRefused where neither is known.
    """
    if name == "round":
        return _rounded(arguments, kind, literals, maker)
    if name in _MATCHING or name in TESTING:
        return _matched(name, arguments, literals, maker)
    if name in _MADE:
        return _MADE[name](name, arguments, kind, literals, maker)
    if name in AGGREGATES and len(arguments) != 1:
        raise EngineRefused(f"{name}() of {len(arguments)} arguments")
    if name in ("avg", "mean", "sum") and kind in FLOATING and maker.windowed:
        return frames.added(name, arguments[0], str(kind), maker)
    if name in ("avg", "mean"):
        return _average(arguments[0], kind, maker)
    if name == "sum":
        exact = decimal_of(kind or "")
        return None if exact is None or exact.precision + 10 <= WIDEST else _sum(arguments[0], exact, maker)
    if name in ("min", "max"):
        if kind is not None and kind.startswith(("array", "struct")):
            raise EngineRefused(f"{name}() of nested values", "their order is another")
        return _extreme(name, arguments[0], str(kind), maker) if kind in FLOATING else None
    if name == "isnan":
        return maker.call(
            "coalesce", maker.call("isnan", *arguments), maker.cast(maker.literal(0), "boolean")
        )
    return _read(name, arguments, kind, literals, maker)


def made_of_types(
    name: str, arguments: list[Any], kinds: list[str | None], literals: list[str | None], maker: Any
) -> Any:
    """The expression for one of TYPED. Raises EngineRefused."""
    if len(arguments) != 2 or None in kinds:
        raise EngineRefused(f"{name}() of values whose type cannot be told")
    if name == "array_contains":
        return _contains(arguments, str(kinds[0]), str(kinds[1]), maker)
    if kinds[0] not in ("string", "void") or literals[1] is None or not json_paths.understood(literals[1]):
        raise EngineRefused(
            "get_json_object() of a path that is no names and places", "it would be read otherwise"
        )
    return maker.python(name, maker.cast(arguments[0], "string"), arguments[1])


def _contains(arguments: list[Any], held: str, kind: str, maker: Any) -> Any:
    """array_contains(): not known where the value is not among the members and one of them is null."""
    of = held.removeprefix("array<").removesuffix(">")
    alike = of == kind or (of in _WHOLE and kind in _WHOLE)
    if (
        not held.startswith("array<")
        or not alike
        or kind not in (*_WHOLE, "string", "date", "boolean", "timestamp")
    ):
        raise EngineRefused("array_contains() of values of such types")
    array, value = arguments
    unknown = maker.cast(maker.literal(None), "boolean")
    fewer = maker.call("<", maker.call("size", maker.call("array_compact", array)), maker.call("size", array))
    absent = maker.when(fewer, unknown, maker.literal(False))
    within = maker.when(maker.call("array_contains", array, value), maker.literal(True), absent)
    none = maker.call("or", maker.call("isnull", array), maker.call("isnull", value))
    return maker.when(none, unknown, within)


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


def number_of_text(value: Any, target: str, maker: Any) -> Any:
    """A cast of text to a number, which is null for what is none: the engine's fails.

    Whole numbers may have places, which are cut off. Texts that only Spark takes for numbers make this fail.
    """
    if target in _WHOLE:
        tidy = maker.call("regexp_replace", value, maker.literal(WHOLE_TEXT[0]), maker.literal(WHOLE_TEXT[1]))
        return maker.call("coalesce", maker.try_cast(value, target), maker.try_cast(tidy, target))
    pattern = NUMBER_TEXTS["DECIMAL" if decimal_of(target) else target.upper()]
    failing = maker.when(maker.call("rlike", value, maker.literal(pattern)), maker.cast(value, target))
    return maker.call("coalesce", maker.try_cast(value, target), failing)


def ascii_text(value: Any, maker: Any) -> Any:
    """A text that is to become a decimal: Spark takes no blanks but ASCII's, the engine those of all scripts.

    Digits of other scripts, which Java reads, become a number that makes the cast fail.
    """
    digits = maker.call("rlike", value, maker.literal(_DIGITS))
    other = maker.call("rlike", value, maker.literal(r"[^\x00-\x7F]"))
    known = maker.when(other, maker.literal("?"), value)
    return maker.when(maker.call("and", other, digits), maker.literal("1e0"), known)


def negated(value: Any, kind: str, maker: Any) -> Any:
    """A double with the other sign: NaN stays what it is."""
    return maker.call("*", value, maker.cast(maker.literal(-1), kind))


def _below(value: Any, bound: str, maker: Any) -> Any:
    return maker.call("<", maker.call("abs", value), maker.cast(maker.literal(bound), "double"))


def _sum(value: Any, exact: Exact, maker: Any) -> Any:
    """A sum that is null where it has more than 38 digits: the engine's may have more than its type says."""
    inner, result = str(Exact(INNER, exact.scale)), str(Exact(WIDEST, exact.scale))
    if exact.precision <= _SUMMED:
        return maker.cast(maker.cast(maker.aggregate("sum", value), inner), result)
    value = maker.cast(value, inner)
    total = maker.cast(maker.cast(maker.aggregate("sum", value), inner), result)
    # Whether Spark sees a sum pass 38 digits on its way to one of fewer depends on where its rows are.
    widest = maker.cast(maker.cast(maker.aggregate("sum", maker.call("abs", value)), inner), result)
    passed = maker.call("and", maker.call("isnull", widest), maker.call("isnotnull", total))
    failing = maker.cast(_failing(maker.cast(total, "string"), maker), result)
    return maker.when(passed, failing, total)


def _average(value: Any, kind: str | None, maker: Any) -> Any:
    if kind == "bigint":
        return maker.aggregate("avg", maker.cast(value, "double"))
    exact = decimal_of(kind or "")
    if exact is None:
        return None
    total = Exact(min(exact.precision + 10, WIDEST), exact.scale)
    result = Exact(min(exact.precision + 4, WIDEST), min(exact.scale + 4, WIDEST))
    wanted = casts("/", total, Exact(20, 0), result)
    if wanted is None:
        raise EngineRefused("avg() of wide decimals", "the engine has too few digits for it")
    fits = exact.precision + 10 <= WIDEST
    quotient = maker.call(
        "/",
        maker.cast(maker.aggregate("sum", value) if fits else _sum(value, exact, maker), str(wanted.left)),
        maker.cast(maker.aggregate("count", value), str(wanted.right)),
    )
    if wanted.middle is not None:
        quotient = maker.cast(quotient, str(wanted.middle))
    return maker.cast(quotient, str(result))


def _extreme(name: str, value: Any, kind: str, maker: Any) -> Any:
    """NaN is the greatest number, and the engine's groups do not see to it."""
    is_nan = maker.call("coalesce", maker.call("isnan", value), maker.cast(maker.literal(0), "boolean"))
    others = maker.aggregate(name, maker.when(maker.call("not", is_nan), value))
    none = maker.aggregate("max", maker.when(is_nan, maker.literal(1)))
    nan = maker.when(maker.call("=", none, maker.literal(1)), maker.cast(maker.literal("NaN"), kind))
    found = maker.call("coalesce", *([nan, others] if name == "max" else [others, nan]))
    if not maker.windowed:
        return found
    # Of -0.0 and 0.0 the first in the frame stays.
    zero = maker.cast(maker.literal(0), kind)
    zeros = maker.aggregate("first", maker.when(maker.call("=", value, zero), value), maker.literal(True))
    return maker.when(maker.call("=", found, zero), zeros, found)


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


def _matched(name: str, arguments: list[Any], literals: list[str | None], maker: Any) -> Any:
    """A call with a pattern of Java's; None where the pattern is one and the same for the engine."""
    pattern = literals[1] if len(literals) > 1 else None
    if pattern == DATE_TEXT[0]:
        return None
    if pattern is None or not patterns.understood(pattern):
        raise EngineRefused(f"{name}() of a pattern that is understood differently")
    testing = name in TESTING
    made = patterns.translated(pattern, testing=testing)
    out = [arguments[0], maker.literal(made), *arguments[2:]]
    changed = made != pattern
    if name == "regexp_replace" and len(literals) > 2:
        new = patterns.replacement(literals[2] or "", patterns.groups_of(pattern))
        if literals[2] is None or new is None:
            raise EngineRefused("regexp_replace() by a text that is understood differently")
        out[2] = maker.literal(new)
        changed |= new != literals[2]
    if not testing and patterns.ends_lines(pattern) and (literals[0] is None or literals[0].endswith("\n")):
        # The engine's $ is the very end, so a text that ends with the end of a line makes this fail.
        failing = maker.cast(_failing(arguments[0], maker), "string")
        line = maker.call("rlike", arguments[0], maker.literal(patterns.LINE_END))
        out[0] = maker.when(line, failing, arguments[0])
        changed = True
    return maker.call(name, *out) if changed else None


def _power(name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any) -> Any:
    """Java's powers are their own, but for squares."""
    if len(literals) != 2 or literals[1] not in ("2", "2.0"):
        raise EngineRefused(f"function {name}()", "the last digit differs")
    if kind not in (*_WHOLE, *FLOATING):
        raise EngineRefused(f"{name}() of values whose type cannot be told")
    value = maker.cast(arguments[0], "double")
    return maker.call("*", value, value)


def _formatted(
    name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any
) -> Any:
    """format_number(): infinity has a sign of its own."""
    if len(literals) != 2 or not str(literals[1]).isdigit():
        raise EngineRefused("format_number() by a pattern")
    if kind not in (*_WHOLE, *FLOATING):
        raise EngineRefused("format_number() of values that are no doubles or whole numbers")
    value = arguments[0]
    if kind == "bigint":
        # It is made a double.
        great = maker.call(">", maker.call("abs", value), maker.cast(maker.literal(_LARGEST), "bigint"))
        failing = maker.cast(_failing(maker.cast(value, "string"), maker), "string")
        return maker.when(great, failing, maker.call(name, *arguments))
    if kind in _WHOLE:
        return None
    infinite = maker.call("=", maker.call("abs", value), maker.cast(maker.literal("Infinity"), "double"))
    positive = maker.call(">", value, maker.cast(maker.literal(0), "double"))
    shown = maker.when(positive, maker.literal("\u221e"), maker.literal("-\u221e"))
    return maker.when(infinite, shown, maker.call(name, *arguments))


def _from_json(
    name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any
) -> Any:
    """Numbers with an exponent that become texts are written anew by the engine: such a text makes this fail."""
    schema = literals[1] if len(literals) > 1 else None
    if schema is not None and not re.search("(?i)string|char|text", schema):
        return None
    if literals[0] is not None:
        if re.search("[0-9][eE][+-]?[0-9]", literals[0]):
            raise EngineRefused("from_json() of numbers with an exponent")
        return None
    exponent = maker.call("rlike", arguments[0], maker.literal("[0-9][eE][+-]?[0-9]"))
    failing = maker.cast(_failing(arguments[0], maker), "string")
    return maker.call(name, maker.when(exponent, failing, arguments[0]), *arguments[1:])


def _number(name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any) -> Any:
    """int(), double() … of text."""
    alone = len(arguments) == 1 and kind == "string" and literals[0] is None
    return number_of_text(arguments[0], name, maker) if alone and not ansi() else None


def _first_known(
    name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any
) -> Any:
    """nvl() and ifnull() have another type."""
    return maker.call("coalesce", *arguments)


def _unless(name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any) -> Any:
    """nullif() of decimals has the type of both."""
    if decimal_of(kind or "") is None or len(arguments) != 2:
        return None
    return maker.when(maker.call("=", *arguments), maker.literal(None), arguments[0])


def _extreme_of(
    name: str, arguments: list[Any], kind: str | None, literals: list[str | None], maker: Any
) -> Any:
    """greatest() and least() of two doubles: the first of equal ones, with NaN the greatest."""
    if kind not in FLOATING:
        return None
    if len(arguments) != 2:
        raise EngineRefused(f"{name}() of more than two doubles")
    one, other = (_canonical(each, maker) for each in arguments)
    changes = maker.call("<" if name == "least" else ">", other, one)
    none = maker.call("isnull", arguments[0])
    changes = maker.call("or", none, changes)
    return maker.when(changes, maker.call("coalesce", *arguments[::-1]), arguments[0])


def _canonical(value: Any, maker: Any) -> Any:
    """The one NaN, which is the greatest, and 0.0 for -0.0."""
    nan = maker.cast(maker.literal("NaN"), "double")
    return maker.call("+", maker.call("nanvl", value, nan), maker.cast(maker.literal(0), "double"))


_MADE: dict[str, Callable[[str, list[Any], str | None, list[str | None], Any], Any]] = {
    "pow": _power,
    "power": _power,
    "format_number": _formatted,
    "from_json": _from_json,
    "ifnull": _first_known,
    "nvl": _first_known,
    "nullif": _unless,
    "greatest": _extreme_of,
    "least": _extreme_of,
    **dict.fromkeys((*_WHOLE, *FLOATING), _number),
}
