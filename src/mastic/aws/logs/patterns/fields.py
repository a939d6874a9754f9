"""Space-delimited patterns: ``[ip, user, ..., status = 4* || status = 5*, bytes > 1000]``. Pure; owns no state.

A message's fields are separated by blanks; what stands in double quotes or square brackets is one field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mastic.aws.logs.patterns.conditions import InvalidPattern, Scanner, comparison, unquote

_TOKENS = re.compile(
    r"""(?P<space>\s+)|(?P<ellipsis>\.\.\.)|(?P<operator><=|>=|!=|=|<|>)|(?P<logic>&&|\|\|)"""
    r"""|(?P<bracket>[(),\[\]])|(?P<string>"(?:[^"\\]|\\.)*")|(?P<regex>%[^%]*%)|(?P<word>[^\s"(),\[\]=<>!&|]+)"""
)
_FIELD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')

Node = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    holds: Node | None


class FieldsPattern:
    """Messages with the right number of fields, each of which passes its test."""

    def __init__(self, before: list[_Field], after: list[_Field] | None) -> None:
        self._before = before
        self._after = after

    def match(self, message: str) -> dict[str, str] | None:
        values = _split(message)
        fields = self._align(len(values))
        if fields is None:
            return None
        for field, value in zip(fields, values, strict=True):
            if field.holds is not None and not field.holds(value):
                return None
        return {
            f"${f.name or number}": v for number, (f, v) in enumerate(zip(fields, values, strict=True), 1)
        }

    def value(self, message: str, selector: str) -> Any:
        return (self.match(message) or {}).get(selector)

    def _align(self, count: int) -> list[_Field] | None:
        """The fields for ``count`` values, nameless ones in the place of ``...``; None when they do not fit."""
        if self._after is None:
            return self._before if count == len(self._before) else None
        gap = count - len(self._before) - len(self._after)
        return None if gap < 0 else [*self._before, *[_Field("", None)] * gap, *self._after]


def compile_pattern(source: str) -> FieldsPattern:
    """The matcher of a space-delimited pattern. Raises InvalidPattern."""
    tokens = Scanner(source, _TOKENS)
    tokens.take("[")
    before: list[_Field] = []
    after: list[_Field] | None = None
    while True:
        if tokens.peek()[0] == "ellipsis":
            tokens.take()
            if after is not None:
                raise InvalidPattern("Invalid filter pattern: there may be one ellipsis only")
            after = []
        else:
            (before if after is None else after).append(_field(tokens))
        if tokens.take(",", "]")[1] == "]":
            break
    if tokens.peek()[0]:
        raise InvalidPattern("Invalid filter pattern: there is something after ']'")
    return FieldsPattern(before, after)


def _field(tokens: Scanner) -> _Field:
    if tokens.peek()[1] in (",", "]"):
        return _Field("", None)
    names: list[str] = []
    holds = _either(tokens, names)
    if len(set(names)) != 1:
        raise InvalidPattern("Invalid filter pattern: the conditions of a field must name one field")
    return _Field(names[0], holds)


def _either(tokens: Scanner, names: list[str]) -> Node | None:
    branches = [_both(tokens, names)]
    while tokens.accept("||"):
        branches.append(_both(tokens, names))
    if len(branches) == 1:
        return branches[0]
    return lambda value: any(branch is None or branch(value) for branch in branches)


def _both(tokens: Scanner, names: list[str]) -> Node | None:
    branches = [_single(tokens, names)]
    while tokens.accept("&&"):
        branches.append(_single(tokens, names))
    if len(branches) == 1:
        return branches[0]
    return lambda value: all(branch is None or branch(value) for branch in branches)


def _single(tokens: Scanner, names: list[str]) -> Node | None:
    if tokens.accept("("):
        inside = _either(tokens, names)
        tokens.take(")")
        return inside
    names.append(tokens.take("word")[1])
    if tokens.peek()[0] != "operator":
        return None
    operator = tokens.take("operator")[1]
    kind, right = tokens.take("word", "string", "regex")
    if kind == "string":
        right = unquote(right)
    elif kind == "regex":
        right = right[1:-1]
    return comparison(operator, right, kind)


def _split(message: str) -> list[str]:
    return [next(g for g in found.groups() if g is not None) for found in _FIELD.finditer(message)]
