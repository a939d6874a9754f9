"""Log events on both databases: order, pages in both directions, ranges, retention, filters."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mastic.aws.logs import retention
from mastic.aws.logs.events import LogEvents
from mastic.aws.logs.filters import MetricFilters, SubscriptionFilters
from mastic.aws.logs.groups import LogGroups
from mastic.aws.logs.ingest import Logs
from mastic.aws.logs.streams import LogStreams
from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store.engine import Store

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MS = int(NOW.timestamp() * 1000)
HOUR = 3_600_000


class Service:
    """CloudWatch Logs on a store, without a wire."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = ManualClock(NOW)
        self.context = Context()
        self.metrics: list[tuple[str, dict[str, Any]]] = []
        self.delivered: list[tuple[str, dict[str, Any]]] = []
        self.logs = Logs(
            store=store,
            clock=self.clock,
            metrics=lambda tx, scope, namespace, data: self.metrics.extend((namespace, d) for d in data),
            deliver=lambda tx, scope, arn, payload, key: self.delivered.append((key, payload)),
        )
        self.groups = LogGroups(store=store, clock=self.clock)
        self.streams = LogStreams(store=store, clock=self.clock)
        self.events = LogEvents(store=store, clock=self.clock, logs=self.logs)
        self.metric_filters = MetricFilters(store=store, clock=self.clock)
        self.subscriptions = SubscriptionFilters(
            store=store, clock=self.clock, may_invoke=lambda *arguments: True
        )

    def append(self, stream: str, events: list[tuple[int, str]], group: str = "g") -> None:
        with self.store.write() as tx:
            self.logs.append(tx, self.context.scope, group, stream, events)

    def filter(self, **request: Any) -> list[str]:
        """Every message that FilterLogEvents finds, over all pages."""
        found: list[str] = []
        request = {"logGroupName": "g", **request}
        while True:
            reply = self.events.filter_log_events(self.context, request)
            found += [e["message"] for e in reply["events"]]
            if "nextToken" not in reply:
                return found
            request["nextToken"] = reply["nextToken"]

    def get(self, stream: str, **request: Any) -> dict[str, Any]:
        return self.events.get_log_events(
            self.context, {"logGroupName": "g", "logStreamName": stream, **request}
        )


@pytest.fixture
def service(store: Store) -> Service:
    return Service(store)


def _messages(reply: dict[str, Any]) -> list[str]:
    return [e["message"] for e in reply["events"]]


def test_append_makes_group_and_stream_in_one_transaction(service: Service) -> None:
    def fail() -> None:
        with service.store.write() as tx:
            service.logs.append(tx, service.context.scope, "g", "s", [(MS, "lost")])
            raise RuntimeError("the transaction fails")

    with pytest.raises(RuntimeError):
        fail()
    with pytest.raises(ServiceError, match="log group does not exist"):
        service.filter()
    service.append("s", [(MS, "kept"), (MS + 1, "")])
    assert service.filter() == ["kept"]


def test_streams_are_interleaved_by_time_whatever_the_order_of_arrival(service: Service) -> None:
    expected = []
    for number in (3, 0, 2, 1):
        events = [(MS + i * 4 + number, f"{i * 4 + number:05d}") for i in range(500)]
        service.append(f"s{number % 2}", events)
        expected += [m for _, m in events]
    assert service.filter() == sorted(expected)
    assert service.filter(limit=77) == sorted(expected)
    assert service.filter(startFromHead=False, limit=300) == sorted(expected, reverse=True)
    assert service.filter(startTime=MS + 100, endTime=MS + 103) == ["00100", "00101", "00102", "00103"]
    assert len(service.filter(logStreamNames=["s1"])) == 1000
    assert len(service.filter(logStreamNamePrefix="s0")) == 1000


def test_pages_forward_and_backward_meet_their_own_tokens_at_the_ends(service: Service) -> None:
    messages = [f"{i:04d}" for i in range(1000)]
    # Many rows, overlapping in time.
    for start in range(0, 1000, 50):
        service.append("s", [(MS + i // 3, messages[i]) for i in range(start, start + 50)])
    page = service.get("s", startFromHead=True, limit=300)
    read: list[str] = []
    token = None
    while token != page["nextForwardToken"]:
        read += _messages(page)
        token = page["nextForwardToken"]
        page = service.get("s", nextToken=token, limit=300)
    assert read == messages
    assert page["events"] == []

    page = service.get("s", limit=300)
    assert _messages(page) == messages[700:]
    back: list[str] = []
    token = None
    while token != page["nextBackwardToken"]:
        back = _messages(page) + back
        token = page["nextBackwardToken"]
        page = service.get("s", nextToken=token, limit=300)
    assert back == messages

    # From the end again: what arrives later is found with the token of the end.
    end = service.get("s", startFromHead=True)["nextForwardToken"]
    assert service.get("s", nextToken=end)["nextForwardToken"] == end
    service.append("s", [(MS + 10_000, "later")])
    assert _messages(service.get("s", nextToken=end)) == ["later"]


def test_the_token_of_an_empty_stream_finds_the_first_event(service: Service) -> None:
    service.append("other", [(MS, "x")])
    service.streams.create_log_stream(service.context, {"logGroupName": "g", "logStreamName": "s"})
    token = service.get("s")["nextForwardToken"]
    service.append("s", [(MS, "first")])
    assert _messages(service.get("s", nextToken=token)) == ["first"]


def test_ranges_of_get_log_events_exclude_their_end(service: Service) -> None:
    service.append("s", [(MS + i, str(i)) for i in range(10)])
    assert _messages(service.get("s", startTime=MS + 2, endTime=MS + 5, startFromHead=True)) == [
        "2",
        "3",
        "4",
    ]


def test_a_long_span_in_one_write(service: Service) -> None:
    service.append("s", [(MS - i * 40 * 60_000, str(i)) for i in range(20)])
    assert service.filter() == [str(i) for i in reversed(range(20))]
    assert service.filter(startTime=MS - 2 * HOUR) == ["3", "2", "1", "0"]


def test_old_new_and_expired_events_are_reported_and_left_out(service: Service) -> None:
    service.append("s", [(MS, "x")])

    def put(*times: int) -> dict[str, Any]:
        events = [{"timestamp": t, "message": str(t - MS)} for t in times]
        request = {"logGroupName": "g", "logStreamName": "s", "logEvents": events}
        return service.events.put_log_events(service.context, request)

    old, new = MS - 15 * 24 * HOUR, MS + 3 * HOUR
    assert put(old, old + 1, MS, new)["rejectedLogEventsInfo"] == {
        "tooOldLogEventEndIndex": 2,
        "tooNewLogEventStartIndex": 3,
    }
    service.groups.put_retention_policy(service.context, {"logGroupName": "g", "retentionInDays": 1})
    assert put(MS - 25 * HOUR, MS + 1)["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert service.filter() == ["x", "0", "1"]
    with pytest.raises(ServiceError, match="chronological"):
        put(MS + 1, MS)
    service.groups.delete_retention_policy(service.context, {"logGroupName": "g"})
    with pytest.raises(ServiceError, match="24 hours"):
        put(MS - 25 * HOUR, MS)


def test_retention_takes_what_is_old_and_nothing_else(service: Service) -> None:
    service.append("s", [(MS, "old")])
    service.append("s", [(MS + 30 * HOUR, "new")])
    service.append("s", [(MS, "kept")], group="forever")
    service.groups.put_retention_policy(service.context, {"logGroupName": "g", "retentionInDays": 1})
    service.clock.advance(hours=36)
    retention.enforce(service.store, service.clock)
    assert service.filter() == ["new"]
    assert service.filter(logGroupName="forever") == ["kept"]
    stream = service.streams.describe_log_streams(service.context, {"logGroupName": "g"})["logStreams"][0]
    assert stream["firstEventTimestamp"] == MS + 30 * HOUR
    groups = service.groups.describe_log_groups(service.context, {"logGroupNamePrefix": "g"})["logGroups"]
    assert groups[0]["storedBytes"] == 26 + len("new")


def test_deleting_takes_the_events_along(service: Service) -> None:
    service.append("s", [(MS, "a")])
    service.append("t", [(MS, "b")])
    service.streams.delete_log_stream(service.context, {"logGroupName": "g", "logStreamName": "s"})
    assert service.filter() == ["b"]
    service.groups.delete_log_group(service.context, {"logGroupName": "g"})
    service.append("t", [(MS, "c")])
    assert service.filter() == ["c"]


def test_streams_by_name_and_by_last_event(service: Service) -> None:
    for number, name in enumerate(["b", "a", "B", "c"]):
        service.append(name, [(MS + number, "x")])
    service.streams.create_log_stream(service.context, {"logGroupName": "g", "logStreamName": "empty"})

    def names(**request: Any) -> list[str]:
        found: list[str] = []
        request = {"logGroupName": "g", "limit": 2, **request}
        while True:
            reply = service.streams.describe_log_streams(service.context, request)
            found += [s["logStreamName"] for s in reply["logStreams"]]
            if "nextToken" not in reply:
                return found
            request["nextToken"] = reply["nextToken"]

    assert names() == ["B", "a", "b", "c", "empty"]
    assert names(descending=True) == ["empty", "c", "b", "a", "B"]
    assert names(orderBy="LastEventTime", descending=True) == ["c", "B", "a", "b", "empty"]
    assert names(orderBy="LastEventTime") == ["empty", "b", "a", "B", "c"]
    with pytest.raises(ServiceError, match="Cannot order by LastEventTime"):
        names(orderBy="LastEventTime", logStreamNamePrefix="a")


def test_metric_filters_measure_in_the_transaction_of_the_events(service: Service) -> None:
    service.append("s", [(MS, "start")])
    put = service.metric_filters.put_metric_filter
    base = {"logGroupName": "g", "filterName": "errors", "filterPattern": "?ERROR ?Exception"}
    transformation = {
        "metricName": "Errors", "metricNamespace": "App", "metricValue": "1", "defaultValue": 0.0,
    }  # fmt: skip
    put(service.context, {**base, "metricTransformations": [transformation]})
    latency = {
        "metricName": "Ms",
        "metricNamespace": "App",
        "metricValue": "$.ms",
        "dimensions": {"Path": "$.path"},
    }
    put(service.context, {
        "logGroupName": "g", "filterName": "latency", "filterPattern": "{ $.ms > 0 }",
        "metricTransformations": [latency],
    })  # fmt: skip
    service.append(
        "s", [(MS + 1, "ERROR one"), (MS + 2, "KeyException"), (MS + 3, '{"ms": 12.5, "path": "/x"}')]
    )
    found = [(d["MetricName"], d["Value"], d["Dimensions"]) for _, d in service.metrics]
    assert found == [
        ("Errors", 1.0, []),
        ("Errors", 1.0, []),
        ("Ms", 12.5, [{"Name": "Path", "Value": "/x"}]),
    ]
    service.metrics.clear()
    service.append("s", [(MS + 4, "quiet")])
    service.append("s", [(MS + 5, "quiet")])
    assert [d["Value"] for _, d in service.metrics] == [0.0], "the default value counts once a minute"
    groups = service.groups.describe_log_groups(service.context, {})["logGroups"]
    assert groups[0]["metricFilterCount"] == 2


def test_subscriptions_get_what_matches_compressed(service: Service) -> None:
    service.append("s", [(MS, "start")])
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    request = {"logGroupName": "g", "filterName": "sub", "filterPattern": "ERROR", "destinationArn": arn}
    service.subscriptions.put_subscription_filter(service.context, request)
    service.append("s", [(MS + 1, "fine"), (MS + 2, "ERROR x")])
    [(key, payload)] = service.delivered
    document = json.loads(gzip.decompress(base64.b64decode(payload["awslogs"]["data"])))
    assert document["logGroup"] == "g"
    assert document["logStream"] == "s"
    assert [e["message"] for e in document["logEvents"]] == ["ERROR x"]
    assert document["logEvents"][0]["id"] in key


def test_names_are_taken_once(service: Service) -> None:
    service.groups.create_log_group(service.context, {"logGroupName": "g"})
    service.streams.create_log_stream(service.context, {"logGroupName": "g", "logStreamName": "s"})
    with pytest.raises(ServiceError, match="log group already exists"):
        service.groups.create_log_group(service.context, {"logGroupName": "g"})
    with pytest.raises(ServiceError, match="log stream already exists"):
        service.streams.create_log_stream(service.context, {"logGroupName": "g", "logStreamName": "s"})
