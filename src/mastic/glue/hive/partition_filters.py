"""Hive's filters over partition keys, written as the partition expressions of the Glue API. Pure functions.

The API's LIKE has no escape: a ``%`` or ``_`` within a pattern stands for more than itself there. What such a pattern
finds is looked at again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mastic.glue.hive.failures import meta
from mastic.glue.hive.filters import Literal, pattern_parts, read

_ANY, _ONE = ".*", "."


@dataclass(frozen=True, slots=True)
class Filter:
    """An Expression of GetPartitions, and the patterns by key that what it finds must match as well."""

    expression: str
    patterns: tuple[tuple[str, str], ...] = ()

    def admits(self, keys: Sequence[str], values: Sequence[str]) -> bool:
        """Whether a partition that the expression finds is one that is looked for."""
        named = dict(zip((key.lower() for key in keys), values, strict=False))
        return all(_matches(pattern_parts(p), named.get(key.lower(), "")) for key, p in self.patterns)


def translate(text: str) -> Filter:
    """What a filter stands for; an empty expression for an empty one. Raises Failure."""
    return read(text, _Expressions()) if text.strip() else Filter("")


class _Expressions:
    """Writes SQL in which double quotes enclose names, and single quotes text."""

    def compare(self, key: str, operator: str, value: Literal) -> Filter:
        return Filter(f"{_name(key)} {operator} {_written(value)}")

    def like(self, key: str, pattern: str) -> Filter:
        """The comparison that a pattern stands for. Raises Failure for what cannot be said."""
        parts = pattern_parts(pattern)
        literal = [part[-1] for part in parts if part not in (_ANY, _ONE)]
        if len(literal) == len(parts):
            return Filter(f"{_name(key)} = {_quoted(''.join(literal))}")
        if literal and parts[-1] == _ANY and len(literal) == len(parts) - 1:
            # What begins so: a range, which an index serves and in which no character means anything.
            start = "".join(literal)
            end = start[:-1] + chr(ord(start[-1]) + 1)
            return Filter(f"({_name(key)} >= {_quoted(start)} and {_name(key)} < {_quoted(end)})")
        written = "".join({_ANY: "%", _ONE: "_"}.get(part) or part[-1] for part in parts)
        more = any(character in "%_" for character in literal)
        return Filter(f"{_name(key)} like {_quoted(written)}", ((key, pattern),) if more else ())

    def among(self, key: str, values: Sequence[Literal]) -> Filter:
        return Filter(f"{_name(key)} in ({', '.join(map(_written, values))})")

    def between(self, key: str, low: Literal, high: Literal) -> Filter:
        return Filter(f"({_name(key)} between {_written(low)} and {_written(high)})")

    def negated(self, part: Filter) -> Filter:
        # Never a LIKE: the language has none that is negated.
        return Filter(f"not {part.expression}")

    def enclosed(self, part: Filter) -> Filter:
        return Filter(f"({part.expression})", part.patterns)

    def all_of(self, parts: Sequence[Filter]) -> Filter:
        patterns = tuple(pattern for part in parts for pattern in part.patterns)
        return Filter(" and ".join(part.expression for part in parts), patterns)

    def any_of(self, parts: Sequence[Filter]) -> Filter:
        for part in parts:
            for _, pattern in part.patterns:
                raise meta(
                    f"LIKE '{pattern}': % and _ cannot be looked for in the middle of a value together with OR; let "
                    "the client choose partitions (spark.sql.hive.metastorePartitionPruningFallbackOnException=true)"
                )
        return Filter(" or ".join(part.expression for part in parts))


def _matches(parts: Sequence[str], value: str) -> bool:
    """Whether the whole value is of the pattern. What stands between two ``.*`` is taken where it comes first."""
    pieces: list[list[str]] = [[]]
    for part in parts:
        if part == _ANY:
            pieces.append([])
        else:
            pieces[-1].append(part)
    first, *middle, last = pieces if len(pieces) > 1 else (pieces[0], [])
    if len(pieces) == 1:
        return len(value) == len(first) and _stands(first, value, 0)
    position, end = len(first), len(value) - len(last)
    if position > end or not _stands(first, value, 0) or not _stands(last, value, end):
        return False
    for piece in middle:
        ways = range(position, end - len(piece) + 1)
        found = next((at for at in ways if _stands(piece, value, at)), None)
        if found is None:
            return False
        position = found + len(piece)
    return True


def _stands(piece: Sequence[str], value: str, at: int) -> bool:
    return all(part == _ONE or part[-1] == value[at + n] for n, part in enumerate(piece))


def _name(key: str) -> str:
    return f'"{key}"'


def _written(value: Literal) -> str:
    return value.text if value.is_number else _quoted(value.text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
