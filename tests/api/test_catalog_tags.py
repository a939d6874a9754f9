"""Tags of every resource of the catalog that takes them, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server

ROOT = "arn:aws:glue:us-east-1:123456789012:"


@pytest.fixture(scope="module")
def glue(server: Server) -> Any:
    # What botocore would refuse itself must reach the server.
    return server.client("glue", parameter_validation=False)


def code(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    return str(raised.value.response["Error"]["Code"])


def test_every_resource_takes_tags_and_loses_them_with_its_life(glue: Any, name: str) -> None:
    function = {"FunctionName": "F", "ClassName": "c"}
    connection = {"Name": name, "ConnectionType": "NETWORK", "ConnectionProperties": {}}
    inner = {"CatalogId": f"123456789012:{name}"}

    def make() -> None:
        glue.create_database(DatabaseInput={"Name": name})
        glue.create_table(DatabaseName=name, TableInput={"Name": "T"})
        glue.create_user_defined_function(DatabaseName=name, FunctionInput=function)
        glue.create_connection(ConnectionInput=connection)
        glue.create_catalog(Name=name, CatalogInput={})
        glue.create_database(**inner, DatabaseInput={"Name": name})
        glue.create_table(**inner, DatabaseName=name, TableInput={"Name": "t"})

    def remove() -> None:
        glue.delete_database(Name=name)
        glue.delete_connection(ConnectionName=name)
        glue.delete_database(**inner, Name=name)
        glue.delete_catalog(**inner)

    arns = [
        ROOT + path
        for path in (
            f"database/{name}", f"table/{name}/t", f"userDefinedFunction/{name}/f", f"connection/{name}",
            f"catalog/{name}", f"database/{name}/{name}", f"table/{name}/{name}/t",
        )
    ]  # fmt: skip
    make()
    for number, arn in enumerate(arns):
        glue.tag_resource(ResourceArn=arn, TagsToAdd={"number": str(number), "k": "v"})
        glue.untag_resource(ResourceArn=arn, TagsToRemove=["k", "never there"])
    assert [glue.get_tags(ResourceArn=arn)["Tags"] for arn in arns] == [
        {"number": str(number)} for number in range(len(arns))
    ]
    remove()
    assert {code(glue.get_tags, ResourceArn=arn) for arn in arns} == {"EntityNotFoundException"}
    make()
    assert [glue.get_tags(ResourceArn=arn)["Tags"] for arn in arns] == [{}] * len(arns)
    glue.tag_resource(ResourceArn=arns[2], TagsToAdd={"k": "v"})
    glue.delete_user_defined_function(DatabaseName=name, FunctionName="f")
    glue.create_user_defined_function(DatabaseName=name, FunctionInput=function)
    assert glue.get_tags(ResourceArn=arns[2])["Tags"] == {}
    remove()


def test_fifty_tags_and_no_more(glue: Any, name: str) -> None:
    fifty = {f"k{n}": "v" for n in range(50)}
    glue.create_database(DatabaseInput={"Name": name}, Tags=fifty)
    arn = f"{ROOT}database/{name}"
    assert code(glue.tag_resource, ResourceArn=arn, TagsToAdd={"one": "more"}) == "InvalidInputException"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == fifty
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"k0": "other"})
    assert glue.get_tags(ResourceArn=arn)["Tags"]["k0"] == "other"
    for tags in ({"k" * 129: "v"}, {"k": "v" * 257}, {"": "v"}, {**fifty, "more": "v"}):
        wrong = code(glue.create_database, DatabaseInput={"Name": name + "x"}, Tags=tags)
        assert wrong in ("ValidationException", "InvalidInputException", "ParamValidationError")
    assert code(glue.get_database, Name=name + "x") == "EntityNotFoundException"
