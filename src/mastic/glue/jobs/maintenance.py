"""When a streaming run is restarted: in the first maintenance window of its job after a week. Pure functions.

A run without a timeout goes on for ever, so the service ends it now and then and starts another in its place. It asks
first: the run ends between two batches. One that does not (a batch that takes too long, a script with a loop of its
own) is left alone, and is ended after two weeks all the same.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from mastic.glue.jobs import capacity
from mastic.store.job_runs import JobRun

AGE = timedelta(days=7)
LATEST = timedelta(days=14)
WINDOW = timedelta(hours=3)
_WEEK = timedelta(days=7)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_RESTART = re.compile(r"_restart_(\d+)$")


def asked(run: JobRun, now: datetime) -> bool:
    """Whether the run is asked to end before its next batch."""
    if not _lasting(run):
        return False
    begin = _begin(run)
    if run.body.get("MaintenanceWindow"):
        return begin <= now < begin + WINDOW
    return now >= begin


def deadline(run: JobRun) -> datetime | None:
    """When the run is restarted whatever it is doing; None for runs that are never restarted."""
    if not _lasting(run):
        return None
    return max(run.started_on + LATEST, _begin(run) + WINDOW)


def longest(run: JobRun) -> timedelta:
    """How long the run may last at most."""
    if _lasting(run):
        return LATEST + WINDOW
    return timedelta(minutes=run.body.get("Timeout") or capacity.LONGEST_TIMEOUT)


def following_id(run_id: str) -> str:
    """The id of the run that takes the place of this one."""
    found = _RESTART.search(run_id)
    if found is None:
        return f"{run_id}_restart_1"
    return f"{run_id[: found.start()]}_restart_{int(found[1]) + 1}"


def _lasting(run: JobRun) -> bool:
    """A timeout is at most a week, so a run that has one never gets old enough."""
    return run.plan["Command"]["Name"] == "gluestreaming" and not run.body.get("Timeout")


def _begin(run: JobRun) -> datetime:
    """When the run's window begins: the first one of the week that follows its first week."""
    ripe = run.started_on + AGE
    window = run.body.get("MaintenanceWindow")
    if not window:
        return ripe
    day, _, hour = window.partition(":")
    midnight = ripe.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + timedelta(days=_DAYS.index(day) - midnight.weekday(), hours=int(hour))
    return begin if begin >= ripe else begin + _WEEK
