"""Conditions that a database is given to judge, so that fewer rows travel. Owns no state.

The engine judges every row again: so a condition here may let through more rows than the script's, never fewer. It is
made of comparisons of one column with constants, for which the database and Spark agree on which rows are certainly
not meant: numbers, dates, times, and whether a text is the same (databases may find more texts the same than Spark).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

TURNED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
# Of decimals with more places Spark's type for a comparison may have fewer.
MOST_DIGITS = 28
# MySQL has dates that are none: no nulls to it, and to a frame they are.
_NULLS = ("int", "long", "decimal", "double", "boolean", "text")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True)
class Moment:
    """A moment told by a text of the session's time zone; beside a text column it is no text."""

    text: str


@dataclass(frozen=True)
class Compared:
    """A column beside a constant."""

    column: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Among:
    """A column that equals one of these constants."""

    column: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Begins:
    """A text column that begins with a text."""

    column: str
    text: str


@dataclass(frozen=True)
class Nothing:
    """A column that is null, or is not."""

    column: str
    is_null: bool


@dataclass(frozen=True)
class Every:
    """All of these hold."""

    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Some:
    """One of these holds."""

    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Asked:
    """A condition, and whether its texts of times are of the database's time zone, which is UTC."""

    condition: Any
    utc: bool


def both(one: Any, other: Any) -> Any:
    """Both conditions; None is none at all."""
    if one is None or other is None:
        return other if one is None else one
    return Every((*_parts(Every, one), *_parts(Every, other)))


def either(one: Any, other: Any) -> Any:
    """One of two conditions, None where one of them is not known."""
    return None if one is None or other is None else Some((*_parts(Some, one), *_parts(Some, other)))


def _parts(kind: type[Every | Some], one: Any) -> tuple[Any, ...]:
    """Flat, however many conditions a script has strung together."""
    return one.parts if isinstance(one, kind) else (one,)


def columns_in(condition: Any) -> set[str]:
    """The columns that a condition names."""
    if isinstance(condition, Every | Some):
        return {name for part in condition.parts for name in columns_in(part)}
    return set() if condition is None else {condition.column}


def renamed(condition: Any, names: dict[str, str]) -> Any:
    """The condition on the columns that these names stand for; without what names another. None: nothing is left."""
    if isinstance(condition, Every):
        made = None
        for part in condition.parts:
            made = both(made, renamed(part, names))
        return made
    if isinstance(condition, Some):
        parts = tuple(renamed(part, names) for part in condition.parts)
        return None if None in parts else Some(parts)
    if condition is None or condition.column.lower() not in names:
        return None
    return type(condition)(names[condition.column.lower()], *list(vars(condition).values())[1:])


class Rendering:
    """One condition as SQL of a database, with the driver's marks for its constants."""

    def __init__(self, quote: Any, kinds: dict[str, str], *, utc: bool) -> None:
        """`kinds` are what the database says of its columns, by lower-case name; `utc`: whether that is the
        session's time zone."""
        self._quote = quote
        self._kinds = kinds
        self._utc = utc
        self.values: list[Any] = []

    def sql(self, condition: Any) -> str | None:
        """SQL that is true wherever the condition is; None where there is nothing that may be said."""
        if isinstance(condition, Every):
            parts = [one for one in map(self.sql, condition.parts) if one]
            return " and ".join(parts) or None
        if isinstance(condition, Some):
            before = len(self.values)
            found = [self.sql(one) for one in condition.parts]
            if None in found:
                del self.values[before:]
                return None
            return "(" + " or ".join(f"({one})" for one in found) + ")"
        kind = self._kinds.get(condition.column.lower(), "")
        name = self._quote(condition.column)
        if isinstance(condition, Nothing):
            if condition.is_null and kind not in _NULLS:
                return None
            return f"{name} is {'' if condition.is_null else 'not '}null"
        if isinstance(condition, Begins):
            return self._begins(name, kind, condition.text)
        if isinstance(condition, Among):
            found_values = [self._value(kind, one) for one in condition.values]
            if not found_values or None in found_values:
                return None
            self.values += found_values
            return f"{name} in ({', '.join(['%s'] * len(found_values))})"
        value = self._value(kind, condition.value)
        # What a database holds to be the same text, Spark may not.
        if value is None or (kind == "text" and condition.operator != "="):
            return None
        self.values.append(value)
        return f"{name} {condition.operator} %s"

    def _begins(self, name: str, kind: str, text: str) -> str | None:
        if kind != "text" or not text or not _plain_text(text) or set("%_|") & set(text):
            return None
        self.values.append(text + "%")
        return f"{name} like %s escape '|'"

    def _value(self, kind: str, value: Any) -> Any:
        """A constant as the driver is given it; None where the two might be compared otherwise than in Spark."""
        if kind in ("int", "long", "decimal") and isinstance(value, bool):
            return None
        if kind in ("int", "long", "decimal") and isinstance(value, int | Decimal):
            return value
        if kind in ("int", "double") and isinstance(value, float) and abs(value) < 2**53:
            return value if kind == "double" else Decimal(value)
        if kind == "double" and type(value) is int and abs(value) < 2**53:
            return float(value)
        if kind == "boolean" and isinstance(value, bool):
            return value
        if kind == "text" and isinstance(value, str) and _plain_text(value):
            return value
        if kind == "date":
            return day_of(value)
        if kind in ("timestamp", "timestamptz"):
            moment = self._moment(value)
            return moment if moment is None or kind == "timestamptz" else moment.replace(tzinfo=None)
        return None

    def _moment(self, value: Any) -> dt.datetime | None:
        """An instant: one that says its zone, or one in the session's, which then is the database's, too."""
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC) if value.tzinfo is not None else None
        if not self._utc:
            return None
        value = value.text if isinstance(value, Moment) else value
        day = day_of(value)
        if day is not None:
            return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            try:
                return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
            except ValueError:
                return None
        return None


def _plain_text(text: str) -> bool:
    """Whether every database can take it: in any encoding of a column, and without what some hold to be an end."""
    return text.isascii() and text.isprintable() and "\\" not in text


def day_of(value: Any) -> dt.date | None:
    """A date, or a text that is one; None for whatever else."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            return None
    return None
