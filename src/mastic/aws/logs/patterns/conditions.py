"""What the pattern languages share: the matcher's interface, comparisons and the scanner. Owns no state."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol


class InvalidPattern(ValueError):
    """The pattern is not one; ``str()`` says why."""


class Pattern(Protocol):
    """A compiled filter pattern."""

    def match(self, message: str) -> dict[str, str] | None:
        """The values that the pattern names, or None when the message does not match."""
        ...

    def value(self, message: str, selector: str) -> Any:
        """What ``$.member`` or ``$field`` selects in a message that matched, or None."""
        ...


Test = Callable[[Any], bool]

_REGEX = re.compile(r"[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+. ]*")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")


def regex(source: str) -> re.Pattern[str]:
    """The expression between percent signs. Groups are not part of the language, so it cannot run away."""
    if not _REGEX.fullmatch(source):
        raise InvalidPattern(
            "Invalid filter pattern: the regular expression has a character that is not supported"
        )
    try:
        return re.compile(source)
    except re.error as error:
        raise InvalidPattern(f"Invalid filter pattern: {error}") from error


def equals(text: str, *, quoted: bool) -> Test:
    """A test for equality with a string, in which ``*`` stands for anything, or with a number."""
    wildcard = (
        re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL) if "*" in text else None
    )
    number = None if quoted else as_number(text)

    def test(value: Any) -> bool:
        if isinstance(value, bool) or value is None:
            return False
        if number is not None:
            found = as_number(value)
            return found is not None and found == number
        shown = value if isinstance(value, str) else _shown(value)
        return wildcard.fullmatch(shown) is not None if wildcard else shown == text

    return test


def compares(operator: str, text: str) -> Test:
    """A numeric test: ``<``, ``<=``, ``>`` or ``>=``."""
    limit = as_number(text)
    if limit is None:
        raise InvalidPattern(f"Invalid filter pattern: {operator} needs a number, not '{text}'")
    tests: dict[str, Callable[[float], bool]] = {
        "<": lambda v: v < limit,
        "<=": lambda v: v <= limit,
        ">": lambda v: v > limit,
        ">=": lambda v: v >= limit,
    }
    chosen = tests[operator]

    def test(value: Any) -> bool:
        found = None if isinstance(value, bool) else as_number(value)
        return found is not None and chosen(found)

    return test


def comparison(operator: str, text: str, kind: str) -> Test:
    """The test for an operator and a right-hand side; ``kind`` is ``word``, ``string`` or ``regex``."""
    if operator in ("=", "!="):
        same = _containing(text) if kind == "regex" else equals(text, quoted=kind == "string")
        if operator == "=":
            return same
        return lambda value: value is not None and not same(value)
    if kind != "word":
        raise InvalidPattern(f"Invalid filter pattern: {operator} needs a number")
    return compares(operator, text)


def _containing(source: str) -> Test:
    expression = regex(source)
    return lambda value: isinstance(value, str | int | float) and expression.search(_shown(value)) is not None


def as_number(value: Any) -> float | None:
    """The number that a value is or spells, or None."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and NUMBER.match(value):
        return float(value)
    return None


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Scanner:
    """Takes a pattern apart, token by token."""

    def __init__(self, source: str, tokens: re.Pattern[str]) -> None:
        self.items: list[tuple[str, str]] = []
        at = 0
        while at < len(source):
            found = tokens.match(source, at)
            if found is None or found.end() == at:
                raise InvalidPattern(f"Invalid filter pattern: cannot read '{source[at : at + 20]}'")
            at = found.end()
            kind = found.lastgroup or ""
            if kind != "space":
                self.items.append((kind, found.group()))
        self.at = 0

    def peek(self) -> tuple[str, str]:
        """The next token, or an empty one at the end."""
        return self.items[self.at] if self.at < len(self.items) else ("", "")

    def take(self, *expected: str) -> tuple[str, str]:
        """The next token, which must be of an expected kind or text."""
        kind, text = self.peek()
        if expected and kind not in expected and text not in expected:
            raise InvalidPattern(f"Invalid filter pattern: '{text or 'its end'}' was not expected")
        self.at += 1
        return kind, text

    def accept(self, text: str) -> bool:
        """Take the next token if it is ``text``."""
        if self.peek()[1] == text:
            self.at += 1
            return True
        return False


def unquote(text: str) -> str:
    """The content of a quoted string."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])
