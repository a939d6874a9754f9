"""Hudi tables on the embedded engine: every operation, read back by us, by the `hudi` library, and as bare Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

WRITE = "hoodie.datasource.write."
SYNC = "hoodie.datasource.hive_sync."
ROW = "id bigint, region string, amount double, ts bigint"


@pytest.fixture
def path(bucket: str) -> str:
    return f"s3://{bucket}/lake/orders"


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
    sync[SYNC + "table_properties"] = "team=sales\nlevel=2"
    nowhere = {**sync, SYNC + "database": f"{database}_none", SYNC + "auto_create_database": "false"}
    with pytest.raises(Exception, match="hive database does not exist"):
        write((5, "yy", 5.0, 1), extra=nowhere)
    # The first commits are told of with the one that asks for it.
    write((2, "us", 2.0, 1))
    write((4, "xx", 4.0, 1))
    write((0, "xx", 0.0, 0), operation="delete_partition")
    write((1, "eu", 1.0, 1), extra=sync)
    client = boto3.client("glue")
    entry = client.get_table(DatabaseName=database, Name="orders")["Table"]
    assert entry["StorageDescriptor"]["InputFormat"] == "org.apache.hudi.hadoop.HoodieParquetInputFormat"
    assert entry["Parameters"]["spark.sql.sources.provider"] == "hudi"
    assert (entry["Parameters"]["team"], entry["Parameters"]["level"]) == ("sales", "2")
    assert entry["PartitionKeys"] == [{"Name": "region", "Type": "string"}]
    assert [one["Name"] for one in entry["StorageDescriptor"]["Columns"]][5:] == ["id", "amount", "ts"]

    def partitions() -> list[list[str]]:
        found = client.get_partitions(DatabaseName=database, TableName="orders")["Partitions"]
        return sorted(one["Values"] for one in found)

    assert partitions() == [["eu"], ["us"]]
    write((0, "us", 0.0, 0), operation="delete_partition")
    assert partitions() == [["eu"], ["us"]]
    write((3, "ap", 3.0, 1, "x"), schema=f"{ROW}, note string", extra=sync)
    assert partitions() == [["ap"], ["eu"]]
    wanted = [(1, 1.0, 1, None, "eu"), (3, 3.0, 1, "x", "ap")]
    assert plain(spark.table(f"{database}.orders")) == wanted
    assert plain(spark.sql(f"SELECT * FROM {database}.orders WHERE region = 'ap'")) == wanted[1:]
    by_path = [(1, "eu", 1.0, 1, None), (3, "ap", 3.0, 1, "x")]
    assert plain(glue.create_data_frame.from_catalog(database=database, table_name="orders")) == by_path
    dynamic = glue.create_dynamic_frame.from_catalog(database=database, table_name="orders")
    assert plain(dynamic.toDF()) == by_path


def test_a_late_sync_tells_of_the_last_commit(
    path: str, database: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    from awsglue._runtime.hudi import syncing

    sync = {SYNC + "enable": "true", SYNC + "database": database}
    write((1, "eu", 1.0, 1), (2, "us", 2.0, 1), extra=sync)
    follow, between = syncing.follow, [(2, "us", 2.5, 2, "x")]

    def late(*given: Any, **more: Any) -> None:
        if between:
            write(between.pop(), schema=f"{ROW}, note string", extra=sync)
        follow(*given, **more)

    monkeypatch.setattr(syncing, "follow", late)
    write((2, "us", 0.0, 0), operation="delete_partition", extra=sync)
    client = boto3.client("glue")
    entry = client.get_table(DatabaseName=database, Name="orders")["Table"]
    assert [one["Name"] for one in entry["StorageDescriptor"]["Columns"]][5:] == [
        "id",
        "amount",
        "ts",
        "note",
    ]
    found = client.get_partitions(DatabaseName=database, TableName="orders")["Partitions"]
    assert sorted(one["Values"] for one in found) == [["eu"], ["us"]]


def test_a_merge_on_read_table_has_an_entry_for_each_way_to_read_it(
    spark: Any, path: str, database: str, write: Callable[..., None]
) -> None:
    import boto3

    sync = {SYNC + "enable": "true", SYNC + "database": database, WRITE + "table.type": "MERGE_ON_READ"}
    write((1, "eu", 1.0, 1), extra=sync)
    write((1, "eu", 1.5, 2), (2, "us", 2.0, 1), extra=sync)
    client = boto3.client("glue")
    found = {}
    for name in ("orders", "orders_ro", "orders_rt"):
        storage = client.get_table(DatabaseName=database, Name=name)["Table"]["StorageDescriptor"]
        given = storage["SerdeInfo"]["Parameters"]["hoodie.query.as.ro.table"]
        found[name] = (storage["InputFormat"].rsplit(".", 1)[-1], given)
        assert plain(spark.table(f"{database}.{name}")) == [(1, 1.5, 2, "eu"), (2, 2.0, 1, "us")]
        partitions = client.get_partitions(DatabaseName=database, TableName=name)["Partitions"]
        assert sorted(one["Values"] for one in partitions) == [["eu"], ["us"]]
    realtime = ("HoodieParquetRealtimeInputFormat", "false")
    assert found == {
        "orders": realtime,
        "orders_ro": ("HoodieParquetInputFormat", "true"),
        "orders_rt": realtime,
    }
    spark.sql(f"UPDATE {database}.orders SET amount = 3.0D WHERE id = 2")
    assert plain(spark.table(f"{database}.orders_ro")) == [(1, 1.5, 2, "eu"), (2, 3.0, 1, "us")]
    assert len(client.get_tables(DatabaseName=database)["TableList"]) == 3


def test_a_merge_on_read_table_that_is_to_be_compacted_is_only_read(
    spark: Any, path: str, write: Callable[..., None]
) -> None:
    from awsglue._runtime.failures import EngineRefused
    from awsglue._runtime.io.storage import Storage

    write((1, "eu", 1.0, 1), table__type="MERGE_ON_READ")
    plan = f"{path}/.hoodie/20200101000000000.compaction.requested"
    Storage().put(plan, b"")
    with pytest.raises(EngineRefused, match="while a compaction is planned"):
        write((1, "eu", 2.0, 2))
    Storage().put(f"{path}/.hoodie/20200101000000000.commit", b"{}")
    write((1, "eu", 3.0, 3))
    assert plain(spark.read.format("hudi").load(path)) == [(1, "eu", 3.0, 3)]


def test_payloads_decide_between_rows(spark: Any, path: str, write: Callable[..., None]) -> None:
    ordered = {"payload__class": "org.apache.hudi.common.model.DefaultHoodieRecordPayload"}
    write((1, "eu", 1.0, 5), (2, "eu", 2.0, 5), **ordered)
    write((1, "eu", 1.1, 4), (2, "eu", 2.1, 5), **ordered)
    assert everywhere(spark, path) == [(1, "eu", 1.0, 5), (2, "eu", 2.1, 5)]
    marked = f"{ROW}, _hoodie_is_deleted boolean"
    write((1, "eu", 1.2, 9, True), (3, "eu", 3.0, 9, False), (4, "eu", 4.0, 9, True), schema=marked)
    assert [row[0] for row in everywhere(spark, path)] == [2, 3]
    gone = {"payload__class": "org.apache.hudi.common.model.EmptyHoodieRecordPayload"}
    write((2, "eu", None, None), **gone)
    assert [row[0] for row in everywhere(spark, path)] == [3]
    changes = {"payload__class": "org.apache.hudi.payload.AWSDmsAvroPayload"}
    full = "id bigint, region string, amount double, ts bigint, _hoodie_is_deleted boolean, Op string"
    write((3, "eu", 3.3, 10, None, "D"), (5, "eu", 5.0, 1, None, "I"), schema=full, **changes)
    assert [row[0] for row in everywhere(spark, path)] == [5]


def test_keys_of_several_fields_and_partitions(spark: Any, path: str) -> None:
    def write(*values: tuple[Any, ...], schema: str, **more: str) -> None:
        frame = spark.createDataFrame(list(values), schema)
        given = {**options(), WRITE + "recordkey.field": "id,day", WRITE + "precombine.field": "n"}
        given |= {WRITE + "partitionpath.field": "year,place", WRITE + "partitionpath.urlencode": "true"}
        frame.write.format("hudi").options(**{**given, **more}).mode("append").save(path)

    schema = "id string, day date, year int, place string, n int"
    day = date(2020, 1, 1)
    write(("a", day, 2020, "x/y", 1), (None, day, 2020, None, 1), ("", day, 2021, "ü z", 1), schema=schema)
    write(("a", day, 2020, "x/y", 2), ("a", day, 2021, "x/y", 3), schema=schema)
    found = {
        (row["_hoodie_record_key"], row["_hoodie_partition_path"], row["n"])
        for row in spark.read.format("hudi").load(path).collect()
    }
    assert found == {
        ("id:a,day:2020-01-01", "year=2020/place=x%2Fy", 2),
        ("id:a,day:2020-01-01", "year=2021/place=x%2Fy", 3),
        ("id:__null__,day:2020-01-01", "year=2020/place=__HIVE_DEFAULT_PARTITION__", 1),
        ("id:__empty__,day:2020-01-01", "year=2021/place=ü z", 1),
    }
    assert len(independent(path, "id", "n")) == 4
    with pytest.raises(Exception, match="Config conflict"):
        write(("a", day, 2020, "x", 1), schema=schema, **{WRITE + "hive_style_partitioning": "false"})


def test_a_global_index_moves_rows_between_partitions(
    spark: Any, path: str, write: Callable[..., None]
) -> None:
    write((1, "eu", 1.0, 1), (2, "eu", 2.0, 1))
    write((1, "us", 1.1, 2))
    assert everywhere(spark, path) == [(1, "eu", 1.0, 1), (1, "us", 1.1, 2), (2, "eu", 2.0, 1)]
    write((2, "us", 2.2, 2), (3, "ap", 3.0, 1), extra={"hoodie.index.type": "GLOBAL_BLOOM"})
    assert everywhere(spark, path) == [
        (1, "eu", 1.0, 1),
        (1, "us", 1.1, 2),
        (2, "us", 2.2, 2),
        (3, "ap", 3.0, 1),
    ]


def test_what_is_not_served_is_refused_by_name(spark: Any, path: str, write: Callable[..., None]) -> None:
    from awsglue._runtime.failures import EngineRefused
    from awsglue._runtime.hudi.errors import HoodieException, HoodieKeyException, SchemaCompatibilityException
    from awsglue._runtime.io.storage import Storage

    row = (1, "eu", 1.0, 1)
    for refused, why in (
        (
            {WRITE + "keygenerator.class": "org.apache.hudi.keygen.GlobalDeleteKeyGenerator"},
            "GlobalDelete",
        ),
        ({WRITE + "payload.class": "com.example.Payload"}, "com.example.Payload"),
        ({"hoodie.index.type": "BUCKET"}, "BUCKET"),
        ({"hoodie.table.cdc.enabled": "true"}, "hoodie.table.cdc.enabled"),
        ({WRITE + "drop.partition.columns": "true"}, "drop.partition.columns"),
    ):
        with pytest.raises(EngineRefused, match=why):
            write(row, extra=refused)
    left = f"{path}/region=eu/0b5c-0_0-0-0_20200101000000000.parquet"
    Storage().put(left, b"")
    with pytest.raises(HoodieException, match="left of another Hudi table"):
        write(row)
    write(row, mode="overwrite")
    assert Storage().head(left) is None
    with pytest.raises(HoodieException, match="with another name other"):
        write(row, extra={"hoodie.table.name": "other"})
    with pytest.raises(HoodieException, match="already exists"):
        write(row, mode="error")
    with pytest.raises(EngineRefused, match="type MERGE_ON_READ to a Hudi table of type COPY_ON_WRITE"):
        write(row, table__type="MERGE_ON_READ")
    write((9, "eu", 9.0, 1), mode="ignore")
    with pytest.raises(SchemaCompatibilityException, match="lacks"):
        write((1, "eu", 1), schema="id bigint, region string, ts bigint")
    with pytest.raises(SchemaCompatibilityException, match="amount"):
        write((1, "eu", "x", 1), schema="id bigint, region string, amount string, ts bigint")
    for mode in ("append", "overwrite"):
        with pytest.raises(HoodieKeyException, match="cannot be null or empty"):
            write((None, "eu", 1.0, 1), mode=mode)
    with pytest.raises(HoodieException, match="Ordering value is null"):
        write((1, "eu", 1.0, None))
    with pytest.raises(HoodieException, match="RecordKey"):
        write(row, recordkey__field="ts")
    # What the table knows need not be said: this updates.
    frame = spark.createDataFrame([(1, "eu", 1.5, 2)], ROW)
    frame.write.format("org.apache.hudi").mode("append").save(path)
    assert everywhere(spark, path) == [(1, "eu", 1.5, 2)]


class Killed(BaseException):
    """As if the process were gone."""


def die(*_: Any, **__: Any) -> None:
    raise Killed


def test_a_killed_writer_leaves_the_table_as_it_was(
    spark: Any, path: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from awsglue._runtime.hudi import lake
    from awsglue._runtime.hudi.timeline import Timeline
    from awsglue._runtime.io.storage import Storage

    def files() -> int:
        return sum(one.path.endswith(".parquet") for one in Storage().entries(path))

    write((1, "eu", 1.0, 1))
    with monkeypatch.context() as patched:
        patched.setattr(Timeline, "commit", die)
        # Nothing is tidied up by a process that is gone.
        patched.setattr(Timeline, "roll_back", lambda *_: None)
        with pytest.raises(Killed):
            write((1, "eu", 9.0, 1), (2, "us", 9.0, 1))
    assert files() == 3
    assert everywhere(spark, path) == [(1, "eu", 1.0, 1)]
    write((3, "eu", 3.0, 1))
    write((4, "ap", 4.0, 1))
    assert everywhere(spark, path) == [(1, "eu", 1.0, 1), (3, "eu", 3.0, 1), (4, "ap", 4.0, 1)]
    # What the killed one left could never be committed any more: it is gone.
    assert files() == 3
    assert {one.state for one in lake.opened(Storage(), path).timeline.instants()} == {"COMPLETED"}


def test_what_a_killed_writer_had_decided_is_finished_by_the_next(
    spark: Any, path: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from awsglue._runtime.hudi.timeline import Timeline

    write((1, "eu", 1.0, 1))
    finish, calls = Timeline._finish, []

    def once(self: Timeline, number: int) -> None:
        calls.append(number)
        # The first call looks after the commit before; the second one is for this write.
        die() if len(calls) == 2 else finish(self, number)

    with monkeypatch.context() as patched:
        patched.setattr(Timeline, "_finish", once)
        patched.setattr(Timeline, "roll_back", lambda *_: None)
        with pytest.raises(Killed):
            write((1, "eu", 9.0, 1), (2, "us", 9.0, 1))
    assert everywhere(spark, path) == [(1, "eu", 1.0, 1)]
    write((3, "eu", 3.0, 1))
    assert everywhere(spark, path) == [(1, "eu", 9.0, 1), (2, "us", 9.0, 1), (3, "eu", 3.0, 1)]


def test_two_writers_lose_nothing(
    spark: Any, path: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from awsglue._runtime.hudi import files, writing
    from awsglue._runtime.hudi.errors import HoodieWriteConflictException

    write((1, "eu", 1.0, 1))
    written, between = files.write, [(2, "eu", 2.0, 1)]

    def meanwhile(*given: Any, **more: Any) -> Any:
        if between:
            write(between.pop())
        return written(*given, **more)

    monkeypatch.setattr(files, "write", meanwhile)
    write((3, "eu", 3.0, 1))
    assert [row[0] for row in everywhere(spark, path)] == [1, 2, 3]
    monkeypatch.setattr(writing, "ATTEMPTS", 1)
    between.append((4, "eu", 4.0, 1))
    with pytest.raises(HoodieWriteConflictException, match="overlapping writes"):
        write((5, "eu", 5.0, 1))
    assert [row[0] for row in everywhere(spark, path)] == [1, 2, 3, 4]


def test_statements_of_sql(spark: Any, database: str) -> None:
    from pyspark.errors import AnalysisException

    from awsglue._runtime.failures import EngineRefused

    table = f"{database}.prices"

    def rows() -> list[tuple[Any, ...]]:
        return plain(spark.table(table))

    spark.sql(
        f"CREATE TABLE {table} (id int, name string, price double, ts bigint, day string) USING hudi "
        "TBLPROPERTIES (type = 'cow', primaryKey = 'id', preCombineField = 'ts') PARTITIONED BY (day)"
    )
    assert rows() == []
    spark.sql(f"INSERT INTO {table} VALUES (1, 'a', 1.0, 1, '2020-01-01'), (2, 'b', 2.0, 1, '2020-01-02')")
    spark.sql(f"INSERT INTO {table} VALUES (1, 'c', 3.0, 2, '2020-01-01')")
    assert rows() == [(1, "c", 3.0, 2, "2020-01-01"), (2, "b", 2.0, 1, "2020-01-02")]
    spark.sql(f"UPDATE {table} SET price = price * 2 WHERE id = 1")
    spark.sql(f"DELETE FROM {table} WHERE name = 'b'")
    assert rows() == [(1, "c", 6.0, 2, "2020-01-01")]
    spark.sql(
        f"MERGE INTO {table} t USING (SELECT 1 id, 'late' name, 0.0D price, 1L ts, '2020-01-01' day UNION ALL "
        "SELECT 4, 'd', 4.0D, 1L, '2020-01-04') s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    assert rows() == [(1, "c", 6.0, 2, "2020-01-01"), (4, "d", 4.0, 1, "2020-01-04")]
    # A row that moves would be in both partitions, without a global index.
    moving = (
        f"MERGE INTO {table} t USING (SELECT 4 id, 'd' name, 4.0D price, 2L ts, '2020-01-05' day) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET *"
    )
    with pytest.raises(EngineRefused, match="assigns another day"):
        spark.sql(moving)
    assert len(rows()) == 2
    spark.conf.set("hoodie.index.type", "GLOBAL_SIMPLE")
    try:
        spark.sql(moving)
    finally:
        spark.conf.unset("hoodie.index.type")
    assert rows() == [(1, "c", 6.0, 2, "2020-01-01"), (4, "d", 4.0, 2, "2020-01-05")]
    spark.sql(
        f"MERGE INTO {table} t USING (SELECT 4 id, 9L ts) s ON t.id = s.id WHEN MATCHED AND s.ts > t.ts THEN DELETE"
    )
    assert rows() == [(1, "c", 6.0, 2, "2020-01-01")]
    spark.sql(f"INSERT OVERWRITE {table} PARTITION (day = '2020-01-01') SELECT 5, 'e', 5.0D, 1L")
    assert rows() == [(5, "e", 5.0, 1, "2020-01-01")]
    assert spark.table(table).columns[5:] == ["id", "name", "price", "ts", "day"]
    with pytest.raises(EngineRefused, match="assigning to id"):
        spark.sql(f"UPDATE {table} SET id = 7")
    with pytest.raises(AnalysisException, match="match on all record key columns"):
        spark.sql(f"MERGE INTO {table} t USING {table} s ON t.name = s.name WHEN MATCHED THEN DELETE")
    spark.sql(
        f"CREATE TABLE {database}.copied USING hudi TBLPROPERTIES (primaryKey = 'id') AS SELECT * FROM {table}"
    )
    assert [row[0] for row in plain(spark.table(f"{database}.copied").select("id"))] == [5]


def test_rows_are_inserted_by_position(spark: Any, database: str) -> None:
    table, ids = f"{database}.placed", "a int, b string, c string"
    spark.sql(
        f"CREATE TABLE {table} (id int, name string, day string) USING hudi TBLPROPERTIES (primaryKey = 'id') "
        "PARTITIONED BY (day)"
    )

    def insert(*values: tuple[Any, ...], **given: Any) -> None:
        frame = spark.createDataFrame(list(values), ids)
        frame.write.option("partitionOverwriteMode", "dynamic").insertInto(table, **given)

    insert((1, "a", "x"), (2, "b", "y"))
    assert plain(spark.table(table)) == [(1, "a", "x"), (2, "b", "y")]
    insert((3, "c", "y"), overwrite=True)
    assert plain(spark.table(table)) == [(1, "a", "x"), (3, "c", "y")]
    with pytest.raises(Exception, match="NOT_ENOUGH_DATA_COLUMNS"):
        spark.createDataFrame([(1,)], "id int").write.insertInto(table)


def test_the_footer_holds_what_hadoops_own_filter_would(
    spark: Any, path: str, write: Callable[..., None]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from awsglue._runtime.hudi import bloom
    from awsglue._runtime.io.storage import Storage

    # Told by org.apache.hadoop.util.bloom.BloomFilter of these keys.
    assert bloom.text(pa.chunked_array([["a", "key-17", "漢"]])) == "/////wAAAAsBAAAALI9IJ4TOCw=="
    write((2, "eu", 1.0, 1), (11, "eu", 1.0, 1))
    (file,) = [one.path for one in Storage().entries(path) if one.path.endswith(".parquet")]
    with Storage().open_arrow(file) as stream:
        said = pq.ParquetFile(stream).metadata.metadata
    assert (said[b"hoodie_min_record_key"], said[b"hoodie_max_record_key"]) == (b"11", b"2")
    assert said[b"org.apache.hudi.bloomfilter"].decode() == bloom.text(pa.chunked_array([["2", "11"]]))
    assert json.loads(said[b"parquet.avro.schema"])["name"] == "orders_record"


def log_block(schema: dict[str, Any], instant: str, rows: list[dict[str, Any]]) -> bytes:
    """A block of rows in a Merge-on-Read table's log, as Hudi lays it out."""
    import io
    import struct

    import fastavro

    content = struct.pack(">ii", 3, len(rows))
    for row in rows:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), row)
        content += struct.pack(">i", len(out.getvalue())) + out.getvalue()
    header = struct.pack(">i", 2)
    for key, text in ((0, instant), (2, json.dumps(schema))):
        header += struct.pack(">ii", key, len(text)) + text.encode()
    body = (
        struct.pack(">ii", 1, 3) + header + struct.pack(">q", len(content)) + content + struct.pack(">i", 0)
    )
    return b"#HUDI#" + struct.pack(">q", len(body) + 8) + body + struct.pack(">q", len(body) + 14)


def test_merge_on_read_tables_of_others_are_read(spark: Any, tmp_path: Any) -> None:
    from awsglue._runtime.failures import EngineRefused
    from awsglue._runtime.hudi import lake
    from awsglue._runtime.hudi.timeline import _after
    from awsglue._runtime.io.storage import Storage

    path = str(tmp_path / "orders")
    frame = spark.createDataFrame([(1, "eu", 1.0, 1), (2, "eu", 2.0, 1)], ROW)
    frame.write.format("hudi").options(**options()).mode("append").save(path)
    table = lake.opened(Storage(), path)
    (base,), (one,) = table.timeline.completed(), table.slices()
    said = table.timeline.metadata(base)
    schema = json.loads(said["extraMetadata"]["schema"])
    meta = [{"name": name, "type": ["null", "string"], "default": None} for name in lake.META]
    schema["fields"] = meta + schema["fields"]
    later = _after(base.time)

    def row(number: int, amount: float) -> dict[str, Any]:
        known = zip(
            lake.META, (later, f"{later}_0_{number}", str(number), one.partition, one.file_id), strict=True
        )
        return {**dict(known), "id": number, "region": "eu", "amount": amount, "ts": 2}

    name = f".{one.file_id}_{base.time}.log.1_0-1-0"
    (tmp_path / "orders" / one.partition / name).write_bytes(
        log_block(schema, later, [row(1, 9.5), row(3, 3.0)])
    )
    (stat,) = said["partitionToWriteStats"][one.partition]
    stat |= {"path": f"{one.partition}/{name}", "baseFile": one.name, "logFiles": [name], "logVersion": 1}
    folder = tmp_path / "orders" / ".hoodie"
    for state in (".requested", ".inflight"):
        (folder / f"{later}.deltacommit{state}").write_text("")
    (folder / f"{later}.deltacommit").write_text(json.dumps(said))
    settings = folder / "hoodie.properties"
    settings.write_text(settings.read_text().replace("COPY_ON_WRITE", "MERGE_ON_READ"))

    def read(**given: str) -> list[Any]:
        loaded = spark.read.format("hudi").options(**given).load(path).select("id", "amount")
        return sorted(tuple(row) for row in loaded.collect())

    query = "hoodie.datasource.query.type"
    assert read() == [(1, 9.5), (2, 2.0), (3, 3.0)]
    assert read(**{query: "read_optimized"}) == [(1, 1.0), (2, 2.0)]
    assert read(**{"as.of.instant": base.time}) == [(1, 1.0), (2, 2.0)]
    since = {query: "incremental", "hoodie.datasource.read.begin.instanttime": base.time}
    assert read(**since) == [(1, 9.5), (3, 3.0)]
    with pytest.raises(EngineRefused, match="with log files"):
        frame.write.format("hudi").options(**options()).mode("append").save(path)
