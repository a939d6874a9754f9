"""When streaming runs are restarted for maintenance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mastic.glue.jobs import maintenance
from mastic.store.job_runs import JobRun

# A Thursday.
START = datetime(2026, 1, 1, 10, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def run(command: str = "gluestreaming", **body: Any) -> JobRun:
    return JobRun(
        seq=1, scope="s", id="jr_1", job_name="j", job_id="i", number=1, state="RUNNING", attempt=0, root_id="jr_1",
        previous_id=None, trigger_name=None, workflow_run_id=None, predecessors=[], body=body,
        plan={"Command": {"Name": command}}, started_on=START, running_on=START, completed_on=None,
        last_modified_on=START, error_message=None, state_detail=None, execution_seconds=0, dpu_seconds=None,
        holder=None, expires=None, notified="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("window", "begin"),
    [
        ("Thu:11", START.replace(hour=11, minute=0) + 7 * DAY),
        ("Thu:10", START.replace(hour=10, minute=0) + 14 * DAY),  # a week old a little after it begins
        ("Fri:0", START.replace(hour=0, minute=0) + 8 * DAY),
        ("Sun:3", START.replace(hour=3, minute=0) + 10 * DAY),
        ("Wed:23", START.replace(hour=23, minute=0) + 13 * DAY),
    ],
)
def test_a_run_is_asked_within_three_hours_of_its_window(window: str, begin: datetime) -> None:
    lasting = run(MaintenanceWindow=window)
    tick = timedelta(microseconds=1)
    assert not maintenance.asked(lasting, begin - tick)
    assert maintenance.asked(lasting, begin)
    assert maintenance.asked(lasting, begin + 3 * HOUR - tick)
    assert not maintenance.asked(lasting, begin + 3 * HOUR)
    # Never in an earlier one.
    hours = int((begin - START) / HOUR)
    assert not any(maintenance.asked(lasting, START + n * HOUR) for n in range(hours))


def test_a_run_without_a_window_is_asked_from_a_week_on() -> None:
    assert not maintenance.asked(run(), START + 7 * DAY - HOUR)
    assert maintenance.asked(run(), START + 7 * DAY)
    assert maintenance.asked(run(), START + 13 * DAY)


def test_a_run_that_does_not_end_is_ended_after_two_weeks() -> None:
    assert maintenance.deadline(run()) == START + 14 * DAY
    assert maintenance.deadline(run(MaintenanceWindow="Sun:3")) == START + 14 * DAY
    # Not before its window is over.
    assert maintenance.deadline(run(MaintenanceWindow="Thu:10")) == START + 14 * DAY + 2.5 * HOUR


@pytest.mark.parametrize(
    "other", [run("glueetl"), run(Timeout=10080), run(Timeout=5, MaintenanceWindow="Sun:3")]
)
def test_runs_that_end_by_themselves_are_never_restarted(other: JobRun) -> None:
    assert maintenance.deadline(other) is None
    assert not any(maintenance.asked(other, START + n * HOUR) for n in range(24 * 30))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("jr_1", "jr_1_restart_1"),
        ("jr_1_restart_1", "jr_1_restart_2"),
        ("jr_1_restart_9", "jr_1_restart_10"),
        ("jr_1_attempt_4", "jr_1_attempt_4_restart_1"),
        ("jr_1_attempt_3_restart_5", "jr_1_attempt_3_restart_6"),
    ],
)
def test_restarts_are_counted_in_the_run_s_id(first: str, second: str) -> None:
    assert maintenance.following_id(first) == second
