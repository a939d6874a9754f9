"""Ray jobs: each with a cluster of its own, which ends with it."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mastic.executors import processes
from tests.api.jobs import finished, lines, run
from tests.api.test_job_environments import wheel
from tests.conftest import RUNTIMES, Server

pytestmark = [
    pytest.mark.skipif(
        not (RUNTIMES / "ray").exists(), reason="the runtime is missing: mastic runtime install ray"
    ),
    pytest.mark.timeout(600),
]
PATIENCE = 240.0
LOG = "/aws-glue/ray/jobs/script-log"
SCRIPT = """
import os, sys
import boto3, ray
import helper, brought, installed
ray.init("auto")
print(installed.MARK)

@ray.remote
def square(n):
    import boto3, brought, helper
    names = [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]
    return n * n, helper.MARK, brought.MARK, os.environ["BUCKET"] in names, os.environ["test-environment"]

print(sorted(ray.get([square.remote(n) for n in range(3)])))
print(ray.cluster_resources()["CPU"] >= 1, open("data.txt").read(), sys.argv[sys.argv.index("--BUCKET") + 1])
print(ray.data.range(10).map(lambda row: {"id": row["id"] * 2}).sum("id"))

@ray.remote
def fail():
    raise ValueError("not this one")

ray.get(fail.remote())
"""
SLEEPER = """
import ray, time
ray.init()

@ray.remote
def sleep():
    print("asleep", flush=True)
    time.sleep(600)

ray.get(sleep.remote())
"""


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for path, content in files.items():
            opened.writestr(path, content)
    return buffer.getvalue()


def create(server: Any, name: str, script: str, **arguments: str) -> None:
    server.client("s3").put_object(Bucket=name, Key="job.py", Body=script.encode())
    server.client("glue").create_job(
        Name=name, Role="r", WorkerType="Z.2X", NumberOfWorkers=2, GlueVersion="4.0",
        Command={
            "Name": "glueray", "PythonVersion": "3.9", "Runtime": "Ray2.4", "ScriptLocation": f"s3://{name}/job.py"
        },
        DefaultArguments={f"--{key.replace('_', '-')}": value for key, value in arguments.items()},
    )  # fmt: skip


def of_run(run_id: str) -> list[str]:
    marker = f"MASTIC_RUN_ID={run_id}\0".encode()
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if marker in Path(f"/proc/{process.pid}/environ").read_bytes():
                found.append(process.info["name"])
        except OSError:
            continue  # it has ended, or is the system's
    return found


@pytest.fixture
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Ray cluster of somebody else's; its address."""
    ray = [RUNTIMES / "ray" / "bin" / "python", "-m", "ray.scripts.scripts"]
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        marked = {**os.environ, "MASTIC_RUN_ID": folder, "RAY_AUTH_MODE": "disabled"}
        subprocess.run(
            [*ray, "start", "--head", "--port=0", f"--temp-dir={folder}", "--include-dashboard=false", "--num-cpus=1",
             "--dashboard-agent-listen-port=0", "--disable-usage-stats", "--object-store-memory=100000000"],
            env=marked, check=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip
        try:
            yield (Path(folder) / "ray_current_cluster").read_text().strip()
        finally:
            processes.end(folder, None, grace=0)


def test_a_cluster_that_runs_share(shared: str, tmp_path: Path) -> None:
    running = Server(tmp_path / "data", {"MASTIC_RAY_ADDRESS": shared}).start()
    try:
        ended = whole(running, "rayshared")
        assert f"the cluster at {shared}" in ended["StateDetail"]
    finally:
        running.stop()


def test_a_cluster_of_its_own(server: Any, name: str) -> None:
    ended = whole(server, name)
    for group in ("ray-gcs-logs", "ray-process-logs", "ray-worker-out-logs"):
        assert lines(server, f"/aws-glue/ray/jobs/{group}", ended["Id"])
    assert "cluster of its own" in ended["StateDetail"]


def whole(server: Any, name: str) -> dict[str, Any]:
    s3, glue = server.client("s3"), server.client("glue")
    s3.create_bucket(Bucket=name)
    work = archive({"project/helper.py": "MARK = 'in the folder'", "project/data.txt": "data"})
    s3.put_object(Bucket=name, Key="work.zip", Body=work)
    s3.put_object(Bucket=name, Key="mod.zip", Body=archive({"brought.py": "MARK = 'along'"}))
    s3.put_object(
        Bucket=name, Key="installed-1.0-py3-none-any.whl", Body=wheel("installed", "1.0", "MARK = 'by pip'")
    )
    create(
        server, name, SCRIPT, BUCKET=name, pip_install=f"s3://{name}/installed-1.0-py3-none-any.whl", min_workers="1",
        test_environment="yes",
        working_dir=f"s3://{name}/work.zip", s3_py_modules=f"s3://{name}/mod.zip",
    )  # fmt: skip
    ended = run(glue, name, seconds=PATIENCE)
    assert "ValueError: not this one" in ended["ErrorMessage"], ended["ErrorMessage"]
    assert ended["JobRunState"] == "FAILED"
    assert ended["LogGroupName"] == "/aws-glue/ray/jobs"
    said = lines(server, LOG, ended["Id"])
    squares = [(n * n, "in the folder", "along", True, "yes") for n in range(3)]
    for line in ("by pip", str(squares), f"True data {name}", "90"):
        assert line in said
    assert of_run(ended["Id"]) == []
    return ended


def test_stopping_ends_the_whole_cluster(server: Any, name: str) -> None:
    glue = server.client("glue")
    server.client("s3").create_bucket(Bucket=name)
    create(server, name, SLEEPER)
    run_id = glue.start_job_run(JobName=name)["JobRunId"]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not any("asleep" in line for line in _lines(server, run_id)):
        found = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        assert found["JobRunState"] in ("STARTING", "RUNNING"), found
        time.sleep(0.2)
    assert "gcs_server" in of_run(run_id)
    glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
    assert finished(glue, name, run_id, seconds=PATIENCE)["JobRunState"] == "STOPPED"
    assert of_run(run_id) == []


def _lines(server: Any, run_id: str) -> list[str]:
    logs = server.client("logs")
    try:
        return lines(server, LOG, run_id)
    except logs.exceptions.ResourceNotFoundException:
        return []  # it has not said anything
