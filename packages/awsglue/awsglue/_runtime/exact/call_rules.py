"""Calls that the engine answers differently from Spark 3.5 for some arguments, told by their types.

Data and pure functions. Each rule comes from a differential run; what it refuses, Spark does.
"""

from __future__ import annotations

import re

from awsglue._runtime.exact import kind_rules, patterns
from awsglue._runtime.exact.arithmetic import FLOATING
from awsglue._runtime.exact.kind_rules import Kinds, Literals, Rule
from awsglue._runtime.failures import EngineRefused

# Of an argument: its type, or all kinds it may be made of; and its text, when it is a literal.

# Decimals of more places than these are written with an exponent where they are small.
PLACES = 6
TIMES = frozenset({"timestamp", "timestamp_ntz"})
_NUMBERS = frozenset({"tinyint", "smallint", "int", "bigint", "decimal"}) | FLOATING
_ZONE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z_/-]+|UTC|GMT|Z")
_OF_DATES = (
    "date_format hour minute second date_trunc trunc add_months months_between last_day next_day dayofweek dayofyear"
    " weekofyear quarter from_utc_timestamp to_utc_timestamp extract date_part datepart"
).split()
_OF_TEXTS = "concat concat_ws || format_string printf elt".split()
_OF_ARRAYS = (
    "array_distinct array_min array_max array_sort sort_array array_join array_except array_union array_position"
).split()
_BRANCHING = "coalesce nvl ifnull nvl2 if when case greatest least array map nullif".split()
_PATTERNS = (
    "split rlike regexp regexp_like regexp_replace regexp_extract regexp_extract_all regexp_count regexp_substr"
).split()


def check(name: str, kinds: Kinds, literals: Literals, certain: Kinds | None = None) -> None:
    """Raise EngineRefused where the answer would differ.

    Args:
        kinds: What each argument may be.
        literals: The arguments' texts, of those that are literals.
        certain: What each argument is, nothing where that is unknown; the same as `kinds` unless given.
    """
    rule = RULES.get(name)
    if rule is not None:
        reason = rule(kinds, literals)
        if reason:
            raise EngineRefused(f"{name}() {reason}")
    if name in kind_rules.RULES:
        kind_rules.check(name, kinds if certain is None else certain, literals)


def bare(kind: str) -> str:
    """A type's name without what is in its brackets, except of what arrays hold."""
    outer, _, inner = kind.partition("<")
    if outer in ("array", "map", "struct"):
        return f"{outer} of floating" if "double" in inner or "float" in inner else outer
    return kind.partition("(")[0].strip()


def kinds_of_type(kind: str) -> frozenset[str]:
    """What the rules see of a type."""
    scale = re.match(r"decimal\(\d+,\s*(\d+)\)", kind)
    if scale and int(scale[1]) > PLACES:
        return frozenset({"decimal", kind_rules.FINE})
    return frozenset({bare(kind)})


def _of_strings(kinds: Kinds, literals: Literals) -> str:
    # Its first argument, or for extract() its last, is what is taken for a date.
    subject = next((kind for kind, text in zip(kinds, literals, strict=True) if text is None), frozenset())
    return "of text" if "string" in subject else ""


def _of_times(kinds: Kinds, literals: Literals) -> str:
    return "of times" if any(kind & TIMES for kind in kinds) else ""


def _of_floating_arrays(kinds: Kinds, literals: Literals) -> str:
    held = FLOATING | {"array of floating"}
    return "of arrays of doubles" if any(kind & held for kind in kinds) else ""


def _of_unlike(kinds: Kinds, literals: Literals) -> str:
    every = frozenset().union(*kinds) if kinds else frozenset()
    return "of doubles beside decimals" if every & FLOATING and "decimal" in every else ""


def _of_numbers(kinds: Kinds, literals: Literals) -> str:
    return "of numbers" if kinds and kinds[0] & _NUMBERS else ""


def _of_floating(kinds: Kinds, literals: Literals) -> str:
    return "of doubles" if any(kind & FLOATING for kind in kinds) else ""


def _of_zone(kinds: Kinds, literals: Literals) -> str:
    zone = literals[1] if len(literals) > 1 else None
    if zone is None or not _ZONE.fullmatch(zone):
        return "of a zone that is not written as Region/City"
    return _of_strings(kinds, literals)


def _of_pattern(kinds: Kinds, literals: Literals) -> str:
    pattern = literals[1] if len(literals) > 1 else None
    if pattern is None:
        return "of a pattern that is no literal"
    return "" if patterns.understood(pattern) else "of a pattern that is understood differently"


def _of_full_pattern(kinds: Kinds, literals: Literals) -> str:
    reason = _of_pattern(kinds, literals)
    if reason:
        return reason
    try:
        empty = re.search(f"(?:{literals[1]})", "") is not None
    except re.error:
        return "of a pattern that is not understood"
    return (
        "of a pattern that matches nothing at all, too" if empty and literals[1] not in ("", "^", "$") else ""
    )


def _by_zero(kinds: Kinds, literals: Literals) -> str:
    zero = literals[1] if len(literals) == 2 else None
    return "by zero" if zero is not None and re.fullmatch(r"-?0+(\.0*)?[dDfFlL]?", zero) else ""


RULES: dict[str, Rule] = {
    **dict.fromkeys(_OF_DATES, _of_strings),
    **dict.fromkeys(_OF_TEXTS, _of_times),
    **dict.fromkeys(_OF_ARRAYS, _of_floating_arrays),
    **dict.fromkeys(_BRANCHING, _of_unlike),
    **dict.fromkeys(_PATTERNS, _of_pattern),
    **dict.fromkeys(("split", "regexp_replace"), _of_full_pattern),
    **dict.fromkeys(("from_utc_timestamp", "to_utc_timestamp"), _of_zone),
    **dict.fromkeys(("/", "%"), _by_zero),
    **dict.fromkeys(("div", "mod"), kind_rules.both(_by_zero, _of_floating)),
    **dict.fromkeys(("pmod", "sign", "signum", "collect_set"), _of_floating),
    "nullif": kind_rules.both(_of_unlike, _of_floating),
    "to_timestamp": _of_numbers,
    "timestamp": lambda kinds, literals: (
        _of_numbers(kinds, literals) or ("of times" if kinds and kinds[0] <= TIMES | {"date"} else "")
    ),
}
NAMES = RULES.keys() | kind_rules.RULES.keys()


def check_cast(source: str, target: str) -> None:
    """Raise EngineRefused for a cast between these types whose answer would differ."""
    reason = ""
    kind = bare(source)
    if target == "string":
        scale = re.search(r",\s*(\d+)\)", source)
        if kind.startswith(("array", "map", "struct")):
            reason = "nested values as text"
        elif kind == "decimal" and scale and int(scale[1]) > PLACES:
            reason = "decimals of more than six places as text"
    elif target == "boolean" and kind == "string":
        reason = "text as boolean"
    elif target == "binary" and kind not in ("string", "binary", "void"):
        reason = "numbers as binary"
    elif kind in TIMES and target in ("tinyint", "smallint", "int", "bigint"):
        reason = "times as whole numbers"
    if reason:
        raise EngineRefused(f"a cast of {reason}", "the answer would differ")
