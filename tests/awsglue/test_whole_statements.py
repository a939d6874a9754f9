"""Statements over Parquet files that DuckDB answers whole: as Apache Spark 3.5 did, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark")

from edge_rows import ROWS, SCHEMA
from pyarrow import parquet
from test_answers import shown

from awsglue._runtime.engine import installed
from awsglue._runtime.failures import EngineRefused

DATA = Path(__file__).parent / "data"
RECORDED: list[Any] = json.loads((DATA / "whole_statements.json").read_text(encoding="utf-8"))
DECIMALS: dict[str, Any] = json.loads((DATA / "decimals.json").read_text(encoding="utf-8"))
ANSWERS: list[Any] = json.loads((DATA / "answers.json").read_text(encoding="utf-8"))
pytestmark = pytest.mark.skipif(installed() != "sail", reason="on Spark the answer is Spark's")


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that DuckDB has answered; all tables are large enough for it."""
    found: list[str] = []
    from awsglue._runtime.flow import answers

    run = answers.Answers._run

    def noting(self: Any, answer: Any, *asked: Any) -> Any:
        made = run(self, answer, *asked)
        if made is not None:
            found.append(answer.query.sql)
        return made

    monkeypatch.setattr(answers, "LEAST_BYTES", 0)
    monkeypatch.setattr(answers.Answers, "_run", noting)
    return found


@pytest.fixture(scope="module", autouse=True)
def no_view_stays(spark: Any) -> Iterator[None]:
    """Other tests of the session have tables of these names."""
    yield
    for name in ("lines", "orders", "customers", "wide", "t"):
        spark.catalog.dropTempView(name)


@pytest.fixture(scope="module")
def tables(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The views that the recorded statements read, over files."""
    folder = tmp_path_factory.mktemp("tables")
    notes = ["special requests", "", None]
    made = {
        "lines": (
            "o bigint, n int, p int, q decimal(15,2), e decimal(15,2), d decimal(4,2), m string, s date",
            [
                (
                    order,
                    line,
                    None if (order + line) % 7 == 0 else (order * line) % 5,
                    None if order == 4 else Decimal(order * line) / 4,
                    Decimal(order * 1000 + line * 33) / 100 * (-1 if order % 4 == 3 else 1),
                    Decimal(line % 4) / 20,
                    [None, "air", "AIR", "ship é", "truck_x", ""][(order + line) % 6],
                    None if line == 5 else date(1994 + order % 4, 1 + line, 28),
                )
                for order in range(1, 12)
                for line in range(1, 1 + order % 6)
            ],
        ),
        "orders": (
            "o bigint, c int, day date, note string",
            [
                (
                    order,
                    None if order == 9 else order % 5,
                    date(1995, 1, order),
                    notes[order % 3],
                )
                for order in range(1, 15)
            ],
        ),
        "customers": (
            "c int, name string, bal decimal(15,2), phone string",
            [
                (0, "zoé", Decimal("-12.50"), "13-555"),
                (1, "Ann", Decimal("0.05"), "31-555"),
                (2, "bob", None, "é1-555"),
                (3, None, Decimal("999.99"), None),
                (7, "Zed", Decimal("100.00"), "1"),
            ],
        ),
        "wide": (
            "k int, a decimal(38,4), b decimal(30,6), x bigint",
            [
                (1, Decimal("1.0000"), Decimal("3.000000"), 2**62),
                (2, Decimal("-2.0000"), Decimal("7.000000"), -(2**62)),
                (3, Decimal("0.0001"), Decimal("0.000000"), 5),
                (4, None, Decimal("123456789.654321"), None),
            ],
        ),
    }
    for name, (schema, rows) in made.items():
        path = f"file://{folder / name}"
        spark.createDataFrame(rows, schema).coalesce(1).write.parquet(path)
        spark.read.parquet(path).createOrReplaceTempView(name)
    return str(folder)


def answer(spark: Any, statement: str) -> tuple[str, list[Any]]:
    frame = spark.sql(statement)
    return frame.schema.simpleString(), [[shown(value) for value in row] for row in frame.collect()]


@pytest.mark.parametrize("part", range(3))
def test_answers_are_those_of_spark(spark: Any, tables: str, taken: list[str], part: int) -> None:
    mine = RECORDED[part::3]
    wrong = []
    for statement, schema, rows in mine:
        found = answer(spark, statement)
        ordered = found[1] if "ORDER BY" in statement else sorted(found[1], key=repr)
        if (found[0], ordered) != (schema, rows):
            wrong.append((statement, found, (schema, rows)))
    assert not wrong, wrong[:3]
    # The engine's own answers would prove nothing.
    assert len(taken) == len(mine)


def answered_here(spark: Any, statement: str) -> bool:
    """Whether DuckDB may answer a statement over t."""
    from awsglue._runtime.flow.selects import Compiler
    from awsglue._runtime.flow.values import Unknown
    from awsglue._runtime.sql import sources

    fields = [(item.name.lower(), item.dataType.simpleString()) for item in spark.table("t").schema.fields]
    try:
        Compiler({("t",): fields}).statement(sources.parse(statement)[0])
    except Unknown:
        return False
    return True


def test_recorded_answers_over_files(spark: Any, tmp_path: Path, taken: list[str]) -> None:
    """Everything that has been recorded from Spark, over files; what is answered here is Spark's answer."""
    # Dates before 1582 are among them, which Spark does not write.
    (tmp_path / "t").mkdir()
    parquet.write_table(spark.createDataFrame(ROWS, SCHEMA).toArrow(), tmp_path / "t" / "part.parquet")
    spark.read.parquet(f"file://{tmp_path / 't'}").createOrReplaceTempView("t")
    wrong = []
    for statement, schema, rows in ANSWERS:
        if not statement.startswith(("SELECT", "WITH")) or not answered_here(spark, statement):
            continue
        before = len(taken)
        try:
            found = answer(spark, statement)
        except EngineRefused:
            continue
        if len(taken) > before and (found[0], sorted(found[1], key=repr)) != (schema, sorted(rows, key=repr)):
            wrong.append((statement, found, (schema, rows)))
    assert not wrong, wrong[:3]
    assert taken


def test_recorded_decimals_over_files(spark: Any, tmp_path: Path, taken: list[str]) -> None:
    whole = ("int", "bigint", "smallint")

    def typed(kind: str, text: str | None) -> Any:
        if text is None:
            return None
        return int(text) if kind in whole else float(text) if kind == "double" else Decimal(text)

    columns = DECIMALS["columns"]
    rows = [
        tuple(typed(kind, text) for kind, text in zip(columns.values(), row, strict=True))
        for row in DECIMALS["rows"]
    ]
    schema = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    spark.createDataFrame(rows, schema).coalesce(1).write.parquet(f"file://{tmp_path / 't'}")
    spark.read.parquet(f"file://{tmp_path / 't'}").createOrReplaceTempView("t")
    wrong = []
    mine = DECIMALS["answers"][::4]
    for sql, kind, recorded in mine:
        if not answered_here(spark, sql):
            continue
        before = len(taken)
        try:
            frame = spark.sql(sql)
            found = [(row[0], row[1]) for row in frame.collect() if row[1] is not None]
        except EngineRefused:
            continue
        expected = [(row[0], row[1]) for row in recorded if row[1] is not None]
        number = Decimal if kind.startswith("decimal") else str
        exact = sorted(((key, number(value)) for key, value in expected), key=repr)
        found = sorted(((key, number(value)) for key, value in found), key=repr)
        if len(taken) > before and (frame.schema["x"].dataType.simpleString(), found) != (kind, exact):
            wrong.append((sql, found, expected))
    assert not wrong, wrong[:3]
    assert len(taken) > len(mine) // 4


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM lines",
        "SELECT DISTINCT o FROM lines",
        "SELECT o FROM lines LIMIT 3",
        "SELECT o FROM lines ORDER BY n",
        "SELECT o, sum(e) AS x FROM lines GROUP BY 1",
        "SELECT o, sum(e) AS x FROM lines GROUP BY o WITH ROLLUP",
        "SELECT o, sum(e) OVER (PARTITION BY m) AS x FROM lines",
        "SELECT sum(DISTINCT e) AS x FROM lines",
        "SELECT avg(n) AS x FROM lines",
        "SELECT n / p AS x FROM lines",
        "SELECT -n AS x FROM lines",
        "SELECT e % 3 AS x FROM lines",
        "SELECT count(*) AS x FROM lines WHERE m LIKE 'a_r'",
        "SELECT count(*) AS x FROM lines WHERE m = 1",
        "SELECT count(*) AS x FROM lines WHERE s > '1995-01-01'",
        "SELECT count(*) AS x FROM lines WHERE n = p = o",
        "SELECT count(*) AS x FROM lines WHERE n IN (p, o)",
        "SELECT count(*) AS x FROM lines JOIN orders USING (o)",
        "SELECT count(*) AS x FROM lines l FULL JOIN orders k ON l.o = k.o",
        "SELECT count(*) AS x FROM lines l, orders k WHERE o = 1",
        "SELECT o FROM lines UNION ALL SELECT o FROM orders",
        "SELECT substring(m, -2, 1) AS x FROM lines",
        "SELECT CAST(e AS double) AS x FROM lines",
        "SELECT 1e2 AS x, o FROM lines",
        "SELECT (SELECT o FROM orders k WHERE k.o = l.o) AS x FROM lines l",
        "SELECT (SELECT count(*) FROM orders k WHERE k.o = l.o) AS x FROM lines l",
        "SELECT o, n AS m, sum(e) AS n FROM lines GROUP BY o, n HAVING n > 3",
        "SELECT count(*) AS x FROM lines TABLESAMPLE (50 PERCENT)",
        "SELECT upper(m) AS x FROM lines",
        "SELECT x.a FROM wide x",
        "SELECT count(*) AS x FROM lines GROUP BY (1)",
        "SELECT o FROM lines ORDER BY o LIMIT 3000000000",
        "SELECT n IN (SELECT c FROM orders) AS x FROM lines",
        "SELECT o FROM lines WHERE NOT (p = 1 AND n NOT IN (SELECT c FROM orders))",
        "SELECT o FROM lines l WHERE EXISTS (SELECT l.n FROM orders k)",
        "SELECT o, (SELECT max(k.c) FROM orders k WHERE k.o = l.o) AS x FROM lines l GROUP BY o",
        "SELECT l.o FROM lines l JOIN orders m ON l.o = m.o AND l.n > (SELECT max(c) FROM orders k WHERE k.o = l.o)",
        "SELECT o FROM lines l WHERE o > (SELECT max(k.o) + l.n FROM orders k)",
        "SELECT o FROM lines l WHERE EXISTS (SELECT max(c) FROM orders k WHERE k.o = l.o)",
        "SELECT o FROM lines l WHERE EXISTS (SELECT 1 AS x FROM orders k WHERE k.o = l.o HAVING count(*) > 0)",
        "SELECT o FROM lines l WHERE l.o NOT IN (SELECT max(k.o) FROM orders k WHERE k.c = l.n)",
    ],
)
def test_what_is_left_to_the_engine(statement: str) -> None:
    from awsglue._runtime.flow.selects import Compiler
    from awsglue._runtime.flow.values import Unknown
    from awsglue._runtime.sql import sources

    money = "decimal(15,2)"
    lines = {"o": "bigint", "n": "int", "p": "int", "e": money, "m": "string", "s": "date"}
    tables = {
        ("lines",): list(lines.items()),
        ("orders",): [("o", "bigint"), ("c", "int")],
        ("wide",): [("a", "double"), ("b", "timestamp")],
    }
    with pytest.raises(Unknown):
        Compiler(tables).statement(sources.parse(statement)[0])


def test_numbers_that_leave_their_type_are_the_engine_s(spark: Any, tables: str, taken: list[str]) -> None:
    # 2**62 * 4 begins anew in Spark; DuckDB says that it cannot.
    assert spark.sql("SELECT sum(x * 4) AS s FROM wide").collect()[0].s == 20
    assert taken == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT count(*) AS x FROM most WHERE a + 1 > 5", 0),
        ("SELECT count(*) AS x FROM most WHERE a - 1 < 0", 0),
        ("SELECT sum(a + 1) AS x FROM most", -(2**32) + 3),
        ("SELECT sum(b + 1) AS x FROM most", -(2**63) + 7),
    ],
)
def test_what_would_not_overflow_in_another_order(
    spark: Any, tmp_path: Path, taken: list[str], statement: str, expected: Any
) -> None:
    """DuckDB makes a > 4 of a + 1 > 5, which does not begin anew."""
    import pyarrow as pa

    columns = {
        "a": pa.array([2**31 - 1, -(2**31), 1], pa.int32()),
        "b": pa.array([2**63 - 1, 5, 0], pa.int64()),
    }
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    spark.read.parquet(f"file://{tmp_path / 't.parquet'}").createOrReplaceTempView("most")
    assert spark.sql(statement).collect()[0].x == expected
    assert taken == []


def test_files_are_read_as_they_are_now(spark: Any, tmp_path: Path, taken: list[str]) -> None:
    import pyarrow as pa

    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": pa.array([1, 2], pa.int32())}), path)
    spark.read.parquet(f"file://{path}").createOrReplaceTempView("now")
    frame = spark.sql("SELECT sum(a) AS s FROM now")
    assert [row.s for row in frame.collect()] == [3]
    parquet.write_table(pa.table({"a": pa.array([1, 5], pa.int32())}), path)
    assert [row.s for row in frame.collect()] == [6]
    assert len(taken) == 2
    # Another type than that of the table.
    parquet.write_table(pa.table({"a": pa.array([1, 2], pa.int64())}), path)
    with pytest.raises(EngineRefused):
        frame.collect()
    assert len(taken) == 2


def test_columns_are_named_as_asked(spark: Any, tables: str, taken: list[str]) -> None:
    frame = spark.sql("SELECT max(e), count(*) FROM lines")
    assert frame.columns == ["max(e)", "count(1)"]
    assert list(frame.collect()[0].asDict()) == frame.columns
    assert list(frame.toDF("a", "b").collect()[0].asDict()) == ["a", "b"]
    assert frame.toArrow().column_names == frame.columns
    assert len(taken) == 3
    with pytest.raises(EngineRefused):
        frame.toDF("a").collect()


def test_little_is_left_to_the_engine(spark: Any, tables: str) -> None:
    plan = spark.sql("SELECT sum(e) AS s FROM lines")._plan.to_proto(spark.client)
    assert spark._mastic.answers.table(plan) is None


def test_a_function_of_the_script_takes_the_place_of_spark_s(
    spark: Any, tables: str, taken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from awsglue._runtime.flow.answers import Answers

    # Names that are given stay given: the session's own statements are not to know of it.
    monkeypatch.setitem(spark._mastic.__dict__, "answers", Answers(spark._mastic))
    statement = "SELECT substring(name, 1, 2) AS x FROM customers WHERE c = 7"
    assert [row.x for row in spark.sql(statement).collect()] == ["Ze"]
    assert len(taken) == 1
    spark._mastic.answers.replaced("SubString")
    assert [row.x for row in spark.sql(statement).collect()] == ["Ze"]
    assert len(taken) == 1
    heard: list[str] = []
    monkeypatch.setattr(spark._mastic.answers, "replaced", heard.append)
    spark.udf.register("my_own", lambda text: text, "string")
    assert heard == ["my_own"]


def test_rows_are_the_same_however_they_are_asked_for(spark: Any, tables: str, taken: list[str]) -> None:
    from pandas.testing import assert_frame_equal

    mine = RECORDED[::11]
    for statement, _, rows in mine:
        frame = spark.sql(statement)
        given = frame.collect()
        # What the engine makes of the same rows is what it would make of its own.
        plain = spark.createDataFrame(given, frame.schema)
        ordered = "ORDER BY" in statement
        assert frame.count() == len(rows), statement
        assert len(frame.take(2)) == min(2, len(rows)) == frame.limit(2).count(), statement
        assert sorted(frame.toLocalIterator(), key=repr) == sorted(given, key=repr), statement
        found, expected = frame.toPandas(), plain.toPandas()
        assert list(found.dtypes) == list(expected.dtypes), statement
        if ordered:
            assert_frame_equal(found, expected)
            assert frame._show_string(2, 4) == plain._show_string(2, 4), statement
            assert (frame.first() or None) == (given[0] if given else None)
        else:
            lines = [sorted(one._show_string(100, False).splitlines()) for one in (frame, plain)]
            assert lines[0] == lines[1], statement
    # collect, count, take, limit().count(), iterator, pandas, show (and first of ordered rows)
    assert len(taken) == sum(8 if "ORDER BY" in statement else 7 for statement, _, _ in mine)


def test_columns_of_one_name_are_shown(spark: Any, tables: str, taken: list[str]) -> None:
    text = spark.sql("SELECT o AS a, n AS a FROM lines")._show_string(1, False)
    assert text.splitlines()[1] == "|a  |a  |"
    assert len(taken) == 1


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_statements_are_written(
    spark: Any, tables: str, tmp_path: Path, taken: list[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from awsglue._runtime.flow import held

    text = "SELECT o, m AS m, e * 2 AS twice, s FROM lines WHERE n > 1"
    frame = spark.sql(text)
    expected = sorted(frame.collect(), key=repr)
    for number, size in enumerate((held.IN_MEMORY, 0)):
        monkeypatch.setattr(held, "IN_MEMORY", size)
        path = f"file://{tmp_path / str(number)}"
        (frame.repartition(2) if number else frame).write.format(kind).save(path)
        assert len(list((tmp_path / str(number)).glob("part-*"))) == 1 + number
        back = spark.read.schema(frame.schema).format(kind).load(path)
        if kind != "csv":
            # A text of no characters and no text are one to a CSV file.
            assert sorted(back.collect(), key=repr) == expected
        assert back.count() == len(expected)
    assert len(taken) == 3
    assert not list(Path(spark._mastic.scratch).glob("held-*"))


def test_rows_to_nowhere(spark: Any, tables: str, taken: list[str]) -> None:
    from pyspark.errors import AnalysisException

    frame = spark.sql("SELECT sum(e) AS x FROM lines")
    frame.write.format("noop").mode("overwrite").save()
    assert len(taken) == 1
    with pytest.raises(AnalysisException, match="noop cannot be written with ErrorIfExists mode"):
        frame.write.format("noop").save()


def test_a_statement_that_fails_late_is_written_by_the_engine(
    spark: Any, tables: str, tmp_path: Path, taken: list[str]
) -> None:
    path = f"file://{tmp_path / 'x'}"
    spark.sql("SELECT k, x * 4 AS y FROM wide").write.parquet(path)
    assert sorted(spark.read.parquet(path).collect())[2] == (3, 20)
    assert taken == []


PARTITIONED = [
    "SELECT y, m, count(*) AS n, sum(e) AS x FROM parted GROUP BY y, m ORDER BY y, m",
    "SELECT o, e, w FROM parted WHERE y = 1996 AND m > 2",
    "SELECT o, y FROM parted WHERE w = 'a b' OR w IS NULL",
    "SELECT max(y) AS x, min(w) AS w, count(w) AS n FROM parted",
    "SELECT count(*) AS x FROM parted",
    "SELECT sum(o) AS x FROM parted WHERE y + m = 1997",
    "SELECT p.o, k.note FROM parted p JOIN orders k ON p.o = k.o AND k.c = p.m ORDER BY note, o",
    "SELECT o FROM parted WHERE y IN (SELECT max(y) FROM parted)",
    "SELECT day, count(*) AS n FROM parted WHERE day > DATE '2024-01-05' GROUP BY day",
]


@pytest.mark.parametrize("plain", [True, False])
def test_partitions_are_columns(
    spark: Any, tables: str, tmp_path: Path, taken: list[str], plain: bool
) -> None:
    """Partitions that the names of folders tell, and others (escapes, none), as the engine has them in one file."""
    words = ["air", "1e5", "truck_x", "true"] if plain else ["a b", "é/%41", None, "NULL"]
    rows = [
        (o, Decimal(o * 7) / 4, 1990 + o % 9, 1 + o % 5, words[o % 4], date(2024, 1 + o % 2, 3))
        for o in range(40)
    ]
    path = f"file://{tmp_path / 'parted'}"
    made = spark.createDataFrame(rows, "o bigint, e decimal(15,2), y int, m int, w string, day date")
    made.write.partitionBy("y", *(["day", "w"] if plain else ["w"])).parquet(path)
    spark.read.parquet(path).createOrReplaceTempView("parted")
    made.createOrReplaceTempView("flat")
    try:
        for number, statement in enumerate(PARTITIONED, 1):
            found = answer(spark, statement)
            expected = answer(spark, statement.replace("parted", "flat"))
            assert len(taken) == number, statement
            assert found[0] == expected[0]
            ordered = "ORDER BY" in statement
            lists = [one[1] if ordered else sorted(one[1], key=repr) for one in (found, expected)]
            assert lists[0] == lists[1], statement
    finally:
        spark.catalog.dropTempView("parted")
        spark.catalog.dropTempView("flat")


def test_partitions_that_are_not_read_are_not_opened(
    spark: Any, tables: str, tmp_path: Path, taken: list[str]
) -> None:
    path = tmp_path / "parted"
    made = spark.createDataFrame([(n, n % 3) for n in range(9)], "a int, p int")
    made.write.partitionBy("p").parquet(f"file://{path}")
    spark.read.parquet(f"file://{path}").createOrReplaceTempView("parted")
    statement = "SELECT sum(a) AS s FROM parted WHERE p = 1"
    assert [row.s for row in spark.sql(statement).collect()] == [12]
    # The footer of another partition's file says what it said; its rows are gone.
    (file,) = (path / "p=2").glob("*.parquet")
    held = file.read_bytes()
    length = int.from_bytes(held[-8:-4], "little") + 8
    file.write_bytes(b"\0" * (len(held) - length) + held[-length:])
    assert [row.s for row in spark.sql(statement).collect()] == [12]
    spark.catalog.dropTempView("parted")
    assert len(taken) == 2


def test_who_has_answered_is_logged(
    spark: Any, tables: str, taken: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "awsglue")
    spark.sql("SELECT sum(n) AS x FROM lines").collect()
    spark.sql("SELECT sum(x * 4) AS s FROM wide").collect()
    answered, left = [message for message in caplog.messages if "statement" in message]
    assert answered.startswith("a statement answered whole by DuckDB: SELECT")
    assert left.startswith("a statement is left to the engine: ")
    spark._mastic.answers.tell()
    number = spark._mastic.answers.given
    assert number >= 1
    assert caplog.messages[-1] == f"statements answered whole by DuckDB: {number}"


def test_the_engines_share_the_memory_for_operators() -> None:
    from awsglue._runtime.sail.server import DUCKDB, ENGINE, OBJECTS, memory_limit

    # Half of the worker's is for rows in Python, and for what no pool counts.
    assert sum(memory_limit(16384, share) for share in (ENGINE, DUCKDB, OBJECTS)) == 8192 << 20
