"""Delay notifications: "Glue Job Run Status" events of runs that last longer than NotifyDelayAfter. Owns no rows of
its own: the column ``notified`` of a run names the states that have been told.

A run is told about once per state that it is in, or comes to, later than so many minutes after it was started. A task
that falls due then sees to the present state; states that follow are told in the transaction of the change.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from mastic.glue.jobs.envelopes import envelope
from mastic.store import job_runs, outbox, tasks
from mastic.store.engine import Stale
from mastic.store.job_runs import JobRun

QUEUE = "job_run.delay"
STATES = ("STARTING", "RUNNING", "STOPPING")


def due_on(run: JobRun) -> datetime | None:
    """When the run begins to be late; None for one that nobody wants to hear of."""
    minutes = (run.body.get("NotificationProperty") or {}).get("NotifyDelayAfter")
    return None if minutes is None else run.started_on + timedelta(minutes=minutes)


def schedule(tx: Connection, run: JobRun) -> None:
    """See to a run that has just been made."""
    when = due_on(run)
    if when is not None:
        tasks.put(tx, QUEUE, f"{run.scope}/{run.id}", {"seq": run.seq}, not_before=when)


def tell(tx: Connection, run: JobRun, now: datetime, event_id: str) -> None:
    """Put the event of a late run's present state, unless that has been done."""
    when = due_on(run)
    told = run.notified.split()
    if when is None or now < when or run.state not in STATES or run.state in told:
        return
    try:
        job_runs.annotate(tx, run, notified=" ".join([*told, run.state]))
    except Stale:
        return  # it has come to another state, whose change sees to that
    detail = {
        "jobName": run.job_name,
        "severity": "INFO",
        "notificationCondition": {
            "NotifyDelayAfter": float(run.body["NotificationProperty"]["NotifyDelayAfter"])
        },
        "state": run.state,
        "jobRunId": run.id,
        "message": f"Job is in {run.state} state",
        "startedOn": run.started_on.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    event = envelope(run.scope, event_id, now, "Glue Job Run Status", detail)
    outbox.put(tx, "glue.event", event, key=run.id)
