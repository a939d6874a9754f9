"""What Apache Spark 3.5 answered to statements over values at the edges of their types: columns' names, types and rows.

The embedded engine gives the same or refuses; it never answers differently.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark")

from edge_rows import ROWS, SCHEMA

from awsglue._runtime.engine import installed
from awsglue._runtime.failures import EngineRefused

pytestmark = pytest.mark.skipif(installed() != "sail", reason="Spark's answer is Spark's")
RECORDED: list[Any] = json.loads(
    (Path(__file__).parent / "data" / "answers.json").read_text(encoding="utf-8")
)
# Refusing everything would be no answer either.
ANSWERED = 0.4
STARTED = datetime.now(UTC)


@pytest.fixture(scope="module")
def t(spark: Any) -> Any:
    frame = spark.createDataFrame(ROWS, SCHEMA)
    frame.createOrReplaceTempView("t")
    return frame


def shown(value: Any) -> Any:
    """A value as it was recorded."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (bytes, bytearray)):
        return "b:" + bytes(value).hex()
    if isinstance(value, Decimal):
        return "D:" + format(value, "f")
    if isinstance(value, dict):
        return ["map", *sorted(([shown(key), shown(item)] for key, item in value.items()), key=repr)]
    if hasattr(value, "__fields__"):
        return ["row", *([name, shown(item)] for name, item in zip(value.__fields__, value, strict=True))]
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    return undated(value if isinstance(value, str) else f"{type(value).__name__}:{value}")


def undated(text: str) -> str:
    """A time without a date is today's; the tests may run across midnight."""
    for moment in (STARTED, datetime.now(UTC)):
        text = text.replace(f"{moment:%Y-%m-%d}", "today")
    return text


def answer(spark: Any, t: Any, statement: str) -> tuple[str, list[Any]] | None:
    """(schema, rows) of a statement of SQL, or of an expression of the DataFrame API; None when it is refused."""
    from pyspark.sql import Window
    from pyspark.sql import functions as fn

    try:
        if statement.startswith(("SELECT", "WITH", "VALUES")):
            frame = spark.sql(statement)
        else:
            frame = eval(statement, {"t": t, "F": fn, "W": Window, "spark": spark})
        return frame.schema.simpleString(), [[shown(value) for value in row] for row in frame.collect()]
    except EngineRefused:
        return None


@pytest.mark.parametrize("part", range(6))
def test_answers_are_those_of_spark(spark: Any, t: Any, part: int) -> None:
    mine = RECORDED[part::6]
    wrong, refused = [], 0
    for statement, schema, rows in mine:
        found = answer(spark, t, statement)
        if found is None:
            refused += 1
            continue
        ordered = found[1] if found[1] == rows else sorted(found[1], key=repr)
        if (found[0], ordered) != (schema, rows):
            wrong.append((statement, found, (schema, rows)))
    assert not wrong, wrong[:3]
    assert refused <= len(mine) * (1 - ANSWERED)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "SELECT round(1.005D, 2), round(2.675D, 2), round(-1.005D, 2), round(0.5D)",
            [1.01, 2.68, -1.01, 1.0],
        ),
        ("SELECT cast(1.005D AS decimal(10,2)) AS x, cast(2.675D AS decimal(10,2)) AS y", ["1.01", "2.68"]),
        ("SELECT avg(m) AS x, round(avg(m), 2) AS y, sum(v) AS z FROM t", ["1.736364", "1.74", None]),
        ("SELECT max(d) AS x, min(d) AS y FROM t WHERE bo GROUP BY bo", ["nan", 1.5]),
        ("SELECT count(*) AS x FROM t WHERE d > 0.00000000000000000001", [8]),
        ("SELECT isnan(d) AS x, nvl(d, 1D) AS y FROM t WHERE k = 4", [False, 1.0]),
        ("SELECT round(m, 1) AS x, round(w, 2) AS y FROM t WHERE k = 7", ["2.5", "2.35"]),
        ("SELECT cast(1e10D AS string) AS x, try_cast(0.1F AS string) AS y", ["1.0E10", "0.1"]),
    ],
)
def test_values(spark: Any, t: Any, statement: str, expected: list[Any]) -> None:
    row = list(spark.sql(statement).collect()[0])
    assert list(map(str, row)) == list(map(str, expected))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT to_date(ds, 'yyyy-MM-dd') AS x FROM t",
        "SELECT to_timestamp(tss, 'yyyy-MM-dd HH:mm:ss') AS x FROM t",
        "SELECT date_add(dt, 1) AS x FROM t",
        "SELECT i = dt AS x FROM t",
        "SELECT array_contains(ad, 5.0) AS x FROM t",
        "SELECT collect_list(j) OVER (ORDER BY k) AS x FROM t",
        "SELECT k, x FROM t, LATERAL explode(ai) AS e(x)",
        "SELECT some_function_of_mine(i) FROM t",
        "t.select(F.to_timestamp(F.lit(1)))",
        "t.agg({'i': 'sum', 'j': 'sum', 'k': 'sum', 'b': 'sum', 'd': 'sum'})",
        "SELECT ln(d) AS x, sin(d) AS y FROM t",
        "SELECT pow(d, 3) AS x FROM t",
        "SELECT upper(d) AS x FROM t",
        "SELECT substring(d, 1, 2) AS x FROM t",
        "SELECT left(d, 2) AS x, elt(1, d) AS y FROM t",
        "SELECT format_string('%s', d) AS x FROM t",
        "SELECT to_csv(struct(i, d)) AS x FROM t",
        "SELECT regexp_replace(ts, ':', '') AS x FROM t",
        "SELECT cast(z.d AS string) AS x FROM (SELECT struct(i, d) AS z FROM t)",
        "SELECT concat(u.z.d, 'a') AS x FROM (SELECT named_struct('d', d) AS z FROM t) AS u",
        "SELECT concat('a', w) AS x FROM t",
        "SELECT coalesce(i, s) AS x FROM t",
        "SELECT s RLIKE '(?m)^a' AS x FROM t",
        "SELECT regexp_replace(s, '(a)', '$2') AS x FROM t",
        "SELECT regexp_replace(concat(s, '\\n'), 'a$', '') AS x FROM t",
        "SELECT format_number(m, 1) AS x FROM t",
        "SELECT transform(ad, e -> cast(e AS string)) AS x FROM t",
        "SELECT count(DISTINCT j) OVER () AS x FROM t",
        "SELECT corr(i, j) AS x FROM t",
        "SELECT d * 0 AS x, count(*) AS y FROM t GROUP BY d * 0",
        "SELECT struct(i, i) AS x FROM t",
        "SELECT a.* FROM (SELECT k FROM t) a JOIN (SELECT k FROM t) b USING (k)",
        "SELECT upper(s, s) AS x FROM t",
        "t.select(F.upper('d'))",
        "t.select(F.transform('w', lambda e: e + 1).alias('x'))",
        "t.describe('i')",
    ],
)
def test_what_would_differ_is_refused(spark: Any, t: Any, statement: str) -> None:
    assert answer(spark, t, statement) is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("F.transform('ad', lambda e: e.cast('string'))", ["-1.5", "1.0E300"]),
        ("F.transform('ad', lambda e: -e)", [1.5, -1e300]),
        ("F.transform(F.array('m'), lambda e: e / 3)", [Decimal("1.166667")]),
        (
            "F.transform(F.array(F.array('m')), lambda a: F.transform(a, lambda e: e / 3))",
            [[Decimal("1.166667")]],
        ),
        ("F.filter('ad', lambda e: e > 0.1)", [1e300]),
        ("F.aggregate('ai', F.lit(0), lambda a, e: a + F.coalesce(e, F.lit(0)))", 7),
        ("F.transform('asr', lambda e: F.regexp_replace(e, '\\\\w', '$0$0'))", ["qq"]),
        ("F.map_keys('mp')", ["d", "b"]),
        ("F.regexp_extract('fm', '(\\\\w+)$', 1)", "yyyy"),
    ],
)
def test_bodies_of_functions_are_judged_as_others(spark: Any, t: Any, expression: str, expected: Any) -> None:
    from pyspark.sql import functions as fn

    row = t.filter("k = 12").select(eval(expression, {"F": fn}).alias("x")).collect()[0]
    assert row.x == expected


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SELECT nosuch FROM t",
            "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name ",
        ),
        (
            "t.select('nosuch')",
            "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name ",
        ),
        ("SELECT i FROM t UNION SELECT i, j FROM t", "[NUM_COLUMNS_MISMATCH] UNION can only be performed "),
        (
            "SELECT sum(sum(i)) AS x FROM t",
            "[NESTED_AGGREGATE_FUNCTION] It is not allowed to use an aggregate ",
        ),
    ],
)
def test_faults_of_scripts_are_told_in_spark_s_words(
    spark: Any, t: Any, statement: str, message: str
) -> None:
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException) as raised:
        answer(spark, t, statement)
    assert str(raised.value).startswith(message)


def test_functions_in_python_are_given_moments_without_a_zone(spark: Any, t: Any) -> None:
    from pyspark.sql import functions as fn

    said = fn.udf(lambda moment, moments: f"{moment} {moments[0].tzinfo}")
    row = t.filter("k = 11").select(said("ts", fn.array("ts")).alias("x")).collect()[0]
    assert row.x == "2021-01-01 00:00:00 None"


def test_an_answer_that_has_no_place_in_its_type_is_refused(spark: Any, t: Any) -> None:
    from pyspark.sql import functions as fn

    exact = fn.udf(lambda value: Decimal("1.23456"), "decimal(10,2)")
    with pytest.raises(EngineRefused, match="what a function in Python answers"):
        t.select(exact("k").alias("x")).collect()


def test_years_that_python_has_not_are_refused_before_anything_is_written(
    spark: Any, t: Any, tmp_path: Path
) -> None:
    late = t.selectExpr("date_add(dt, 1) AS x")
    for kind in ("csv", "json"):
        with pytest.raises(EngineRefused, match="years 1 to 9999"):
            getattr(late.write, kind)(f"file://{tmp_path / kind}")
        assert not (tmp_path / kind).exists()


def test_written_columns_are_called_as_spark_calls_them(spark: Any, t: Any, tmp_path: Path) -> None:
    target = f"file://{tmp_path / 'x'}"
    spark.sql(
        "SELECT bo, count(*), sum(i) / 2, -max(j), cast(min(k) AS string) FROM t GROUP BY bo"
    ).write.csv(target, header=True)
    header = next(path for path in (tmp_path / "x").glob("part-*")).read_text().splitlines()[0]
    assert header == "bo,count(1),(sum(i) / 2),(- max(j)),CAST(min(k) AS STRING)"
