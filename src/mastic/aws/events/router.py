"""From an event to the deliveries that it causes: rules are matched in the transaction of their cause.

``receive`` is the reactor's receiver for events of Mastic's own parts (topic ``glue.event``). Every delivery is a
task of the queue ``events.deliver``, unique by event, rule and target. Owns that queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.aws.events import patterns, rules
from mastic.clock import Clock
from mastic.store import events, outbox, tasks
from mastic.store.events import DEFAULT, Rule

QUEUE = "events.deliver"
# A bus may be the target of a rule on another; AWS passes an event on only once.
MOST_HOPS = 1


@dataclass(frozen=True, kw_only=True)
class Router:
    """Matches events against rules."""

    clock: Clock

    def receive(self, tx: Connection, event: outbox.Event) -> None:
        """An event of one of Mastic's own parts reaches the default bus of its region."""
        envelope = event.payload
        scope = f"{envelope['account']}:{envelope['region']}"
        self.route(tx, scope, DEFAULT, envelope)

    def route(self, tx: Connection, scope: str, bus: str, event: Mapping[str, Any], *, hops: int = 0) -> int:
        """Queue a delivery for every target of every rule that matches; returns how many."""
        return sum(
            self.fire(tx, rule, event, hops=hops)
            for rule in events.matching_candidates(tx, scope, bus)
            if patterns.matches(rule.pattern, event)
        )

    def fire(self, tx: Connection, rule: Rule, event: Mapping[str, Any], *, hops: int = 0) -> int:
        """Queue a delivery for every target of ``rule``."""
        now = self.clock.now()
        queued = 0
        for target in events.list_targets(tx, rule):
            payload = {
                "scope": rule.scope,
                "bus": rule.bus,
                "rule": rule.name,
                "rule_arn": rules.arn(rule),
                "target": target.body,
                "event": dict(event),
                "since": now.timestamp(),
                "hops": hops,
            }
            key = f"{event['id']}:{rule.scope}:{rule.bus}:{rule.name}:{target.id}"
            queued += tasks.put(tx, QUEUE, key, payload, not_before=now)
        return queued
