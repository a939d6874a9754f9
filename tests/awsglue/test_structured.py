"""spark.readStream and writeStream over Kafka, against a real broker; on Apache Spark without a connector."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))
pytest.importorskip("confluent_kafka", reason="runtimes have confluent-kafka: make runtimes")

from tests.kafka import broker, send

from awsglue._runtime.engine import installed


@pytest.fixture(scope="module")
def cluster():
    with broker() as address:
        yield address


@pytest.fixture
def topic(cluster):
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def stream(spark, cluster, topic):
    def make(**more):
        reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", cluster)
        return reader.options(subscribe=topic, startingOffsets="earliest", **more).load()

    return make


def test_foreach_batch(spark, stream, cluster, topic, tmp_path):
    from pyspark.sql import functions as fn

    send(cluster, topic, [("k", json.dumps({"n": n})) for n in range(10)])
    frame = stream()
    assert frame.columns == ["key", "value", "topic", "partition", "offset", "timestamp", "timestampType"]
    found = []
    values = frame.select(
        fn.from_json(fn.col("value").cast("string"), "n int")["n"].alias("n"),
        frame.key.cast("string"),
    )
    query = (
        values.writeStream.foreachBatch(
            lambda df, number: found.append((number, sorted(r.n for r in df.collect())))
        )
        .option("checkpointLocation", str(tmp_path / "c"))
        .trigger(processingTime="100 milliseconds")
        .queryName("q")
        .start()
    )
    query.processAllAvailable()
    assert found == [(0, list(range(10)))]
    assert query.isActive
    assert spark.streams.get(query.id) is query
    send(cluster, topic, [json.dumps({"n": 10})])
    query.processAllAvailable()
    query.stop()
    assert not query.isActive
    assert query.awaitTermination(1) is True
    assert found[1:] == [(1, [10])]
    assert query.lastProgress["numInputRows"] == 1


@pytest.mark.parametrize(("once", "least", "most"), [({"availableNow": True}, 3, 10), ({"once": True}, 1, 1)])
def test_what_is_there_at_the_start(stream, cluster, topic, tmp_path, once, least, most):
    send(cluster, topic, [str(n) for n in range(10)])
    found = []

    def take(df, number):
        found.append([bytes(row.value) for row in df.collect()])
        # What arrives meanwhile is for the next start.
        send(cluster, topic, ["late"])

    for wanted in (10, None):
        writer = stream(maxOffsetsPerTrigger=4).writeStream.trigger(**once).foreachBatch(take)
        writer.option("checkpointLocation", str(tmp_path / "c")).start().awaitTermination()
        if wanted:
            assert sorted(one for batch in found for one in batch) == [str(n).encode() for n in range(10)]
            assert least <= len(found) <= most
            late = len(found)
            found.clear()
    assert [one for batch in found for one in batch] == [b"late"] * late


def test_failures_are_told(stream, cluster, topic, tmp_path):
    from pyspark.errors import StreamingQueryException

    send(cluster, topic, ["1"])

    def fail(df, number):
        raise ValueError("boom")

    query = stream().writeStream.foreachBatch(fail).option("checkpointLocation", str(tmp_path / "c")).start()
    with pytest.raises(StreamingQueryException, match="boom"):
        query.awaitTermination(300)
    assert "boom" in str(query.exception())


def test_to_kafka_and_back(spark, stream, cluster, topic, tmp_path):
    send(cluster, topic, [str(n) for n in range(5)])
    sink = stream().selectExpr("concat('x', cast(value as string)) as value", "'k' as key")
    writer = sink.writeStream.format("kafka").option("kafka.bootstrap.servers", cluster)
    writer = writer.option("topic", topic + "out").option("checkpointLocation", str(tmp_path / "c"))
    writer.trigger(availableNow=True).start().awaitTermination()
    reader = spark.read.format("kafka").option("kafka.bootstrap.servers", cluster)
    back = reader.option("subscribe", topic + "out").load()
    assert sorted(bytes(row.value) for row in back.collect()) == [b"x0", b"x1", b"x2", b"x3", b"x4"]
    rows = spark.createDataFrame([("y",)], "value string")
    rows.write.format("kafka").option("kafka.bootstrap.servers", cluster).option(
        "topic", topic + "out"
    ).save()
    assert reader.option("subscribe", topic + "out").load().count() == 6


def test_rows_that_are_no_records(spark, cluster, topic):
    from pyspark.errors import AnalysisException

    def write(made, **more):
        options = {"kafka.bootstrap.servers": cluster, **more}
        made.write.format("kafka").options(**options).save()

    for columns, row in (("value int", (5,)), ("value string, key int", ("x", 5))):
        with pytest.raises(AnalysisException, match="has to be string or binary"):
            write(spark.createDataFrame([row], columns), topic=topic)
    with pytest.raises(ValueError, match="has no topic"):
        write(spark.createDataFrame([("x", None)], "value string, topic string"))


def test_what_is_not_exact_is_refused(spark, stream, cluster, topic, tmp_path):
    from awsglue._runtime.failures import EngineRefused

    # Other sources are Spark's own, where there is Spark.
    others = (lambda: spark.readStream.format("rate").load(), lambda: spark.readStream.json("/tmp"))
    for refused in (
        *(others if installed() == "sail" else ()),
        lambda: stream().writeStream.format("parquet").start(str(tmp_path)),
        lambda: stream().writeStream.format("console").start(),
        lambda: stream().writeStream.format("memory").queryName("m").start(),
        lambda: stream().writeStream.trigger(continuous="1 second"),
        lambda: stream(startingOffsetsByTimestamp="{}"),
    ):
        with pytest.raises(EngineRefused):
            refused()
    with pytest.raises(NotImplementedError):
        stream().groupBy("key")


@pytest.mark.notimpl("sail", "the embedded engine has no streams of its own")
def test_queries_of_spark_beside_ours(spark, stream, cluster, topic, tmp_path):
    spark.streams.resetTerminated()
    send(cluster, topic, ["1"])
    rates = spark.readStream.format("rate").load().writeStream.format("noop")
    rates = rates.option("checkpointLocation", str(tmp_path / "rates")).start()
    found = []
    ours = stream().writeStream.foreachBatch(lambda df, number: found.append(df.count()))
    ours = ours.option("checkpointLocation", str(tmp_path / "ours")).start()
    assert {one.id for one in spark.streams.active} == {rates.id, ours.id}
    assert spark.streams.get(ours.id) is ours
    assert spark.streams.get(rates.id).id == rates.id
    assert spark.streams.awaitAnyTermination(0.3) is False
    ours.processAllAvailable()
    assert found == [1]
    ours.stop()
    assert spark.streams.awaitAnyTermination(60) is True
    spark.streams.resetTerminated()
    assert [one.id for one in spark.streams.active] == [rates.id]
    rates.stop()
    assert spark.streams.awaitAnyTermination(60) is True
    assert spark.streams.active == []
