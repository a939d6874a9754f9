"""Conditions on partition keys: what they mean in SQL, and which stretches of an index can hold their rows.

A condition speaks of keys by position and of values in their sortable encoding (text that compares by code
point as the typed values do). Comparing with NULL, the encoding of a value that its type cannot read, is
neither true nor false, as in SQL. Owns no state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

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
    """``key LIKE pattern``: ``%`` stands for any text, ``_`` for one character, but behind the escape character."""

    key: int
    pattern: str
    escape: str = ""


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


class Sql:
    """Text for a database's driver, with its parameters in the order of their marks.

    Written as text because a search runs several small statements: SQLAlchemy takes ten times longer to build one
    than SQLite to answer it.
    """

    def __init__(self, dialect: str) -> None:
        self._sqlite = dialect == "sqlite"
        self._mark = "?" if self._sqlite else "%s"
        # A percent sign begins a mark on PostgreSQL.
        self.modulo = "%" if self._sqlite else "%%"
        self.parameters: list[Any] = []

    def value(self, value: Any) -> str:
        """The mark of a parameter."""
        self.parameters.append(value)
        return self._mark

    def like(self, column: str, pattern: str, escape: str) -> str:
        """``column LIKE pattern`` that minds case; ``escape`` may be empty."""
        if self._sqlite:
            # Its LIKE ignores case; GLOB does not.
            return (
                f"{column} GLOB {self.value(''.join(_glob(*part) for part in like_parts(pattern, escape)))}"
            )
        return f"{column} LIKE {self.value(pattern)} ESCAPE {self.value(escape)}"

    def until(self, column: str, mark: str, start: int) -> str:
        """The text of a column before the first ``mark`` that is behind its first ``start`` characters."""
        find = "instr" if self._sqlite else "strpos"
        rest = f"substr({column}, {start + 1})"
        return f"substr({column}, 1, {start - 1} + {find}({rest}, {self.value(mark)}))"

    def indexed_by(self, index: str) -> str:
        """SQLite is told which index to take; PostgreSQL has statistics of its own."""
        return f"INDEXED BY {index}" if self._sqlite else ""


_WILD = {"%": "*", "_": "?"}


def like_parts(pattern: str, escape: str) -> Iterator[tuple[str, bool]]:
    """A pattern's characters, and whether each stands for others than itself. An escape at the end is itself."""
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            yield next(characters, character), False
        else:
            yield character, character in _WILD


def _glob(character: str, wild: bool) -> str:
    if wild:
        return _WILD[character]
    return f"[{character}]" if character in "*?[" else character


def clause(condition: Condition, columns: Sequence[str], sql: Sql) -> str:
    """The condition as SQL over the key ``columns``."""
    match condition:
        case Compare(key, op, value):
            return f"{columns[key]} {op} {sql.value(value)}"
        case In(key, values):
            return f"{columns[key]} IN ({', '.join([sql.value(value) for value in values])})"
        case Like(key, pattern, escape):
            return sql.like(columns[key], pattern, escape)
        case IsNull(key):
            return f"{columns[key]} IS NULL"
        case And(parts):
            return f"({' AND '.join([clause(part, columns, sql) for part in parts])})"
        case Or(parts):
            return f"({' OR '.join([clause(part, columns, sql) for part in parts])})"
        case Not(part):
            return f"NOT ({clause(part, columns, sql)})"


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
        case Like(at, pattern, escape) if at == key and not negated:
            return _liked(pattern, escape)
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


def _liked(pattern: str, escape: str) -> list[Interval]:
    prefix = ""
    for character, wild in like_parts(pattern, escape):
        if wild:
            return [Interval(prefix, after_prefix(prefix))] if prefix else [EVERYTHING]
        prefix += character
    return [point(prefix)]


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
