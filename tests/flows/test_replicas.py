"""Two servers on one PostgreSQL and one directory of objects: either serves, both work, one may die."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from mastic.demo import deploy as hub
from mastic.executors import processes
from mastic.executors.base import ProcessId
from tests.conftest import Server
from tests.flows.patience import Patient
from tests.flows.test_job_crashes import Pipeline as Jobs
from tests.flows.test_main_path import PIPELINE
from tests.postgres import database

Pair = tuple[Server, Server]


# One pair for all tests here, on one worker: two servers take long to start.
pytestmark = [pytest.mark.xdist_group("replicas"), pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def pair(postgresql: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two servers, started at the same moment on an empty database."""
    place = tmp_path_factory.mktemp("replicas")
    with database(postgresql) as url:
        settings = {
            "MASTIC_DATABASE_URL": url,
            "MASTIC_OBJECTS_DIR": str(place / "objects"),
            "MASTIC_LOST_HOST_SECONDS": "10",
        }
        one, two = (Server(place / name, settings) for name in ("one", "two"))
        _together(one.start, two.start)
        yield one, two
        _together(one.stop, two.stop)


def test_objects_and_functions_are_the_same_on_both(pair: Pair) -> None:
    one, two = pair
    s3, other = one.client("s3"), two.client("s3")
    s3.create_bucket(Bucket="shared")
    s3.put_object(Bucket="shared", Key="k", Body=b"1")
    other.put_object(Bucket="shared", Key="k", Body=b"22")
    assert s3.get_object(Bucket="shared", Key="k")["Body"].read() == b"22"
    # An upload may reach another server with every part.
    upload = s3.create_multipart_upload(Bucket="shared", Key="big")["UploadId"]
    parts = []
    for number, client in enumerate((s3, other), 1):
        body = bytes([number]) * 5_242_880
        done = client.upload_part(Bucket="shared", Key="big", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    other.complete_multipart_upload(
        Bucket="shared", Key="big", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert Counter(s3.get_object(Bucket="shared", Key="big")["Body"].read()) == {1: 5_242_880, 2: 5_242_880}
    s3.delete_object(Bucket="shared", Key="k")
    assert [o["Key"] for o in other.list_objects_v2(Bucket="shared")["Contents"]] == ["big"]

    functions = one.client("lambda")
    functions.create_function(
        FunctionName="f", Runtime="python3.12", Role="arn:aws:iam::123456789012:role/r", Handler="m.handler",
        Timeout=60, Code={"ZipFile": _package("first")},
    )  # fmt: skip
    called = [server.client("lambda").invoke(FunctionName="f")["Payload"].read() for server in pair]
    assert called == [b'"first"'] * 2
    functions.update_function_code(FunctionName="f", ZipFile=_package("second"))
    called = [server.client("lambda").invoke(FunctionName="f")["Payload"].read() for server in pair]
    assert called == [b'"second"'] * 2


def test_queues_are_with_one_server_and_the_other_says_so(pair: Pair) -> None:
    pair[0].client("sqs").create_queue(QueueName="q")
    with pytest.raises(ClientError, match="are with the server"):
        pair[1].client("sqs").create_queue(QueueName="q")


def test_both_work_and_nothing_is_done_twice(pair: Pair, tmp_path: Path) -> None:
    """Every run is executed once, by whichever server takes it, and the trigger fires once for each."""
    one, two = pair
    jobs = Jobs(one, tmp_path)
    script = f"import sys; open({str(tmp_path)!r} + '/count', 'a').write('{{}} ' + sys.argv[0] + '\\n')"
    many = {"ExecutionProperty": {"MaxConcurrentRuns": 50}}
    jobs.job("first", script.format("first"), **many)
    jobs.job("second", script.format("second"), **many)
    jobs.chain()
    for server in (one, two) * 6:
        server.client("glue").start_job_run(JobName="first")
    seen = Jobs.__new__(Jobs)
    seen.server, seen.glue = two, two.client("glue")
    for job in ("first", "second"):
        assert Counter(r["JobRunState"] for r in seen.ended(job, 12)) == {"SUCCEEDED": 12}
    lines = (tmp_path / "count").read_text().splitlines()
    assert Counter(line.split()[0] for line in lines) == {"first": 12, "second": 12}
    # The script lies in the data directory of the server that ran it.
    places = {server: sum(str(server.data_dir) in line for line in lines) for server in pair}
    assert sum(places.values()) == 24


def test_a_directory_of_its_own_is_refused(pair: Pair, tmp_path: Path) -> None:
    lone = Server(tmp_path / "lone", {"MASTIC_DATABASE_URL": pair[0].env["MASTIC_DATABASE_URL"]})
    with pytest.raises(RuntimeError, match="has its objects in another place"):
        lone.start()


def test_one_server_is_killed_and_the_other_completes_the_chain(pair: Pair) -> None:
    """What ran on the lost server is told as lost and retried; what only it had been told is done by the other."""
    pipeline = Patient(pair[0])
    uploads, process = _under_way(pipeline)
    try:
        victim, other = sorted(pair, key=lambda server: not any((server.data_dir / "runs").glob("*")))
        pipeline.client = victim.client
        uploads.append(pipeline.upload("20260201T000000"))
        victim.kill()
        pipeline.client = other.client
        n = len(uploads)
        pipeline.until(
            lambda: pipeline.states(hub.INGESTION)["SUCCEEDED"] == n, "after a kill: the ingestion"
        )
        pipeline.until(lambda: pipeline.states(hub.VIEWS)["SUCCEEDED"] == n, "after a kill: the views")
    finally:
        if processes.alive(process):
            os.kill(process.pid, signal.SIGKILL)
    assert pipeline.states(hub.INGESTION) == {"SUCCEEDED": n, "FAILED": 1}
    assert pipeline.states(hub.VIEWS) == {"SUCCEEDED": n}
    runs = pipeline.runs(hub.INGESTION)
    [lost] = [run for run in runs if run["JobRunState"] == "FAILED"]
    assert re.fullmatch(r"The host \S+ of the job was lost\.", lost["ErrorMessage"])
    assert {run["Id"] for run in runs if run.get("Attempt")} == {f"{lost['Id']}_attempt_1"}
    # One run for each upload, and one more attempt at the lost one.
    first = Counter(run["Arguments"]["--input_path"] for run in runs if not run.get("Attempt"))
    assert first == dict.fromkeys(uploads, 1)
    lines = (PIPELINE / "data" / "fr2052a.csv").read_text().count("\n") - 1
    assert pipeline.answer("SELECT count(*) FROM collections_data_view") == [(str(lines * n),)]
    told = runs, pipeline.runs(hub.VIEWS)
    victim.restart()
    pipeline.client = victim.client
    assert (pipeline.runs(hub.INGESTION), pipeline.runs(hub.VIEWS)) == told


def _under_way(pipeline: Patient) -> tuple[list[str], ProcessId]:
    """(the uploads, the process of the ingestion of the last): it stands still, so that it cannot end too soon."""
    uploads: list[str] = []
    for n in range(1, 10):
        uploads.append(pipeline.upload(f"202601{n:02}T000000"))
        pipeline.until(lambda n=n: pipeline.begun(hub.INGESTION) == n, "the ingestion")
        with psycopg.connect(pipeline.server.env["MASTIC_DATABASE_URL"].replace("+psycopg", "")) as store:
            found = store.execute("SELECT pid FROM job_launches WHERE NOT ended ORDER BY run DESC").fetchone()
        process = processes.identify(found[0]) if found else None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGSTOP)
                if processes.alive(process) and pipeline.states(hub.INGESTION)["RUNNING"]:
                    return uploads, process
        pipeline.until(lambda n=n: pipeline.states(hub.VIEWS) == {"SUCCEEDED": n}, "the views")
    raise AssertionError("every ingestion was over before it was looked at")


def _together(*calls: Callable[[], Any]) -> None:
    failures: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure


def _package(answer: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("m.py", f"def handler(event, context):\n    return {answer!r}\n")
    return packed.getvalue()
