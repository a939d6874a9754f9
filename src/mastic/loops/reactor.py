"""Delivers the outbox: every event to every receiver of its topic.

Receivers run in the transaction that takes the event out, so that what they change in the store happens
exactly once; what they want done outside they put on a task queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.loops.base import Loop
from mastic.store import leases, outbox
from mastic.store.engine import Store

log = structlog.get_logger()

Receiver = Callable[[Connection, outbox.Event], None]

# Events of one transaction. One that fails sends each of them into a transaction of its own.
BATCH = 100
LEASE = timedelta(seconds=30)
# After a delivery, so long for further events to gather: a busy server pays for batches, not for events.
GATHER = 0.01


class Reactor(Loop):
    """One replica at a time delivers, in the order in which events were written."""

    IDLE = 1.0

    def __init__(self, *, store: Store, clock: Clock, holder: str) -> None:
        super().__init__("reactor", store=store, clock=clock, signals=(outbox.SIGNAL,))
        self._holder = holder
        self._receivers: dict[str, list[Receiver]] = {}
        self._leads_until = datetime.min.replace(tzinfo=UTC)

    def stop(self) -> None:
        super().stop()
        self.give_back("reactor", self._holder)

    def subscribe(self, topic: str, receiver: Receiver) -> None:
        """Deliver every event of ``topic`` to ``receiver``."""
        self._receivers.setdefault(topic, []).append(receiver)

    def tick(self) -> float:
        now = self.clock.now()
        with self.store.read() as tx:
            events = outbox.due(tx, now, BATCH)
        if not events:
            return self.IDLE
        if not self._leads(now):
            return self.IDLE
        try:
            self._deliver(events)
        except Exception:  # noqa: BLE001 - delivered again below, one by one, and logged there
            # Which of them it was, and who else is not to blame, shows one by one.
            log.info("events_one_by_one", count=len(events))
            self._deliver_singly(events)
        self._stopping.wait(GATHER)
        return 0.0

    def _leads(self, now: datetime) -> bool:
        """Whether this replica delivers; the lease is renewed well before it ends."""
        if now + LEASE / 2 < self._leads_until:
            return True
        with self.store.write() as tx:
            if not leases.acquire(tx, "reactor", self._holder, now, now + LEASE):
                return False
        self._leads_until = now + LEASE
        return True

    def _deliver(self, events: Sequence[outbox.Event]) -> None:
        with self.store.write() as tx:
            for event in outbox.take(tx, events):
                for receiver in self._receivers.get(event.topic, ()):
                    receiver(tx, event)

    def _deliver_singly(self, events: Sequence[outbox.Event]) -> None:
        for event in events:
            if self.stopping:
                return
            try:
                self._deliver([event])
            except Exception:
                pause = timedelta(seconds=min(2 ** min(event.attempt, 12) / 10, 300))
                log.exception("event_postponed", topic=event.topic, event_id=event.id, attempt=event.attempt)
                with self.store.write() as tx:
                    outbox.postpone(tx, event, self.clock.now() + pause)
