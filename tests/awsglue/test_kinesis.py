"""Kinesis as source and sink, against Mastic's own Kinesis."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from streams import run


@pytest.fixture
def kinesis(server):
    import boto3

    return boto3.client("kinesis")


@pytest.fixture
def stream(kinesis):
    name = f"s{uuid.uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=2)
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]


def put(kinesis, stream, values, key=None):
    entries = [{"Data": json.dumps(value), "PartitionKey": key or str(value)} for value in values]
    assert kinesis.put_records(StreamARN=stream, Records=entries)["FailedRecordCount"] == 0


def numbers(batches):
    return sorted(row["n"] for _, rows in batches for row in rows)


@pytest.fixture
def options(stream):
    return {
        "streamARN": stream,
        "startingPosition": "TRIM_HORIZON",
        "classification": "json",
        "inferSchema": "true",
    }


def test_batches_go_on_where_they_ended(glue, kinesis, stream, options, tmp_path):
    put(kinesis, stream, [{"n": n} for n in range(12)])
    place = tmp_path / "checkpoint"
    first = run(glue, glue.create_data_frame.from_options("kinesis", options), place, 12)
    assert numbers(first) == list(range(12))
    put(kinesis, stream, [{"n": n} for n in range(12, 15)])
    second = run(glue, glue.create_data_frame.from_options("kinesis", options), place, 3)
    assert numbers(second) == [12, 13, 14]
    assert second[0][0] == first[-1][0] + 1


def test_a_failed_batch_comes_again_as_it_was(glue, kinesis, stream, options, tmp_path):
    put(kinesis, stream, [{"n": n} for n in range(5)])
    place = tmp_path / "checkpoint"
    seen = []

    def fail(df, batch_id):
        seen.append((batch_id, sorted(row["n"] for row in df.collect())))
        raise RuntimeError("no")

    frame = glue.create_data_frame.from_options("kinesis", options)
    with pytest.raises(RuntimeError, match="no"):
        glue.forEachBatch(
            frame, fail, {"windowSize": "1 second", "checkpointLocation": str(place), "batchMaxRetries": 0}
        )
    put(kinesis, stream, [{"n": n} for n in range(5, 9)])
    batches = run(glue, glue.create_data_frame.from_options("kinesis", options), place, 9)
    assert (batches[0][0], sorted(row["n"] for row in batches[0][1])) == seen[0]
    assert numbers(batches) == list(range(9))


def test_records_that_are_gone_are_not_passed_over(glue, kinesis, stream, options, tmp_path):
    from awsglue._streams.checkpoint import Checkpoint
    from awsglue._streams.kinesis_source import KinesisSource
    from awsglue._streams.records import DataLoss, Range

    put(kinesis, stream, [{"n": 1}])
    source = KinesisSource(options)
    checkpoint = Checkpoint(location=str(tmp_path / "checkpoint"))
    checkpoint.open(source.identity())
    wanted = source.plan(source.begin())
    more = Range(start=wanted.start, end=wanted.end, count=wanted.count + 1)
    checkpoint.begin(0, more, 0)
    with pytest.raises(DataLoss):
        run(glue, glue.create_data_frame.from_options("kinesis", options), tmp_path / "checkpoint", 1)


def test_split_and_merged_shards(glue, kinesis, stream, options, tmp_path):
    """Records of one key come in their order, whatever becomes of the shards."""
    place = tmp_path / "checkpoint"
    put(kinesis, stream, [{"n": n} for n in range(5)], key="k")
    first = run(glue, glue.create_data_frame.from_options("kinesis", options), place, 5)
    put(kinesis, stream, [{"n": n} for n in range(5, 10)], key="k")
    kinesis.update_shard_count(StreamARN=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    put(kinesis, stream, [{"n": n} for n in range(10, 15)], key="k")
    open_ = kinesis.list_shards(StreamARN=stream, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    ordered = sorted(open_, key=lambda one: int(one["HashKeyRange"]["StartingHashKey"]))
    for low, high in (ordered[:2], ordered[2:]):
        kinesis.merge_shards(
            StreamARN=stream, ShardToMerge=low["ShardId"], AdjacentShardToMerge=high["ShardId"]
        )
    put(kinesis, stream, [{"n": n} for n in range(15, 20)], key="k")
    second = run(glue, glue.create_data_frame.from_options("kinesis", options), place, 15)
    assert [row["n"] for _, rows in [*first, *second] for row in rows] == list(range(20))


def test_what_is_too_much_to_keep_is_read_again(glue, kinesis, stream, options, tmp_path, monkeypatch):
    from awsglue._streams import kinesis_source

    monkeypatch.setattr(kinesis_source, "HELD", 1000)
    put(kinesis, stream, [{"n": n} for n in range(20)])
    kinesis.update_shard_count(StreamARN=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    put(kinesis, stream, [{"n": n} for n in range(20, 40)])
    source = kinesis_source.KinesisSource(options)
    wanted = source.plan(source.begin())
    assert (wanted.count, wanted.held) == (40, None)
    batches = run(glue, glue.create_data_frame.from_options("kinesis", options), tmp_path / "c", 40)
    assert numbers(batches) == list(range(40))
    assert glue.create_dynamic_frame.from_options("kinesis", options).count() == 40


def test_an_iterator_that_expires_while_a_batch_is_read_again(kinesis, stream, options):
    from awsglue._streams.kinesis_source import KinesisSource

    put(kinesis, stream, [{"n": n} for n in range(6)], key="k")
    source = KinesisSource({**options, "maxRecordPerRead": "2"})
    wanted = source.plan(source.begin())
    get, calls = source._api.get_records, []

    def expiring(**request):
        calls.append(request)
        if len(calls) in (2, 4):
            raise source._api.exceptions.ExpiredIteratorException({"Error": {}}, "GetRecords")
        return get(**request)

    source._api.get_records = expiring
    assert [json.loads(one.value)["n"] for one in source.read(wanted)] == list(range(6))
    assert len(calls) > 4


def test_what_arrived_before_a_start_is_there_though_the_service_dates_its_answers_late(
    kinesis, stream, options
):
    from email.utils import formatdate, parsedate_to_datetime

    from awsglue._streams.kinesis_source import KinesisSource

    put(kinesis, stream, [{"n": n} for n in range(6)])
    source = KinesisSource(options)
    shards = source._api.list_shards

    def late(**request):
        reply = shards(**request)
        headers = reply["ResponseMetadata"]["HTTPHeaders"]
        headers["date"] = formatdate(parsedate_to_datetime(headers["date"]).timestamp() - 1, usegmt=True)
        return reply

    source._api.list_shards = late
    source.freeze(limited=False)
    assert source.plan(source.begin()).count == 6


def test_starting_positions(glue, kinesis, stream, options, tmp_path, records):
    from awsglue._streams.kinesis_source import KinesisSource

    put(kinesis, stream, [{"n": 1}])
    late = KinesisSource({**options, "startingPosition": "latest"})
    begun = late.begin()
    assert late.plan(begun) is None
    put(kinesis, stream, [{"n": 2}])
    assert [json.loads(one.value)["n"] for one in late.plan(begun).held] == [2]
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 3600)) + "+00:00"
    future = {**options, "startingPosition": moment}
    # Records that arrive before it are not its own; the service takes no moment to come.
    with pytest.raises(Exception, match="InvalidArgumentException"):
        glue.create_dynamic_frame.from_options("kinesis", future).count()
    past = {**options, "startingPosition": "2020-01-01T00:00:00Z"}
    assert records(glue.create_dynamic_frame.from_options("kinesis", past)) == [{"n": 1}, {"n": 2}]
    for wrong in ("soon", "2020-01-01T00:00:00"):
        with pytest.raises(ValueError, match="timestamp"):
            glue.create_data_frame.from_options("kinesis", {**options, "startingPosition": wrong})


def test_records_as_they_are(glue, kinesis, stream):
    put(kinesis, stream, [{"n": 1}], key="k")
    frame = glue.create_dynamic_frame.from_options("kinesis", {"streamName": stream.rsplit("/", 1)[1]}).toDF()
    (row,) = frame.collect()
    assert json.loads(bytes(row.data)) == {"n": 1}
    assert row.partitionKey == "k"
    assert len(row.sequenceNumber) == 56


def test_catalog_tables_over_streams(glue, catalog, kinesis, stream, tmp_path, records):
    client, database = catalog
    client.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "events",
            "Parameters": {"classification": "json"},
            "StorageDescriptor": {
                "Columns": [{"Name": "n", "Type": "int"}, {"Name": "name", "Type": "string"}],
                "Location": stream.rsplit("/", 1)[1],
                "Parameters": {
                    "typeOfData": "kinesis",
                    "streamARN": stream,
                    "endpointUrl": "https://kinesis.us-east-1.amazonaws.com",
                },
                "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
            },
        },
    )
    put(kinesis, stream, [{"n": 1, "name": "a", "other": True}, {"n": 2}])
    frame = glue.create_data_frame.from_catalog(
        database=database,
        table_name="events",
        additional_options={"startingPosition": "TRIM_HORIZON", "addRecordTimestamp": "true"},
    )
    assert frame.isStreaming
    assert frame.columns == ["n", "name", "__src_timestamp"]
    batches = run(glue, frame, tmp_path / "checkpoint", 2)
    found = sorted((row["n"], row["name"]) for _, rows in batches for row in rows)
    assert found == [(1, "a"), (2, None)]
    inferred = glue.create_data_frame.from_catalog(
        database=database,
        table_name="events",
        additional_options={"startingPosition": "earliest", "inferSchema": "true"},
    )
    batches = run(glue, inferred, tmp_path / "inferred", 2)
    assert {tuple(sorted(row)) for _, rows in batches for row in rows} >= {("n", "name", "other")}
    now = glue.create_dynamic_frame.from_catalog(database, "events")
    assert records(now) == [{"n": 1, "name": "a"}, {"n": 2, "name": None}]


def test_packed_records(glue, kinesis, stream, options, records, tmp_path):
    from test_stream_rules import _packed

    packed = _packed([("a", b'{"n": 1}'), ("b", b'{"n": 2}')])
    kinesis.put_record(StreamARN=stream, Data=packed, PartitionKey="x")
    kinesis.put_record(StreamARN=stream, Data=b'{"n": 3}', PartitionKey="x")
    frame = glue.create_data_frame.from_options("kinesis", {**options, "maxRecordPerRead": "1"})
    assert numbers(run(glue, frame, tmp_path / "checkpoint", 3)) == [1, 2, 3]


def test_unknown_stream(glue, server, tmp_path):
    frame = glue.create_data_frame.from_options("kinesis", {"streamName": "nobody"})
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        glue.forEachBatch(
            frame, lambda df, n: None, {"windowSize": "1 second", "checkpointLocation": str(tmp_path)}
        )


def test_options_are_judged_at_once(glue):
    with pytest.raises(ValueError, match="streamARN"):
        glue.create_data_frame.from_options("kinesis", {"classification": "json"})
    with pytest.raises(NotImplementedError, match="fanoutConsumerARN"):
        glue.create_data_frame.from_options("kinesis", {"streamName": "s", "fanoutConsumerARN": "arn"})


def test_writes(glue, frame, kinesis, stream, options, catalog):
    made = frame("n int, name string", [(n, f"x{n % 3}") for n in range(700)])
    glue.write_dynamic_frame.from_options(made, "kinesis", {"streamARN": stream, "partitionKey": "name"})
    raw = glue.create_dynamic_frame.from_options("kinesis", {"streamARN": stream}).toDF().collect()
    found = [(json.loads(bytes(row.data)), row.partitionKey) for row in raw]
    assert sorted(row["n"] for row, _ in found) == list(range(700))
    assert all(row["name"] == key for row, key in found)
    client, database = catalog
    client.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "out",
            "StorageDescriptor": {
                "Columns": [{"Name": "n", "Type": "int"}],
                "Parameters": {"typeOfData": "kinesis", "streamARN": stream, "classification": "csv"},
            },
        },
    )
    glue.write_dynamic_frame.from_catalog(frame("n int", [(7,)]), database, "out")
    raw = glue.create_dynamic_frame.from_options("kinesis", {"streamARN": stream}).toDF().collect()
    assert b"7" in [bytes(row.data) for row in raw]
