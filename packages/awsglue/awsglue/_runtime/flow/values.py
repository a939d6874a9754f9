"""Expressions of a pipeline as SQL of DuckDB, with their Spark types. Pure, apart from what a source is asked for.

Only what gives Spark's answer is known here: columns, literals, casts that lose nothing, comparisons of like types,
three-valued logic, parts of dates. Everything else raises Unknown, and the engine does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from awsglue._runtime.io.csv_columns import CASTS

NUMBERS = ("int", "bigint", "double")
COMPARISONS = {
    "==": "=",
    "!=": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "<=>": "IS NOT DISTINCT FROM",
}
DATE_PARTS = {"year": "year", "month": "month", "day": "day", "dayofmonth": "day"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Unknown(Exception):
    """This is not one of the expressions (or relations) that are known to be exact here."""


def day_literal(text: str) -> str:
    """DATE '…' of a text that is a day. Raises Unknown."""
    if not _DAY.fullmatch(text):
        raise Unknown("a date written in another way")
    try:
        date.fromisoformat(text)
    except ValueError:
        raise Unknown("no date") from None
    return f"DATE '{text}'"


class Value(NamedTuple):
    """An expression. With `text`, the text of that column of the source: nothing has been asked of the source yet."""

    sql: str
    type: str
    text: str = ""
    blank: bool = False  # nothing has been made "" by coalesce()
    literal: str = ""  # the digits of a number


# (column of the source, type it is cast to or "") -> the name under which the source delivers it
Want = Callable[[str, str], str]


class Values:
    """Makes expressions over one source."""

    def __init__(self, want: Want) -> None:
        self._want = want

    def sql(self, value: Value) -> str:
        """The expression as SQL."""
        if not value.text:
            return value.sql
        name = self._want(value.text, "")
        return f"coalesce({name}, '')" if value.blank else name

    def string(self, text: str) -> Value:
        if "\0" in text:
            raise Unknown("a text with a null character")
        return Value("'" + text.replace("'", "''") + "'", "string", literal=text)

    def integer(self, number: int) -> Value:
        if not -(2**63) < number < 2**63:
            raise Unknown("a number beyond 64 bits")
        kind = "int" if -(2**31) <= number < 2**31 else "bigint"
        return Value(f"({number})", kind, literal=str(number))

    def double(self, number: float) -> Value:
        if number != number or number in (float("inf"), float("-inf")):
            raise Unknown("a number that is not finite")
        return Value(f"CAST('{number!r}' AS DOUBLE)", "double", literal=repr(number))

    def day(self, text: str) -> Value:
        """A literal of type date."""
        return Value(day_literal(text), "date")

    def cast(self, value: Value, kind: str, *, tried: bool = False) -> Value:
        """cast, and try_cast, which takes only whole numbers for integers."""
        if tried and value.text and value.type == "string" and kind in ("int", "bigint"):
            return Value(self._want(value.text, f"try_{kind}"), kind)
        if value.text and value.type == "string" and kind in CASTS:
            return Value(self._want(value.text, kind), kind)
        if value.type == kind:
            return value
        if (value.type, kind) in (("int", "bigint"), ("int", "double"), ("bigint", "double")):
            return Value(f"CAST({self.sql(value)} AS {kind})", kind)
        if value.type == "string" and value.literal and kind == "date":
            return self.day(value.literal)
        raise Unknown(f"cast of {value.type} to {kind}")

    def compare(self, operator: str, left: Value, right: Value) -> Value:
        """A comparison as Spark makes it; NaN equals itself and is the greatest number, here as there."""
        left, right = self._alike(left, right)
        return Value(f"({self.sql(left)} {COMPARISONS[operator]} {self.sql(right)})", "boolean")

    def _alike(self, left: Value, right: Value) -> tuple[Value, Value]:
        if left.type == right.type and left.type in (*NUMBERS, "string", "date", "boolean"):
            return left, right
        if left.type in NUMBERS and right.type in NUMBERS:
            wider = max(left.type, right.type, key=NUMBERS.index)
            return self.cast(left, wider), self.cast(right, wider)
        for one, other in ((left, right), (right, left)):
            if one.type == "date" and other.type == "string" and other.literal:
                day = self.day(other.literal)
                return (left, day) if one is left else (day, right)
        raise Unknown(f"comparison of {left.type} and {right.type}")

    def logic(self, operator: str, values: list[Value]) -> Value:
        """and, or, not over conditions."""
        if any(value.type != "boolean" for value in values):
            raise Unknown("a condition that is no boolean")
        parts = [self.sql(value) for value in values]
        if operator == "not":
            return Value(f"(NOT {parts[0]})", "boolean")
        return Value("(" + f" {operator.upper()} ".join(parts) + ")", "boolean")

    def missing(self, value: Value, *, wanted: bool = True) -> Value:
        """IS NULL, or IS NOT NULL."""
        return Value(f"({self.sql(value)} IS {'' if wanted else 'NOT '}NULL)", "boolean")

    def among(self, value: Value, choices: list[Value]) -> Value:
        """IN a list: equal to one of them, in SQL's three values. All are compared in the widest type."""
        kinds = {item.type for item in (value, *choices)}
        if kinds <= set(NUMBERS):
            widest = max(kinds, key=NUMBERS.index)
            value, choices = self.cast(value, widest), [self.cast(item, widest) for item in choices]
        return self.logic("or", [self.compare("==", value, choice) for choice in choices])

    def or_blank(self, value: Value) -> Value:
        """coalesce(text, '')."""
        if value.type != "string":
            raise Unknown("coalesce() of other values")
        if value.text:
            return value._replace(blank=True)
        return Value(f"coalesce({value.sql}, '')", "string")

    def date_part(self, name: str, value: Value) -> Value:
        if value.type != "date":
            raise Unknown(f"{name}() of {value.type}")
        return Value(f"CAST({DATE_PARTS[name]}({self.sql(value)}) AS INTEGER)", "int")
