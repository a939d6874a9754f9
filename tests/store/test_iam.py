"""IAM and STS on both databases: rules between entities, and keys that are real."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from mastic.aws.iam.accounts import Accounts
from mastic.aws.iam.credentials import Credentials, root_key
from mastic.aws.iam.inline_policies import InlinePolicies
from mastic.aws.iam.managed_policies import Attachments, Policies
from mastic.aws.iam.roles import InstanceProfiles, Roles
from mastic.aws.iam.simulations import Simulations
from mastic.aws.iam.users import AccessKeys, Groups, Users
from mastic.aws.sts.sessions import Sessions
from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store.engine import Store

ME = Context()
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}
        ],
    }
)
READ = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
)
GLUE = "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"


@pytest.fixture
def iam(store: Store) -> Any:
    clock = ManualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    parts = {"store": store, "clock": clock, "ids": Ids()}
    credentials = Credentials(
        **parts, root=[root_key("ROOTKEY", "rootsecret", now=clock.now(), account=ME.account_id)]
    )
    return SimpleNamespace(
        roles=Roles(**parts), profiles=InstanceProfiles(**parts), policies=Policies(**parts),
        attachments=Attachments(**parts), inline=InlinePolicies(**parts), users=Users(**parts),
        keys=AccessKeys(**parts), groups=Groups(**parts), simulations=Simulations(**parts),
        accounts=Accounts(**parts), credentials=credentials, clock=clock,
        sts=Sessions(store=store, clock=clock, credentials=credentials),
    )  # fmt: skip


def refused(code: str) -> Any:
    return pytest.raises(ServiceError, match=f"^{code}: ")


def make_role(iam: Any, name: str = "glue", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = iam.roles.create_role(
        ME, {"RoleName": name, "AssumeRolePolicyDocument": TRUST, **more}
    )["Role"]
    return made


def test_a_role_lives_and_dies(iam: Any) -> None:
    made = make_role(iam, Path="/etl/", Tags=[{"Key": "a", "Value": "1"}], MaxSessionDuration=7200)
    assert made["Arn"] == "arn:aws:iam::123456789012:role/etl/glue"
    assert re.fullmatch(r"AROA[A-Z2-7]{17}", made["RoleId"])
    with refused("EntityAlreadyExists"):
        make_role(iam, "GLUE")
    iam.roles.tag_role(ME, {"RoleName": "glue", "Tags": [{"Key": "b", "Value": "2"}]})
    iam.roles.untag_role(ME, {"RoleName": "glue", "TagKeys": ["a"]})
    iam.roles.update_role(ME, {"RoleName": "glue", "Description": "new"})
    shown = iam.roles.get_role(ME, {"RoleName": "glue"})["Role"]
    assert (shown["Tags"], shown["Description"]) == ([{"Key": "b", "Value": "2"}], "new")
    assert shown["MaxSessionDuration"] == 3600, "UpdateRole sets what it is not given to the default"
    iam.roles.delete_role(ME, {"RoleName": "glue"})
    with refused("NoSuchEntity"):
        iam.roles.get_role(ME, {"RoleName": "glue"})


def test_a_role_with_policies_or_profiles_cannot_be_deleted(iam: Any) -> None:
    make_role(iam)
    role = {"RoleName": "glue"}
    iam.attachments.attach_role_policy(ME, {**role, "PolicyArn": GLUE})
    iam.attachments.attach_role_policy(ME, {**role, "PolicyArn": GLUE})
    assert len(iam.attachments.list_attached_role_policies(ME, role)["AttachedPolicies"]) == 1
    iam.inline.put_role_policy(ME, {**role, "PolicyName": "read", "PolicyDocument": READ})
    iam.profiles.create_instance_profile(ME, {"InstanceProfileName": "p"})
    iam.profiles.add_role_to_instance_profile(ME, {"InstanceProfileName": "p", **role})
    for undo in (
        lambda: iam.profiles.remove_role_from_instance_profile(ME, {"InstanceProfileName": "p", **role}),
        lambda: iam.attachments.detach_role_policy(ME, {**role, "PolicyArn": GLUE}),
        lambda: iam.inline.delete_role_policy(ME, {**role, "PolicyName": "read"}),
    ):
        with refused("DeleteConflict"):
            iam.roles.delete_role(ME, role)
        undo()
    iam.roles.delete_role(ME, role)


def test_trust_policies_are_checked(iam: Any) -> None:
    with refused("MalformedPolicyDocument"):
        make_role(iam, AssumeRolePolicyDocument=READ)


def test_policy_versions(iam: Any) -> None:
    arn = iam.policies.create_policy(ME, {"PolicyName": "p", "PolicyDocument": READ})["Policy"]["Arn"]
    one = {"PolicyArn": arn, "PolicyDocument": READ}
    assert [iam.policies.create_policy_version(ME, one)["PolicyVersion"]["VersionId"] for _ in range(4)] == [
        "v2",
        "v3",
        "v4",
        "v5",
    ]
    with refused("LimitExceeded"):
        iam.policies.create_policy_version(ME, one)
    iam.policies.set_default_policy_version(ME, {"PolicyArn": arn, "VersionId": "v4"})
    with refused("DeleteConflict"):
        iam.policies.delete_policy_version(ME, {"PolicyArn": arn, "VersionId": "v4"})
    iam.policies.delete_policy_version(ME, {"PolicyArn": arn, "VersionId": "v5"})
    added = iam.policies.create_policy_version(ME, {**one, "SetAsDefault": True})["PolicyVersion"]
    assert (added["VersionId"], added["IsDefaultVersion"]) == ("v6", True)
    assert iam.policies.get_policy(ME, {"PolicyArn": arn})["Policy"]["DefaultVersionId"] == "v6"
    with refused("DeleteConflict"):
        iam.policies.delete_policy(ME, {"PolicyArn": arn})
    for each in ("v1", "v2", "v3", "v4"):
        iam.policies.delete_policy_version(ME, {"PolicyArn": arn, "VersionId": each})
    make_role(iam)
    iam.attachments.attach_role_policy(ME, {"RoleName": "glue", "PolicyArn": arn})
    with refused("DeleteConflict"):
        iam.policies.delete_policy(ME, {"PolicyArn": arn})
    assert (
        iam.policies.list_entities_for_policy(ME, {"PolicyArn": arn})["PolicyRoles"][0]["RoleName"] == "glue"
    )
    iam.attachments.detach_role_policy(ME, {"RoleName": "glue", "PolicyArn": arn})
    iam.policies.delete_policy(ME, {"PolicyArn": arn})
    with refused("NoSuchEntity"):
        iam.policies.get_policy(ME, {"PolicyArn": arn})


def test_aws_managed_policies_cannot_be_changed(iam: Any) -> None:
    assert iam.policies.get_policy(ME, {"PolicyArn": GLUE})["Policy"]["PolicyName"] == "AWSGlueServiceRole"
    with refused("AccessDenied"):
        iam.policies.delete_policy(ME, {"PolicyArn": GLUE})
    make_role(iam)
    with refused("NoSuchEntity"):
        iam.attachments.attach_role_policy(
            ME, {"RoleName": "glue", "PolicyArn": "arn:aws:iam::aws:policy/NoSuchThing"}
        )


def test_users_groups_and_keys(iam: Any) -> None:
    iam.users.create_user(ME, {"UserName": "ann"})
    iam.groups.create_group(ME, {"GroupName": "g"})
    iam.groups.add_user_to_group(ME, {"GroupName": "g", "UserName": "ann"})
    iam.attachments.attach_group_policy(
        ME, {"GroupName": "g", "PolicyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}
    )
    key = iam.keys.create_access_key(ME, {"UserName": "ann"})["AccessKey"]
    found = iam.credentials.lookup(key["AccessKeyId"])
    assert (found.secret, found.principal_arn) == (
        key["SecretAccessKey"],
        "arn:aws:iam::123456789012:user/ann",
    )
    iam.users.update_user(ME, {"UserName": "ann", "NewUserName": "anna"})
    assert iam.credentials.lookup(key["AccessKeyId"]).principal_arn.endswith("user/anna")
    assert [u["UserName"] for u in iam.groups.get_group(ME, {"GroupName": "g"})["Users"]] == ["anna"]
    decided = iam.simulations.simulate_principal_policy(
        ME,
        {
            "PolicySourceArn": "arn:aws:iam::123456789012:user/anna",
            "ActionNames": ["s3:GetObject", "s3:PutObject"],
            "ResourceArns": ["arn:aws:s3:::lake/a"],
        },
    )
    assert [r["EvalDecision"] for r in decided["EvaluationResults"]] == ["allowed", "implicitDeny"]
    iam.keys.update_access_key(
        ME, {"UserName": "anna", "AccessKeyId": key["AccessKeyId"], "Status": "Inactive"}
    )
    assert iam.credentials.lookup(key["AccessKeyId"]) is None
    with refused("DeleteConflict"):
        iam.users.delete_user(ME, {"UserName": "anna"})
    iam.keys.delete_access_key(ME, {"UserName": "anna", "AccessKeyId": key["AccessKeyId"]})
    with refused("DeleteConflict"):
        iam.groups.delete_group(ME, {"GroupName": "g"})
    iam.groups.remove_user_from_group(ME, {"GroupName": "g", "UserName": "anna"})
    iam.users.delete_user(ME, {"UserName": "anna"})


def test_lists_page(iam: Any) -> None:
    for name in "edcba":
        make_role(iam, name)
    names, marker = [], None
    while True:
        page = iam.roles.list_roles(ME, {"MaxItems": 2, **({"Marker": marker} if marker else {})})
        names += [r["RoleName"] for r in page["Roles"]]
        marker = page.get("Marker")
        if not page["IsTruncated"]:
            break
    assert names == list("abcde")
    with refused("ValidationError"):
        iam.roles.list_roles(ME, {"Marker": "rubbish"})


def test_assumed_roles_have_keys_that_expire(iam: Any) -> None:
    role = make_role(iam)
    got = iam.sts.assume_role(ME, {"RoleArn": role["Arn"], "RoleSessionName": "run", "DurationSeconds": 900})
    keys = got["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    found = iam.credentials.lookup(keys["AccessKeyId"])
    assert (found.secret, found.token) == (keys["SecretAccessKey"], keys["SessionToken"])
    assert found.principal_arn == "arn:aws:sts::123456789012:assumed-role/glue/run"
    caller = Context(principal_arn=found.principal_arn, access_key=found.access_key)
    assert iam.sts.get_caller_identity(caller, {}) == {
        "UserId": f"{role['RoleId']}:run",
        "Account": "123456789012",
        "Arn": found.principal_arn,
    }
    iam.clock.advance(seconds=900)
    with refused("ExpiredToken"):
        iam.credentials.lookup(keys["AccessKeyId"])
    with refused("ValidationError"):
        iam.sts.assume_role(ME, {"RoleArn": role["Arn"], "RoleSessionName": "x", "DurationSeconds": 7200})
    with refused("AccessDenied"):
        iam.sts.assume_role(ME, {"RoleArn": role["Arn"] + "x", "RoleSessionName": "x"})


def test_trust_decides_when_enforced(iam: Any, store: Store) -> None:
    role = make_role(iam)
    strict = Sessions(store=store, clock=iam.clock, credentials=iam.credentials, enforce=True)
    with refused("AccessDenied"):
        strict.assume_role(ME, {"RoleArn": role["Arn"], "RoleSessionName": "x"})
    trust = json.loads(TRUST)
    trust["Statement"][0]["Principal"] = {"AWS": "arn:aws:iam::123456789012:root"}
    iam.roles.update_assume_role_policy(ME, {"RoleName": "glue", "PolicyDocument": json.dumps(trust)})
    assert strict.assume_role(ME, {"RoleArn": role["Arn"], "RoleSessionName": "x"})["Credentials"]


def test_issued_keys_and_root_keys(iam: Any) -> None:
    assert iam.credentials.lookup("ROOTKEY").secret == "rootsecret"
    assert iam.credentials.lookup("AKIANOTTHERE") is None
    expires = iam.clock.now() + timedelta(hours=1)
    key, secret, token = iam.credentials.issue(
        ME.account_id, "arn:aws:iam::123456789012:role/any", "jr_1", expires
    )
    assert (iam.credentials.lookup(key).secret, iam.credentials.lookup(key).token) == (secret, token)
    iam.credentials.revoke(key)
    assert iam.credentials.lookup(key) is None


def test_an_alias_that_several_accounts_want_at_one_moment(iam: Any) -> None:
    for number in range(10):
        wanted, together = f"hub-{number}", threading.Barrier(4)

        def take(account: str, wanted: str = wanted, together: threading.Barrier = together) -> bool:
            together.wait()
            with contextlib.suppress(ServiceError):
                iam.accounts.create_account_alias(Context(account_id=account), {"AccountAlias": wanted})
            return bool(iam.accounts.list_account_aliases(Context(account_id=account), {})["AccountAliases"])

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(take, [f"{number:06}{n:06}" for n in range(4)])) == 1


def test_alias_and_password_policy(iam: Any) -> None:
    assert iam.accounts.list_account_aliases(ME, {})["AccountAliases"] == []
    iam.accounts.create_account_alias(ME, {"AccountAlias": "hub"})
    assert iam.accounts.list_account_aliases(ME, {})["AccountAliases"] == ["hub"]
    with refused("EntityAlreadyExists"):
        iam.accounts.create_account_alias(Context(account_id="210987654321"), {"AccountAlias": "hub"})
    iam.accounts.delete_account_alias(ME, {"AccountAlias": "hub"})
    with refused("NoSuchEntity"):
        iam.accounts.get_account_password_policy(ME, {})
    make_role(iam)
    assert iam.accounts.get_account_summary(ME, {})["SummaryMap"]["Roles"] == 1
