"""Values at the edge have Apache Spark's answers, on every engine, wherever in a plan they are met."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("pyspark")

from pyspark.errors import PySparkException
from pyspark.sql import Window
from pyspark.sql import functions as fn

from awsglue._runtime.engine import installed

SAIL = installed() == "sail"
# What Apache Spark 3.5 casts each text to (or "None").
DATES: dict[str, str] = json.loads((Path(__file__).parent / "data" / "text_casts.json").read_text())["date"]


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("way", ["cast", "to_date", "expression", "sql"])
def test_texts_become_dates(spark: Any, way: str) -> None:
    frame = spark.createDataFrame([(text,) for text in DATES], "s string")
    frame.createOrReplaceTempView("edge_dates")
    made = {
        "cast": lambda: frame.select("s", fn.col("s").cast("date").cast("string").alias("d")),
        "to_date": lambda: frame.select("s", fn.to_date("s").cast("string").alias("d")),
        "expression": lambda: frame.selectExpr("s", "cast(try_cast(s as date) as string) as d"),
        "sql": lambda: spark.sql("SELECT s, CAST(to_date(trim(s)) AS STRING) AS d FROM edge_dates"),
    }[way]()
    found = {row.s: str(row.d).removeprefix("+") for row in made.collect()}
    assert found == {text: day.removeprefix("+") for text, day in DATES.items()}


def test_columns_have_the_names_of_what_was_written(spark: Any) -> None:
    frame = spark.createDataFrame([("1.5", "3", " 2021-03-01")], "a string, b string, s string")
    frame = frame.selectExpr("cast(a as decimal(10,2)) a", "cast(b as decimal(5,0)) b", "s")
    frame.createOrReplaceTempView("edge_names")
    made = spark.sql("SELECT a/b, sum(a) / 2, to_date(s), cast(s as date) FROM edge_names GROUP BY a, b, s")
    assert made.columns == ["(a / b)", "(sum(a) / 2)", "to_date(s)", "s"]
    assert [str(value) for value in made.collect()[0]] == [
        "0.50000000",
        "0.750000",
        "2021-03-01",
        "2021-03-01",
    ]
    assert frame.selectExpr("a / 3", "to_date(s)", "a/b AS q").columns == ["(a / 3)", "to_date(s)", "q"]
    grouped = frame.groupBy("b").agg(
        fn.expr("sum(a) / 3"), fn.sum("a") / 3, fn.sum(fn.col("a") / 3).alias("z")
    )
    assert grouped.columns == ["b", "(sum(a) / 3)", "(sum(a) / 3)", "z"]
    assert frame.select(fn.sqrt(frame.a / frame.b)).columns == ["SQRT((a / b))"]


def test_zeros_are_one_key(spark: Any) -> None:
    frame = spark.createDataFrame([(-0.0, 1), (0.0, 2), (float("nan"), 3)], "x double, i int")
    numbered = frame.withColumn("n", fn.count("*").over(Window.partitionBy("x")))
    assert sorted((row.i, row.n) for row in numbered.collect()) == [(1, 2), (2, 2), (3, 1)]
    for frames in (frame, frame.withColumn("x", fn.col("x").cast("float"))):
        kept = frames.dropDuplicates(["x"]).select("x").collect()
        assert sorted(str(row.x) for row in kept) == ["0.0", "nan"]
    assert [row.i for row in frame.sort("x", fn.desc("i")).collect()] == [2, 1, 3]
    alone = frame.filter("i = 1")
    assert [str(row.x) for row in alone.dropDuplicates(["x"]).collect()] == ["0.0"]
    assert [str(row.x) for row in alone.collect()] == ["-0.0"]


@pytest.mark.parametrize(
    ("value", "good", "option"),
    [
        ("DATE '1582-10-14'", "DATE '1582-10-15'", "datetimeRebaseModeInWrite"),
        ("array(DATE '1500-01-01')", "array(DATE '1600-01-01')", "datetimeRebaseModeInWrite"),
        ("TIMESTAMP '1899-12-31 23:59:59'", "TIMESTAMP '1900-01-01 00:00:00'", "int96RebaseModeInWrite"),
    ],
)
def test_ancient_values_are_not_written_to_parquet(
    spark: Any, modern: bool, tmp_path: Path, value: str, good: str, option: str
) -> None:
    name = f"spark.sql.parquet.{option}"
    if modern:
        spark.conf.set(name, "EXCEPTION")  # its default is CORRECTED
    target = f"file://{tmp_path / 'out'}"
    spark.range(1).selectExpr(f"{good} AS d").write.parquet(target)
    frame = spark.range(1).selectExpr(f"{value} AS d")
    with pytest.raises(Exception, match=r"WRITE_ANCIENT_DATETIME|Task failed|Job aborted|rebase"):
        frame.write.mode("append").parquet(target)
    assert spark.read.parquet(target).count() == 1
    spark.conf.set(name, "CORRECTED")
    try:
        frame.write.mode("append").parquet(target)
    finally:
        spark.conf.unset(name)
    assert spark.read.parquet(target).count() == 2


@pytest.mark.skipif(not SAIL, reason="the refusals of the embedded engine")
def test_what_the_engine_fails_at_is_refused_by_name(spark: Any) -> None:
    from awsglue._runtime.failures import EngineRefused

    frame = spark.createDataFrame([("x", "123456789.999")], "s string, m string")
    frame = frame.withColumn("t", fn.lit("2021-03-01").cast("timestamp"))
    for made in (
        lambda: frame.select(frame.s.cast("boolean")).collect(),
        lambda: frame.select(fn.concat(frame.m, fn.lit("e0")).cast("decimal(10,2)")).collect(),
        lambda: frame.filter("t = true").collect(),
    ):
        with pytest.raises(EngineRefused):
            made()
    with pytest.raises(PySparkException):
        frame.select("unknown").collect()
    numbers = frame.select(
        frame.s.cast("int"), frame.m.cast("int"), frame.s.cast("double"), frame.m.cast("decimal(10,2)")
    )
    assert tuple(numbers.first()) == (None, 123456789, None, None)


def test_of_sorted_rows_the_first_is_kept(spark: Any, tmp_path: Path) -> None:
    frame = spark.range(600_000).selectExpr("id % 100 AS k", "(id * 7919) % 600000 AS v")
    expected = {row.k: row.m for row in frame.groupBy("k").agg(fn.max("v").alias("m")).collect()}
    kept = frame.sort(frame.v.desc()).filter("k >= 0").dropDuplicates(["k"])
    assert {row.k: row.v for row in kept.collect()} == expected
    kept.write.parquet(f"file://{tmp_path / 'out'}")
    assert {row.k: row.v for row in spark.read.parquet(f"file://{tmp_path / 'out'}").collect()} == expected


def test_names_with_back_ticks_are_read(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a`b,c\n1,2\n")
    frame = spark.read.option("header", "true").csv(f"file://{tmp_path}")
    assert [tuple(row) for row in frame.select("`a``b`").collect()] == [("1",)]
    assert [tuple(row) for row in frame.selectExpr("`a``b` || c AS z").collect()] == [("12",)]


def test_numbers_in_a_list_are_compared_in_the_widest_type(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n9007199254740993\n9007199254740992\n")
    frame = spark.read.option("header", "true").csv(f"file://{tmp_path / 'a.csv'}")
    frame = frame.selectExpr("cast(a as bigint) a")
    frame = frame.filter(fn.col("a").isin(9007199254740993, 0.5))
    frame.write.parquet(f"file://{tmp_path / 'out'}")
    assert spark.read.parquet(f"file://{tmp_path / 'out'}").count() == 2


@pytest.mark.usefixtures("lenient")
def test_tried_casts_take_whole_numbers(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n2.5\n3\n 4\n")
    frame = spark.read.option("header", "true").csv(f"file://{tmp_path / 'a.csv'}")
    made = frame.selectExpr("try_cast(a as int) AS a", "cast(a as bigint) AS b")
    tried = frame.selectExpr("try_cast(a as int) AS a")
    assert [row.a for row in tried.collect()] == [None, 3, 4]
    made.write.parquet(f"file://{tmp_path / 'out'}")
    found = spark.read.parquet(f"file://{tmp_path / 'out'}").collect()
    assert [tuple(row) for row in found] == [(None, 2), (3, 3), (4, 4)]


def test_numbers_with_an_exponent_are_no_null(spark: Any) -> None:
    frame = spark.createDataFrame([("2.5",), ("x",), (None,), ("0.005",)], "s string")
    made = frame.selectExpr("try_cast(s as decimal(10,2)) AS s")
    assert [str(row.s) for row in made.collect()] == ["2.50", "None", "None", "0.01"]
    frame = spark.createDataFrame([("0.5e-2",), ("x",)], "s string")
    made = frame.selectExpr("try_cast(s as decimal(10,2)) AS s")
    assert [item.dataType.simpleString() for item in made.schema] == ["decimal(10,2)"]
    if SAIL:
        from awsglue._runtime.failures import EngineRefused

        with pytest.raises(EngineRefused):
            made.collect()
    else:
        assert [str(row[0]) for row in made.collect()] == ["0.01", "None"]
