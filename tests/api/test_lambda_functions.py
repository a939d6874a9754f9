"""Functions, versions, aliases, policies, layers and settings over HTTP."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import urllib.error
import urllib.request
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.lambdas import ROLE, create, package
from tests.conftest import Server

ECHO = "def handle(event, context):\n    return event\n"


def _refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.fixture
def client(server: Server) -> Any:
    return server.client("lambda")


def test_a_function_from_creation_to_deletion(client: Any, name: str) -> None:
    made = create(client, name, ECHO, Description="d", Timeout=7, MemorySize=256, Tags={"a": "1"},
                  Environment={"Variables": {"KEY": "v"}})  # fmt: skip
    code = package(handler=ECHO)
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
    assert (made["State"], made["LastUpdateStatus"], made["Version"]) == ("Active", "Successful", "$LATEST")
    assert made["CodeSize"] == len(code)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    found = client.get_function(FunctionName=made["FunctionArn"])
    assert found["Tags"] == {"a": "1"}
    assert found["Configuration"]["Environment"] == {"Variables": {"KEY": "v"}}
    assert urllib.request.urlopen(found["Code"]["Location"]).read() == code
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(found["Code"]["Location"][:-1] + "x")
    assert _refusal(create, client=client, name=name, code=ECHO)[0] == "ResourceConflictException"
    changed = client.update_function_configuration(
        FunctionName=name, Timeout=9, Environment={"Variables": {}}
    )
    assert changed["Timeout"] == 9
    assert changed["MemorySize"] == 256
    assert "Environment" not in changed
    assert changed["RevisionId"] != made["RevisionId"]
    assert _refusal(
        client.update_function_configuration, FunctionName=name, Timeout=3, RevisionId=made["RevisionId"]
    )[0] == "PreconditionFailedException"  # fmt: skip
    client.tag_resource(Resource=made["FunctionArn"], Tags={"b": "2"})
    client.untag_resource(Resource=made["FunctionArn"], TagKeys=["a"])
    assert client.list_tags(Resource=made["FunctionArn"])["Tags"] == {"b": "2"}
    assert client.delete_function(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    code_, message = _refusal(client.get_function, FunctionName=name)
    assert code_ == "ResourceNotFoundException"
    assert made["FunctionArn"] in message


def test_code_comes_from_s3_too(client: Any, name: str, server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    code = package(handler=ECHO)
    s3.put_object(Bucket=name, Key="f.zip", Body=code)
    settings = {"Runtime": "python3.12", "Role": ROLE, "Handler": "handler.handle"}
    client.create_function(FunctionName=name, Code={"S3Bucket": name, "S3Key": "f.zip"}, **settings)
    assert json.load(client.invoke(FunctionName=name, Payload=b'{"a":1}')["Payload"]) == {"a": 1}
    code_, message = _refusal(client.update_function_code, FunctionName=name, S3Bucket=name, S3Key="none")
    assert code_ == "InvalidParameterValueException"
    assert "NoSuchKey" in message


def test_what_cannot_run_here_is_refused(client: Any, name: str) -> None:
    code = {"ZipFile": package(handler=ECHO)}
    base = {"FunctionName": name, "Role": ROLE}
    for more, text in (
        ({"Runtime": "nodejs22.x", "Handler": "index.handler", "Code": code}, "nodejs22.x does not run here"),
        ({"PackageType": "Image", "Code": {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"}}, "images"),
        ({"Runtime": "python3.12", "Handler": "h.h", "Code": {"ZipFile": b"no zip"}}, "Could not unzip"),
        ({"Runtime": "python3.12", "Handler": "h.h", "Code": {"ZipFile": _traversal("../x.py")}}, "leads out"),
        ({"Runtime": "python3.12", "Handler": "h.h", "Code": {"ZipFile": _traversal("/etc/x.py")}}, "leads out"),
        ({"Runtime": "python3.12", "Code": code}, "Handler is mandatory"),
        (
            {"Runtime": "python3.12", "Handler": "h.h", "Code": code,
             "Environment": {"Variables": {"AWS_REGION": "x"}}},
            "reserved keys",
        ),
        (
            {"Runtime": "python3.12", "Handler": "h.h", "Code": code, "Layers": [
                "arn:aws:lambda:us-east-1:123456789012:layer:none:1"]},
            "does not exist",
        ),
    ):  # fmt: skip
        assert _refusal(client.create_function, **base, **more)[0] == "InvalidParameterValueException"
        assert text in _refusal(client.create_function, **base, **more)[1]
    assert "Function URLs" in _refusal(
        client.create_function_url_config, FunctionName=name, AuthType="NONE"
    )[1]  # fmt: skip


def _traversal(path: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(path, "x = 1")
    return data.getvalue()


def test_versions_and_aliases(client: Any, name: str) -> None:
    create(client, name, "def handle(event, context):\n    return 1\n")
    one = client.publish_version(FunctionName=name, Description="first")
    assert one["Version"] == "1"
    assert one["FunctionArn"].endswith(f":{name}:1")
    assert client.publish_version(FunctionName=name)["Version"] == "1", "nothing changed since"
    client.update_function_code(
        FunctionName=name,
        ZipFile=package(handler="def handle(event, context):\n    return 2\n"),
        Publish=True,
    )
    versions = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert [v["Version"] for v in versions] == ["$LATEST", "1", "2"]
    alias = client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert alias["AliasArn"].endswith(f":{name}:live")
    answers = [
        json.load(client.invoke(FunctionName=name, Qualifier=q)["Payload"])
        for q in ("live", "1", "2", "$LATEST")
    ]
    assert answers == [1, 1, 2, 2]
    assert client.invoke(FunctionName=f"{name}:live")["ExecutedVersion"] == "1"
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert json.load(client.invoke(FunctionName=alias["AliasArn"])["Payload"]) == 2
    assert [a["Name"] for a in client.list_aliases(FunctionName=name, FunctionVersion="2")["Aliases"]] == [
        "live"
    ]
    assert (
        _refusal(client.delete_function, FunctionName=name, Qualifier="2")[0] == "ResourceConflictException"
    )
    client.delete_alias(FunctionName=name, Name="live")
    client.delete_function(FunctionName=name, Qualifier="2")
    assert _refusal(client.invoke, FunctionName=name, Qualifier="live")[0] == "ResourceNotFoundException"
    assert client.get_function(FunctionName=name, Qualifier="1")["Configuration"]["Description"] == "first"


def test_the_policy_lets_a_bucket_in(client: Any, name: str, server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    arn = create(client, name, ECHO)["FunctionArn"]
    rule = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    configure = s3.put_bucket_notification_configuration
    assert _refusal(configure, Bucket=name, NotificationConfiguration=rule)[0] == "InvalidArgument"
    assert _refusal(client.get_policy, FunctionName=name)[0] == "ResourceNotFoundException"
    permission = {
        "FunctionName": name, "StatementId": "s3", "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::other", "SourceAccount": "123456789012",
    }  # fmt: skip
    client.add_permission(**permission)
    assert _refusal(configure, Bucket=name, NotificationConfiguration=rule)[0] == "InvalidArgument"
    assert _refusal(client.add_permission, **permission)[0] == "ResourceConflictException"
    client.remove_permission(FunctionName=name, StatementId="s3")
    statement = json.loads(
        client.add_permission(**{**permission, "SourceArn": f"arn:aws:s3:::{name}"})["Statement"]
    )
    assert statement["Condition"]["ArnLike"] == {"AWS:SourceArn": f"arn:aws:s3:::{name}"}
    assert json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"] == [statement]
    configure(Bucket=name, NotificationConfiguration=rule)
    client.remove_permission(FunctionName=name, StatementId="s3")
    assert (
        _refusal(client.remove_permission, FunctionName=name, StatementId="s3")[0]
        == "ResourceNotFoundException"
    )


def test_layers_are_on_the_path(client: Any, name: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("python/shared_thing.py", "VALUE = 41")
    layer = client.publish_layer_version(
        LayerName=name, Content={"ZipFile": data.getvalue()}, CompatibleRuntimes=["python3.12"]
    )
    assert layer["Version"] == 1
    made = create(client, name, "import shared_thing\ndef handle(e, c):\n    return shared_thing.VALUE + 1\n",
                  Layers=[layer["LayerVersionArn"]])  # fmt: skip
    assert made["Layers"] == [{"Arn": layer["LayerVersionArn"], "CodeSize": len(data.getvalue())}]
    assert json.load(client.invoke(FunctionName=name)["Payload"]) == 42
    assert client.publish_layer_version(LayerName=name, Content={"ZipFile": data.getvalue()})["Version"] == 2
    listed = client.list_layer_versions(LayerName=name)["LayerVersions"]
    assert [v["Version"] for v in listed] == [2, 1]
    client.delete_layer_version(LayerName=name, VersionNumber=2)
    assert (
        _refusal(client.get_layer_version, LayerName=name, VersionNumber=2)[0] == "ResourceNotFoundException"
    )


def test_settings_of_concurrency_and_events(client: Any, name: str) -> None:
    create(client, name, ECHO)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert client.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 0
    assert _refusal(client.invoke, FunctionName=name)[0] == "TooManyRequestsException"
    client.delete_function_concurrency(FunctionName=name)
    assert client.invoke(FunctionName=name)["StatusCode"] == 200
    get = client.get_function_event_invoke_config
    assert _refusal(get, FunctionName=name)[0] == "ResourceNotFoundException"
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    client.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=60)
    found = get(FunctionName=name)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 60)
    client.delete_function_event_invoke_config(FunctionName=name)
    assert client.get_account_settings()["AccountUsage"]["FunctionCount"] >= 1


def test_functions_are_listed_in_pages(client: Any, name: str) -> None:
    names = [f"{name}-{number}" for number in range(3)]
    for each in names:
        create(client, each, ECHO)
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
    assert set(names) <= {f["FunctionName"] for page in pages for f in page["Functions"]}
    assert _refusal(client.list_functions, Marker="garbage")[0] == "InvalidParameterValueException"
