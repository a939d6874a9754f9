"""The real Terraform AWS provider: projects apply, plan empty, work, and go."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.clients import terraform
from tests.conftest import ROOT, Server

pytestmark = pytest.mark.skipif(
    terraform.program() is None, reason="terraform or its AWS provider is not installed"
)


def _zip_lambdas(folder: Path) -> None:
    for source in folder.rglob("lambda/*.py"):
        with zipfile.ZipFile(source.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(source.name, (2024, 1, 1, 0, 0, 0)), source.read_bytes())


def _runs(glue: Any, job: str, count: int, seconds: float = 400) -> list[dict[str, Any]]:
    """The job's runs, once there are as many that have ended."""
    ended: list[dict[str, Any]] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        runs = glue.get_job_runs(JobName=job)["JobRuns"]
        ended = [
            r for r in runs if r["JobRunState"] in ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR")
        ]
        if len(ended) >= count:
            return ended
        time.sleep(0.3)
    raise AssertionError(
        f"{job}: {[(r['JobRunState'], r.get('ErrorMessage')) for r in ended]} after {seconds} s"
    )


def test_the_simple_data_hub(own_server: Server, tmp_path: Path) -> None:
    project = terraform.Project(
        ROOT / "pipelines" / "simple-data-hub", tmp_path / "hub", own_server.endpoint, subfolder="terraform"
    )
    _zip_lambdas(project.root)
    project.apply()
    project.assert_no_drift()
    s3, glue = own_server.client("s3"), own_server.client("glue")
    s3.upload_file(
        str(project.root / "data" / "fry9c.csv"),
        "simple-data-hub-raw-123456789012",
        "collections-data/ingest_ts=20260216T000000/fry9c.csv",
    )
    for job in ("csv-to-iceberg-ingestion", "create-views-dual-engine"):
        (run,) = _runs(glue, job, 1)
        assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    names = {t["Name"] for t in glue.get_tables(DatabaseName="collections_db")["TableList"]}
    assert names == {"collections_data_staging", "collections_data_view", "fry9c_report_view"}
    # What jobs made is not Terraform's: it goes with the database.
    project.destroy()
    assert s3.list_buckets()["Buckets"] == []
    assert glue.get_jobs()["Jobs"] == []
    assert glue.get_triggers()["Triggers"] == []
    assert own_server.client("lambda").list_functions()["Functions"] == []


@pytest.mark.skipif(
    "MASTIC_TERRAFORM_PROJECT" not in os.environ, reason="MASTIC_TERRAFORM_PROJECT names no project"
)
def test_a_project_of_yours(own_server: Server, tmp_path: Path) -> None:
    project = terraform.Project(
        Path(os.environ["MASTIC_TERRAFORM_PROJECT"]), tmp_path / "p", own_server.endpoint
    )
    _zip_lambdas(project.root)
    project.apply()
    project.assert_no_drift()
    project.destroy()
