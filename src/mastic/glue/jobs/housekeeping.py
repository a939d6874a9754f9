"""What becomes of old things of jobs: runs that waited too long, records of calls and firings, directories."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mastic.clock import Clock
from mastic.executors.base import RunDirectory
from mastic.glue.jobs import starts, states
from mastic.glue.jobs.lifecycle import Lifecycle, Outcome
from mastic.store import job_runs, job_starts, jobs, triggers
from mastic.store.engine import Stale, Store
from mastic.store.tasks import Task

LONGEST_WAIT = timedelta(days=15)
FIRES_KEPT = timedelta(days=30)


class Housekeeping:
    """``directory`` is where launches have their directories."""

    def __init__(self, *, store: Store, clock: Clock, lifecycle: Lifecycle, directory: Path) -> None:
        self._store = store
        self._clock = clock
        self._lifecycle = lifecycle
        self._directory = directory

    def tidy(self) -> None:
        """Do all of it; called now and then."""
        self._expire()
        self._admit()
        with self._store.write() as tx:
            job_starts.forget(tx, self._clock.now() - starts.KEPT)
            triggers.forget_fires(tx, self._clock.now() - FIRES_KEPT)
        self._sweep()

    def _expire(self) -> None:
        with self._store.read() as tx:
            late = job_runs.waiting_since(tx, self._clock.now() - LONGEST_WAIT)
        for run in late:
            message = f"The run waited for a place for more than {LONGEST_WAIT.days} days."
            try:
                with self._store.write() as tx:
                    self._lifecycle.finish(tx, run, Outcome(state="EXPIRED", error_message=message))
            except Stale:
                continue  # it has got its place, or was stopped, just now

    def _admit(self) -> None:
        """Give free places to waiting runs. Every end of a run does so; this is for a job that was made anew."""
        with self._store.read() as tx:
            waiting = job_runs.waiting_jobs(tx)
        for scope, name in waiting:
            with self._store.write() as tx:
                job = jobs.lock(tx, scope, name)
                if job is not None:
                    self._lifecycle.admit(tx, job)

    def _sweep(self) -> None:
        """Remove directories that a crash has left after the end of their run."""
        if not self._directory.is_dir():
            return
        for path in self._directory.iterdir():
            seq = path.name.partition("-")[0]
            if not seq.isdecimal():
                continue
            with self._store.read() as tx:
                run = job_runs.get(tx, int(seq))
            if run is None or run.state in states.TERMINAL:
                RunDirectory(path=path).remove()


class Reminders:
    """Does the tasks that fall due when a run has lasted as long as somebody wants to be told of."""

    def __init__(self, *, store: Store, lifecycle: Lifecycle) -> None:
        self._store = store
        self._lifecycle = lifecycle

    def handle(self, task: Task) -> None:
        """Tell of the run, if it still goes on."""
        with self._store.write() as tx:
            run = job_runs.get(tx, task.payload["seq"])
            if run is not None:
                self._lifecycle.remind(tx, run)
