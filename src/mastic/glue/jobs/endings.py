"""How the end of a job process becomes the end of its run. Pure functions."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from mastic.executors.base import Result
from mastic.glue.jobs import insights
from mastic.glue.jobs.engines import SPARK_RUNTIME
from mastic.glue.jobs.lifecycle import Outcome
from mastic.glue.jobs.messages import detail

MOST_LAUNCHES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """What is known of a process that has ended. ``began``: it had read its order, so the script may have run.

    ``unreadable`` is why a result that is there counts as none.
    """

    command: str
    asked_engine: str
    spark_installed: bool
    launches: int
    result: Result | None
    exit_code: int | None
    began: bool
    complaint: str = ""
    unreadable: str = ""
    insights: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """The run is not over: it gets another process, on this engine."""

    engine: str
    reason: str


def judge(ended: Ended) -> Outcome | Again:
    """What becomes of the run."""
    if ended.result is not None:
        return _by_result(ended, ended.result)
    if ended.unreadable:
        reason = f"The result that the job process left cannot be read: {ended.unreadable}"
        return Outcome(state="FAILED", error_message=reason)
    if not ended.began:
        if ended.launches < MOST_LAUNCHES:
            return Again(engine=ended.asked_engine, reason="the process ended before it was told what to do")
        said = f": {ended.complaint}" if ended.complaint else ""
        return Outcome(state="FAILED", error_message=f"The job process could not be started{said}")
    return Outcome(state="FAILED", error_message=_lost(ended.exit_code))


def _by_result(ended: Ended, result: Result) -> Outcome | Again:
    used = detail(result.engine, result.engine_reason) if result.engine else None
    if result.state == "SUCCEEDED":
        return Outcome(state="SUCCEEDED", state_detail=used)
    if result.state == "EXPIRED" and ended.command == "gluestreaming":
        # It was asked to end between two batches, and did.
        return Outcome(state="EXPIRED", restart=True)
    if result.refusal is not None and ended.asked_engine == "auto":
        feature = str(result.refusal.get("feature", "a feature"))
        if not result.refusal.get("safe_to_restart"):
            return Outcome(
                state="FAILED",
                error_message=f"{result.error_message} The run had already written data, so it was not started "
                "again on Spark.",
                state_detail=used,
                retry=False,
            )
        if ended.spark_installed:
            what = str(result.refusal.get("detail") or "")
            reason = f"the embedded engine does not serve {feature}" + (f": {what}" if what else "")
            return Again(engine="spark", reason=reason)
        return Outcome(
            state="FAILED",
            error_message=f"{result.error_message} Apache Spark is not installed here; install it with: "
            f"mastic runtime install {SPARK_RUNTIME}",
            state_detail=used,
            retry=False,
        )
    message = result.error_message or f"exit code {result.exit_code}"
    if ended.insights and ended.command != "pythonshell":
        message = insights.message(result)
    if ended.command == "pythonshell":
        message = f"Command failed with exit code {result.exit_code}: {message}"
    return Outcome(state="FAILED", error_message=message, state_detail=used, retry=result.refusal is None)


def _lost(exit_code: int | None) -> str:
    if exit_code is None:
        return "The job process disappeared without a result: it was killed, or the machine restarted."
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " Running out of memory is the usual reason." if name == "SIGKILL" else ""
        return f"The job process was killed by signal {-exit_code} ({name}).{hint}"
    return f"Command failed with exit code {exit_code}: the process ended without a result."
