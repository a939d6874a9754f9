"""Decimal arithmetic in SQL: types, rounding, overflow and null as recorded from Apache Spark 3.5."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark")

from awsglue._runtime.engine import installed
from awsglue._runtime.exact.operands import operations
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.tokens import words

pytestmark = pytest.mark.skipif(installed() != "sail", reason="Spark's answer is Spark's")
RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "decimals.json").read_text())

# Expression -> type
RECORDED_TYPES = {sql.split(" ", 4)[4].split(" AS x")[0]: kind for sql, kind, _ in RECORDED["answers"]}


@pytest.fixture(scope="module")
def t(spark: Any) -> None:
    """The view that the recorded statements read."""
    whole = ("int", "bigint", "smallint")

    def value(kind: str, text: str | None) -> Any:
        if text is None:
            return None
        return int(text) if kind in whole else float(text) if kind == "double" else Decimal(text)

    columns = RECORDED["columns"]
    rows = [
        tuple(value(kind, text) for kind, text in zip(columns.values(), row, strict=True))
        for row in RECORDED["rows"]
    ]
    schema = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    spark.createDataFrame(rows, schema).createOrReplaceTempView("t")


@pytest.mark.parametrize("part", range(4))
def test_answers_are_those_of_spark(spark: Any, t: None, part: int) -> None:
    answers = RECORDED["answers"][part::4]
    refused = 0
    for sql, kind, rows in answers:
        exact = kind.startswith("decimal")
        try:
            frame = spark.sql(sql)
            found = [[row[0], None if row[1] is None else str(row[1])] for row in frame.collect()]
        except EngineRefused:
            refused += 1
            continue
        assert frame.schema["x"].dataType.simpleString() == kind, sql
        assert sorted(map(repr, numbers(found, exact))) == sorted(map(repr, numbers(rows, exact))), sql
    # Products that overflow, a sign before a column, and quotients of numbers of 38 digits.
    assert refused <= len(answers) // 20


def numbers(rows: list[Any], exact: bool) -> list[Any]:
    return [[key, Decimal(text).normalize() if exact and text is not None else text] for key, text in rows]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a / b", [("a", "/", "b")]),
        ("SELECT a * b / -c + d", [("a", "*", "b"), ("a * b", "/", "-c"), ("a * b / -c", "+", "d")]),
        (
            "SELECT x, (a + b) / f(c, d - 1) AS y",
            [("a", "+", "b"), ("(a + b)", "/", "f(c, d - 1)"), ("d", "-", "1")],
        ),
        (
            "CASE WHEN a > b / c THEN d - e ELSE f END / g",
            [("b", "/", "c"), ("d", "-", "e"), ("CASE WHEN a > b / c THEN d - e ELSE f END", "/", "g")],
        ),
        ("sum(a) OVER (ORDER BY b) / t.c", [("sum(a) OVER (ORDER BY b)", "/", "t.c")]),
        ("a - b * c - d", [("a", "-", "b * c"), ("b", "*", "c"), ("a - b * c", "-", "d")]),
        ("SELECT *, t.*, count(*) FROM t WHERE a BETWEEN b / 2 AND c", [("b", "/", "2")]),
        ("a = -b AND c IN (d / e, f)", [("d", "/", "e")]),
        ("a -- b / c\n / 'x / y'", [("a", "/", "'x / y'")]),
    ],
)
def test_operands_are_found(text: str, found: list[tuple[str, str, str]]) -> None:
    tokens = words(text)

    def piece(span: tuple[int, int]) -> str:
        return " ".join(text[tokens[span[0]].start : tokens[span[1]].end].split("-- b / c\n"))

    assert [(piece(each.left), each.sign, piece(each.right)) for each in operations(tokens)] == found


@pytest.mark.parametrize(
    "expression",
    [
        "-d5",
        "d5 % d15",
        "d5 / CAST('2' AS float)",
        "d15 / '2'",
        "ceil(d5) / 3",
        "negative(d5)",
        "d5 * w18",
    ],
)
def test_what_cannot_be_told_is_refused(spark: Any, t: None, expression: str) -> None:
    with pytest.raises(EngineRefused):
        spark.sql(f"SELECT {expression} AS x FROM t").collect()
    with pytest.raises(EngineRefused):
        spark.table("t").selectExpr(f"{expression} AS x").collect()


def test_expressions_of_frames(spark: Any, t: None, tmp_path: Path) -> None:
    from pyspark.sql import functions as fn

    table = spark.table("t")
    texts = table.filter("d15 / 3 = 1").selectExpr(
        "d15 / i AS x", "d5 + 1 AS y", "d5 * 2 AS z", "w4 + w18 AS v"
    )
    columns = table.filter(fn.col("d15") / 3 == 1).select(
        (fn.col("d15") / fn.col("i")).alias("x"),
        (fn.col("d5") + 1).alias("y"),
        (fn.col("d5") * 2).alias("z"),
        (fn.col("w4") + fn.col("w18")).alias("v"),
    )
    for frame in (texts, columns):
        assert dict(frame.dtypes) == {
            "x": "decimal(26,13)",
            "y": "decimal(6,2)",
            "z": "decimal(7,2)",
            "v": RECORDED_TYPES["w4 + w18"],
        }
        assert [tuple(map(str, row)) for row in frame.collect()] == [
            ("0.4285714285714", "2.00", "2.00", "12.000000")
        ]
    nested = table.select(((fn.col("d5") / fn.col("d15")) / fn.col("i")).alias("x")).withColumn(
        "y", fn.col("x") / 2
    )
    nested.write.parquet(f"file://{tmp_path / 'o'}")
    assert spark.read.parquet(f"file://{tmp_path / 'o'}").dtypes == nested.dtypes
    assert nested.dtypes[0][1] == RECORDED_TYPES["d5 / d15 / i"]
    total = table.agg((fn.sum("d15") / fn.sum("d5")).alias("x"))
    assert total.dtypes[0][1] == RECORDED_TYPES["sum(d15) / sum(d5)"]
    assert table.select(fn.col("d5") / fn.col("d15")).columns == ["(d5 / d15)"]


def test_columns_that_name_a_double_elsewhere_are_judged(spark: Any, t: None) -> None:
    sql = "SELECT t.d5 / t.d15 AS x FROM t JOIN (SELECT f AS d5, i FROM t) o ON t.i = o.i"
    with pytest.raises(EngineRefused):
        spark.sql(sql).collect()


def test_joins_are_judged_too(spark: Any, t: None) -> None:
    from pyspark.sql import functions as fn

    # 3.00 / 7 has thirteen places in Spark; six would be another number.
    right = spark.createDataFrame([(Decimal("0.4285714285714"), "found")], "q decimal(26,13), w string")
    left = spark.table("t").select("d15", "i")
    joined = left.join(right, fn.col("d15") / fn.col("i") == fn.col("q"))
    assert [row.w for row in joined.collect()] == ["found"]
    assert [row.w for row in left.join(right, fn.expr("d15 / i = q")).collect()] == ["found"]
    with pytest.raises(EngineRefused):
        left.join(right, fn.expr("d15 % i = q")).collect()


def test_functions_in_text_have_spark_s_type(spark: Any, t: None) -> None:
    frame = spark.table("t").selectExpr("datediff(DATE '2020-01-03', DATE '2020-01-01') AS n")
    assert frame.dtypes == [("n", "int")]
    assert frame.collect()[0].n == 2
