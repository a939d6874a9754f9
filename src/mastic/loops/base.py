"""Loops and workers: threads that act on their own, wake on signals and survive their own mistakes.

A loop owns one thread. A worker is a loop over a durable task queue: it leases tasks, keeps the leases alive
and hands each to its handler.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import structlog

from mastic.clock import Clock
from mastic.store import leases, tasks
from mastic.store.engine import Store

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(minutes=5)


class Loop:
    """A named thread that calls ``tick`` when woken, or after the seconds that the last tick asked for."""

    def __init__(self, name: str, *, store: Store, clock: Clock, signals: tuple[str, ...] = ()) -> None:
        self.name = name
        self.store = store
        self.clock = clock
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"loop:{name}", daemon=True)
        for signal in signals:
            store.on_signal(signal, self._wake.set)

    def tick(self) -> float:
        """Do what is due; returns the seconds to sleep unless woken."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin to act."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the present tick. Idempotent."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=20)

    def give_back(self, lease: str, holder: str) -> None:
        """While stopping: let another replica take a named lease at once. One that cannot be given back runs out."""
        if self._thread.is_alive():
            return  # the last tick still goes on, under this lease
        try:
            with self.store.write() as tx:
                leases.release(tx, lease, holder)
        except Exception:
            log.exception("lease_not_given_back", loop=self.name, lease=lease)

    @property
    def stopping(self) -> bool:
        """True once ``stop`` was called."""
        return self._stopping.is_set()

    def _run(self) -> None:
        failures = 0
        while not self.stopping:
            self._wake.clear()
            try:
                pause = self.tick()
                failures = 0
            except Exception:
                failures += 1
                pause = min(2.0 ** min(failures, 10) / 10, 30.0)
                if not self.stopping:
                    log.exception("loop_failed", loop=self.name, retry_in=pause)
            if not self.stopping:
                self.clock.wait(self._wake, pause)


class Worker(Loop):
    """Does the tasks of one queue, up to ``concurrency`` at a time.

    The handler may raise ``tasks.RetryAt``; any other exception is logged and retried with growing pauses.
    """

    # Seconds between looks at a queue. Whoever puts a task wakes the workers of its own server: only where other
    # servers write too, others' tasks have to be looked for.
    IDLE, ALONE = 1.0, 10.0

    def __init__(
        self,
        queue: str,
        handle: Callable[[tasks.Task], None],
        *,
        store: Store,
        clock: Clock,
        holder: str,
        concurrency: int = 4,
    ) -> None:
        super().__init__(f"worker:{queue}", store=store, clock=clock, signals=(f"tasks:{queue}",))
        self._queue = queue
        self._handle = handle
        self._holder = holder
        self._concurrency = concurrency
        self._idle = self.IDLE if store.changes is None else self.ALONE
        self._active: dict[int, tasks.Task] = {}
        self._lock = threading.Lock()
        self._heart = threading.Thread(target=self._beat, name=f"heart:{queue}", daemon=True)

    def start(self) -> None:
        super().start()
        self._heart.start()

    def tick(self) -> float:
        with self._lock:
            active = list(self._active)
        free = self._concurrency - len(active)
        if free <= 0:
            return self._idle
        now = self.clock.now()
        with self.store.read() as tx:
            due = tasks.next_due(tx, self._queue, now, besides=active)
        if due is None:
            return self._idle
        if due > now:
            return min(self._idle, (due - now).total_seconds())
        with self.store.write() as tx:
            # Not what this worker is at, even if the machine slept and the lease is over.
            leased = tasks.lease(tx, self._queue, self._holder, now, now + LEASE, free, besides=active)
        for task in leased:
            with self._lock:
                self._active[task.id] = task
            # A daemon: an engine that does not heed interruption must not keep a stopping server. Its task comes back.
            threading.Thread(
                target=self._do, args=(task,), name=f"{self._queue}:{task.key}", daemon=True
            ).start()
        # Others may be due soon: that is known when the queue is looked at again.
        return 0.0 if leased else self.IDLE

    def _do(self, task: tasks.Task) -> None:
        try:
            try:
                self._handle(task)
            except tasks.RetryAt as again:
                with self.store.write() as tx:
                    tasks.retry(tx, task, self._holder, again.when, again.payload)
            except Exception:
                pause = min(timedelta(seconds=2 ** min(task.attempt, 10) / 4), LONGEST_BACKOFF)
                log.exception("task_failed", queue=self._queue, key=task.key, attempt=task.attempt)
                with self.store.write() as tx:
                    tasks.retry(tx, task, self._holder, self.clock.now() + pause)
            else:
                with self.store.write() as tx:
                    tasks.finish(tx, task, self._holder)
        except Exception:
            # The lease runs out and the task comes back; a stopping server may have closed the store.
            if not self.stopping:
                log.exception("task_not_recorded", queue=self._queue, key=task.key)
        finally:
            with self._lock:
                self._active.pop(task.id, None)
            self._wake.set()

    def _beat(self) -> None:
        while not self._stopping.wait(LEASE.total_seconds() / 3):
            with self._lock:
                active = list(self._active.values())
            expires = self.clock.now() + LEASE
            for task in active:
                try:
                    with self.store.write() as tx:
                        tasks.extend(tx, task, self._holder, expires)
                except Exception:
                    log.exception("heartbeat_failed", queue=self._queue, key=task.key)
