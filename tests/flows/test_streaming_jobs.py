"""Streaming jobs as runs: they go on until they are stopped, and when killed they go on where they were."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Server

PATIENCE = 400.0
# More than any test kills.
RETRIES = 10
pytestmark = pytest.mark.timeout(2400)
BUCKET = "streaming"
# What a batch is goes to a place named after its number; every processing leaves traces of its own besides, before and
# after, and waits there as long as it is held.
SCRIPT = """
import sys, time, uuid
import boto3
from awsglue.context import GlueContext
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

options = getResolvedOptions(sys.argv, ["kind", "stream"])
glue = GlueContext(SparkContext.getOrCreate())
given = {"classification": "json", "inferSchema": "true"}
if options["kind"] == "kafka":
    servers, topic = options["stream"].split("/")
    given |= {"kafka.bootstrap.servers": servers, "topicName": topic, "startingOffsets": "earliest"}
    given |= {"maxOffsetsPerTrigger": "7"}
else:
    given |= {"streamARN": options["stream"], "startingPosition": "TRIM_HORIZON", "maxFetchRecordsPerShard": "4"}
frame = glue.create_data_frame.from_options(options["kind"], given)
s3 = boto3.client("s3")

def trace(what, batch_id):
    s3.put_object(Bucket="streaming", Key=f"{what}/{batch_id}/{uuid.uuid4().hex}")
    while s3.list_objects_v2(Bucket="streaming", Prefix=f"hold/{what}/{batch_id}/")["KeyCount"]:
        time.sleep(0.05)

def process(df, batch_id):
    trace("seen", batch_id)
    df.write.mode("overwrite").json(f"s3://streaming/out/{batch_id}/")
    trace("written", batch_id)

place = f"s3://streaming/checkpoint/{options['kind']}/"
glue.forEachBatch(frame, process, {"windowSize": "200 milliseconds", "checkpointLocation": place})
"""


class Streaming:
    """A bucket, a streaming job, and what its batches have left behind."""

    def __init__(
        self,
        server: Server,
        kind: str,
        stream: str,
        *,
        script: str = SCRIPT,
        version: str = "5.0",
        engine: str = "sail",
        **arguments: str,
    ) -> None:
        self.server, self.kind = server, kind
        self.glue = server.client("glue", retries={"total_max_attempts": 10})
        self.s3 = server.client("s3", retries={"total_max_attempts": 10})
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_object(Bucket=BUCKET, Key="job.py", Body=script.encode())
        self.glue.create_job(
            Name="stream",
            Role="r",
            Command={"Name": "gluestreaming", "ScriptLocation": f"s3://{BUCKET}/job.py"},
            GlueVersion=version,
            WorkerType="G.025X",
            NumberOfWorkers=2,
            MaxRetries=RETRIES,
            MaintenanceWindow="Sun:3",
            DefaultArguments={
                "--engine": engine,
                "--enable-metrics": "true",
                "--kind": kind,
                "--stream": stream,
                **{f"--{name}": value for name, value in arguments.items()},
            },
        )

    def hold(self, what: str, number: int) -> None:
        """Batches with this number wait there until they are released."""
        self.s3.put_object(Bucket=BUCKET, Key=f"hold/{what}/{number}/")

    def release(self, what: str, number: int) -> None:
        self.s3.delete_object(Bucket=BUCKET, Key=f"hold/{what}/{number}/")

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def committed(self) -> set[int]:
        return {int(key.rsplit("/", 1)[1]) for key in self.keys(f"checkpoint/{self.kind}/commits/")}

    def processed(self) -> Counter[int]:
        return Counter(int(key.split("/")[1]) for key in self.keys("seen/"))

    def rows(self) -> list[int]:
        """What the batches have written; a file that a batch done again is just replacing has none."""
        found = []
        for key in self.keys("out/"):
            if not key.endswith("_SUCCESS"):
                try:
                    body = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                except self.s3.exceptions.NoSuchKey:
                    continue
                found += [json.loads(line)["n"] for line in body.splitlines()]
        return sorted(found)

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.glue.get_job_runs(JobName="stream")["JobRuns"]
        return found

    def pid(self) -> int | None:
        """The process that runs now, from the server's own record of it."""
        (path,) = self.server.data_dir.glob("*.db")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as connection:
            row = connection.execute(
                "SELECT pid FROM job_launches WHERE NOT ended ORDER BY run DESC, number DESC"
            ).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def until(self, reached: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = reached()
            if found:
                return found
            states = [(one["JobRunState"], one.get("ErrorMessage")) for one in self.runs()]
            assert ("FAILED", None) not in states, states
            assert len(states) <= RETRIES, states
            time.sleep(0.1)
        log = self.server.log.read_text()[-3000:]
        raise AssertionError(f"{what} did not happen: {states}, rows {self.rows()}\n{log}")

    def kill(self) -> None:
        """kill -9 of the job, and wait until it is gone."""
        pid = self.until(self.pid, "a process")
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: self.pid() != pid, "its end")

    def stop(self) -> None:
        current = next(one for one in self.runs() if "CompletedOn" not in one)
        self.glue.batch_stop_job_run(JobName="stream", JobRunIds=[current["Id"]])
        self.until(lambda: self.runs()[0]["JobRunState"] == "STOPPED", "the stop")


def test_a_killed_stream_goes_on_with_the_batch_that_was_not_committed(own_server: Server) -> None:
    pytest.importorskip("confluent_kafka", reason="the broker comes with confluent-kafka: make setup-dev")
    from tests.kafka import broker, send

    # Killed before a batch has written anything, and after it has written all but is not committed.
    deaths = [("seen", 1), ("written", 2)]
    with broker() as address:
        job = Streaming(own_server, "kafka", f"{address}/events")
        for what, number in deaths:
            job.hold(what, number)
        send(address, "events", [json.dumps({"n": n}) for n in range(40)])
        job.glue.start_job_run(JobName="stream")
        for what, number in deaths:
            job.until(lambda what=what, number=number: job.keys(f"{what}/{number}/"), f"{what} {number}")
            job.kill()
            assert job.committed() == set(range(number))
            job.release(what, number)
        send(address, "events", [json.dumps({"n": n}) for n in range(40, 45)])
        job.until(lambda: job.rows() == list(range(45)), "all rows, once each")
        job.until(lambda: job.committed() == set(job.processed()), "the last commit")
        job.stop()
    assert job.rows() == list(range(45))
    again = {number for _, number in deaths}
    times = job.processed()
    assert times == {number: 2 if number in again else 1 for number in range(len(times))}
    assert [one["JobRunState"] for one in job.runs()].count("FAILED") == len(deaths)


def test_a_streaming_run(own_server: Server) -> None:
    """No timeout of its own, metrics, a stop, and another run that goes on; also when its server was killed."""
    kinesis = own_server.client("kinesis")
    kinesis.create_stream(StreamName="events", ShardCount=2)
    arn = kinesis.describe_stream_summary(StreamName="events")["StreamDescriptionSummary"]["StreamARN"]
    job = Streaming(own_server, "kinesis", arn)

    def put(first: int, last: int) -> None:
        entries = [{"Data": json.dumps({"n": n}), "PartitionKey": str(n)} for n in range(first, last)]
        assert kinesis.put_records(StreamName="events", Records=entries)["FailedRecordCount"] == 0

    put(0, 10)
    job.glue.start_job_run(JobName="stream")
    job.until(lambda: len(job.rows()) == 10, "ten rows")
    run = job.runs()[0]
    assert run["JobRunState"] == "RUNNING"
    assert "Timeout" not in run
    assert run["MaintenanceWindow"] == "Sun:3"
    watch = own_server.client("cloudwatch")
    names = ("glue.driver.streaming.numRecords", "glue.driver.streaming.batchProcessingTimeInMs")
    job.until(
        lambda: set(names) <= {one["MetricName"] for one in watch.list_metrics(Namespace="Glue")["Metrics"]},
        "metrics",
    )
    job.until(lambda: job.committed() == set(job.processed()), "the first commit")
    own_server.kill()
    own_server.restart()
    put(10, 16)
    job.until(lambda: len(job.rows()) == 16, "rows after the server came back")
    job.until(lambda: job.committed() == set(job.processed()), "the last commit")
    job.stop()
    put(16, 20)
    job.glue.start_job_run(JobName="stream")
    job.until(lambda: len(job.rows()) == 20, "rows of the next run")
    job.until(lambda: job.committed() == set(job.processed()), "the last commit")
    job.stop()
    assert job.rows() == list(range(20))
    assert set(job.processed().values()) == {1}


def test_a_visual_streaming_job(server: Server, name: str) -> None:
    """A Kinesis node, a mapping and a target: the generated script runs as it is."""
    kinesis, s3 = server.client("kinesis"), server.client("s3")
    glue = server.client("glue")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    s3.create_bucket(Bucket=name)
    for n in range(3):
        kinesis.put_record(StreamName=name, Data=json.dumps({"n": n, "x": "y"}), PartitionKey="k")
    glue.create_job(
        Name=name,
        Role="r",
        GlueVersion="5.0",
        Command={"Name": "gluestreaming", "ScriptLocation": f"s3://{name}/scripts/visual.py"},
        DefaultArguments={"--engine": "sail", "--TempDir": f"s3://{name}/tmp/"},
        CodeGenConfigurationNodes={
            "in": {
                "DirectKinesisSource": {
                    "Name": "Events",
                    "WindowSize": 1,
                    "DetectSchema": True,
                    "StreamingOptions": {
                        "StreamArn": arn,
                        "StartingPosition": "trim_horizon",
                        "Classification": "json",
                        "AddRecordTimestamp": "true",
                    },
                }
            },
            "typed": {
                "ApplyMapping": {
                    "Name": "Types",
                    "Inputs": ["in"],
                    "Mapping": [
                        {"FromPath": ["n"], "FromType": "long", "ToKey": "number", "ToType": "int"},
                    ],
                }
            },
            "out": {
                "S3DirectTarget": {
                    "Name": "Out",
                    "Inputs": ["typed"],
                    "Path": f"s3://{name}/out/",
                    "Format": "json",
                }
            },
        },
    )
    run = glue.start_job_run(JobName=name)["JobRunId"]
    try:
        assert _numbers(glue, s3, name, run) == [0, 1, 2]
    finally:
        glue.batch_stop_job_run(JobName=name, JobRunIds=[run])


def _numbers(glue: Any, s3: Any, name: str, run: str) -> list[int]:
    """What the visual job has written, once there are three rows."""
    deadline = time.monotonic() + PATIENCE
    rows: list[int] = []
    while len(rows) < 3:
        found = glue.get_job_run(JobName=name, RunId=run)["JobRun"]
        assert found["JobRunState"] in ("STARTING", "RUNNING"), found
        assert time.monotonic() < deadline
        listed = s3.list_objects_v2(Bucket=name, Prefix="out/").get("Contents", [])
        bodies = []
        for one in listed:
            with contextlib.suppress(s3.exceptions.NoSuchKey):  # a batch is just being written
                bodies.append(s3.get_object(Bucket=name, Key=one["Key"])["Body"].read())
        rows = sorted(json.loads(line)["number"] for body in bodies for line in body.splitlines())
        time.sleep(0.1)
    return rows
