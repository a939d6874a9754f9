"""What surrounds a run: notifications, security configurations, connections, usage profiles, insights."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.jobs import finished, lines, refusal, run

OUTPUT = "/aws-glue/python-jobs/output"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1111"


# -- security configurations -----------------------------------------------------------------------


def secured(glue: Any, name: str, **configuration: Any) -> str:
    glue.create_security_configuration(Name=name, EncryptionConfiguration=configuration)
    return name


CATALOG = "spark.sql.catalog.glue_catalog"
ICEBERG = (
    f"{CATALOG}=org.apache.iceberg.spark.SparkCatalog --conf {CATALOG}.warehouse=s3://x/w/ "
    f"--conf {CATALOG}.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog"
)
WRITES = """
import sys
from awsglue.context import GlueContext
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

bucket = getResolvedOptions(sys.argv, ["bucket"])["bucket"]
given = sys.argv[sys.argv.index("--SECURITY_CONFIGURATION") + 1]
spark = GlueContext(SparkContext.getOrCreate()).spark_session
frame = spark.createDataFrame([(1, "a"), (2, "b")], "n int, t string")
frame.write.parquet(f"s3://{bucket}/out/parquet/")
frame.write.json(f"s3://{bucket}/out/json/")
spark.sql(f"CREATE TABLE glue_catalog.{bucket}.t (n int, t string) USING iceberg LOCATION 's3://{bucket}/out/ice'")
frame.writeTo(f"glue_catalog.{bucket}.t").append()
print(spark.table(f"glue_catalog.{bucket}.t").count(), given)
"""


def test_outputs_are_encrypted_as_the_security_configuration_says(
    server: Any, glue: Any, name: str, make: Callable[..., str]
) -> None:
    secured(
        glue,
        name,
        S3Encryption=[{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": KEY}],
        CloudWatchEncryption={"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": KEY},
        JobBookmarksEncryption={"JobBookmarksEncryptionMode": "DISABLED"},
    )
    glue.create_database(DatabaseInput={"Name": name})
    job = make(WRITES, command="glueetl", GlueVersion="5.0", SecurityConfiguration=name)
    ended = run(glue, job, Arguments={"--bucket": name, "--engine": "sail", "--conf": ICEBERG})
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert ended["LogGroupName"] == f"/aws-glue/jobs-glue-{name}"
    assert lines(server, f"/aws-glue/jobs-glue-{name}/output", ended["Id"]) == [f"2 {name}"]
    (group,) = server.client("logs").describe_log_groups(
        logGroupNamePrefix=f"/aws-glue/jobs-glue-{name}/output"
    )["logGroups"]
    assert group["kmsKeyId"] == KEY
    s3 = server.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=name, Prefix="out/")["Contents"]]
    assert {key.split("/")[1] for key in keys} == {"parquet", "json", "ice"}
    for key in keys:
        head = s3.head_object(Bucket=name, Key=key)
        assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == ("aws:kms", KEY), key


def test_an_argument_asks_for_encryption(server: Any, glue: Any, name: str, make: Callable[..., str]) -> None:
    job = make("import os\nprint(os.environ.get('MASTIC_S3_ENCRYPTION'))")
    ended = run(glue, job, Arguments={"--encryption-type": "sse-s3"})
    told = lines(server, "/aws-glue/python-jobs/output", ended["Id"])
    assert [json.loads(line) for line in told] == [{"ServerSideEncryption": "AES256"}]
    ended = run(glue, job, Arguments={"--encryption-type": "sse-kms"})
    assert ended["JobRunState"] == "FAILED"
    assert ended["ErrorMessage"] == "--encryption-type is 'sse-kms': sse-s3 is served."


def test_what_a_security_configuration_cannot_have(glue: Any, name: str, make: Callable[..., str]) -> None:
    job = make("print(1)")
    code, message = refusal(glue.start_job_run, JobName=job, SecurityConfiguration=f"{name}-none")
    assert (code, message) == (
        "EntityNotFoundException",
        f"Security configuration {name}-none not found.",
    )


READS = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket"])
context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init(args["JOB_NAME"], args)
frame = context.create_dynamic_frame.from_options(
    "s3", {"paths": [f"s3://{args['bucket']}/in/"]}, format="json", transformation_ctx="source"
)
print(frame.count())
job.commit()
"""


def test_bookmarks_are_sealed_with_the_key_of_the_security_configuration(
    server: Any, glue: Any, name: str, make: Callable[..., str]
) -> None:
    kms, s3 = server.client("kms"), server.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secured(glue, name, JobBookmarksEncryption={"JobBookmarksEncryptionMode": "CSE-KMS", "KmsKeyArn": key})
    job = make(READS, command="glueetl", GlueVersion="5.0", SecurityConfiguration=name)
    s3.put_object(Bucket=name, Key="in/one.json", Body=b'{"n": 1}\n{"n": 2}\n')
    arguments = {"--bucket": name, "--engine": "sail", "--job-bookmark-option": "job-bookmark-enable"}
    found = []
    for _ in range(2):
        ended = run(glue, job, Arguments=arguments)
        assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
        found += lines(server, "/aws-glue/jobs/output", ended["Id"])
    assert found == ["2", "0"]
    kept = json.loads(glue.get_job_bookmark(JobName=job)["JobBookmarkEntry"]["JobBookmark"])
    assert kept["source"].keys() == {"sealed"}
    assert kept["source"]["sealed"]["key"] == key
    kms.disable_key(KeyId=key)
    s3.put_object(Bucket=name, Key="in/two.json", Body=b'{"n": 3}\n')
    failed = run(glue, job, Arguments=arguments)
    assert failed["JobRunState"] == "FAILED"
    assert "isabled" in failed["ErrorMessage"]
    assert json.loads(glue.get_job_bookmark(JobName=job)["JobBookmarkEntry"]["JobBookmark"]) == kept


# -- connections -----------------------------------------------------------------------------------


def test_connections_of_a_job(server: Any, glue: Any, name: str, make: Callable[..., str]) -> None:
    script = f"""
from awsglue.context import GlueContext
from pyspark.context import SparkContext
print(GlueContext(SparkContext.getOrCreate()).extract_jdbc_conf({name!r})["fullUrl"])
"""
    job = make(script, command="glueetl", GlueVersion="5.0", Connections={"Connections": [name]})
    ended = run(glue, job)
    assert (ended["JobRunState"], ended["ErrorMessage"]) == (
        "FAILED",
        f"Connection {name} of the job not found.",
    )
    glue.create_connection(
        ConnectionInput={
            "Name": name,
            "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": "jdbc:postgresql://db:5432/x",
                "USERNAME": "u",
                "PASSWORD": "p",
            },
        }
    )
    ended = run(glue, job)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert lines(server, "/aws-glue/jobs/output", ended["Id"]) == ["jdbc:postgresql://db:5432/x"]


# -- usage profiles --------------------------------------------------------------------------------


def as_user(server: Any, user: str) -> Any:
    """A Glue client of an IAM user."""
    import boto3

    keys = server.client("iam").create_access_key(UserName=user)["AccessKey"]
    return boto3.client(
        "glue",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )


def test_a_usage_profile_limits_its_principals(server: Any, glue: Any, name: str) -> None:
    iam = server.client("iam")
    iam.create_user(UserName=name, Tags=[{"Key": "glue:UsageProfile", "Value": name}])
    allowed = {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
    theirs = as_user(server, name)
    definition = {
        "Role": "r",
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"},
        "GlueVersion": "5.0",
    }
    code, message = refusal(theirs.create_job, Name=f"{name}-0", **definition)
    assert code == "InvalidInputException"
    assert f"Usage profile {name}" in message
    glue.create_usage_profile(
        Name=name,
        Configuration={
            "JobConfiguration": {
                "workerType": {"DefaultValue": "G.1X", "AllowedValues": ["G.1X", "G.2X"]},
                "numberOfWorkers": {"DefaultValue": "3", "MinValue": "3", "MaxValue": "5"},
                "timeout": {"DefaultValue": "60", "MaxValue": "120"},
            }
        },
    )
    theirs.create_job(Name=name, **definition)
    job = glue.get_job(JobName=name)["Job"]
    assert (job["WorkerType"], job["NumberOfWorkers"], job["Timeout"]) == ("G.1X", 3, 60)
    assert job["ProfileName"] == name
    for beyond, said in [
        ({"WorkerType": "G.8X", "NumberOfWorkers": 2}, "WorkerType G.8X is not allowed"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 9}, "it can be at most 5"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 2}, "it has to be at least 3"),
        ({"Timeout": 500}, "it can be at most 120"),
        ({"MaxCapacity": 10.0}, "limits WorkerType: it has to be given"),
    ]:
        code, message = refusal(theirs.create_job, Name=f"{name}-1", **definition, **beyond)
        assert code == "InvalidInputException"
        assert said in message
        glue.create_job(Name=f"{name}-{len(message)}-{said[:9].strip()}", **definition, **beyond)
    code, message = refusal(theirs.start_job_run, JobName=name, Timeout=121)
    assert code == "InvalidInputException"
    assert "Timeout 121" in message
    started = theirs.start_job_run(JobName=name, NumberOfWorkers=5)["JobRunId"]
    assert finished(glue, name, started)["ProfileName"] == name


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"workers": {"DefaultValue": "3"}}, "workers is no parameter of a usage profile"),
        ({"timeout": {"DefaultValue": "long"}}, "timeout: 'long' is not a number"),
        ({"timeout": {"AllowedValues": ["5", "x"]}}, "timeout: 'x' is not a number"),
        ({"timeout": {"MinValue": "9", "MaxValue": "8"}}, "MinValue 9 is greater than MaxValue 8"),
        (
            {"numberOfWorkers": {"DefaultValue": "9", "MaxValue": "8"}},
            "DefaultValue 9 is greater than MaxValue 8",
        ),
        (
            {"numberOfWorkers": {"DefaultValue": "2", "MinValue": "3"}},
            "DefaultValue 2 is less than MinValue 3",
        ),
        ({"workerType": {"MinValue": "G.1X"}}, "workerType: MinValue and MaxValue are for numbers"),
        (
            {"workerType": {"DefaultValue": "G.4X", "AllowedValues": ["G.1X"]}},
            "DefaultValue G.4X is not one of AllowedValues",
        ),
    ],
)
def test_what_a_usage_profile_cannot_say(glue: Any, name: str, limits: dict[str, Any], said: str) -> None:
    good = {"JobConfiguration": {"timeout": {"DefaultValue": "7"}}}
    for part in ("JobConfiguration", "SessionConfiguration"):
        code, message = refusal(glue.create_usage_profile, Name=name, Configuration={part: limits})
        assert code == "InvalidInputException"
        assert said in message
    glue.create_usage_profile(Name=name, Configuration=good)
    refused = refusal(glue.update_usage_profile, Name=name, Configuration={"JobConfiguration": limits})
    assert refused[0] == "InvalidInputException"
    assert glue.get_usage_profile(Name=name)["Configuration"] == good


# -- insights --------------------------------------------------------------------------------------


def test_insights_of_a_failure(server: Any, glue: Any, name: str, make: Callable[..., str]) -> None:
    job = make("x = 1\ny = 0\n\nprint(x / y)\n", command="glueetl", GlueVersion="5.0")
    plain = run(glue, job)
    assert plain["ErrorMessage"] == "ZeroDivisionError: division by zero"
    ended = run(glue, job, Arguments={"--enable-job-insights": "true"})
    assert ended["ErrorMessage"] == (
        "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 4; ZeroDivisionError: division by zero"
    )
    (line,) = lines(server, "/aws-glue/jobs/logs-v2", f"{ended['Id']}-job-insights-rca-driver")
    event = json.loads(line.removeprefix("[Glue Exception Analysis] "))
    assert (event["Last Executed Line number"], event["script"]) == (4, f"{job}.py")
    assert "print(x / y)" in event["Failure Reason"]


# -- policies of sessions --------------------------------------------------------------------------


def test_a_session_policy_is_checked_and_shown(glue: Any, make: Callable[..., str]) -> None:
    job = make("print(1)")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ended = run(glue, job, ExecutionRoleSessionPolicy=policy)
    assert (ended["JobRunState"], ended["ExecutionRoleSessionPolicy"]) == ("SUCCEEDED", policy)
    code, message = refusal(glue.start_job_run, JobName=job, ExecutionRoleSessionPolicy='{"Statement": 1}')
    assert code == "InvalidInputException"
    assert message.startswith("ExecutionRoleSessionPolicy: ")


# -- versions --------------------------------------------------------------------------------------


def test_versions_and_runtimes_that_there_are_not_are_refused(glue: Any, name: str) -> None:
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/k.py"}
    glue.create_job(Name=name, Role="r", Command=command, GlueVersion="6.0")
    assert glue.get_job(JobName=name)["Job"]["GlueVersion"] == "6.0"
    code, message = refusal(glue.create_job, Name=f"{name}x", Role="r", Command=command, GlueVersion="7.1")
    assert (code, message) == ("InvalidInputException", "Glue version 7.1 is not supported")
    ray = {"Name": "glueray", "ScriptLocation": "s3://b/k.py", "Runtime": "Ray9"}
    code, message = refusal(
        glue.create_job, Name=f"{name}y", Role="r", Command=ray, WorkerType="Z.2X", NumberOfWorkers=2
    )
    assert (code, message) == ("InvalidInputException", "Runtime Ray9 is not one of Ray2.4")
