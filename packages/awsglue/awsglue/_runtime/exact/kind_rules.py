"""Functions that answer arguments of some types where Spark 3.5 raises, or answers them differently.

Data and rules from a run of every function of Spark over columns of twenty-three types and their pairs. A value whose
type cannot be told is judged only where all that it may be made of differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from awsglue._runtime.exact.arithmetic import FLOATING
from awsglue._runtime.failures import EngineRefused

Kinds = Sequence[frozenset[str]]
Literals = Sequence[str | None]
Rule = Callable[[Kinds, Literals], str]

NESTED = frozenset({"array", "array of floating", "map", "map of floating", "struct", "struct of floating"})
_TIMES = frozenset({"timestamp", "timestamp_ntz"})
_WHOLE = frozenset({"tinyint", "smallint", "int", "bigint"})
_NUMBERS = _WHOLE | FLOATING | {"decimal", "wide decimal", "fine decimal"}
# A decimal of so many places that a small one is written with an exponent.
FINE = "fine decimal"
# What becomes text in another way than Spark's.
_UNLIKE_TEXT = FLOATING | NESTED | _TIMES
_DECIMALS = frozenset({"decimal", "wide decimal", FINE})
_OF_TEXTS = (
    "ascii bit_length btrim char_length character_length length len octet_length lcase lower ucase upper contains"
    " startswith endswith find_in_set instr locate position lpad rpad ltrim rtrim trim replace substring_index"
    " translate"
    " luhn_check unhex levenshtein soundex split_part regexp_instr url_encode url_decode md5 sha1 sha sha2 crc32 base64"
    " string ilike like repeat encode parse_url regexp_substr regexp_extract_all regexp_replace"
).split()
_OF_TEXTS_OR_LISTS = "concat concat_ws reverse".split()
_BRANCHES = "coalesce nvl ifnull array greatest least nullif equal_null".split()
_CLASSES = {
    **dict.fromkeys(_NUMBERS, "number"),
    **dict.fromkeys(_TIMES, "time"),
    **dict.fromkeys(NESTED, "nested"),
    "string": "text",
    "date": "date",
    "boolean": "boolean",
    "binary": "binary",
}
# Beside text, whose type branches take.
_WRITTEN_ALIKE = frozenset({"text", "date"})
_PLAIN_FORMAT = re.compile(r"(?:[^%]|%(?:s|d|0?\d+d|,d|x|b|%))*\Z")
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1"})


def only(kinds: frozenset[str], bad: frozenset[str]) -> bool:
    """Whether a value is certain to be of one of these types."""
    return bool(kinds) and kinds <= bad


def _badly_written(kinds: Kinds, bad: frozenset[str]) -> bool:
    return any(only(kind, bad) or (kind <= _DECIMALS and kind - {"decimal"}) for kind in kinds)


def written_alike(bad: frozenset[str]) -> Rule:
    """A rule that no argument is of a type that becomes text in another way."""
    return lambda kinds, literals: (
        "of values that are written differently" if _badly_written(kinds, bad) else ""
    )


def none_of(bad: frozenset[str], words: str) -> Rule:
    """A rule that no argument is of these types."""
    return lambda kinds, literals: words if any(only(kind, bad) for kind in kinds) else ""


def first_not(bad: frozenset[str], words: str) -> Rule:
    """A rule that the first argument is of none of these types."""
    return lambda kinds, literals: words if kinds and only(kinds[0], bad) else ""


def at_most(count: int) -> Rule:
    """A rule that there are no more arguments than these."""
    return lambda kinds, literals: f"of more than {count} arguments" if len(kinds) > count else ""


def both(*rules: Rule) -> Rule:
    """All of these rules."""
    return lambda kinds, literals: next((found for rule in rules if (found := rule(kinds, literals))), "")


def _of_one_class(kinds: Kinds, literals: Literals) -> str:
    """Branches of unlike types: Spark raises, or makes texts of them."""
    found = set()
    for kind in kinds:
        classes = {_CLASSES[each] for each in kind if each in _CLASSES}
        if len(classes) == 1:
            found |= classes
    return "of values of unlike types" if len(found) > 1 and not found <= _WRITTEN_ALIKE else ""


def _several(kinds: Kinds, literals: Literals) -> str:
    return "of a single value" if len(kinds) < 2 else ""


def _from_there(kinds: Kinds, literals: Literals) -> str:
    if len(kinds) < 3:
        return ""
    start = literals[2] or ""
    return "" if literals[0] and start.isdigit() and int(start) else "from a place that cannot be told"


def _joined(kinds: Kinds, literals: Literals) -> str:
    return "by what is no text" if any(only(kind, _NUMBERS | NESTED) for kind in kinds[1:]) else ""


def _default(kinds: Kinds, literals: Literals) -> str:
    return _of_one_class([kinds[0], kinds[2]], literals) if len(kinds) > 2 else ""


def _format(kinds: Kinds, literals: Literals) -> str:
    if not literals or literals[0] is None or not _PLAIN_FORMAT.match(literals[0]):
        return "of a format that is understood differently"
    return (
        "of decimals or doubles"
        if any(only(kind, _DECIMALS) or only(kind, FLOATING) for kind in kinds)
        else ""
    )


def _charset(kinds: Kinds, literals: Literals) -> str:
    named = (literals[1] or "").lower() if len(literals) > 1 else ""
    return "" if named in _CHARSETS else "of this character set"


def _pattern_of_dates(kinds: Kinds, literals: Literals) -> str:
    pattern = literals[1] if len(literals) > 1 else None
    return "of a pattern that Spark does not take" if pattern and re.search("[#{}]", pattern) else ""


def _cast_as(bad: frozenset[str]) -> Rule:
    return first_not(bad, "of values of this type")


_DATES = frozenset({"date"}) | _TIMES
_NO_NUMBERS = frozenset(_CLASSES) - _NUMBERS
RULES: dict[str, Rule] = {
    **dict.fromkeys(_OF_TEXTS, written_alike(_UNLIKE_TEXT)),
    **dict.fromkeys(_OF_TEXTS_OR_LISTS, written_alike(_TIMES)),
    **dict.fromkeys(("substring", "substr", "left", "right", "elt"), written_alike(FLOATING)),
    **dict.fromkeys(_BRANCHES, _of_one_class),
    "nvl2": lambda kinds, literals: _of_one_class(kinds[1:], literals),
    "greatest": both(_several, _of_one_class),
    "least": both(_several, _of_one_class),
    **dict.fromkeys(("locate", "position"), both(written_alike(_UNLIKE_TEXT), _from_there)),
    "encode": both(written_alike(_UNLIKE_TEXT), _charset),
    "array_join": _joined,
    **dict.fromkeys(("lag", "lead"), _default),
    **dict.fromkeys(("format_string", "printf"), _format),
    "mask": none_of(frozenset(_CLASSES) - {"string"}, "of what is no text"),
    **dict.fromkeys(("sqrt", "degrees", "radians", "positive"), first_not(_NO_NUMBERS, "of no numbers")),
    **dict.fromkeys(("percentile", "median"), first_not(FLOATING | _NO_NUMBERS, "of such values")),
    **dict.fromkeys(("datediff", "date_diff"), both(at_most(2), none_of(_NUMBERS, "of numbers"))),
    "months_between": lambda kinds, literals: (
        "of numbers" if any(only(kind, _NUMBERS) for kind in kinds[:2]) else ""
    ),
    "date_format": both(first_not(_NUMBERS, "of numbers"), _pattern_of_dates),
    "date_from_unix_date": first_not(_DATES, "of dates"),
    "from_unixtime": first_not(_DATES | _DECIMALS, "of such values"),
    **dict.fromkeys(
        ("unix_millis", "unix_micros"), first_not(frozenset(_CLASSES) - _TIMES, "of what is no time")
    ),
    "unix_date": first_not(frozenset(_CLASSES) - {"date"}, "of what is no date"),
    **dict.fromkeys(
        ("timestamp_millis", "timestamp_micros"),
        first_not(frozenset(_CLASSES) - _WHOLE, "of no whole numbers"),
    ),
    "unhex": first_not(frozenset(_CLASSES) - {"string", *_WHOLE}, "of such values"),
    **dict.fromkeys(
        ("bigint", "int", "smallint", "tinyint", "double", "float"), _cast_as(_DATES | {"boolean"})
    ),
    "binary": _cast_as(_NUMBERS),
    **dict.fromkeys(
        ("make_timestamp", "make_timestamp_ltz", "make_timestamp_ntz"),
        lambda kinds, literals: "" if len(kinds) == 6 else "of other than six arguments",
    ),
    "regexp_count": at_most(2),
    **dict.fromkeys(("max_by", "min_by"), at_most(2)),
    "array_remove": none_of(FLOATING | {"array of floating"}, "of doubles"),
    **dict.fromkeys(
        ("ceil", "ceiling", "floor"),
        lambda kinds, literals: (
            "of doubles to a place" if len(kinds) > 1 and only(kinds[0], FLOATING) else ""
        ),
    ),
    "array_repeat": lambda kinds, literals: (
        "by a decimal" if len(kinds) > 1 and only(kinds[1], _DECIMALS) else ""
    ),
    "pmod": none_of(_DECIMALS, "of decimals"),
    "try_sum": none_of(_DECIMALS, "of decimals"),
}


def check(name: str, kinds: Kinds, literals: Literals) -> None:
    """Raise EngineRefused where Spark raises, or answers differently."""
    reason = RULES[name](kinds, literals)
    if reason:
        raise EngineRefused(f"{name}() {reason}")
