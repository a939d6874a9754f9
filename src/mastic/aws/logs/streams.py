"""Log streams: create, delete, list. State: table ``log_streams``."""

from __future__ import annotations

from typing import Any

from mastic.aws.logs import names
from mastic.aws.logs.events import sequence_token
from mastic.aws.logs.groups import now_ms
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import log_events, logs
from mastic.store.engine import Store


class LogStreams:
    """The operations on log streams."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create_log_stream(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            group = names.existing_group(tx, context, request["logGroupName"])
            if not logs.create_stream(tx, group, request["logStreamName"], now_ms(self._clock)):
                raise ServiceError(
                    "ResourceAlreadyExistsException", "The specified log stream already exists"
                )

    def delete_log_stream(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            group = names.existing_group(tx, context, request["logGroupName"])
            stream = names.existing_stream(tx, group, request["logStreamName"])
            log_events.delete_stream(tx, stream.id)
            logs.delete_stream(tx, stream)

    def describe_log_streams(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        by_time = request.get("orderBy", "LogStreamName") == "LastEventTime"
        prefix = request.get("logStreamNamePrefix", "")
        if by_time and prefix:
            raise names.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        descending = request.get("descending", False)
        limit = request.get("limit", 50)
        token = request.get("nextToken")
        with self._store.read() as tx:
            group = names.existing_group(tx, context, names.requested_name(request))
            if by_time:
                key = names.read_token(token, int, str)
                found = logs.streams_by_last_event(
                    tx, group, after=(key[0], key[1]) if key else None, descending=descending, limit=limit + 1
                )
            else:
                key = names.read_token(token, str)
                found = logs.streams_by_name(
                    tx,
                    group,
                    prefix=prefix,
                    after=key[0] if key else None,
                    descending=descending,
                    limit=limit + 1,
                )
        answer: dict[str, Any] = {"logStreams": [_described(group, stream) for stream in found[:limit]]}
        if len(found) > limit:
            last = found[limit - 1]
            when = last.last_event if last.last_event is not None else -1
            answer["nextToken"] = (
                names.page_token(when, last.name) if by_time else names.page_token(last.name)
            )
        return answer


def _described(group: logs.Group, stream: logs.Stream) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "firstEventTimestamp": stream.first_event,
        "lastEventTimestamp": stream.last_event,
        "lastIngestionTime": stream.last_ingestion,
        "uploadSequenceToken": sequence_token(stream.id, stream.events),
        "arn": names.stream_arn(group.scope, group.name, stream.name),
        # The service has answered 0 here since 2019; a group's size is counted.
        "storedBytes": 0,
    }
