"""Patterns of terms: ``ERROR "exact phrase" -not ?any ?of %regex%``. Pure; owns no state."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mastic.aws.logs.patterns.conditions import InvalidPattern, regex, unquote

_TERM = re.compile(r'\s*([-?]?)("(?:[^"\\]|\\.)*"|%[^%]*%|[^\s"]+)')
_PLAIN = re.compile(r"[\w]+")


class TextPattern:
    """All plain terms, none of the excluded, and one of the optional ones if there are any."""

    def __init__(
        self,
        required: list[Callable[[str], bool]],
        excluded: list[Callable[[str], bool]],
        optional: list[Callable[[str], bool]],
    ) -> None:
        self._required = required
        self._excluded = excluded
        self._optional = optional

    def match(self, message: str) -> dict[str, str] | None:
        if not all(test(message) for test in self._required):
            return None
        if any(test(message) for test in self._excluded):
            return None
        if self._optional and not any(test(message) for test in self._optional):
            return None
        return {}

    def value(self, message: str, selector: str) -> Any:
        return None


def compile_pattern(source: str) -> TextPattern:
    """The matcher of a pattern of terms. Raises InvalidPattern."""
    groups: dict[str, list[Callable[[str], bool]]] = {"": [], "-": [], "?": []}
    at = 0
    end = len(source.rstrip())
    while at < end:
        found = _TERM.match(source, at)
        if found is None:
            raise InvalidPattern(f"Invalid filter pattern: cannot read '{source[at : at + 20]}'")
        groups[found[1]].append(_test(found[2]))
        at = found.end()
    return TextPattern(groups[""], groups["-"], groups["?"])


def _test(term: str) -> Callable[[str], bool]:
    if term.startswith('"'):
        return _containing(unquote(term))
    if len(term) > 1 and term.startswith("%") and term.endswith("%"):
        expression = regex(term[1:-1])
        return lambda message: expression.search(message) is not None
    if not _PLAIN.fullmatch(term):
        raise InvalidPattern(f"Invalid character(s) in term '{term}'")
    return _containing(term)


def _containing(text: str) -> Callable[[str], bool]:
    return lambda message: text in message
