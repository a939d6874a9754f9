"""Takes events out of log groups whose retention they have outlived. Owns no state of its own."""

from __future__ import annotations

from mastic.aws.logs.events import DAY
from mastic.aws.logs.groups import now_ms
from mastic.clock import Clock
from mastic.store import log_events, logs
from mastic.store.engine import Store

BATCH = 500


def enforce(store: Store, clock: Clock) -> None:
    """Remove expired events everywhere. Safe to run on every replica."""
    with store.read() as tx:
        groups = logs.with_retention(tx)
    for group in groups:
        assert group.retention is not None
        before = now_ms(clock) - group.retention * DAY
        # Short transactions: writers of events wait for each of them.
        while True:
            with store.write() as tx:
                gone = log_events.expire(tx, group.id, before, BATCH)
                for stream_id, (size, first) in gone.items():
                    logs.forget_events(tx, stream_id, size=size, first=first)
            if not gone:
                break
