"""Streaming jobs on Apache Spark, 3.5 and 4.1: killed anywhere within a batch, nothing is lost and nothing doubled.

A run of a JVM is half a minute, and here are many: these tests run when they are asked for.
"""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import psutil
import pytest

from tests.conftest import RUNTIMES, Server
from tests.flows.test_streaming_jobs import BUCKET, PATIENCE, Streaming

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("MASTIC_TEST_ALL"), reason="minutes of Apache Spark: MASTIC_TEST_ALL=1"
    ),
    pytest.mark.timeout(3600),
]

# A batch writes its part of three places anew: files, an Iceberg table, a table whose partitions the sink tells.
SCRIPT = """
import sys, time, uuid
import boto3
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as fn

options = getResolvedOptions(sys.argv, ["kind", "stream"])
glue = GlueContext(SparkContext.getOrCreate())
spark = glue.spark_session
print("version", spark.version)
frame = glue.create_data_frame.from_options("kinesis", {
    "streamARN": options["stream"], "startingPosition": "TRIM_HORIZON", "maxFetchRecordsPerShard": "4",
    "classification": "json", "inferSchema": "true"})
spark.sql("create database if not exists events_db location 's3://streaming/db/'")
spark.sql("create table if not exists glue_catalog.events_db.ice (n int, doubled int, batch int) using iceberg "
          "partitioned by (batch) location 's3://streaming/ice/'")

def held(what, batch_id):
    s3 = boto3.client("s3")
    s3.put_object(Bucket="streaming", Key=f"{what}/{batch_id}/{uuid.uuid4().hex}")
    while s3.list_objects_v2(Bucket="streaming", Prefix=f"hold/{what}/{batch_id}/")["KeyCount"]:
        time.sleep(0.05)

@fn.udf("int")
def doubled(n, batch_id):
    # In a worker of Spark's, in the middle of a write.
    if n is not None and boto3.client("s3").list_objects_v2(
            Bucket="streaming", Prefix=f"hold/during/{batch_id}/")["KeyCount"]:
        held("during", batch_id)
    return 2 * n

def process(df, batch_id):
    held("seen", batch_id)
    made = df.select(fn.col("n").cast("int").alias("n"), fn.lit(batch_id).alias("batch"))
    made = made.select("n", doubled("n", "batch").alias("doubled"), "batch")
    made.write.mode("overwrite").json(f"s3://streaming/out/{batch_id}/")
    held("files", batch_id)
    made.writeTo("glue_catalog.events_db.ice").overwritePartitions()
    held("table", batch_id)
    glue.purge_s3_path(f"s3://streaming/plain/batch={batch_id}/", {"retentionPeriod": 0})
    sink = glue.getSink(connection_type="s3", path="s3://streaming/plain/", enableUpdateCatalog=True,
                        updateBehavior="UPDATE_IN_DATABASE", partitionKeys=["batch"])
    sink.setCatalogInfo(catalogDatabase="events_db", catalogTableName="plain")
    sink.setFormat("glueparquet")
    sink.writeFrame(DynamicFrame.fromDF(made, glue, "made"))
    held("written", batch_id)

glue.forEachBatch(frame, process, {"windowSize": "200 milliseconds",
                                   "checkpointLocation": "s3://streaming/checkpoint/kinesis/"})
"""
# A stream of Spark's own, with a checkpoint of Spark's own.
FILES = """
import sys, time, uuid
import boto3
from awsglue.context import GlueContext
from pyspark.context import SparkContext

glue = GlueContext(SparkContext.getOrCreate())
frame = glue.spark_session.readStream.schema("n int").option("maxFilesPerTrigger", 2).json("s3://streaming/in/")
s3 = boto3.client("s3")

def held(what, batch_id):
    s3.put_object(Bucket="streaming", Key=f"{what}/{batch_id}/{uuid.uuid4().hex}")
    while s3.list_objects_v2(Bucket="streaming", Prefix=f"hold/{what}/{batch_id}/")["KeyCount"]:
        time.sleep(0.05)

def process(df, batch_id):
    held("seen", batch_id)
    df.write.mode("overwrite").json(f"s3://streaming/out/{batch_id}/")
    held("written", batch_id)

glue.forEachBatch(frame, process, {"windowSize": "200 milliseconds",
                                   "checkpointLocation": "s3://streaming/checkpoint/files/"})
"""
CATALOG = "spark.sql.catalog.glue_catalog"
DEATHS = ("seen", "during", "files", "table", "written")


class Events(Streaming):
    """Such a job over a stream of its own, and what a query says of its tables."""

    def __init__(self, server: Server, version: str, engine: str) -> None:
        self.kinesis = server.client("kinesis")
        self.kinesis.create_stream(StreamName="events", ShardCount=2)
        found = self.kinesis.describe_stream_summary(StreamName="events")["StreamDescriptionSummary"]
        super().__init__(
            server,
            "kinesis",
            found["StreamARN"],
            script=SCRIPT,
            version=version,
            engine=engine,
            conf=f"{CATALOG}=org.apache.iceberg.spark.SparkCatalog "
            f"--conf {CATALOG}.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
        )

    def put(self, first: int, last: int) -> None:
        entries = [{"Data": json.dumps({"n": n}), "PartitionKey": str(n)} for n in range(first, last)]
        assert self.kinesis.put_records(StreamName="events", Records=entries)["FailedRecordCount"] == 0

    def machine(self) -> psutil.Process:
        """The JVM of the run that is under way."""
        driver = psutil.Process(self.until(self.pid, "a process"))
        (java,) = [one for one in driver.children(recursive=True) if one.name() == "java"]
        return java

    def told(self, table: str) -> list[str]:
        """Rows, different numbers, the sum of what was made of them: what Athena says of a table."""
        athena = self.server.client("athena")
        query = athena.start_query_execution(
            QueryString=f"select count(*), count(distinct n), sum(doubled) from events_db.{table}",
            ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/answers/"},
        )["QueryExecutionId"]

        def status() -> dict[str, Any]:
            found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            return found["Status"]

        self.until(lambda: status()["State"] not in ("QUEUED", "RUNNING"), "the query's end")
        assert status()["State"] == "SUCCEEDED", status()
        row = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"][1]["Data"]
        return [cell["VarCharValue"] for cell in row]

    def complete(self, count: int) -> None:
        """Every number once, in all three places."""
        self.until(lambda: self.rows() == list(range(count)), "all rows, once each")
        self.until(lambda: self.committed() == set(self.processed()), "the last commit")
        wanted = [str(count), str(count), str(count * (count - 1))]
        assert {name: self.told(name) for name in ("ice", "plain")} == {"ice": wanted, "plain": wanted}


class Files(Streaming):
    """A job over files that appear, with Spark's own checkpoint."""

    def committed(self) -> set[int]:
        names = (key.rsplit("/", 1)[1] for key in self.keys(f"checkpoint/{self.kind}/commits/"))
        return {int(name) for name in names if name.isdigit()}

    def put(self, first: int, last: int) -> None:
        for n in range(first, last):
            self.s3.put_object(Bucket=BUCKET, Key=f"in/{n}.json", Body=json.dumps({"n": n}).encode())


@pytest.fixture(params=[("5.0", "spark-3.5"), ("6.0", "spark-4.1")], ids=["5.0", "6.0"])
def version(request: pytest.FixtureRequest) -> str:
    """A GlueVersion whose Spark is installed."""
    glue_version, runtime = request.param
    if not (RUNTIMES / runtime).exists():
        pytest.skip(f"the runtime is missing: mastic runtime install {runtime}")
    return str(glue_version)


def test_killed_within_a_batch(own_server: Server, version: str) -> None:
    """kill -9 of the driver at each of a batch's steps, of the JVM alone, and of the server."""
    job = Events(own_server, version, "spark")
    places = [(what, number) for number, what in enumerate(DEATHS)]
    for what, number in [*places, ("files", 5)]:
        job.hold(what, number)
    job.put(0, 60)
    job.glue.start_job_run(JobName="stream")
    for what, number in places:
        job.until(lambda what=what, number=number: job.keys(f"{what}/{number}/"), f"{what} {number}")
        java = job.machine()
        job.kill()
        psutil.wait_procs([java], timeout=PATIENCE)
        assert not java.is_running()
        assert job.committed() == set(range(number))
        job.release(what, number)
    job.until(lambda: job.keys("files/5/"), "files 5")
    driver = job.pid()
    os.kill(job.machine().pid, signal.SIGKILL)
    job.release("files", 5)
    job.until(lambda: job.pid() not in (driver, None), "another run")
    assert [one["JobRunState"] for one in job.runs()].count("FAILED") == len(DEATHS) + 1
    assert "Apache Spark's JVM was killed by signal 9" in str(job.runs()[1]["ErrorMessage"])
    job.complete(60)
    job.server.kill()
    job.server.restart()
    job.put(60, 64)
    job.complete(64)
    job.stop()
    times = job.processed()
    assert {number: times[number] for number in range(5)} == dict.fromkeys(range(5), 2)
    assert times[5] >= 2
    assert {times[number] for number in times if number > 5} == {1}


def test_files_that_appear(own_server: Server, version: str) -> None:
    job = Files(own_server, "files", "-", script=FILES, version=version, engine="spark")
    deaths = [("seen", 1), ("written", 2)]
    for what, number in deaths:
        job.hold(what, number)
    job.put(0, 12)
    job.glue.start_job_run(JobName="stream")
    for what, number in deaths:
        job.until(lambda what=what, number=number: job.keys(f"{what}/{number}/"), f"{what} {number}")
        job.kill()
        assert job.committed() == set(range(number))
        job.release(what, number)
    job.put(12, 14)
    job.until(lambda: job.rows() == list(range(14)), "all rows, once each")
    job.until(lambda: job.committed() == set(job.processed()), "the last commit")
    job.stop()
    assert job.rows() == list(range(14))
    assert all(times == (2 if number in (1, 2) else 1) for number, times in job.processed().items())
