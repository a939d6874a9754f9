"""Names that no column has are told when a script writes them: scripts ask so whether a column is there."""

from __future__ import annotations

from typing import Any

import pytest


def has(df: Any, name: str) -> bool:
    from pyspark.sql.utils import AnalysisException

    try:
        df[name]
    except AnalysisException:
        return False
    return True


@pytest.fixture
def df(spark: Any) -> Any:
    return spark.createDataFrame([(1, (2, "x"))], "a int, s struct<b:int,c:string>")


def test_whether_there_is_a_column(df: Any) -> None:
    from pyspark.sql import functions as fn

    later = df.withColumn("z", fn.col("a") + 1).filter("a > 0").limit(5)
    assert [has(later, name) for name in ("a", "A", "z", "s.b", "`a`", "nope", "s.nope")] == [
        *[True] * 5,
        False,
        False,
    ]
    assert [has(later.drop("z"), name) for name in ("a", "z")] == [True, False]
    assert [has(later.select("z", fn.col("s.b")), name) for name in ("z", "b", "a")] == [True, True, False]
    assert [has(df.alias("t").join(df.alias("u"), "a"), name) for name in ("t.s", "a", "q")] == [
        True,
        True,
        False,
    ]
    assert [hasattr(df, name) for name in ("a", "nope", "to_pandas_or_so")] == [True, False, False]
    with pytest.raises(AttributeError, match="nope"):
        _ = df.nope


def test_selected_names(df: Any) -> None:
    from pyspark.sql import functions as fn
    from pyspark.sql.utils import AnalysisException

    for ask in (
        lambda: df.select("nope"),
        lambda: df.select(["a", "nope"]),
        lambda: df.select(fn.col("nope").alias("x")),
        lambda: df.select(fn.col("nope").cast("int")),
        lambda: df.withColumn("x", fn.col("nope")),
    ):
        with pytest.raises(AnalysisException, match="nope"):
            ask()
    assert df.select("*", fn.lit(1).alias("one"), df["s"]["b"], df.s.c).columns == [
        "a",
        "s",
        "one",
        "s.b",
        "s.c",
    ]
    assert df.select("s.*", "A").columns == ["b", "c", "A"]


def test_a_path_among_a_table_s_options(spark: Any, catalog: Any, tmp_path: Any) -> None:
    from pyspark.sql.utils import ParseException

    database, place = catalog[1], f"file://{tmp_path}/there"
    spark.sql(f"CREATE TABLE {database}.t USING parquet OPTIONS (Path '{place}') AS SELECT 1 AS id")
    assert spark.read.parquet(place).collect() == [(1,)]
    table = catalog[0].get_table(DatabaseName=database, Name="t")["Table"]
    assert table["StorageDescriptor"]["Location"].endswith(f"{tmp_path}/there")
    with pytest.raises(ParseException, match="Duplicated table paths"):
        spark.sql(f"CREATE TABLE {database}.u (i int) USING csv OPTIONS (path 'a') LOCATION 'b'")


def test_a_job_that_was_not_begun_commits_nothing(glue: Any, capsys: Any, monkeypatch: Any) -> None:
    from awsglue.job import Job

    monkeypatch.setattr(Job, "_bookmarks", None)
    Job(glue).commit()
    assert "before Job.init" in capsys.readouterr().err


def test_long_chains(spark: Any) -> None:
    """A loop over columns makes a plan of many steps: the answer, or a refusal that `auto` hands to Spark."""
    from awsglue._runtime.engine import SAIL, name
    from awsglue._runtime.failures import EngineRefused

    def chain(steps: int) -> Any:
        made = spark.createDataFrame([(1, "a")], "id int, t string")
        for number in range(steps):
            step = made["id"] + number
            made = made.withColumn("made", step) if number % 2 else made.filter(step > 0)
        return made

    assert chain(30).collect()[0]["made"] == 30
    for steps in (300, 1500) if name() == SAIL else ():
        with pytest.raises(EngineRefused, match="so many steps"):
            chain(steps).collect()
        with pytest.raises(EngineRefused, match="so many steps"):
            _ = chain(steps).schema


def test_expressions_deep_within_one_another(spark: Any) -> None:
    """The embedded engine would end the whole process: the answer, or a refusal that `auto` hands to Spark."""
    from functools import reduce

    from pyspark.sql import functions as fn

    from awsglue._runtime.engine import SAIL, name
    from awsglue._runtime.failures import EngineRefused

    spark.range(1000).createOrReplaceTempView("deep_rows")

    def columns(many: int) -> Any:
        return spark.table("deep_rows").filter(
            reduce(lambda one, other: one | other, [fn.col("id") == number for number in range(many)])
        )

    def text(many: int) -> Any:
        return spark.table("deep_rows").filter(" or ".join(f"id = {number}" for number in range(many)))

    def statement(many: int) -> Any:
        return spark.sql("select * from deep_rows where " + " or ".join(["id < 7"] * many))

    def brackets(many: int) -> Any:
        return spark.sql(f"select {'(' * many}id{')' * many} from deep_rows limit 7")

    assert [made(7).count() for made in (columns, text, statement, brackets)] == [7] * 4
    for made in (columns, text, statement, brackets) if name() == SAIL else ():
        for many in (300, 1500):
            with pytest.raises(EngineRefused, match=r"so many (steps|expressions)"):
                made(many).count()
    spark.catalog.dropTempView("deep_rows")
