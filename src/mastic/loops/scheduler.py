"""Fires what has a time: every source of schedules, each tick once over all replicas."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.loops.base import Loop
from mastic.store import leases
from mastic.store.engine import Stale, Store
from mastic.store.triggers import SIGNAL

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
LONGEST_SLEEP = 30.0


class Schedules(Protocol):
    """A family with schedules of its own: triggers, crawlers."""

    def next_tick(self, tx: Connection) -> datetime | None:
        """When the next one is due."""
        ...

    def due(self, tx: Connection) -> Sequence[Any]:
        """The keys of those that are due."""
        ...

    def tick(self, tx: Connection, key: Any) -> None:
        """Fire one and set its next tick, in this transaction."""
        ...


class Scheduler(Loop):
    """One replica at a time; a firing and the schedule's next tick are one transaction."""

    def __init__(self, *, store: Store, clock: Clock, holder: str, sources: Sequence[Schedules]) -> None:
        super().__init__("scheduler", store=store, clock=clock, signals=(SIGNAL,))
        self._holder = holder
        self._sources = tuple(sources)

    def stop(self) -> None:
        super().stop()
        self.give_back("scheduler", self._holder)

    def tick(self) -> float:
        now = self.clock.now()
        with self.store.read() as tx:
            work = [(source, key) for source in self._sources for key in source.due(tx)]
        if work:
            with self.store.write() as tx:
                if not leases.acquire(tx, "scheduler", self._holder, now, now + LEASE):
                    return 1.0
        failed = False
        for source, key in work:
            failed = not self._fire(source, key) or failed
        if failed:
            return 1.0
        with self.store.read() as tx:
            upcoming = [when for source in self._sources if (when := source.next_tick(tx)) is not None]
        if not upcoming:
            return LONGEST_SLEEP
        return max(0.0, min(LONGEST_SLEEP, (min(upcoming) - self.clock.now()).total_seconds()))

    def _fire(self, source: Schedules, key: Any) -> bool:
        try:
            with self.store.write() as tx:
                source.tick(tx, key)
        except Stale:
            log.info("schedule_changed_meanwhile", key=key)
        except Exception:
            log.exception("schedule_failed", key=key)
            return False
        return True
