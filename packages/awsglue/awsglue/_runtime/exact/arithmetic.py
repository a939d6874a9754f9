"""Spark's decimal arithmetic: what type a result has, and how the embedded engine is brought to give just that.

The engine keeps all places of a product, cuts off quotients four places behind the dividend's, lets a sum grow beyond
38 digits, and takes a whole number in the text for one of ten digits. It does have decimals of 76 digits, and a cast of
one to fewer places rounds half up and gives null when the number does not fit, as Spark's result does. Pure functions.
"""

from __future__ import annotations

import re
from typing import NamedTuple

WIDEST = 38
INNER = 76
_KEPT = 6
_DECIMAL = re.compile(r"(?:decimal|dec|numeric)(?:\((\d+)(?:,\s*(\d+))?\))?\Z")
_WHOLE = {"tinyint": 3, "smallint": 5, "int": 10, "integer": 10, "bigint": 20}
FLOATING = frozenset({"double", "float"})


class Exact(NamedTuple):
    """A decimal type."""

    precision: int
    scale: int

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})"


def decimal_of(name: str) -> Exact | None:
    """The decimal type that a type's name stands for; None for other types."""
    match = _DECIMAL.match(name)
    return None if match is None else Exact(int(match[1] or 10), int(match[2] or 0))


def as_decimal(name: str) -> Exact | None:
    """The decimal type that a number of this type becomes beside a decimal; None for what is no exact number."""
    return Exact(_WHOLE[name], 0) if name in _WHOLE else decimal_of(name)


def unbounded(operator: str, left: Exact, right: Exact) -> Exact:
    """The type that holds every result of + - * /, however wide."""
    (p1, s1), (p2, s2) = left, right
    if operator == "*":
        return Exact(p1 + p2 + 1, s1 + s2)
    if operator == "/":
        scale = max(_KEPT, s1 + p2 + 1)
        return Exact(p1 - s1 + s2 + scale, scale)
    scale = max(s1, s2)
    return Exact(max(p1 - s1, p2 - s2) + scale + 1, scale)


def bounded(kind: Exact) -> Exact:
    """The type that Spark gives a result: places give way to digits before the point, down to six."""
    precision, scale = kind
    if precision <= WIDEST:
        return kind
    return Exact(WIDEST, max(WIDEST - (precision - scale), min(scale, _KEPT)))


class Casts(NamedTuple):
    """What both operands, and then the result, are cast to: by way of `middle`, where Spark rounds twice."""

    left: Exact
    right: Exact
    result: Exact
    middle: Exact | None = None


def casts(operator: str, left: Exact, right: Exact, result: Exact | None = None) -> Casts | None:
    """How this operation (+ - /) gives Spark's result, which an average says; None when even 76 digits are too few."""
    result = result or bounded(unbounded(operator, left, right))
    if operator != "/":
        return Casts(Exact(INNER, left.scale), Exact(INNER, right.scale), result)
    # Spark rounds a quotient to 39 places first: that matters only where more of them could stand just below a half.
    twice = right.precision + left.scale + result.scale > WIDEST
    places = WIDEST + 2 if twice else result.scale + 1
    # The engine's quotient has four places more than its dividend.
    scale = max(places - 4, left.scale)
    whole = left.precision - left.scale
    if twice:
        # Numbers that are too long for it are noticed as they come: the engine fails, which is a refusal.
        return (
            Casts(Exact(INNER, scale), Exact(INNER, right.scale), result, Exact(INNER, WIDEST + 1))
            if whole + scale <= INNER
            else None
        )
    if whole + right.scale + scale + 4 > INNER:
        return None
    return Casts(Exact(INNER, scale), Exact(INNER, right.scale), result)


def is_exact(operator: str, left: Exact, right: Exact) -> bool:
    """Whether the engine's own + - * of these types is Spark's."""
    return operator != "/" and unbounded(operator, left, right).precision <= WIDEST


def wider(left: Exact, right: Exact) -> Exact:
    """The type of branches of both types."""
    scale = max(left.scale, right.scale)
    digits = max(left.precision - left.scale, right.precision - right.scale)
    return Exact(min(digits + scale, WIDEST), min(scale, WIDEST))


def rounded(exact: Exact, places: int) -> Exact:
    """The type of round(exact, places)."""
    whole = exact.precision - exact.scale + 1
    if places < 0:
        return Exact(min(max(whole, 1 - places), WIDEST), 0)
    scale = min(exact.scale, places)
    return Exact(min(whole + scale, WIDEST), scale)
