"""Comparisons of unlike types. The engine compares a double with a decimal as decimals, Spark as doubles; and it
compares numbers with dates, which Spark refuses. Owns no state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from awsglue._runtime.exact.arithmetic import FLOATING, decimal_of
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.tokens import Word

SIGNS = frozenset(("=", "==", "<", ">", "<=", ">=", "<>", "!=", "<=>"))
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")
# Digits that a decimal can have for the engine to make the nearest double of it by one division.
EXACT_DIGITS = 15
_NEVER = re.compile(r"(?!)")
_WHOLE = re.compile(r"0|-?[1-9]\d*")
# How a value looks as text, by its type.
_AS_WRITTEN = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), _WHOLE),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "timestamp": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
}
_STOPS = SIGNS | frozenset(
    ", AND OR NOT WHEN THEN ELSE END CASE BETWEEN IN LIKE RLIKE ILIKE IS ON WHERE HAVING BY SELECT DISTINCT ALL FROM"
    " USING GROUP ORDER LIMIT UNION INTERSECT EXCEPT QUALIFY WINDOW LATERAL AS -> ! ASC DESC NULLS FILTER SORT"
    " VALUES".split()
)


class Comparison(NamedTuple):
    """Where the operands of a comparison stand: first and last word of each."""

    operands: tuple[tuple[int, int], ...]
    is_list: bool = False


def found(tokens: list[Word]) -> Iterator[Comparison]:
    """The comparisons of a text."""
    for at, word in enumerate(tokens):
        if word.text in SIGNS:
            yield Comparison((_left(tokens, at), _right(tokens, at + 1, word.depth)))
        elif word.text == "BETWEEN" and not (at and tokens[at - 1].text in ("ROWS", "RANGE")):
            start = at - 1 if at and tokens[at - 1].text == "NOT" else at
            low = _right(tokens, at + 1, word.depth)
            high = _right(tokens, low[1] + 2, word.depth)
            yield Comparison((_left(tokens, start), low, high))
        elif word.text == "IN" and at + 2 < len(tokens) and tokens[at + 1].text == "(":
            if tokens[at + 2].text in ("SELECT", "WITH"):
                continue
            start = at - 1 if tokens[at - 1].text == "NOT" else at
            yield Comparison((_left(tokens, start), *_listed(tokens, at + 1)), is_list=True)


def _left(tokens: list[Word], at: int) -> tuple[int, int]:
    return _end(tokens, at - 1, tokens[at].depth, -1) + 1, at - 1


def _right(tokens: list[Word], at: int, depth: int) -> tuple[int, int]:
    return at, _end(tokens, at, depth, 1) - 1


def _end(tokens: list[Word], at: int, depth: int, step: int) -> int:
    """Where an operand that is read from `at` on, backwards by a step of -1, has ended."""
    entering, leaving = ("CASE", "END")[::step]
    cases = 0
    while 0 <= at < len(tokens) and tokens[at].depth >= depth:
        word = tokens[at]
        if word.depth == depth:
            if word.text == entering:
                cases += 1
            elif cases:
                cases -= word.text == leaving
            elif word.text in _STOPS:
                break
        at += step
    return at


def _listed(tokens: list[Word], opening: int) -> Iterator[tuple[int, int]]:
    depth = tokens[opening].depth + 1
    begin = at = opening + 1
    while at < len(tokens):
        if tokens[at].depth < depth:
            yield begin, at - 1
            return
        if tokens[at].text == "," and tokens[at].depth == depth:
            yield begin, at - 1
            begin = at + 1
        at += 1


def needed(kinds: list[str | None]) -> list[bool]:
    """Which operands of these types Spark makes doubles of and the engine does not. Raises EngineRefused."""
    known = [kind for kind in kinds if kind is not None]
    if any(kind in ("date", "timestamp") for kind in known) and any(
        kind in (*NUMBERS, "boolean") or decimal_of(kind) for kind in known
    ):
        raise EngineRefused("a comparison of a number with a date or time", "Spark takes none")
    exact = [kind is not None and decimal_of(kind) is not None for kind in kinds]
    if "string" in known and any(exact):
        raise EngineRefused("a comparison of text with a decimal", "it would be made as decimals")
    if not any(kind in FLOATING for kind in known):
        return [False] * len(kinds)
    return exact


def check_list(kinds: list[str | None], literals: list[str | None]) -> None:
    """Raise EngineRefused for a list in which texts stand beside other values: Spark compares all of it as texts."""
    if "string" not in kinds or {kind for kind in kinds if kind is not None} <= {"string", "void"}:
        return
    for kind, text in zip(kinds, literals, strict=True):
        if kind == "string" and (text is None or not _AS_WRITTEN.get(str(kinds[0]), _NEVER).fullmatch(text)):
            raise EngineRefused("a list of texts and other values", "they would be compared in another way")


def as_double(kind: str) -> tuple[str, str]:
    """What stands before and behind a decimal of this type to make the nearest double of it."""
    size = decimal_of(kind)
    if size is not None and size.precision <= EXACT_DIGITS:
        return "CAST(", " AS DOUBLE)"
    return "CAST(CAST(", " AS STRING) AS DOUBLE)"


def is_literal(node: Any) -> bool:
    """Whether the parsed operand is a number with a point, written as it is."""
    from sqlglot import exp

    inner = node.this if isinstance(node, exp.Neg) else node
    return (
        isinstance(inner, exp.Literal) and not inner.is_string and str(inner.this).replace(".", "").isdigit()
    )


def text_of(node: Any) -> str | None:
    """The text of a parsed operand that is a text literal."""
    from sqlglot import exp

    return str(node.this) if isinstance(node, exp.Literal) and node.is_string else None
