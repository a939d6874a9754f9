"""STS as boto3 and the AWS CLI use it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError


def test_caller_identity(server: Any) -> None:
    shown = server.client("sts").get_caller_identity()
    assert (shown["Account"], shown["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:root")
    assert (
        json.loads(server.aws("sts", "get-caller-identity", "--output", "json"))["UserId"] == "123456789012"
    )


def test_an_assumed_role_is_who_calls(server: Any, name: str) -> None:
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
        }
    )
    role = server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    got = server.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    keys = {
        "aws_access_key_id": got["AccessKeyId"],
        "aws_secret_access_key": got["SecretAccessKey"],
        "aws_session_token": got["SessionToken"],
    }
    session = boto3.Session(region_name="us-east-1", **keys)
    caller = session.client("sts", endpoint_url=server.endpoint)
    assert caller.get_caller_identity()["Arn"] == f"arn:aws:sts::123456789012:assumed-role/{name}/me"
    forged = boto3.Session(region_name="us-east-1", **{**keys, "aws_secret_access_key": "x" * 40})
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        forged.client("sts", endpoint_url=server.endpoint).get_caller_identity()


def test_a_role_that_is_not_there(server: Any) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied.*sts:AssumeRole"):
        server.client("sts").assume_role(
            RoleArn="arn:aws:iam::123456789012:role/nobody", RoleSessionName="me"
        )


def test_web_identities_are_refused(server: Any) -> None:
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        server.client("sts").assume_role_with_web_identity(
            RoleArn="arn:aws:iam::123456789012:role/x", RoleSessionName="me", WebIdentityToken="token"
        )
