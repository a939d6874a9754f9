"""Writing and reading log events, and their streams. State: ``log_streams``, ``log_batches``."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import islice
from typing import Any

from mastic.aws.logs import names
from mastic.aws.logs.groups import now_ms
from mastic.aws.logs.ingest import OVERHEAD, Logs, event_id
from mastic.aws.logs.patterns import InvalidPattern, Pattern, compile_pattern
from mastic.clock import Clock
from mastic.context import Context
from mastic.store import log_events, logs
from mastic.store.engine import Store
from mastic.store.log_events import BEGINNING, END, Event, Position, Range

LARGEST_UPLOAD = 1_048_576
LARGEST_PAGE_BYTES = 1_048_576
LARGEST_PAGE = 10_000
# A page is cut short after this many events were looked at, so that a rare word in a huge group answers soon.
MOST_SEARCHED = 200_000
DAY = int(timedelta(days=1).total_seconds() * 1000)
OLDEST = 14 * DAY
FUTURE = int(timedelta(hours=2).total_seconds() * 1000)
_TOKEN = re.compile(r"([fb])/(\d{20})(\d{20})(\d{16})/s\Z")


class LogEvents:
    """PutLogEvents, GetLogEvents, FilterLogEvents."""

    def __init__(self, *, store: Store, clock: Clock, logs: Logs) -> None:
        self._store = store
        self._clock = clock
        self._logs = logs

    def put_log_events(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        events = [(e["timestamp"], e["message"]) for e in request["logEvents"]]
        _check_upload(events)
        with self._store.write() as tx:
            group = names.existing_group(tx, context, request["logGroupName"])
            stream = names.existing_stream(tx, group, request["logStreamName"])
            accepted, rejected = _sort_out(events, now_ms(self._clock), group.retention)
            if accepted:
                self._logs.store_events(tx, group, stream, accepted)
        count = stream.events + len(accepted)
        return {"nextSequenceToken": sequence_token(stream.id, count), "rejectedLogEventsInfo": rejected}

    def get_log_events(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        limit = request.get("limit", LARGEST_PAGE)
        with self._store.read() as tx:
            group = names.existing_group(tx, context, names.requested_name(request))
            stream = names.existing_stream(tx, group, request["logStreamName"])
            wanted = Range(
                group_id=group.id,
                stream_ids=[stream.id],
                start=request.get("startTime", -1),
                end=request.get("endTime", 2**62),
            )
            token = request.get("nextToken")
            direction, at = _read_direction(token, from_head=request.get("startFromHead", False))
            if direction == "f":
                found = list(_fitting(log_events.forward(tx, wanted, at), limit))
            else:
                found = list(_fitting(log_events.backward(tx, wanted, at), limit))[::-1]
        first, last = _edges(found, at, wanted)
        answer = {
            "events": [
                {"timestamp": e.position.time, "message": e.message, "ingestionTime": e.ingested}
                for e in found
            ],
            "nextForwardToken": f"f/{event_id(last)}/s",
            "nextBackwardToken": f"b/{event_id(first)}/s",
        }
        if not found and token:
            # The end of the stream in this direction: the client is told so by its own token.
            answer["nextForwardToken" if direction == "f" else "nextBackwardToken"] = token
        return answer

    def filter_log_events(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        pattern = compiled(request.get("filterPattern", ""))
        limit = request.get("limit", LARGEST_PAGE)
        descending, at = self._filter_start(request)
        with self._store.read() as tx:
            group = names.existing_group(tx, context, names.requested_name(request))
            chosen = self._chosen(tx, group, request)
            wanted = Range(
                group_id=group.id,
                stream_ids=None if chosen is None or len(chosen) > 500 else list(chosen),
                start=request.get("startTime", -1),
                end=request.get("endTime", 2**62 - 1) + 1,
            )
            read = log_events.backward if descending else log_events.forward
            found, last, finished = _search(
                read(tx, wanted, at, lambda message: pattern.match(message) is not None),
                pattern,
                limit,
                chosen,
            )
            labels = chosen if chosen is not None else logs.stream_names(tx, group)
        answer: dict[str, Any] = {
            "events": [
                {
                    "logStreamName": labels.get(e.stream_id, ""),
                    "timestamp": e.position.time,
                    "message": e.message,
                    "ingestionTime": e.ingested,
                    "eventId": event_id(e.position),
                }
                for e in found
            ],
            "searchedLogStreams": [],
        }
        if not finished and last is not None:
            answer["nextToken"] = names.page_token("d" if descending else "a", *last)
        return answer

    def _filter_start(self, request: dict[str, Any]) -> tuple[bool, Position]:
        key = names.read_token(request.get("nextToken"), str, int, int, int)
        if key is not None:
            return key[0] == "d", Position(*key[1:])
        descending = not request.get("startFromHead", True)
        return descending, END if descending else BEGINNING

    def _chosen(self, tx: Any, group: logs.Group, request: dict[str, Any]) -> dict[int, str] | None:
        """The streams that the request is about, or None for all of the group's."""
        wanted, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix", "")
        if wanted and prefix:
            raise names.invalid("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.")
        if not wanted and not prefix:
            return None
        found = logs.stream_names(tx, group, prefix=prefix, names=wanted)
        if wanted and set(found.values()) != set(wanted):
            raise names.no_stream()
        return found


def compiled(pattern: str) -> Pattern:
    """The matcher of a filter pattern. Raises InvalidParameterException."""
    try:
        return compile_pattern(pattern)
    except InvalidPattern as error:
        raise names.invalid(str(error)) from error


def sequence_token(stream_id: int, count: int) -> str:
    """The token that clients of old pass on; nothing depends on it."""
    return f"496{stream_id:026d}{count:027d}"


def _check_upload(events: list[tuple[int, str]]) -> None:
    size = sum(len(message.encode("utf-8", "surrogatepass")) + OVERHEAD for _, message in events)
    if size > LARGEST_UPLOAD:
        raise names.invalid(f"Upload too large: {size} bytes exceeds limit of {LARGEST_UPLOAD}")
    times = [time for time, _ in events]
    if times != sorted(times):
        raise names.invalid("Log events in a single PutLogEvents request must be in chronological order.")


def _sort_out(
    events: list[tuple[int, str]], now: int, retention: int | None
) -> tuple[list[tuple[int, str]], dict[str, int] | None]:
    """The events that are neither too old nor too new, and what is said of the others."""
    expired = now - retention * DAY if retention else None
    info: dict[str, int] = {}
    start, stop = 0, len(events)
    for index, (time, _) in enumerate(events):
        if expired is not None and time < expired:
            info["expiredLogEventEndIndex"] = index + 1
            start = index + 1
        elif time < now - OLDEST:
            info["tooOldLogEventEndIndex"] = index + 1
            start = index + 1
        elif time > now + FUTURE:
            info["tooNewLogEventStartIndex"] = index
            stop = index
            break
    accepted = events[start:stop]
    if accepted and accepted[-1][0] - accepted[0][0] > DAY:
        raise names.invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    return accepted, info or None


def _read_direction(token: str | None, *, from_head: bool) -> tuple[str, Position]:
    if token is None:
        return ("f", BEGINNING) if from_head else ("b", END)
    found = _TOKEN.match(token)
    if found is None:
        raise names.invalid("The specified nextToken is invalid.")
    return found[1], Position(int(found[2]), int(found[3]), int(found[4]))


def _edges(found: list[Event], at: Position, wanted: Range) -> tuple[Position, Position]:
    """The positions between which a page lies; those of an empty page let later events be found."""
    if found:
        return found[0].position, found[-1].position
    if at in (BEGINNING, END):
        start = Position(max(wanted.start, 0), 0, 0)
        return start, start
    return at, at


def _fitting(events: Any, limit: int) -> Any:
    """The events of one page."""
    size = 0
    for event in islice(events, limit):
        size += len(event.message) + OVERHEAD
        if size > LARGEST_PAGE_BYTES and size != len(event.message) + OVERHEAD:
            return
        yield event


def _search(
    events: Any, pattern: Pattern, limit: int, chosen: dict[int, str] | None
) -> tuple[list[Event], Position | None, bool]:
    """The matches of one page, the last position looked at, and whether there is nothing after it."""
    found: list[Event] = []
    last: Position | None = None
    size = searched = 0
    for event in events:
        if len(found) >= limit or size > LARGEST_PAGE_BYTES or searched >= MOST_SEARCHED:
            return found, last, False
        searched += event.lines
        last = event.position
        if chosen is not None and event.stream_id not in chosen:
            continue
        if pattern.match(event.message) is not None:
            found.append(event)
            size += len(event.message) + OVERHEAD
    return found, last, True
