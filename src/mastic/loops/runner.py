"""Looks after job runs from their start to their end: leases them, launches and adopts their processes, reads
their output into the logs, and sees to it that they are stopped, timed out and concluded.

A run is leased to one runner at a time. A restarted server finds the processes of its runs by what is on
record: a living one is adopted, a finished one is read by its result, one that never began is started anew,
and one that is gone without a result fails with that reason. Another host waits a while for that to happen before it
declares a process lost; the host that comes back later finds the run over, and ends what is left of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog

from mastic.clock import Clock
from mastic.executors.base import Executor, ProcessId
from mastic.glue.jobs import states
from mastic.glue.jobs.lifecycle import Lifecycle, Outcome
from mastic.loops.base import Loop
from mastic.loops.concluding import Concluding
from mastic.loops.job_logs import JobLogs, Position
from mastic.loops.job_meters import JobMeters
from mastic.loops.launching import Launched, Launcher, slow
from mastic.loops.watching import Watched, WatchList
from mastic.store import job_runs
from mastic.store.engine import Stale, Store
from mastic.store.job_runs import JobRun

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
SWEEP = timedelta(seconds=15)  # between two attempts at processes that would not end
READ_EVERY = 0.25  # seconds between two looks at the output of running jobs
IDLE = 1.0


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
        self._launcher = launcher
        self._executor = executor
        self._logs = logs
        self._meters = meters
        self._reserved = reserved
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="runner")
        # Installing modules takes minutes: other runs must not wait for it.
        self._patient = ThreadPoolExecutor(threads, thread_name_prefix="runner-patient")
        self._watched = WatchList()
        self._concluding = Concluding(
            store=store,
            clock=clock,
            lifecycle=lifecycle,
            executor=executor,
            logs=logs,
            meters=meters,
            spark_installed=spark_installed,
            watched=self._watched,
        )
        self._beaten: datetime | None = None
        self._swept: datetime | None = None

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
        self._sweep()
        self._beat()
        self._take()
        self._look()
        return READ_EVERY if self._watched else IDLE

    def _sweep(self) -> None:
        now = self.clock.now()
        if self._swept is None or now - self._swept >= SWEEP:
            self._swept = now
            self._concluding.sweep()

    def _beat(self) -> None:
        """Keep the leases. Which of them somebody else has taken shows when the runs are looked at."""
        now = self.clock.now()
        if self._beaten is not None and now - self._beaten < LEASE / 3:
            return
        self._beaten = now
        seqs = self._watched.held()
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
        free = self._executor.places() - len(self._watched.held())
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
        fresh = set(self._watched.prepare(run.seq for run in runs))
        for run in runs:
            if run.seq in fresh:
                pool = self._patient if slow(run) else self._pool
                pool.submit(self._guard, run.seq, lambda run=run: self._see_to(run))  # type: ignore[misc]

    def _look(self) -> None:
        """Read output; see which runs have ended, are asked to stop, or have had their time."""
        watched = self._watched.idle()
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
                self._hand_over(item, self._concluding.stop)
            elif item.ended:
                self._hand_over(item, self._conclude)
            elif item.deadline is not None and now >= item.deadline:
                self._hand_over(item, self._concluding.expire)
            elif item.restart_by is not None and now >= item.restart_by:
                self._hand_over(item, self._concluding.restart)
            elif self._meters.due(item.run, item.process):
                self._hand_over(item, self._measure)
            else:
                self._read(item)

    def _read(self, item: Watched) -> None:
        try:
            item.position = self._logs.read(item.run, item.launch, item.position, final=False)
        except Stale:
            self._reread(item)
        except Exception:
            log.exception("job_output_not_read", run=item.run.id)

    def _measure(self, item: Watched) -> None:
        self._meters.report(item.run, item.process)

    def _reread(self, item: Watched) -> None:
        """Somebody else has read the output further while this runner did not have the lease."""
        with self.store.read() as tx:
            launch = job_runs.last_launch(tx, item.run.seq)
        if launch is not None and launch.number == item.launch.number:
            item.position = Position(stdout=launch.stdout_offset, stderr=launch.stderr_offset)

    def _check_lost(self, item: Watched) -> None:
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
            self._hand_over(item, self._concluding.abandon)

    def _hand_over(self, item: Watched, work: Callable[[Watched], None]) -> None:
        item.busy = True
        self._pool.submit(self._guard, item.run.seq, lambda: work(item))

    def _guard(self, seq: int, work: Callable[[], None]) -> None:
        """Run ``work``; what fails unexpectedly is tried again when the lease has been given back."""
        try:
            work()
        except Exception:
            if not self.stopping:
                log.exception("job_run_postponed", seq=seq)
            self._watched.drop(seq)
        finally:
            self._watched.settle(seq)
            self._wake.set()

    # -- beginning ---------------------------------------------------------------------------------

    def _see_to(self, run: JobRun) -> None:
        """A run that has just been leased: adopt its process, or launch one."""
        with self.store.read() as tx:
            launch = job_runs.last_launch(tx, run.seq)
        if launch is None and run.state == "STOPPING":
            self._concluding.finish(run, Outcome(state="STOPPED"))
        elif launch is None:
            self._launch(run)
        elif launch.host != self._executor.host:
            lost = Outcome(state="FAILED", error_message=f"The host {launch.host} of the job was lost.")
            self._concluding.finish(run, lost)
        else:
            process = ProcessId(pid=launch.pid, started=launch.process_started)
            log.info("job_run_adopted", run=run.id, alive=self._executor.alive(process))
            self._follow(Launched(run=run, launch=launch, process=process))

    def _launch(self, run: JobRun) -> None:
        launched = self._launcher.launch(run)
        if launched is None and (present := self._concluding.current(run.seq)).state == "STOPPING":
            # Stopped while it was prepared: there is no process to end.
            self._concluding.finish(present, Outcome(state="STOPPED"))
        self._follow(launched)

    def _follow(self, launched: Launched | None) -> None:
        if launched is None:
            return
        item = Watched(launched)
        self._watched.follow(item)
        self._meters.begin(item.run, item.process, item.directory)

        def ended() -> None:
            item.ended = True
            self._wake.set()

        self._executor.watch(item.process, ended)

    def _conclude(self, item: Watched) -> None:
        """The process has ended: so has the run, unless it is to go on with another one."""
        again = self._concluding.conclude(item)
        if again is None:
            return
        log.info("job_run_launched_again", run=item.run.id, engine=again.engine, reason=again.reason)
        launched = self._launcher.launch(
            self._concluding.current(item.run.seq),
            number=item.launch.number + 1,
            engine=again.engine if again.engine == "spark" else None,
            why=again.reason,
        )
        if launched is not None and item.gone:
            # Not before: a run has a process that goes on, or one whose end is its own.
            self._concluding.record_end(item.run.id, item.launch)
        self._watched.drop(item.run.seq)
        self._concluding.discard(item)
        self._follow(launched)
