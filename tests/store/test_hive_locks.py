"""Locks of the Hive Metastore's clients: held by one at a time, in turn, for as long as their clients live."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from mastic.clock import ManualClock
from mastic.glue.hive import definition
from mastic.glue.hive.calls import Calls
from mastic.glue.hive.failures import Failure
from mastic.glue.hive.locks import ACQUIRED, EXCLUSIVE, LASTS, SHARED_READ, SHARED_WRITE, WAITING, Locks
from mastic.ids import Ids
from mastic.store.engine import Store
from mastic.wire.dispatch import Dispatcher, Registry


@pytest.fixture(scope="module")
def types() -> Any:
    return definition.load()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def locks(store: Store, clock: ManualClock, types: Any) -> Locks:
    calls = Calls(dispatcher=Dispatcher(Registry()), ids=Ids(), account="1", region="r")
    return Locks(store=store, clock=clock, calls=calls, definition=types)


def take(locks: Locks, types: Any, kind: int, table: str = "t") -> Any:
    part = types.LockComponent(type=kind, level=2, dbname="d", tablename=table)
    return locks.lock(types.LockRequest(component=[part], user="u", hostname="h"))


def test_who_is_not_heard_of_loses_its_lock(locks: Locks, types: Any, clock: ManualClock) -> None:
    dead, alive = take(locks, types, EXCLUSIVE), take(locks, types, EXCLUSIVE, "other")
    waiting = take(locks, types, EXCLUSIVE)
    assert (dead.state, waiting.state) == (ACQUIRED, WAITING)
    clock.advance(seconds=LASTS.total_seconds() - 1)
    locks.heartbeat(types.HeartbeatRequest(lockid=alive.lockid))
    assert locks.check_lock(types.CheckLockRequest(lockid=waiting.lockid)).state == WAITING
    clock.advance(seconds=2)
    assert locks.check_lock(types.CheckLockRequest(lockid=waiting.lockid)).state == ACQUIRED
    locks.heartbeat(types.HeartbeatRequest(lockid=alive.lockid))
    with pytest.raises(Failure, match="No such lock"):
        locks.heartbeat(types.HeartbeatRequest(lockid=dead.lockid))


def test_writers_share_with_readers_only(locks: Locks, types: Any) -> None:
    assert take(locks, types, SHARED_READ).state == ACQUIRED
    assert take(locks, types, SHARED_WRITE).state == ACQUIRED
    assert take(locks, types, SHARED_WRITE).state == WAITING


def test_one_of_many_at_once_gets_it(locks: Locks, types: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: take(locks, types, EXCLUSIVE), range(24)))
    held = [one for one in found if one.state == ACQUIRED]
    assert len(held) == 1
    # The line has no gaps: each is served when the one before it lets go.
    left = sorted(one.lockid for one in found)
    while left:
        first = left.pop(0)
        assert locks.check_lock(types.CheckLockRequest(lockid=first)).state == ACQUIRED
        locks.unlock(types.UnlockRequest(lockid=first))
