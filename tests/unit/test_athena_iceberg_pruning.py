"""Conditions as PyIceberg's: what is taken must mean the same, what is doubtful is left out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, In, IsNull, LessThan, LessThanOrEqual
from pyiceberg.expressions.visitors import bind
from pyiceberg.schema import Schema
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
)

from mastic.athena.iceberg_pruning import pruning
from mastic.athena.statements import parse

SCHEMA = Schema(
    NestedField(1, "Id", LongType()),
    NestedField(2, "s", StringType()),
    NestedField(3, "d", DateType()),
    NestedField(4, "t", TimestampType()),
    NestedField(5, "p", DecimalType(10, 2)),
    NestedField(6, "f", DoubleType()),
)


def made(condition: str) -> object:
    where = parse(f"SELECT 1 FROM x WHERE {condition}").args["where"].this
    found = pruning((where,), SCHEMA)
    if found is not None:
        bind(SCHEMA, found, case_sensitive=True)
    return found


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("id = 5", EqualTo("Id", 5)),
        ("5 > id", LessThan("Id", 5)),
        ("id IN (1, 2)", In("Id", [1, 2])),
        ("s = '5'", EqualTo("s", "5")),
        ("s IS NULL", IsNull("s")),
        ("d >= DATE '2020-01-02'", GreaterThanOrEqual("d", "2020-01-02")),
        ("t < TIMESTAMP '2020-01-02 03:04:05'", LessThan("t", "2020-01-02T03:04:05")),
        ("id BETWEEN 1 AND 3", And(GreaterThanOrEqual("Id", 1), LessThanOrEqual("Id", 3))),
    ],
)
def test_conditions_without_doubt_are_taken(condition: str, expected: object) -> None:
    assert made(condition) == expected


@pytest.mark.parametrize(
    "condition",
    ["id = 1.5", "s = 5", "d = '2020-01-01'", "f = 1.5", "p = 1.234", "lower(s) = 'a'", "id <> 1", "id = 1 OR s = 'a'",
     "id = id", "nope = 1", "NOT id = 1", "s LIKE 'a%'", "t = TIMESTAMP '2020-01-01 00:00:00 UTC'"],
)  # fmt: skip
def test_doubtful_conditions_are_left_out(condition: str) -> None:
    assert made(condition) is None


def test_null_behind_a_join_is_left_out() -> None:
    """An anti-join asks for rows that were not found, not for rows of the table."""
    where = parse("SELECT 1 FROM y LEFT JOIN x ON x.s = y.s WHERE x.s IS NULL").args["where"].this
    assert pruning((where,), SCHEMA) is None


def test_decimals_have_the_columns_scale() -> None:
    assert str(made("p = 1.5")) == str(EqualTo("p", Decimal("1.50")))
