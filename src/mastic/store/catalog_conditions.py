"""Conditions on partition keys: what they mean in SQL, and which stretches of an index can hold their rows.

A condition speaks of keys by position and of values in their sortable encoding (text that compares by code
point as the typed values do). Comparing with NULL, the encoding of a value that its type cannot read, is
neither true nor false, as in SQL. Owns no state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sqlalchemy import and_, not_, or_

LAST_CHARACTER = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Compare:
    """``key op value``; ``op`` is one of ``= != < <= > >=``."""

    key: int
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class In:
    """``key IN (values)``."""

    key: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """``key LIKE pattern``: ``%`` stands for any text, ``_`` for one character; nothing escapes them."""

    key: int
    pattern: str


@dataclass(frozen=True, slots=True)
class IsNull:
    """The key has no readable value."""

    key: int


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Condition


Condition = Compare | In | Like | IsNull | And | Or | Not

LikeOperator = Callable[[Any, str], Any]


def clause(condition: Condition, columns: list[Any], like: LikeOperator) -> Any:
    """The condition as SQL over the key ``columns``; ``like`` is the dialect's case-sensitive LIKE."""
    match condition:
        case Compare(key, op, value):
            return _compare(columns[key], op, value)
        case In(key, values):
            return columns[key].in_(values)
        case Like(key, pattern):
            return like(columns[key], pattern)
        case IsNull(key):
            return columns[key].is_(None)
        case And(parts):
            return and_(*(clause(part, columns, like) for part in parts))
        case Or(parts):
            return or_(*(clause(part, columns, like) for part in parts))
        case Not(part):
            return not_(clause(part, columns, like))


def _compare(column: Any, op: str, value: str) -> Any:
    match op:
        case "=":
            return column == value
        case "!=":
            return column != value
        case "<":
            return column < value
        case "<=":
            return column <= value
        case ">":
            return column > value
        case _:
            return column >= value


# -- where the rows can be ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Texts from ``low`` (included) to ``high`` (excluded; None: no end). A point holds one text only."""

    low: str
    high: str | None

    @property
    def is_point(self) -> bool:
        """Whether only ``low`` itself can be in it."""
        return self.high == self.low + "\0"


EVERYTHING = Interval("", None)


def point(value: str) -> Interval:
    """The interval of one text; no stored text contains NUL, so nothing else is below value + NUL."""
    return Interval(value, value + "\0")


def after_prefix(prefix: str) -> str | None:
    """The first text behind all that begin with ``prefix``; None when there is none."""
    for index in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[index])
        if code < LAST_CHARACTER:
            # The surrogates are no characters: no stored text contains them and no driver sends them.
            following = 0xE000 if code == 0xD7FF else code + 1
            return prefix[:index] + chr(following)
    return None


def intervals(condition: Condition, key: int) -> list[Interval]:
    """Disjoint intervals in order, outside of which no value of ``key`` can satisfy the condition."""
    return _within(condition, key, negated=False)


def _within(condition: Condition, key: int, *, negated: bool) -> list[Interval]:
    match condition:
        case And(parts) | Or(parts):
            sides = [_within(part, key, negated=negated) for part in parts]
            # De Morgan: the negation of an AND is the OR of the negations.
            both = isinstance(condition, And) != negated
            return reduce(intersection, sides) if both else _union(s for side in sides for s in side)
        case Not(part):
            return _within(part, key, negated=not negated)
        case Compare(at, op, value) if at == key:
            return _compared(_NEGATED[op] if negated else op, value)
        case In(at, values) if at == key and not negated:
            return _union(point(value) for value in values)
        case Like(at, pattern) if at == key and not negated:
            return _liked(pattern)
    return [EVERYTHING]


_NEGATED = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def _compared(op: str, value: str) -> list[Interval]:
    match op:
        case "=":
            return [point(value)]
        case "<":
            return [Interval("", value)] if value else []
        case "<=":
            return [Interval("", value + "\0")]
        case ">":
            return [Interval(value + "\0", None)]
        case ">=":
            return [Interval(value, None)]
    return [EVERYTHING]


def _liked(pattern: str) -> list[Interval]:
    ends = [index for index in (pattern.find("%"), pattern.find("_")) if index >= 0]
    if not ends:
        return [point(pattern)]
    prefix = pattern[: min(ends)]
    return [Interval(prefix, after_prefix(prefix))] if prefix else [EVERYTHING]


def intersection(one: list[Interval], other: list[Interval]) -> list[Interval]:
    """The intervals that lie in both lists."""
    found = []
    for a in one:
        for b in other:
            low = max(a.low, b.low)
            high = b.high if a.high is None else a.high if b.high is None else min(a.high, b.high)
            if high is None or low < high:
                found.append(Interval(low, high))
    return sorted(found, key=lambda i: i.low)


def _union(parts: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for part in sorted(parts, key=lambda i: i.low):
        if merged and (merged[-1].high is None or part.low < merged[-1].high):
            last = merged[-1]
            high = None if last.high is None or part.high is None else max(last.high, part.high)
            merged[-1] = Interval(last.low, high)
        else:
            merged.append(part)
    return merged
