"""Hudi tables on the embedded engine: every operation, read back by us, by the `hudi` library, and as bare Parquet."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from awsglue._runtime.engine import SAIL, installed

pytestmark = pytest.mark.skipif(
    installed() != SAIL, reason="Apache Spark reads Hudi with Hudi's own jars, which the operator supplies"
)
WRITE = "hoodie.datasource.write."
SYNC = "hoodie.datasource.hive_sync."
ROW = "id bigint, region string, amount double, ts bigint"


@pytest.fixture
def bucket(server: str) -> str:
    import boto3

    name = f"b-{uuid.uuid4().hex[:10]}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def path(bucket: str) -> str:
    return f"s3://{bucket}/lake/orders"


@pytest.fixture
def database(bucket: str) -> str:
    import boto3

    name = f"db_{uuid.uuid4().hex[:10]}"
    boto3.client("glue").create_database(
        DatabaseInput={"Name": name, "LocationUri": f"s3://{bucket}/{name}.db/"}
    )
    return name


def options(**more: str) -> dict[str, str]:
    """A writer's options; `more` are those of hoodie.datasource.write."""
    return {
        "hoodie.table.name": "orders",
        WRITE + "recordkey.field": "id",
        WRITE + "precombine.field": "ts",
        WRITE + "partitionpath.field": "region",
        WRITE + "hive_style_partitioning": "true",
        **{WRITE + name.replace("__", "."): value for name, value in more.items()},
    }


@pytest.fixture
def write(spark: Any, path: str) -> Callable[..., None]:
    def writing(
        *values: tuple[Any, ...],
        schema: str = ROW,
        mode: str = "append",
        extra: dict[str, str] | None = None,
        **more: str,
    ) -> None:
        frame = spark.createDataFrame(list(values), schema)
        given = {**options(**more), **(extra or {})}
        frame.write.format("hudi").options(**given).mode(mode).save(path)

    return writing


def plain(frame: Any) -> list[tuple[Any, ...]]:
    """The rows without what Hudi keeps of them."""
    names = [name for name in frame.columns if not name.startswith("_hoodie_")]
    return sorted((tuple(row) for row in frame.select(*names).collect()), key=repr)


def independent(path: str, *names: str) -> list[tuple[Any, ...]]:
    """The rows as the `hudi` library reads them by itself."""
    import pyarrow as pa
    from hudi import HudiTableBuilder

    from awsglue._runtime.hudi import lake

    builder = HudiTableBuilder.from_base_uri(path).with_storage_options(lake.storage_options(path))
    rows = [row for batch in builder.build().read() for row in pa.record_batch(batch).to_pylist()]
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)


def bare(path: str) -> list[dict[str, Any]]:
    """The rows of the files that the last commits name, read as Parquet by nothing but pyarrow."""
    import boto3
    import pyarrow as pa
    import pyarrow.parquet as pq

    bucket, _, key = path.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    names = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=f"{key}/.hoodie/")["Contents"]]
    newest: dict[str, str] = {}
    for name in sorted(name for name in names if name.endswith(("commit", "replacecommit"))):
        said = json.loads(s3.get_object(Bucket=bucket, Key=name)["Body"].read())
        for gone in said.get("partitionToReplaceFileIds", {}).values():
            for one in gone:
                newest.pop(one, None)
        for stats in said["partitionToWriteStats"].values():
            newest |= {stat["fileId"]: stat["path"] for stat in stats}
    rows = []
    for name in newest.values():
        body = s3.get_object(Bucket=bucket, Key=f"{key}/{name}")["Body"].read()
        for row in pq.read_table(pa.BufferReader(body)).to_pylist():
            assert row["_hoodie_file_name"] == name.rsplit("/", 1)[-1]
            rows.append(row)
    return rows


def everywhere(spark: Any, path: str) -> list[tuple[Any, ...]]:
    """The rows, after all three readers agree on them."""
    names = ("id", "region", "amount", "ts")
    found = plain(spark.read.format("hudi").load(path).select(*names))
    assert independent(path, *names) == found
    assert sorted((tuple(row[name] for name in names) for row in bare(path)), key=repr) == found
    return found


def test_every_operation_is_read_the_same_by_three_readers(
    spark: Any, path: str, write: Callable[..., None]
) -> None:
    write((1, "eu", 1.0, 1), (2, "us", 2.0, 1), (2, "us", 2.5, 3), (2, "us", 2.7, 2))
    assert everywhere(spark, path) == [(1, "eu", 1.0, 1), (2, "us", 2.5, 3)]
    # The default payload: what comes wins over what is stored, whatever its precombine value.
    write((1, "eu", 1.5, 0), (3, "us", 3.0, 1))
    assert everywhere(spark, path) == [(1, "eu", 1.5, 0), (2, "us", 2.5, 3), (3, "us", 3.0, 1)]
    write((9, "eu", 9.0, 1), (9, "eu", 9.5, 1), operation="insert")
    write((9, "eu", 9.9, 1), operation="bulk_insert")
    nines = [row for row in everywhere(spark, path) if row[0] == 9]
    assert nines == [(9, "eu", 9.0, 1), (9, "eu", 9.5, 1), (9, "eu", 9.9, 1)]
    write((9, "eu", None, None), operation="delete")
    assert everywhere(spark, path) == [(1, "eu", 1.5, 0), (2, "us", 2.5, 3), (3, "us", 3.0, 1)]
    write((7, "eu", 7.0, 1), operation="insert_overwrite")
    assert everywhere(spark, path) == [(2, "us", 2.5, 3), (3, "us", 3.0, 1), (7, "eu", 7.0, 1)]
    write((0, "us", 0.0, 0), operation="delete_partition")
    assert everywhere(spark, path) == [(7, "eu", 7.0, 1)]
    write((8, "ap", 8.0, 1), operation="insert_overwrite_table")
    assert everywhere(spark, path) == [(8, "ap", 8.0, 1)]
    write((1, "eu", 1.0, 1), mode="overwrite")
    assert everywhere(spark, path) == [(1, "eu", 1.0, 1)]


def test_types_come_back_exactly(spark: Any, path: str, write: Callable[..., None]) -> None:
    schema = (
        "id bigint, region string, ts timestamp, price decimal(20,4), day date, tags array<string>, "
        "sizes map<string,int>, item struct<code:int,name:string>, ratio float, raw binary, ok boolean, small smallint"
    )
    moment = datetime(2020, 2, 29, 23, 59, 59, 999999)
    full = (
        1,
        "eu",
        moment,
        Decimal("1234567890123456.7891"),
        date(2020, 2, 29),
        ["a", None],
        {"x": 1},
        (1, "n"),
    )
    write((*full, 0.5, b"\x00\xff", True, -7), (2, "eu", moment, *[None] * 9), schema=schema)
    frame = spark.read.format("hudi").load(path)
    assert [item.dataType.simpleString() for item in frame.schema.fields[-2:]] == ["boolean", "int"]
    rows = {row.id: row for row in frame.collect()}
    assert tuple(rows[1])[5:12] == full[:7]
    assert tuple(rows[1].item) == full[7]
    assert tuple(rows[1])[13:] == (0.5, bytearray(b"\x00\xff"), True, -7)
    assert tuple(rows[2])[8:] == (None,) * 9
    seen = independent(path, "id", "price", "day", "tags", "ratio", "raw", "ok", "small")
    assert seen[0] == (1, full[3], full[4], full[5], 0.5, b"\x00\xff", True, -7)


def test_time_travel_and_incremental_queries(spark: Any, path: str, write: Callable[..., None]) -> None:
    from awsglue._runtime.hudi import lake
    from awsglue._runtime.io.storage import Storage

    write((1, "eu", 1.0, 1), (2, "us", 2.0, 1))
    write((2, "us", 2.5, 2))
    write((3, "ap", 3.0, 1))
    times = [one.time for one in lake.opened(Storage(), path).timeline.completed()]

    def read(**given: str) -> list[Any]:
        return [
            row[0] for row in plain(spark.read.format("hudi").options(**given).load(path).select("amount"))
        ]

    assert read(**{"as.of.instant": times[0]}) == [1.0, 2.0]
    assert read(**{"as.of.instant": times[1]}) == [1.0, 2.5]
    since = {
        "hoodie.datasource.query.type": "incremental",
        "hoodie.datasource.read.begin.instanttime": times[0],
    }
    assert read(**since) == [2.5, 3.0]
    assert read(**since, **{"hoodie.datasource.read.end.instanttime": times[1]}) == [2.5]
    assert read(**{**since, "hoodie.datasource.read.begin.instanttime": times[2]}) == []
    with pytest.raises(Exception, match="Specify the begin instant time"):
        read(**{"hoodie.datasource.query.type": "incremental"})


def test_the_catalog_follows_and_is_read(
    spark: Any, glue: Any, path: str, database: str, write: Callable[..., None]
) -> None:
    import boto3

    sync = {
        SYNC + "enable": "true",
        SYNC + "database": database,
        SYNC + "table": "orders",
        SYNC + "mode": "hms",
    }
    sync |= {SYNC + "partition_fields": "region", SYNC + "use_jdbc": "false"}
    sync[SYNC + "partition_extractor_class"] = "org.apache.hudi.hive.MultiPartKeysValueExtractor"
    write((1, "eu", 1.0, 1), (2, "us", 2.0, 1), extra=sync)
    client = boto3.client("glue")
    entry = client.get_table(DatabaseName=database, Name="orders")["Table"]
    assert entry["StorageDescriptor"]["InputFormat"] == "org.apache.hudi.hadoop.HoodieParquetInputFormat"
    assert entry["Parameters"]["spark.sql.sources.provider"] == "hudi"
    assert entry["PartitionKeys"] == [{"Name": "region", "Type": "string"}]
    assert [one["Name"] for one in entry["StorageDescriptor"]["Columns"]][5:] == ["id", "amount", "ts"]

    def partitions() -> list[list[str]]:
        found = client.get_partitions(DatabaseName=database, TableName="orders")["Partitions"]
        return sorted(one["Values"] for one in found)

    assert partitions() == [["eu"], ["us"]]
    write((3, "ap", 3.0, 1, "x"), schema=f"{ROW}, note string", extra=sync)
    write((0, "us", 0.0, 0), operation="delete_partition", extra=sync)
    assert partitions() == [["ap"], ["eu"]]
    wanted = [(1, 1.0, 1, None, "eu"), (3, 3.0, 1, "x", "ap")]
    assert plain(spark.table(f"{database}.orders")) == wanted
    assert plain(spark.sql(f"SELECT * FROM {database}.orders WHERE region = 'ap'")) == wanted[1:]
    by_path = [(1, "eu", 1.0, 1, None), (3, "ap", 3.0, 1, "x")]
    assert plain(glue.create_data_frame.from_catalog(database=database, table_name="orders")) == by_path
    dynamic = glue.create_dynamic_frame.from_catalog(database=database, table_name="orders")
    assert plain(dynamic.toDF()) == by_path
