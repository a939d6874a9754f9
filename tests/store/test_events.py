"""EventBridge on both databases: from an event to deliveries, with failures, dead letters and ticks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from mastic.aws.events.buses import Buses
from mastic.aws.events.deliveries import Deliveries, Delivery, Undeliverable
from mastic.aws.events.entries import Entries
from mastic.aws.events.router import QUEUE, Router
from mastic.aws.events.rules import Rules
from mastic.aws.events.targets import Targets
from mastic.aws.events.ticks import Ticks
from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.loops.reactor import Reactor
from mastic.store import outbox, tasks
from mastic.store.engine import Store

ME = Context()
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:dead"


@pytest.fixture
def bridge(store: Store) -> Any:
    clock = ManualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    parts = {"store": store, "clock": clock}
    router = Router(clock=clock)
    made = SimpleNamespace(
        store=store, clock=clock, router=router, buses=Buses(**parts), rules=Rules(**parts),
        targets=Targets(**parts, served=("lambda", "sqs", "events")), got=[], dead=[], fail=None,
        entries=Entries(**parts, ids=Ids(), router=router), ticks=Ticks(**parts, ids=Ids(), router=router),
    )  # fmt: skip

    def deliver(delivery: Delivery) -> None:
        if made.fail is not None:
            raise made.fail
        made.got.append(delivery)

    made.deliveries = Deliveries(
        **parts, router=router, targets={"lambda": deliver},
        send_to_queue=lambda arn, text, attributes: made.dead.append((arn, text, attributes)),
    )  # fmt: skip
    return made


def rule(bridge: Any, name: str, pattern: Any, *, bus: str = "default", **target: Any) -> None:
    bridge.rules.put_rule(ME, {"Name": name, "EventPattern": json.dumps(pattern), "EventBusName": bus})
    bridge.targets.put_targets(
        ME, {"Rule": name, "EventBusName": bus, "Targets": [{"Id": "t", "Arn": FUNCTION, **target}]}
    )


def put(bridge: Any, bus: str = "default", **detail: Any) -> dict[str, Any]:
    entry = {"Source": "me", "DetailType": "d", "Detail": json.dumps(detail), "EventBusName": bus}
    result: dict[str, Any] = bridge.entries.put_events(ME, {"Entries": [entry]})
    return result


def deliver(bridge: Any) -> None:
    """Do what is due, as the worker would."""
    now = bridge.clock.now()
    with bridge.store.write() as tx:
        leased = tasks.lease(tx, QUEUE, "me", now, now, 50)
    for task in leased:
        try:
            bridge.deliveries.handle(task)
        except tasks.RetryAt as again:
            with bridge.store.write() as tx:
                tasks.retry(tx, task, "me", again.when)
        else:
            with bridge.store.write() as tx:
                tasks.finish(tx, task, "me")


def test_an_event_reaches_the_targets_of_matching_rules(bridge: Any) -> None:
    rule(bridge, "a", {"detail": {"n": [1]}})
    rule(bridge, "b", {"source": ["me"]}, InputPath="$.detail.n")
    rule(bridge, "c", {"source": ["other"]})
    assert put(bridge, n=1)["FailedEntryCount"] == 0
    deliver(bridge)
    texts = sorted(d.text for d in bridge.got)
    assert (len(texts), texts[0], json.loads(texts[1])["detail"]) == (2, "1", {"n": 1})
    bridge.rules.disable_rule(ME, {"Name": "b"})
    put(bridge, n=2)
    deliver(bridge)
    assert len(bridge.got) == 2


def test_bad_entries_fail_by_themselves(bridge: Any) -> None:
    entries = [
        {"Source": "me", "DetailType": "d", "Detail": "{}"},
        {"Source": "me", "DetailType": "d", "Detail": "no"},
        {"Source": "aws.glue", "DetailType": "d", "Detail": "{}"},
        {"DetailType": "d", "Detail": "{}"},
        {"Source": "me", "DetailType": "d", "Detail": "{}", "EventBusName": "nowhere"},
    ]
    result = bridge.entries.put_events(ME, {"Entries": entries})
    assert [e.get("ErrorCode") for e in result["Entries"]] == [
        None, "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument", "ResourceNotFoundException",
    ]  # fmt: skip


def test_events_of_mastic_come_through_the_outbox_once(bridge: Any) -> None:
    rule(bridge, "a", {"source": ["aws.glue"], "detail": {"state": ["FAILED"]}})
    event = {
        "version": "0", "id": "e1", "source": "aws.glue", "detail-type": "Glue Job State Change",
        "account": "123456789012", "region": "us-east-1", "time": "t", "resources": [],
        "detail": {"state": "FAILED"},
    }  # fmt: skip
    reactor = Reactor(store=bridge.store, clock=bridge.clock, holder="me")
    reactor.subscribe("glue.event", bridge.router.receive)
    with bridge.store.write() as tx:
        outbox.put(tx, "glue.event", event)
        outbox.put(tx, "glue.event", event)
    reactor.tick()
    deliver(bridge)
    assert [d.event["id"] for d in bridge.got] == ["e1"]


def test_failures_are_tried_again_then_become_dead_letters(bridge: Any) -> None:
    rule(
        bridge, "a", {"source": ["me"]},
        RetryPolicy={"MaximumRetryAttempts": 2}, DeadLetterConfig={"Arn": QUEUE_ARN},
    )  # fmt: skip
    put(bridge)
    bridge.fail = OSError("no answer")
    for _ in range(2):
        deliver(bridge)
        assert bridge.dead == []
        bridge.clock.advance(seconds=60)
    deliver(bridge)
    ((arn, text, attributes),) = bridge.dead
    assert (arn, json.loads(text)["source"], attributes["ERROR_MESSAGE"]) == (QUEUE_ARN, "me", "no answer")
    bridge.clock.advance(seconds=600)
    bridge.fail = None
    deliver(bridge)
    assert bridge.got == []


def test_what_cannot_succeed_is_not_tried_again(bridge: Any) -> None:
    rule(bridge, "a", {"source": ["me"]}, DeadLetterConfig={"Arn": QUEUE_ARN})
    put(bridge)
    bridge.fail = Undeliverable("NO_RESOURCE", "gone")
    deliver(bridge)
    assert bridge.dead[0][2]["ERROR_CODE"] == "NO_RESOURCE"


def test_buses_pass_events_on(bridge: Any) -> None:
    bus = bridge.buses.create_event_bus(ME, {"Name": "second"})["EventBusArn"]
    rule(bridge, "on", {"source": ["me"]}, Arn=bus)
    rule(bridge, "there", {"source": ["me"]}, bus="second")
    rule(
        bridge,
        "back",
        {"source": ["me"]},
        bus="second",
        Arn="arn:aws:events:us-east-1:123456789012:event-bus/default",
    )
    put(bridge)
    for _ in range(4):
        deliver(bridge)
    assert len(bridge.got) == 1
    with pytest.raises(ServiceError, match="since it has rules"):
        bridge.buses.delete_event_bus(ME, {"Name": "second"})


def test_scheduled_rules_fire_once_a_tick(bridge: Any) -> None:
    bridge.rules.put_rule(ME, {"Name": "r", "ScheduleExpression": "rate(5 minutes)"})
    bridge.targets.put_targets(
        ME, {"Rule": "r", "Targets": [{"Id": "t", "Arn": FUNCTION, "Input": '{"check": 1}'}]}
    )
    assert bridge.ticks.act() > 0
    bridge.clock.advance(minutes=5)
    while bridge.ticks.act() == 0.0:
        pass
    deliver(bridge)
    assert [d.text for d in bridge.got] == ['{"check": 1}']
    # Down for an hour: one firing, then the old rhythm.
    bridge.clock.advance(hours=1)
    while bridge.ticks.act() == 0.0:
        pass
    deliver(bridge)
    assert len(bridge.got) == 2
    bridge.rules.disable_rule(ME, {"Name": "r"})
    bridge.clock.advance(hours=1)
    assert bridge.ticks.act() > 0


def test_rules_and_targets_are_guarded(bridge: Any) -> None:
    rule(bridge, "a", {"source": ["me"]})
    with pytest.raises(ServiceError, match="it has targets"):
        bridge.rules.delete_rule(ME, {"Name": "a"})
    with pytest.raises(ServiceError, match="not a target that Mastic delivers events to"):
        rule(bridge, "a", {"source": ["me"]}, Arn="arn:aws:ecs:us-east-1:123456789012:cluster/c")
    assert bridge.targets.remove_targets(ME, {"Rule": "a", "Ids": ["t", "x"]})["FailedEntryCount"] == 1
    bridge.rules.delete_rule(ME, {"Name": "a"})
    with pytest.raises(ServiceError, match="Rule a does not exist on EventBus default"):
        bridge.rules.describe_rule(ME, {"Name": "a"})
