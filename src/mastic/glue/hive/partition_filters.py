"""Hive's filters over partition keys, written as the partition expressions of the Glue API. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from mastic.glue.hive.filters import Literal, pattern_parts, read

_ANY, _ONE = ".*", "."
_WILD = {_ANY: "%", _ONE: "_"}
_ESCAPED = {character: f"\\{character}" for character in "%_\\"}


def translate(text: str) -> str:
    """The Expression that a filter stands for; an empty one for an empty one. Raises Failure."""
    return read(text, _Expressions()) if text.strip() else ""


class _Expressions:
    """Writes SQL in which double quotes enclose names, and single quotes text."""

    def compare(self, key: str, operator: str, value: Literal) -> str:
        return f"{_name(key)} {operator} {_written(value)}"

    def like(self, key: str, pattern: str) -> str:
        """The comparison that a pattern stands for. Raises Failure for what cannot be said."""
        parts = pattern_parts(pattern)
        literal = [part[-1] for part in parts if part not in (_ANY, _ONE)]
        if len(literal) == len(parts):
            return f"{_name(key)} = {_quoted(''.join(literal))}"
        if literal and parts[-1] == _ANY and len(literal) == len(parts) - 1:
            # What begins so: a range, which an index serves and in which no character means anything.
            start = "".join(literal)
            end = start[:-1] + chr(ord(start[-1]) + 1)
            return f"({_name(key)} >= {_quoted(start)} and {_name(key)} < {_quoted(end)})"
        written = "".join(_WILD.get(part) or part[-1] for part in parts)
        if not any(character in "%_" for character in literal):
            return f"{_name(key)} like {_quoted(written)}"
        escaped = "".join(_WILD.get(part) or _ESCAPED.get(part[-1]) or part[-1] for part in parts)
        return f"{_name(key)} like {_quoted(escaped)} escape '\\'"

    def among(self, key: str, values: Sequence[Literal]) -> str:
        return f"{_name(key)} in ({', '.join(map(_written, values))})"

    def between(self, key: str, low: Literal, high: Literal) -> str:
        return f"({_name(key)} between {_written(low)} and {_written(high)})"

    def negated(self, part: str) -> str:
        # Never a LIKE: the language has none that is negated.
        return f"not {part}"

    def enclosed(self, part: str) -> str:
        return f"({part})"

    def all_of(self, parts: Sequence[str]) -> str:
        return " and ".join(parts)

    def any_of(self, parts: Sequence[str]) -> str:
        return " or ".join(parts)


def _name(key: str) -> str:
    return f'"{key}"'


def _written(value: Literal) -> str:
    return value.text if value.is_number else _quoted(value.text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
