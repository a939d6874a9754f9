"""Leases of tasks: what its worker has is left alone, what a lost worker had comes back."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from mastic.clock import ManualClock
from mastic.loops.base import LEASE, Worker
from mastic.store import tasks
from mastic.store.engine import Store

QUEUE = "test.queue"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_lost_workers_task_comes_back_before_one_that_is_not_due(store: Store) -> None:
    with store.write() as tx:
        tasks.put(tx, QUEUE, "lost", {}, not_before=NOW)
        tasks.put(tx, QUEUE, "later", {}, not_before=NOW + timedelta(hours=1))
        (lost,) = tasks.lease(tx, QUEUE, "gone", NOW, NOW + LEASE, 5)
    assert lost.key == "lost"
    with store.read() as tx:
        assert tasks.next_due(tx, QUEUE, NOW) == NOW + LEASE
        assert tasks.next_due(tx, QUEUE, NOW, besides=[lost.id]) == NOW + timedelta(hours=1)
    with store.write() as tx:
        (again,) = tasks.lease(tx, QUEUE, "other", NOW + LEASE, NOW + 2 * LEASE, 5)
    assert (again.key, again.attempt) == ("lost", 2)


def test_a_worker_does_not_begin_again_what_it_is_at(store: Store) -> None:
    """A machine that slept wakes up behind the end of its own leases."""
    clock = ManualClock(NOW)
    began: list[str] = []
    at_it, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def handle(task: tasks.Task) -> None:
        began.append(task.key)
        if task.key == "long":
            at_it.set()
            assert go_on.wait(120)
        done.set()

    worker = Worker(QUEUE, handle, store=store, clock=clock, holder="me")
    with store.write() as tx:
        tasks.put(tx, QUEUE, "long", {}, not_before=NOW)
    worker.tick()
    assert at_it.wait(120)
    clock.advance(seconds=LEASE.total_seconds() * 10)
    with store.write() as tx:
        tasks.put(tx, QUEUE, "short", {}, not_before=clock.now())
    worker.tick()
    assert done.wait(120)
    worker.tick()
    assert began == ["long", "short"]
    go_on.set()
    worker.stop()


def test_an_idle_worker_looks_for_tasks_of_other_servers_only_where_there_may_be_some(store: Store) -> None:
    clock = ManualClock(NOW)
    worker = Worker(QUEUE, lambda task: None, store=store, clock=clock, holder="me")
    assert worker.tick() == (1.0 if store.dialect == "postgresql" else 10.0)
    with store.write() as tx:
        tasks.put(tx, QUEUE, "soon", {}, not_before=NOW + timedelta(seconds=0.5))
    assert worker.tick() == 0.5


def test_what_is_due_soon_does_not_wait_for_what_takes_long(store: Store) -> None:
    clock, done, release = ManualClock(NOW), threading.Event(), threading.Event()

    def handle(task: tasks.Task) -> None:
        if task.key == "soon":
            done.set()
        else:
            assert release.wait(120)

    with store.write() as tx:
        tasks.put(tx, QUEUE, "long", {}, not_before=NOW)
        tasks.put(tx, QUEUE, "soon", {}, not_before=NOW + timedelta(seconds=0.5))
    worker = Worker(QUEUE, handle, store=store, clock=clock, holder="me")
    assert worker.tick() == 0.0
    assert worker.tick() == 0.5
    clock.advance(seconds=0.5)
    assert worker.tick() == 0.0
    assert done.wait(120)
    release.set()
    deadline = time.monotonic() + 120
    while left(store):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def left(store: Store) -> int:
    with store.read() as tx:
        return len(tx.execute(tasks.tasks.select()).all())
