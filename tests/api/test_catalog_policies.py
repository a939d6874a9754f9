"""Resource policies over HTTP, on a server whose callers are known: what a policy denies or allows happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from tests.conftest import Server

OURS, THEIRS = "123456789012", "210987654321"
ROOT = f"arn:aws:glue:us-east-1:{OURS}:"


class Known:
    """A server with keys, and clients for them."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def client(
        self, service: str, key: str, secret: str, token: str | None = None, region: str = "us-east-1"
    ) -> Any:
        return boto3.client(
            service, endpoint_url=self.server.endpoint, region_name=region,
            aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
        )  # fmt: skip

    @property
    def root(self) -> Any:
        return self.client("glue", "AKIAOURS", "ours")

    @property
    def stranger(self) -> Any:
        return self.client("glue", "AKIATHEIRS", "theirs")

    def user(self, name: str, *, region: str = "us-east-1") -> Any:
        iam = self.client("iam", "AKIAOURS", "ours")
        iam.create_user(UserName=name)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return self.client("glue", made["AccessKeyId"], made["SecretAccessKey"], region=region)

    def role(self, name: str) -> Any:
        iam = self.client("iam", "AKIAOURS", "ours")
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        sts = self.client("sts", "AKIAOURS", "ours")
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return self.client("glue", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def put(self, *statements: dict[str, Any]) -> None:
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        self.root.put_resource_policy(PolicyInJson=json.dumps(policy))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    directory: Path = tmp_path_factory.mktemp("known")
    keys = [("AKIAOURS", "ours", OURS), ("AKIATHEIRS", "theirs", THEIRS)]
    settings = "".join(
        f'[[access_keys]]\naccess_key_id = "{key}"\nsecret_access_key = "{secret}"\naccount_id = "{account}"\n'
        f'principal_arn = "arn:aws:iam::{account}:root"\n'
        for key, secret, account in keys
    )
    (directory / "mastic.toml").write_text(settings)
    server = Server(directory / "data", {"MASTIC_CONFIG": str(directory / "mastic.toml")}).start()
    found = Known(server)
    glue = found.root
    for database in ("open", "secret"):
        glue.create_database(DatabaseInput={"Name": database})
        for table in ("one", "two"):
            columns = [{"Name": "c", "Type": "string"}]
            partitions = [{"Name": "y", "Type": "int"}]
            glue.create_table(
                DatabaseName=database,
                TableInput={
                    "Name": table,
                    "StorageDescriptor": {"Columns": columns},
                    "PartitionKeys": partitions,
                },
            )
    yield found
    server.stop()


def denied(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(raised.value)


def rest(known: Known, glue: Any, method: str, path: str) -> int:
    """The status of a request to the Iceberg REST catalog by the user of a client."""
    request = AWSRequest(method=method, url=known.server.endpoint + path)
    SigV4Auth(glue._request_signer._credentials, "glue", "us-east-1").add_auth(request)
    return urllib3.request(method, request.url, headers=dict(request.headers)).status


def statement(effect: str, principal: Any, actions: Any, *paths: str, **more: Any) -> dict[str, Any]:
    return {
        "Effect": effect, "Principal": principal, "Action": actions, "Resource": [ROOT + p for p in paths], **more,
    }  # fmt: skip


def test_a_denied_table_is_out_of_reach_of_that_user_alone(known: Known, name: str) -> None:
    user, other = known.user(name), known.user(name + "x")
    who = {"AWS": f"arn:aws:iam::{OURS}:user/{name}"}
    known.put(statement("Deny", who, "glue:*", "table/secret/one"))
    at = {"DatabaseName": "secret", "TableName": "one"}
    assert (
        f"user/{name} is not authorized to perform: glue:GetTable on resource: {ROOT}table/secret/one"
        in denied(user.get_table, DatabaseName="SECRET", Name="One")
    )
    denied(user.get_partitions, **at)
    denied(user.create_partition, **at, PartitionInput={"Values": ["1"]})
    denied(user.update_table, DatabaseName="secret", TableInput={"Name": "one"})
    denied(user.batch_delete_table, DatabaseName="secret", TablesToDelete=["two", "one"])
    # A list would show it.
    denied(user.get_tables, DatabaseName="secret")
    denied(user.search_tables, SearchText="c")
    assert user.get_table(DatabaseName="secret", Name="two")["Table"]["Name"] == "two"
    assert len(user.get_tables(DatabaseName="open")["TableList"]) == 2
    assert other.get_table(DatabaseName="secret", Name="one")["Table"]["Name"] == "one"
    assert len(known.root.get_tables(DatabaseName="secret")["TableList"]) == 2
    # No way round by the Iceberg REST catalog or a resource link.
    assert rest(known, user, "GET", "/iceberg/v1/namespaces/secret/tables/one") == 403
    assert rest(known, user, "GET", "/iceberg/v1/namespaces/secret/tables") == 403
    assert rest(known, other, "GET", "/iceberg/v1/namespaces/secret/tables") == 200
    target = {"CatalogId": OURS, "DatabaseName": "secret"}
    user.create_database(DatabaseInput={"Name": name, "TargetDatabase": target})
    denied(user.get_table, DatabaseName=name, Name="one")
    user.create_table(
        DatabaseName="open", TableInput={"Name": name, "TargetTable": {**target, "Name": "one"}}
    )
    denied(user.get_table, DatabaseName="open", Name=name)
    known.root.delete_table(DatabaseName="open", Name=name)
    known.root.delete_database(Name=name)


def test_a_link_in_another_region_is_no_way_round(known: Known, name: str) -> None:
    user = known.user(name, region="eu-west-1")
    target = {"CatalogId": OURS, "DatabaseName": "secret", "Region": "us-east-1"}
    user.create_database(DatabaseInput={"Name": name, "TargetDatabase": target})
    user.create_database(DatabaseInput={"Name": name + "own"})
    link = {"Name": "link", "TargetTable": {**target, "Name": "one"}}
    user.create_table(DatabaseName=name + "own", TableInput=link)
    assert user.get_table(DatabaseName=name, Name="one")
    who = {"AWS": f"arn:aws:iam::{OURS}:user/{name}"}
    known.put(statement("Deny", who, "glue:*", "table/secret/one"))
    refused = denied(user.get_table, DatabaseName=name, Name="one")
    assert f"glue:GetTable on resource: {ROOT}table/secret/one" in refused
    denied(user.get_table, DatabaseName=name + "own", Name="link")
    denied(user.get_tables, DatabaseName=name)
    unfiltered = {
        "CatalogId": OURS,
        "DatabaseName": "secret",
        "SupportedPermissionTypes": ["COLUMN_PERMISSION"],
    }
    denied(user.get_unfiltered_table_metadata, **unfiltered, Name="one", Region="us-east-1")
    assert user.get_table(DatabaseName=name, Name="two")
    known.root.delete_resource_policy()
    # And the policies of the region where the call is made are its own.
    there = known.client("glue", "AKIAOURS", "ours", region="eu-west-1")
    one = statement("Deny", who, "glue:GetTable", "*")
    one["Resource"] = one["Resource"][0].replace("us-east-1", "eu-west-1")
    there.put_resource_policy(PolicyInJson=json.dumps({"Version": "2012-10-17", "Statement": [one]}))
    denied(user.get_table, DatabaseName=name, Name="two")
    there.delete_resource_policy()


def test_a_denied_role_is_known_by_its_path_and_conditions_hold(known: Known, name: str) -> None:
    session = known.role(name)
    role = {"AWS": f"arn:aws:iam::{OURS}:role/team/{name}"}
    known.put(statement("Deny", role, ["glue:Delete*"], "catalog"))
    denied(session.delete_database, Name="open")
    assert session.get_database(Name="open")
    condition = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OURS}:role/team/*"}}
    known.put(statement("Deny", "*", "glue:GetDatabase", "database/open", Condition=condition))
    denied(session.get_database, Name="open")
    assert known.root.get_database(Name="open")
    everyone_else = {
        "Effect": "Deny", "NotPrincipal": role, "Action": "glue:GetDatabase", "Resource": ROOT + "database/open",
    }  # fmt: skip
    known.put(everyone_else)
    assert session.get_database(Name="open")
    denied(known.root.get_database, Name="open")


def test_another_accounts_catalog_opens_by_its_policy_only(known: Known) -> None:
    known.put(statement("Allow", {"AWS": OURS}, "glue:*", "*"))
    stranger = known.stranger
    at = {"CatalogId": OURS, "DatabaseName": "open"}
    assert f"arn:aws:iam::{THEIRS}:root is not authorized" in denied(stranger.get_table, **at, Name="one")
    reading = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables"]
    known.put(statement("Allow", {"AWS": THEIRS}, reading, "catalog", "database/open", "table/open/*"))
    found = stranger.get_table(**at, Name="one")["Table"]
    assert (found["CatalogId"], found["Name"]) == (OURS, "one")
    assert [t["Name"] for t in stranger.get_tables(**at)["TableList"]] == ["one", "two"]
    denied(stranger.get_table, CatalogId=OURS, DatabaseName="secret", Name="one")
    denied(stranger.delete_table, **at, Name="one")
    denied(stranger.get_databases, CatalogId=OURS)
    # Their own catalog is another one.
    assert stranger.get_databases()["DatabaseList"] == []


def test_what_could_never_decide_is_refused_and_the_root_is_never_shut_out(known: Known) -> None:
    def refused(one: dict[str, Any]) -> str:
        with pytest.raises(ClientError) as raised:
            known.put(one)
        assert raised.value.response["Error"]["Code"] == "InvalidInputException"
        return str(raised.value)

    unknown = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    assert "aws:PrincipalOrgID" in refused(statement("Deny", "*", "glue:*", "catalog", Condition=unknown))
    elsewhere = {**statement("Deny", "*", "glue:*"), "Resource": f"arn:aws:glue:us-east-1:{THEIRS}:catalog"}
    assert THEIRS in refused(elsewhere)
    known.put(statement("Deny", "*", "glue:*", "*"))
    denied(known.root.get_databases)
    known.root.delete_resource_policy()
    assert known.root.get_databases()["DatabaseList"]
