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
        [(f"k{n}", n, Decimal("1.5"), ("q",), [1, n], None) for n in range(60)],
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
    arn = {"dynamodb.tableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t"}
    place = {"dynamodb.s3.bucket": "b"}
    for given, kind, said in [
        ({"dynamodb.export": "ddb", **place}, ValueError, "tableArn"),
        ({"dynamodb.export": "ddb", **arn}, ValueError, "TempDir"),
        ({"dynamodb.export": "file", **arn, **place}, ValueError, '"ddb" or "s3"'),
        (
            {
                "dynamodb.export": "s3",
                **arn,
                **place,
                "dynamodb.simplifyDDBJson": True,
                "dynamodb.unnestDDBJson": "true",
            },
            ValueError,
            "cannot both be true",
        ),
        (
            {"dynamodb.export": "ddb", **arn, **place, "dynamodb.exportTime": "2026-01-01T00:00:00Z"},
            NotImplementedError,
            "exportTime",
        ),
    ]:
        with pytest.raises(kind, match=said):
            glue.create_dynamic_frame.from_options("dynamodb", given)


ITEMS = [
    {
        "id": {"S": "a"},
        "n": {"N": "5"},
        "b": {"B": b"\x00\xff"},
        "m": {"M": {"child": {"M": {"x": {"S": "é"}}}, "N": {"N": "1.5"}}},
        "l": {"L": [{"S": "p"}]},
        "ns": {"NS": ["3"]},
        "ok": {"BOOL": True},
        "z": {"NULL": True},
    },
    {"id": {"S": "b"}, "n": {"S": "five"}},
    *({"id": {"S": f"k{n:03}"}, "n": {"N": str(n)}} for n in range(40)),
]


@pytest.fixture
def exported(table):
    """Options that export a table of ITEMS to a bucket of its own."""
    import boto3

    client, name = table
    for item in ITEMS:
        client.put_item(TableName=name, Item=item)
    bucket = f"exports-{name}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    return {
        "dynamodb.export": "ddb",
        "dynamodb.tableArn": arn,
        "dynamodb.s3.bucket": bucket,
        "dynamodb.s3.prefix": "exports/daily",
    }


def recoverable(table):
    client, name = table
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )


def test_an_export_has_the_items_as_they_are_typed(glue, table, exported, records):
    import boto3

    recoverable(table)
    frame = glue.create_dynamic_frame.from_options("dynamodb", exported)
    assert [field.name for field in frame.schema()] == ["Item"]
    rows = {row["Item"]["id"]["S"]: row["Item"] for row in records(frame)}
    assert rows.keys() == {item["id"]["S"] for item in ITEMS}
    assert (rows["b"]["n"], rows["k007"]["n"]) == ({"N": None, "S": "five"}, {"N": "7", "S": None})
    assert (rows["a"]["b"], rows["a"]["ns"], rows["a"]["z"]) == ({"B": "AP8="}, {"NS": ["3"]}, {"NULL": True})
    assert rows["a"]["m"] == {"M": {"child": {"M": {"x": {"S": "é"}}}, "N": {"N": "1.5"}}}

    # What it left in the bucket is an export, which is read without another one.
    s3 = boto3.client("s3")
    listed = [one["Key"] for one in s3.list_objects_v2(Bucket=exported["dynamodb.s3.bucket"])["Contents"]]
    (summary,) = [key for key in listed if key.endswith("/manifest-summary.json")]
    folder = summary.removesuffix("/manifest-summary.json")
    assert folder.startswith("exports/daily/AWSDynamoDB/")
    assert {key.removeprefix(f"{folder}/").split("/")[0] for key in listed} == {
        "_started", "data", "manifest-files.checksum", "manifest-files.json", "manifest-summary.checksum",
        "manifest-summary.json",
    }  # fmt: skip
    client, name = table
    client.delete_table(TableName=name)
    past = {**exported, "dynamodb.export": "s3"}
    for prefix in ("exports/daily", "exports/daily/", folder, f"{folder}/data"):
        again = glue.create_dynamic_frame.from_options("dynamodb", {**past, "dynamodb.s3.prefix": prefix})
        assert {row["Item"]["id"]["S"]: row["Item"] for row in records(again)} == rows


def test_a_simplified_export(glue, table, exported, records):
    recoverable(table)
    frame = glue.create_dynamic_frame.from_options(
        "dynamodb", {**exported, "dynamodb.simplifyDDBJson": "true"}
    )
    rows = {row["id"]: row for row in records(frame)}
    assert len(rows) == len(ITEMS)
    assert rows["a"] == {
        "id": "a", "n": "5", "b": "AP8=", "m": {"child": {"x": "é"}, "N": "1.5"}, "l": ["p"], "ns": ["3"], "ok": True,
        "z": None,
    }  # fmt: skip
    assert (rows["b"]["n"], rows["k007"]["n"]) == ("five", "7")
    past = {**exported, "dynamodb.export": "s3", "dynamodb.unnestDDBJson": True}
    flat = glue.create_dynamic_frame.from_options("dynamodb", past)
    assert {"id", "n", "m.child.x", "m.N", "l"} <= {field.name for field in flat.schema()}
    assert flat.count() == len(ITEMS)


def test_what_is_no_export(glue, table, exported):
    import boto3

    with pytest.raises(Exception, match="PointInTimeRecoveryUnavailableException"):
        glue.create_dynamic_frame.from_options("dynamodb", exported).count()
    recoverable(table)
    other = exported["dynamodb.tableArn"].replace("123456789012", "210987654321")
    with pytest.raises(Exception, match="TableNotFoundException"):
        glue.create_dynamic_frame.from_options("dynamodb", {**exported, "dynamodb.tableArn": other}).count()
    with pytest.raises(Exception, match=r"403|AccessDenied|Forbidden"):
        glue.create_dynamic_frame.from_options(
            "dynamodb", {**exported, "dynamodb.s3.bucketOwner": "210987654321"}
        ).count()
    past = {**exported, "dynamodb.export": "s3"}
    with pytest.raises(ValueError, match="has 0 exports"):
        glue.create_dynamic_frame.from_options("dynamodb", past).count()
    for _ in range(2):
        glue.create_dynamic_frame.from_options("dynamodb", exported).count()
    with pytest.raises(ValueError, match="has 2 exports"):
        glue.create_dynamic_frame.from_options("dynamodb", past).count()

    # One that has lost something, or is not finished, is not taken for whole.
    s3, bucket = boto3.client("s3"), exported["dynamodb.s3.bucket"]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    summary = next(key for key in keys if key.endswith("/manifest-summary.json"))
    one = {**past, "dynamodb.s3.prefix": summary.removesuffix("/manifest-summary.json")}
    files = summary.replace("summary", "files")
    told = s3.get_object(Bucket=bucket, Key=files)["Body"].read()
    s3.put_object(Bucket=bucket, Key=files, Body=told.replace(b'"itemCount": ', b'"itemCount": 1'))
    with pytest.raises(ValueError, match="manifest says 1"):
        glue.create_dynamic_frame.from_options("dynamodb", one).count()
    s3.delete_object(Bucket=bucket, Key=summary)
    with pytest.raises(ValueError, match="not finished"):
        glue.create_dynamic_frame.from_options("dynamodb", one).count()


def test_an_export_of_a_catalog_table(glue, table, exported, server):
    import boto3

    recoverable(table)
    catalog, name = boto3.client("glue"), table[1].replace("-", "_")
    catalog.create_database(DatabaseInput={"Name": name})
    descriptor = {"Columns": [], "Location": exported["dynamodb.tableArn"]}
    catalog.create_table(
        DatabaseName=name,
        TableInput={
            "Name": "t",
            "Parameters": {"classification": "dynamodb"},
            "StorageDescriptor": descriptor,
        },
    )
    options = {key: value for key, value in exported.items() if key != "dynamodb.tableArn"}
    frame = glue.create_dynamic_frame.from_catalog(name, "t", additional_options=options)
    assert frame.count() == len(ITEMS)


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
    # Maps are opened; lists stay lists.
    assert records(exported.unnest_ddb_json()) == [{"id": "a", "n": "5", "m.x": "q", "m.b": True, "l": ["p"]}]
