"""What a run is made of: the job's definition with the request's overrides, fixed when the run starts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mastic.glue.jobs import arguments, capacity, rules
from mastic.store.job_runs import JobRun
from mastic.store.jobs import Job

_CAPACITY = ("WorkerType", "NumberOfWorkers", "MaxCapacity", "AllocatedCapacity")
_LOG_GROUPS = {"pythonshell": "/aws-glue/python-jobs", "glueray": "/aws-glue/ray/jobs"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """``body`` is what the API shows of a run from its beginning; ``hidden`` what is needed to run it."""

    body: dict[str, Any]
    hidden: dict[str, Any]


def make(job: Job, given: Mapping[str, str] | None, overrides: Mapping[str, Any]) -> Plan:
    """The plan of a new run; raises InvalidInputException."""
    command = job.body["Command"]["Name"]
    arguments.check("Arguments", given)
    body: dict[str, Any] = {
        "JobMode": job.body["JobMode"],
        "GlueVersion": job.body["GlueVersion"],
        "JobRunQueuingEnabled": bool(_either(job, overrides, "JobRunQueuingEnabled")),
    }
    if given:
        body["Arguments"] = dict(given)
    for name in (
        "Timeout",
        "SecurityConfiguration",
        "NotificationProperty",
        "ExecutionClass",
        "MaintenanceWindow",
        "ExecutionRoleSessionPolicy",
    ):
        value = _either(job, overrides, name)
        if value is not None:
            body[name] = value
    body.update(_capacity(job, overrides))
    capacity.check_timeout(body.get("Timeout"))
    capacity.check_execution_class(command, body["GlueVersion"], body.get("ExecutionClass"))
    rules.notification(body.get("NotificationProperty"))
    merged = arguments.merge(job.body.get("DefaultArguments"), given, job.body.get("NonOverridableArguments"))
    body["LogGroupName"] = merged.get("--custom-logGroup-prefix") or _LOG_GROUPS.get(
        command, "/aws-glue/jobs"
    )
    hidden = {
        "Command": job.body["Command"],
        "Role": job.body["Role"],
        "MaxRetries": job.body["MaxRetries"],
        "Connections": job.body.get("Connections"),
        "Arguments": merged,
    }
    return Plan(body=body, hidden=hidden)


def dpu_seconds(run: JobRun, seconds: int) -> float | None:
    """DPUSeconds, which Glue reports for FLEX and auto-scaled runs only."""
    flexible = run.body.get("ExecutionClass") == "FLEX"
    if flexible or arguments.enabled(run.plan["Arguments"], "--enable-auto-scaling"):
        return seconds * float(run.body["MaxCapacity"])
    return None


def _either(job: Job, overrides: Mapping[str, Any], name: str) -> Any:
    value = overrides.get(name)
    return job.body.get(name) if value is None else value


def _capacity(job: Job, overrides: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {name: overrides[name] for name in _CAPACITY if overrides.get(name) is not None}
    if not wanted:
        return {name: job.body[name] for name in _CAPACITY if name in job.body}
    if "WorkerType" in wanted or "NumberOfWorkers" in wanted:
        for name in ("WorkerType", "NumberOfWorkers"):
            if name not in wanted and name in job.body:
                wanted[name] = job.body[name]
    version = job.body["GlueVersion"]
    return capacity.resolve({"Command": job.body["Command"], "GlueVersion": version, **wanted})
