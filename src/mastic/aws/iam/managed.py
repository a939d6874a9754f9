"""The policies that AWS manages and pipelines attach, with documents that grant what AWS's grant.

They are data: every account sees them, nobody changes them, and none is ever missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.aws.iam import entities
from mastic.errors import ServiceError
from mastic.store import iam

PREFIX = "arn:aws:iam::aws:policy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Managed:
    """An AWS managed policy. ``statements`` are (actions, resources) that it allows."""

    name: str
    path: str
    description: str
    version: int
    statements: tuple[dict[str, Any], ...]

    @property
    def arn(self) -> str:
        """The policy's ARN."""
        return f"{PREFIX}{self.path}{self.name}"

    @property
    def document(self) -> str:
        """The policy document as JSON text."""
        return orjson.dumps({"Version": "2012-10-17", "Statement": list(self.statements)}).decode()

    @property
    def id(self) -> str:
        """A policy id that is the same everywhere."""
        import base64
        import hashlib

        return "ANPA" + base64.b32encode(hashlib.sha256(self.arn.encode()).digest()).decode()[:17]


CREATED = datetime(2015, 2, 6, 18, 39, 46, tzinfo=UTC)


def find(arn: str) -> Managed | None:
    """The AWS managed policy of that ARN."""
    return _BY_ARN.get(arn)


def listing() -> list[Managed]:
    """All of them, by name."""
    return sorted(_BY_ARN.values(), key=lambda each: each.name.lower())


def is_managed(arn: str) -> bool:
    """Whether the ARN is in AWS's own name space."""
    return arn.startswith(PREFIX)


def require(tx: Connection, account: str, arn: str) -> None:
    """Refuse an ARN that is no attachable policy."""
    if find(arn) is None and local(tx, account, arn) is None:
        raise entities.missing(f"Policy {arn} does not exist or is not attachable.")


def local(tx: Connection, account: str, arn: str) -> iam.Entity | None:
    """The account's own policy of that ARN."""
    found = iam.find(tx, account, "policy", arn.rpartition("/")[2])
    return found if found is not None and found.arn == arn else None


def document(tx: Connection, arn: str) -> str:
    """The document in force of a managed policy, AWS's or the account's own."""
    ours = find(arn)
    if ours is not None:
        return ours.document
    return next(v.document for v in iam.version_list(tx, arn) if v.is_default)


def protected(arn: str) -> ServiceError:
    """AWS's refusal to change its own policies."""
    return ServiceError("AccessDenied", f"Policy {arn} is managed by AWS and cannot be modified.", status=403)


def _allow(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def _policies() -> tuple[Managed, ...]:
    def full(name: str, description: str, *actions: str, version: int = 1) -> Managed:
        return Managed(
            name=name, path="/", description=description, version=version, statements=(_allow(*actions),)
        )

    logs = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    reads = ("s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*")
    interfaces = (
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    )
    glue_service = Managed(
        name="AWSGlueServiceRole",
        path="/service-role/",
        description="Policy for AWS Glue service role which allows access to related services including EC2, "
        "S3, and Cloudwatch Logs",
        version=5,
        statements=(
            _allow(
                "glue:*", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets", "s3:GetBucketAcl",
                "ec2:DescribeVpcEndpoints", "ec2:DescribeRouteTables", "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "iam:ListRolePolicies", "iam:GetRole",
                "iam:GetRolePolicy", "cloudwatch:PutMetricData",
            ),
            _allow("s3:CreateBucket", on=["arn:aws:s3:::aws-glue-*"]),
            _allow(
                "s3:GetObject", "s3:PutObject", "s3:DeleteObject",
                on=["arn:aws:s3:::aws-glue-*/*", "arn:aws:s3:::*/*aws-glue-*/*"],
            ),
            _allow("s3:GetObject", on=["arn:aws:s3:::crawler-public*", "arn:aws:s3:::aws-glue-*"]),
            _allow(*logs, "logs:AssociateKmsKey", on=["arn:aws:logs:*:*:*:/aws-glue/*"]),
            _allow(
                "ec2:CreateTags", "ec2:DeleteTags",
                on=[f"arn:aws:ec2:*:*:{k}/*" for k in ("network-interface", "security-group", "instance")],
                Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}},
            ),
        ),
    )  # fmt: skip
    basic = Managed(
        name="AWSLambdaBasicExecutionRole", path="/service-role/", version=1,
        description="Provides write permissions to CloudWatch Logs.", statements=(_allow(*logs),),
    )  # fmt: skip
    return (
        glue_service,
        basic,
        Managed(
            name="AWSLambdaVPCAccessExecutionRole", path="/service-role/", version=3,
            description="Provides minimum permissions for a Lambda function to execute while accessing a "
            "resource within a VPC",
            statements=(_allow(*logs, *interfaces),),
        ),
        Managed(
            name="AWSLambdaRole", path="/service-role/", version=1,
            description="Default policy for AWS Lambda service role.",
            statements=(_allow("lambda:InvokeFunction"),),
        ),
        Managed(
            name="AWSLambdaSQSQueueExecutionRole", path="/service-role/", version=1,
            description="Provides receive message, delete message, and read attribute access to SQS queues, "
            "and write permissions to CloudWatch logs.",
            statements=(
                _allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", *logs),
            ),
        ),
        Managed(
            name="AWSLambdaDynamoDBExecutionRole", path="/service-role/", version=1,
            description="Provides list and read access to DynamoDB streams and write permissions to "
            "CloudWatch logs.",
            statements=(
                _allow("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
                       "dynamodb:ListStreams", *logs),
            ),
        ),
        Managed(
            name="AWSGlueServiceNotebookRole", path="/service-role/", version=3,
            description="Policy for AWS Glue service role which allows customer to manage notebook server",
            statements=(
                _allow("glue:*Database*", "glue:*Table*", "glue:*Partition*", "glue:*UserDefinedFunction*",
                       "glue:*DevEndpoint*", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets",
                       "s3:GetBucketAcl"),
                _allow("s3:GetObject", on=["arn:aws:s3:::crawler-public*", "arn:aws:s3:::aws-glue*"]),
                _allow("s3:PutObject", "s3:DeleteObject", on=["arn:aws:s3:::aws-glue*"]),
            ),
        ),
        full("AdministratorAccess", "Provides full access to AWS services and resources.", "*"),
        full("AmazonS3FullAccess", "Provides full access to all buckets via the AWS Management Console.",
             "s3:*", "s3-object-lambda:*", version=2),
        full("AmazonS3ReadOnlyAccess", "Provides read only access to all buckets via the AWS Management "
             "Console.", *reads, version=3),
        full("CloudWatchLogsFullAccess", "Provides full access to CloudWatch Logs", "logs:*",
             "cloudwatch:GenerateQuery", version=2),
        full("CloudWatchLogsReadOnlyAccess", "Provides read only access to CloudWatch Logs", "logs:Describe*",
             "logs:Get*", "logs:List*", "logs:StartQuery", "logs:StopQuery", "logs:TestMetricFilter",
             "logs:FilterLogEvents", version=5),
        full("CloudWatchFullAccess", "Provides full access to CloudWatch.", "autoscaling:Describe*",
             "cloudwatch:*", "logs:*", "sns:*", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole",
             version=4),
        full("CloudWatchReadOnlyAccess", "Provides read only access to CloudWatch.", "cloudwatch:BatchGet*",
             "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "logs:Get*", "logs:List*",
             "logs:Describe*", "logs:FilterLogEvents", "sns:Get*", "sns:List*", version=7),
        full("AmazonAthenaFullAccess", "Provide full access to Amazon Athena and scoped access to the "
             "dependencies needed to enable querying, writing results, and data management.", "athena:*",
             "glue:CreateDatabase", "glue:DeleteDatabase", "glue:GetDatabase", "glue:GetDatabases",
             "glue:UpdateDatabase", "glue:CreateTable", "glue:DeleteTable", "glue:BatchDeleteTable",
             "glue:UpdateTable", "glue:GetTable", "glue:GetTables", "glue:BatchCreatePartition",
             "glue:CreatePartition", "glue:DeletePartition", "glue:BatchDeletePartition",
             "glue:UpdatePartition", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition",
             "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads",
             "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload", "s3:CreateBucket", "s3:PutObject",
             "s3:ListAllMyBuckets", "sns:ListTopics", "sns:GetTopicAttributes", "cloudwatch:PutMetricAlarm",
             "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms", "cloudwatch:GetMetricData",
             "lakeformation:GetDataAccess", version=11),
        full("AWSGlueConsoleFullAccess", "Provides full access to AWS Glue via the AWS Management Console",
             "glue:*", "iam:ListRoles", "iam:ListUsers", "iam:ListGroups", "iam:ListRolePolicies",
             "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "ec2:Describe*",
             "s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetBucketAcl", "s3:GetBucketLocation",
             "cloudformation:ListStacks", "cloudformation:DescribeStacks", "cloudwatch:GetMetricData",
             "cloudwatch:ListDashboards", "kms:ListAliases", "kms:DescribeKey", "tag:GetResources",
             version=14),
        full("AmazonSQSFullAccess", "Provides full access to Amazon SQS via the AWS Management Console.",
             "sqs:*"),
        full("AmazonSNSFullAccess", "Provides full access to Amazon SNS via the AWS Management Console.",
             "sns:*"),
        full("AmazonDynamoDBFullAccess", "Provides full access to Amazon DynamoDB via the AWS Management "
             "Console.", "dynamodb:*", "dax:*", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData",
             "cloudwatch:ListMetrics", "kms:DescribeKey", "kms:ListAliases", version=15),
        full("AmazonEventBridgeFullAccess", "Provides full access to Amazon EventBridge.", "events:*",
             "schemas:*", "scheduler:*", "pipes:*", version=5),
        full("SecretsManagerReadWrite", "Provides read/write access to AWS Secrets Manager via the AWS "
             "Management Console.", "secretsmanager:*", "kms:DescribeKey", "kms:ListAliases", "kms:ListKeys",
             "tag:GetResources", version=5),
        full("AWSLambda_FullAccess", "Grants full access to AWS Lambda service, AWS Lambda console features, "
             "and other related AWS services.", "lambda:*", "logs:DescribeLogGroups", "iam:GetRole",
             "iam:ListRoles", "iam:PassRole", "kms:ListAliases", "tag:GetResources", version=2),
        full("AWSStepFunctionsFullAccess", "An access policy for providing a user/role/etc access to the AWS "
             "StepFunctions APIs.", "states:*"),
    )  # fmt: skip


_BY_ARN = {each.arn: each for each in _policies()}
