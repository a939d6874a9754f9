"""Streams: create, delete, describe, list, retention, tags. State: ``kinesis_streams`` and ``kinesis_shards``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.aws.kinesis import names
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import kinesis
from mastic.store.engine import Duplicate, Store
from mastic.store.kinesis import Shard, Stream

HOUR = 3_600_000
RETENTION, LONGEST_RETENTION = 24, 8760
ON_DEMAND_SHARDS = 4
MOST_TAGS = 50
PAGE = 100


class Streams:
    """The operations on whole streams."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create_stream(self, context: Context, request: dict[str, Any]) -> None:
        mode = (request.get("StreamModeDetails") or {}).get("StreamMode", "PROVISIONED")
        count = request.get("ShardCount")
        if mode == "PROVISIONED" and count is None:
            raise names.invalid("ShardCount must be provided for a stream in PROVISIONED mode.")
        if mode == "ON_DEMAND" and count is not None:
            raise names.invalid("ShardCount cannot be given for a stream in ON_DEMAND mode.")
        if request.get("RecordDistributionStrategy", "USER_PARTITION_KEY") != "USER_PARTITION_KEY":
            raise names.invalid("RecordDistributionStrategy AUTO is not implemented by Mastic.")
        now = names.now_ms(self._clock)
        try:
            with self._store.write() as tx:
                identity = kinesis.create(
                    tx,
                    scope=context.scope,
                    name=request["StreamName"],
                    created=now,
                    retention=RETENTION,
                    body={
                        "mode": mode,
                        "tags": dict(request.get("Tags") or {}),
                        "largest": request.get("MaxRecordSizeInKiB", 1024),
                    },
                )
                parts = names.ranges(count or ON_DEMAND_SHARDS)
                kinesis.add_shards(tx, [_first(identity, i, part, now) for i, part in enumerate(parts)])
                kinesis.change(tx, identity, shards=len(parts), sequence=len(parts))
        except Duplicate:
            raise ServiceError(
                "ResourceInUseException",
                f"Stream {request['StreamName']} under account {context.account_id} already exists.",
            ) from None

    def delete_stream(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            kinesis.remove(tx, names.existing(tx, context, request, lock=True).id)

    def describe_stream(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        limit = request.get("Limit", PAGE)
        after = names.shard_number(request.get("ExclusiveStartShardId", ""))
        with self._store.read() as tx:
            stream = names.existing(tx, context, request)
            found = [one for one in kinesis.shards_of(tx, stream.id) if one.number > after]
        return {
            "StreamDescription": {
                **shown(stream),
                "Shards": [names.shard_shown(one) for one in found[:limit]],
                "HasMoreShards": len(found) > limit,
            }
        }

    def describe_stream_summary(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            stream = names.existing(tx, context, request)
            found = kinesis.shards_of(tx, stream.id)
        return {
            "StreamDescriptionSummary": {
                **shown(stream),
                "OpenShardCount": sum(one.closed is None for one in found),
                "ConsumerCount": 0,
                "MaxRecordSizeInKiB": stream.body["largest"],
            }
        }

    def list_streams(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        limit = request.get("Limit", PAGE)
        after = request.get("NextToken") or request.get("ExclusiveStartStreamName") or ""
        with self._store.read() as tx:
            found = kinesis.listed(tx, context.scope, after, limit + 1)
        page, more = found[:limit], len(found) > limit
        members = ("StreamName", "StreamARN", "StreamStatus", "StreamModeDetails", "StreamCreationTimestamp")
        return {
            "StreamNames": [one.name for one in page],
            "StreamSummaries": [{key: shown(one)[key] for key in members} for one in page],
            "HasMoreStreams": more,
            "NextToken": page[-1].name if more else None,
        }

    def increase_stream_retention_period(self, context: Context, request: dict[str, Any]) -> None:
        self._retain(context, request, lambda hours, now: hours >= now, "less than")

    def decrease_stream_retention_period(self, context: Context, request: dict[str, Any]) -> None:
        self._retain(context, request, lambda hours, now: hours <= now, "greater than")

    def _retain(self, context: Context, request: dict[str, Any], fits: Any, wrong: str) -> None:
        hours = request["RetentionPeriodHours"]
        if not RETENTION <= hours <= LONGEST_RETENTION:
            raise names.invalid(f"RetentionPeriodHours must be between {RETENTION} and {LONGEST_RETENTION}.")
        with self._store.write() as tx:
            stream = names.existing(tx, context, request, lock=True)
            if not fits(hours, stream.retention):
                raise names.invalid(
                    f"Requested retention period ({hours} hours) cannot be {wrong} the current one "
                    f"({stream.retention} hours)."
                )
            kinesis.change(tx, stream.id, retention=hours)

    def add_tags_to_stream(self, context: Context, request: dict[str, Any]) -> None:
        self._tag(context, request, add=request["Tags"])

    def remove_tags_from_stream(self, context: Context, request: dict[str, Any]) -> None:
        self._tag(context, request, remove=request["TagKeys"])

    def tag_resource(self, context: Context, request: dict[str, Any]) -> None:
        self._tag(context, request, add=request["Tags"], member="ResourceARN")

    def untag_resource(self, context: Context, request: dict[str, Any]) -> None:
        self._tag(context, request, remove=request["TagKeys"], member="ResourceARN")

    def _tag(
        self,
        context: Context,
        request: dict[str, Any],
        *,
        add: dict[str, str] | None = None,
        remove: list[str] | None = None,
        member: str = "StreamARN",
    ) -> None:
        with self._store.write() as tx:
            stream = names.existing(tx, context, request, lock=True, member=member)
            kept = {key: value for key, value in stream.body["tags"].items() if key not in (remove or ())}
            tags = {**kept, **(add or {})}
            if len(tags) > MOST_TAGS:
                raise names.invalid(f"A stream can have at most {MOST_TAGS} tags.")
            kinesis.change(tx, stream.id, body={**stream.body, "tags": tags})

    def list_tags_for_stream(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._tags(context, request, "StreamARN")
        after, limit = request.get("ExclusiveStartTagKey", ""), request.get("Limit", MOST_TAGS)
        found = [one for one in tags if one["Key"] > after]
        return {"Tags": found[:limit], "HasMoreTags": len(found) > limit}

    def list_tags_for_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": self._tags(context, request, "ResourceARN")}

    def _tags(self, context: Context, request: dict[str, Any], member: str) -> list[dict[str, str]]:
        with self._store.read() as tx:
            stream = names.existing(tx, context, request, member=member)
        return [{"Key": key, "Value": value} for key, value in sorted(stream.body["tags"].items())]


def shown(stream: Stream) -> dict[str, Any]:
    """A stream as the descriptions show it."""
    return {
        "StreamName": stream.name,
        "StreamARN": names.stream_arn(stream),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": stream.body["mode"]},
        "RetentionPeriodHours": stream.retention,
        "StreamCreationTimestamp": names.moment(stream.created),
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }


def forget(store: Store, clock: Clock) -> None:
    """Remove what is older than its stream keeps records."""
    with store.read() as tx:
        found = kinesis.every(tx)
    for stream in found:
        with store.write() as tx:
            kinesis.expire(tx, stream.id, horizon(stream, clock))


def horizon(stream: Stream, clock: Clock) -> int:
    """The time before which records are gone."""
    return names.now_ms(clock) - stream.retention * HOUR


def open_shards(tx: Connection, stream: Stream) -> list[Shard]:
    """The shards that take records."""
    return [one for one in kinesis.shards_of(tx, stream.id) if one.closed is None]


def _first(stream: int, number: int, part: tuple[int, int], now: int) -> Shard:
    return Shard(
        stream=stream,
        number=number,
        parent=None,
        adjacent=None,
        first_hash=part[0],
        last_hash=part[1],
        opened=number + 1,
        opened_at=now,
        closed=None,
        closed_at=None,
    )
