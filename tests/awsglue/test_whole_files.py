"""Files that are not what they seem, under statements that DuckDB answers whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark")

from pyarrow import parquet
from test_whole_objects import bucket, put  # noqa: F401 - a fixture
from test_whole_statements import taken  # noqa: F401 - a fixture

from awsglue._runtime.engine import installed
from awsglue._runtime.io.parquet_reader import orders_texts

pytestmark = pytest.mark.skipif(installed() != "sail", reason="on Spark the answer is Spark's")


@pytest.mark.parametrize(
    ("writer", "believed"),
    [
        ("parquet-mr version 1.13.1 (build db4183109d5b734ec5930d870cdae161e408ddba)", True),
        ("parquet-mr version 1.10.1 (build a89df8f9932b6ef6633d06069e50c9b7970bebd1)", True),
        ("parquet-mr version 1.8.1 (build 4aba4dae7bb0d4edbcf7923ae1339f28fd3f7fcf)", False),
        ("parquet-mr", False),
        ("parquet-cpp-arrow version 21.0.0", True),
        ("parquet-cpp version 1.2.0", False),
        ("parquet-cpp version 1.5.1-SNAPSHOT", True),
        ("DuckDB version v1.5.0 (build 1)", True),
        ("", False),
    ],
)
def test_writers_whose_notes_are_believed(writer: str, believed: bool) -> None:
    assert orders_texts(writer) is believed


@pytest.mark.parametrize("given", [None, "m string"])
def test_no_rows_are_lost_to_wrong_notes(
    spark: Any,
    tmp_path: Path,
    taken: list[str],  # noqa: F811
    given: str | None,
) -> None:
    """Old writers take "é" for less than "a": whoever believes that skips rows that are meant."""
    import pyarrow as pa

    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"m": ["air", "éz", "zoo"]}), path, write_page_index=False)
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    writer = parquet.read_metadata(path).created_by.encode()
    old = b"parquet-mr version 1.8.1".ljust(len(writer))
    # The greatest is "éz" now, as the least would be "air".
    footer = data[start:].replace("éz".encode(), b"zoo").replace(b"air", "éz".encode()).replace(writer, old)
    path.write_bytes(data[:start] + footer)
    reader = spark.read if given is None else spark.read.schema(given)
    reader.parquet(f"file://{path}").createOrReplaceTempView("noted")
    try:
        found = [row.m for row in spark.sql("SELECT m FROM noted WHERE m < 'b'").collect()]
        assert found == ["air"]
        assert spark.table("noted").where("m > 'zoz'").count() == 1
    finally:
        spark.catalog.dropTempView("noted")
    assert taken == []


@pytest.mark.parametrize("believed", ["first", "second"])
def test_each_file_is_looked_at(
    spark: Any,
    tmp_path: Path,
    taken: list[str],  # noqa: F811
    believed: str,
) -> None:
    import pyarrow as pa

    folder = tmp_path / "t"
    folder.mkdir()
    for name in ("a", "b"):
        parquet.write_table(pa.table({"m": [name]}), folder / f"{name}.parquet")
    path = folder / "b.parquet"
    data = path.read_bytes()
    writer = parquet.read_metadata(path).created_by.encode()
    path.write_bytes(data.replace(writer, b"parquet-mr version 1.8.1".ljust(len(writer))))
    names = ["a", "b"] if believed == "first" else ["b", "a"]
    spark.read.parquet(*(f"file://{folder}/{name}.parquet" for name in names)).createOrReplaceTempView("each")
    assert sorted(row.m for row in spark.sql("SELECT m FROM each").collect()) == ["a", "b"]
    spark.catalog.dropTempView("each")
    assert taken == []


def test_rows_of_files_that_change_meanwhile_are_not_given(
    spark: Any,
    tmp_path: Path,
    taken: list[str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import pyarrow as pa

    from awsglue._runtime.flow import answers

    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": pa.array([1, 2], pa.int32())}), path)
    spark.read.parquet(f"file://{path}").createOrReplaceTempView("meanwhile")
    frame = spark.sql("SELECT sum(a) AS s FROM meanwhile")
    asked = answers.Files.unchanged

    def rewritten(self: Any, view: Any) -> bool:
        parquet.write_table(pa.table({"a": pa.array([1, 5], pa.int32())}), f"{path}.new")
        os.replace(f"{path}.new", path)
        return asked(self, view)

    with monkeypatch.context() as patched:
        patched.setattr(answers.Files, "unchanged", rewritten)
        assert [row.s for row in frame.collect()] == [6]
        assert taken == []
    assert [row.s for row in frame.collect()] == [6]
    assert len(taken) == 1
    spark.catalog.dropTempView("meanwhile")


def test_rows_of_objects_that_change_meanwhile_are_not_given(
    spark: Any,
    bucket: tuple[Any, str],  # noqa: F811
    taken: list[str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import pyarrow as pa

    from awsglue._runtime.flow import answers

    put(bucket, "t/a.parquet", {"a": pa.array([1, 2], pa.int32())})
    spark.read.parquet(f"s3://{bucket[1]}/t/").createOrReplaceTempView("meanwhile")
    asked = answers.Files.unchanged

    def rewritten(self: Any, view: Any) -> bool:
        put(bucket, "t/a.parquet", {"a": pa.array([1, 5], pa.int32())})
        return asked(self, view)

    monkeypatch.setattr(answers.Files, "unchanged", rewritten)
    assert [row.s for row in spark.sql("SELECT sum(a) AS s FROM meanwhile").collect()] == [6]
    assert taken == []
    spark.catalog.dropTempView("meanwhile")


def test_rows_that_are_kept_are_not_those_of_a_new_object(
    spark: Any,
    bucket: tuple[Any, str],  # noqa: F811
    taken: list[str],  # noqa: F811
) -> None:
    """A persisted frame has the rows of an object that was deleted, whatever has its name now."""
    import pyarrow as pa

    put(bucket, "t/a.parquet", {"a": pa.array([1, 2], pa.int32())})
    spark.read.parquet(f"s3://{bucket[1]}/t/").createOrReplaceTempView("kept_rows")
    frame = spark.sql("SELECT sum(a) AS s FROM kept_rows").cache()
    assert [row.s for row in frame.collect()] == [3]
    bucket[0].delete_object(Bucket=bucket[1], Key="t/a.parquet")
    put(bucket, "t/a.parquet", {"a": pa.array([1, 5], pa.int32())})
    assert [row.s for row in frame.collect()] == [3]
    assert len(taken) == 1
    spark.catalog.dropTempView("kept_rows")


@pytest.mark.parametrize(
    ("kind", "served"), [("char(5)", False), ("array<CHAR(2)>", False), ("varchar(5)", True)]
)
def test_texts_that_spark_pads_are_not_read(
    spark: Any,
    bucket: tuple[Any, str],  # noqa: F811
    kind: str,
    served: bool,
) -> None:
    import boto3

    from awsglue._runtime.failures import EngineRefused

    glue, name = boto3.client("glue"), f"d{bucket[1][2:]}"
    put(bucket, "t/a.parquet", {"c": ["ab"]})
    glue.create_database(DatabaseInput={"Name": name})
    descriptor = {
        "Columns": [{"Name": "c", "Type": kind}],
        "Location": f"s3://{bucket[1]}/t/",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }
    glue.create_table(DatabaseName=name, TableInput={"Name": "t", "StorageDescriptor": descriptor})
    try:
        if served:
            assert [row.c for row in spark.sql(f"SELECT c FROM {name}.t").collect()] == ["ab"]
        else:
            with pytest.raises(EngineRefused, match=r"char\(n\)"):
                spark.sql(f"SELECT c FROM {name}.t")
    finally:
        glue.delete_database(Name=name)
