"""Statements over Parquet files on S3 that DuckDB answers whole, in our own server's buckets."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest

pytest.importorskip("pyspark")

from pyarrow import parquet
from test_whole_statements import taken  # noqa: F401 - a fixture

from awsglue._runtime.engine import installed

pytestmark = pytest.mark.skipif(installed() != "sail", reason="on Spark the answer is Spark's")


@pytest.fixture
def bucket(server: Any) -> tuple[Any, str]:
    import boto3

    client = boto3.client("s3")
    name = f"b-{uuid.uuid4().hex[:10]}"
    client.create_bucket(Bucket=name)
    return client, name


def put(bucket: tuple[Any, str], key: str, columns: dict[str, Any], **options: Any) -> None:
    import pyarrow as pa

    body = io.BytesIO()
    parquet.write_table(pa.table(columns), body, **options)
    bucket[0].put_object(Bucket=bucket[1], Key=key, Body=body.getvalue())


def test_objects_are_read_as_they_are_now(spark: Any, bucket: tuple[Any, str], taken: list[str]) -> None:  # noqa: F811
    import pyarrow as pa

    numbers = pa.array([1, 2], pa.int32())
    put(bucket, "t/é a=b.parquet", {"a": numbers})
    spark.read.parquet(f"s3://{bucket[1]}/t/").createOrReplaceTempView("now_there")
    frame = spark.sql("SELECT sum(a) AS s FROM now_there")
    assert [row.s for row in frame.collect()] == [3]
    # As many bytes as before.
    put(bucket, "t/é a=b.parquet", {"a": pa.array([1, 5], pa.int32())})
    assert [row.s for row in frame.collect()] == [6]
    assert frame.toPandas().s.tolist() == [6]
    assert len(taken) == 3
    put(bucket, "t/é a=b.parquet", {"a": pa.array(["1"])})
    with pytest.raises(Exception, match=r"\w"):
        frame.collect()
    bucket[0].delete_object(Bucket=bucket[1], Key="t/é a=b.parquet")
    with pytest.raises(Exception, match=r"\w"):
        frame.collect()
    assert len(taken) == 3
    spark.catalog.dropTempView("now_there")


def test_many_threads_read_one_object(spark: Any, bucket: tuple[Any, str], taken: list[str]) -> None:  # noqa: F811
    import pyarrow as pa

    count = 200_000
    columns = {
        "k": pa.array(range(count), pa.int64()),
        "w": pa.array([f"word {number * 7919 % 10_007}" for number in range(count)]),
        "n": pa.array([number % 1000 for number in range(count)], pa.int32()),
    }
    put(bucket, "big/one.parquet", columns, row_group_size=5_000)
    spark.read.parquet(f"s3://{bucket[1]}/big/").createOrReplaceTempView("big_one")
    statement = """
        SELECT x.n, count(DISTINCT x.w) AS words, sum(y.k) AS total FROM big_one x JOIN big_one y ON x.k = y.k
        WHERE y.w < 'word 5' GROUP BY x.n ORDER BY n
    """
    expected: dict[int, tuple[set[str], int]] = {}
    for k, w, n in zip(*(columns[name].to_pylist() for name in "kwn"), strict=True):
        if w < "word 5":
            words, total = expected.get(n, (set(), 0))
            expected[n] = (words | {w}, total + k)
    for _ in range(3):
        rows = spark.sql(statement).collect()
        assert [tuple(row) for row in rows] == [
            (n, len(words), total) for n, (words, total) in sorted(expected.items())
        ]
    assert len(taken) == 3
    spark.catalog.dropTempView("big_one")


def test_tables_of_the_catalog(
    spark: Any,
    bucket: tuple[Any, str],
    catalog: tuple[Any, str],
    taken: list[str],  # noqa: F811
) -> None:
    """Partitions by folders that say them, and one that is elsewhere."""
    import pyarrow as pa

    client, database = catalog
    for day, where in (("1", "t/day=1"), ("2", "t/day=2"), ("3", "elsewhere/x")):
        values = pa.array([int(day) * 10, int(day) * 10 + 1], pa.int64())
        put(bucket, f"{where}/part.parquet", {"a": values, "w": pa.array(["x", None])})
    storage: dict[str, Any] = {
        "Columns": [{"Name": "a", "Type": "bigint"}, {"Name": "w", "Type": "string"}],
        "Location": f"s3://{bucket[1]}/t/",
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }
    keys = [{"Name": "day", "Type": "int"}]
    table = {"Name": "t", "StorageDescriptor": storage, "PartitionKeys": keys, "TableType": "EXTERNAL_TABLE"}
    client.create_table(
        DatabaseName=database, TableInput={**table, "Parameters": {"classification": "parquet"}}
    )

    def partition(day: str, where: str) -> None:
        descriptor = {**storage, "Location": f"s3://{bucket[1]}/{where}"}
        client.create_partition(
            DatabaseName=database,
            TableName="t",
            PartitionInput={"Values": [day], "StorageDescriptor": descriptor},
        )

    statement = (
        f"SELECT day, sum(a) AS s, count(w) AS n FROM {database}.t WHERE day >= 2 GROUP BY day ORDER BY day"
    )
    partition("1", "t/day=1")
    partition("2", "t/day=2")
    assert spark.sql(statement).collect() == [(2, 41, 1)]
    partition("3", "elsewhere/x")
    assert spark.sql(statement).collect() == [(2, 41, 1), (3, 61, 1)]
    assert spark.sql(f"SELECT max(t.day) AS d FROM {database}.t t").first().d == 3
    assert len(taken) == 3
