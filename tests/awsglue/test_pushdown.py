"""What databases are asked for: only the columns and rows an action may mean, and never other rows than Spark's."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from conftest import ENGINE
from test_databases import mariadb, postgres, read, store  # noqa: F401 - fixtures

from awsglue._sources.pushdown import (
    Among,
    Begins,
    Compared,
    Every,
    Moment,
    Nothing,
    Rendering,
    Some,
    both,
    either,
)

embedded = pytest.mark.skipif(
    ENGINE != "sail", reason="Apache Spark gets the rows before it is asked anything"
)

COLUMNS = {
    "postgresql": "i int, b bigint, n numeric(9,2), w numeric, f double precision, r real, o boolean, t text, "
    "c char(6), d date, m timestamp, z timestamptz",
    "mysql": "i int, b bigint unsigned, n decimal(9,2), w decimal(38,10), f double, r float, o tinyint(1), t text, "
    "c char(6), d date, m datetime(6), z timestamp(6)",
}
MOMENT = "2024-03-31 02:30:00.000001"
ROWS = [
    (1, 5, "1.50", "1.5", 0.1, 0.1, True, "abc", "abc", "2024-01-01", "2024-01-01 00:00:00", "2024-01-01 00:00:00"),
    (2, 9007199254740993, "2.25", "2.25", 1e300, 1.5, False, "ABC", "ABC", "2024-02-29", MOMENT, MOMENT),
    (3, 0, "-1.50", "-7", -0.0, -0.0, True, "abc  ", "a", "1999-12-31", "1999-12-31 23:59:59", "1999-12-31 23:59:59"),
    (-4, 7, "0.00", "0", 2.5, 2.5, False, "ab_c%d", "ab", "2024-01-02", "2024-01-01 12:00:00", "2024-01-01 12:00:00"),
    (5, 8, "9.99", "9", 3.0, 3.0, True, "é", "é", "2024-12-31", "2024-12-31 00:00:00", "2024-12-31 00:00:00"),
    (6, None, None, None, None, None, None, None, None, None, None, None),
    (None, 1, "1.00", "1", 1.0, 1.0, True, "", "", "2024-01-01", "2024-01-01 00:00:00", "2024-01-01 00:00:00"),
]  # fmt: skip
CONDITIONS = [
    "i > 1", "i >= 2.5", "2 < i", "i <> 1", "not i = 1", "i in (1, 3, null)", "i not in (1, 3)", "i between 2 and 5",
    "not (i > 1 and i < 5)", "i is null", "i is not null", "i < 2 or t = 'abc'", "i < 2 or length(t) = 1",
    "i > 1 and length(t) = 3", "not (i is null or b = 5)", "i > 1.5D", "i = '2'", "i <=> 1", "not (i <=> 1)",
    "b = 9007199254740993", "b > 9007199254740992D", "b >= 7", "n = 1.5", "n > -1.50", "n in (2.25, 9.99)",
    "n < 2.5D", "w > 1.5", "w is null", "f = 0.1D", "f >= 0", "f < 3", "f > 1e299", "r = 0.1", "r > 0",
    "t = 'abc'", "t <> 'abc'", "t in ('ABC', 'é')", "t like 'ab%'", "t like 'ab\\_c%'", "t like '%c'", "t > 'ab'",
    "t = ''", "t is not null and t like 'A%'", "startswith(t, 'abc ')", "c = 'abc'", "c like 'a%'", "c = 'a   '",
    "d = '2024-01-01'", "d >= date'2024-02-01'", "d between '2024-01-01' and '2024-02-29'", "d <> '2024-01-01'",
    "m = '2024-01-01 00:00:00'", "m > '2024-01-01'", f"m = timestamp'{MOMENT}'", "z >= '2024-03-31'",
    f"z <= '{MOMENT}'", "m is null", "d is null", "o", "not o", "o = false", "o is null or i = 1", "1 = 1", "false",
    "t = timestamp'2024-01-01'", "d = timestamp'2024-01-01'", "m < timestamp'2024-01-01'", "i > cast(2 as bigint)",
    "coalesce(i > 2, false)", "coalesce(t = 'abc', true)", "i + 1 > 3", "abs(i) = 4 and d > '2023-01-01'",
]  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """The queries that were sent, and how many rows they gave."""
    from awsglue._sources.databases import MySql, PostgreSql

    sent = []

    def watched(native):
        def rows(self, connection, query, parameters):
            sent.append([query, parameters, 0])
            for row in native(self, connection, query, parameters):
                sent[-1][2] += 1
                yield row

        return rows

    for kind in (PostgreSql, MySql):
        monkeypatch.setattr(kind, "rows", watched(kind.rows))
    return sent


@pytest.fixture
def table(store):  # noqa: F811
    """A table of hard rows."""
    store.run(f"create table {store.table} ({COLUMNS[store.kind]})")
    marks = ", ".join(["%s"] * len(ROWS[0]))
    for row in ROWS:
        store.run(f"insert into {store.table} values ({marks})", *row)
    return store


def plain(df):
    """Rows in an order of their own; floating numbers and all else as they are written."""
    return sorted(repr(tuple(row)) for row in df.collect())


def judged(df, conditions):
    """The rows that each condition means, of one look at them all."""
    from pyspark.sql import Row
    from pyspark.sql import functions as f

    asked = [
        (f.expr(one) if isinstance(one, str) else one).alias(f"_{at}") for at, one in enumerate(conditions)
    ]
    rows = df.select("*", *asked).collect()
    names = df.columns
    return {
        str(one): [Row(**{name: row[name] for name in names}) for row in rows if row[f"_{at}"]]
        for at, one in enumerate(conditions)
    }


def by_spark(spark, table):
    return spark.read.format("jdbc").options(**table.options()).load()


@embedded
def test_conditions_give_the_rows_that_they_mean(spark, table):
    df = by_spark(spark, table)
    # The same rows, from where nobody can be asked for fewer.
    local = spark.createDataFrame(df.collect(), df.schema)
    df.createOrReplaceTempView("pushed_table")
    meant = judged(local, CONDITIONS)
    for condition in CONDITIONS:
        expected = sorted(repr(tuple(row)) for row in meant[condition])
        assert plain(df.where(condition)) == expected, condition
    # A statement's condition is understood by what understands a filter's text.
    for condition in CONDITIONS[::4]:
        some = sorted(repr((row["t"], row["i"])) for row in meant[condition])
        assert plain(spark.sql(f"select t, i from pushed_table p where {condition}")) == some, condition
    for condition in CONDITIONS[:2]:
        expected = sorted(repr(tuple(row)) for row in meant[condition])
        assert plain(df.sort("i").select("*").where(condition)) == expected, condition
        assert plain(spark.sql(f"select * from pushed_table where {condition}")) == expected, condition
    assert df.where("i > 1").count() == 4


def test_columns_of_python_are_pushed_as_well(spark, table):
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    df = by_spark(spark, table)
    local = spark.createDataFrame(df.collect(), df.schema)
    moment = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    conditions = [
        (f.col("i") > 1) & (f.col("t") != "x"),
        f.col("n") >= Decimal("1.50"),
        f.col("i").isin(1, 3) | f.col("i").isNull(),
        ~f.col("i").isin(1, 3),
        f.col("d") == dt.date(2024, 1, 1),
        f.col("m") >= moment,
        f.col("z") < moment,
        f.col("t").startswith("ab"),
        f.col("o"),
        f.lit(2) < f.col("i"),
    ]
    meant = judged(local, conditions)
    assert len(meant) == len(conditions)
    for condition in conditions:
        expected = sorted(repr(tuple(row)) for row in meant[str(condition)])
        assert plain(df.where(condition)) == expected, condition
    ids = f.monotonically_increasing_id()
    assert df.select("i", ids.alias("k")).where("i > 1").count() == 4
    place = f.row_number().over(Window.orderBy("b"))
    fifth = [frame.withColumn("k", place).where("i = 5").select("k") for frame in (df, local)]
    assert plain(fifth[0]) == plain(fifth[1])


@embedded
def test_only_what_an_action_means_travels(spark, glue, table, asked):
    df = by_spark(spark, table)
    assert asked == []
    assert df.select("i", "t").where("i > 2 and length(t) > 0").count() == 2
    (query, parameters, rows), *more = asked
    assert (more, parameters, rows) == ([], (2,), 3)
    quoted = '"i", "t"' if table.kind == "postgresql" else "`i`, `t`"
    assert query.startswith(f"select {quoted} from ")
    # Asked again, it is all there.
    df.select("t", "i").where("i > 2 and length(t) > 0").select("t").collect()
    assert len(asked) == 1
    del asked[:]
    frame = read(glue, table).filter(lambda row: row["t"] == "abc")
    assert [row["i"] for row in frame.toDF().collect()] == [1]
    # MySQL holds more texts the same; they are left out here.
    assert [one[1:] for one in asked] == [[("abc",), 1 if table.kind == "postgresql" else 3]]
    del asked[:]
    df.createOrReplaceTempView("pushed_view")
    found = spark.sql(
        "select v.i, count(*) n from pushed_view v where v.d = '2024-01-01' group by v.i"
    ).collect()
    assert len(found) == 2
    assert asked[0][1:] == [(dt.date(2024, 1, 1),), 2]
    assert "f" not in asked[0][0].split(" from ")[0]


@embedded
def test_queries_slices_and_bookmarks_stay_what_they_are(spark, glue, table, asked):
    sample = f"select * from {table.table} where t like 'a%'"
    df = read(glue, table, sampleQuery=sample).toDF().where("i >= 1")
    assert sorted(row["i"] for row in df.collect()) == ([1, 3] if table.kind == "postgresql" else [1, 2, 3])
    assert "like 'a%%'" in asked[-1][0]
    del asked[:]
    sliced = read(glue, table, hashexpression="i", hashpartitions="3").toDF()
    assert sorted(row["i"] for row in sliced.where("i > 1").select("i").collect()) == [2, 3, 5, 6]
    assert (len(asked), sum(one[2] for one in asked)) == (3, 4)
    halves = {"column": "i", "lowerBound": 0, "upperBound": 4, "numPartitions": 2}
    user = {"user": table.user, "password": ""}
    assert spark.read.jdbc(table.url, table.table, properties=user, **halves).where("i < 5").count() == 4


@embedded
def test_persisted_frames_are_read_once(spark, table, asked):
    df = by_spark(spark, table).persist()
    counts = (df.where("i > 1").count(), df.select("t").where("i < 3").count(), df.count())
    assert (counts, len(asked)) == ((4, 3, 7), 1)


def test_a_table_may_be_written_from_itself(spark, glue, table):
    df = by_spark(spark, table).select("i", "t").where("i > 1")
    df.write.format("jdbc").options(**table.options()).mode("overwrite").save()
    assert sorted(row[0] for row in table.run(f"select i from {table.table}")) == [2, 3, 5, 6]
    emptied = table.options(preactions=f"delete from {table.table}")
    glue.write_dynamic_frame.from_options(
        read(glue, table).filter(lambda row: row["i"] > 2), table.kind, emptied
    )
    assert sorted(row[0] for row in table.run(f"select i from {table.table}")) == [3, 5, 6]


@embedded
def test_what_a_database_refuses_is_read_whole(spark, table, asked, monkeypatch, capfd):
    from awsglue._sources import tablereads

    monkeypatch.setattr(tablereads, "_condition", lambda own, sample, asked: ("nonsense(1) = %s", (1,)))
    df = by_spark(spark, table)
    assert sorted(row["i"] for row in df.where("i > 1").select("i").collect()) == [2, 3, 5, 6]
    assert "read whole" in capfd.readouterr().err
    assert asked[-1][2] == len(ROWS)


@embedded
def test_what_is_equal_to_python_is_not_the_same_question(spark, table):
    from pyspark.sql import functions as f

    # As doubles more numbers are the same: 9007199254740993 is beside 9007199254740992.
    numbers = by_spark(spark, table).select("b")
    local = spark.createDataFrame(numbers.collect(), numbers.schema)
    assert local.where(f.col("b") == 9007199254740992.0).count() == 1
    df = by_spark(spark, table)
    assert df.where(f.col("b") == 9007199254740992).count() == 0
    assert df.where(f.col("b") == 9007199254740992.0).count() == 1


KINDS = {"i": "int", "b": "long", "f": "double", "t": "text", "d": "date", "m": "timestamp", "x": ""}


@pytest.mark.parametrize(
    ("condition", "sql", "values"),
    [
        (Compared("i", ">", 1), "[i] > %s", [1]),
        (Compared("i", ">", True), None, []),
        (Compared("b", "=", 1.5), None, []),
        (Compared("t", "=", "a\\"), None, []),
        (Compared("t", "=", "é"), None, []),
        (Compared("t", "<>", "a"), None, []),
        (Compared("x", "=", 1), None, []),
        (Compared("f", ">", float("nan")), None, []),
        (Among("t", ("a", 1)), None, []),
        (Begins("t", "a%"), None, []),
        (Begins("i", "a"), None, []),
        (Nothing("x", True), None, []),
        (Nothing("d", True), None, []),
        (Nothing("x", False), "[x] is not null", []),
        (both(Compared("x", "=", 1), Compared("i", "=", 2)), "[i] = %s", [2]),
        (either(Compared("i", "=", 1), Compared("x", "=", 2)), None, []),
        (either(Compared("i", "=", 1), Nothing("i", True)), "(([i] = %s) or ([i] is null))", [1]),
        (Compared("m", "=", "2024-13-01 00:00:00"), None, []),
        (Compared("m", "=", "2024-01-01 00:00:00"), None, []),
        (Compared("m", "=", dt.datetime(2024, 1, 1)), None, []),
        (Compared("t", "=", Moment("2024-01-01")), None, []),
    ],
)
def test_what_may_be_said_to_a_database(condition, sql, values):
    rendering = Rendering(lambda name: f"[{name}]", KINDS, utc=False)
    assert (rendering.sql(condition), rendering.values) == (sql, values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not (i > 1 and t = 'x')", Some((Compared("i", "<=", 1), Compared("t", "<>", "x")))),
        ("i > 1 and (i < 5 and length(t) = 1)", Every((Compared("i", ">", 1), Compared("i", "<", 5)))),
        ("i not in (1, 2)", Every((Compared("i", "<>", 1), Compared("i", "<>", 2)))),
        ("m = timestamp'2024-01-01'", Compared("m", "=", Moment("2024-01-01"))),
        ("i > int(30)", Compared("i", ">", 30)),
        ("i > int(3000000000)", None),
        (" or ".join(f"i = {n}" for n in range(3000)), Some(tuple(Compared("i", "=", n) for n in range(3000)))),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
@embedded
def test_what_a_condition_says(text, said):
    from awsglue._runtime.sail import conditions

    assert conditions.of_text(text) == said


@embedded
def test_statements_whose_names_are_not_the_tables_own():
    from awsglue._runtime.sail import conditions

    names, where = conditions.of_statement("select i from v as x where x.i > 1")
    assert ("i" in names, where("V"), where("w")) == (True, Compared("i", ">", 1), None)
    for text in (
        "select b from v lateral view explode(array(1, 2)) e as i where i = 2",
        "select b from v, lateral explode(array(1, 2)) as e(i) where i = 2",
    ):
        assert conditions.of_statement(text)[1]("v") is None, text
    for text in (
        "select b from v as x(b, i) where b = 1",
        "merge into w using v on w.i = v.i when matched and w.b in (select 1) then update set *",
    ):
        names, where = conditions.of_statement(text)
        assert (names, where("v")) == (None, None), text


def test_columns_of_other_frames_and_rows_by_their_place(spark, table):
    from pyspark.sql import functions as f

    df = by_spark(spark, table)
    # A column of a DataFrame is that DataFrame's, whatever has its name since.
    assert df.select(f.col("i"), f.col("n").alias("b")).where(df["b"] > 6).count() == 3
    numbered = df.withColumn("place", f.monotonically_increasing_id())
    halves = numbered.select("place", "i").join(numbered.select("place", "t").where("t = 'abc'"), "place")
    assert [row["i"] for row in halves.collect()] == [1]
    parts = df.randomSplit([0.5, 0.5], seed=7)
    assert parts[0].select("i").count() + parts[1].select("i", "t").count() == len(ROWS)
