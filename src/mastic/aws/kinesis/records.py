"""Records: put and get. State: ``kinesis_records``; iterators are signed tokens and live nowhere."""

from __future__ import annotations

from typing import Any

from mastic.aws.kinesis import names
from mastic.aws.kinesis.streams import horizon, open_shards
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import kinesis
from mastic.store.engine import Store
from mastic.store.kinesis import Record, Shard, Stream
from mastic.wire.paging import Paging

MOST_READ = 10_000
LARGEST_READ = 10 * 1024 * 1024
LARGEST_WRITE = 10 * 1024 * 1024
ITERATOR_LIFE = 300  # seconds
# So many rows at a time, that a few large records are not read by the thousand.
_STEP = 100


class Records:
    """The operations on records."""

    def __init__(self, *, store: Store, clock: Clock, token_key: str) -> None:
        self._store = store
        self._clock = clock
        self._tokens = Paging(
            token_key.encode(), error=lambda message: names.invalid("Invalid ShardIterator.")
        )

    def put_record(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        (placed,) = self._put(context, request, [request])
        return {**placed, "EncryptionType": "NONE"}

    def put_records(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        size = sum(len(one["Data"]) + len(one.get("PartitionKey", "")) for one in request["Records"])
        if size > LARGEST_WRITE:
            raise names.invalid(f"Records size exceeds {LARGEST_WRITE} bytes.")
        placed = self._put(context, request, request["Records"])
        return {"FailedRecordCount": 0, "Records": placed, "EncryptionType": "NONE"}

    def _put(
        self, context: Context, request: dict[str, Any], given: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        with self._store.write() as tx:
            stream = names.existing(tx, context, request, lock=True)
            targets = open_shards(tx, stream)
            now = names.now_ms(self._clock)
            made = [
                _record(stream, targets, one, stream.sequence + 1 + position, now)
                for position, one in enumerate(given)
            ]
            kinesis.add_records(tx, stream.id, made)
            kinesis.change(tx, stream.id, sequence=stream.sequence + len(made))
        return [
            {
                "ShardId": names.shard_name(one.shard),
                "SequenceNumber": names.sequence_text(stream.id, one.sequence),
            }
            for one in made
        ]

    def get_shard_iterator(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            stream = names.existing(tx, context, request)
            shard = _shard(stream, kinesis.shards_of(tx, stream.id), request["ShardId"])
            after = self._position(tx, stream, shard, request)
        return {"ShardIterator": self._token(stream.id, shard.number, after)}

    def _position(self, tx: Any, stream: Stream, shard: Shard, request: dict[str, Any]) -> int:
        """The sequence number after which reading begins."""
        kind, text = request["ShardIteratorType"], request.get("StartingSequenceNumber")
        if kind == "TRIM_HORIZON":
            return 0
        if kind == "LATEST":
            return stream.sequence
        if kind == "AT_TIMESTAMP":
            at = request.get("Timestamp")
            if at is None:
                raise names.invalid(
                    "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has "
                    "no timestamp parameter."
                )
            if at > self._clock.now():
                raise names.invalid(
                    "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                    f"timestampInMillis: {round(at.timestamp() * 1000)}, "
                    f"currentTimestampInMillis: {names.now_ms(self._clock)}"
                )
            return kinesis.last_before(tx, stream.id, shard.number, round(at.timestamp() * 1000))
        if text is None:
            raise names.invalid(f"Must specify sequence number parameter for iterator of type {kind}.")
        number = names.sequence_number(stream, request["ShardId"], text)
        return number if kind == "AFTER_SEQUENCE_NUMBER" else max(number - 1, 0)

    def get_records(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        identity, number, after, issued = self._tokens.decode("Iterator", "", request["ShardIterator"])
        now = names.now_ms(self._clock)
        if now - issued > ITERATOR_LIFE * 1000:
            raise ServiceError(
                "ExpiredIteratorException",
                f"Iterator expired. The iterator was created at time {names.moment(issued)} while right now it is "
                f"{names.moment(now)} which is further in the future than the tolerated delay of "
                f"{ITERATOR_LIFE * 1000} milliseconds.",
            )
        with self._store.read() as tx:
            stream = kinesis.by_id(tx, identity)
            if stream is None or stream.scope != context.scope:
                raise ServiceError("ResourceNotFoundException", "The stream of this iterator does not exist.")
            every = kinesis.shards_of(tx, identity)
            since = horizon(stream, self._clock)
            limit = request.get("Limit", MOST_READ)
            found, following = _read(tx, stream, number, after, since, limit)
        shard = next((one for one in every if one.number == number), None)
        reached = found[-1].sequence if found else after
        over = following is None and (shard is None or shard.closed is not None)
        return {
            "Records": [_shown(identity, one) for one in found],
            "NextShardIterator": None if over else self._token(identity, number, reached),
            "MillisBehindLatest": 0 if following is None else max(0, now - following.arrived),
            "ChildShards": _children(every, number) if over else None,
        }

    def _token(self, stream: int, shard: int, after: int) -> str:
        return self._tokens.encode("Iterator", "", [stream, shard, after, names.now_ms(self._clock)])


def _record(stream: Stream, targets: list[Shard], given: dict[str, Any], sequence: int, now: int) -> Record:
    key = given.get("PartitionKey")
    if key is None:
        raise names.invalid("PartitionKey must be provided.")
    if len(given["Data"]) + len(key.encode()) > stream.body["largest"] * 1024:
        raise names.invalid(
            f"Data and PartitionKey of a record of stream {stream.name} are larger than {stream.body['largest']} KiB."
        )
    explicit = given.get("ExplicitHashKey")
    place = names.hash_of(key) if explicit is None else int(explicit)
    if place > names.LAST_HASH:
        raise names.invalid(
            f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. {place}"
        )
    shard = names.shard_of(targets, place)
    return Record(
        shard=shard.number, sequence=sequence, arrived=now, partition_key=key, data=bytes(given["Data"])
    )


def _read(
    tx: Any, stream: Stream, shard: int, after: int, since: int, limit: int
) -> tuple[list[Record], Record | None]:
    """Up to ``limit`` records and as many bytes as an answer holds, and the record that comes after them."""
    found: list[Record] = []
    size = 0
    while True:
        page = kinesis.read(tx, stream.id, shard, after=after, since=since, limit=_STEP)
        for one in page:
            size += len(one.data)
            if len(found) == limit or (found and size > LARGEST_READ):
                return found, one
            found.append(one)
        if len(page) < _STEP:
            return found, None
        after = page[-1].sequence


def _shard(stream: Stream, every: list[Shard], name: str) -> Shard:
    number = names.shard_number(name)
    found = next((one for one in every if one.number == number), None)
    if found is None:
        raise ServiceError(
            "ResourceNotFoundException", f"Shard {name} in stream {stream.name} does not exist."
        )
    return found


def _children(every: list[Shard], number: int) -> list[dict[str, Any]]:
    found = []
    for one in every:
        parents = [parent for parent in (one.parent, one.adjacent) if parent is not None]
        if number in parents:
            shown = names.shard_shown(one)
            found.append(
                {
                    "ShardId": shown["ShardId"],
                    "ParentShards": [names.shard_name(parent) for parent in parents],
                    "HashKeyRange": shown["HashKeyRange"],
                }
            )
    return found


def _shown(stream: int, record: Record) -> dict[str, Any]:
    return {
        "SequenceNumber": names.sequence_text(stream, record.sequence),
        "ApproximateArrivalTimestamp": names.moment(record.arrived),
        "Data": record.data,
        "PartitionKey": record.partition_key,
        "EncryptionType": "NONE",
    }
