"""Drops what CloudWatch would not keep either: samples after 455 days, alarm history after 30. Owns no state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mastic.clock import Clock
from mastic.store import alarms, metrics
from mastic.store.engine import Store

SAMPLES = timedelta(days=455)
HISTORY = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """Called now and then by a janitor."""

    store: Store
    clock: Clock

    def __call__(self) -> None:
        now = self.clock.now()
        with self.store.write() as tx:
            metrics.forget(tx, now - SAMPLES)
            alarms.forget_history(tx, now - HISTORY)
