"""Job metrics as CloudWatch has them: namespace Glue, by job and run, and over all runs. Owns no state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sqlalchemy import Connection

from mastic.glue.jobs import arguments
from mastic.store.job_runs import JobRun

NAMESPACE = "Glue"
ALL = "ALL"


class MetricSink(Protocol):
    """Takes metric data inside a transaction."""

    def put_data(self, tx: Connection, scope: str, namespace: str, data: Iterable[Mapping[str, Any]]) -> None:
        """Add data shaped as PutMetricData's."""
        ...


class JobMetrics:
    """Stores what job processes report, for jobs that have metrics enabled."""

    def __init__(self, sink: MetricSink) -> None:
        self._sink = sink

    def put(self, tx: Connection, run: JobRun, values: dict[str, float]) -> None:
        """Store the values of one report."""
        merged = run.plan["Arguments"]
        switches = ("--enable-metrics", "--enable-observability-metrics")
        if any(arguments.enabled(merged, switch) for switch in switches):
            self._sink.put_data(tx, run.scope, NAMESPACE, data(run.job_name, run.id, values))


def data(job_name: str, run_id: str, values: Mapping[str, float]) -> list[dict[str, Any]]:
    """PutMetricData's MetricData for one report: each value for the run and for all runs of the job."""
    return [
        {
            "MetricName": name,
            "Value": float(value),
            "Dimensions": [
                {"Name": "JobName", "Value": job_name},
                {"Name": "JobRunId", "Value": which},
                {"Name": "Type", "Value": "count" if ".aggregate." in name else "gauge"},
            ],
        }
        for name, value in values.items()
        for which in (run_id, ALL)
    ]
