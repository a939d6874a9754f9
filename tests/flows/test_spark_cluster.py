"""Jobs on a Spark cluster outside: a real standalone master and worker, made of the runtime's own jars."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.jobs import lines, run
from tests.conftest import RUNTIMES, Server

RUNTIME = RUNTIMES / "spark-3.5"
pytestmark = [
    pytest.mark.skipif(
        not RUNTIME.exists(), reason="the runtime is missing: mastic runtime install spark-3.5"
    ),
    pytest.mark.skipif(shutil.which("java") is None, reason="Java is missing: Spark needs 17"),
    pytest.mark.timeout(2400),
]
PATIENCE = 600.0

SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.transforms import Map
from pyspark.context import SparkContext
from pyspark.sql import functions as fn
from own import MARK

sc = SparkContext()
glue = GlueContext(sc)
bucket = sys.argv[sys.argv.index("--bucket") + 1]
print("master", sc.master)

def where(_):
    import os
    import boto3
    import own
    from awsglue import gluetypes
    boto3.client("s3").list_objects_v2(Bucket=bucket)
    return "SPARK_EXECUTOR_DIRS" in os.environ, own.MARK, gluetypes.LongType.__name__

print("there", sc.parallelize(range(2), 2).map(where).collect())
print("executors", sc._jsc.sc().getExecutorMemoryStatus().size() - 1)

def double(record):
    record["n"] = record["n"] * 2
    return record

source = glue.create_dynamic_frame.from_options("s3", {"paths": [f"s3://{bucket}/in/"]}, format="json")
doubled = Map.apply(frame=source, f=double)
glue.write_dynamic_frame.from_options(
    doubled, "s3", {"path": f"s3://{bucket}/out/"}, format="parquet")
print("sum", glue.spark_session.read.parquet(f"s3://{bucket}/out/").agg(fn.sum("n")).collect()[0][0])

@fn.udf("int")
def broken(n):
    if n == 7:
        raise ValueError("no seven")

glue.spark_session.range(10).select(broken("id")).collect()
"""


class Cluster:
    """A master and a worker on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.home = next(RUNTIME.glob("lib/python*/site-packages/pyspark"))
        self.address = self._daemon("master", "master.Master", said=r"Starting Spark master at (spark://\S+)")
        options = ["--cores", "2", "--memory", "2g", "--work-dir", str(folder / "work"), self.address]
        self._daemon("worker", "worker.Worker", *options, said=r"Successfully registered with master (\S+)")

    def _daemon(self, name: str, kind: str, *arguments: str, said: str) -> str:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self.home / "bin" / "spark-class", f"org.apache.spark.deploy.{kind}",
                 "--host", "127.0.0.1", "--port", "0", "--webui-port", "0", *arguments],
                env={"PATH": os.environ["PATH"], "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "512m"},
                stdout=output, stderr=output, cwd=self.folder,
            )  # fmt: skip
        self.processes.append(process)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            if found := re.search(said, log.read_text()):
                return found[1]
            time.sleep(0.1)
        raise RuntimeError(f"the {name} does not start:\n{log.read_text()[-4000:]}")

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            process.wait(timeout=180)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def server(cluster: Cluster, tmp_path: Path) -> Iterator[Server]:
    env = {"MASTIC_SPARK_MASTER": cluster.address, "MASTIC_RUNS_DIR": str(tmp_path / "runs")}
    running = Server(tmp_path / "data", env).start()
    yield running
    running.stop()


def test_a_job_on_a_standalone_cluster(server: Server, cluster: Cluster) -> None:
    s3, glue = server.client("s3"), server.client("glue")
    s3.create_bucket(Bucket="cluster")
    s3.put_object(Bucket="cluster", Key="job.py", Body=SCRIPT.encode())
    s3.put_object(Bucket="cluster", Key="own.py", Body=b"MARK = 'brought along'\n")
    for part in range(3):
        s3.put_object(
            Bucket="cluster", Key=f"in/{part}.json", Body=b"".join(b'{"n": %d}\n' % n for n in range(10))
        )
    definition: dict[str, Any] = {
        "Role": "r", "GlueVersion": "5.0", "WorkerType": "G.1X", "NumberOfWorkers": 2,
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://cluster/job.py"},
        "DefaultArguments": {"--engine": "spark", "--bucket": "cluster", "--extra-py-files": "s3://cluster/own.py"},
    }  # fmt: skip
    glue.create_job(Name="j", **definition)
    ended = run(glue, "j", seconds=PATIENCE)
    assert "ValueError: no seven" in ended["ErrorMessage"], ended["ErrorMessage"]
    said = lines(server, "/aws-glue/jobs/output", ended["Id"])
    assert said == [
        f"master {cluster.address}",
        "there [(True, 'brought along', 'LongType'), (True, 'brought along', 'LongType')]",
        "executors 1",
        "sum 270",
    ], (ended, said)
    # What fails on an executor fails the run, in its own words.
    assert ended["JobRunState"] == "FAILED"
    assert ended["StateDetail"] == f"engine: spark (--engine spark was asked for; on {cluster.address})"
    cluster.stop()
    lost = run(glue, "j", seconds=PATIENCE)
    assert lost["JobRunState"] == "FAILED"
    assert f"The Spark cluster {cluster.address} cannot be reached" in lost["ErrorMessage"]
