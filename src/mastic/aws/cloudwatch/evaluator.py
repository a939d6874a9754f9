"""Evaluates alarms when they are due and carries their actions out.

An alarm is judged once a minute (every ten seconds when its period is shorter), by periods that are over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection

from mastic.aws.cloudwatch import evaluation, queries
from mastic.aws.cloudwatch.evaluation import Outcome, Rule
from mastic.aws.cloudwatch.statistics import aligned
from mastic.aws.cloudwatch.transitions import Transitions
from mastic.clock import Clock
from mastic.store import alarms, leases, tasks
from mastic.store.alarms import Alarm
from mastic.store.engine import Stale, Store

log = structlog.get_logger()

BATCH = 100
LEADER = "cloudwatch.alarms"  # the lease of the replica that judges
LEASE = timedelta(seconds=30)
LONGEST = timedelta(hours=1)

Publish = Callable[[str, str, str], None]
Invoke = Callable[[str, bytes, str], None]


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """``act`` is called by a loop; it returns the seconds until it has something to do again."""

    store: Store
    clock: Clock
    transitions: Transitions
    holder: str

    IDLE = 5.0

    def act(self) -> float:
        """Judge every alarm that is due."""
        now = self.clock.now()
        with self.store.read() as tx:
            first = alarms.next_due(tx)
        if first is None:
            return self.IDLE
        if first > now:
            return min(self.IDLE, (first - now).total_seconds())
        with self.store.write() as tx:
            if not leases.acquire(tx, LEADER, self.holder, now, now + LEASE):
                return self.IDLE
        with self.store.read() as tx:
            due = alarms.due(tx, now, BATCH)
        for alarm in due:
            self._judge(alarm, now)
        return 0.0

    def _judge(self, alarm: Alarm, now: datetime) -> None:
        try:
            with self.store.write() as tx:
                alarms.set_due(tx, alarm, _next(alarm, now))
                self.judge(tx, alarm, now)
        except Stale:
            log.info("alarm_changed_meanwhile", alarm=alarm.name)

    def judge(self, tx: Connection, alarm: Alarm, now: datetime) -> None:
        """Evaluate one alarm and, if its data says so, change its state."""
        rule = rule_of(alarm)
        outcome = _evaluate(tx, alarm, rule, now)
        if outcome.state is None or outcome.state == alarm.state:
            return
        self.transitions.change(tx, alarm, outcome.state, outcome.reason, _data(alarm, rule, outcome, now))


def rule_of(alarm: Alarm) -> Rule:
    """An alarm's condition."""
    body = alarm.body
    if "Metrics" in body:
        chosen = next(query for query in body["Metrics"] if query.get("ReturnData", True))
        period = queries.period_of(chosen, body["Metrics"])
    else:
        period = body["Period"]
    return Rule(
        comparison=body["ComparisonOperator"],
        threshold=float(body["Threshold"]),
        period=period,
        periods=body["EvaluationPeriods"],
        to_alarm=body.get("DatapointsToAlarm", body["EvaluationPeriods"]),
        missing=body.get("TreatMissingData", "missing"),
    )


def _evaluate(tx: Connection, alarm: Alarm, rule: Rule, now: datetime) -> Outcome:
    window = evaluation.window(rule, now)
    end = window[-1] + timedelta(seconds=rule.period)
    body = alarm.body
    if "Metrics" in body:
        # Expressions go by whole periods since 1970.
        window = [aligned(at, rule.period) for at in window]
        chosen = next(query["Id"] for query in body["Metrics"] if query.get("ReturnData", True))
        series = queries.run(
            tx, alarm.scope, body["Metrics"], window[0], window[-1] + timedelta(seconds=rule.period)
        )
        found = series[chosen]
    else:
        stat = body.get("Statistic") or body["ExtendedStatistic"]
        found = queries.read(tx, alarm.scope, body, stat, rule.period, window[0], end, body.get("Unit"))
    return evaluation.decide(rule, [(at, found[at]) if at in found else None for at in window])


def _next(alarm: Alarm, now: datetime) -> datetime:
    step = 10 if rule_of(alarm).period < 60 else 60
    return aligned(now, step) + timedelta(seconds=step)


def _data(alarm: Alarm, rule: Rule, outcome: Outcome, now: datetime) -> dict[str, Any]:
    data: dict[str, Any] = {
        "version": "1.0",
        "queryDate": _stamp(now),
        "period": rule.period,
        "recentDatapoints": [value for _, value in outcome.points],
        "threshold": rule.threshold,
    }
    if "Statistic" in alarm.body:
        data["statistic"] = alarm.body["Statistic"]
    if outcome.points:
        data["startDate"] = _stamp(outcome.points[0][0])
    return data


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+0000"


@dataclass(frozen=True, kw_only=True)
class Actions:
    """Carries queued actions out: ``handle`` is a worker's handler for the queue ``cloudwatch.actions``.

    ``publish(topic, subject, message)`` and ``invoke(function, event, key)`` come from outside. A failed action is
    tried again with growing pauses for an hour, then given up with an entry in the alarm's history.
    """

    store: Store
    clock: Clock
    publish: Publish
    invoke: Invoke

    MOST = 12

    def handle(self, task: tasks.Task) -> None:
        """Do one action."""
        payload = task.payload
        target = payload["action"]
        try:
            if target.split(":")[2] == "sns":
                self.publish(target, payload["subject"], orjson.dumps(payload["message"]).decode())
            else:
                self.invoke(target, orjson.dumps(payload["invocation"]), task.key)
        except Exception as error:
            log.warning("alarm_action_failed", action=target, attempt=task.attempt, error=str(error))
            if task.attempt < self.MOST:
                pause = timedelta(seconds=min(2**task.attempt, 600))
                raise tasks.RetryAt(self.clock.now() + pause) from error
            self._record(payload, f"Failed to execute action {target}", str(error))
            return
        self._record(payload, f"Successfully executed action {target}", None)

    def _record(self, payload: dict[str, Any], summary: str, error: str | None) -> None:
        data = {
            "actionState": "Failed" if error else "Succeeded",
            "notificationResource": payload["action"],
            "stateUpdateTimestamp": payload["message"]["StateChangeTime"],
            **({"error": error} if error else {}),
        }
        with self.store.write() as tx:
            alarm = alarms.find(tx, payload["scope"], payload["alarm"])
            if alarm is not None:
                alarms.record(tx, alarm, self.clock.now(), "Action", summary, data)
