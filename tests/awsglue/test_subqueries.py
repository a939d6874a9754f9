"""Nulls in subqueries: Spark's answers, which the embedded engine gives or leaves to Spark."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pyspark")

from awsglue._runtime.engine import installed
from awsglue._runtime.failures import EngineRefused

# A row for which nothing matches, one without a key, and one for which nulls are among what matches.
AROUND = "around AS (SELECT * FROM VALUES (1, 10), (2, NULL), (NULL, 30), (4, 5) AS v(i, v))"
WITHIN = "within AS (SELECT * FROM VALUES (1, 7), (1, NULL), (3, 9), (NULL, 1) AS v(i, w))"
MATCHING = "FROM within WHERE within.i = around.i"
KNOWN = "SELECT i FROM within WHERE i IS NOT NULL"


def rows(spark: Any, statement: str) -> list[Any]:
    found = [tuple(row) for row in spark.sql(f"WITH {AROUND}, {WITHIN} {statement}").collect()]
    return sorted(found, key=repr)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (f"SELECT i, (SELECT count(*) + 1 {MATCHING}) AS n FROM around", [(1, 3), (2, 1), (4, 1), (None, 1)]),
        (
            f"SELECT i, (SELECT 2 * max(w) {MATCHING}) AS n FROM around",
            [(1, 14), (2, None), (4, None), (None, None)],
        ),
        (f"SELECT i FROM around WHERE i NOT IN ({KNOWN})", [(2,), (4,)]),
        ("SELECT i FROM around WHERE i NOT IN (SELECT i FROM within)", []),
        (f"SELECT i FROM around WHERE i IN ({KNOWN}) OR v = 5", [(1,), (4,)]),
        (f"SELECT i FROM around WHERE NOT EXISTS (SELECT 1 {MATCHING}) OR v = 5", [(2,), (4,), (None,)]),
    ],
)
def test_answered(spark: Any, statement: str, expected: list[Any]) -> None:
    assert rows(spark, statement) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            f"SELECT i, (SELECT coalesce(sum(w), 0) {MATCHING}) AS n FROM around",
            [(1, 7), (2, 0), (4, 0), (None, 0)],
        ),
        (f"SELECT i, i IN ({KNOWN}) AS n FROM around", [(1, True), (2, False), (4, False), (None, False)]),
        (f"SELECT i FROM around WHERE v = 5 OR i NOT IN ({KNOWN})", [(2,), (4,)]),
        (f"SELECT i FROM around WHERE NOT (v = 5 OR i IN ({KNOWN}))", []),
        (f"SELECT i FROM around WHERE i NOT IN (SELECT w {MATCHING})", [(2,), (4,), (None,)]),
    ],
)
def test_left_to_spark(spark: Any, statement: str, expected: list[Any]) -> None:
    if installed() == "sail":
        with pytest.raises(EngineRefused):
            rows(spark, statement)
    else:
        assert rows(spark, statement) == expected
