"""DataFrameReader and DataFrameWriter on files, as Spark leaves and finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from awsglue._runtime.engine import installed

SAIL = installed() == "sail"
ROWS = [(1, "a", 1.5, None), (2, "b", 2.5, "x")]


@pytest.fixture
def df(spark: Any) -> Any:
    return spark.createDataFrame(ROWS, "id int, v string, d double, p string").coalesce(1)


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, frame.collect()), key=str)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if not path.name.endswith(".crc"))


@pytest.mark.parametrize("kind", ["parquet", "orc", "json"])
def test_round_trip(kind: str, df: Any, spark: Any, tmp_path: Path) -> None:
    target = f"file://{tmp_path}/out"
    df.write.format(kind).save(target)
    back = spark.read.format(kind).load(target)
    assert rows(back.select("id", "v", "d", "p")) == rows(df)
    assert "_SUCCESS" in names(tmp_path / "out")
    with pytest.raises(Exception, match="PATH_ALREADY_EXISTS"):
        df.write.format(kind).save(target)
    df.write.format(kind).mode("ignore").save(target)
    df.write.format(kind).mode("append").save(target)
    assert spark.read.format(kind).load(target).count() == 4
    df.write.format(kind).mode("overwrite").save(target)
    assert spark.read.format(kind).load(target).count() == 2


def test_missing_path(spark: Any, tmp_path: Path) -> None:
    for kind in ("csv", "json", "parquet", "text"):
        with pytest.raises(Exception, match="PATH_NOT_FOUND"):
            spark.read.format(kind).load(f"file://{tmp_path}/nothing")


def test_partitions_null_and_dynamic_overwrite(df: Any, spark: Any, tmp_path: Path) -> None:
    from pyspark.sql import functions as fn

    target = f"file://{tmp_path}/pp"
    df.write.partitionBy("p").parquet(target)
    folders = sorted(path.name for path in (tmp_path / "pp").iterdir() if path.is_dir())
    assert folders == ["p=__HIVE_DEFAULT_PARTITION__", "p=x"]
    assert rows(spark.read.parquet(target)) == rows(df)
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    try:
        df.filter("p = 'x'").withColumn("id", fn.lit(77)).write.partitionBy("p").mode("overwrite").parquet(
            target
        )
    finally:
        spark.conf.unset("spark.sql.sources.partitionOverwriteMode")
    assert rows(spark.read.parquet(target).select("id")) == [(1,), (77,)]
    df.filter("p = 'x'").write.partitionBy("p").mode("overwrite").parquet(target)
    assert rows(spark.read.parquet(target).select("id")) == [(2,)]


def test_partition_types_are_inferred(spark: Any, tmp_path: Path) -> None:
    for number, day in ((1, "2020-01-01"), (20, "2020-02-01")):
        folder = tmp_path / "t" / f"n={number}" / f"day={day}" / "s=a%20b"
        folder.mkdir(parents=True)
        (folder / "f.csv").write_text("x\n")
    frame = spark.read.csv(f"file://{tmp_path}/t")
    assert frame.dtypes == [("_c0", "string"), ("n", "int"), ("day", "date"), ("s", "string")]
    assert [row.s for row in frame.collect()] == ["a b", "a b"]


def test_csv_text(df: Any, tmp_path: Path) -> None:
    df.write.option("header", "true").csv(f"file://{tmp_path}/c")
    part = next(
        path for path in (tmp_path / "c").iterdir() if path.name.startswith("part-") and path.suffix == ".csv"
    )
    assert part.read_text() == "id,v,d,p\n1,a,1.5,\n2,b,2.5,x\n"


def test_csv_with_every_field_quoted(spark: Any, tmp_path: Path) -> None:
    out = tmp_path / "o"
    df = spark.createDataFrame([(1, None, None), (2, "x", 1.5)], "i int, s string, d double").coalesce(1)
    df.write.option("quoteAll", "true").csv(f"file://{out}")
    assert sorted(next(out.glob("part-*")).read_text().split()) == ['"1","",""', '"2","x","1.5"']
    df.write.mode("overwrite").option("quoteAll", "true").option("nullValue", "NA").csv(f"file://{out}")
    assert sorted(next(out.glob("part-*")).read_text().split()) == ['"1","NA","NA"', '"2","x","1.5"']
    options = {"quoteAll": "true", "nullValue": 'n"', "emptyValue": "E"}
    df.selectExpr("s", "'' as e").write.mode("overwrite").options(**options).csv(f"file://{out}")
    assert sorted(next(out.glob("part-*")).read_text().split()) == ['"n\\"","E"', '"x","E"']


def test_csv_writing_rules(spark: Any, tmp_path: Path) -> None:
    given = [
        ("a,b", 1e10, True),
        ('say "hi"', 1.0, False),
        ("", -0.5, None),
        (None, 1e-5, True),
        (" pad ", 100.0, True),
        ("line\nend", 0.001, True),
        ("back\\slash", 12345678.9, False),
    ]
    spark.createDataFrame(given, "s string, d double, b boolean").coalesce(1).write.csv(
        f"file://{tmp_path}/c"
    )
    part = next(
        path for path in (tmp_path / "c").iterdir() if path.name.startswith("part-") and path.suffix == ".csv"
    )
    assert part.read_text() == (
        '"a,b",1.0E10,true\n"say \\"hi\\"",1.0,false\n"",-0.5,\n,1.0E-5,true\npad,100.0,true\n"line\nend",0.001,true\n'
        "back\\slash,1.23456789E7,false\n"
    )


def test_json_writing_rules(spark: Any, tmp_path: Path) -> None:
    spark.sql(
        "SELECT 1 a, cast(null as string) b, named_struct('x', 1.5D, 'y', array('q', null)) s, "
        "timestamp'2020-01-01 10:00:00' t, date'2020-01-02' d, map('k', 1) m"
    ).write.json(f"file://{tmp_path}/j")
    part = next(
        path
        for path in (tmp_path / "j").iterdir()
        if path.name.startswith("part-") and path.suffix == ".json"
    )
    assert part.read_text() == (
        '{"a":1,"s":{"x":1.5,"y":["q",null]},"t":"2020-01-01T10:00:00.000Z","d":"2020-01-02","m":{"k":1}}\n'
    )


def test_file_counts(spark: Any, tmp_path: Path) -> None:
    spark.range(100).repartition(3).write.parquet(f"file://{tmp_path}/three")
    assert len([name for name in names(tmp_path / "three") if name.startswith("part-")]) == 3
    spark.range(10).coalesce(1).write.option("maxRecordsPerFile", 4).parquet(f"file://{tmp_path}/most")
    assert len([name for name in names(tmp_path / "most") if name.startswith("part-")]) == 3
    spark.range(10).coalesce(1).write.option("compression", "gzip").csv(f"file://{tmp_path}/gz")
    assert [name for name in names(tmp_path / "gz") if name.endswith(".csv.gz")]


def test_empty_frame_keeps_its_schema(df: Any, spark: Any, tmp_path: Path) -> None:
    df.filter("id > 9").write.parquet(f"file://{tmp_path}/e")
    assert spark.read.parquet(f"file://{tmp_path}/e").dtypes == df.dtypes


def test_globs_hidden_files_and_plain_subfolders(spark: Any, tmp_path: Path) -> None:
    for name, text in (
        ("a1.csv", "1\n"),
        ("a2.csv", "2\n"),
        ("b.csv", "3\n"),
        ("_hidden.csv", "4\n"),
        (".dot.csv", "5\n"),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.csv").write_text("6\n")
    assert rows(spark.read.csv(f"file://{tmp_path}/a*.csv")) == [("1",), ("2",)]
    assert rows(spark.read.csv(f"file://{tmp_path}/{{a1,b}}.csv")) == [("1",), ("3",)]
    assert rows(spark.read.csv(f"file://{tmp_path}")) == [("1",), ("2",), ("3",)]
    assert rows(spark.read.option("recursiveFileLookup", "true").csv(f"file://{tmp_path}")) == [
        ("1",),
        ("2",),
        ("3",),
        ("6",),
    ]
    assert rows(spark.read.option("pathGlobFilter", "b*").csv(f"file://{tmp_path}")) == [("3",)]


def test_where_rows_come_from(spark: Any, tmp_path: Path) -> None:
    from pyspark.sql import functions as fn

    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n2\n")
    read = spark.read.option("header", "true").csv(f"file://{tmp_path}")
    named = read.withColumn("f", fn.input_file_name()).filter("x > 0").select("x", "f")
    found = {row.x: row.f for row in named.collect()}
    assert {key: value.rsplit("/", 1)[-1] for key, value in found.items()} == {"1": "a.csv", "2": "b.csv"}
    assert found["1"].startswith("file:///")
    assert named.columns == ["x", "f"]
    meta = (
        read.select("x", "_metadata.file_name", fn.col("_metadata.file_size").alias("n"))
        .orderBy("x")
        .collect()
    )
    assert [tuple(row) for row in meta] == [("1", "a.csv", 4), ("2", "b.csv", 4)]


def test_own_target_is_not_overwritten(df: Any, spark: Any, tmp_path: Path) -> None:
    target = f"file://{tmp_path}/same"
    df.write.parquet(target)
    with pytest.raises(Exception, match=r"UNSUPPORTED_OVERWRITE|Cannot overwrite|File|file"):
        spark.read.parquet(target).write.mode("overwrite").parquet(target)


@pytest.mark.skipif(not SAIL, reason="Spark does this itself")
def test_parquet_written_as_spark_writes_it(df: Any, spark: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    spark.sql("SELECT timestamp'2020-01-01 10:00:00' t, 1 i").write.parquet(f"file://{tmp_path}/o")
    part = next(path for path in (tmp_path / "o").iterdir() if path.name.startswith("part-"))
    assert part.name.endswith("-c000.snappy.parquet")
    footer = pq.ParquetFile(part)
    assert footer.metadata.row_group(0).column(0).physical_type == "INT96"
    assert footer.metadata.row_group(0).column(0).compression == "SNAPPY"
    assert b"org.apache.spark.sql.parquet.row.metadata" in footer.metadata.metadata
    assert spark.read.parquet(f"file://{tmp_path}/o").dtypes == [("t", "timestamp"), ("i", "int")]
    assert str(spark.read.parquet(f"file://{tmp_path}/o").collect()[0].t) == "2020-01-01 10:00:00"


def test_text_and_rdds(spark: Any, tmp_path: Path) -> None:
    spark.createDataFrame([("a",), ("b c",)], "value string").coalesce(1).write.text(f"file://{tmp_path}/t")
    assert rows(spark.read.text(f"file://{tmp_path}/t")) == [("a",), ("b c",)]
    assert spark.sparkContext.parallelize([1, 2, 3]).map(lambda n: n * 2).filter(
        lambda n: n > 2
    ).collect() == [4, 6]
    assert spark.createDataFrame([(1,)], "id int").rdd.map(lambda row: row.id + 1).collect() == [2]


def test_functions_accumulators_and_broadcasts(df: Any, spark: Any) -> None:
    from pyspark.sql import functions as fn

    seen = spark.sparkContext.accumulator(0)
    shared = spark.sparkContext.broadcast({"a": 10, "b": 20})

    def look(value: str) -> int:
        seen.add(1)
        return shared.value[value]

    assert sorted(row[0] for row in df.select(fn.udf(look, "int")("v")).collect()) == [10, 20]
    assert seen.value == 2


@pytest.mark.parametrize("form", ["parquet", "orc", "json"])
def test_files_that_may_hold_little_back(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    if installed() == "sail":
        from awsglue._runtime.io import saving

        monkeypatch.setattr(saving, "HELD", 1)
        monkeypatch.setattr(saving, "GATHERED", 1)
    rows = [(place, f"t{place % 5}", place % 3) for place in range(3000)]
    frame = spark.createDataFrame(rows, "a int, b string, p int")
    frame.union(frame).write.format(form).partitionBy("p").save(str(tmp_path / "o"))
    found = spark.read.format(form).load(str(tmp_path / "o")).select("a", "b", "p")
    assert sorted(map(tuple, found.collect())) == sorted(rows * 2)


def test_texts_of_json_may_have_line_ends_within(spark: Any) -> None:
    texts = spark.sparkContext.parallelize(['{"a": 1,\r\n "b": 2}', '{"a": 3,\r"b": 4}', '{"a": 5,\n"b": 6}'])
    assert sorted(tuple(row) for row in spark.read.json(texts).collect()) == [(1, 2), (3, 4), (5, 6)]
