"""What the variables of functions within functions stand for: transform(ad, x -> …) makes x a double. No state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

# What a variable is taken for of which nothing is known: all whose answers may differ.
UNKNOWN = ("double", "decimal(38,18)", "timestamp", "string")
_TYPE = re.compile(r"(array|map|struct)<.*>\Z|[a-z_]+(\(\d+(,\d+)?\))?\Z")
_PAIRS = frozenset({"map_filter", "transform_keys", "transform_values", "map_zip_with"})


def members(kind: str | None) -> list[str] | None:
    """The types of an array's or a map's members; None for others."""
    if kind is None or not kind.startswith(("array<", "map<")) or not kind.endswith(">"):
        return None
    inner = kind.partition("<")[2][:-1]
    if kind.startswith("array<"):
        return [inner]
    depth = 0
    for at, sign in enumerate(inner):
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and not depth:
            return [inner[:at], inner[at + 1 :]]
    return None


def field(kind: str | None, name: str) -> str | None:
    """The type of a struct's field; None for what is no struct, or has no such field."""
    if kind is None or not kind.startswith("struct<") or not kind.endswith(">"):
        return None
    begun, depth = len("struct<"), 0
    for at, sign in enumerate(kind[begun:], begun):
        depth += (sign in "<(") - (sign in ">)")
        if depth < 0 or (sign == "," and not depth):
            own, _, held = kind[begun:at].partition(":")
            if own.lower() == name.lower():
                return held if _TYPE.match(held) else None
            begun = at + 1
    return None


def variables(name: str, kinds: list[str | None], place: int, count: int) -> list[str | None]:
    """The types of this many variables of the function that is argument number `place` of a call."""
    held = members(kinds[0]) if kinds else None
    if name in ("aggregate", "reduce"):
        begun = kinds[1] if len(kinds) > 1 else None
        return [begun, held[0] if held else None][:count]
    if held is None:
        return [None] * count
    if name in _PAIRS:
        return [*held, None][:count] if len(held) == 2 else [None] * count
    if name in ("transform", "filter"):
        return [held[0], "int"][:count]
    return ([held[0]] * 2)[:count] if name != "zip_with" else [None] * count


def in_text(
    parsed: Any,
    aliases: list[Any],
    type_of: Callable[[Any, dict[str, Any]], str | None],
    types: dict[str, Any],
) -> list[tuple[str, str]]:
    """(name, type) of the variables in a parsed statement, whose bodies get columns for them.

    `aliases` are those that may be meant by the same names elsewhere.
    """
    from sqlglot import exp

    found: list[tuple[str, str]] = []
    shown: dict[str, list[Any]] = {}
    for alias in aliases:
        shown.setdefault(alias.alias.lower(), []).append(alias)
    for function in list(parsed.find_all(exp.Lambda)):
        names = [each.name.lower() for each in function.expressions]
        _as_columns(function, set(names))
        call, arguments = function.parent, _arguments(function.parent)
        known = {**types, **dict(found)}
        kinds = [None if isinstance(each, exp.Lambda) else type_of(each, known) for each in arguments]
        own = variables(_name(call), kinds, arguments.index(function), len(names))
        for name, kind in zip(names, [*own, None, None, None], strict=False):
            found += [(name, each) for each in ([kind] if kind else UNKNOWN)]
            for alias in shown.get(name, ()):
                other = type_of(alias.this, known)
                found += [(name, each) for each in ([other] if other else UNKNOWN)]
    return found


def bound(parsed: Any) -> Iterator[int]:
    """The ids of the columns that stand for variables."""
    from sqlglot import exp

    for function in parsed.find_all(exp.Lambda):
        names = {each.name.lower() for each in function.expressions}
        _as_columns(function, names)
        yield from (id(each) for each in function.this.find_all(exp.Column) if each.name.lower() in names)


def _as_columns(function: Any, names: set[str]) -> None:
    from sqlglot import exp

    for each in list(function.this.find_all(exp.Identifier)):
        taken = isinstance(each.parent, (exp.Column, exp.Alias, exp.Lambda)) and each is not function.this
        if taken or each.name.lower() not in names:
            continue
        column = exp.Column(this=each.copy())
        if each is function.this:
            function.set("this", column)
        else:
            each.replace(column)


def _arguments(call: Any) -> list[Any]:
    from sqlglot import exp

    if isinstance(call, exp.Anonymous):
        return list(call.expressions)
    return [each for each in call.iter_expressions() if isinstance(each, exp.Expression)]


def _name(call: Any) -> str:
    from sqlglot import exp

    if isinstance(call, exp.Anonymous):
        return str(call.name).lower()
    return {"ArrayFilter": "filter", "Reduce": "aggregate", "Transform": "transform"}.get(
        type(call).__name__, type(call).__name__.lower()
    )
