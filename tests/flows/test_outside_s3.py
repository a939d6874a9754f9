"""A server whose objects are in an outside S3, for which a second server stands: jobs, functions, SQL."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from mastic.demo import deploy as hub
from mastic.executors.runtimes import Runtimes
from tests.conftest import RUNTIMES, Server
from tests.flows.patience import Patient
from tests.flows.test_main_path import PIPELINE

# One pair for all tests here, on one worker: servers and engines take long to start.
pytestmark = [pytest.mark.xdist_group("outside-s3"), pytest.mark.timeout(2400)]

# What the outside S3 tells comes through a queue: its events are the messages' bodies.
STARTER = """
import json, os, urllib.parse
import boto3

def handler(event, context):
    for message in event["Records"]:
        for record in json.loads(message["body"]).get("Records", []):
            key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
            boto3.client("s3").head_object(Bucket=record["s3"]["bucket"]["name"], Key=key)
            boto3.client("glue").start_job_run(
                JobName=os.environ["GLUE_JOB_NAME"],
                Arguments={"--input_path": f"s3://{record['s3']['bucket']['name']}/{key}"},
            )
"""
FIRST, SECOND = "20260101T000000", "20260102T000000"
COLUMNS = "series, report_date, rssd_id, institution, mdrm_code, item, amount_usd_thousands"
# S3 may send to the queue.
OPEN = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"},
    ],
}


class Outside(Patient):
    """The hub on a server whose S3 and SQS are another server's."""

    def __init__(self, server: Server, outside: Server) -> None:
        self.server = server
        self.client = functools.cache(
            lambda service: (outside if service in ("s3", "sqs") else server).client(service)
        )
        for step in hub.deploy(self.client, PIPELINE):
            if step.startswith("function"):
                break  # the outside S3 knows no functions of this server
        self.place = hub.place_of(self.client)

    def listen(self) -> None:
        """Uploads reach a function by way of a queue."""
        # Longer than the function may take, so that nothing comes twice.
        attributes = {"Policy": json.dumps(OPEN), "VisibilityTimeout": "600"}
        queue = self.client("sqs").create_queue(QueueName="uploads", Attributes=attributes)["QueueUrl"]
        arn = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        source = arn["Attributes"]["QueueArn"]
        created = {"Events": ["s3:ObjectCreated:*"], "QueueArn": source}
        self.client("s3").put_bucket_notification_configuration(
            Bucket=self.place.raw, NotificationConfiguration={"QueueConfigurations": [created]}
        )
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("m.py", STARTER)
        functions = self.client("lambda")
        functions.create_function(
            FunctionName="starter", Runtime="python3.12", Role="arn:aws:iam::123456789012:role/r", Timeout=120,
            Handler="m.handler", Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": {"GLUE_JOB_NAME": hub.INGESTION}},
        )  # fmt: skip
        functions.create_event_source_mapping(EventSourceArn=source, FunctionName="starter", BatchSize=1)

    def use(self, engine: str) -> None:
        """Both jobs on this engine."""
        glue = self.client("glue")
        for name in (hub.INGESTION, hub.VIEWS):
            job = glue.get_job(JobName=name)["Job"]
            kept = ("Role", "GlueVersion", "WorkerType", "NumberOfWorkers", "ExecutionProperty", "Command")
            arguments = {**job["DefaultArguments"], "--engine": engine}
            update = {**{member: job[member] for member in kept}, "DefaultArguments": arguments}
            glue.update_job(JobName=name, JobUpdate=update)

    def rows(self, ingest_ts: str) -> list[tuple[str | None, ...]]:
        """What one upload has become."""
        return self.answer(
            f"SELECT {COLUMNS} FROM collections_data_view WHERE ingest_ts = '{ingest_ts}' ORDER BY {COLUMNS}"
        )


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """(the server, the one that is its outside S3)."""
    place = tmp_path_factory.mktemp("outside")
    outside = Server(place / "outside").start()
    settings = place / "mastic.toml"
    settings.write_text(f'[endpoints]\ns3 = "{outside.endpoint}"\nsqs = "{outside.endpoint}"\n')
    keys = {"AWS_ACCESS_KEY_ID": "outside", "AWS_SECRET_ACCESS_KEY": "secret"}
    server = Server(place / "server", {"MASTIC_CONFIG": str(settings), **keys}).start()
    yield server, outside
    server.stop()
    outside.stop()


@pytest.fixture(scope="module")
def pipeline(servers: tuple[Server, Server]) -> Outside:
    """The hub, where uploads start it."""
    made = Outside(*servers)
    made.listen()
    return made


@pytest.fixture(scope="module")
def chain(pipeline: Outside) -> Outside:
    """The hub after one upload: outside S3's queue → function → job → trigger → views."""
    pipeline.upload(FIRST)
    pipeline.until(lambda: pipeline.states(hub.VIEWS) == {"SUCCEEDED": 1}, "the views")
    return pipeline


def test_calls_of_s3_are_told_where_to_go(servers: tuple[Server, Server]) -> None:
    server, outside = servers
    for call in ("list_buckets", "create_bucket"):
        with pytest.raises(ClientError) as raised:
            getattr(server.client("s3"), call)(**({"Bucket": "bkt"} if call == "create_bucket" else {}))
        error = raised.value.response["Error"]
        assert error["Code"] == "NotImplemented"
        assert f"AWS_ENDPOINT_URL_S3={outside.endpoint}" in error["Message"]


def test_the_chain(chain: Outside, servers: tuple[Server, Server]) -> None:
    """SQL shows what was uploaded, and all bytes are in the outside S3."""
    lines = (PIPELINE / "data" / "fr2052a.csv").read_text().count("\n") - 1
    counted = dict(chain.answer("SELECT ingest_ts, count(*) FROM collections_data_view GROUP BY ingest_ts"))
    assert counted.pop(FIRST) == str(lines)
    assert set(counted) <= {SECOND}
    assert not (servers[0].data_dir / "objects").exists()
    written = chain.client("s3").list_objects_v2(Bucket=chain.place.iceberg)["Contents"]
    assert any(item["Key"].endswith(".metadata.json") for item in written)


@pytest.mark.skipif(
    Runtimes(RUNTIMES).interpreter("spark-3.5") is None, reason="the runtime spark-3.5 is not installed"
)
def test_both_engines_make_the_same_rows(chain: Outside) -> None:
    """The hub's scripts, unchanged, on Apache Spark; the Iceberg table is the one that the embedded engine made."""
    chain.use("spark")
    chain.upload(SECOND)
    chain.until(lambda: chain.states(hub.VIEWS) == {"SUCCEEDED": 2}, "the views on Spark")
    for job in (hub.INGESTION, hub.VIEWS):
        engines = [run["StateDetail"].split()[1] for run in chain.runs(job)]
        assert engines == ["spark", "sail"]
    embedded, spark = chain.rows(FIRST), chain.rows(SECOND)
    assert len(embedded) > 50
    assert embedded == spark


REFUSED = """
import sys
from awsglue.context import GlueContext
from pyspark.context import SparkContext
spark = GlueContext(SparkContext.getOrCreate()).spark_session
print("begun")
rows = spark.sql("SELECT transform_keys(map('a', 1), (k, v) -> upper(k)) AS m")
rows.write.mode("append").json("s3://{bucket}/refused")
print("written")
"""


@pytest.mark.skipif(
    Runtimes(RUNTIMES).interpreter("spark-3.5") is None, reason="the runtime spark-3.5 is not installed"
)
def test_a_refused_plan_goes_to_spark_before_anything_is_written(pipeline: Outside, tmp_path: Path) -> None:
    s3, glue, bucket = pipeline.client("s3"), pipeline.client("glue"), pipeline.place.scripts
    s3.put_object(Bucket=bucket, Key="refused.py", Body=REFUSED.format(bucket=bucket).encode())
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/refused.py"}
    glue.create_job(Name="refused", Role="r", GlueVersion="5.0", Command=command)
    id = glue.start_job_run(JobName="refused")["JobRunId"]
    pipeline.until(lambda: "CompletedOn" in pipeline.runs("refused")[0], "the run's end")
    [run] = pipeline.runs("refused")
    assert (run["Id"], run["JobRunState"]) == (id, "SUCCEEDED"), run.get("ErrorMessage")
    assert run["StateDetail"].startswith("engine: spark")
    assert "transform_keys" in run["StateDetail"]
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix="refused/")["Contents"]]
    texts = [s3.get_object(Bucket=bucket, Key=k)["Body"].read() for k in keys if k.endswith(".json")]
    assert texts == [b'{"m":{"A":1}}\n']
    logs = pipeline.client("logs").filter_log_events(
        logGroupName="/aws-glue/jobs/output", logStreamNames=[id]
    )
    assert [event["message"].strip() for event in logs["events"]] == ["begun", "begun", "written"]
