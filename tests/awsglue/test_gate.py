"""Where the embedded engine would differ from Spark: it gives Spark's answer, or it refuses and says how to go on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from awsglue._runtime.engine import installed
from awsglue._runtime.failures import EngineRefused

pytestmark = pytest.mark.skipif(installed() != "sail", reason="Spark's answer is Spark's")


@pytest.fixture
def df(spark: Any) -> Any:
    from pyspark.sql import functions as fn

    return (
        spark.createDataFrame([(1, 1e10, Decimal("1.10"), "x")], "i int, d double, m decimal(10,2), s string")
        .withColumn("dt", fn.to_date(fn.lit("2020-01-01")))
        .withColumn("ts", fn.to_timestamp(fn.lit("2020-01-01 00:00:00")))
    )


def test_answers_made_spark_s(df: Any, spark: Any) -> None:
    from pyspark.sql import functions as fn

    assert df.select(fn.col("d").cast("string")).collect()[0].asDict() == {"d": "1.0E10"}
    assert df.select(fn.concat(fn.lit("a"), fn.col("d"))).collect()[0][0] == "a1.0E10"
    assert df.select(fn.datediff("dt", "dt").alias("n")).dtypes == [("n", "int")]
    assert spark.sql("SELECT datediff(date'2020-01-03', date'2020-01-01') AS n").dtypes == [("n", "int")]
    days = fn.when(fn.col("i") == 1, fn.datediff("dt", "dt").cast("double")).otherwise(None)
    assert df.select(days.alias("n"), fn.datediff("dt", "dt").cast("int").alias("m")).collect() == [(0.0, 0)]
    assert df.select(fn.when(fn.col("i") > 5, 1).otherwise(2.5).alias("w")).dtypes == [("w", "double")]
    assert df.select("i").union(df.select("d")).dtypes == [("i", "double")]
    assert df.select((fn.col("d") / 3), (fn.col("i") / 2)).collect()[0][1] == 0.5
    assert df.select(fn.col("m") * 2).collect()[0][0] == Decimal("2.20")
    assert df.unionByName(df).dropDuplicates(["i"]).columns == df.columns
    assert df.unionByName(df).dropDuplicates(["i"]).count() == 1
    texts = df.selectExpr("m * 2 AS x", "i / 2 AS y", "d / 3 > 1", "*").filter("x > 1 AND s LIKE 'x%'")
    assert texts.collect()[0][:3] == (Decimal("2.20"), 0.5, True)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("dayofweek(to_date(t))", 4),
        ("dayofweek(to_date(substring(t, 1, 10), 'yyyy-MM-dd'))", 4),
        ("quarter(date_add(to_date(t), 40))", 4),
        ("date_format(to_date(t), 'EEE')", "Wed"),
        ("hour(to_timestamp(t, 'yyyy-MM-dd HH:mm:ss'))", 23),
        ("last_day(trunc(to_date(t), 'MM')) = date'2021-09-30'", True),
        ("datediff(to_date(t), date'2021-09-01') / 2", 10.5),
        ("row_number() OVER (ORDER BY to_date(t)) + length(t) * 0.5", Decimal("10.5")),
    ],
)
def test_calls_in_statements_have_their_types(spark: Any, sql: str, expected: Any) -> None:
    """What is made of a text is no text: to_date() of it may be asked for its day."""
    df = spark.createDataFrame([("2021-09-22 23:05:06",)], "t string")
    assert spark.sql(f"SELECT {sql} AS found FROM {{d}}", d=df).collect()[0][0] == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda fn, df: df.select(fn.col("dt") - fn.col("dt")),
        lambda fn, df: df.select(fn.to_json(fn.struct("i", "ts"))),
        lambda fn, df: df.select(fn.to_json(fn.array("d"))),
        lambda fn, df: df.select(fn.to_json(fn.create_map("s", "d"))),
        lambda fn, df: df.select(fn.to_json(fn.struct(fn.struct("m").alias("x")))),
        lambda fn, df: df.select(fn.to_csv(fn.struct("i", "d"))),
        lambda fn, df: df.select(fn.to_json(fn.struct("i"), {"pretty": "true"})),
        lambda fn, df: df.select("d").toJSON(),
        lambda fn, df: df.selectExpr("to_json(struct(*)) AS j"),
        lambda fn, df: df.selectExpr("if(i = 1, d, 'x') AS j"),
        lambda fn, df: df.selectExpr("case when i = 1 then 'x' else d end AS j"),
        lambda fn, df: df.selectExpr("date_add(dt, 1) - to_date(s) AS j"),
        lambda fn, df: df.selectExpr("to_json(from_json('{\"a\":1e10}', 'a double')) AS j"),
        lambda fn, df: df.selectExpr("to_json(struct(i x)) AS j"),
        lambda fn, df: df.sparkSession.sql("SELECT to_json(named_struct('x', array(d))) AS j FROM {d}", d=df),
        lambda fn, df: df.sparkSession.sql("SELECT to_json(collect_list(struct(i, d))) AS j FROM {d}", d=df),
        lambda fn, df: df.sparkSession.sql("SELECT to_json(struct(i / 2 AS h)) AS j FROM {d}", d=df),
        lambda fn, df: df.sparkSession.sql("SELECT to_csv(struct(1.50)) AS j FROM {d}", d=df),
        lambda fn, df: df.select(fn.percentile_approx("i", 0.5)),
        lambda fn, df: df.select(fn.bround("d")),
        lambda fn, df: df.select(fn.hash("m")),
        lambda fn, df: df.select(fn.split("s", "")),
        lambda fn, df: df.select(fn.transform_keys(fn.create_map("s", "i"), lambda k, v: fn.upper(k))),
        lambda fn, df: df.filter("m % 3 > 0.1"),
        lambda fn, df: df.select(-fn.col("m")),
        lambda fn, df: df.select(fn.col("m") % 3),
        lambda fn, df: df.withColumn("x", fn.expr("m * m * m * m")),
        lambda fn, df: df.selectExpr("cast(sum(d) AS string) AS t"),
        lambda fn, df: df.sparkSession.sql("SELECT cast(d AS string) FROM {d}", d=df),
        lambda fn, df: df.sparkSession.sql("SELECT extract(dow FROM dt) FROM {d}", d=df),
        lambda fn, df: df.sparkSession.sql("SELECT sum(m) * sum(m) * 1.00001 FROM {d}", d=df),
    ],
)
def test_refused_by_name(make: Any, df: Any) -> None:
    from pyspark.sql import functions as fn

    with pytest.raises(EngineRefused, match="--engine spark"):
        make(fn, df).collect()


def test_records_of_plain_values_are_written_as_spark_writes_them(df: Any, spark: Any) -> None:
    from pyspark.sql import functions as fn

    row = spark.createDataFrame(
        [(1, 'é"/\n', [1, None], {"b": 1})], "i int, s string, l array<int>, m map<string,int>"
    )
    expected = '{"i":1,"s":"é\\"/\\n","l":[1,null],"m":{"b":1}}'
    assert row.select(fn.to_json(fn.struct("*"))).collect()[0][0] == expected
    assert row.selectExpr("to_json(struct(i, s, l, m)) AS j").collect()[0][0] == expected
    made = spark.sql("SELECT to_json(collect_list(named_struct('a', i, 'b', 'x'))) AS j FROM {d}", d=row)
    assert made.collect()[0][0] == '[{"a":1,"b":"x"}]'


def test_refused_elsewhere(df: Any, spark: Any) -> None:
    for attempt in (
        lambda: df.approxQuantile("i", [0.5], 0.1),
        lambda: spark.sparkContext.newAPIHadoopFile("x"),
        lambda: spark.read.format("avro").load("/tmp"),
        lambda: df.write.format("xml").save("/tmp/never"),
        lambda: spark.conf.set("spark.sql.caseSensitive", "true"),
    ):
        with pytest.raises(EngineRefused):
            attempt()


@pytest.mark.parametrize(
    ("sql", "type", "value"),
    [
        ("SELECT sum(m * i) * 0.0001 AS x FROM t", "decimal(36,6)", "0.000110"),
        ("SELECT 0.5 * sum(m) AS x FROM t", "decimal(22,3)", "0.550"),
        ("SELECT sum(m) * sum(m) * sum(m) AS x FROM t", "decimal(38,6)", "1.331000"),
        ("SELECT x * 2.5 AS x FROM (SELECT sum(m * m) AS x FROM t)", "decimal(34,5)", "3.02500"),
        ("SELECT sum(m) * sum(m) * 1.00001 AS x FROM t", None, "wide decimals"),
        ("SELECT CAST(m AS decimal(38,10)) * m AS x FROM t", None, "wide decimals"),
        ("SELECT m * m * m AS x FROM t", "decimal(32,6)", "1.331000"),
        (f"SELECT {' * '.join(['CAST(m AS decimal(18,4))'] * 3)} AS x FROM t", None, "wide decimals"),
        # A name that stands for something wider than the source's column of that name.
        ("SELECT m * m AS x FROM (SELECT CAST(m AS decimal(38,10)) AS m FROM t)", None, "wide decimals"),
        (
            "SELECT y * sum(m) AS x FROM (SELECT 1.0 * i AS y, m FROM t UNION ALL "
            "SELECT CAST(m AS decimal(38,10)), m FROM t) GROUP BY y",
            None,
            "wide decimals",
        ),
        (
            "SELECT m * sum(i) AS x FROM (SELECT CAST(m AS decimal(38,10)), i FROM t) AS s(m, i) GROUP BY m",
            None,
            "wide decimals",
        ),
    ],
)
def test_products_of_wide_decimals(df: Any, spark: Any, sql: str, type: str | None, value: str) -> None:
    df.createOrReplaceTempView("t")
    if type is None:
        with pytest.raises(EngineRefused, match=value):
            spark.sql(sql).collect()
    else:
        answer = spark.sql(sql)
        assert (answer.dtypes, answer.collect()[0][0]) == ([("x", type)], Decimal(value))
