"""A lease has one holder at a time, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from mastic.clock import ManualClock
from mastic.loops.base import Loop
from mastic.loops.periodic import Periodic
from mastic.loops.reactor import Reactor
from mastic.loops.scheduler import Scheduler
from mastic.store import leases, tasks
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


@pytest.mark.parametrize(("holders", "have_it"), [("abcd", 1), ("aaaa", 4)])
def test_a_lease_that_several_take_at_one_moment(store: Store, holders: str, have_it: int) -> None:
    """Servers that share their objects' place hold one lease under one name, and may start together."""
    for number in range(20):
        together = threading.Barrier(len(holders))

        def take(holder: str, name: str = f"place-{number}", together: threading.Barrier = together) -> bool:
            together.wait()
            with store.write() as tx:
                return leases.acquire(tx, name, holder, NOW, SOON)

        with ThreadPoolExecutor(len(holders)) as pool:
            assert sum(pool.map(take, holders)) == have_it


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


def test_a_server_that_comes_back_takes_back_what_its_place_had(store: Store) -> None:
    """... and nothing of another place whose name begins alike."""
    with store.write() as tx:
        assert leases.acquire(tx, "mine", "h_1:77:aa", NOW, SOON)
        assert leases.acquire(tx, "theirs", "h_11:77:aa", NOW, SOON)
        assert leases.acquire(tx, "like", "hx1:77:aa", NOW, SOON)
        for key, holder in (("a", "h_1:77:aa"), ("b", "h_11:77:aa")):
            tasks.put(tx, "q", key, {}, not_before=NOW)
            assert len(tasks.lease(tx, "q", holder, NOW, SOON, 1)) == 1
    with store.write() as tx:
        leases.release_host(tx, "h_1")
        tasks.release_host(tx, "h_1")
    with store.write() as tx:
        taken = {name: leases.acquire(tx, name, "new", NOW, SOON) for name in ("mine", "theirs", "like")}
        assert taken == {"mine": True, "theirs": False, "like": False}
        assert [task.key for task in tasks.lease(tx, "q", "new", NOW, SOON, 9)] == ["a"]
