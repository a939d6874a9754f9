"""Names, ARNs, sequence numbers, hash keys and errors that all of Kinesis shares. Pure; owns no state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.store import kinesis
from mastic.store.kinesis import Shard, Stream

LAST_HASH = 2**128 - 1
# AWS's sequence numbers have 56 digits and sort as numbers.
_BASE = 495 * 10**53
_OF_A_STREAM = 10**18


def invalid(message: str) -> ServiceError:
    """``InvalidArgumentException``."""
    return ServiceError("InvalidArgumentException", message)


def sequence_text(stream: int, sequence: int) -> str:
    """A sequence number as clients see it; a later stream of the same name has higher ones."""
    return str(_BASE + stream * _OF_A_STREAM + sequence)


def sequence_number(stream: Stream, shard: str, text: str) -> int:
    """The number that a client's text stands for. Raises InvalidArgumentException for another stream's."""
    if text == "0":
        return 0
    of, found = divmod(int(text) - _BASE, _OF_A_STREAM)
    if of != stream.id:
        account, _ = split_scope(stream.scope)
        raise invalid(
            f"StartingSequenceNumber {text} used in GetShardIterator on shard {shard} in stream {stream.name} under "
            f"account {account} is invalid because it did not come from this stream."
        )
    return found


def shard_name(number: int) -> str:
    """A shard's id."""
    return f"shardId-{number:012d}"


def shard_number(name: str) -> int:
    """A shard's number; -1 for an id that no shard has."""
    tail = name.removeprefix("shardId-")
    return int(tail) if tail != name and tail.isascii() and tail.isdigit() else -1


def stream_arn(stream: Stream) -> str:
    """A stream's ARN."""
    account, region = split_scope(stream.scope)
    return f"arn:aws:kinesis:{region}:{account}:stream/{stream.name}"


def stream_name(context: Context, request: dict[str, Any], member: str = "StreamARN") -> str:
    """The name that a request gives, by name or by ARN. Raises InvalidArgument- and ResourceNotFoundException."""
    arn = request.get(member)
    name = request.get("StreamName")
    if not arn:
        if not name:
            raise invalid("StreamARN or StreamName must be provided.")
        return str(name)
    parts = str(arn).split(":", 5)
    resource = parts[5] if len(parts) == 6 else ""
    if not resource.startswith("stream/"):
        raise invalid(f"Invalid StreamARN {arn}.")
    found = resource.removeprefix("stream/")
    if name and name != found:
        raise invalid("StreamARN and StreamName do not match.")
    if (parts[4], parts[3]) != (context.account_id, context.region):
        raise no_stream(context, found)
    return found


def no_stream(context: Context, name: str) -> ServiceError:
    """The stream is missing."""
    return ServiceError(
        "ResourceNotFoundException", f"Stream {name} under account {context.account_id} not found."
    )


def existing(
    tx: Connection,
    context: Context,
    request: dict[str, Any],
    *,
    lock: bool = False,
    member: str = "StreamARN",
) -> Stream:
    """The stream of a request. Raises ResourceNotFoundException."""
    name = stream_name(context, request, member)
    found = kinesis.find(tx, context.scope, name, lock=lock)
    if found is None:
        raise no_stream(context, name)
    return found


def hash_of(partition_key: str) -> int:
    """Where a partition key lies in the range of hash keys."""
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())


def shard_of(open_shards: Sequence[Shard], key: int) -> Shard:
    """The open shard whose range has this hash key."""
    return next(one for one in open_shards if one.first_hash <= key <= one.last_hash)


def ranges(count: int) -> list[tuple[int, int]]:
    """The whole range of hash keys in equal parts."""
    size = 2**128 // count
    return [(i * size, LAST_HASH if i == count - 1 else (i + 1) * size - 1) for i in range(count)]


def now_ms(clock: Clock) -> int:
    """Milliseconds since the epoch."""
    return int(clock.now().timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    """The time of so many milliseconds since the epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def shard_shown(shard: Shard) -> dict[str, Any]:
    """A shard as ListShards shows it."""
    numbers: dict[str, Any] = {"StartingSequenceNumber": sequence_text(shard.stream, shard.opened)}
    if shard.closed is not None:
        numbers["EndingSequenceNumber"] = sequence_text(shard.stream, shard.closed)
    return {
        "ShardId": shard_name(shard.number),
        "ParentShardId": None if shard.parent is None else shard_name(shard.parent),
        "AdjacentParentShardId": None if shard.adjacent is None else shard_name(shard.adjacent),
        "HashKeyRange": {"StartingHashKey": str(shard.first_hash), "EndingHashKey": str(shard.last_hash)},
        "SequenceNumberRange": numbers,
    }
