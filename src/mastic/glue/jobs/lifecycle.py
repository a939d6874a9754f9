"""How a job run begins, changes state, is retried and makes room for the next. Owns the rows of ``job_runs``.

Everything here happens inside a caller's transaction, so that a run and its cause (an API call, a trigger's
firing) are stored together or not at all. Each change of state leaves two events in the outbox:
"job_run.state" for triggers and workflows, and for ends also "glue.event", the EventBridge envelope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.errors import ServiceError, not_found
from mastic.glue.jobs import bookmarks, envelopes, limits, maintenance, notifications, plans, states
from mastic.glue.jobs.limits import Profile
from mastic.glue.jobs.surroundings import Surroundings
from mastic.ids import Ids
from mastic.store import job_runs, jobs, outbox
from mastic.store.job_runs import JobRun

WAITING_DETAIL = "Waiting for a free place: the job has reached its maximum of concurrent runs."
ACCOUNT_DETAIL = "Waiting for a free place: the account has reached its maximum of concurrent runs."


@dataclass(frozen=True, kw_only=True, slots=True)
class StartRequest:
    """What is asked of a new run. ``overrides`` are StartJobRun's members beside Arguments."""

    scope: str
    job_name: str
    arguments: Mapping[str, str] | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    previous_run_id: str | None = None
    trigger_name: str | None = None
    workflow_name: str | None = None
    workflow_run_id: str | None = None
    predecessors: tuple[dict[str, str], ...] = ()
    profile: Profile | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a run ended. ``restart``: another run goes on in its place."""

    state: str
    error_message: str | None = None
    state_detail: str | None = None
    retry: bool = True
    restart: bool = False


class Lifecycle:
    """The only code that makes runs and moves them from state to state.

    ``most_runs`` is how many an account may have at once in a region, 0 for any number. It is counted without a lock:
    on PostgreSQL, jobs that are started in the same moment may go beyond it.
    """

    def __init__(
        self, *, clock: Clock, ids: Ids, surroundings: Surroundings | None = None, most_runs: int = 0
    ) -> None:
        self._most_runs = most_runs
        self._clock = clock
        self._ids = ids
        self._surroundings = surroundings or Surroundings()

    # -- beginning ---------------------------------------------------------------------------------

    def start_in(self, tx: Connection, request: StartRequest) -> str:
        """Start a run in the caller's transaction; returns its id.

        Raises EntityNotFoundException, InvalidInputException, ConcurrentRunsExceededException,
        ResourceNumberLimitExceededException.
        """
        job = jobs.lock(tx, request.scope, request.job_name)
        if job is None:
            raise not_found("Failed to start job run due to missing metadata.")
        plan = self._surroundings.settle(
            tx, request.scope, plans.make(job, request.arguments, request.overrides)
        )
        if request.profile is not None:
            limits.check(plan.body, request.profile)
            plan.body["ProfileName"] = request.profile.name
        state, detail = "STARTING", None
        refusal = self._no_place(tx, job)
        if refusal is not None:
            if not plan.body["JobRunQueuingEnabled"]:
                raise refusal[0]
            state, detail = "WAITING", refusal[1]
        run_id = self._ids.job_run()
        if request.previous_run_id:
            self._rewind(tx, job, request.previous_run_id)
        self._add(tx, job, request, plan, run_id, state, state_detail=detail)
        return run_id

    def record_refusal(self, tx: Connection, request: StartRequest, state: str, message: str) -> str | None:
        """Keep a run that could not start, FAILED or ERROR, so that its reason can be read.

        Returns its id; None when the job itself is gone, for then nobody could ask for the run.
        """
        job = jobs.lock(tx, request.scope, request.job_name)
        if job is None:
            return None
        plan = plans.make(job, request.arguments, {})
        run_id = self._ids.job_run()
        self._add(
            tx, job, request, plan, run_id, state, error_message=message, completed_on=self._clock.now()
        )
        return run_id

    def _rewind(self, tx: Connection, job: jobs.Job, previous: str) -> None:
        before = job_runs.find(tx, job.scope, job.job_id, previous)
        if before is None:
            raise not_found(f"Job run {previous} of job {job.name} not found.")
        if before.state not in states.TERMINAL:
            raise ServiceError(
                "InvalidInputException", f"Job run {previous} has not ended; only ended runs can be retried."
            )
        bookmarks.rewind(tx, job.scope, job.name, previous, self._clock.now())

    def _add(
        self,
        tx: Connection,
        job: jobs.Job,
        request: StartRequest,
        plan: plans.Plan,
        run_id: str,
        state: str,
        **columns: Any,
    ) -> None:
        now = self._clock.now()
        seq = job_runs.add(
            tx,
            scope=job.scope,
            id=run_id,
            job_name=job.name,
            job_id=job.job_id,
            number=jobs.count_run(tx, job),
            state=state,
            attempt=0,
            root_id=run_id,
            previous_id=request.previous_run_id,
            trigger_name=request.trigger_name,
            workflow_run_id=request.workflow_run_id,
            predecessors=list(request.predecessors),
            body=plan.body,
            plan={**plan.hidden, "WorkflowName": request.workflow_name},
            started_on=now,
            last_modified_on=now,
            **columns,
        )
        run = job_runs.get(tx, seq)
        assert run is not None
        if state not in states.TERMINAL:
            notifications.schedule(tx, run)
        self._tell(tx, run, final=state in states.TERMINAL)

    # -- change ------------------------------------------------------------------------------------

    def running(self, tx: Connection, run: JobRun) -> JobRun:
        """STARTING → RUNNING: the process exists and is about to be told what to do. Raises Stale."""
        now = self._clock.now()
        return self._move(tx, run, "RUNNING", running_on=now, state_detail=None)

    def stop(self, tx: Connection, run: JobRun) -> JobRun:
        """Ask for the end of a run; one that only waits ends here and now. Raises Stale."""
        jobs.lock(tx, run.scope, run.job_name)  # before the run's row, as everywhere: no deadlock
        asked = self._move(tx, run, "STOPPING")
        if run.state != "WAITING":
            return asked
        return self.finish(tx, asked, Outcome(state="STOPPED"))

    def finish(self, tx: Connection, run: JobRun, outcome: Outcome) -> JobRun:
        """End a run: record how, retry or restart it, give its place to one that waits. Raises Stale."""
        now = self._clock.now()
        seconds = 0 if run.running_on is None else max(0, round((now - run.running_on).total_seconds()))
        columns: dict[str, Any] = {
            "completed_on": now,
            "execution_seconds": seconds,
            "error_message": outcome.error_message,
            "dpu_seconds": plans.dpu_seconds(run, seconds),
            "holder": None,
            "expires": None,
        }
        if outcome.state_detail is not None:
            columns["state_detail"] = outcome.state_detail
        job = jobs.lock(tx, run.scope, run.job_name)
        alive = job is not None and job.job_id == run.job_id
        again = (
            outcome.state == "FAILED"
            and outcome.retry
            and alive
            and run.attempt < int(run.plan["MaxRetries"])
        )
        restart = outcome.restart and alive
        if restart and outcome.state_detail is None:
            columns["state_detail"] = f"Restarted for maintenance as {maintenance.following_id(run.id)}."
        ended = self._move(tx, run, outcome.state, final=not (again or restart), **columns)
        if again:
            attempt = ended.attempt + 1
            self._follow(tx, ended, f"{ended.root_id}_attempt_{attempt}", attempt)
        elif restart:
            self._follow(tx, ended, maintenance.following_id(ended.id), ended.attempt)
        if alive:
            assert job is not None
            self.admit(tx, job)
        return ended

    def admit(self, tx: Connection, job: jobs.Job) -> int:
        """Start waiting runs, oldest first, while the (locked) job has places; returns how many."""
        admitted = 0
        while self._no_place(tx, job) is None:
            waiting = job_runs.oldest_waiting(tx, job.scope, job.job_id)
            if waiting is None:
                break
            self._move(tx, waiting, "STARTING", state_detail=None)
            admitted += 1
        return admitted

    def _no_place(self, tx: Connection, job: jobs.Job) -> tuple[ServiceError, str] | None:
        """Why the (locked) job can have no further run now: an error, and what is told of one that waits."""
        if job_runs.count_active(tx, job.scope, job.job_id) >= job.max_concurrent_runs:
            return concurrent_runs_exceeded(job.name), WAITING_DETAIL
        if self._most_runs and job_runs.count_active_in(tx, job.scope) >= self._most_runs:
            message = f"The account has reached its maximum of {self._most_runs} concurrent job runs"
            return ServiceError("ResourceNumberLimitExceededException", message), ACCOUNT_DETAIL
        return None

    def _follow(self, tx: Connection, ended: JobRun, run_id: str, attempt: int) -> None:
        """The run that goes on for one that has ended, with the same settings."""
        now = self._clock.now()
        seq = job_runs.add(
            tx,
            scope=ended.scope,
            id=run_id,
            job_name=ended.job_name,
            job_id=ended.job_id,
            number=ended.number,
            state="STARTING",
            attempt=attempt,
            root_id=ended.root_id,
            previous_id=ended.id,
            trigger_name=ended.trigger_name,
            workflow_run_id=ended.workflow_run_id,
            predecessors=ended.predecessors,
            body=ended.body,
            plan=ended.plan,
            started_on=now,
            last_modified_on=now,
        )
        run = job_runs.get(tx, seq)
        assert run is not None
        notifications.schedule(tx, run)
        self._tell(tx, run, final=False)

    def _move(
        self, tx: Connection, run: JobRun, state: str, *, final: bool | None = None, **columns: Any
    ) -> JobRun:
        states.check(run.state, state)
        job_runs.move(tx, run, state, last_modified_on=self._clock.now(), **columns)
        moved = job_runs.get(tx, run.seq)
        assert moved is not None
        self._tell(tx, moved, final=state in states.TERMINAL if final is None else final)
        return moved

    # -- events ------------------------------------------------------------------------------------

    def remind(self, tx: Connection, run: JobRun) -> None:
        """Tell of a run that lasts longer than somebody wants to be told of."""
        notifications.tell(tx, run, self._clock.now(), self._ids.uuid())

    def _tell(self, tx: Connection, run: JobRun, *, final: bool) -> None:
        outbox.put(tx, "job_run.state", envelopes.run_state(run, final=final), key=run.id)
        if run.state in states.SEVERITY:
            event = envelopes.state_change(run, self._ids.uuid(), self._clock.now())
            outbox.put(tx, "glue.event", event, key=run.id)
        self.remind(tx, run)


def concurrent_runs_exceeded(job_name: str) -> ServiceError:
    """The refusal of a run beyond MaxConcurrentRuns."""
    return ServiceError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {job_name}")
