"""Alarms over time on both databases: a moved clock, real samples, real follow-ups."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from mastic.aws.cloudwatch.alarms import Alarms
from mastic.aws.cloudwatch.evaluator import Actions, Evaluator
from mastic.aws.cloudwatch.expiry import Expiry
from mastic.aws.cloudwatch.metrics import Metrics
from mastic.aws.cloudwatch.transitions import QUEUE, Transitions
from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import outbox, tasks
from mastic.store.engine import Store

ME = Context()
TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
ALARM = {
    "AlarmName": "failed", "Namespace": "Glue", "MetricName": "failures", "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching", "AlarmActions": [TOPIC],
    "Dimensions": [{"Name": "JobName", "Value": "j"}],
}  # fmt: skip


@pytest.fixture
def cw(store: Store) -> Any:
    clock = ManualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    transitions = Transitions(clock=clock, ids=Ids())
    return SimpleNamespace(
        clock=clock, store=store, metrics=Metrics(store=store, clock=clock),
        alarms=Alarms(store=store, clock=clock, transitions=transitions),
        evaluator=Evaluator(store=store, clock=clock, transitions=transitions, holder="me"),
    )  # fmt: skip


def state(cw: Any, name: str = "failed") -> str:
    shown = cw.alarms.describe_alarms(ME, {"AlarmNames": [name]})
    found: str = (shown["MetricAlarms"] + shown["CompositeAlarms"])[0]["StateValue"]
    return found


def judge(cw: Any) -> None:
    while cw.evaluator.act() == 0.0:
        pass


def put(cw: Any, value: float) -> None:
    with cw.store.write() as tx:
        cw.metrics.put(tx, ME.scope, "Glue", "failures", {"JobName": "j"}, value, "Count")


def queued(cw: Any) -> list[tasks.Task]:
    with cw.store.write() as tx:
        return tasks.lease(tx, QUEUE, "me", cw.clock.now(), cw.clock.now(), 50)


def test_an_alarm_goes_off_and_comes_back(cw: Any) -> None:
    cw.alarms.put_metric_alarm(ME, ALARM)
    assert state(cw) == "INSUFFICIENT_DATA"
    judge(cw)
    assert state(cw) == "OK"
    put(cw, 3)
    judge(cw)
    assert state(cw) == "OK", "the period is not over"
    cw.clock.advance(seconds=60)
    judge(cw)
    assert state(cw) == "ALARM"
    (task,) = queued(cw)
    assert (task.payload["action"], task.payload["message"]["NewStateValue"]) == (TOPIC, "ALARM")
    assert task.payload["subject"] == 'ALARM: "failed" in US East (N. Virginia)'
    with cw.store.read() as tx:
        events = [e.payload for e in outbox.due(tx, cw.clock.now(), 10)]
    assert [e["detail"]["state"]["value"] for e in events] == ["OK", "ALARM"]
    cw.clock.advance(seconds=600)
    judge(cw)
    assert state(cw) == "OK"
    history = cw.alarms.describe_alarm_history(ME, {"AlarmName": "failed", "HistoryItemType": "StateUpdate"})
    assert [h["HistorySummary"] for h in history["AlarmHistoryItems"]] == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from INSUFFICIENT_DATA to OK",
    ]


def test_redefining_keeps_the_state(cw: Any) -> None:
    cw.alarms.put_metric_alarm(ME, ALARM)
    cw.alarms.set_alarm_state(ME, {"AlarmName": "failed", "StateValue": "ALARM", "StateReason": "test"})
    cw.alarms.put_metric_alarm(ME, {**ALARM, "Threshold": 5.0})
    assert state(cw) == "ALARM"
    assert len(queued(cw)) == 1
    with pytest.raises(ServiceError, match="ResourceNotFound"):
        cw.alarms.set_alarm_state(ME, {"AlarmName": "x", "StateValue": "OK", "StateReason": ""})


def test_disabled_actions_do_not_act(cw: Any) -> None:
    cw.alarms.put_metric_alarm(ME, ALARM)
    cw.alarms.disable_alarm_actions(ME, {"AlarmNames": ["failed"]})
    cw.alarms.set_alarm_state(ME, {"AlarmName": "failed", "StateValue": "ALARM", "StateReason": "test"})
    assert queued(cw) == []


def test_composite_alarms_follow_at_once(cw: Any) -> None:
    for name in ("a", "b"):
        cw.alarms.put_metric_alarm(ME, {**ALARM, "AlarmName": name, "AlarmActions": []})
    cw.alarms.put_composite_alarm(
        ME, {"AlarmName": "any", "AlarmRule": 'ALARM("a") OR ALARM("b")', "AlarmActions": [TOPIC]}
    )
    assert state(cw, "any") == "OK"
    cw.alarms.set_alarm_state(ME, {"AlarmName": "b", "StateValue": "ALARM", "StateReason": "test"})
    assert state(cw, "any") == "ALARM"
    assert [t.payload["alarm"] for t in queued(cw)] == ["any"]
    with pytest.raises(ServiceError, match="depending on it"):
        cw.alarms.delete_alarms(ME, {"AlarmNames": ["b"]})
    cw.alarms.put_composite_alarm(ME, {"AlarmName": "outer", "AlarmRule": "ALARM(any)"})
    with pytest.raises(ServiceError, match="depend on itself"):
        cw.alarms.put_composite_alarm(ME, {"AlarmName": "any", "AlarmRule": "ALARM(outer)"})
    cw.alarms.delete_alarms(ME, {"AlarmNames": ["outer", "any", "a", "b"]})


def test_alarms_on_expressions(cw: Any) -> None:
    stat = {
        "Metric": {"Namespace": "Glue", "MetricName": "failures",
                   "Dimensions": [{"Name": "JobName", "Value": "j"}]},
        "Period": 60, "Stat": "Sum",
    }  # fmt: skip
    shared = {k: ALARM[k] for k in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}
    cw.alarms.put_metric_alarm(
        ME,
        {
            **shared,
            "AlarmName": "m",
            "Metrics": [
                {"Id": "m1", "MetricStat": stat, "ReturnData": False},
                {"Id": "e1", "Expression": "m1 - 2", "ReturnData": True},
            ],
        },
    )
    put(cw, 3)
    cw.clock.advance(seconds=60)
    judge(cw)
    assert state(cw, "m") == "ALARM"


def test_actions_are_tried_again_and_recorded(cw: Any) -> None:
    told: list[str] = []

    def publish(topic: str, subject: str, message: str) -> None:
        told.append(subject)
        if len(told) == 1:
            raise OSError("no answer")

    actions = Actions(store=cw.store, clock=cw.clock, publish=publish, invoke=lambda _a, _b, _c: None)
    cw.alarms.put_metric_alarm(ME, ALARM)
    cw.alarms.set_alarm_state(ME, {"AlarmName": "failed", "StateValue": "ALARM", "StateReason": "test"})
    (task,) = queued(cw)
    with pytest.raises(tasks.RetryAt):
        actions.handle(task)
    actions.handle(task)
    done = cw.alarms.describe_alarm_history(ME, {"HistoryItemType": "Action"})["AlarmHistoryItems"]
    assert [h["HistorySummary"] for h in done] == [f"Successfully executed action {TOPIC}"]


def test_what_is_too_old_is_dropped(cw: Any) -> None:
    cw.alarms.put_metric_alarm(ME, ALARM)
    put(cw, 1)
    expiry = Expiry(store=cw.store, clock=cw.clock)
    cw.clock.advance(days=29)
    expiry()
    assert cw.alarms.describe_alarm_history(ME, {})["AlarmHistoryItems"]
    assert cw.metrics.list_metrics(ME, {})["Metrics"]
    cw.clock.advance(days=430)
    expiry()
    assert cw.alarms.describe_alarm_history(ME, {})["AlarmHistoryItems"] == []
    assert cw.metrics.list_metrics(ME, {})["Metrics"] == []
