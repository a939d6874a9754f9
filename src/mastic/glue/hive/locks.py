"""Locks on databases and tables, as clients take them for writes that are not transactions. State: ``hive_locks``.

A lock lasts as long as its client says that it lives. Who waits is served in turn: what came first is asked first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mastic.clock import Clock
from mastic.glue.hive.calls import Calls, split
from mastic.glue.hive.failures import Failure
from mastic.store import hive_locks
from mastic.store.engine import Store
from mastic.store.hive_locks import Lock

ACQUIRED, WAITING = 1, 2
SHARED_READ, SHARED_WRITE, EXCLUSIVE = 1, 2, 3
# A client that has not been heard of for so long is taken for dead, as by Hive's own server.
LASTS = timedelta(seconds=300)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Locks:
    """The methods."""

    def __init__(self, *, store: Store, clock: Clock, calls: Calls, definition: Any) -> None:
        self._store = store
        self._clock = clock
        self._scope = calls.context("lock").scope
        self._types = definition

    def lock(self, request: Any) -> Any:
        """Take a lock, or get in line for it. Raises NoSuchTxnException: there are no transactions."""
        if request.txnid:
            raise Failure("NoSuchTxnException", "Transactions are not supported: locks are taken without one")
        if not request.component:
            raise Failure("TxnAbortedException", "A lock needs something to be locked")
        components = tuple(_component(one) for one in request.component)
        now = self._clock.now()
        with self._store.write() as tx:
            hive_locks.take_turn(tx, self._scope, now)
            wanted = hive_locks.add(
                tx,
                scope=self._scope,
                components=components,
                owner={"user": request.user, "host": request.hostname, "agent": request.agentInfo},
                now=now,
                expires=now + LASTS,
            )
            return self._respond(wanted, self._try(tx, wanted, now))

    def check_lock(self, request: Any) -> Any:
        """Whether the lock is held by now; also says that its client lives. Raises NoSuchLockException."""
        now = self._clock.now()
        with self._store.write() as tx:
            hive_locks.take_turn(tx, self._scope, now)
            wanted = self._alive(tx, request.lockid, now)
            return self._respond(wanted, self._try(tx, wanted, now))

    def heartbeat(self, request: Any) -> None:
        """The client lives. Raises NoSuchLockException, NoSuchTxnException."""
        if request.txnid:
            raise Failure("NoSuchTxnException", f"No such transaction txnid:{request.txnid}")
        now = self._clock.now()
        with self._store.write() as tx:
            self._alive(tx, request.lockid, now)

    def unlock(self, request: Any) -> None:
        """Give a lock up, held or not. Raises NoSuchLockException."""
        with self._store.write() as tx:
            if not hive_locks.remove(tx, self._scope, request.lockid or 0):
                raise _no_such_lock(request.lockid)

    def show_locks(self, request: Any) -> Any:
        """The locks that live, held and waited for."""
        now = self._clock.now()
        with self._store.read() as tx:
            found = hive_locks.living(tx, self._scope, now)
        shown = [
            self._shown(lock, at, part)
            for lock in found
            for at, part in enumerate(lock.components, 1)
            if _asked(part.get("db"), request.dbname) and _asked(part.get("table"), request.tablename)
        ]
        return self._types.ShowLocksResponse(locks=shown)

    # -- for all -------------------------------------------------------------------------------------

    def _alive(self, tx: Any, number: int | None, now: datetime) -> Lock:
        found = hive_locks.extend(tx, self._scope, number or 0, now, now + LASTS)
        if found is None:
            raise _no_such_lock(number)
        return found

    def _try(self, tx: Any, wanted: Lock, now: datetime) -> bool:
        """Whether the lock is held; it is given when nothing that came before it stands against it."""
        if wanted.acquired is not None:
            return True
        for earlier in hive_locks.living(tx, self._scope, now, before=wanted.id):
            if any(_conflict(one, other) for one in wanted.components for other in earlier.components):
                return False
        hive_locks.acquire(tx, wanted.id, now)
        return True

    def _respond(self, lock: Lock, held: bool) -> Any:
        return self._types.LockResponse(lockid=lock.id, state=ACQUIRED if held else WAITING)

    def _shown(self, lock: Lock, at: int, part: dict[str, Any]) -> Any:
        return self._types.ShowLocksResponseElement(
            lockid=lock.id,
            dbname=part.get("db"),
            tablename=part.get("table"),
            partname=part.get("partition"),
            state=ACQUIRED if lock.acquired is not None else WAITING,
            type=part["type"],
            txnid=0,
            lastheartbeat=_millis(lock.expires - LASTS),
            acquiredat=_millis(lock.acquired) if lock.acquired is not None else None,
            user=lock.owner.get("user") or "",
            hostname=lock.owner.get("host") or "",
            agentInfo=lock.owner.get("agent"),
            lockIdInternal=at,
        )


def _component(given: Any) -> dict[str, Any]:
    found = {
        "type": given.type if given.type in (SHARED_READ, SHARED_WRITE) else EXCLUSIVE,
        "db": split(given.dbname)[1].lower() or None,
        "table": (given.tablename or "").lower() or None,
        "partition": given.partitionname or None,
    }
    return {member: value for member, value in found.items() if value is not None}


def _conflict(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the two cannot be held together: they meet, and not both leave room for the other."""
    for level in ("db", "table", "partition"):
        # A lock of the whole meets those of all its parts.
        if one.get(level) is None or other.get(level) is None:
            break
        if one[level] != other[level]:
            return False
    kinds = {one["type"], other["type"]}
    return EXCLUSIVE in kinds or kinds == {SHARED_WRITE}


def _asked(held: str | None, wanted: str | None) -> bool:
    return not wanted or (held or "") == split(wanted)[1].lower()


def _no_such_lock(number: int | None) -> Failure:
    return Failure("NoSuchLockException", f"No such lock lockid:{number}")


def _millis(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
