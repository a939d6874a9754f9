"""A change of an alarm's state and what follows from it, in one transaction.

History, the event for EventBridge, the queued actions and the composite alarms that watch this one are all
written with the change itself. Owns the task queue ``cloudwatch.actions``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.aws.cloudwatch import alarm_rules, shapes
from mastic.clock import Clock
from mastic.context import split_scope
from mastic.ids import Ids
from mastic.store import alarms, outbox, tasks
from mastic.store.alarms import Alarm

QUEUE = "cloudwatch.actions"
ACTIONS: Mapping[str, str] = {
    "OK": "OKActions",
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


@dataclass(frozen=True, kw_only=True)
class Transitions:
    """Changes states."""

    clock: Clock
    ids: Ids

    def change(
        self, tx: Connection, alarm: Alarm, state: str, reason: str, data: Mapping[str, Any] | None = None
    ) -> Alarm:
        """Move an alarm to ``state``; without a change of state only the reason is renewed."""
        now = self.clock.now()
        reason_data = None if data is None else orjson.dumps(dict(data)).decode()
        alarms.set_state(tx, alarm, state, reason, reason_data, now)
        after = replace(alarm, state=state, reason=reason, reason_data=reason_data, updated=now)
        if state == alarm.state:
            return after
        after = replace(after, transitioned=now)
        self._tell(tx, alarm, after, now)
        self.watchers(tx, alarm.scope, alarm.name)
        return after

    def watchers(self, tx: Connection, scope: str, name: str) -> None:
        """Judge anew the composite alarms that watch ``name``."""
        arn = shapes.arn(scope, name)
        for composite in alarms.listing(tx, scope, kind="CompositeAlarm"):
            watched = alarm_rules.children(alarm_rules.parse(composite.body["AlarmRule"]))
            if composite.name != name and watched & {name, arn}:
                self.judge(tx, composite, arn)

    def judge(self, tx: Connection, composite: Alarm, cause: str = "") -> Alarm:
        """Evaluate a composite alarm."""

        def state_of(alarm: str) -> str | None:
            found = alarms.find(tx, composite.scope, alarm.rpartition(":alarm:")[2])
            return found.state if found else None

        rule = alarm_rules.parse(composite.body["AlarmRule"])
        state = "ALARM" if alarm_rules.holds(rule, state_of) else "OK"
        if state == composite.state:
            return composite
        now = shapes.short_time(self.clock.now())
        reason = f"{cause or shapes.arn(composite.scope, composite.name)} transitioned to {state} at {now}"
        triggering = [
            {
                "arn": cause,
                "state": {"value": state_of(cause), "timestamp": shapes.long_time(self.clock.now())},
            }
        ]
        return self.change(tx, composite, state, reason, {"triggeringAlarms": triggering if cause else []})

    def _tell(self, tx: Connection, before: Alarm, after: Alarm, now: datetime) -> None:
        account, region = split_scope(after.scope)
        summary = f"Alarm updated from {before.state} to {after.state}"
        alarms.record(tx, after, now, "StateUpdate", summary, shapes.state_change(before, after))
        event = {
            "version": "0",
            "id": self.ids.uuid(),
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": account,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": [shapes.arn(after.scope, after.name)],
            "detail": shapes.event_detail(before, after),
        }
        outbox.put(tx, "glue.event", event)
        if not after.actions_enabled:
            return
        for action in after.body.get(ACTIONS[after.state], []):
            payload = {
                "scope": after.scope,
                "alarm": after.name,
                "kind": after.kind,
                "action": action,
                "subject": shapes.subject(after),
                "message": shapes.message(before, after),
                "invocation": shapes.invocation(before, after),
            }
            tasks.put(tx, QUEUE, f"{event['id']}:{action}", payload, not_before=now)
