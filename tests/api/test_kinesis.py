"""Kinesis over HTTP, as boto3 uses it."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.fixture
def kinesis(server: Server) -> Any:
    return server.client("kinesis")


def _iterator(kinesis: Any, name: str, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
    given = {"StreamName": name, "ShardId": shard, "ShardIteratorType": kind, **more}
    return str(kinesis.get_shard_iterator(**given)["ShardIterator"])


def _all(kinesis: Any, name: str, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> list[bytes]:
    """Everything in a shard from there on."""
    iterator: str | None = _iterator(kinesis, name, shard, kind, **more)
    found: list[bytes] = []
    while iterator:
        reply = kinesis.get_records(ShardIterator=iterator)
        found += [one["Data"] for one in reply["Records"]]
        if not reply["Records"]:
            break
        iterator = reply.get("NextShardIterator")
    return found


def test_a_stream_from_creation_to_deletion(kinesis: Any, name: str) -> None:
    kinesis.create_stream(StreamName=name, ShardCount=2, Tags={"a": "1"})
    with pytest.raises(ClientError) as error:
        kinesis.create_stream(StreamName=name, ShardCount=1)
    assert _code(error) == "ResourceInUseException"
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    found = kinesis.describe_stream(StreamName=name)["StreamDescription"]
    assert found["StreamStatus"] == "ACTIVE"
    assert [one["ShardId"] for one in found["Shards"]] == ["shardId-000000000000", "shardId-000000000001"]
    assert found["Shards"][0]["HashKeyRange"]["StartingHashKey"] == "0"
    assert int(found["Shards"][1]["HashKeyRange"]["EndingHashKey"]) == 2**128 - 1
    arn = found["StreamARN"]
    assert kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]["OpenShardCount"] == 2
    assert name in kinesis.list_streams(ExclusiveStartStreamName=name[:-1], Limit=1000)["StreamNames"]
    kinesis.add_tags_to_stream(StreamName=name, Tags={"b": "2"})
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "2"},
    ]
    kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    with pytest.raises(ClientError) as error:
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=24)
    assert _code(error) == "InvalidArgumentException"
    kinesis.delete_stream(StreamName=name)
    with pytest.raises(ClientError) as error:
        kinesis.describe_stream(StreamName=name)
    assert _code(error) == "ResourceNotFoundException"


def test_positions(kinesis: Any, name: str) -> None:
    kinesis.create_stream(StreamName=name, ShardCount=1)
    (shard,) = (one["ShardId"] for one in kinesis.list_shards(StreamName=name)["Shards"])
    put = kinesis.put_record(StreamName=name, Data=b"one", PartitionKey="k")
    latest = _iterator(kinesis, name, shard, "LATEST")
    time.sleep(0.01)  # so that the two arrive in different milliseconds
    later = kinesis.put_records(
        StreamName=name, Records=[{"Data": text, "PartitionKey": "k"} for text in (b"two", b"three")]
    )
    assert later["FailedRecordCount"] == 0
    assert int(later["Records"][0]["SequenceNumber"]) > int(put["SequenceNumber"])
    assert _all(kinesis, name, shard) == [b"one", b"two", b"three"]
    assert [one["Data"] for one in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"two", b"three"]
    first = put["SequenceNumber"]
    assert _all(kinesis, name, shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first) == [
        b"two",
        b"three",
    ]
    assert _all(kinesis, name, shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=first)[0] == b"one"
    reply = kinesis.get_records(ShardIterator=_iterator(kinesis, name, shard), Limit=2)
    assert len(reply["Records"]) == 2
    assert reply["Records"][0]["PartitionKey"] == "k"
    arrived = kinesis.get_records(ShardIterator=latest)["Records"][0]["ApproximateArrivalTimestamp"]
    assert _all(kinesis, name, shard, "AT_TIMESTAMP", Timestamp=arrived) == [b"two", b"three"]
    future = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with pytest.raises(ClientError, match="cannot be greater than the currentTimestampInMillis") as error:
        _iterator(kinesis, name, shard, "AT_TIMESTAMP", Timestamp=future)
    assert _code(error) == "InvalidArgumentException"
    with pytest.raises(ClientError) as error:
        kinesis.get_records(ShardIterator="nonsense")
    assert _code(error) == "InvalidArgumentException"


def test_a_split_shard_is_read_to_its_end(kinesis: Any, name: str) -> None:
    kinesis.create_stream(StreamName=name, ShardCount=1)
    parent = "shardId-000000000000"
    kinesis.put_record(StreamName=name, Data=b"before", PartitionKey="k")
    kinesis.split_shard(StreamName=name, ShardToSplit=parent, NewStartingHashKey=str(2**127))
    low = kinesis.put_record(StreamName=name, Data=b"low", PartitionKey="k", ExplicitHashKey="0")
    high = kinesis.put_record(StreamName=name, Data=b"high", PartitionKey="k", ExplicitHashKey=str(2**127))
    assert (low["ShardId"], high["ShardId"]) == ("shardId-000000000001", "shardId-000000000002")
    reply = kinesis.get_records(ShardIterator=_iterator(kinesis, name, parent))
    assert [one["Data"] for one in reply["Records"]] == [b"before"]
    assert "NextShardIterator" not in reply
    assert [one["ShardId"] for one in reply["ChildShards"]] == [low["ShardId"], high["ShardId"]]
    shards = {one["ShardId"]: one for one in kinesis.list_shards(StreamName=name)["Shards"]}
    assert "EndingSequenceNumber" in shards[parent]["SequenceNumberRange"]
    assert shards[low["ShardId"]]["ParentShardId"] == parent
    kinesis.merge_shards(StreamName=name, ShardToMerge=low["ShardId"], AdjacentShardToMerge=high["ShardId"])
    merged = kinesis.put_record(StreamName=name, Data=b"merged", PartitionKey="k")
    assert merged["ShardId"] == "shardId-000000000003"
    assert _all(kinesis, name, low["ShardId"]) == [b"low"]
    latest = kinesis.list_shards(StreamName=name, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    assert [one["ShardId"] for one in latest] == [merged["ShardId"]]
    with pytest.raises(ClientError) as error:
        kinesis.split_shard(StreamName=name, ShardToSplit=parent, NewStartingHashKey="5")
    assert _code(error) == "ResourceInUseException"


def test_shard_counts(kinesis: Any, name: str) -> None:
    kinesis.create_stream(StreamName=name, ShardCount=2)
    keys = [f"key{n}" for n in range(40)]
    before = {
        key: kinesis.put_record(StreamName=name, Data=b"x", PartitionKey=key)["ShardId"] for key in keys
    }
    assert len(set(before.values())) == 2
    kinesis.update_shard_count(StreamName=name, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    placed = {kinesis.put_record(StreamName=name, Data=b"y", PartitionKey=key)["ShardId"] for key in keys}
    assert len(placed) == 4
    page = kinesis.list_shards(StreamName=name, MaxResults=4)
    rest = kinesis.list_shards(NextToken=page["NextToken"])
    assert len(page["Shards"]) + len(rest["Shards"]) == 6
    with pytest.raises(ClientError) as error:
        kinesis.update_shard_count(StreamName=name, TargetShardCount=9, ScalingType="UNIFORM_SCALING")
    assert _code(error) == "LimitExceededException"


def test_records_outlive_the_server(own_server: Server) -> None:
    kinesis = own_server.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    put = kinesis.put_record(StreamName="s", Data=b"kept", PartitionKey="k")
    iterator = _iterator(kinesis, "s", put["ShardId"])
    own_server.kill()
    own_server.restart()
    assert kinesis.get_records(ShardIterator=iterator)["Records"][0]["Data"] == b"kept"
    again = kinesis.put_record(StreamName="s", Data=b"next", PartitionKey="k")
    assert int(again["SequenceNumber"]) > int(put["SequenceNumber"])


def test_a_stream_of_the_same_name_does_not_take_the_numbers_of_the_old_one(kinesis: Any, name: str) -> None:
    """Who goes on where it was would pass over what is in the new stream."""
    kinesis.create_stream(StreamName=name, ShardCount=1)
    for _ in range(3):
        old = kinesis.put_record(StreamName=name, Data=b"old", PartitionKey="k")
    kinesis.delete_stream(StreamName=name)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    new = kinesis.put_record(StreamName=name, Data=b"new", PartitionKey="k")
    assert int(new["SequenceNumber"]) > int(old["SequenceNumber"])
    assert len(new["SequenceNumber"]) == 56
    with pytest.raises(ClientError) as error:
        _all(
            kinesis,
            name,
            new["ShardId"],
            "AFTER_SEQUENCE_NUMBER",
            StartingSequenceNumber=old["SequenceNumber"],
        )
    assert _code(error) == "InvalidArgumentException"
    assert "did not come from this stream" in str(error.value)
