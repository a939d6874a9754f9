"""Runs that last longer than NotifyDelayAfter are told of, once for each state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.glue.jobs import notifications
from mastic.glue.jobs.definitions import Jobs
from mastic.glue.jobs.housekeeping import Reminders
from mastic.glue.jobs.lifecycle import Lifecycle, Outcome
from mastic.glue.jobs.runs import JobRuns
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.loops.base import Worker
from mastic.store import job_runs, outbox
from mastic.store.engine import Store

CONTEXT = Context(account_id="123456789012", region="us-east-1", service="glue", operation="")


class Place:
    """Jobs on a store, a clock to be moved, and the worker of reminders."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(datetime(2026, 2, 1, tzinfo=UTC))
        self.store = Store(f"sqlite:///{folder / 'm.db'}")
        self.store.create_all()
        self.lifecycle = Lifecycle(clock=self.clock, ids=Ids())
        pager = Pager("00")
        self.jobs = Jobs(
            store=self.store, clock=self.clock, ids=Ids(), lifecycle=self.lifecycle, pager=pager,
            default_glue_version="5.1",
        )  # fmt: skip
        self.runs = JobRuns(store=self.store, clock=self.clock, lifecycle=self.lifecycle, pager=pager)
        reminders = Reminders(store=self.store, lifecycle=self.lifecycle)
        self.worker = Worker(
            notifications.QUEUE, reminders.handle, store=self.store, clock=self.clock, holder="one"
        )
        self.worker.start()

    def start(self, **more: Any) -> str:
        command = {"Name": "pythonshell", "ScriptLocation": "s3://b/s.py"}
        self.jobs.create_job(CONTEXT, {"Name": "j", "Role": "r", "Command": command, **more})
        run_id: str = self.runs.start_job_run(CONTEXT, {"JobName": "j"})["JobRunId"]
        return run_id

    def run(self, run_id: str) -> job_runs.JobRun:
        with self.store.read() as tx:
            found = job_runs.by_id(tx, CONTEXT.scope, run_id)
        assert found is not None
        return found

    def events(self) -> list[dict[str, Any]]:
        with self.store.read() as tx:
            found = outbox.due(tx, self.clock.now(), 100)
        return [event.payload for event in found if event.topic == "glue.event"]

    def states(self) -> list[str]:
        return [e["detail"]["state"] for e in self.events() if e["detail-type"] == "Glue Job Run Status"]

    def idle(self) -> None:
        """Wait until the worker has nothing more to do now."""
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            with self.store.read() as tx:
                due = tx.exec_driver_sql(
                    "SELECT count(*) FROM tasks WHERE queue = 'job_run.delay' AND not_before <= "
                    f"{int(self.clock.now().timestamp() * 1_000_000)}"
                ).scalar()
            if not due:
                return
            self.worker._wake.set()
            time.sleep(0.02)
        raise AssertionError("the reminder is still due")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.worker.stop()
    made.store.close()


def test_a_late_run_is_told_of_once_for_each_state(place: Place) -> None:
    run_id = place.start(NotificationProperty={"NotifyDelayAfter": 2})
    place.clock.advance(seconds=119)
    place.idle()
    assert place.states() == []
    place.clock.advance(seconds=1)
    place.idle()
    (event,) = place.events()
    assert event["detail"] == {
        "jobName": "j",
        "severity": "INFO",
        "notificationCondition": {"NotifyDelayAfter": 2.0},
        "state": "STARTING",
        "jobRunId": run_id,
        "message": "Job is in STARTING state",
        "startedOn": "2026-02-01T00:00:00Z",
    }
    with place.store.write() as tx:
        running = place.lifecycle.running(tx, place.run(run_id))
        present = job_runs.get(tx, running.seq)
        assert present is not None
        place.lifecycle.remind(tx, present)  # a reminder that is done twice
        stopping = place.lifecycle.stop(tx, running)
        place.lifecycle.finish(tx, stopping, Outcome(state="STOPPED"))
    assert place.states() == ["STARTING", "RUNNING", "STOPPING"]


def test_a_run_that_ends_in_time_is_not_told_of(place: Place) -> None:
    run_id = place.start(NotificationProperty={"NotifyDelayAfter": 2})
    with place.store.write() as tx:
        running = place.lifecycle.running(tx, place.run(run_id))
        place.lifecycle.finish(tx, running, Outcome(state="SUCCEEDED"))
    place.clock.advance(minutes=3)
    place.idle()
    assert place.states() == []
    assert [event["detail-type"] for event in place.events()] == ["Glue Job State Change"]
