"""Jobs on a Spark Connect server outside: a real one, made of the runtime's own jars."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.jobs import lines, run
from tests.conftest import RUNTIMES, Server
from tests.ports import free_port

RUNTIME = RUNTIMES / "spark-4.1"
pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("MASTIC_TEST_ALL"), reason="a JVM of its own, and minutes: MASTIC_TEST_ALL=1"
    ),
    pytest.mark.skipif(
        not RUNTIME.exists(), reason="the runtime is missing: mastic runtime install spark-4.1"
    ),
    pytest.mark.skipif(shutil.which("java") is None, reason="Java is missing: Spark needs 17"),
    pytest.mark.timeout(2400),
]
PATIENCE = 600.0

SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.transforms import ApplyMapping, Map
from awsglue.utils import getResolvedOptions
from delta.tables import DeltaTable
from pyspark import SparkConf
from pyspark.context import SparkContext
from pyspark.sql import SparkSession, SQLContext, functions as fn
from own import MARK

options = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket"])
bucket = options["bucket"]
sc = SparkContext(conf=SparkConf().set("spark.sql.session.timeZone", "Asia/Tokyo"), appName="mine")
glue = GlueContext(sc)
spark = glue.spark_session
job = Job(glue)
job.init(options["JOB_NAME"], options)
sc._jsc.hadoopConfiguration().set("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
print("master", sc.master, spark.version, type(spark).__module__)
print("conf", spark.conf.get("spark.sql.session.timeZone"), sc.appName, SparkSession(sc) is spark)
later = SparkConf().set("spark.sql.catalog.none", "org.none.Catalog").set("spark.sql.session.timeZone", "UTC")
SparkContext(conf=later)
print("conf", spark.conf.get("spark.sql.session.timeZone"), sc.appName, SQLContext(sc).sql("SELECT 1").count())
print("rdd", sc.parallelize([1, 2, 3]).map(lambda n: n + 1).sum())
print("json", spark.read.json(sc.parallelize(['{"a": 1,\\r\\n "b": 2}'])).collect())

again = SparkSession.builder.appName("again").master("local[*]").config("spark.sql.shuffle.partitions", 3)
again = again.getOrCreate()
print("same", again is spark, spark.conf.get("spark.sql.shuffle.partitions"))

def double(record):
    import own
    record["n"] = record["n"] * 2
    record["mark"] = own.MARK
    return record

source = glue.create_dynamic_frame.from_catalog(
    database="connect", table_name="numbers", transformation_ctx="source")
doubled = Map.apply(frame=source, f=double)
sink = glue.getSink("s3", path=f"s3://{bucket}/out/", enableUpdateCatalog=True, partitionKeys=["part"])
sink.setCatalogInfo(catalogDatabase="connect", catalogTableName="doubled")
sink.setFormat("glueparquet")
sink.writeFrame(doubled)
table = spark.table("connect.doubled")
table.createOrReplaceTempView("seen")
print("sum", spark.sql("SELECT sum(n) AS s, max(mark) AS m, count(DISTINCT part) AS p FROM seen").collect())
sums = spark.sql("SELECT part, sum(n) AS n FROM connect.doubled GROUP BY part")
sums.write.mode("overwrite").saveAsTable("connect.sums")
print("saved", spark.sql("SELECT n FROM connect.sums ORDER BY part").collect())
table.write.mode("overwrite").csv(f"s3://{bucket}/csv/", header=True)
print("csv", spark.read.option("header", True).csv(f"s3://{bucket}/csv/").count())
spark.sql("CREATE TABLE glue_catalog.connect.ice (n bigint) USING iceberg")
spark.sql("INSERT INTO glue_catalog.connect.ice SELECT n FROM connect.sums")
print("iceberg", spark.sql("SELECT count(*) AS c FROM glue_catalog.connect.ice").collect())
place = f"s3://{bucket}/delta/"
sums.write.format("delta").save(place)
raised = sums.selectExpr("part", "n + 1 AS n").alias("s")
DeltaTable.forPath(spark, place).alias("t").merge(raised, "t.part = s.part").whenMatchedUpdateAll().execute()
print("delta", spark.read.format("delta").load(place).selectExpr("sum(n) AS n").collect())
job.commit()

@fn.udf("int")
def broken(n):
    if n == 7:
        raise ValueError("no seven")

spark.range(10).select(broken("id")).collect()
"""
WITH_JAVA = "from pyspark.context import SparkContext\nprint('before')\nSparkContext()._jvm.java.lang.System.exit(1)\n"


class ConnectServer:
    """A Connect server on this machine."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "connect.log"
        port = free_port()
        packages = next(RUNTIME.glob("lib/python*/site-packages"))
        jars = [
            *packages.glob("sagemaker_pyspark/jars/hadoop-aws-*.jar"),
            *packages.glob("sagemaker_pyspark/jars/aws-java-sdk-bundle-*.jar"),
        ]
        settings = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(port),
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [packages / "pyspark" / "bin" / "spark-submit", "--master", "local[2]", "--driver-memory", "1g",
                 "--jars", ",".join(map(str, jars)),
                 *(part for key, value in settings.items() for part in ("--conf", f"{key}={value}")),
                 "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"],
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8",
                     "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(RUNTIME / "bin" / "python")},
                stdout=output, stderr=output, cwd=folder,
            )  # fmt: skip
        self.address = f"sc://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"the server does not start:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=180)


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[ConnectServer]:
    made = ConnectServer(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def server(connect: ConnectServer, tmp_path: Path) -> Iterator[Server]:
    # What stands behind the address may be a secret: nobody is shown it.
    env = {
        "MASTIC_SPARK_4_MASTER": f"{connect.address}/;user_id=someone",
        "MASTIC_RUNS_DIR": str(tmp_path / "runs"),
    }
    running = Server(tmp_path / "data", env).start()
    yield running
    running.stop()


def test_a_job_on_a_connect_server(server: Server, connect: ConnectServer) -> None:
    s3, glue = server.client("s3"), server.client("glue")
    s3.create_bucket(Bucket="connect")
    s3.put_object(Bucket="connect", Key="job.py", Body=SCRIPT.encode())
    s3.put_object(Bucket="connect", Key="java.py", Body=WITH_JAVA.encode())
    s3.put_object(Bucket="connect", Key="own.py", Body=b"MARK = 'brought along'\n")
    for part in range(3):
        s3.put_object(
            Bucket="connect",
            Key=f"in/part={part}/data.json",
            Body=b"".join(b'{"n": %d}\n' % n for n in range(10)),
        )
    glue.create_database(DatabaseInput={"Name": "connect", "LocationUri": "s3://connect/warehouse/"})
    columns = [{"Name": "n", "Type": "bigint"}]
    serde = {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}
    glue.create_table(
        DatabaseName="connect",
        TableInput={
            "Name": "numbers",
            "StorageDescriptor": {"Columns": columns, "Location": "s3://connect/in/", "SerdeInfo": serde},
            "PartitionKeys": [{"Name": "part", "Type": "string"}],
            "Parameters": {"classification": "json"},
        },
    )
    glue.batch_create_partition(
        DatabaseName="connect",
        TableName="numbers",
        PartitionInputList=[
            {
                "Values": [str(part)],
                "StorageDescriptor": {
                    "Columns": columns,
                    "Location": f"s3://connect/in/part={part}/",
                    "SerdeInfo": serde,
                },
            }
            for part in range(3)
        ],
    )
    definition: dict[str, Any] = {
        "Role": "r", "GlueVersion": "6.0", "WorkerType": "G.1X", "NumberOfWorkers": 2,
        "DefaultArguments": {
            "--bucket": "connect", "--extra-py-files": "s3://connect/own.py", "--datalake-formats": "iceberg",
            "--job-bookmark-option": "job-bookmark-enable", "--conf": "spark.executor.memory=1g",
        },
    }  # fmt: skip
    command = {"Name": "glueetl", "ScriptLocation": "s3://connect/job.py"}
    glue.create_job(Name="j", Command=command, **definition)
    ended = run(glue, "j", seconds=PATIENCE)
    assert "ValueError: no seven" in ended.get("ErrorMessage", ""), ended
    said = lines(server, "/aws-glue/jobs/output", ended["Id"])
    assert re.fullmatch(rf"master {connect.address} 4\.1\.\d+ pyspark\.sql\.connect\.session", said[0]), said
    assert said[1:] == [
        "conf Asia/Tokyo mine True",
        "conf UTC mine 1",
        "rdd 9",
        "json [Row(a=1, b=2)]",
        "same True 3",
        "sum [Row(s=270, m='brought along', p=3)]",
        "saved [Row(n=90), Row(n=90), Row(n=90)]",
        "csv 30",
        "iceberg [Row(c=3)]",
        "delta [Row(n=273)]",
    ], (ended, said)
    assert ended["JobRunState"] == "FAILED"
    assert ended["StateDetail"].endswith(f"; on {connect.address})"), ended["StateDetail"]
    errors = "\n".join(lines(server, "/aws-glue/jobs/error", ended["Id"]))
    assert "are the Spark Connect server's own and stay as they are: spark.executor.memory" in errors
    # Those files were committed: a second run finds nothing to double, and so nothing new in the table.
    again = run(glue, "j", seconds=PATIENCE)
    assert "sum [Row(s=270, m='brought along', p=3)]" in lines(server, "/aws-glue/jobs/output", again["Id"])
    # The server has been left: no session of these runs is kept.
    log = connect.log.read_text()
    opened = set(re.findall(r"userId: someone and sessionId: ([0-9a-f-]{36})", log))
    closed = set(re.findall(r"Closing session with userId: someone and sessionId: ([0-9a-f-]{36})", log))
    assert opened
    assert opened == closed
    # What only a JVM in the run's own process could do is refused before anything is done.
    java = {**command, "ScriptLocation": "s3://connect/java.py"}
    glue.create_job(Name="java", Command=java, **definition)
    refused = run(glue, "java", seconds=PATIENCE)
    assert refused["JobRunState"] == "FAILED"
    assert "_jvm is not served" in refused["ErrorMessage"]
    assert "Spark Connect" in refused["ErrorMessage"]
    with pytest.raises(ClientError, match="log stream does not exist"):
        lines(server, "/aws-glue/jobs/output", refused["Id"])
    connect.stop()
    lost = run(glue, "j", seconds=PATIENCE)
    assert f"The Spark cluster {connect.address} cannot be reached" in lost["ErrorMessage"]
