"""Kinesis streams as a source: shards, parents before their children, and the records between two sequence numbers.

A position says for each shard after which record to go on: {"at": "TRIM_HORIZON"}, {"at": "TIMESTAMP", "ms": …},
{"at": "AFTER", "sequence": …}, {"at": "FROM", "sequence": …} with that record itself, or {"at": "END"} of a shard that
was split or merged and has been read to its end.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from awsglue._sources.request import truth
from awsglue._streams import kinesis_client
from awsglue._streams.aggregation import unpacked
from awsglue._streams.records import DataLoss, Positions, Range, Record
from awsglue._streams.times import milliseconds_of

_REFUSED = ("fanoutConsumerARN",)
Position = dict[str, Any]
END: Position = {"at": "END"}
HORIZON: Position = {"at": "TRIM_HORIZON"}
# So many bytes of a batch are kept from planning; a larger one is read a second time instead.
HELD = 64 * 1024 * 1024
_OF_A_RECORD = 300  # bytes besides its key and value


class _Held:
    """The records of a range while it is planned; `records` is None when they were too many to keep."""

    def __init__(self) -> None:
        self.records: list[Record] | None = []
        self.count = 0
        self._room = HELD

    def add(self, found: list[Record]) -> None:
        """Records that belong to the range."""
        self.count += len(found)
        self._room -= sum(len(one.value or b"") + len(one.key or b"") + _OF_A_RECORD for one in found)
        if self._room < 0:
            self.records = None
        elif self.records is not None:
            self.records += found


class KinesisSource:
    """Reads ranges of sequence numbers. Owns a client, and the iterators that it goes on with."""

    kind = "kinesis"

    def __init__(self, options: dict[str, Any], *, batch: bool = False) -> None:
        """`batch`: everything that is there, by default from the oldest record on."""
        for name in _REFUSED:
            if options.get(name):
                raise NotImplementedError(f"the Kinesis option {name} is not implemented")
        self._options = options
        self._stream = kinesis_client.named(options)
        given = options.get("startingPosition") or ("TRIM_HORIZON" if batch else "latest")
        self._begin: Any = given
        self._moment: int | None = None
        if str(given).lower() not in ("latest", "trim_horizon", "earliest"):
            self._moment = milliseconds_of(_timestamp(options, given))
        self._batch = batch
        self._seconds = int(options.get("maxFetchTimeInMs") or 1000) / 1000
        self._most = int(options.get("maxFetchRecordsPerShard") or 100_000)
        self._page = min(int(options.get("maxRecordPerRead") or 10_000), 10_000)
        idle = int(options.get("idleTimeBetweenReadsInMs") or 1000) / 1000
        self._idle = idle if truth(options.get("addIdleTimeBetweenReads")) else 0.0
        self._client: Any = None
        self._until: int | None = None
        # Where a shard's next read begins: (position, iterator); only a shortcut, and lost with the process.
        self._iterators: dict[str, tuple[Position, str]] = {}

    def identity(self) -> dict[str, str]:
        """The kind and the stream."""
        return {"type": self.kind, "stream": self._stream.shown}

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    # --- where it stands -------------------------------------------------------------------------------------------

    def begin(self) -> Positions:
        """Positions by startingPosition; of a shard that is closed already, "latest" is its end."""
        shards = self._shards()
        where = str(self._begin).lower()
        if where in ("trim_horizon", "earliest"):
            return {name: dict(HORIZON) for name in shards}
        if where == "latest":
            return {
                name: dict(END) if _closed(shard) else self._latest(name) for name, shard in shards.items()
            }
        return {name: {"at": "TIMESTAMP", "ms": self._moment} for name in shards}

    def _latest(self, shard: str) -> Position:
        """The end of a shard: an iterator in this process, the service's own clock for the next one."""
        reply = self._api.get_shard_iterator(
            **self._stream.given(), ShardId=shard, ShardIteratorType="LATEST"
        )
        date = (reply.get("ResponseMetadata", {}).get("HTTPHeaders") or {}).get("date")
        now = parsedate_to_datetime(date).timestamp() if date else time.time()
        position: Position = {"at": "TIMESTAMP", "ms": int(now * 1000)}
        self._iterators[shard] = (position, reply["ShardIterator"])
        return position

    def freeze(self, *, limited: bool) -> None:
        """From now on there is no more than what has arrived by now; in one batch unless `limited`."""
        self._until = self._now()
        self._batch = self._batch or not limited
        if not limited:
            self._most = sys.maxsize

    def plan(self, done: Positions) -> Range | None:
        """What arrived since, as far as it could be read in maxFetchTimeInMs (all of it in a batch read)."""
        shards = self._shards()
        start: Positions = {name: at for name, at in done.items() if name in shards}
        end = dict(start)
        held = _Held()
        deadline = time.monotonic() + self._seconds
        # A child may become readable by the reading of its parents: look again until nothing changes.
        seen: set[str] = set()
        while True:
            ready = [name for name in _readable(shards, end) if name not in seen]
            if not ready:
                break
            for name in ready:
                seen.add(name)
                start.setdefault(name, dict(HORIZON))
                end.setdefault(name, dict(HORIZON))
                first, end[name] = self._fetch(name, end[name], deadline, held)
                if start[name]["at"] == "TIMESTAMP":
                    # Read again, the batch begins with the same record, whatever else arrived in that millisecond.
                    start[name] = {"at": "FROM", "sequence": first} if first else end[name]
        if not held.count:
            return None
        return Range(start=start, end=end, count=held.count, held=held.records)

    def _fetch(self, shard: str, at: Position, deadline: float, held: _Held) -> tuple[str | None, Position]:
        """New records of a shard into `held`; the first one's sequence number, and where it stands after them."""
        known = self._iterators.get(shard)
        fresh = known is None or known[0] != at
        iterator: str | None = self._iterator(shard, at) if fresh else known[1]  # type: ignore[index]
        first: str | None = None
        count = 0
        while iterator is not None:
            reply = self._get(shard, at, iterator, min(self._page, self._most - count), fresh)
            iterator, fresh = reply.get("NextShardIterator"), False
            found = [record for one in reply["Records"] for record in self._unpacked(shard, one)]
            kept = [one for one in found if self._until is None or one.at <= self._until]
            held.add(kept)
            count += len(kept)
            if kept:
                first = first or kept[0].position
                at = {"at": "AFTER", "sequence": kept[-1].position}
            if len(kept) < len(found):
                # What is left belongs to another run: the iterator has gone past it.
                self._iterators.pop(shard, None)
                return first, at
            behind = int(reply.get("MillisBehindLatest") or 0)
            if count >= self._most or (not behind and (not reply["Records"] or iterator is not None)):
                break
            if time.monotonic() >= deadline and not self._batch:
                break
            if self._idle:
                time.sleep(self._idle)
        if iterator is None:
            self._iterators.pop(shard, None)
            return first, dict(END)
        self._iterators[shard] = (at, iterator)
        return first, at

    # --- the records -----------------------------------------------------------------------------------------------

    def read(self, wanted: Range) -> Iterator[Record]:
        """The records of a range, read again. Raises DataLoss when some are gone by now."""
        count = 0
        shards = self._shards()
        for name in sorted(wanted.end):
            start, end = wanted.start.get(name, HORIZON), wanted.end[name]
            if start == end or start["at"] == "END":
                continue
            if name not in shards:
                raise DataLoss(
                    f"shard {name} of {self._stream.shown} is gone, and its records were not processed"
                )
            for record in self._between(name, start, end):
                count += 1
                yield record
        if wanted.count is not None and count != wanted.count:
            raise DataLoss(
                f"{wanted.count - count} of {wanted.count} records of a batch of {self._stream.shown} are gone"
            )

    def _between(self, shard: str, start: Position, end: Position) -> Iterator[Record]:
        last = int(end["sequence"]) if end["at"] == "AFTER" else None
        if last is None and end["at"] != "END":
            return
        iterator: str | None = self._iterator(shard, start)
        while iterator is not None:
            reply = self._get(shard, start, iterator, self._page, False)
            iterator = reply.get("NextShardIterator")
            if reply["Records"]:
                # From here on, should the iterator expire while the records are being taken.
                start = {"at": "AFTER", "sequence": reply["Records"][-1]["SequenceNumber"]}
            for one in reply["Records"]:
                if last is not None and int(one["SequenceNumber"]) > last:
                    return
                yield from self._unpacked(shard, one)
                if last is not None and int(one["SequenceNumber"]) == last:
                    return
            if not reply["Records"] and not reply.get("MillisBehindLatest"):
                return

    # --- the service -----------------------------------------------------------------------------------------------

    @property
    def _api(self) -> Any:
        if self._client is None:
            self._client = kinesis_client.client(self._options)
        return self._client

    def _shards(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        given: dict[str, Any] = dict(self._stream.given())
        while True:
            reply = self._api.list_shards(**given)
            found |= {one["ShardId"]: one for one in reply["Shards"]}
            if not reply.get("NextToken"):
                return found
            given = {"NextToken": reply["NextToken"]}

    def _now(self) -> int:
        """When it is at the service at the latest: it dates its answers to the second, and may set that date once a
        second. What arrives so little later is taken along."""
        return _clock(self._api.list_shards(**self._stream.given())) + 2999

    def _iterator(self, shard: str, at: Position) -> str:
        kind = at["at"]
        more: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if kind == "AFTER":
            more = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": at["sequence"]}
        elif kind == "FROM":
            more = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": at["sequence"]}
        elif kind == "TIMESTAMP":
            moment = dt.datetime.fromtimestamp(at["ms"] / 1000, dt.UTC)
            more = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": moment}
        reply = self._api.get_shard_iterator(**self._stream.given(), ShardId=shard, **more)
        return str(reply["ShardIterator"])

    def _get(self, shard: str, at: Position, iterator: str, limit: int, fresh: bool) -> Any:
        """GetRecords; an iterator that has waited too long is taken anew from its position."""
        try:
            return self._api.get_records(ShardIterator=iterator, Limit=limit)
        except self._api.exceptions.ExpiredIteratorException:
            if fresh:
                raise
            return self._api.get_records(ShardIterator=self._iterator(shard, at), Limit=limit)

    def _unpacked(self, shard: str, one: dict[str, Any]) -> list[Record]:
        """The records in a record of the service: several when a producer library has packed them."""
        return [
            Record(
                value=data,
                key=key.encode(),
                place=self._stream.shown,
                part=shard,
                position=one["SequenceNumber"],
                at=round(one["ApproximateArrivalTimestamp"].timestamp() * 1000),
            )
            for key, data in unpacked(one["PartitionKey"], one["Data"])
        ]


def _readable(shards: dict[str, dict[str, Any]], done: Positions) -> list[str]:
    """Shards with something to read: not at their end, and all parents that still exist at theirs."""
    found = []
    for name, shard in sorted(shards.items()):
        if done.get(name, HORIZON)["at"] == "END":
            continue
        parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
        if all(done.get(one, HORIZON)["at"] == "END" for one in parents if one in shards):
            found.append(name)
    return found


def _clock(reply: dict[str, Any]) -> int:
    """The service's time of an answer in milliseconds, down to the second."""
    date = (reply.get("ResponseMetadata", {}).get("HTTPHeaders") or {}).get("date")
    return int((parsedate_to_datetime(date).timestamp() if date else time.time()) * 1000)


def _closed(shard: dict[str, Any]) -> bool:
    return "EndingSequenceNumber" in shard["SequenceNumberRange"]


def _timestamp(options: dict[str, Any], given: Any) -> str:
    text = str(given)
    if text.lower() in ("timestamp", "at_timestamp"):
        text = str(options.get("startingTimestamp") or "")
    return text
