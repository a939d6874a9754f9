"""A lease has one holder at a time, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mastic.clock import ManualClock
from mastic.loops.base import Loop
from mastic.loops.periodic import Periodic
from mastic.loops.reactor import Reactor
from mastic.loops.scheduler import Scheduler
from mastic.store import leases
from mastic.store.engine import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)


def test_a_lease_has_one_holder_until_it_runs_out(store: Store) -> None:
    with store.write() as tx:
        assert leases.acquire(tx, "reactor", "one", NOW, SOON)
        assert not leases.acquire(tx, "reactor", "two", NOW, SOON)
        assert leases.acquire(tx, "reactor", "one", NOW, SOON)
        assert leases.acquire(tx, "reactor", "two", SOON, SOON + timedelta(seconds=30))
        assert not leases.acquire(tx, "reactor", "one", SOON, SOON + timedelta(seconds=30))


def test_a_loop_that_stops_gives_its_lease_back(store: Store) -> None:
    clock = ManualClock(NOW)
    loops: dict[str, Loop] = {
        "reactor": Reactor(store=store, clock=clock, holder="one"),
        "scheduler": Scheduler(store=store, clock=clock, holder="one", sources=()),
        "alarms": Periodic("alarms", lambda: 1.0, store=store, clock=clock, lease=("alarms", "one")),
    }
    with store.write() as tx:
        for name in loops:
            assert leases.acquire(tx, name, "one", NOW, SOON)
        assert leases.acquire(tx, "other", "two", NOW, SOON)
    for loop in loops.values():
        loop.start()
        loop.stop()
    with store.write() as tx:
        for name in loops:
            assert leases.acquire(tx, name, "two", NOW, SOON)
        assert not leases.acquire(tx, "other", "one", NOW, SOON)
