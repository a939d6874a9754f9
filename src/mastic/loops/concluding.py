"""How runs come to their end: read what their process left, end what is left of it, record what became of them.

Owns nothing of its own: the end of a run and that of its process are stored in one transaction. A process that
survives even the hardest signal (it may hang in the kernel, or belong to another user) does not keep its run from
ending; its launch stays on record as not ended, the run says so, and it is tried again until it is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from mastic.clock import Clock
from mastic.executors.base import Executor, ProcessId, Result
from mastic.glue.jobs import endings, states
from mastic.glue.jobs.lifecycle import Lifecycle, Outcome
from mastic.loops import job_logs
from mastic.loops.job_logs import JobLogs
from mastic.loops.job_meters import JobMeters
from mastic.loops.watching import Watched, WatchList
from mastic.store import job_runs
from mastic.store.engine import Stale, Store
from mastic.store.job_runs import JobRun, Launch

log = structlog.get_logger()

GRACE = 3.0  # seconds between TERM and KILL
RESTART = Outcome(state="EXPIRED", restart=True)
SURVIVORS = "Processes of the run could not be ended; it is tried again."


class Concluding:
    """Ends runs. ``spark_installed`` answers whether a run that the embedded engine refuses can go to Spark."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        lifecycle: Lifecycle,
        executor: Executor,
        logs: JobLogs,
        meters: JobMeters,
        spark_installed: Callable[[], bool],
        watched: WatchList,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lifecycle = lifecycle
        self._executor = executor
        self._logs = logs
        self._meters = meters
        self._spark_installed = spark_installed
        self._watched = watched
        self.survivors = True  # whether there may be any: a former server may have left some

    def conclude(self, item: Watched) -> endings.Again | None:
        """The process has ended: read what it left, and record what becomes of the run, unless it goes on."""
        run = self.current(item.run.seq)
        code = self._executor.exit_code(item.process)
        began = item.directory.began
        result, unreadable = _result(item)
        verdict = endings.judge(
            endings.Ended(
                command=run.plan["Command"]["Name"],
                asked_engine=item.launch.engine,
                spark_installed=self._spark_installed(),
                launches=item.launch.number + 1,
                result=result,
                unreadable=unreadable,
                exit_code=code,
                began=began,
                complaint=self._executor.complaint(item.process),
                insights=job_logs.has_insights(run),
            )
        )
        # A former server may have ended the process, and was lost before it could say so.
        now, ended_by_force = self._clock.now(), began and result is None
        if ended_by_force and item.deadline is not None and now >= item.deadline:
            verdict = _timeout(run)
        elif ended_by_force and item.restart_by is not None and now >= item.restart_by:
            verdict = RESTART
        gone = self._clear(item, grace=0)
        if result is not None and result.state == "FAILED":
            self._logs.analyse(run, result)
        if isinstance(verdict, endings.Again):
            item.gone = gone
            return verdict
        self.finish(run, verdict, item, gone=gone)
        return None

    def stop(self, item: Watched) -> None:
        """Somebody wants the run to stop."""
        gone = self._clear(item, grace=GRACE)
        self.finish(self.current(item.run.seq), Outcome(state="STOPPED"), item, gone=gone)

    def expire(self, item: Watched) -> None:
        """The run has had its time."""
        gone = self._clear(item, grace=GRACE)
        run = self.current(item.run.seq)
        self.finish(run, _timeout(run), item, gone=gone)

    def restart(self, item: Watched) -> None:
        """The run was asked to end for its restart, and did not: another takes its place all the same."""
        gone = self._clear(item, grace=GRACE)
        run = self.current(item.run.seq)
        self.finish(run, RESTART, item, gone=gone)

    def abandon(self, item: Watched) -> None:
        """End a process that has no run any more, without a word in the run's record."""
        gone = self._executor.kill(item.run.id, item.process, grace=GRACE)
        if gone:
            self.record_end(item.run.id, item.launch)
        else:
            self._survive(item.run.id)
        self.discard(item)
        self._watched.drop(item.run.seq)

    def sweep(self) -> None:
        """End processes of this host that outlived their runs: what survived, and what ended while no server was here
        to see to it."""
        if not self.survivors:
            return
        self.survivors = False
        try:
            with self._store.read() as tx:
                strays = job_runs.strays(tx, self._executor.host)
            for run_id, launch in strays:
                self._end_stray(run_id, launch)
        except Exception:
            self.survivors = True  # for all that is known
            raise

    def _end_stray(self, run_id: str, launch: Launch) -> None:
        process = ProcessId(pid=launch.pid, started=launch.process_started)
        if self._executor.alive(process):
            log.warning("job_process_outlived_its_run", run=run_id, pid=launch.pid)
        if self._executor.kill(run_id, process, grace=0):
            self.record_end(run_id, launch)
        else:
            self._survive(run_id)

    def record_end(self, run_id: str, launch: Launch) -> None:
        """Store the end of a process that is not that of its run."""
        try:
            with self._store.write() as tx:
                job_runs.end_launch(tx, launch)
        except Stale:
            log.info("job_launch_ended_before", run=run_id)

    def _survive(self, run_id: str) -> None:
        self.survivors = True
        log.error("job_processes_survive", run=run_id)

    def _clear(self, item: Watched, *, grace: float) -> bool:
        """End whatever there is of the run, and bring the rest of its output into the logs; false when some survive."""
        gone = self._executor.kill(item.run.id, item.process, grace=grace)
        if not gone:
            self._survive(item.run.id)
        self._meters.end(item.run, item.process)
        item.position = self._logs.read(item.run, item.launch, item.position, final=True)
        self._logs.ray(item.run, item.directory)
        self._logs.spark(item.run, item.directory)
        return gone

    def current(self, seq: int) -> JobRun:
        """The run as it is on record now."""
        with self._store.read() as tx:
            run = job_runs.get(tx, seq)
        assert run is not None  # runs are never deleted
        return run

    def finish(
        self, run: JobRun, outcome: Outcome, item: Watched | None = None, *, gone: bool = True
    ) -> None:
        """Record the end of a run, and that of its process if it is ``gone``."""
        while run.state not in states.TERMINAL:
            if run.state == "STOPPING":
                outcome = Outcome(state="STOPPED")
            told = outcome if gone else replace(outcome, state_detail=SURVIVORS)
            try:
                with self._store.write() as tx:
                    if item is not None and gone:
                        job_runs.end_launch(tx, item.launch)
                    self._lifecycle.finish(tx, run, told)
                break
            except Stale:
                # It was asked to stop just now; its end is then a stop.
                with self._store.read() as tx:
                    changed = job_runs.get(tx, run.seq)
                if changed is None or changed.state == run.state:
                    break
                run = changed
        self._watched.drop(run.seq)
        if item is not None:
            self.discard(item)

    def discard(self, item: Watched) -> None:
        """Nothing more will be asked about a process, and nobody needs its files."""
        self._executor.forget(item.process)
        item.directory.remove()


def _result(item: Watched) -> tuple[Result | None, str]:
    """(the result, why there is none though the process left something)."""
    try:
        return item.directory.read_result(), ""
    except ValueError as error:
        log.warning("job_result_unreadable", run=item.run.id, reason=str(error))
        return None, str(error)


def _timeout(run: JobRun) -> Outcome:
    minutes = run.body.get("Timeout")
    return Outcome(state="TIMEOUT", error_message=f"Job run timed out after {minutes} minutes")
