"""Delta tables on the embedded engine: by path and through the catalog, by DataFrame, SQL and delta.tables."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DAY = datetime.datetime(2020, 1, 1)
# Two alphabets of base 85: Python's, and the one of Delta's log.
Z85 = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
)


@pytest.fixture
def path(bucket: str) -> str:
    return f"s3://{bucket}/lake/orders"


@pytest.fixture
def query(spark: Any) -> Callable[[str], list[tuple[Any, ...]]]:
    return lambda text: [tuple(row) for row in spark.sql(text).collect()]


@pytest.fixture
def zone(spark: Any) -> Any:
    """Set the session's time zone for this test."""
    yield lambda name: spark.conf.set("spark.sql.session.timeZone", name)
    spark.conf.set("spark.sql.session.timeZone", "UTC")


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=repr)


def orders(spark: Any, *values: tuple[Any, ...]) -> Any:
    return spark.createDataFrame(list(values), "id bigint, region string, amount double")


def test_append_overwrite_and_time_travel(spark: Any, path: str) -> None:
    from pyspark.errors import AnalysisException

    orders(spark, (1, "eu", 1.5), (2, "us", None)).write.format("delta").save(path)
    with pytest.raises(AnalysisException, match="already existent path"):
        orders(spark, (9, "x", 9.0)).write.format("delta").save(path)
    orders(spark, (9, "x", 9.0)).write.format("delta").mode("ignore").save(path)
    orders(spark, (3, "eu", 3.5)).write.format("delta").mode("append").save(path)
    orders(spark, (4, "us", 4.5)).write.format("delta").mode("overwrite").save(path)
    read = spark.read.format("delta")
    assert rows(read.load(path)) == [(4, "us", 4.5)]
    assert rows(spark.read.format("delta").option("versionAsOf", 1).load(path)) == [
        (1, "eu", 1.5),
        (2, "us", None),
        (3, "eu", 3.5),
    ]
    assert rows(spark.sql(f"SELECT id FROM delta.`{path}` VERSION AS OF 0")) == [(1,), (2,)]
    with pytest.raises(AnalysisException, match="DELTA_VERSION_NOT_FOUND"):
        spark.read.format("delta").option("versionAsOf", 7).load(path)
    with pytest.raises(AnalysisException, match="before the earliest"):
        spark.read.format("delta").option("timestampAsOf", "2001-01-01").load(path)
    with pytest.raises(AnalysisException, match="not a Delta table"):
        spark.read.format("delta").load(path + "/nowhere")


def test_types_and_partitions_come_back(spark: Any, path: str) -> None:
    schema = (
        "id int, small smallint, name string, price decimal(10,2), day date, at timestamp, raw binary, "
        "tags array<string>, more struct<a:int,b:string>, attributes map<string,bigint>, p string, q date"
    )
    values = [
        (
            1,
            2,
            "ü",
            None,
            DAY.date(),
            DAY,
            b"\x00\x01",
            ["a", None],
            (1, "x"),
            {"k": 5},
            "a b/c%=é",
            DAY.date(),
        ),
        (2, None, None, None, None, None, None, None, None, None, None, None),
    ]
    frame = spark.createDataFrame(values, schema)
    frame.write.format("delta").partitionBy("p", "q").save(path)
    again = spark.read.format("delta").load(path)
    assert again.schema.simpleString() == frame.schema.simpleString()
    assert rows(again) == rows(frame)
    assert rows(again.where("p = 'a b/c%=é'").select("id")) == [(1,)]


def test_schemas_evolve_only_when_asked(spark: Any, path: str) -> None:
    from pyspark.errors import AnalysisException

    orders(spark, (1, "eu", 1.5)).write.format("delta").save(path)
    wider = spark.createDataFrame(
        [(2, "us", 2.5, "new")], "id bigint, region string, amount double, note string"
    )
    with pytest.raises(AnalysisException, match="schema mismatch"):
        wider.write.format("delta").mode("append").save(path)
    wrong = spark.createDataFrame([("2",)], "id string")
    with pytest.raises(AnalysisException, match="Failed to merge"):
        wrong.write.format("delta").mode("append").save(path)
    wider.write.format("delta").mode("append").option("mergeSchema", "true").save(path)
    spark.createDataFrame([(3,)], "id bigint").write.format("delta").mode("append").save(path)
    assert rows(spark.read.format("delta").load(path)) == [
        (1, "eu", 1.5, None),
        (2, "us", 2.5, "new"),
        (3, None, None, None),
    ]
    wrong.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(path)
    assert spark.read.format("delta").load(path).schema.simpleString() == "struct<id:string>"


def test_parts_are_overwritten(spark: Any, path: str) -> None:
    from pyspark.errors import AnalysisException

    orders(spark, (1, "eu", 1.0), (2, "us", 2.0), (3, "us", 30.0)).write.format("delta").partitionBy(
        "region"
    ).save(path)
    write = orders(spark, (5, "us", 5.0)).write.format("delta").mode("overwrite")
    write.option("replaceWhere", "region = 'us' AND amount < 10").save(path)
    assert rows(spark.read.format("delta").load(path)) == [(1, "eu", 1.0), (3, "us", 30.0), (5, "us", 5.0)]
    with pytest.raises(AnalysisException, match="does not conform"):
        orders(spark, (6, "eu", 5.0)).write.format("delta").mode("overwrite").option(
            "replaceWhere", "region = 'us'"
        ).save(path)
    orders(spark, (7, "us", 7.0), (8, "as", 8.0)).write.format("delta").mode("overwrite").option(
        "partitionOverwriteMode", "dynamic"
    ).save(path)
    assert rows(spark.read.format("delta").load(path)) == [(1, "eu", 1.0), (7, "us", 7.0), (8, "as", 8.0)]


def test_partitions_of_empty_texts_and_of_times_are_overwritten(
    spark: Any, path: str, query: Any, zone: Callable[[str], None]
) -> None:
    table = spark.createDataFrame([(1, ""), (2, "x")], "id bigint, p string")
    table.write.format("delta").partitionBy("p").save(f"{path}/texts")
    spark.createDataFrame([(3, "")], "id bigint, p string").write.format("delta").mode("overwrite").option(
        "partitionOverwriteMode", "dynamic"
    ).save(f"{path}/texts")
    assert rows(spark.read.format("delta").load(f"{path}/texts")) == [(2, "x"), (3, None)]

    zone("America/New_York")
    when = "timestamp'2020-01-01 05:00:00'"
    spark.sql(f"select 1L id, {when} p").write.format("delta").partitionBy("p").save(f"{path}/times")
    shown = f"select id, cast(p as string) from delta.`{path}/times`"
    spark.sql(f"update delta.`{path}/times` set id = 2")
    assert query(shown) == [(2, "2020-01-01 05:00:00")]
    spark.sql(f"select 3L id, {when} p").write.format("delta").mode("overwrite").option(
        "partitionOverwriteMode", "dynamic"
    ).save(f"{path}/times")
    assert query(shown) == [(3, "2020-01-01 05:00:00")]


def test_writes_of_one_transaction_id_count_once(spark: Any, path: str) -> None:
    from delta.tables import DeltaTable

    for _ in range(2):
        orders(spark, (1, "eu", 1.5)).write.format("delta").mode("append").option("txnAppId", "job").option(
            "txnVersion", "4"
        ).option("userMetadata", "mine").save(path)
    assert spark.read.format("delta").load(path).count() == 1
    for amount in (2.0, 3.0):
        orders(spark, (2, "eu", amount)).write.format("delta").mode("overwrite").option(
            "replaceWhere", "id = 2"
        ).option("txnAppId", "job").option("txnVersion", "5").option("userMetadata", "part").save(path)
    assert rows(spark.read.format("delta").load(path)) == [(1, "eu", 1.5), (2, "eu", 2.0)]
    history = DeltaTable.forPath(spark, path).history(1).select("userMetadata").collect()
    assert history == [("part",)]


def test_sql_on_catalog_tables(spark: Any, database: str, query: Any) -> None:
    import boto3

    table = f"{database}.orders"
    spark.sql(
        f"CREATE TABLE {table} (id BIGINT, region STRING, amount DOUBLE) USING delta PARTITIONED BY (region)"
    )
    spark.sql(f"INSERT INTO {table} VALUES (1,'eu',1.5),(2,'us',2.5),(3,'us',3.5)")
    assert query(f"SELECT id, region, amount FROM {table} ORDER BY id") == [
        (1, "eu", 1.5),
        (2, "us", 2.5),
        (3, "us", 3.5),
    ]
    entry = boto3.client("glue").get_table(DatabaseName=database, Name="orders")["Table"]
    assert entry["Parameters"]["spark.sql.sources.provider"] == "delta"
    assert [one["Name"] for one in entry["StorageDescriptor"]["Columns"]] == ["id", "region", "amount"]
    spark.sql(f"UPDATE {table} SET amount = amount * 2 WHERE region = 'us'")
    spark.sql(f"DELETE FROM {table} AS o WHERE o.id = 2")
    spark.createDataFrame(
        [(3, "us", 0.5), (4, "as", 4.0)], "id bigint, region string, amount double"
    ).createOrReplaceTempView("changes")
    spark.sql(
        f"MERGE INTO {table} t USING changes s ON t.id = s.id WHEN MATCHED AND s.amount < 1 THEN UPDATE SET amount = "
        "t.amount + s.amount WHEN NOT MATCHED THEN INSERT *"
    )
    assert query(f"SELECT id, region, amount FROM {table} ORDER BY id") == [
        (1, "eu", 1.5),
        (3, "us", 7.5),
        (4, "as", 4.0),
    ]
    spark.sql(f"INSERT OVERWRITE {table} PARTITION (region = 'us') SELECT 9L, 9.0D")
    assert query(f"SELECT id FROM {table} ORDER BY id") == [(1,), (4,), (9,)]
    spark.sql(f"ALTER TABLE {table} ADD COLUMNS (note STRING)")
    spark.sql(f"INSERT INTO {table} (id, region) VALUES (10, 'eu')")
    assert query(f"SELECT id, note FROM {table} WHERE region = 'eu' ORDER BY id") == [(1, None), (10, None)]
    operations = [row.operation for row in spark.sql(f"DESCRIBE HISTORY {table}").collect()]
    assert operations[-1] == "CREATE TABLE"
    assert {"UPDATE", "DELETE", "MERGE"} <= set(operations)
    spark.sql(f"RESTORE TABLE {table} TO VERSION AS OF 1")
    assert query(f"SELECT count(*) FROM {table}") == [(3,)]
    spark.sql(f"DROP TABLE {table}")
    assert boto3.client("glue").get_tables(DatabaseName=database)["TableList"] == []


def test_save_as_table_and_glue_calls(spark: Any, glue: Any, database: str, path: str) -> None:
    from awsglue.dynamicframe import DynamicFrame

    orders(spark, (1, "eu", 1.5)).write.format("delta").saveAsTable(f"{database}.managed")
    orders(spark, (2, "us", 2.5)).write.format("delta").mode("append").saveAsTable(f"{database}.managed")
    orders(spark, (3, "us", 3.5)).write.insertInto(f"{database}.managed")
    frame = glue.create_data_frame.from_catalog(database=database, table_name="managed")
    assert rows(frame) == [(1, "eu", 1.5), (2, "us", 2.5), (3, "us", 3.5)]
    dynamic = glue.create_dynamic_frame.from_catalog(database=database, table_name="managed")
    assert dynamic.count() == 3
    more = DynamicFrame.fromDF(orders(spark, (4, "as", 4.5)), glue, "more")
    glue.write_dynamic_frame.from_catalog(frame=more, database=database, table_name="managed")
    glue.write_data_frame.from_catalog(
        frame=orders(spark, (5, "as", 5.5)), database=database, table_name="managed"
    )
    assert glue.create_data_frame.from_catalog(database, "managed").count() == 5
    glue.write_dynamic_frame.from_options(
        frame=dynamic, connection_type="delta", connection_options={"path": path, "partitionKeys": ["region"]}
    )
    again = glue.create_dynamic_frame.from_options(connection_type="delta", connection_options={"path": path})
    assert rows(again.toDF()) == [(1, "eu", 1.5), (2, "us", 2.5), (3, "us", 3.5)]
    old = glue.create_data_frame.from_options(
        connection_type="delta", connection_options={"path": path, "versionAsOf": "0"}
    )
    assert old.count() == 3


def test_delta_tables_api(spark: Any, path: str, database: str) -> None:
    from delta.tables import DeltaTable
    from pyspark.sql import functions as fn

    orders(spark, (1, "eu", 1.0), (2, "us", 2.0), (3, "us", 3.0)).write.format("delta").save(path)
    assert DeltaTable.isDeltaTable(spark, path)
    assert not DeltaTable.isDeltaTable(spark, path + "x")
    table = DeltaTable.forPath(spark, path)
    table.update(fn.col("id") == 1, {"amount": fn.lit(10.0), "region": "concat(region, '!')"})
    table.delete("id = 2")
    changes = orders(spark, (3, "as", 30.0), (4, "as", 40.0), (5, "zz", None))
    (
        table.alias("t")
        .merge(changes.alias("s"), fn.col("t.id") == fn.col("s.id"))
        .whenMatchedUpdate(set={"amount": fn.col("s.amount") + fn.col("t.amount")})
        .whenNotMatchedInsert(
            "s.amount IS NOT NULL", {"id": "s.id", "region": fn.lit("in"), "amount": "s.amount"}
        )
        .whenNotMatchedBySourceDelete("t.region = 'nowhere'")
        .execute()
    )
    assert rows(table.toDF()) == [(1, "eu!", 10.0), (3, "us", 33.0), (4, "in", 40.0)]
    table.alias("t").merge(
        changes.alias("s"), "t.id = s.id"
    ).whenMatchedDelete().whenNotMatchedInsertAll().execute()
    assert rows(table.toDF()) == [(1, "eu!", 10.0), (5, "zz", None)]
    assert [row.operation for row in table.history().collect()][:3] == ["MERGE", "MERGE", "DELETE"]
    table.restoreToVersion(0)
    assert table.toDF().count() == 3
    made = (
        DeltaTable.createIfNotExists(spark)
        .tableName(f"{database}.made")
        .addColumn("id", "BIGINT")
        .addColumn("p", "STRING")
        .partitionedBy("p")
        .execute()
    )
    assert made.toDF().schema.simpleString() == "struct<id:bigint,p:string>"
    assert made.detail().select("partitionColumns").collect()[0][0] == ["p"]


def test_merge_refuses_two_sources_for_one_row(spark: Any, path: str) -> None:
    from delta.exceptions import DeltaUnsupportedOperation
    from delta.tables import DeltaTable

    orders(spark, (1, "eu", 1.0)).write.format("delta").save(path)
    changes = orders(spark, (1, "a", 1.0), (1, "b", 2.0))
    merge = DeltaTable.forPath(spark, path).alias("t").merge(changes.alias("s"), "t.id = s.id")
    with pytest.raises(DeltaUnsupportedOperation, match="multiple source rows"):
        merge.whenMatchedUpdateAll().execute()
    assert rows(spark.read.format("delta").load(path)) == [(1, "eu", 1.0)]


def test_merge_leaves_a_row_one_row(spark: Any, path: str) -> None:
    """Of two source rows that meet one row, only one acts."""
    from delta.tables import DeltaTable

    orders(spark, (1, "eu", 1.0), (2, "eu", 2.0)).write.format("delta").save(path)
    changes = orders(spark, (1, "a", 5.0), (1, "b", -5.0), (2, "c", -1.0)).alias("s")
    merge = DeltaTable.forPath(spark, path).alias("t").merge(changes, "t.id = s.id")
    merge.whenMatchedUpdateAll("s.amount > 0").execute()
    assert rows(spark.read.format("delta").load(path)) == [(1, "a", 5.0), (2, "eu", 2.0)]


def test_a_commit_whose_answer_is_lost_counts_once(
    spark: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library asks a second time, finds its own commit there, and takes it for somebody else's."""
    import deltalake
    from deltalake.exceptions import CommitFailedError

    orders(spark, (1, "eu", 1.0)).write.format("delta").save(path)
    commit, lost = deltalake.DeltaTable.create_write_transaction, []

    def losing(*given: Any, **named: Any) -> None:
        commit(*given, **named)
        if not lost:
            lost.append(True)
            raise CommitFailedError("version exists")

    monkeypatch.setattr(deltalake.DeltaTable, "create_write_transaction", losing)
    spark.sql(f"update delta.`{path}` set amount = amount + 1")
    assert lost
    assert rows(spark.read.format("delta").load(path)) == [(1, "eu", 2.0)]


def test_vacuum_takes_no_file_before_its_time(spark: Any, path: str) -> None:
    for _ in range(2):
        orders(spark, (1, "eu", 1.0)).write.format("delta").mode("overwrite").save(path)
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    try:
        assert spark.sql(f"VACUUM delta.`{path}` RETAIN 0.5 HOURS DRY RUN").collect() == []
        assert len(spark.sql(f"VACUUM delta.`{path}` RETAIN 0 HOURS DRY RUN").collect()) == 1
    finally:
        spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")


def test_vacuum_and_optimize(spark: Any, path: str) -> None:
    from delta.tables import DeltaTable
    from pyspark.errors import IllegalArgumentException

    for number in range(3):
        orders(spark, (number, "eu", 1.0)).write.format("delta").mode("append").save(path)
    table = DeltaTable.forPath(spark, path)
    table.optimize().executeCompaction()
    assert table.detail().select("numFiles").collect()[0][0] == 1
    with pytest.raises(IllegalArgumentException, match="low retention"):
        table.vacuum(0)
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    try:
        table.vacuum(0)
    finally:
        spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
    assert spark.read.format("delta").load(path).count() == 3
    import boto3

    name, _, key = path.removeprefix("s3://").partition("/")
    left = boto3.client("s3").list_objects_v2(Bucket=name, Prefix=key)["Contents"]
    assert (
        len([one for one in left if one["Key"].endswith(".parquet") and "_delta_log" not in one["Key"]]) == 1
    )


def test_constraints_hold(spark: Any, database: str) -> None:
    from delta.exceptions import InvariantViolation

    spark.sql(f"CREATE TABLE {database}.t (id BIGINT) USING delta")
    spark.sql(f"ALTER TABLE {database}.t ADD CONSTRAINT small CHECK (id < 100)")
    spark.sql(f"INSERT INTO {database}.t VALUES (1)")
    with pytest.raises(InvariantViolation):
        spark.sql(f"INSERT INTO {database}.t VALUES (100)")
    with pytest.raises(InvariantViolation):
        spark.sql(f"UPDATE {database}.t SET id = 200")
    assert rows(spark.table(f"{database}.t")) == [(1,)]


def test_many_writers_at_once_lose_nothing(spark: Any, path: str) -> None:
    """Appends and merges of several threads: each is one commit, and all rows are there."""
    from delta.tables import DeltaTable

    orders(spark, (0, "eu", 0.0)).write.format("delta").save(path)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            if number % 2:
                orders(spark, (number, "a", 1.0)).write.format("delta").mode("append").save(path)
            else:
                table = DeltaTable.forPath(spark, path).alias("t")
                one = orders(spark, (0, "eu", 1.0), (number, "m", 1.0)).alias("s")
                table.merge(one, "t.id = s.id").whenMatchedUpdate(
                    set={"amount": "t.amount + s.amount"}
                ).whenNotMatchedInsertAll().execute()
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    found = rows(spark.read.format("delta").load(path))
    assert [row[0] for row in found] == [0, 1, 2, 3, 4, 5, 6]
    assert found[0][2] == 3.0


def test_appends_meet_an_overwrite_and_a_new_table(spark: Any, tmp_path: Path) -> None:
    """An append reads nothing: whatever others commit meanwhile, its row is there unless it was overwritten."""
    from delta.exceptions import ConcurrentModificationException

    path = f"file://{tmp_path}/t"
    errors: list[BaseException] = []

    def work(number: int) -> None:
        mode = "overwrite" if number == 3 else "append"
        try:
            orders(spark, (number, "a", 1.0)).write.format("delta").mode(mode).save(path)
        except BaseException as error:  # noqa: BLE001 - looked at below
            errors.append(error)

    def together(numbers: range) -> None:
        threads = [threading.Thread(target=work, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    together(range(3))
    assert errors == []
    assert [row[0] for row in rows(spark.read.format("delta").load(path))] == [0, 1, 2]
    together(range(3, 9))
    found = {row[0] for row in rows(spark.read.format("delta").load(path))}
    # The overwrite may be refused as it was computed from an older version; no append is.
    assert all(isinstance(error, ConcurrentModificationException) for error in errors)
    assert found <= (set(range(3, 9)) if not errors else set(range(9)) - {3})
    assert 3 in found or errors
    assert spark.read.format("delta").load(path).count() == len(found)


def with_vector(folder: Path, deleted: list[int]) -> None:
    """Delete rows of the table's one file by a vector in the log, as Spark's Delta does."""
    import base64
    import struct

    from pyroaring import BitMap

    bitmap = BitMap(deleted).serialize()
    raw = struct.pack("<iqi", 1681511377, 1, 0) + bitmap
    raw += b"\0" * (-len(raw) % 4)
    first = (folder / "_delta_log" / "00000000000000000000.json").read_text().splitlines()
    add = next(json.loads(line)["add"] for line in first if "add" in json.loads(line))
    metadata = next(line for line in first if "metaData" in json.loads(line))
    remove = {
        "path": add["path"],
        "dataChange": True,
        "deletionTimestamp": add["modificationTime"],
        "size": add["size"],
    }
    z85 = base64.b85encode(raw).decode().translate(Z85)
    vector = {"storageType": "i", "pathOrInlineDv": z85, "sizeInBytes": len(raw), "cardinality": len(deleted)}
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    lines = [
        json.dumps({"commitInfo": {"timestamp": add["modificationTime"], "operation": "DELETE"}}),
        json.dumps({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}}),
        metadata,
        json.dumps({"remove": remove}),
        json.dumps({"add": {**add, "deletionVector": vector}}),
    ]
    (folder / "_delta_log" / "00000000000000000001.json").write_text("\n".join(lines))


def test_deletion_vectors_are_read_and_left_alone(spark: Any, tmp_path: Path) -> None:
    from awsglue._runtime.failures import EngineRefused

    folder = tmp_path / "t"
    values = [(number,) for number in range(5)]
    spark.createDataFrame(values, "id bigint").write.format("delta").save(f"file://{folder}")
    with_vector(folder, [1, 3])
    assert rows(spark.read.format("delta").load(f"file://{folder}")) == [(0,), (2,), (4,)]
    with pytest.raises(EngineRefused, match="deletion vectors"):
        spark.sql(f"DELETE FROM delta.`file://{folder}` WHERE id = 0")
    spark.createDataFrame([(9,)], "id bigint").write.format("delta").mode("append").save(f"file://{folder}")
    assert rows(spark.read.format("delta").load(f"file://{folder}")) == [(0,), (2,), (4,), (9,)]


def test_rows_are_inserted_by_position(spark: Any, database: str) -> None:
    table, ids = f"{database}.placed", "a int, b string, c string"
    spark.sql(f"CREATE TABLE {table} (id int, name string, day string) USING delta PARTITIONED BY (day)")

    def insert(*values: tuple[Any, ...], **given: Any) -> None:
        frame = spark.createDataFrame(list(values), ids)
        frame.write.option("partitionOverwriteMode", "dynamic").insertInto(table, **given)

    insert((1, "a", "x"), (2, "b", "y"))
    insert((3, "c", "y"), overwrite=True)
    assert rows(spark.table(table)) == [(1, "a", "x"), (3, "c", "y")]
    with pytest.raises(Exception, match="NOT_ENOUGH_DATA_COLUMNS"):
        spark.createDataFrame([(1,)], "id int").write.insertInto(table)
