"""Deploys the Simple Data Hub with boto3, as its Terraform files describe it. Owns no state.

Every step can be repeated: what is there is brought up to date.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

PROJECT = "simple-data-hub"
DATABASE, TABLE = "collections_db", "collections_data_staging"
INGESTION, VIEWS = "csv-to-iceberg-ingestion", "create-views-dual-engine"
FUNCTION, TRIGGER = "trigger-glue-job-lambda", "dual-engine-views-trigger"
PREFIX = "collections-data/"
_ICEBERG = "org.apache.iceberg"

Client = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Where things are."""

    raw: str
    iceberg: str
    scripts: str

    @property
    def athena_output(self) -> str:
        """Where Athena puts results."""
        return f"s3://{self.scripts}/athena-results/"


def deploy(client: Client, pipeline: Path) -> Iterator[str]:
    """Deploy step by step; yields what was done."""
    account = client("sts").get_caller_identity()["Account"]
    place = _place(account)
    s3 = client("s3")
    for bucket in (place.raw, place.iceberg, place.scripts):
        s3.create_bucket(Bucket=bucket)
    yield f"buckets {place.raw}, {place.iceberg}, {place.scripts}"
    for script in sorted((pipeline / "jobs").glob("*.py")):
        s3.upload_file(str(script), place.scripts, f"jobs/{script.name}")
    yield "job scripts in S3"
    roles = _roles(client("iam"))
    yield "roles for Glue and Lambda"
    glue = client("glue")
    _database(glue, place)
    _jobs(glue, roles["glue"], place)
    yield f"database {DATABASE}, jobs {INGESTION} and {VIEWS}"
    _trigger(glue)
    yield f"trigger {TRIGGER}: when {INGESTION} has SUCCEEDED, start {VIEWS}"
    arn = _function(client("lambda"), roles["lambda"], pipeline, account, place)
    yield f"function {FUNCTION}"
    s3.put_bucket_notification_configuration(
        Bucket=place.raw,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {
                    "LambdaFunctionArn": arn,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": PREFIX}]}},
                }
            ]
        },
    )
    yield f"s3://{place.raw}/{PREFIX} notifies {FUNCTION}"


def place_of(client: Client) -> Deployment:
    """Where a deployment of this account is."""
    account = client("sts").get_caller_identity()["Account"]
    return _place(account)


def _place(account: str) -> Deployment:
    return Deployment(**{name: f"{PROJECT}-{name}-{account}" for name in ("raw", "iceberg", "scripts")})


def _roles(iam: Any) -> dict[str, str]:
    wanted = {
        "glue": "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole",
        "lambda": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    }
    found = {}
    for service, policy in wanted.items():
        name = f"{PROJECT}-{service}-role"
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                }
            ],
        }
        with _there("EntityAlreadyExists"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        found[service] = iam.get_role(RoleName=name)["Role"]["Arn"]
    return found


def _database(glue: Any, place: Deployment) -> None:
    with _there("AlreadyExistsException"):
        glue.create_database(
            DatabaseInput={"Name": DATABASE, "LocationUri": f"s3://{place.iceberg}/warehouse/"}
        )


def _jobs(glue: Any, role: str, place: Deployment) -> None:
    catalog = "spark.sql.catalog.glue_catalog"
    conf = " --conf ".join(
        (
            f"spark.sql.extensions={_ICEBERG}.spark.extensions.IcebergSparkSessionExtensions",
            f"{catalog}={_ICEBERG}.spark.SparkCatalog",
            f"{catalog}.warehouse=s3://{place.iceberg}/warehouse/",
            f"{catalog}.catalog-impl={_ICEBERG}.aws.glue.GlueCatalog",
            f"{catalog}.io-impl={_ICEBERG}.aws.s3.S3FileIO",
        )
    )
    common = {
        "--job-language": "python",
        "--enable-glue-datacatalog": "true",
        "--datalake-formats": "iceberg",
        "--conf": conf,
        "--database_name": DATABASE,
    }
    ingestion = {
        "--job-bookmark-option": "job-bookmark-enable",
        "--enable-metrics": "true",
        "--raw_bucket": place.raw,
        "--raw_prefix": PREFIX,
        "--table_name": TABLE,
    }
    views = {"--source_table": TABLE, "--athena_output": place.athena_output}
    for name, script, arguments in (
        (INGESTION, "glue_csv_to_iceberg.py", ingestion),
        (VIEWS, "glue_create_views_dual_engine.py", views),
    ):
        definition = {
            "Role": role,
            "GlueVersion": "5.0",
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
            "Timeout": 30,
            "MaxRetries": 1,
            "JobRunQueuingEnabled": True,
            "ExecutionProperty": {"MaxConcurrentRuns": 1},
            "Command": {
                "Name": "glueetl",
                "PythonVersion": "3",
                "ScriptLocation": f"s3://{place.scripts}/jobs/{script}",
            },
            "DefaultArguments": {**common, **arguments},
        }
        try:
            glue.get_job(JobName=name)
        except ClientError as error:
            if _code(error) != "EntityNotFoundException":
                raise
            glue.create_job(Name=name, **definition)
        else:
            glue.update_job(JobName=name, JobUpdate=definition)


def _trigger(glue: Any) -> None:
    with _there("AlreadyExistsException"):
        glue.create_trigger(
            Name=TRIGGER,
            Type="CONDITIONAL",
            StartOnCreation=True,
            Predicate={
                "Conditions": [{"LogicalOperator": "EQUALS", "JobName": INGESTION, "State": "SUCCEEDED"}]
            },
            Actions=[{"JobName": VIEWS}],
        )


def _function(functions: Any, role: str, pipeline: Path, account: str, place: Deployment) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(pipeline / "lambda" / "trigger_glue_job.py", "trigger_glue_job.py")
    try:
        functions.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.12",
            Role=role,
            Handler="trigger_glue_job.lambda_handler",
            Timeout=30,
            Environment={"Variables": {"GLUE_JOB_NAME": INGESTION}},
            Code={"ZipFile": packed.getvalue()},
        )
    except ClientError as error:
        if _code(error) != "ResourceConflictException":
            raise
        functions.update_function_code(FunctionName=FUNCTION, ZipFile=packed.getvalue())
    with _there("ResourceConflictException"):
        functions.add_permission(
            FunctionName=FUNCTION,
            StatementId="AllowExecutionFromS3Bucket",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=f"arn:aws:s3:::{place.raw}",
            SourceAccount=account,
        )
    arn: str = functions.get_function(FunctionName=FUNCTION)["Configuration"]["FunctionArn"]
    return arn


class _there:  # noqa: N801 - reads as a word: with _there("AlreadyExists")
    """It is no mistake when the thing is there already."""

    def __init__(self, code: str) -> None:
        self._accepted = code

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return isinstance(error, ClientError) and _code(error) == self._accepted


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
