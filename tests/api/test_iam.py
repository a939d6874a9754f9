"""IAM over HTTP: what boto3 and the AWS CLI see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}
    ],
}
READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}


def test_a_role_as_a_pipeline_makes_it(server: Any, name: str) -> None:
    iam = server.client("iam")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=[{"Key": "a", "Value": "1"}]
    )["Role"]
    assert made["AssumeRolePolicyDocument"] == TRUST
    arn = "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(READ))
    shown = iam.get_role(RoleName=name)["Role"]
    assert (shown["Tags"], shown["MaxSessionDuration"]) == ([{"Key": "a", "Value": "1"}], 3600)
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [
        {"PolicyName": "AWSGlueServiceRole", "PolicyArn": arn}
    ]
    assert iam.get_role_policy(RoleName=name, PolicyName="read")["PolicyDocument"] == READ
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["read"]
    with pytest.raises(iam.exceptions.DeleteConflictException, match="must detach all policies first"):
        iam.delete_role(RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    iam.delete_role_policy(RoleName=name, PolicyName="read")
    iam.delete_role(RoleName=name)
    with pytest.raises(
        iam.exceptions.NoSuchEntityException, match=f"The role with name {name} cannot be found"
    ):
        iam.get_role(RoleName=name)


def test_a_managed_policy_with_its_document(server: Any, name: str) -> None:
    iam = server.client("iam")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == READ
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(READ))
    decided = iam.simulate_custom_policy(
        PolicyInputList=[json.dumps(READ)], ActionNames=["s3:GetObject", "s3:DeleteObject"]
    )["EvaluationResults"]
    assert [each["EvalDecision"] for each in decided] == ["allowed", "implicitDeny"]
    iam.delete_policy(PolicyArn=arn)


def test_the_command_line(server: Any, name: str) -> None:
    made = json.loads(
        server.aws("iam", "create-role", "--role-name", name, "--output", "json",
                   "--assume-role-policy-document", json.dumps(TRUST))
    )  # fmt: skip
    assert made["Role"]["Arn"] == f"arn:aws:iam::123456789012:role/{name}"
    assert name in server.aws("iam", "list-roles", "--query", "Roles[].RoleName", "--output", "text")
    server.aws("iam", "delete-role", "--role-name", name)
    assert server.aws("iam", "get-role", "--role-name", name, check=False) == ""


def test_the_whole_account_at_once(server: Any, name: str) -> None:
    iam = server.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=json.dumps(READ))
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User"], PaginationConfig={"PageSize": 1}
    )
    (mine,) = [user for page in pages for user in page["UserDetailList"] if user["UserName"] == name]
    assert mine["UserPolicyList"] == [{"PolicyName": "read", "PolicyDocument": READ}]
    assert iam.list_mfa_devices(UserName=name)["MFADevices"] == []
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName=name)


def test_service_linked_roles(server: Any, name: str) -> None:
    iam = server.client("iam")
    made = iam.create_service_linked_role(AWSServiceName="glue.amazonaws.com", CustomSuffix=name)["Role"]
    with pytest.raises(ClientError, match="UnmodifiableEntity"):
        iam.delete_role(RoleName=made["RoleName"])
    task = iam.delete_service_linked_role(RoleName=made["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=made["RoleName"])


def test_what_is_not_served_says_so(server: Any) -> None:
    with pytest.raises(ClientError) as refused:
        server.client("iam").list_saml_providers()
    assert 400 <= refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500 or (
        refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    )
