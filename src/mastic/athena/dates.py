"""Dates and times: Trino's arithmetic, truncation and text in DuckDB's words. Pure functions; owns no state."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from mastic.athena.failures import not_supported
from mastic.athena.trees import Rewrite, filled, is_type

_DATE_UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
_UNITS = (*_DATE_UNITS, "HOUR", "MINUTE", "SECOND", "MILLISECOND")
_MOMENTS = ("TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPNTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")


def _unit(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    name = unit.name.upper().rstrip("S") if unit is not None else "DAY"
    if name not in _UNITS:
        raise not_supported(f"the unit {name.lower()}")
    return name


def _kept(node: exp.Expr, value: exp.Expr, unit: str, what: str) -> exp.Expr:
    """What is made from a date stays a date."""
    if is_type(value, "DATE"):
        if unit not in _DATE_UNITS:
            raise not_supported(f"{what} of a date by {unit.lower()}")
        return exp.Cast(this=node.copy(), to=exp.DataType.build("DATE"))
    if any(is_type(value, kind) for kind in _MOMENTS):
        return node
    raise not_supported(f"{what} of a value that is not known to be a date or a timestamp (CAST it)")


def _truncated(node: exp.Expr) -> exp.Expr:
    return _kept(node, node.this, _unit(node), "date_trunc")


def _added(node: exp.Expr) -> exp.Expr:
    return _kept(node, node.this, _unit(node), "date_add")


def _difference(node: exp.Expr) -> exp.Expr:
    """Trino counts whole units that have passed."""
    unit = _unit(node).lower()
    return filled(f"datesub('{unit}', __0, __1)", node.expression, node.this)


def sum_of_dates(node: exp.Expr) -> exp.Expr:
    """``+`` and ``-`` with a date: with an interval it stays a date, other sums mean something else here."""
    left, right = node.this, node.expression
    if isinstance(node, exp.Add) and isinstance(left, exp.Interval):
        left, right = right, left
    if isinstance(right, exp.Interval):
        if right.args.get("unit") is not None and not isinstance(right.args["unit"], exp.Var):
            raise not_supported("intervals of several fields")
        return _kept(node, left, _unit(right), "sums")
    if is_type(left, "DATE") or is_type(right, "DATE"):
        raise not_supported("sums and differences of dates other than with an interval (use date_diff)")
    return node


_PARTS = {
    "DOW": "isodow",
    "DAY_OF_WEEK": "isodow",
    "DAYOFWEEK": "isodow",
    "DAYOFWEEKISO": "isodow",
    "DOY": "dayofyear",
    "DAY_OF_YEAR": "dayofyear",
    "DAYOFYEAR": "dayofyear",
    "YOW": "isoyear",
    "YEAR_OF_WEEK": "isoyear",
    "YEAROFWEEK": "isoyear",
    "DAYOFMONTH": "day",
    "DAY_OF_MONTH": "day",
}


def _extracted(node: exp.Expr) -> exp.Expr:
    part = node.this.name.upper()
    if part in ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"):
        return node
    if part not in _PARTS:
        raise not_supported(f"EXTRACT({part})")
    return filled(f"{_PARTS[part]}(__0)", node.expression)


# The letters that Trino's formats and DuckDB's share once the parser has put DuckDB's for Trino's.
_LETTERS = frozenset("YmdHMSfjyabBpI%A")


def _formatted(node: exp.Expr) -> exp.Expr:
    form = node.args.get("format")
    if not (isinstance(form, exp.Literal) and form.is_string):
        raise not_supported("date formats that are not literals")
    # Held by the parser in strftime's letters.
    for letters in re.findall(r"%(-?.)", form.this):
        if letters not in _LETTERS:
            raise not_supported(f"%{letters} in date formats")
    return node


_SECONDS = {"this"}


def _from_unix(node: exp.Expr) -> exp.Expr:
    if {k for k, v in node.args.items() if v} - _SECONDS:
        raise not_supported("function from_unixtime with a zone")
    return node


# In these the wall clock of a zone is all that matters, whatever the value says of its zone.
_CLOCK = (
    exp.TimeToStr,
    exp.Year,
    exp.Month,
    exp.Day,
    exp.Hour,
    exp.Minute,
    exp.Second,
    exp.Extract,
    exp.Date,
)


def in_zone(node: exp.Expr) -> exp.Expr:
    """``AT TIME ZONE``: DuckDB gives the wall clock, Trino a moment that remembers its zone."""
    outer = node.parent
    while isinstance(outer, exp.Paren):
        outer = outer.parent
    cast = isinstance(outer, exp.Cast) and outer.to.is_type("date", "timestamp")
    if not cast and not isinstance(outer, _CLOCK):
        raise not_supported(
            "AT TIME ZONE other than below date_format, EXTRACT, or a CAST to date or timestamp"
        )
    made = node.copy()
    made.set("this", exp.cast(node.this.copy(), "TIMESTAMPTZ"))
    return made


DATES: Mapping[str, Rewrite] = {
    "TimestampTrunc": _truncated,
    "DateTrunc": _truncated,
    "DateAdd": _added,
    "DateDiff": _difference,
    "Extract": _extracted,
    "TimeToStr": _formatted,
    "StrToTime": _formatted,
    "UnixToTime": _from_unix,
    "Date": lambda node: filled("CAST(__0 AS DATE)", node.this),
    "AtTimeZone": in_zone,
}
