"""Events of jobs as EventBridge has them. Pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mastic.context import split_scope
from mastic.glue.jobs import states
from mastic.store.job_runs import JobRun


def envelope(
    scope: str, event_id: str, now: datetime, detail_type: str, detail: dict[str, Any]
) -> dict[str, Any]:
    """An EventBridge event of Glue."""
    account, region = split_scope(scope)
    return {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type,
        "source": "aws.glue",
        "account": account,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [],
        "detail": detail,
    }


def state_change(run: JobRun, event_id: str, now: datetime) -> dict[str, Any]:
    """The event of a run's end."""
    message = states.MESSAGE[run.state]
    if run.state == "FAILED":
        message = run.error_message or message
    detail = {
        "jobName": run.job_name,
        "severity": states.SEVERITY[run.state],
        "state": run.state,
        "jobRunId": run.id,
        "message": message,
    }
    return envelope(run.scope, event_id, now, "Glue Job State Change", detail)


def run_state(run: JobRun, *, final: bool) -> dict[str, Any]:
    """What triggers and workflows are told of a change of state; ``final``: no retry follows."""
    return {
        "scope": run.scope,
        "job_name": run.job_name,
        "job_id": run.job_id,
        "run_id": run.id,
        "state": run.state,
        "attempt": run.attempt,
        "final": final,
        "trigger_name": run.trigger_name,
        "workflow_name": run.plan.get("WorkflowName"),
        "workflow_run_id": run.workflow_run_id,
    }
