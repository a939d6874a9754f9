"""Calls whose arguments are of types that Spark does not take, told by the whole types of the arguments.

The engine answers these: Spark raises an error of analysis, which it does when the job begins anew. A type that is not
known (None) is not judged. Data and pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from awsglue._runtime.failures import EngineRefused

Types = Sequence["str | None"]
_WHOLE = ("tinyint", "smallint", "int", "bigint")
_NUMBERS = (*_WHOLE, "float", "double")
_CONDITIONS = frozenset({"if", "when", "count_if"})
_COMPARING = frozenset({"=", "==", "<", ">", "<=", ">=", "<>", "!=", "<=>", "in"})
_ARITHMETIC = frozenset({"/", "*", "+", "-", "%", "div"})
_MOVING = frozenset({"date_add", "dateadd", "date_sub"})
_TRIED = re.compile(
    r"(tinyint|smallint|int|bigint|byte|short|long|integer|float|real|double|boolean|decimal|dec|numeric)\b"
)
NAMES = _CONDITIONS | _COMPARING | _ARITHMETIC | _MOVING | {"flatten", "~", "bitwise_not"}


def check(name: str, types: Types) -> None:
    """Raise EngineRefused for a call of these types that Spark does not take."""
    if not types or name not in NAMES:
        return
    reason = ""
    if name in _CONDITIONS:
        conditions = list(types[:-1:2]) if name == "when" and len(types) > 1 else [types[0]]
        reason = "by what is no condition" if any(_known(each, ("boolean",)) for each in conditions) else ""
    elif name == "flatten":
        reason = "of what holds no arrays" if _known(types[0], ("array<array", "array<void")) else ""
    elif name in _MOVING and len(types) > 1:
        reason = "by no whole number" if _of(types[1], ("decimal", "float", "double")) else ""
    elif name in _COMPARING:
        reason = "of maps" if any(each is not None and has_map(each) for each in types) else ""
    elif name in _ARITHMETIC:
        reason = "of booleans" if any(_of(each, ("boolean",)) for each in types) else ""
    elif name in ("~", "bitwise_not"):
        reason = "of no whole number" if _known(types[0], _WHOLE) else ""
    if reason:
        raise EngineRefused(f"{name}() {reason}", "Spark takes none")


def check_tried(source: str, target: str) -> None:
    """Raise EngineRefused for a TRY_CAST between these types that Spark does not take."""
    if source == "date" and _TRIED.match(target):
        raise EngineRefused("TRY_CAST of a date to a number", "Spark takes none")


def check_key(kind: str | None, use: str) -> None:
    """Raise EngineRefused for keys of this type."""
    if kind is not None and has_map(kind):
        raise EngineRefused(f"{use} maps", "Spark takes none")


def has_map(kind: str) -> bool:
    """Whether values of this type have maps in them."""
    return re.search(r"(?:^|[<:])map<", kind) is not None


def _known(kind: str | None, good: tuple[str, ...]) -> bool:
    """Whether the type is known, and none of these nor null's."""
    return kind is not None and not kind.startswith((*good, "void"))


def _of(kind: str | None, bad: tuple[str, ...]) -> bool:
    return kind is not None and kind.startswith(bad)
