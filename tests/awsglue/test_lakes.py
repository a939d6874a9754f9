"""Delta and Hudi tables on whichever engine: the same rows, also beside what Apache Spark alone can do."""

from __future__ import annotations

import datetime
import json
import math
import uuid
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from awsglue._runtime.engine import installed
from awsglue._runtime.failures import EngineRefused

SPARK = installed() == "spark"
HUDI = {
    "hoodie.table.name": "orders",
    "hoodie.datasource.write.recordkey.field": "id",
    "hoodie.datasource.write.precombine.field": "amount",
    "hoodie.datasource.write.partitionpath.field": "region",
}


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=repr)


def orders(spark: Any, *values: tuple[Any, ...]) -> Any:
    return spark.createDataFrame(list(values), "id bigint, region string, amount double")


def writer(frame: Any, kind: str) -> Any:
    told = frame.write.format(kind)
    return told.options(**HUDI) if kind == "hudi" else told.partitionBy("region")


@pytest.mark.notimpl("sail", "exp() and stddev() are left to Apache Spark")
@pytest.mark.parametrize("kind", ["delta", "hudi"])
def test_a_table_is_read_and_written_beside_functions_of_spark_alone(
    spark: Any, tmp_path: Path, kind: str
) -> None:
    from pyspark.sql import functions as fn

    path = str(tmp_path / "orders")
    writer(orders(spark, (1, "eu", 0.0), (2, "us", 1.0), (3, "eu", 2.0)), kind).mode("overwrite").save(path)
    table = spark.read.format(kind).load(path)
    spread = rows(table.groupBy("region").agg(fn.stddev("amount")))
    assert spread == [("eu", pytest.approx(math.sqrt(2))), ("us", None)]
    raised = table.select(fn.col("id") + 10, "region", fn.exp("amount")).toDF("id", "region", "amount")
    writer(raised, kind).mode("append").save(path)
    found = rows(spark.read.format(kind).load(path).select("id", "region", "amount"))
    assert [row[:2] for row in found] == [
        (1, "eu"),
        (11, "eu"),
        (12, "us"),
        (13, "eu"),
        (2, "us"),
        (3, "eu"),
    ]
    assert [row[2] for row in found[1:4]] == pytest.approx([1.0, math.e, math.e**2])


def test_every_type_comes_and_goes(spark: Any, tmp_path: Path) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    path = str(tmp_path / "types")
    long_ago, soon = datetime.date(1, 1, 1), datetime.datetime(2031, 2, 3, 4, 5, 6, 789012)
    # By the library: days before the calendar of today, which Spark's own writer asks about first.
    given = pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            "day": pa.array([long_ago, None], pa.date32()),
            "at": pa.array([soon, None], pa.timestamp("us", "UTC")),
            "local": pa.array([soon, None], pa.timestamp("us")),
            "price": pa.array([Decimal("12345678901234567890.123456789"), None], pa.decimal128(38, 9)),
            "tree": pa.array(
                [[{"a": 1, "b": [b"x", None]}], None],
                pa.list_(pa.struct([("a", pa.int32()), ("b", pa.list_(pa.binary()))])),
            ),
            "known": pa.array([[("k", 1.5)], []], pa.map_(pa.string(), pa.float32())),
            "part": pa.array([None, "a=b/c %"], pa.string()),
        }
    )
    write_deltalake(path, given, partition_by=["part"])
    read = spark.read.format("delta").load(path)
    kinds = {item.name: item.dataType.simpleString() for item in read.schema.fields}
    assert kinds == {
        "id": "bigint",
        "day": "date",
        "at": "timestamp",
        "local": "timestamp_ntz",
        "price": "decimal(38,9)",
        "tree": "array<struct<a:int,b:array<binary>>>",
        "known": "map<string,float>",
        "part": "string",
    }
    assert rows(read.selectExpr("id", "CAST(day AS string)", "part")) == [
        (1, "0001-01-01", None),
        (2, None, "a=b/c %"),
    ]
    late = read.where("id = 2 OR day < DATE'1000-01-01'").drop("day")
    late.write.format("delta").partitionBy("part").save(path + "-again")
    again = spark.read.format("delta").load(path + "-again")
    assert rows(again) == rows(late)
    first = next(row for row in again.collect() if row["id"] == 1).asDict(recursive=True)
    assert (first["local"], first["price"]) == (soon, Decimal("12345678901234567890.123456789"))
    assert (first["tree"], first["known"]) == ([{"a": 1, "b": [b"x", None]}], {"k": 1.5})


@pytest.mark.parametrize("calendar", [None, "LEGACY"])
def test_ancient_days_are_in_the_calendar_of_tables(spark: Any, tmp_path: Path, calendar: str | None) -> None:
    prefix, path = "spark.sql.parquet.", str(tmp_path / "ancient")
    told = {
        prefix + "int96RebaseModeInWrite": calendar,
        prefix + "datetimeRebaseModeInWrite": calendar,
        prefix + "writeLegacyFormat": "true",
        prefix + "outputTimestampType": "TIMESTAMP_MILLIS",
    }
    told = {key: value for key, value in told.items() if value}
    asked = [prefix + "datetimeRebaseModeInWrite", prefix + "outputTimestampType"]
    before = {key: spark.conf.get(key, None) for key in (*told, *asked)}
    try:
        for key, value in told.items():
            spark.conf.set(key, value)
        during = [spark.conf.get(key, None) for key in asked]
        frame = spark.sql(
            "SELECT 1 AS id, DATE'1400-02-03' AS day, TIMESTAMP'1850-01-01 00:00:00.123456' AS at, "
            "array(DATE'0001-01-01', NULL) AS days"
        )
        frame.write.format("delta").save(path)
        # What the script has set for its own files is as it was.
        assert [spark.conf.get(key, None) for key in asked] == during
        assert spark.conf.get(prefix + "writeLegacyFormat", None) == "true"
    finally:
        for key, value in before.items():
            spark.conf.unset(key) if value is None else spark.conf.set(key, value)
    read = spark.read.format("delta").load(path)
    found = read.selectExpr("CAST(day AS string)", "CAST(at AS string)", "days")
    assert rows(found) == [("1400-02-03", "1850-01-01 00:00:00.123456", [datetime.date(1, 1, 1), None])]


def test_sql_catalog_and_classes_serve_the_same_table(
    spark: Any, glue: Any, catalog: tuple[Any, str]
) -> None:
    import boto3
    from delta.tables import DeltaTable

    from awsglue.dynamicframe import DynamicFrame

    bucket, name = f"b-{uuid.uuid4().hex[:10]}", f"{catalog[1]}.orders"
    boto3.client("s3").create_bucket(Bucket=bucket)
    path = f"s3://{bucket}/orders"
    spark.sql(
        f"CREATE TABLE {name} (id bigint, region string, amount double) USING delta PARTITIONED BY (region) "
        f"LOCATION '{path}'"
    )
    spark.sql(f"INSERT INTO {name} VALUES (1, 'eu', 1.5), (2, 'us', null), (3, 'eu', 3.5)")
    orders(spark, (2, "us", 2.5), (4, "eu", 4.5)).createOrReplaceTempView("coming")
    spark.sql(
        f"MERGE INTO {name} t USING coming s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    spark.sql(f"UPDATE {name} SET amount = amount * 2 WHERE region = 'us'")
    spark.sql(f"DELETE FROM {name} WHERE id = 1")
    assert rows(spark.table(name)) == [(2, "us", 5.0), (3, "eu", 3.5), (4, "eu", 4.5)]
    more = orders(spark, (4, "eu", -4.5), (5, "us", 5.5)).alias("s")
    table = DeltaTable.forName(spark, name)
    merge = table.alias("t").merge(more, "t.id = s.id")
    merge.whenMatchedDelete("s.amount < 0").whenNotMatchedInsertAll().execute()
    frame = DynamicFrame.fromDF(orders(spark, (6, "eu", 6.5)), glue, "more")
    glue.write_dynamic_frame.from_catalog(frame, database=catalog[1], table_name="orders")
    read = glue.create_dynamic_frame.from_catalog(database=catalog[1], table_name="orders").toDF()
    wanted = [(2, "us", 5.0), (3, "eu", 3.5), (5, "us", 5.5), (6, "eu", 6.5)]
    assert rows(read) == rows(spark.read.format("delta").load(path)) == wanted
    assert rows(spark.sql(f"SELECT id FROM delta.`{path}` VERSION AS OF 1")) == [(1,), (2,), (3,)]
    # A number that has no room in its column is an error, whatever a cast would make of it.
    spark.sql(f"CREATE TABLE {catalog[1]}.small (n int) USING delta LOCATION '{path}-small'")
    with pytest.raises(Exception, match="overflow"):
        spark.sql(f"INSERT INTO {catalog[1]}.small VALUES (1), (3000000000)")
    assert rows(spark.table(f"{catalog[1]}.small")) == []
    assert [row["operation"] for row in table.history().collect()][1:-2] == [
        "MERGE",
        "DELETE",
        "UPDATE",
        "MERGE",
    ]


@pytest.mark.notimpl("sail", "streams of files are left to Apache Spark")
def test_batches_of_a_stream_are_merged(spark: Any, tmp_path: Path) -> None:
    from delta.tables import DeltaTable

    path, arriving = str(tmp_path / "orders"), tmp_path / "arriving"
    orders(spark, (1, "eu", 1.5)).write.format("delta").save(path)
    arriving.mkdir()
    for number, values in enumerate([[1, "eu", 10.5], [2, "us", 2.5]]):
        text = json.dumps(dict(zip(("id", "region", "amount"), values, strict=True)))
        (arriving / f"{number}.json").write_text(text + "\n")

    def take(batch: Any, number: int) -> None:
        table = DeltaTable.forPath(batch.sparkSession, path)
        merge = table.alias("t").merge(batch.alias("s"), "t.id = s.id")
        merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
        batch.write.format("delta").mode("append").save(path + "-all")

    stream = spark.readStream.schema("id bigint, region string, amount double").json(f"file://{arriving}")
    told = stream.writeStream.foreachBatch(take).option("checkpointLocation", str(tmp_path / "state"))
    told.trigger(availableNow=True).start().awaitTermination()
    assert rows(spark.read.format("delta").load(path)) == [(1, "eu", 10.5), (2, "us", 2.5)]
    assert spark.read.format("delta").load(path + "-all").count() == 2


def test_what_cannot_be_the_same_is_refused(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "orders")
    orders(spark, (1, "eu", 1.5)).write.format("delta").save(path)
    with pytest.raises(EngineRefused, match=r"stream|readStream"):
        spark.readStream.format("delta").load(path)
    with pytest.raises(EngineRefused, match="change data feed"):
        spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 0).load(path)
    if SPARK:
        with pytest.raises(EngineRefused, match="bucketBy"):
            orders(spark, (1, "eu", 1.5)).write.format("delta").bucketBy(2, "id").save(path + "-buckets")
        numbers = spark.readStream.format("rate").load()
        with pytest.raises(EngineRefused, match="writing a stream"):
            numbers.writeStream.format("delta").option("checkpointLocation", path + "-state").start(path)
        with pytest.raises(EngineRefused, match="toTable"):
            numbers.writeStream.option("checkpointLocation", path + "-state").toTable("numbers")
        with pytest.raises(EngineRefused, match="schema given"):
            spark.read.schema("id string").format("delta").load(path)


if SPARK:

    def test_jars_of_the_operator_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from awsglue._runtime import engine
        from awsglue._runtime.classic import lakes

        monkeypatch.setattr(engine.STATE, "session", None)
        jar = tmp_path / "own.jar"
        with zipfile.ZipFile(jar, "w") as opened:
            opened.writestr("io/delta/sql/DeltaSparkSessionExtension.class", b"")
        assert not lakes.brought("delta")
        monkeypatch.setenv("MASTIC_EXTRA_JARS", json.dumps([str(jar)]))
        assert lakes.brought("delta")
        assert not lakes.brought("hudi")
        monkeypatch.setenv("MASTIC_SPARK_PACKAGES", "org.apache.hudi:hudi-spark3.5-bundle_2.12:0.15.0")
        assert lakes.brought("hudi")
