"""What a run used and moved, as CloudWatch shows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.jobs import run

SCRIPT = """
import boto3, sys, time
bucket = sys.argv[sys.argv.index("--bucket") + 1]
s3 = boto3.client("s3")
for _ in range(3):
    s3.get_object(Bucket=bucket, Key="thousand")["Body"].read()
s3.get_object(Bucket=bucket, Key="thousand", Range="bytes=0-99")["Body"].read()
s3.put_object(Bucket=bucket, Key="out", Body=b"x" * 5000)
# Long enough to be looked at, whatever else the machine does: so much of the processor's time, not of the clock's.
began = time.time()
while "--enable-metrics" in sys.argv and (time.process_time() < 5 or time.time() < began + 2.5):
    pass
"""


def summed(server: Any, metric: str, statistic: str = "Sum", **dimensions: str) -> list[float]:
    """A metric's values of the last hour, once there is one."""
    cloudwatch, now = server.client("cloudwatch"), datetime.now(UTC)
    deadline = time.monotonic() + 180
    while True:
        points = cloudwatch.get_metric_statistics(
            Namespace="Glue", MetricName=metric, Statistics=[statistic], Period=3600,
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        )["Datapoints"]  # fmt: skip
        if points or time.monotonic() > deadline:
            return [point[statistic] for point in points]
        time.sleep(0.2)


def test_what_was_read_and_written(server: Any, glue: Any, name: str, make: Callable[..., str]) -> None:
    server.client("s3").put_object(Bucket=name, Key="thousand", Body=b"y" * 1000)
    job = make(SCRIPT)
    quiet = run(glue, job, Arguments={"--bucket": name})
    ended = run(glue, job, Arguments={"--bucket": name, "--enable-metrics": "true"})
    assert (quiet["JobRunState"], ended["JobRunState"]) == ("SUCCEEDED", "SUCCEEDED")

    def of(run_id: str, kind: str) -> dict[str, str]:
        return {"JobName": job, "JobRunId": run_id, "Type": kind}

    for one in (ended["Id"], "ALL"):  # the quiet run has left nothing
        assert sum(summed(server, "glue.ALL.s3.filesystem.read_bytes", **of(one, "gauge"))) == 3100
        assert sum(summed(server, "glue.driver.s3.filesystem.write_bytes", **of(one, "gauge"))) == 5000
        assert sum(summed(server, "glue.driver.aggregate.bytesRead", **of(one, "count"))) == 3100
    assert sum(summed(server, "glue.driver.aggregate.elapsedTime", **of(ended["Id"], "count"))) >= 2500
    # One value an hour, and two when an hour ends meanwhile.
    memory = summed(server, "glue.driver.jvm.heap.used", "Maximum", **of(ended["Id"], "gauge"))
    assert max(memory) > 10_000_000
    cpu = summed(server, "glue.driver.system.cpuSystemLoad", "Maximum", **of(ended["Id"], "gauge"))
    assert 0 < max(cpu) <= 1


def test_success_and_error_by_category(server: Any, glue: Any, make: Callable[..., str]) -> None:
    good = make("print(1)")
    bad = make("import nowhere_to_be_found", suffix="x", command="glueetl", GlueVersion="5.0")
    switch = {"--enable-observability-metrics": "true"}
    run(glue, good, Arguments=switch)
    run(glue, bad, Arguments=switch)
    more = {"JobRunId": "ALL", "ObservabilityGroup": "error", "Type": "count"}
    assert summed(server, "glue.succeed.ALL", JobName=good, **more) == [1.0]
    assert summed(server, "glue.error.ALL", JobName=good, **more) == [0.0]
    assert summed(server, "glue.error.ALL", JobName=bad, **more) == [1.0]
    assert summed(server, "glue.error.IMPORT_ERROR", JobName=bad, **more) == [1.0]


WRITES = """
import sys
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from pyspark.context import SparkContext

glue = GlueContext(SparkContext())
place = "s3://" + sys.argv[sys.argv.index("--bucket") + 1]
rows = glue.spark_session.range(90).selectExpr("id", "id % 3 as k")
rows.write.partitionBy("k").parquet(place + "/table")
rows.where("k = 0").write.mode("append").partitionBy("k").parquet(place + "/table")
frame = DynamicFrame.fromDF(rows.where("id < 7"), glue, "few")
glue.write_dynamic_frame.from_options(frame, "s3", {"path": place + "/lines"}, format="json")
"""


def test_rows_and_files_that_were_written(
    server: Any, glue: Any, name: str, make: Callable[..., str]
) -> None:
    job = make(WRITES, command="glueetl", GlueVersion="5.0")
    given = {"--bucket": name, "--engine": "sail"}
    for switch in ("--enable-metrics", "--enable-observability-metrics"):
        ended = run(glue, job, Arguments={**given, switch: "true"})
        assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
        if switch == "--enable-metrics":
            s3 = server.client("s3")
            for each in s3.list_objects_v2(Bucket=name)["Contents"]:
                if each["Key"].startswith(("table/", "lines/")):
                    s3.delete_object(Bucket=name, Key=each["Key"])
    of = {"JobName": job, "Type": "gauge", "ObservabilityGroup": "throughput"}
    listed = server.client("s3").list_objects_v2(Bucket=name)["Contents"]
    files = [one for one in listed if one["Key"].startswith(("table/k=", "lines/run-"))]
    assert len(files) == 5
    for run_id in (ended["Id"], "ALL"):  # the first run did not ask for them
        everywhere = of | {"JobRunId": run_id, "Sink": "ALL"}
        assert summed(server, "glue.driver.recordsWritten", **everywhere) == [127.0]
        assert summed(server, "glue.driver.filesWritten", **everywhere) == [5.0]
        assert summed(server, "glue.driver.bytesWritten", **everywhere) == [sum(one["Size"] for one in files)]
    here = of | {"JobRunId": ended["Id"]}
    assert summed(server, "glue.driver.recordsWritten", **here, Sink=f"s3://{name}/table") == [120.0]
    assert summed(server, "glue.driver.recordsWritten", **here, Sink=f"s3://{name}/lines") == [7.0]
