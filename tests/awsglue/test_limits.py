"""Zeros with a sign, NaN, limits of types: Spark's recorded answers, which the embedded engine gives or leaves."""

from __future__ import annotations

import os
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark")

from awsglue._runtime.engine import installed
from awsglue._runtime.failures import EngineRefused

pytestmark = pytest.mark.skipif(installed() != "sail", reason="Spark's answer is Spark's")
NAN, INFINITY = float("nan"), float("inf")
SCHEMA = "ty tinyint, i int, l bigint, m decimal(10,2), dt date, ts timestamp, d double"


@pytest.fixture(scope="module", autouse=True)
def views(spark: Any) -> None:
    rows = [
        (127, 2147483647, 9223372036854775807, None, date(2024, 1, 31), datetime(2024, 1, 31, 12), 1.0),
        (126, 2147483646, 9223372036854775806, None, date(2024, 2, 29), datetime(2024, 2, 29), NAN),
        (-128, -2147483648, -9223372036854775808, None, date(2023, 3, 1), datetime(2023, 3, 1), -0.0),
        (-127, -2147483647, -9223372036854775807, None, date(2024, 3, 1), datetime(2024, 3, 1), 0.0),
        (None, None, None, None, None, None, None),
        (0, 0, 0, None, date(2024, 3, 2), datetime(2024, 3, 2), INFINITY),
    ]
    spark.createDataFrame(rows, SCHEMA).createOrReplaceTempView("limits")
    named = [
        (1, [1, None], {"b": 1}, (1, "s"), True),
        (2, [None], None, None, None),
        (3, [], {}, (3, None), False),
    ]
    kinds = "k int, ai array<int>, mp map<string,int>, st struct<x:int,y:string>, bo boolean"
    spark.createDataFrame(named, kinds).createOrReplaceTempView("nested")


def shown(spark: Any, statement: str) -> list[Any]:
    """Rows in order; doubles as they are written, for NaN is no number and -0.0 is 0.0."""
    found = [
        tuple(repr(value) if isinstance(value, float) else value for value in row)
        for row in spark.sql(statement).collect()
    ]
    return sorted(found, key=repr)


ZEROS = "(VALUES (1, 1.5D, -0.0D), (2, -1.0D, 0.0D), (3, 0.0D, -0.0D), (4, 3.0D, 2.0D)) AS v(k, a, b)"
ANSWERS = [
    (f"SELECT k, a / b AS x FROM {ZEROS}", [(1, None), (2, None), (3, None), (4, "1.5")]),
    (f"SELECT k, a / -0.0D AS x FROM {ZEROS}", [(1, None), (2, None), (3, None), (4, None)]),
    (f"SELECT k, a % b AS x FROM {ZEROS}", [(1, None), (2, None), (3, None), (4, "1.0")]),
    (f"SELECT k, a / (b * 1) AS x FROM {ZEROS}", [(1, None), (2, None), (3, None), (4, "1.5")]),
    (f"SELECT k, 1 / CAST(b AS float) AS x FROM {ZEROS}", [(1, None), (2, None), (3, None), (4, "0.5")]),
    (
        "SELECT i, max(d) OVER (ORDER BY i ROWS 1 PRECEDING) AS x FROM limits",
        [
            (-2147483647, "-0.0"),
            (-2147483648, "-0.0"),
            (0, "inf"),
            (2147483646, "nan"),
            (2147483647, "nan"),
            (None, None),
        ],
    ),
    (
        "SELECT day(dt) AS k, count(*) OVER (ORDER BY dt RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS x FROM limits",
        [(1, 1), (1, 3), (2, 2), (29, 2), (31, 1), (None, 1)],
    ),
    (
        "SELECT day(ts) AS k, count(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL 36 HOURS PRECEDING AND CURRENT ROW)"
        " AS x FROM limits",
        [(1, 1), (1, 2), (2, 2), (29, 1), (31, 1), (None, 1)],
    ),
    (
        "SELECT sum(x) AS x FROM (VALUES (CAST('99999999999999999999999999999999999999' AS decimal(38,0))),"
        " (CAST('1' AS decimal(38,0)))) AS v(x)",
        [(None,)],
    ),
    ("SELECT k, array_contains(ai, 1) AS x FROM nested", [(1, True), (2, None), (3, False)]),
    ("SELECT k, array_contains(ai, 2) AS x FROM nested", [(1, None), (2, None), (3, False)]),
]


MOVING = (
    "(VALUES (1, 1.0D), (2, CAST('NaN' AS double)), (3, 0.1D), (4, 0.2D), (5, 1e300D), (6, 0.7D), (7, 0.1D),"
    " (8, NULL)) AS v(i, d)"
)


def test_moving_frames_are_added_up_anew(spark: Any) -> None:
    from pyspark.sql import Window
    from pyspark.sql import functions as fn

    frame = "(ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
    expected = ["1.0", "nan", "nan", "0.30000000000000004", "1e+300", "1e+300", "0.7999999999999999", "0.1"]
    for over in (f"{frame} AS x FROM {MOVING}", f"w AS x FROM {MOVING} WINDOW w AS {frame}"):
        assert [row[1] for row in shown(spark, f"SELECT i, sum(d) OVER {over}")] == expected
    window = Window.orderBy("i").rowsBetween(-1, 0)
    rows = spark.sql(f"SELECT * FROM {MOVING}").select("i", fn.avg("d").over(window).alias("x"))
    assert [row.x for row in rows.orderBy("i").collect()][3:] == [
        0.15000000000000002,
        5e299,
        5e299,
        0.39999999999999997,
        0.1,
    ]


@pytest.mark.parametrize(("statement", "expected"), ANSWERS, ids=[statement[:60] for statement, _ in ANSWERS])
def test_answered(spark: Any, statement: str, expected: list[Any]) -> None:
    assert shown(spark, statement) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ty, count(*) OVER (ORDER BY ty RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS x FROM limits",
        "SELECT i, count(*) OVER (ORDER BY i RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS x FROM limits",
        "SELECT l, count(*) OVER (ORDER BY l DESC RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS x FROM limits",
        "SELECT i, count(*) OVER (ORDER BY i RANGE BETWEEN 1.5 PRECEDING AND CURRENT ROW) AS x FROM limits",
        "SELECT i, count(*) OVER (ORDER BY dt RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) AS x FROM limits",
        "SELECT i FROM limits WHERE d NOT IN (SELECT d FROM limits WHERE i > 0)",
        "SELECT i FROM limits WHERE i NOT IN (SELECT k FROM nested WHERE ty > 0)",
        "SELECT sum(x) AS x FROM (VALUES (CAST('99999999999999999999999999999999999999' AS decimal(38,0))),"
        " (CAST('1' AS decimal(38,0))), (CAST('-2' AS decimal(38,0)))) AS v(x)",
        "SELECT d div 2 AS x FROM limits",
        "SELECT mod(d, d) AS x FROM limits",
        "SELECT try_cast(dt AS int) AS x FROM limits",
        "SELECT flatten(ai) AS x FROM nested",
        "SELECT if(k, 1, 2) AS x FROM nested",
        "SELECT CASE WHEN k THEN 1 END AS x FROM nested",
        "SELECT count_if(k) AS x FROM nested",
        "SELECT sum(k) FILTER (WHERE k) AS x FROM nested",
        "SELECT bo / 2 AS x FROM nested",
        "SELECT mp = mp AS x FROM nested",
        "SELECT DISTINCT mp FROM nested",
        "SELECT k FROM nested ORDER BY mp",
        "SELECT mp FROM nested GROUP BY mp",
        "SELECT k << 1 AS x FROM nested",
        "SELECT k::double AS x FROM nested",
        "SELECT avg(d) OVER (ORDER BY i RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS x FROM limits",
        "SELECT sum(d) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS x FROM limits",
        "SELECT date_add(dt, 1.5) AS x FROM limits",
        "SELECT get_json_object('{\"a\":[1]}', '$.a[*]') AS x",
    ],
)
def test_left_to_spark(spark: Any, statement: str) -> None:
    with pytest.raises(EngineRefused):
        spark.sql(statement).collect()


def test_the_same_by_columns(spark: Any) -> None:
    from pyspark.sql import Window
    from pyspark.sql import functions as fn

    zeros = spark.sql(f"SELECT * FROM {ZEROS}")
    quotients = zeros.select(
        "k", (fn.col("a") / fn.col("b")).alias("x"), (fn.col("a") % fn.col("b")).alias("y")
    )
    assert sorted(map(tuple, quotients.collect())) == [
        (1, None, None),
        (2, None, None),
        (3, None, None),
        (4, 1.5, 1.0),
    ]
    limits = spark.table("limits")
    near = limits.select(fn.count("*").over(Window.orderBy("i").rangeBetween(-1, 1)))
    for frame in (
        near,
        limits.select(fn.count("*").over(Window.orderBy("dt").rangeBetween(-1, 1))),
        spark.table("nested").select(fn.when(fn.col("k"), 1)),
        spark.table("nested").select(fn.flatten("ai")),
    ):
        with pytest.raises(EngineRefused):
            frame.collect()
    within = spark.table("nested").select("k", fn.array_contains("ai", 1).alias("x"))
    assert sorted(map(tuple, within.collect())) == [(1, True), (2, None), (3, False)]


def test_functions_in_python_see_null_structs_and_answer_as_java_does(spark: Any) -> None:
    from pyspark.sql import functions as fn
    from pyspark.sql.types import LongType, MapType, StringType

    nested = spark.table("nested")
    seen = nested.select("k", fn.udf(lambda st: repr(st), "string")("st").alias("x"))
    assert sorted(map(tuple, seen.collect())) == [
        (1, "Row(x=1, y='s')"),
        (2, "None"),
        (3, "Row(x=3, y=None)"),
    ]
    inner = nested.select("k", fn.udf(lambda both: repr(both.st), "string")(fn.struct("st", "k")).alias("x"))
    assert sorted(map(tuple, inner.collect()))[1] == (2, "None")
    with pytest.raises(EngineRefused):
        nested.select(fn.udf(lambda held: repr(held), "string")(fn.array("st"))).collect()
    entries = fn.udf(lambda k: {"b": 1, "a": 2, "c": None, "zz": 5}, MapType(StringType(), LongType()))
    assert list(nested.select(entries("k").alias("x")).first()["x"]) == ["zz", "a", "b", "c"]
    beyond = fn.udf(lambda k: 2**63 - 2 + k, "bigint")
    found = nested.select("k", beyond("k").alias("x")).collect()
    assert sorted(map(tuple, found)) == [(1, 2**63 - 1), (2, None), (3, None)]


def test_rows_are_verified(spark: Any) -> None:
    from pyspark.errors import PySparkException

    for value, kind in (
        (1, "double"),
        (1.5, "bigint"),
        (2**63, "bigint"),
        (True, "int"),
        ("a", "int"),
        (128, "tinyint"),
    ):
        with pytest.raises(PySparkException):
            spark.createDataFrame([(value,)], f"x {kind}")
    assert spark.createDataFrame([(1, [{"b": 1, "a": 2}])], "k int, x array<map<string,int>>").count() == 1
    with pytest.raises(EngineRefused):
        spark.createDataFrame([(2**63,)], ["x"])


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_a_file_that_is_gone_is_missed(spark: Any, tmp_path: Path, kind: str) -> None:
    from pyspark.errors import PySparkException

    folder = tmp_path / kind
    spark.range(10).repartition(2).write.format(kind).save(str(folder))
    frame = spark.read.schema("id bigint").format(kind).load(str(folder))
    assert frame.count() == 10
    os.remove(next(folder.glob("part-*")))
    with pytest.raises(PySparkException, match="does not exist"):
        frame.collect()


def test_files_of_rows_sorted_within_partitions_are_sorted(spark: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = spark.range(200_000).repartition(2).sortWithinPartitions("id", ascending=False)
    rows.write.parquet(str(tmp_path / "out"))
    files = [pq.read_table(path)["id"].to_pylist() for path in (tmp_path / "out").glob("part-*")]
    assert len(files) == 2
    assert sum(map(len, files)) == 200_000
    assert all(ids == sorted(ids, reverse=True) for ids in files)


def test_json_by_paths(spark: Any) -> None:
    text = '{"a": 1.50, "b": {"c": [1, {"d": 1e10}]}, "e": null, "e": "x", "f": "q\\"\\u00e9"}'
    frame = spark.createDataFrame([(text,), ("not json",), ('{"a":1',), ("",), (None,)], "j string")
    frame.createOrReplaceTempView("documents")
    expected = {
        "$.a": "1.5",
        "$.b": '{"c":[1,{"d":1.0E10}]}',
        "$.b.c[1].d": "1.0E10",
        "$['e']": "x",
        "$.f": 'q"é',
        "$.b.x": None,
        "$.a.x": None,
    }
    from pyspark.sql import functions as fn

    for path, answer in expected.items():
        written = path.replace("'", "\\'")
        found = spark.sql(f"SELECT get_json_object(j, '{written}') AS x FROM documents").collect()
        assert [row.x for row in found] == [answer, None, None, None, None]
        first = frame.select(fn.get_json_object("j", path).alias("x")).first()
        assert first["x"] == answer


@pytest.mark.parametrize(
    ("row", "schema", "verified"),
    [
        ((1,), "x double", False),
        ((1.5,), "x int", False),
        (("1",), "x int", False),
        ((["a", 1],), "x string", True),
        (({"a": 1},), "x string", True),
        ((date(2024, 1, 2),), "x string", True),
        ((["a", 1],), "x struct<s:string,i:int>", True),
        ((Decimal("123456789.5"),), "x decimal(5,2)", True),
    ],
)
def test_rows_that_only_spark_converts_are_refused(spark: Any, row: Any, schema: str, verified: bool) -> None:
    with pytest.raises(EngineRefused):
        spark.createDataFrame([row], schema, verifySchema=verified)


def test_texts_made_of_numbers_are_javas(spark: Any) -> None:
    from pyspark.sql import functions as fn

    values = [1, 2**70, True, 1.5, 1e20, NAN, Decimal("1.50"), None]
    texts = ["1", str(2**70), "true", "1.5", "1.0E20", "NaN", "1.50", None]
    frame = spark.createDataFrame([(value,) for value in values], "x string", verifySchema=False)
    assert [row.x for row in frame.collect()] == texts
    answered = fn.udf(lambda at: values[at], "string")
    numbers = spark.range(len(values)).coalesce(1)
    assert {row.id: row.x for row in numbers.select("id", answered("id").alias("x")).collect()} == dict(
        enumerate(texts)
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([1], "string"),
        ({"a": 1}, "string"),
        (date(2024, 1, 2), "string"),
        (b"a", "string"),
        ([b"a"], "array<string>"),
        ("numpy", "double"),
        ("numpy", "bigint"),
    ],
)
def test_answers_of_functions_that_only_spark_knows_are_refused(spark: Any, value: Any, kind: str) -> None:
    from pyspark.sql import functions as fn

    def answer(_: int) -> Any:
        import numpy

        return value if value != "numpy" else (numpy.float64(1) if kind == "double" else numpy.int64(1))

    with pytest.raises(EngineRefused, match="answers"):
        spark.range(1).select(fn.udf(answer, kind)("id").alias("x")).collect()


def test_truth_values_are_no_numbers(spark: Any) -> None:
    from pyspark.sql import functions as fn

    row = spark.range(1).select(
        fn.udf(lambda _: True, "int")("id").alias("i"), fn.udf(lambda _: True, "boolean")("id").alias("b")
    )
    assert row.first() == (None, True)


@pytest.mark.parametrize("kind", ["double", "float", "decimal(10,2)"])
def test_numbers_between_control_characters_are_left_to_spark(spark: Any, kind: str) -> None:
    from pyspark.sql import functions as fn

    plain = spark.createDataFrame([("\t1\r\n",), ("\x011a",), ("1\x02x",)], "x string")
    assert [row.x for row in plain.select(fn.col("x").cast(kind).alias("x")).collect()] == [1, None, None]
    for text in ("\x011", "1\x00", " \x1f+1.5\x1f"):
        frame = spark.createDataFrame([(text,)], "x string")
        frame.createOrReplaceTempView("controlled")
        with pytest.raises(EngineRefused):
            frame.select(fn.col("x").cast(kind).alias("x")).collect()
        with pytest.raises(EngineRefused):
            spark.sql(f"SELECT CAST(x AS {kind}) AS x FROM controlled").collect()


def test_digits_of_other_scripts_are_left_to_spark(spark: Any) -> None:
    frame = spark.createDataFrame([("\uff11\uff12",)], "x string")
    assert frame.select(frame.x.cast("int").alias("x")).first() == (None,)
    with pytest.raises(EngineRefused):
        frame.select(frame.x.cast("decimal(10,2)").alias("x")).collect()
