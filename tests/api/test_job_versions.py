"""GlueVersion decides which Spark a job has: 5.x that of 3.5, 6.0 that of 4.1, where a bad cast is an error."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.jobs import lines, run
from tests.api.test_job_metrics import summed
from tests.conftest import RUNTIMES

SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import ApplyMapping
from pyspark.context import SparkContext

glue = GlueContext(SparkContext())
spark = glue.spark_session
place = "s3://" + sys.argv[sys.argv.index("--bucket") + 1] + "/data/"
spark.range(1000).selectExpr("id", "id % 7 as k", "'x' as t").write.parquet(place)
frame = spark.read.parquet(place)
print(spark.version[:3], frame.groupBy("k").count().count())
try:
    print(frame.selectExpr("cast(t as int) as n").distinct().collect()[0].n)
except Exception as error:
    print(type(error).__name__, "CAST_INVALID_INPUT" in str(error))
# The casts of DynamicFrames are Glue's own, and make nulls.
mapped = ApplyMapping.apply(DynamicFrame.fromDF(frame.limit(1), glue, "f"), [("t", "string", "n", "int")])
print([row.n for row in mapped.toDF().collect()])
# Anybody on the machine may read the arguments of the JVM (where there is /proc).
import boto3, os
arguments = f"/proc/{spark._jvm.java.lang.ProcessHandle.current().pid()}/cmdline"
shown = open(arguments).read() if os.path.exists(arguments) else ""
print("shown", boto3.Session().get_credentials().secret_key in shown)
"""


@pytest.mark.skipif(shutil.which("java") is None, reason="Java is missing: Spark needs 17")
@pytest.mark.parametrize(
    ("version", "runtime", "said"),
    [("5.1", "spark-3.5", ["3.5 7", "None", "[None]", "shown False"]),
     ("6.0", "spark-4.1", ["4.1 7", "NumberFormatException True", "[None]", "shown False"])],
)  # fmt: skip
def test_spark_of_a_version(
    server: Any, glue: Any, name: str, make: Callable[..., str], version: str, runtime: str, said: list[str]
) -> None:
    if not (RUNTIMES / runtime).exists():
        pytest.skip(f"the runtime is missing: mastic runtime install {runtime}")
    job = make(SCRIPT, command="glueetl", GlueVersion=version)
    given = {"--bucket": name, "--enable-metrics": "true", "--enable-observability-metrics": "true"}
    if version == "5.1":
        given["--engine"] = "spark"
    ended = run(glue, job, seconds=600, Arguments=given)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert lines(server, "/aws-glue/jobs/output", ended["Id"]) == said
    assert ended["StateDetail"].startswith("engine: spark (")
    of = {"JobName": job, "JobRunId": ended["Id"], "Type": "count"}
    assert sum(summed(server, "glue.driver.aggregate.recordsRead", **of)) >= 2000
    for metric in ("numCompletedStages", "numCompletedTasks", "shuffleBytesWritten"):
        assert sum(summed(server, f"glue.driver.aggregate.{metric}", **of)) > 0
    sink = {"ObservabilityGroup": "throughput", "Sink": "ALL", "Type": "gauge"}
    assert summed(server, "glue.driver.recordsWritten", **(of | sink)) == [1000.0]
    assert summed(server, "glue.driver.bytesWritten", **(of | sink)) == [float(parquet_bytes(server, name))]


def parquet_bytes(server: Any, bucket: str) -> int:
    listed = server.client("s3").list_objects_v2(Bucket=bucket, Prefix="data/part-")["Contents"]
    return sum(one["Size"] for one in listed)


def test_the_embedded_engine_is_no_spark_4(server: Any, glue: Any, make: Callable[..., str]) -> None:
    ended = run(
        glue,
        make(SCRIPT, command="glueetl", GlueVersion="6.0"),
        Arguments={"--engine": "sail", "--bucket": "b"},
    )
    assert ended["JobRunState"] == "FAILED"
    assert "Glue 6.0 has the semantics of Spark 4.1" in ended["ErrorMessage"]
