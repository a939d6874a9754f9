"""Upload → Lambda → job → trigger → views, with the server killed at every stage on the way."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mastic.demo import deploy as hub
from tests.conftest import ROOT, Server

pytestmark = pytest.mark.timeout(2400)
PIPELINE = ROOT / "pipelines" / "simple-data-hub"
ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"}
PATIENCE = 300.0


class Pipeline:
    """The deployed hub, seen through the API of a server that comes and goes."""

    def __init__(self, server: Server) -> None:
        self.server = server
        client = functools.cache(server.client)
        for _ in hub.deploy(client, PIPELINE):
            pass
        self.place = hub.place_of(client)
        self.client = client

    def upload(self, stamp: str) -> str:
        """Put one CSV file; returns its URL."""
        key = f"{hub.PREFIX}ingest_ts={stamp}/fr2052a.csv"
        self.client("s3").upload_file(str(PIPELINE / "data" / "fr2052a.csv"), self.place.raw, key)
        return f"s3://{self.place.raw}/{key}"

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The job's runs."""
        found: list[dict[str, Any]] = self.client("glue").get_job_runs(JobName=job)["JobRuns"]
        return found

    def states(self, job: str) -> Counter[str]:
        """How many runs are in which state."""
        return Counter(r["JobRunState"] for r in self.runs(job))

    def begun(self, job: str) -> int:
        """How many runs have a process, or had one: none is missed, however short it is."""
        states = self.states(job)
        return states["RUNNING"] + sum(states[state] for state in ENDED)

    def until(self, reached: Callable[[], bool], what: str, *, pause: float = 0.05) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, f"{what} did not happen: {self.both()}"
            time.sleep(pause)

    def both(self) -> dict[str, Counter[str]]:
        """The states of the runs of both jobs."""
        return {job: self.states(job) for job in (hub.INGESTION, hub.VIEWS)}


def test_every_stage_survives_a_kill(own_server: Server) -> None:
    pipeline = Pipeline(own_server)
    moments: list[tuple[str, Callable[[int], bool]]] = [
        ("the upload was answered", lambda n: True),
        ("the ingestion run exists", lambda n: len(pipeline.runs(hub.INGESTION)) == n),
        ("the ingestion runs", lambda n: pipeline.begun(hub.INGESTION) == n),
        ("the ingestion has succeeded", lambda n: pipeline.states(hub.INGESTION)["SUCCEEDED"] == n),
        ("the views job runs", lambda n: pipeline.begun(hub.VIEWS) == n),
    ]
    uploads = []
    for n, (what, reached) in enumerate(moments, 1):
        uploads.append(pipeline.upload(f"2026010{n}T000000"))
        pipeline.until(functools.partial(reached, n), what)
        own_server.kill()
        own_server.restart()
        ended = {"SUCCEEDED": n}
        pipeline.until(
            lambda ended=ended: pipeline.states(hub.VIEWS) == ended,
            f"after a kill when {what}: the views",
            pause=0.25,
        )
        # One run of each job for the upload, and nothing that follows later.
        assert pipeline.states(hub.INGESTION) == ended
    paths = Counter(r["Arguments"]["--input_path"] for r in pipeline.runs(hub.INGESTION))
    assert paths == dict.fromkeys(uploads, 1)
    lines = (PIPELINE / "data" / "fr2052a.csv").read_text().count("\n") - 1
    assert _count(pipeline, "SELECT count(*) FROM collections_data_view") == lines * len(uploads)
    assert _count(pipeline, "SELECT count(DISTINCT ingest_ts) FROM fr2052a_report_view") == len(uploads)


def _count(pipeline: Pipeline, sql: str) -> int:
    athena = pipeline.client("athena")
    id = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": hub.DATABASE},
        ResultConfiguration={"OutputLocation": pipeline.place.athena_output},
    )["QueryExecutionId"]
    for _ in range(3000):
        status = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            rows = athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"]
            return int(rows[1]["Data"][0]["VarCharValue"])
        assert status["State"] in ("QUEUED", "RUNNING"), status
        time.sleep(0.1)
    raise AssertionError("the query does not end")
