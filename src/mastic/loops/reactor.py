"""Delivers the outbox: every event to every receiver of its topic.

Receivers run in the transaction that takes the event out, so that what they change in the store happens
exactly once; what they want done outside they put on a task queue.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.loops.base import Loop
from mastic.store import leases, outbox
from mastic.store.engine import Store

log = structlog.get_logger()

Receiver = Callable[[Connection, outbox.Event], None]

BATCH = 200
LEASE = timedelta(seconds=30)


class Reactor(Loop):
    """One replica at a time delivers, in the order in which events were written."""

    IDLE = 1.0

    def __init__(self, *, store: Store, clock: Clock, holder: str) -> None:
        super().__init__("reactor", store=store, clock=clock, signals=(outbox.SIGNAL,))
        self._holder = holder
        self._receivers: dict[str, list[Receiver]] = {}

    def subscribe(self, topic: str, receiver: Receiver) -> None:
        """Deliver every event of ``topic`` to ``receiver``."""
        self._receivers.setdefault(topic, []).append(receiver)

    def tick(self) -> float:
        now = self.clock.now()
        with self.store.read() as tx:
            events = outbox.due(tx, now, BATCH)
        if not events:
            return self.IDLE
        with self.store.write() as tx:
            if not leases.acquire(tx, "reactor", self._holder, now, now + LEASE):
                return self.IDLE
        for event in events:
            if self.stopping:
                break
            self._deliver(event)
        return 0.0

    def _deliver(self, event: outbox.Event) -> None:
        try:
            with self.store.write() as tx:
                if not outbox.take(tx, event):
                    return
                for receiver in self._receivers.get(event.topic, ()):
                    receiver(tx, event)
        except Exception:
            pause = timedelta(seconds=min(2**event.attempt / 10, 300))
            log.exception("event_postponed", topic=event.topic, event_id=event.id, attempt=event.attempt)
            with self.store.write() as tx:
                outbox.postpone(tx, event, self.clock.now() + pause)
