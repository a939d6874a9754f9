"""DynamoDB as source and sink, against the one that Mastic embeds."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest


@pytest.fixture
def table(server):
    import boto3

    client = boto3.client("dynamodb")
    name = f"t-{uuid.uuid4().hex[:8]}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    return client, name


def test_read(glue, table, records):
    client, name = table
    client.put_item(
        TableName=name,
        Item={
            "id": {"S": "a"},
            "n": {"N": "5"},
            "f": {"N": "1.5"},
            "m": {"M": {"x": {"BOOL": True}}},
            "l": {"L": [{"N": "1"}]},
            "ss": {"SS": ["p"]},
            "z": {"NULL": True},
        },
    )
    client.put_item(TableName=name, Item={"id": {"S": "b"}, "n": {"S": "five"}})
    frame = glue.create_dynamic_frame.from_options(
        "dynamodb", {"dynamodb.input.tableName": name, "dynamodb.splits": "3"}
    )
    assert list(frame.schema().getField("n").dataType.choices) == ["int", "string"]
    empty = {"f": None, "m": None, "l": None, "ss": None, "z": None}
    assert records(frame) == [
        {"id": "a", "n": 5, "f": 1.5, "m": {"x": True}, "l": [1], "ss": ["p"], "z": None},
        {"id": "b", "n": "five", **empty},
    ]


def test_write(glue, table, frame):
    client, name = table
    source = frame(
        "id string, n bigint, d decimal(9,2), s struct<x:string>, l array<int>, z string",
        [(f"k{n}", n, Decimal("1.50"), ("q",), [1, n], None) for n in range(60)],
    )
    glue.write_dynamic_frame.from_options(source, "dynamodb", {"dynamodb.output.tableName": name})
    items = {
        item["id"]["S"]: item
        for page in client.get_paginator("scan").paginate(TableName=name)
        for item in page["Items"]
    }
    assert len(items) == 60
    assert items["k7"] == {
        "id": {"S": "k7"},
        "n": {"N": "7"},
        "d": {"N": "1.5"},
        "s": {"M": {"x": {"S": "q"}}},
        "l": {"L": [{"N": "1"}, {"N": "7"}]},
    }


def test_options(glue):
    with pytest.raises(ValueError, match="tableName"):
        glue.create_dynamic_frame.from_options("dynamodb", {})
    with pytest.raises(NotImplementedError, match="export"):
        glue.create_dynamic_frame.from_options(
            "dynamodb", {"dynamodb.export": "ddb", "dynamodb.tableArn": "x"}
        )


def test_typed_json_helpers(json_frame, records):
    exported = json_frame(
        {
            "Item": {
                "id": {"S": "a"},
                "n": {"N": "5"},
                "m": {"M": {"x": {"S": "q"}, "b": {"BOOL": True}}},
                "l": {"L": [{"S": "p"}]},
            }
        }
    )
    assert records(exported.simplify_ddb_json()) == [
        {"id": "a", "n": "5", "m": {"x": "q", "b": True}, "l": ["p"]}
    ]
    flat = exported.unnest_ddb_json()
    assert {field.name for field in flat.schema()} == {"id", "n", "m.x", "m.b", "l"}
