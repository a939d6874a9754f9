"""Streams in the store: records become readable in the order of their numbers; old ones and old shards go."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from mastic.aws.kinesis.records import Records
from mastic.aws.kinesis.shards import Shards
from mastic.aws.kinesis.streams import Streams, forget
from mastic.clock import ManualClock
from mastic.context import Context
from mastic.store.engine import Store

CONTEXT = Context()
SHARD = "shardId-000000000000"


def _read(records: Records, stream: str, shard: str = SHARD, kind: str = "TRIM_HORIZON") -> list[bytes]:
    given = {"StreamName": stream, "ShardId": shard, "ShardIteratorType": kind}
    iterator = records.get_shard_iterator(CONTEXT, given)["ShardIterator"]
    return [one["Data"] for one in records.get_records(CONTEXT, {"ShardIterator": iterator})["Records"]]


def test_a_reader_meets_no_gaps(store: Store) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    streams, records = Streams(store=store, clock=clock), Records(store=store, clock=clock, token_key="k")
    streams.create_stream(CONTEXT, {"StreamName": "s", "ShardCount": 1})

    def write(name: int) -> None:
        for n in range(20):
            entries = [{"Data": f"{name}-{n}-{i}".encode(), "PartitionKey": "k"} for i in range(3)]
            records.put_records(CONTEXT, {"StreamName": "s", "Records": entries})

    writers = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for writer in writers:
        writer.start()
    given = {"StreamName": "s", "ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = records.get_shard_iterator(CONTEXT, given)["ShardIterator"]
    followed: list[bytes] = []
    while True:
        over = not any(writer.is_alive() for writer in writers)
        reply = records.get_records(CONTEXT, {"ShardIterator": iterator})
        followed += [one["Data"] for one in reply["Records"]]
        iterator = reply["NextShardIterator"]
        if over and not reply["Records"]:
            break
    for writer in writers:
        writer.join()
    assert followed == _read(records, "s")
    assert len(set(followed)) == 4 * 20 * 3


def test_what_is_old_goes(store: Store) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    streams, records = Streams(store=store, clock=clock), Records(store=store, clock=clock, token_key="k")
    shards = Shards(store=store, clock=clock, token_key="k")
    streams.create_stream(CONTEXT, {"StreamName": "s", "ShardCount": 1})
    records.put_record(CONTEXT, {"StreamName": "s", "Data": b"old", "PartitionKey": "k"})
    shards.split_shard(CONTEXT, {"StreamName": "s", "ShardToSplit": SHARD, "NewStartingHashKey": str(2**127)})
    clock.advance(hours=23)
    forget(store, clock)
    assert _read(records, "s") == [b"old"]
    clock.advance(hours=2)
    assert _read(records, "s") == []
    forget(store, clock)
    listed = shards.list_shards(CONTEXT, {"StreamName": "s"})["Shards"]
    assert [one["ShardId"] for one in listed] == ["shardId-000000000001", "shardId-000000000002"]
