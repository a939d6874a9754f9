"""Kafka as source and sink, against a real broker over the wire."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))
kafka = pytest.importorskip("confluent_kafka", reason="runtimes have confluent-kafka: make runtimes")

from streams import run  # noqa: E402
from tests.kafka import broker, send  # noqa: E402


@pytest.fixture(scope="module")
def cluster():
    with broker() as address:
        yield address


@pytest.fixture
def topic(cluster):
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def options(cluster, topic):
    return {
        "kafka.bootstrap.servers": cluster,
        "topicName": topic,
        "startingOffsets": "earliest",
        "classification": "json",
        "inferSchema": "true",
    }


def test_batches_have_numbers_and_every_record_once(glue, cluster, topic, options, tmp_path):
    send(cluster, topic, [json.dumps({"n": n, "name": f"é{n}"}) for n in range(20)])
    frame = glue.create_data_frame.from_options("kafka", options)
    assert frame.isStreaming
    first = run(glue, frame, tmp_path / "checkpoint", 20)
    assert [number for number, _ in first] == [0]
    assert sorted(row["n"] for row in first[0][1]) == list(range(20))
    assert {row["name"] for row in first[0][1]} == {f"é{n}" for n in range(20)}
    send(cluster, topic, [json.dumps({"n": n}) for n in range(20, 25)])
    second = run(glue, glue.create_data_frame.from_options("kafka", options), tmp_path / "checkpoint", 5)
    assert [number for number, _ in second] == [1]
    assert sorted(row["n"] for row in second[0][1]) == list(range(20, 25))


def test_limit_of_a_batch(glue, cluster, topic, options, tmp_path):
    send(cluster, topic, [json.dumps({"n": n}) for n in range(30)])
    frame = glue.create_data_frame.from_options("kafka", {**options, "maxOffsetsPerTrigger": "8"})
    batches = run(glue, frame, tmp_path / "checkpoint", 30)
    # Each of the four partitions moves on by one at least.
    assert all(1 <= len(rows) <= 8 + 3 for _, rows in batches)
    assert len(batches) > 2
    assert [number for number, _ in batches] == list(range(len(batches)))
    assert sorted(row["n"] for _, rows in batches for row in rows) == list(range(30))


def test_failed_batch_comes_again_with_the_same_records(glue, cluster, topic, options, tmp_path):
    send(cluster, topic, [json.dumps({"n": n}) for n in range(5)])
    seen = []

    def fail(df, batch_id):
        seen.append((batch_id, sorted(row["n"] for row in df.collect())))
        raise RuntimeError("no")

    place = {
        "windowSize": "1 second",
        "checkpointLocation": str(tmp_path / "checkpoint"),
        "batchMaxRetries": 1,
    }
    with pytest.raises(RuntimeError, match="no"):
        glue.forEachBatch(glue.create_data_frame.from_options("kafka", options), fail, place)
    assert seen == [(0, list(range(5)))] * 2
    # What arrives in between belongs to the next batch.
    send(cluster, topic, [json.dumps({"n": n}) for n in range(5, 9)])
    batches = run(glue, glue.create_data_frame.from_options("kafka", options), tmp_path / "checkpoint", 9)
    assert [(number, sorted(row["n"] for row in rows)) for number, rows in batches] == [
        (0, list(range(5))),
        (1, list(range(5, 9))),
    ]


def test_start_is_kept_before_the_first_batch(glue, cluster, topic, options, tmp_path):
    """Killed between start and first batch: "latest" still means what was the latest at the first start."""
    from awsglue._streams.checkpoint import Checkpoint
    from awsglue._streams.kafka_source import KafkaSource

    send(cluster, topic, ['{"n": 0}'])
    late = {**options, "startingOffsets": "latest"}
    source = KafkaSource(late)
    checkpoint = Checkpoint(location=str(tmp_path / "checkpoint"))
    assert checkpoint.open(source.identity()) is None
    checkpoint.start(source.begin())
    source.close()
    send(cluster, topic, ['{"n": 1}', '{"n": 2}'])
    batches = run(glue, glue.create_data_frame.from_options("kafka", late), tmp_path / "checkpoint", 2)
    assert sorted(row["n"] for _, rows in batches for row in rows) == [1, 2]


def test_schemas(glue, cluster, topic, options, tmp_path):
    send(
        cluster,
        topic,
        ['{"a": 1, "b": "x", "c": {"d": 2.5}}', "broken", ""],
        partition=0,
        headers=[("h", b"v")],
    )
    declared = {key: value for key, value in options.items() if key != "inferSchema"}
    frame = glue.create_data_frame.from_options(
        "kafka",
        {
            **declared,
            "schema": "`a` BIGINT, b STRING, c STRUCT<d: DOUBLE>",
            "addRecordTimestamp": "true",
            "includeHeaders": "true",
        },
    )
    assert frame.columns == ["a", "b", "c", "__src_timestamp", "glue_streaming_kafka_headers"]
    ((_, rows),) = run(glue, frame, tmp_path / "checkpoint", 3)
    first, broken, empty = rows
    assert (first["a"], first["b"], first["c"]) == (1, "x", {"d": 2.5})
    assert first["glue_streaming_kafka_headers"] == [{"key": "h", "value": "v"}]
    assert first["__src_timestamp"].year >= 2024
    assert broken["a"] is None
    assert empty["a"] is None
    assert empty["__src_timestamp"] == first["__src_timestamp"] or empty["__src_timestamp"] is not None


def test_transforms_before_the_batch(glue, spark, cluster, topic, options, tmp_path):
    from pyspark.sql import functions as fn

    send(cluster, topic, [json.dumps({"n": n, "k": n % 2}) for n in range(6)])
    declared = {key: value for key, value in options.items() if key != "inferSchema"}
    frame = glue.create_data_frame.from_options("kafka", {**declared, "schema": "n INT, k INT"})
    names = spark.createDataFrame([(0, "even"), (1, "odd")], "k int, name string")
    made = (
        frame.filter(frame.n > 1)
        .withColumn("twice", fn.col("n") * 2)
        .join(names, "k")
        .select("n", "twice", "name")
    )
    assert made.columns == ["n", "twice", "name"]
    ((_, rows),) = run(glue, made, tmp_path / "checkpoint", 4)
    assert sorted((row["n"], row["twice"], row["name"]) for row in rows) == [
        (2, 4, "even"),
        (3, 6, "odd"),
        (4, 8, "even"),
        (5, 10, "odd"),
    ]
    for refused in (
        lambda: frame.groupBy("k"),
        lambda: frame.select(fn.max("n")),
        lambda: frame.selectExpr("count(n)"),
        lambda: frame.select(fn.max_by("n", "k")),
        lambda: frame.selectExpr("array_agg(n)"),
        lambda: frame.select(fn.median("n")),
        lambda: frame.distinct(),
        lambda: frame.join(frame, "k"),
        lambda: frame.createOrReplaceTempView("v"),
    ):
        with pytest.raises(NotImplementedError):
            refused()
    with pytest.raises(Exception, match="streaming sources must be executed"):
        frame.show()
    with pytest.raises(Exception, match="nowhere"):
        frame.select("nowhere")


def test_batch_reads(glue, cluster, topic, options, records):
    send(cluster, topic, [f"{n},x{n}" for n in range(4)])
    frame = glue.create_dynamic_frame.from_options(
        "kafka", {**options, "classification": "csv", "inferSchema": "false"}
    )
    assert records(frame) == [{"col0": str(n), "col1": f"x{n}"} for n in range(4)]
    raw = glue.create_dynamic_frame.from_options(
        "kafka", {"bootstrap.servers": options["kafka.bootstrap.servers"], "topicName": topic}
    )
    assert {row.value.decode() for row in raw.toDF().collect()} == {f"{n},x{n}" for n in range(4)}


def test_ends_of_lines(glue, cluster, topic, options, records):
    """Only what ends a line for the engine's reader does: other characters that Unicode counts are text."""
    send(cluster, topic, ["a\u2028b,c\x85\nd,e\x0c\r\n"], partition=0)
    csv = {**options, "classification": "csv", "inferSchema": "false"}
    found = records(glue.create_dynamic_frame.from_options("kafka", csv))
    assert found == [{"col0": "a\u2028b", "col1": "c\x85"}, {"col0": "d", "col1": "e\x0c"}]
    stamped = {**csv, "delimiter": "-", "addRecordTimestamp": "true"}
    found = records(glue.create_dynamic_frame.from_options("kafka", stamped))
    assert [(row["col0"], row["__src_timestamp"].year > 2024) for row in found] == [
        ("a\u2028b,c\x85", True),
        ("d,e\x0c", True),
    ]
    send(cluster, topic, [""], partition=0)
    grok = {
        **options,
        "classification": "grokLog",
        "inferSchema": "false",
        "logFormat": "%{WORD:w},%{GREEDYDATA:r}",
    }
    found = records(glue.create_dynamic_frame.from_options("kafka", grok))
    assert [row["w"] for row in found] == ["b", "d", None]


def test_avro(glue, cluster, topic, options, records):
    import datetime as dt
    import io

    import fastavro

    schema = {
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "a", "type": "long"},
            {"name": "b", "type": ["null", "string"]},
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        ],
    }
    rows = [
        {"a": 1, "b": "x", "t": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)},
        {"a": 2, "b": None, "t": dt.datetime(2026, 1, 2, 3, 4, 6, tzinfo=dt.UTC)},
    ]
    bodies = []
    for row in rows:
        target = io.BytesIO()
        fastavro.schemaless_writer(target, schema, row)
        bodies.append(target.getvalue())
    send(cluster, topic, bodies)
    given = {**options, "classification": "avro", "schema": json.dumps(schema)}
    found = glue.create_dynamic_frame.from_options("kafka", given)
    assert sorted((one["a"], one["b"], one["t"].second) for one in records(found)) == [
        (1, "x", 5),
        (2, None, 6),
    ]
    send(cluster, topic, [bodies[0] + b"more"])
    with pytest.raises(ValueError, match="not of the Avro schema"):
        glue.create_dynamic_frame.from_options("kafka", given).count()


@pytest.mark.parametrize(
    "header", [b"\x03\x00" + b"0" * 16, b"\x00\x00\x00\x00\x07"], ids=["glue", "confluent"]
)
def test_headers_of_a_registry_are_refused(glue, cluster, topic, options, header):
    send(cluster, topic, [header + b'{"n": 1}'])
    with pytest.raises(NotImplementedError, match="schema registry"):
        glue.create_dynamic_frame.from_options("kafka", options).count()


def test_options_are_judged_at_once(glue, cluster, options):
    for wrong, kind in (
        ({"classification": "parquet"}, NotImplementedError),
        ({"kafka.sasl.mechanism": "AWS_MSK_IAM"}, NotImplementedError),
        ({"kafka.auto.offset.reset": "latest"}, ValueError),
        ({"assign": '{"t": [0]}'}, ValueError),
        ({"startingTimestamp": "2026-01-01T00:00:00Z"}, ValueError),
        ({"kafka.bootstrap.servers": ""}, ValueError),
        ({"classification": "csv", "inferSchema": "false", "includeHeaders": "true"}, NotImplementedError),
        ({"minOffsetsPerTrigger": "5"}, NotImplementedError),
        ({"startingOffsetsByTimestamp": "{}"}, NotImplementedError),
    ):
        with pytest.raises(kind):
            glue.create_data_frame.from_options("kafka", {**options, **wrong})


def test_unknown_topic(glue, options, tmp_path):
    frame = glue.create_data_frame.from_options("kafka", {**options, "topicName": "nobody"})
    with pytest.raises(RuntimeError, match="nobody"):
        glue.forEachBatch(
            frame, lambda df, n: None, {"windowSize": "1 second", "checkpointLocation": str(tmp_path / "c")}
        )


def test_another_streams_checkpoint(glue, cluster, topic, options, tmp_path):
    send(cluster, topic, ['{"n": 1}'])
    run(glue, glue.create_data_frame.from_options("kafka", options), tmp_path / "checkpoint", 1)
    other = glue.create_data_frame.from_options("kafka", {**options, "topicName": topic + "x"})
    with pytest.raises(ValueError, match="belongs to another stream"):
        run(glue, other, tmp_path / "checkpoint", 1)


def test_samples(glue, cluster, topic, options):
    send(cluster, topic, [json.dumps({"n": n}) for n in range(30)])
    frame = glue.create_data_frame.from_options("kafka", options)
    sample = glue.getSampleStreamingDynamicFrame(
        frame, {"windowSize": "100 milliseconds", "pollingTimeInMs": "90000", "recordPollingLimit": "7"}
    )
    assert sample.count() == 7
    with pytest.raises(ValueError, match="larger than windowSize"):
        glue.getSampleStreamingDynamicFrame(frame, {"windowSize": "10 seconds", "pollingTimeInMs": "5000"})


def test_writes(glue, frame, cluster, topic, options, records):
    made = frame(
        "n int, name string, at timestamp, parts array<int>", [(1, "é", None, [1, 2]), (2, None, None, None)]
    )
    sink = {"kafka.bootstrap.servers": cluster, "topicName": topic}
    glue.write_dynamic_frame.from_options(made, "kafka", {**sink, "key": "k"})
    raw = glue.create_dynamic_frame.from_options("kafka", sink).toDF().collect()
    assert {bytes(row.key) for row in raw} == {b"k"}
    assert sorted((json.loads(bytes(row.value)) for row in raw), key=lambda one: one["n"]) == [
        {"n": 1, "name": "é", "parts": [1, 2]},
        {"n": 2},
    ]
    flat = frame("n int, name string", [(1, "a,b"), (2, None)])
    glue.write_dynamic_frame.from_options(
        flat, "kafka", {**sink, "topicName": topic + "c", "classification": "csv"}
    )
    back = {**options, "topicName": topic + "c", "classification": "csv", "inferSchema": "false"}
    assert records(glue.create_dynamic_frame.from_options("kafka", back)) == [
        {"col0": "1", "col1": "a,b"},
        {"col0": "2", "col1": None},
    ]
    schema = {
        "type": "record",
        "name": "r",
        "fields": [{"name": "n", "type": "int"}, {"name": "name", "type": ["null", "string"]}],
    }
    avro = {**sink, "topicName": topic + "a", "classification": "avro", "avroSchema": json.dumps(schema)}
    glue.write_dynamic_frame.from_options(flat, "kafka", avro)
    assert records(glue.create_dynamic_frame.from_options("kafka", avro)) == [
        {"n": 1, "name": "a,b"},
        {"n": 2, "name": None},
    ]


def test_a_broker_that_is_not_there(glue, frame, monkeypatch):
    from awsglue._sinks import streams

    options = {"kafka.bootstrap.servers": "127.0.0.1:1", "topicName": "t", "kafka.message.timeout.ms": "1000"}
    with pytest.raises(streams.RecordsNotWritten, match="did not take 1 records"):
        glue.write_dynamic_frame.from_options(frame("n int", [(1,)]), "kafka", options)


def test_connections_and_catalog_tables(glue, catalog, cluster, topic, tmp_path):
    client, database = catalog
    client.create_connection(
        ConnectionInput={
            "Name": database,
            "ConnectionType": "KAFKA",
            "ConnectionProperties": {"KAFKA_BOOTSTRAP_SERVERS": cluster, "KAFKA_SSL_ENABLED": "false"},
        }
    )
    client.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "events",
            "Parameters": {"classification": "csv"},
            "StorageDescriptor": {
                "Columns": [{"Name": "n", "Type": "int"}, {"Name": "name", "Type": "string"}],
                "Location": topic,
                "Parameters": {"typeOfData": "kafka", "topicName": topic, "connectionName": database},
                "SerdeInfo": {"Parameters": {"field.delim": "|"}},
            },
        },
    )
    send(cluster, topic, ["1|a", "2|b"])
    frame = glue.create_data_frame.from_catalog(
        database=database, table_name="events", additional_options={"startingOffsets": "earliest"}
    )
    ((_, rows),) = run(glue, frame, tmp_path / "checkpoint", 2)
    assert sorted((row["n"], row["name"]) for row in rows) == [(1, "a"), (2, "b")]
