"""What tests of jobs share: jobs of scripts that really run, and how to see what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")


def finished(glue: Any, job: str, run: str, *, seconds: float = 300) -> dict[str, Any]:
    """The run once it has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found: dict[str, Any] = glue.get_job_run(JobName=job, RunId=run)["JobRun"]
        if found["JobRunState"] in ENDED:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{run} is still {found['JobRunState']}")


def run(glue: Any, job: str, *, seconds: float = 300, **given: Any) -> dict[str, Any]:
    """Start a run and wait for its end."""
    return finished(glue, job, glue.start_job_run(JobName=job, **given)["JobRunId"], seconds=seconds)


def lines(server: Any, group: str, run_id: str) -> list[str]:
    events = server.client("logs").get_log_events(
        logGroupName=group, logStreamName=run_id, startFromHead=True
    )
    return [event["message"] for event in events["events"]]


def refusal(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**given)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]
