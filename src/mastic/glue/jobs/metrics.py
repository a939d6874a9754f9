"""Job metrics as CloudWatch has them: namespace Glue, by job and run, and over all runs. Owns no state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sqlalchemy import Connection

from mastic.glue.jobs import arguments, capacity, insights, states
from mastic.store import job_runs
from mastic.store.job_runs import JobRun
from mastic.store.outbox import Event

NAMESPACE = "Glue"
ALL = "ALL"
OBSERVABILITY = "--enable-observability-metrics"
WHO = ("driver", "ALL")


class MetricSink(Protocol):
    """Takes metric data inside a transaction."""

    def put_data(self, tx: Connection, scope: str, namespace: str, data: Iterable[Mapping[str, Any]]) -> None:
        """Add data shaped as PutMetricData's."""
        ...


class JobMetrics:
    """Stores what job processes report, for jobs that have metrics enabled."""

    def __init__(self, sink: MetricSink) -> None:
        self._sink = sink

    def put(
        self,
        tx: Connection,
        run: JobRun,
        values: dict[str, float],
        dimensions: Mapping[str, str] | None = None,
    ) -> None:
        """Store the values of one report; ``dimensions`` are more than job, run and type."""
        enabled = arguments.enabled(run.plan["Arguments"], OBSERVABILITY) if dimensions else wanted(run)
        if enabled:
            self._sink.put_data(tx, run.scope, NAMESPACE, data(run.job_name, run.id, values, dimensions))

    def on_job_run(self, tx: Connection, event: Event) -> None:
        """Store how a run ended, by the category of its failure."""
        state, final = event.payload["state"], event.payload["final"]
        # One that is restarted for maintenance goes on in another run: that is neither success nor error.
        if state not in states.TERMINAL or (state == "EXPIRED" and not final):
            return
        run = job_runs.by_id(tx, event.payload["scope"], event.payload["run_id"])
        if run is not None and arguments.enabled(run.plan["Arguments"], OBSERVABILITY):
            self._sink.put_data(tx, run.scope, NAMESPACE, outcome(run))


def wanted(run: JobRun) -> bool:
    """Whether a run has metrics enabled."""
    return any(
        arguments.enabled(run.plan["Arguments"], switch) for switch in ("--enable-metrics", OBSERVABILITY)
    )


def moved(*, read_bytes: int, written_bytes: int, milliseconds: float) -> dict[str, float]:
    """What was read from and written to S3 since the last report, and how long that is ago."""
    found: dict[str, float] = {
        "glue.driver.aggregate.bytesRead": read_bytes,
        "glue.driver.aggregate.elapsedTime": milliseconds,
    }
    for who in WHO:
        found[f"glue.{who}.s3.filesystem.read_bytes"] = read_bytes
        found[f"glue.{who}.s3.filesystem.write_bytes"] = written_bytes
    return found


def used(run: JobRun, *, cpu: float, memory: int, of: int) -> dict[str, float]:
    """``cpu`` is a share of all cores, ``memory`` what the run's processes have, ``of`` what the machine lets them
    have. One process is driver and executors, and its memory takes the place of the heap."""
    limit = min(capacity.size(run.body)[0] * 1024 * 1024, of)
    found: dict[str, float] = {"glue.driver.ExecutorAllocationManager.executors.numberAllExecutors": 1}
    for who in WHO:
        found[f"glue.{who}.system.cpuSystemLoad"] = min(cpu, 1.0)
        found[f"glue.{who}.jvm.heap.used"] = memory
        found[f"glue.{who}.jvm.heap.usage"] = min(memory / limit, 1.0)
    return found


def outcome(run: JobRun) -> list[dict[str, Any]]:
    """Success or error, which alarms are set on."""
    succeeded = run.state == "SUCCEEDED"
    names = {"glue.succeed.ALL": float(succeeded), "glue.error.ALL": float(not succeeded)}
    if run.state == "FAILED":
        message = run.error_message or ""
        names[f"glue.error.{insights.category(message.partition(':')[0], message)}"] = 1.0
    return [
        {
            "MetricName": name,
            "Value": value,
            "Dimensions": [
                {"Name": "JobName", "Value": run.job_name},
                {"Name": "JobRunId", "Value": which},
                {"Name": "ObservabilityGroup", "Value": "error"},
                {"Name": "Type", "Value": "count"},
            ],
        }
        for name, value in names.items()
        for which in (run.id, ALL)
    ]


def data(
    job_name: str, run_id: str, values: Mapping[str, float], more: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """PutMetricData's MetricData for one report: each value for the run and for all runs of the job."""
    return [
        {
            "MetricName": name,
            "Value": float(value),
            "Dimensions": [
                {"Name": "JobName", "Value": job_name},
                {"Name": "JobRunId", "Value": which},
                {"Name": "Type", "Value": "count" if ".aggregate." in name else "gauge"},
                *({"Name": key, "Value": value} for key, value in (more or {}).items()),
            ],
        }
        for name, value in values.items()
        for which in (run_id, ALL)
    ]
