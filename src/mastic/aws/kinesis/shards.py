"""Shards: list, split, merge, rescale. State: ``kinesis_shards``.

A shard that is split or merged takes no more records and can be read to its end as long as its stream keeps records;
what comes after goes to its children.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from mastic.aws.kinesis import names
from mastic.aws.kinesis.streams import horizon, open_shards
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import kinesis
from mastic.store.engine import Store
from mastic.store.kinesis import Shard, Stream
from mastic.wire.paging import Paging

PAGE = 1000


class Shards:
    """The operations on shards."""

    def __init__(self, *, store: Store, clock: Clock, token_key: str) -> None:
        self._store = store
        self._clock = clock
        self._paging = Paging(token_key.encode(), error=names.invalid)

    def list_shards(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        token = request.get("NextToken")
        if token and (request.get("StreamName") or request.get("StreamARN")):
            raise names.invalid("NextToken and StreamName cannot be provided together.")
        asked = self._paging.decode("ListShards", context.scope, token) if token else None
        name, kept, after = asked or (
            names.stream_name(context, request),
            _filter(request),
            names.shard_number(request.get("ExclusiveStartShardId", "")),
        )
        limit = request.get("MaxResults", PAGE)
        with self._store.read() as tx:
            stream = names.existing(tx, context, {"StreamName": name})
            every = kinesis.shards_of(tx, stream.id)
        found = [one for one in _kept(every, kept, horizon(stream, self._clock)) if one.number > after]
        more = (
            self._paging.encode("ListShards", context.scope, [name, kept, found[limit - 1].number])
            if len(found) > limit
            else None
        )
        return {"Shards": [names.shard_shown(one) for one in found[:limit]], "NextToken": more}

    def split_shard(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            stream = names.existing(tx, context, request, lock=True)
            shard = _open(tx, stream, request["ShardToSplit"])
            start = int(request["NewStartingHashKey"])
            if not shard.first_hash < start <= shard.last_hash:
                raise names.invalid(
                    f"NewStartingHashKey {start} used in SplitShard() on shard {request['ShardToSplit']} in stream "
                    f"{stream.name} under account {context.account_id} is not both greater than one plus the shard's "
                    f"StartingHashKey {shard.first_hash} and less than the shard's EndingHashKey {shard.last_hash}."
                )
            parts = [(shard.first_hash, start - 1), (start, shard.last_hash)]
            self._replace(tx, stream, [shard], parts)

    def merge_shards(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            stream = names.existing(tx, context, request, lock=True)
            one = _open(tx, stream, request["ShardToMerge"])
            other = _open(tx, stream, request["AdjacentShardToMerge"])
            low, high = sorted((one, other), key=lambda shard: shard.first_hash)
            if low.last_hash + 1 != high.first_hash:
                raise names.invalid(
                    f"Shards {request['ShardToMerge']} and {request['AdjacentShardToMerge']} in stream {stream.name} "
                    f"under account {context.account_id} are not an adjacent pair of shards eligible for merging."
                )
            self._replace(tx, stream, [one, other], [(low.first_hash, high.last_hash)])

    def update_shard_count(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        target = request["TargetShardCount"]
        with self._store.write() as tx:
            stream = names.existing(tx, context, request, lock=True)
            now = open_shards(tx, stream)
            if stream.body["mode"] == "ON_DEMAND":
                raise ServiceError("ValidationException", "An ON_DEMAND stream has no shard count to update.")
            if not len(now) / 2 <= target <= len(now) * 2:
                raise ServiceError(
                    "LimitExceededException",
                    f"UpdateShardCount cannot scale up over double or down below half of the current open shard count. "
                    f"Current open shard count: {len(now)}. Target shard count: {target}.",
                )
            parts = names.ranges(target)
            if any(len(_parents(now, part)) > 2 for part in parts):
                raise names.invalid(
                    f"The {len(now)} shards of {stream.name} cannot become {target} equal ones in one step: a shard "
                    "has at most two parents. Split or merge them first."
                )
            if [(one.first_hash, one.last_hash) for one in sorted(now, key=_start)] != parts:
                self._replace(tx, stream, now, parts)
        return {
            "StreamName": stream.name,
            "StreamARN": names.stream_arn(stream),
            "CurrentShardCount": len(now),
            "TargetShardCount": target,
        }

    def _replace(
        self, tx: Connection, stream: Stream, old: Sequence[Shard], parts: Sequence[tuple[int, int]]
    ) -> None:
        """Close shards and open their children, which begin after everything that the parents have."""
        now = names.now_ms(self._clock)
        kinesis.close_shards(tx, stream.id, [one.number for one in old], stream.sequence + 1, now)
        made = []
        for position, part in enumerate(parts):
            parents = _parents(old, part)
            made.append(
                Shard(
                    stream=stream.id,
                    number=stream.shards + position,
                    parent=parents[0].number,
                    adjacent=parents[1].number if len(parents) > 1 else None,
                    first_hash=part[0],
                    last_hash=part[1],
                    opened=stream.sequence + 2 + position,
                    opened_at=now,
                    closed=None,
                    closed_at=None,
                )
            )
        kinesis.add_shards(tx, made)
        kinesis.change(
            tx, stream.id, shards=stream.shards + len(made), sequence=stream.sequence + 1 + len(made)
        )


def _start(shard: Shard) -> int:
    return shard.first_hash


def _parents(old: Sequence[Shard], part: tuple[int, int]) -> list[Shard]:
    """The shards that a range of hash keys overlaps, in the order given."""
    return [one for one in old if one.first_hash <= part[1] and part[0] <= one.last_hash]


def _open(tx: Connection, stream: Stream, name: str) -> Shard:
    found = {one.number: one for one in kinesis.shards_of(tx, stream.id)}.get(names.shard_number(name))
    if found is None:
        raise ServiceError(
            "ResourceNotFoundException", f"Could not find shard {name} in stream {stream.name}."
        )
    if found.closed is not None:
        raise ServiceError(
            "ResourceInUseException", f"Shard {name} in stream {stream.name} is closed already."
        )
    return found


def _filter(request: dict[str, Any]) -> list[Any]:
    """A shard filter as JSON values: its type, its shard, its time in milliseconds."""
    given = request.get("ShardFilter") or {}
    kind = given.get("Type", "")
    if kind == "AFTER_SHARD_ID" and not given.get("ShardId"):
        raise names.invalid("ShardId must be provided with the shard filter AFTER_SHARD_ID.")
    if kind in ("AT_TIMESTAMP", "FROM_TIMESTAMP") and given.get("Timestamp") is None:
        raise names.invalid(f"Timestamp must be provided with the shard filter {kind}.")
    at = given.get("Timestamp")
    return [kind, given.get("ShardId"), None if at is None else int(at.timestamp() * 1000)]


def _kept(every: Sequence[Shard], wanted: list[Any], oldest: int) -> list[Shard]:
    kind, name, at = wanted
    if kind == "AT_LATEST":
        return [one for one in every if one.closed is None]
    if kind == "AFTER_SHARD_ID":
        return [one for one in every if one.number > names.shard_number(name)]
    if kind in ("AT_TIMESTAMP", "FROM_TIMESTAMP", "AT_TRIM_HORIZON"):
        moment = oldest if at is None else at
        still = [one for one in every if one.closed_at is None or one.closed_at >= moment]
        first = min((one.opened_at for one in still), default=0)
        if kind == "FROM_TIMESTAMP":
            return still
        return [one for one in still if one.opened_at <= max(moment, first)]
    return list(every)
