"""What job runs would have cost on AWS: an estimate from what the API says of them. Owns no state.

Works against any endpoint that speaks Glue's API, also AWS itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# US dollars for an hour of one DPU, in us-east-1.
STANDARD, FLEX = 0.44, 0.29
# What is billed at least, in seconds: ten minutes before Glue 2.0.
LEAST, LEAST_OLD = 60, 600


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The runs of one job together; ``dollars`` is for ``dpu_hours`` at each run's own price."""

    job: str
    runs: int
    seconds: int
    dpu_hours: float
    dollars: float


def of_run(run: Mapping[str, Any]) -> tuple[float, float]:
    """(DPU hours, US dollars) of a JobRun structure. A run that used nothing costs nothing."""
    seconds = float(run.get("ExecutionTime") or 0)
    if seconds <= 0:
        return 0.0, 0.0
    old = (run.get("GlueVersion") or "").startswith(("0.", "1."))
    least = LEAST_OLD if old else LEAST
    if run.get("DPUSeconds"):
        # Flexible and scaled runs are billed by what they used.
        used = max(float(run["DPUSeconds"]), float(run.get("MaxCapacity") or 0) * least)
    else:
        used = float(run.get("MaxCapacity") or 0) * max(seconds, least)
    hours = used / 3600
    return hours, hours * (FLEX if run.get("ExecutionClass") == "FLEX" else STANDARD)


def of_job(job: str, runs: Iterable[Mapping[str, Any]]) -> Cost:
    """The sum of a job's runs."""
    each = [(run, *of_run(run)) for run in runs]
    return Cost(
        job=job,
        runs=len(each),
        seconds=sum(int(run.get("ExecutionTime") or 0) for run, _, _ in each),
        dpu_hours=sum(hours for _, hours, _ in each),
        dollars=sum(dollars for _, _, dollars in each),
    )


def of_all(glue: Any, *, since: datetime, jobs: Iterable[str] | None = None) -> Iterator[Cost]:
    """The cost of each job's runs that were started since then; ``glue`` is a client of boto3."""
    names = jobs
    if names is None:
        pages = glue.get_paginator("get_jobs").paginate()
        names = [job["Name"] for page in pages for job in page["Jobs"]]
    for name in names:
        pages = glue.get_paginator("get_job_runs").paginate(JobName=name)
        yield of_job(name, (run for page in pages for run in page["JobRuns"] if run["StartedOn"] >= since))
