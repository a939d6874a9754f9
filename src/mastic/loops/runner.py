"""Looks after job runs from their start to their end: leases them, launches and adopts their processes, reads
their output into the logs, stops them, times them out, and records how they ended.

A run is leased to one runner at a time. A restarted server finds the processes of its runs by what is on
record: a living one is adopted, a finished one is read by its result, one that never began is started anew,
and one that is gone without a result fails with that reason. Another host waits a while for that to happen before it
declares a process lost; the host that comes back later finds the run over, and ends what is left of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from mastic.clock import Clock
from mastic.executors.base import Executor, ProcessId, Result, RunDirectory
from mastic.glue.jobs import endings, states
from mastic.glue.jobs.lifecycle import Lifecycle, Outcome
from mastic.loops import job_logs
from mastic.loops.base import Loop
from mastic.loops.job_logs import JobLogs, Position
from mastic.loops.job_meters import JobMeters
from mastic.loops.launching import Launched, Launcher, slow
from mastic.store import job_runs
from mastic.store.engine import Stale, Store
from mastic.store.job_runs import JobRun, Launch

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
READ_EVERY = 0.25  # seconds between two looks at the output of running jobs
IDLE = 1.0
GRACE = 3.0  # seconds between TERM and KILL


class _Watched:
    """A run with a process that this runner looks after."""

    def __init__(self, *, run: JobRun, launch: Launch, process: ProcessId) -> None:
        self.run = run
        self.launch = launch
        self.process = process
        self.directory = RunDirectory(path=Path(launch.directory))
        self.position = Position(stdout=launch.stdout_offset, stderr=launch.stderr_offset)
        self.ended = False
        self.busy = False
        self.lost = False  # somebody else has the lease
        minutes = run.body.get("Timeout")
        begun = run.running_on
        self.deadline = begun + timedelta(minutes=minutes) if minutes and begun else None


class Runner(Loop):
    """The loop. ``spark_installed`` answers whether a run that the embedded engine refuses can go to Spark;
    ``reserved`` is how long after its lease a run waits for the host of its process."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        holder: str,
        lifecycle: Lifecycle,
        launcher: Launcher,
        executor: Executor,
        logs: JobLogs,
        meters: JobMeters,
        spark_installed: Callable[[], bool],
        threads: int = 8,
        reserved: timedelta = job_runs.RESERVED,
    ) -> None:
        super().__init__("runner", store=store, clock=clock, signals=(job_runs.SIGNAL,))
        self._holder = holder
        self._lifecycle = lifecycle
        self._launcher = launcher
        self._executor = executor
        self._logs = logs
        self._meters = meters
        self._spark_installed = spark_installed
        self._reserved = reserved
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="runner")
        # Installing modules takes minutes: other runs must not wait for it.
        self._patient = ThreadPoolExecutor(threads, thread_name_prefix="runner-patient")
        self._lock = threading.Lock()
        self._watched: dict[int, _Watched] = {}
        self._preparing: set[int] = set()
        self._beaten: datetime | None = None
        self._swept = False

    def stop(self) -> None:
        """Stop looking after runs and give them back; their processes go on."""
        super().stop()
        self._launcher.stop()
        for pool in (self._patient, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)
        with self.store.write() as tx:
            job_runs.release(tx, self._holder, self.clock.now())

    # -- the loop ----------------------------------------------------------------------------------

    def tick(self) -> float:
        if not self._swept:
            self._sweep()
            self._swept = True
        self._beat()
        self._take()
        self._look()
        with self._lock:
            return READ_EVERY if self._watched else IDLE

    def _sweep(self) -> None:
        """End processes of this host whose runs ended while no server was here to see to them."""
        with self.store.read() as tx:
            strays = job_runs.strays(tx, self._executor.host)
        for run_id, launch in strays:
            process = ProcessId(pid=launch.pid, started=launch.process_started)
            if self._executor.alive(process):
                log.warning("job_process_outlived_its_run", run=run_id, pid=launch.pid)
            if not self._executor.kill(run_id, process, grace=0):
                log.error("job_processes_survive", run=run_id)
                continue
            with self.store.write() as tx:
                job_runs.end_launch(tx, launch)

    def _beat(self) -> None:
        """Keep the leases. Which of them somebody else has taken shows when the runs are looked at."""
        now = self.clock.now()
        if self._beaten is not None and now - self._beaten < LEASE / 3:
            return
        self._beaten = now
        with self._lock:
            seqs = [*self._watched, *self._preparing]
        if not seqs:
            return
        with self.store.write() as tx:
            job_runs.keep(tx, self._holder, seqs, now + LEASE)

    def _take(self) -> None:
        """Lease runs that nobody looks after and see to each."""
        now = self.clock.now()
        with self.store.read() as tx:
            if not job_runs.has_work(tx, self._executor.host, now, reserved=self._reserved):
                return
        with self._lock:
            free = self._executor.places() - len(self._watched) - len(self._preparing)
        with self.store.write() as tx:
            runs = job_runs.lease(
                tx,
                self._holder,
                self._executor.host,
                now,
                now + LEASE,
                fresh=max(0, free),
                reserved=self._reserved,
            )
        for run in runs:
            with self._lock:
                if run.seq in self._watched or run.seq in self._preparing:
                    continue
                self._preparing.add(run.seq)
            pool = self._patient if slow(run) else self._pool
            pool.submit(self._guard, run.seq, lambda run=run: self._see_to(run))  # type: ignore[misc]

    def _look(self) -> None:
        """Read output; see which runs have ended, are asked to stop, or have had their time."""
        with self._lock:
            watched = [item for item in self._watched.values() if not item.busy]
        if not watched:
            return
        with self.store.read() as tx:
            present = job_runs.held(tx, self._holder, [item.run.seq for item in watched])
        now = self.clock.now()
        for item in watched:
            state = present.get(item.run.seq)
            if state is None:
                self._check_lost(item)
                continue
            item.lost = False
            if state == "STOPPING":
                self._hand_over(item, self._stop_run)
            elif item.ended:
                self._hand_over(item, self._conclude)
            elif item.deadline is not None and now >= item.deadline:
                self._hand_over(item, self._expire)
            elif self._meters.due(item.run, item.process):
                self._hand_over(item, self._measure)
            else:
                self._read(item)

    def _read(self, item: _Watched) -> None:
        try:
            item.position = self._logs.read(item.run, item.launch, item.position, final=False)
        except Stale:
            self._reread(item)
        except Exception:
            log.exception("job_output_not_read", run=item.run.id)

    def _measure(self, item: _Watched) -> None:
        self._meters.report(item.run, item.process)

    def _reread(self, item: _Watched) -> None:
        """Somebody else has read the output further while this runner did not have the lease."""
        with self.store.read() as tx:
            launch = job_runs.last_launch(tx, item.run.seq)
        if launch is not None and launch.number == item.launch.number:
            item.position = Position(stdout=launch.stdout_offset, stderr=launch.stderr_offset)

    def _check_lost(self, item: _Watched) -> None:
        """Somebody else has the lease. Either they look after this very process, or it must not go on: the run
        is over (and may be retried elsewhere), or has another process."""
        if not item.lost:
            log.warning("job_run_lease_lost", run=item.run.id)
            item.lost = True
        with self.store.read() as tx:
            run = job_runs.get(tx, item.run.seq)
            launch = job_runs.last_launch(tx, item.run.seq)
        over = run is None or run.state in states.TERMINAL
        if over or launch is None or launch.ended or launch.number != item.launch.number:
            self._hand_over(item, self._abandon)

    def _abandon(self, item: _Watched) -> None:
        """End a process that has no run any more, without a word in the run's record."""
        if not self._executor.kill(item.run.id, item.process, grace=GRACE):
            log.error("job_processes_survive", run=item.run.id)
        try:
            with self.store.write() as tx:
                job_runs.end_launch(tx, item.launch)
        except Stale:
            log.info("job_launch_ended_before", run=item.run.id)
        self._discard(item)
        with self._lock:
            self._watched.pop(item.run.seq, None)

    def _hand_over(self, item: _Watched, work: Callable[[_Watched], None]) -> None:
        item.busy = True
        self._pool.submit(self._guard, item.run.seq, lambda: work(item))

    def _guard(self, seq: int, work: Callable[[], None]) -> None:
        """Run ``work``; what fails unexpectedly is tried again when the lease has been given back."""
        try:
            work()
        except Exception:
            if not self.stopping:
                log.exception("job_run_postponed", seq=seq)
            with self._lock:
                self._watched.pop(seq, None)
        finally:
            with self._lock:
                self._preparing.discard(seq)
                item = self._watched.get(seq)
                if item is not None:
                    item.busy = False
            self._wake.set()

    # -- beginning ---------------------------------------------------------------------------------

    def _see_to(self, run: JobRun) -> None:
        """A run that has just been leased: adopt its process, or launch one."""
        with self.store.read() as tx:
            launch = job_runs.last_launch(tx, run.seq)
        if launch is None and run.state == "STOPPING":
            self._finish(run, Outcome(state="STOPPED"))
        elif launch is None:
            self._launch(run)
        elif launch.host != self._executor.host:
            self._finish(
                run, Outcome(state="FAILED", error_message=f"The host {launch.host} of the job was lost.")
            )
        else:
            process = ProcessId(pid=launch.pid, started=launch.process_started)
            log.info("job_run_adopted", run=run.id, alive=self._executor.alive(process))
            self._follow(Launched(run=run, launch=launch, process=process))

    def _launch(self, run: JobRun) -> None:
        launched = self._launcher.launch(run)
        if launched is None and (present := self._current(run.seq)).state == "STOPPING":
            # Stopped while it was prepared: there is no process to end.
            self._finish(present, Outcome(state="STOPPED"))
        self._follow(launched)

    def _follow(self, launched: Launched | None) -> None:
        if launched is None:
            return
        item = _Watched(run=launched.run, launch=launched.launch, process=launched.process)
        with self._lock:
            self._watched[item.run.seq] = item
        self._meters.begin(item.run, item.process, item.directory)

        def ended() -> None:
            item.ended = True
            self._wake.set()

        self._executor.watch(item.process, ended)

    # -- ending ------------------------------------------------------------------------------------

    def _conclude(self, item: _Watched) -> None:
        """The process has ended: read what it left, and record what becomes of the run."""
        run = self._present(item)
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
        timed_out = item.deadline is not None and self.clock.now() >= item.deadline
        if timed_out and began and result is None:
            verdict = _timeout(run)
        self._clear(item)
        if result is not None and result.state == "FAILED":
            self._logs.analyse(run, result)
        if isinstance(verdict, endings.Again):
            self._again(item, run, verdict)
        else:
            self._finish(run, verdict, item)

    def _again(self, item: _Watched, run: JobRun, verdict: endings.Again) -> None:
        log.info("job_run_launched_again", run=run.id, engine=verdict.engine, reason=verdict.reason)
        forced = verdict.engine if verdict.engine == "spark" else None
        launched = self._launcher.launch(
            run,
            number=item.launch.number + 1,
            engine=forced,
            why=verdict.reason,
        )
        with self._lock:
            self._watched.pop(run.seq, None)
        self._discard(item)
        self._follow(launched)

    def _stop_run(self, item: _Watched) -> None:
        if not self._executor.kill(item.run.id, item.process, grace=GRACE):
            log.error("job_processes_survive", run=item.run.id)
        self._clear(item)
        self._finish(self._present(item), Outcome(state="STOPPED"), item)

    def _expire(self, item: _Watched) -> None:
        if not self._executor.kill(item.run.id, item.process, grace=GRACE):
            log.error("job_processes_survive", run=item.run.id)
        self._clear(item)
        run = self._present(item)
        self._finish(run, _timeout(run), item)

    def _clear(self, item: _Watched) -> None:
        """End whatever the script left behind, and bring the rest of its output into the logs."""
        self._executor.kill(item.run.id, item.process, grace=0)
        self._meters.end(item.run, item.process)
        item.position = self._logs.read(item.run, item.launch, item.position, final=True)

    def _present(self, item: _Watched) -> JobRun:
        return self._current(item.run.seq)

    def _current(self, seq: int) -> JobRun:
        with self.store.read() as tx:
            run = job_runs.get(tx, seq)
        assert run is not None  # runs are never deleted
        return run

    def _finish(self, run: JobRun, outcome: Outcome, item: _Watched | None = None) -> None:
        while run.state not in states.TERMINAL:
            if run.state == "STOPPING":
                outcome = Outcome(state="STOPPED")
            try:
                with self.store.write() as tx:
                    if item is not None:
                        job_runs.end_launch(tx, item.launch)
                    self._lifecycle.finish(tx, run, outcome)
                break
            except Stale:
                # It was asked to stop just now; its end is then a stop.
                with self.store.read() as tx:
                    changed = job_runs.get(tx, run.seq)
                if changed is None or changed.state == run.state:
                    break
                run = changed
        with self._lock:
            self._watched.pop(run.seq, None)
        if item is not None:
            self._discard(item)

    def _discard(self, item: _Watched) -> None:
        self._executor.forget(item.process)
        item.directory.remove()


def _result(item: _Watched) -> tuple[Result | None, str]:
    """(the result, why there is none though the process left something)."""
    try:
        return item.directory.read_result(), ""
    except ValueError as error:
        log.warning("job_result_unreadable", run=item.run.id, reason=str(error))
        return None, str(error)


def _timeout(run: JobRun) -> Outcome:
    minutes = run.body.get("Timeout")
    return Outcome(state="TIMEOUT", error_message=f"Job run timed out after {minutes} minutes")
