"""Fires scheduled rules. Each tick has a row of its own, so no two replicas fire the same one.

After a stop the ticks that were missed are one: the rule fires once, then goes on in its rhythm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mastic.aws.events import rules, schedules
from mastic.aws.events.router import Router
from mastic.clock import Clock
from mastic.context import split_scope
from mastic.ids import Ids
from mastic.store import events
from mastic.store.engine import Store
from mastic.store.events import Rule

BATCH = 100
KEPT = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Ticks:
    """``act`` is called by a loop; it returns the seconds until the next tick, or a few when there is none."""

    store: Store
    clock: Clock
    ids: Ids
    router: Router

    IDLE = 5.0

    def act(self) -> float:
        """Fire what is due."""
        now = self.clock.now()
        with self.store.read() as tx:
            first = events.next_due(tx)
            due = events.due_rules(tx, now, BATCH) if first is not None and first <= now else []
        for rule in due:
            self._fire(rule, now)
        if due:
            with self.store.write() as tx:
                events.forget_ticks(tx, now - KEPT)
            return 0.0
        return self.IDLE if first is None else min(self.IDLE, (first - now).total_seconds())

    def _fire(self, rule: Rule, now: datetime) -> None:
        assert rule.schedule is not None
        assert rule.due is not None
        following = schedules.next_after(rule.schedule, rule.due, now)
        with self.store.write() as tx:
            if events.tick(tx, rule, rule.due, following):
                self.router.fire(tx, rule, self._event(rule, rule.due))

    def _event(self, rule: Rule, at: datetime) -> dict[str, Any]:
        account, region = split_scope(rule.scope)
        return {
            "version": "0",
            "id": self.ids.uuid(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": account,
            "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "region": region,
            "resources": [rules.arn(rule)],
            "detail": {},
        }
