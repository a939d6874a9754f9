"""Every kind of node of a visual job has a generator whose script is Python, or is refused by name."""

from __future__ import annotations

import ast
import builtins
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from mastic.errors import ServiceError
from mastic.glue.jobs.codegen.script import GENERATORS, NOT_GENERATED, generate

MODEL = botocore.session.get_session().get_service_model("glue")
KINDS = sorted(MODEL.shape_for("CodeGenConfigurationNode").members)
# Where a text has to be of a kind that the model does not say.
TEXTS = {
    "NumberTargetPartitions": "2",
    "ClassName": "MyTransform",
    "Code": "    return dfc",
    "AggFunc": "sum",
}
SOURCE = {"S3CsvSource": {"Name": "in", "Paths": ["s3://b/in/"], "Separator": "comma", "QuoteChar": "quote"}}


def sample(shape: Any, *, whole: bool, name: str = "", depth: int = 0) -> Any:
    """A value of a shape: with all members, or with those alone that are required."""
    if shape.type_name == "structure":
        kept = shape.members if whole and depth < 4 else shape.required_members
        return {one: sample(shape.members[one], whole=whole, name=one, depth=depth + 1) for one in kept}
    if shape.type_name == "list":
        if name == "Children":
            return []
        return [sample(shape.member, whole=whole, name=name, depth=depth + 1)]
    if shape.type_name == "map":
        return {"k": sample(shape.value, whole=whole, name=name, depth=depth + 1)}
    if shape.type_name == "timestamp":
        return datetime(2026, 1, 1, tzinfo=UTC)
    if shape.type_name in ("integer", "long"):
        return 2
    if shape.type_name in ("double", "float"):
        return 0.5
    if shape.type_name == "boolean":
        return True
    return TEXTS.get(name) or (shape.enum[0] if shape.enum else f'a {name}\'s "text"')


def node(kind: str, *, whole: bool) -> dict[str, Any]:
    """A node of this kind, with two inputs where it takes inputs."""
    body = sample(MODEL.shape_for("CodeGenConfigurationNode").members[kind], whole=whole)
    members = MODEL.shape_for("CodeGenConfigurationNode").members[kind].members
    if "Inputs" in members:
        two = members["Inputs"].name in ("TwoInputs", "ManyInputs")
        body["Inputs"] = ["n1", "n2"] if two else ["n1"]
    if kind == "Join":
        body["Columns"] = [{"From": "n1", "Keys": [["a"]]}, {"From": "n2", "Keys": [["b"]]}]
    if kind == "Merge":
        body["Source"] = "n2"
    if kind == "SparkSQL":
        body["SqlAliases"] = [{"From": "n1", "Alias": "one"}, {"From": "n2", "Alias": "two"}]
    if kind in ("Filter", "Route"):
        test = {"Operation": "GT", "Values": [
            {"Type": "COLUMNEXTRACTED", "Value": ["a", "b"]}, {"Type": "CONSTANT", "Value": ["10"]}
        ]}  # fmt: skip
        body.setdefault("LogicalOperator", "AND")
        body["Filters"] = [test, {**test, "Negated": True}]
        body["GroupFiltersList"] = [{"GroupName": "g", "Filters": [test], "LogicalOperator": "OR"}]
    if kind == "DynamicTransform":
        body["Parameters"] = [
            {"Name": "p", "Type": "list", "ListType": "int", "Value": ["1", "2"]},
            {"Name": "q", "Type": "null"},
        ]
    if kind == "ApplyMapping":
        body["Mapping"] = body["Mapping"] if whole else [{"FromPath": ["a"], "FromType": "int", "ToKey": "b"}]
    if kind == "DynamoDBELTConnectorSource":
        body["ConnectionOptions"] = {"DynamodbTableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t"}
    if kind == "S3IcebergDirectTarget":
        body["SchemaChangePolicy"] = {"Database": "d", "Table": "t"}
    return {kind: body}


def test_every_kind_is_known() -> None:
    assert sorted([*GENERATORS, *NOT_GENERATED]) == KINDS


@pytest.mark.parametrize("whole", [False, True], ids=["least", "whole"])
@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_a_script_of_every_kind(kind: str, whole: bool) -> None:
    nodes = {"n1": SOURCE, "n2": {"S3CsvSource": {**SOURCE["S3CsvSource"], "Name": "other"}}}
    made = generate({**nodes, "n3": node(kind, whole=whole)})
    tree = ast.parse(made)
    compile(tree, "script.py", "exec")
    assert f"# {kind}: " in made
    defined = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
    called = {
        one.func.id for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
    }
    imported = {
        alias.name for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) for alias in one.names
    }
    assert called <= defined | imported | set(dir(builtins))


@pytest.mark.parametrize("name", ["a b", "class", 'x"', "", "a=1, b"])
def test_names_of_parameters_are_names_of_python(name: str) -> None:
    parameter = {"Name": name, "Type": "str", "Value": ["v"]}
    custom = {
        "Name": "t", "TransformName": "t", "Inputs": ["in"], "Parameters": [parameter], "FunctionName": "f",
        "Path": "s3://b/f.py",
    }  # fmt: skip
    with pytest.raises(ServiceError, match="is no name of Python"):
        generate({"in": SOURCE, "t": {"DynamicTransform": custom}})


@pytest.mark.parametrize("kind", sorted(NOT_GENERATED))
def test_what_cannot_be_generated_is_named(kind: str) -> None:
    with pytest.raises(ServiceError, match=f"node n3 is of the kind {kind}: ") as raised:
        generate({"n1": SOURCE, "n3": node(kind, whole=True)})
    assert raised.value.code == "InvalidInputException"


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"a": {}}, "has to be of one kind"),
        ({"a": {**SOURCE, "Union": {}}}, "has to be of one kind"),
        ({"a": {"DropFields": {"Name": "d", "Inputs": ["b"], "Paths": [["x"]]}}}, "which is no node"),
        ({"a": {"DropFields": {"Name": "d", "Inputs": ["a"], "Paths": [["x"]]}}}, "in a circle"),
        ({"a": {"DropFields": {"Name": "d", "Inputs": [], "Paths": [["x"]]}}}, "has no input"),
    ],
)
def test_what_is_no_graph(nodes: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        generate(nodes)


def test_texts_stay_texts() -> None:
    """Nothing that a user writes becomes code, except where it is code."""
    nasty = 'x"); import os; os.abort(); ("\n\'\\'
    made = generate(
        {
            "n1": {"S3JsonSource": {"Name": nasty, "Paths": [nasty]}},
            "n2": {"SparkSQL": {
                "Name": nasty, "Inputs": ["n1"], "SqlQuery": nasty, "SqlAliases": [{"From": "n1", "Alias": nasty}],
            }},
        }
    )  # fmt: skip
    tree = ast.parse(made)
    imports = [one for one in ast.walk(tree) if isinstance(one, ast.Import)]
    assert [alias.name for one in imports for alias in one.names] == ["sys"]
    texts = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)]
    assert texts.count(nasty) == 3
