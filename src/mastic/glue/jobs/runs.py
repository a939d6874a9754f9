"""Job runs: StartJobRun, GetJobRun, GetJobRuns, BatchStopJobRun.

The rules by which runs change live in ``lifecycle``; the rows in ``store.job_runs``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, invalid_input, not_found
from mastic.glue.jobs import starts, states
from mastic.glue.jobs.lifecycle import Lifecycle, StartRequest
from mastic.glue.jobs.limits import ProfileOf, no_profile
from mastic.glue.pages import Pager
from mastic.store import job_runs, jobs
from mastic.store.engine import Duplicate, Stale, Store
from mastic.store.job_runs import JobRun

PAGE = 200
_OVERRIDES = (
    "AllocatedCapacity",
    "ExecutionClass",
    "ExecutionRoleSessionPolicy",
    "JobRunQueuingEnabled",
    "MaxCapacity",
    "NotificationProperty",
    "NumberOfWorkers",
    "SecurityConfiguration",
    "Timeout",
    "WorkerType",
)


class JobRuns:
    """The operations on runs. ``check_policy`` raises ServiceError for what is no policy of a session."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        lifecycle: Lifecycle,
        pager: Pager,
        profile: ProfileOf = no_profile,
        check_policy: Callable[[str], None] = lambda document: None,
    ) -> None:
        self._check_policy = check_policy
        self._profile = profile
        self._store = store
        self._clock = clock
        self._lifecycle = lifecycle
        self._pager = pager

    def start_job_run(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Start a run, or find the one that an earlier delivery of the same call started."""
        if request.get("ExecutionRoleSessionPolicy"):
            try:
                self._check_policy(request["ExecutionRoleSessionPolicy"])
            except ServiceError as error:
                raise invalid_input(f"ExecutionRoleSessionPolicy: {error.message}") from error
        wanted = StartRequest(
            scope=context.scope,
            job_name=request["JobName"],
            arguments=request.get("Arguments"),
            overrides={name: request[name] for name in _OVERRIDES if request.get(name) is not None},
            previous_run_id=request.get("JobRunId"),
        )
        try:
            return {"JobRunId": self._start(context, request, wanted)}
        except Duplicate:
            # Another delivery of the same call was a moment quicker: its run is the answer.
            return {"JobRunId": self._start(context, request, wanted)}

    def _start(self, context: Context, request: dict[str, Any], wanted: StartRequest) -> str:
        with self._store.write() as tx:
            # Deliveries of one call take turns, so that the later one finds the run before it looks at the limit.
            jobs.lock(tx, wanted.scope, wanted.job_name)

            def start() -> str:
                profile = self._profile(tx, context)
                return self._lifecycle.start_in(tx, replace(wanted, profile=profile))

            return starts.once(tx, context, request, self._clock.now(), start)

    def get_job_run(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """One run."""
        with self._store.read() as tx:
            job = _job(tx, context.scope, request["JobName"])
            run = job_runs.find(tx, context.scope, job.job_id, request["RunId"])
        if run is None:
            raise not_found(f"Job run {request['RunId']} of job {request['JobName']} not found.")
        return {"JobRun": shape(run, predecessors=bool(request.get("PredecessorsIncluded")))}

    def get_job_runs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """A job's runs, newest first."""
        limit = request.get("MaxResults") or PAGE
        with self._store.read() as tx:
            job = _job(tx, context.scope, request["JobName"])
            before = self._pager.read(request.get("NextToken"), "GetJobRuns", job.job_id)
            found = job_runs.newest(tx, context.scope, job.job_id, before, limit + 1)
        token = self._pager.token(found, limit, lambda run: run.seq, "GetJobRuns", job.job_id)
        return {"JobRuns": [shape(run) for run in found[:limit]], "NextToken": token}

    def batch_stop_job_run(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Ask several runs to end; each answers for itself."""
        name = request["JobName"]
        stopped, errors = [], []
        for run_id in dict.fromkeys(request["JobRunIds"]):
            refusal = self._stop(context.scope, name, run_id)
            if refusal is None:
                stopped.append({"JobName": name, "JobRunId": run_id})
            else:
                code, message = refusal
                detail = {"ErrorCode": code, "ErrorMessage": message}
                errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def _stop(self, scope: str, name: str, run_id: str) -> tuple[str, str] | None:
        """Ask one run to end; returns the error code and message of a refusal."""
        while True:
            try:
                with self._store.write() as tx:
                    job = jobs.lock(tx, scope, name)
                    run = job_runs.find(tx, scope, job.job_id, run_id) if job else None
                    if run is None:
                        return "EntityNotFoundException", f"Job run {run_id} of job {name} not found."
                    if run.state == "STOPPING":
                        return None
                    if run.state not in states.STOPPABLE:
                        return (
                            "InvalidInputException",
                            f"Job run {run_id} is in state {run.state} and cannot be stopped.",
                        )
                    self._lifecycle.stop(tx, run)
                    return None
            except Stale:
                # The run has just changed its state: look again.
                continue


def shape(run: JobRun, *, predecessors: bool = False) -> dict[str, Any]:
    """The JobRun structure."""
    shown: dict[str, Any] = {
        "Id": run.id,
        "Attempt": run.attempt,
        "PreviousRunId": run.previous_id,
        "TriggerName": run.trigger_name,
        "JobName": run.job_name,
        "StartedOn": run.started_on,
        "LastModifiedOn": run.last_modified_on,
        "CompletedOn": run.completed_on,
        "JobRunState": run.state,
        "ErrorMessage": run.error_message,
        "StateDetail": run.state_detail,
        "ExecutionTime": run.execution_seconds,
        "DPUSeconds": run.dpu_seconds,
        "PredecessorRuns": run.predecessors if predecessors else [],
        **run.body,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _job(tx: Connection, scope: str, name: str) -> jobs.Job:
    job = jobs.find(tx, scope, name)
    if job is None:
        raise not_found(f"Job {name} not found.")
    return job
