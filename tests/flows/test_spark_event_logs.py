"""Spark's event logs of job runs, where the runs want them."""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import Any

import pytest

from tests.api.jobs import lines, run
from tests.conftest import RUNTIMES, Server

RUNTIME = RUNTIMES / "spark-3.5"
PATIENCE = 600.0
on_spark = pytest.mark.skipif(
    not RUNTIME.exists() or shutil.which("java") is None,
    reason="Apache Spark is missing: mastic runtime install spark-3.5 (needs Java 17)",
)
# It asks for no session, and works to its very end.
SCRIPT = b"""
import atexit
from pyspark.context import SparkContext
sc = SparkContext()
print("rows", sc.parallelize(range(1000), 3).count())
atexit.register(lambda: print("at exit", sc.parallelize(range(7), 1).count()))
"""
# By then the log has more in it than the first kilobytes that are held back.
SLEEPING = SCRIPT + b"print('asleep')\nimport time\ntime.sleep(3000)\n"


def _logs(server: Server, bucket: str, prefix: str) -> dict[str, list[dict[str, Any]]]:
    s3 = server.client("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    out = {}
    for item in found:
        text = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode()
        whole = [line for line in text.split("\n")[:-1] if line]  # a killed JVM leaves half a line
        out[item["Key"].removeprefix(prefix)] = [json.loads(line) for line in whole]
    return out


def _said(server: Server, run_id: str) -> list[str]:
    try:
        return lines(server, "/aws-glue/jobs/output", run_id)
    except server.client("logs").exceptions.ResourceNotFoundException:
        return []  # nothing yet


def _job(server: Server, name: str, script: bytes, **arguments: str) -> Any:
    s3, glue = server.client("s3"), server.client("glue")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="job.py", Body=script)
    glue.create_job(
        Name=name, Role="r", GlueVersion="5.0",
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{name}/job.py"},
        DefaultArguments={"--spark-event-logs-path": f"s3://{name}/ui/", **arguments},
    )  # fmt: skip
    return glue


@on_spark
@pytest.mark.timeout(2400)
def test_a_run_s_event_log_is_stored(server: Server, name: str) -> None:
    both = {"--enable-spark-ui": "true", "--enable-spark-ui-legacy-path": "true", "--engine": "spark"}
    glue = _job(server, name, SCRIPT, **both)
    ended = run(glue, name, seconds=PATIENCE)
    assert ended["JobRunState"] == "SUCCEEDED", ended
    assert lines(server, "/aws-glue/jobs/output", ended["Id"]) == ["rows 1000", "at exit 7"]
    own = _logs(server, name, f"ui/{ended['Id']}/")
    ((file, events),) = own.items()
    assert file.removeprefix("spark-application-").isdigit(), file
    kinds = [event["Event"] for event in events]
    assert kinds[0] == "SparkListenerLogStart"
    assert kinds.count("SparkListenerTaskEnd") == 4
    assert kinds[-1] == "SparkListenerApplicationEnd"
    assert _logs(server, name, "ui/spark-application-") == {file.removeprefix("spark-application-"): events}


@pytest.mark.skipif(not os.environ.get("MASTIC_TEST_ALL"), reason="one JVM more: MASTIC_TEST_ALL=1")
@on_spark
@pytest.mark.timeout(2400)
def test_the_log_of_a_run_that_is_stopped_goes_as_far_as_it_was_written(server: Server, name: str) -> None:
    glue = _job(server, name, SLEEPING, **{"--enable-spark-ui": "true", "--engine": "spark"})
    run_id = glue.start_job_run(JobName=name)["JobRunId"]
    deadline = time.monotonic() + PATIENCE
    while "asleep" not in _said(server, run_id):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
    while glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]["JobRunState"] != "STOPPED":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    ((file, events),) = _logs(server, name, f"ui/{run_id}/").items()
    assert file.removeprefix("spark-application-").removesuffix(".inprogress").isdigit(), file
    kinds = [event["Event"] for event in events]
    assert kinds[0] == "SparkListenerLogStart"
    assert "SparkListenerJobEnd" in kinds


def test_the_embedded_engine_says_that_it_has_no_event_log(server: Server, name: str) -> None:
    glue = _job(server, name, b"print('done')\n", **{"--enable-spark-ui": "true", "--engine": "sail"})
    ended = run(glue, name, seconds=PATIENCE)
    assert ended["JobRunState"] == "SUCCEEDED", ended
    said = lines(server, "/aws-glue/jobs/error", ended["Id"])
    assert [line for line in said if "--enable-spark-ui has no effect: event logs are Apache Spark's" in line]
    assert _logs(server, name, "ui/") == {}
