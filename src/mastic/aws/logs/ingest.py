"""The way in for log events: from clients, job output and functions alike.

Stores events, evaluates the group's metric filters and feeds its subscription filters, all in the caller's
transaction, so that a job's output and the file offset it came from are one fact. Owns no state of its own.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.aws.logs.groups import now_ms
from mastic.aws.logs.patterns import Pattern, compile_pattern
from mastic.clock import Clock
from mastic.context import split_scope
from mastic.store import log_events, log_filters, logs

# What the service adds to an event's bytes when it counts sizes.
OVERHEAD = 26
_SAFE_PAYLOAD = 150_000


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEvent:
    """One line: ``timestamp`` in epoch milliseconds."""

    timestamp: int
    message: str


Metrics = Callable[[Connection, str, str, list[dict[str, Any]]], None]
"""``(tx, scope, namespace, metric data)``; the data are shaped as PutMetricData's ``MetricData``."""

Deliver = Callable[[Connection, str, str, dict[str, Any], str], None]
"""``(tx, scope, function_arn, payload, key)``: invoke a function asynchronously, once per key."""


class Logs:
    """The in-process API of CloudWatch Logs."""

    def __init__(
        self, *, store: Any, clock: Clock, metrics: Metrics | None = None, deliver: Deliver | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._deliver = deliver

    def connect(self, *, metrics: Metrics | None = None, deliver: Deliver | None = None) -> None:
        """Name the receivers of metrics and subscriptions, for parts that are built after this one."""
        self._metrics = metrics or self._metrics
        self._deliver = deliver or self._deliver

    def append(
        self,
        tx: Connection,
        scope: str,
        group: str,
        stream: str,
        events: Sequence[LogEvent | tuple[int, str]],
        *,
        kms_key: str | None = None,
    ) -> None:
        """Add events to a stream, making group (with this key) and stream if they are missing.

        Empty messages are left out, as the service has none. Events are put in the order of their times.
        """
        lines = sorted((_pair(e) for e in events), key=lambda pair: pair[0])
        lines = [(t, m) for t, m in lines if m]
        if not lines:
            return
        found = logs.get_group(tx, scope, group)
        if found is None:
            logs.create_group(tx, scope=scope, name=group, created=now_ms(self._clock), kms_key=kms_key)
            found = logs.get_group(tx, scope, group)
        assert found is not None
        target = logs.get_stream(tx, found, stream)
        if target is None:
            logs.create_stream(tx, found, stream, now_ms(self._clock))
            target = logs.get_stream(tx, found, stream)
        assert target is not None
        self.store_events(tx, found, target, lines)

    def store_events(
        self, tx: Connection, group: logs.Group, stream: logs.Stream, lines: Sequence[tuple[int, str]]
    ) -> None:
        """Add ``(time, message)`` pairs, in the order of their times, to an existing stream."""
        ingested = now_ms(self._clock)
        size = sum(len(m.encode("utf-8", "surrogatepass")) + OVERHEAD for _, m in lines)
        # The stream's row first: it serialises writers of one stream, so that row ids grow as commits do.
        logs.record_events(
            tx, stream, first=lines[0][0], last=lines[-1][0], ingested=ingested, size=size, count=len(lines)
        )
        rows = log_events.append(tx, stream, lines, ingested=ingested, overhead=OVERHEAD)
        if group.metric_filters and self._metrics:
            self._measure(tx, group, lines, ingested)
        if group.subscriptions and self._deliver:
            self._feed(tx, group, stream, lines, rows)

    # -- metric filters ------------------------------------------------------------------------------

    def _measure(
        self, tx: Connection, group: logs.Group, lines: Sequence[tuple[int, str]], ingested: int
    ) -> None:
        assert self._metrics is not None
        for watching in log_filters.of_group(tx, group.id, log_filters.METRIC):
            pattern = compile_pattern(watching.pattern)
            for transformation in watching.body["metricTransformations"]:
                data = [
                    datum
                    for time, message in lines
                    if (datum := _datum(pattern, transformation, time, message)) is not None
                ]
                default = transformation.get("defaultValue")
                minute = ingested // 60_000
                if not data and default is not None and minute != watching.quiet_minute:
                    log_filters.mark_quiet(tx, watching, minute)
                    data = [_value(transformation, ingested, float(default), {})]
                if data:
                    self._metrics(tx, group.scope, transformation["metricNamespace"], data)

    # -- subscription filters ------------------------------------------------------------------------

    def _feed(
        self,
        tx: Connection,
        group: logs.Group,
        stream: logs.Stream,
        lines: Sequence[tuple[int, str]],
        positions: Sequence[log_events.Position],
    ) -> None:
        assert self._deliver is not None
        for watching in log_filters.of_group(tx, group.id, log_filters.SUBSCRIPTION):
            pattern = compile_pattern(watching.pattern)
            matched: list[dict[str, Any]] = []
            for (time, message), position in zip(lines, positions, strict=True):
                values = pattern.match(message)
                if values is None:
                    continue
                event: dict[str, Any] = {"id": event_id(position), "timestamp": time, "message": message}
                if values:
                    event["extractedFields"] = {k.removeprefix("$"): v for k, v in values.items()}
                matched.append(event)
            for batch in _batches(matched):
                document = {
                    "messageType": "DATA_MESSAGE",
                    "owner": split_scope(group.scope)[0],
                    "logGroup": group.name,
                    "logStream": stream.name,
                    "subscriptionFilters": [watching.name],
                    "logEvents": batch,
                }
                data = base64.b64encode(gzip.compress(orjson.dumps(document), 6)).decode()
                key = f"logs:{group.id}:{watching.name}:{batch[0]['id']}"
                self._deliver(
                    tx, group.scope, watching.body["destinationArn"], {"awslogs": {"data": data}}, key
                )


def event_id(position: log_events.Position) -> str:
    """The id of an event: 56 digits that sort as events do."""
    return f"{max(position.time, 0):020d}{position.batch:020d}{position.place:016d}"


def _pair(event: LogEvent | tuple[int, str]) -> tuple[int, str]:
    return (event.timestamp, event.message) if isinstance(event, LogEvent) else event


def _batches(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Parts that stay within the payload of an asynchronous invocation, whatever they compress to."""
    parts: list[list[dict[str, Any]]] = []
    size = 0
    for event in events:
        weight = len(event["message"]) * 2 + 120
        if not parts or size + weight > _SAFE_PAYLOAD:
            parts.append([])
            size = 0
        parts[-1].append(event)
        size += weight
    return parts


def _datum(
    pattern: Pattern, transformation: dict[str, Any], time: int, message: str
) -> dict[str, Any] | None:
    if pattern.match(message) is None:
        return None
    said = transformation["metricValue"]
    found = pattern.value(message, said) if said.startswith("$") else said
    try:
        value = float(found)
    except (TypeError, ValueError):
        return None
    dimensions = {}
    for name, selector in (transformation.get("dimensions") or {}).items():
        chosen = pattern.value(message, selector)
        if chosen is None:
            return None
        dimensions[name] = str(chosen)
    return _value(transformation, time, value, dimensions)


def _value(
    transformation: dict[str, Any], time: int, value: float, dimensions: dict[str, str]
) -> dict[str, Any]:
    from datetime import UTC, datetime

    return {
        "MetricName": transformation["metricName"],
        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
        "Timestamp": datetime.fromtimestamp(time / 1000, UTC),
        "Value": value,
        "Unit": transformation.get("unit", "None"),
    }
