"""Gives job runs their processes: prepares, records, then tells the process what to do.

The order of steps is what makes a crash harmless: a process exists first, but knows nothing; then its identity
and the run's RUNNING state are stored in one transaction; only then it is told its order. A server that dies
before the last step leaves a process whose input ends, which ends itself without having run anything.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from mastic.clock import Clock
from mastic.executors.base import (
    Executor,
    InstallationAbandoned,
    Limits,
    ProcessId,
    RunDirectory,
    RuntimeMissing,
    Waiting,
)
from mastic.glue.jobs import arguments
from mastic.glue.jobs.engines import Choice, Unprepared
from mastic.glue.jobs.lifecycle import Lifecycle, Outcome
from mastic.glue.jobs.messages import detail, token_hash
from mastic.glue.jobs.preparation import Preparation
from mastic.store import job_runs
from mastic.store.engine import Stale, Store
from mastic.store.job_runs import JobRun, Launch

log = structlog.get_logger()

# What fails in an unforeseen way is tried again when the lease of the run has run out; so often, then it is the end.
MOST_FAILURES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Launched:
    """A run whose process has been told its order."""

    run: JobRun
    launch: Launch
    process: ProcessId


class Launcher:
    """Launches. ``directory`` holds one directory per launch."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        lifecycle: Lifecycle,
        preparation: Preparation,
        executor: Executor,
        directory: Path,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lifecycle = lifecycle
        self._preparation = preparation
        self._executor = executor
        self._directory = directory
        self._stopping = threading.Event()
        self._failures: dict[int, int] = {}  # unforeseen ones in a row, by the run's seq

    def stop(self) -> None:
        """Give up what takes long: the next server begins it again."""
        self._stopping.set()

    def launch(
        self, run: JobRun, *, number: int = 0, engine: str | None = None, why: str = ""
    ) -> Launched | None:
        """Start a process for a STARTING run, or a further one for a RUNNING run; None when the run has ended.

        ``engine`` and ``why`` are given for a run that moves to another engine. What fails in an unforeseen way
        is raised, to be tried again; the last time it ends the run.
        """
        try:
            launched = self._try(run, number=number, engine=engine, why=why)
        except Exception as error:
            failures = self._failures.get(run.seq, 0) + 1
            self._failures[run.seq] = failures
            if failures < MOST_FAILURES:
                raise
            log.exception("job_run_not_launched", run=run.id, failures=failures)
            reason = f"The job process could not be started: {type(error).__name__}: {error}"
            self._fail(run, reason, retry=False)
            launched = None
        self._failures.pop(run.seq, None)
        return launched

    def _try(self, run: JobRun, *, number: int, engine: str | None, why: str) -> Launched | None:
        directory = RunDirectory(path=self._directory / f"{run.seq}-{number}")
        directory.remove()
        try:
            choice = self._preparation.engine(run, engine)
            if why and not choice.reason:
                choice = replace(choice, reason=why)
            directory.make()
            python = self._preparation.environment(
                run, directory, choice.runtime, abandoned=lambda: self._abandoned(run)
            )
            waiting = self._executor.take(choice.runtime, python)
        except InstallationAbandoned:
            # Stopped, or taken over by the next server: whoever did that goes on with it.
            directory.remove()
            return None
        except (Unprepared, RuntimeMissing) as error:
            directory.remove()
            self._fail(run, str(error), retry=False)
            return None
        token = secrets.token_urlsafe(32)
        try:
            order = self._preparation.order(run, directory, choice, token, python)
            order.write(directory.order)
            recorded = self._record(run, number, directory, choice, waiting, token)
        except Unprepared as error:
            self._executor.discard(waiting)
            self._fail(run, str(error), retry=True)
            return None
        except Stale:
            # Stopped, or taken over, while it was prepared: whoever did that goes on with it.
            self._executor.discard(waiting)
            return None
        except BaseException:
            self._executor.discard(waiting)
            raise
        limits = Limits(memory_mb=order.memory_mb)
        try:
            if not self._executor.begin(waiting, directory.order, limits):
                log.warning("job_process_gone_early", run=run.id, launch=number)
        except Exception:
            # It is on record, but knows nothing: let go, it ends, and the run is launched once more.
            log.exception("job_process_not_told", run=run.id, launch=number)
            self._executor.discard(waiting)
        return recorded

    def _record(
        self,
        run: JobRun,
        number: int,
        directory: RunDirectory,
        choice: Choice,
        waiting: Waiting,
        token: str,
    ) -> Launched:
        with self._store.write() as tx:
            launch = job_runs.add_launch(
                tx,
                run=run.seq,
                number=number,
                directory=str(directory.path),
                runtime=choice.runtime,
                engine=choice.engine,
                host=self._executor.host,
                token_hash=token_hash(token),
                pid=waiting.process.pid,
                process_started=waiting.process.started,
                launched_on=self._clock.now(),
            )
            if run.state == "STARTING":
                moved = self._lifecycle.running(tx, run)
            else:
                said = detail(choice.engine, choice.reason) if choice.reason else run.state_detail
                job_runs.annotate(tx, run, state_detail=said)
                moved = run
        return Launched(run=moved, launch=launch, process=waiting.process)

    def _abandoned(self, run: JobRun) -> bool:
        """Whether the run has come to another state while it was prepared: nobody needs its process any more."""
        if self._stopping.is_set():
            return True
        with self._store.read() as tx:
            present = job_runs.get(tx, run.seq)
        return present is None or present.state != run.state

    def _fail(self, run: JobRun, message: str, *, retry: bool) -> None:
        try:
            with self._store.write() as tx:
                self._lifecycle.finish(tx, run, Outcome(state="FAILED", error_message=message, retry=retry))
        except Stale:
            log.info("job_run_ended_before_launch", run=run.id)


def slow(run: JobRun) -> bool:
    """Whether it may take minutes to give the run its process."""
    merged: dict[str, str] = run.plan["Arguments"]
    return bool(arguments.modules(merged, run.plan["Command"]["Name"])) or "--python-virtual-env" in merged
