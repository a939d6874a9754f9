"""Iceberg tables made and changed by the catalog itself, and used by PyIceberg."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog.glue import GlueCatalog

if TYPE_CHECKING:
    from tests.conftest import Server


def field(number: int, name: str, type_: Any, required: bool = False) -> dict[str, Any]:
    return {"Id": number, "Name": name, "Type": type_, "Required": required}


FIELDS = [
    field(1, "id", "long", required=True),
    field(2, "price", "decimal(10, 2)"),
    field(3, "day", "date"),
    field(4, "words", {"type": "list", "element-id": 5, "element": "string", "element-required": False}),
]


def create(server: Server, name: str) -> Any:
    server.client("s3").create_bucket(Bucket=name)
    glue = server.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(
        DatabaseName=name,
        Name="T",
        OpenTableFormatInput={
            "IcebergInput": {
                "MetadataOperation": "CREATE",
                "Version": "2",
                "CreateIcebergTableInput": {
                    "Location": f"s3://{name}/t/",
                    "Schema": {"Type": "struct", "Fields": FIELDS},
                    "PartitionSpec": {"Fields": [{"SourceId": 3, "Transform": "identity", "Name": "day"}]},
                    "Properties": {"owner": "me"},
                },
            }
        },
    )
    return glue


def pyiceberg(server: Server) -> GlueCatalog:
    access = {
        "access-key-id": "test",
        "secret-access-key": "test",
        "region": "us-east-1",
        "endpoint": server.endpoint,
    }
    return GlueCatalog("g", **{f"{s}.{k}": v for s in ("glue", "s3") for k, v in access.items()})


def update(glue: Any, name: str, *updates: dict[str, Any], **more: Any) -> None:
    whole = [{"Schema": {"Fields": FIELDS}, "Location": f"s3://{name}/t", **one} for one in updates]
    wanted = {"UpdateIcebergInput": {"UpdateIcebergTableInput": {"Updates": whole}}}
    glue.update_table(DatabaseName=name, Name="t", UpdateOpenTableFormatInput=wanted, **more)


def metadata_files(server: Server, name: str) -> list[str]:
    listed = server.client("s3").list_objects_v2(Bucket=name)
    return [one["Key"] for one in listed.get("Contents", []) if one["Key"].endswith(".metadata.json")]


def all_at_once(calls: int, call: Callable[[int], Any]) -> list[str]:
    """Error codes of calls made at the same time."""

    def one(number: int) -> str:
        try:
            call(number)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(one, range(calls)))


def test_who_loses_a_race_leaves_no_metadata(server: Server, name: str) -> None:
    server.client("s3").create_bucket(Bucket=name)
    glue = server.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    columns = {"Columns": [{"Name": "a", "Type": "int"}], "Location": f"s3://{name}/t"}
    iceberg = {"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}}
    given = {"DatabaseName": name, "TableInput": {"Name": "t", "StorageDescriptor": columns}}
    codes = all_at_once(8, lambda number: glue.create_table(**given, OpenTableFormatInput=iceberg))
    assert sorted(codes) == [""] + ["AlreadyExistsException"] * 7
    assert len(metadata_files(server, name)) == 1
    properties = {
        "Action": "set-properties",
        "Properties": {"k": "v"},
        "Schema": {"Fields": []},
        "Location": "s3://x/",
    }
    wanted = {"UpdateIcebergInput": {"UpdateIcebergTableInput": {"Updates": [properties]}}}
    change = {"DatabaseName": name, "Name": "t", "UpdateOpenTableFormatInput": wanted}
    codes = all_at_once(8, lambda number: glue.update_table(**change))
    done = codes.count("")
    assert set(codes) <= {"", "ConcurrentModificationException"}
    assert len(metadata_files(server, name)) == 1 + done
    # Nor does what is refused for what it says.
    keys = [{"Name": "p", "Type": "int"}, {"Name": "P", "Type": "int"}]
    refused = {**change, "TableInput": {"Name": "t", "PartitionKeys": keys}}
    del refused["Name"]
    with pytest.raises(ClientError, match="Duplicate partition key"):
        glue.update_table(**refused)
    assert len(metadata_files(server, name)) == 1 + done


def test_a_table_is_created_filled_and_changed(server: Server, name: str) -> None:
    glue = create(server, name)
    seen = glue.get_table(DatabaseName=name, Name="t")["Table"]
    assert seen["Parameters"]["table_type"] == "ICEBERG"
    assert [(c["Name"], c["Type"]) for c in seen["StorageDescriptor"]["Columns"]] == [
        ("id", "bigint"),
        ("price", "decimal(10,2)"),
        ("day", "date"),
        ("words", "array<string>"),
    ]
    table = pyiceberg(server).load_table((name, "t"))
    assert [(f.name, str(f.transform)) for f in table.spec().fields] == [("day", "identity")]
    assert table.properties["owner"] == "me"
    rows = pa.Table.from_pylist([{"id": 1}], schema=table.schema().as_arrow())
    table.append(rows)
    more = {"Fields": [*FIELDS, field(9, "note", "string")]}
    update(
        glue,
        name,
        {"Action": "add-schema", "Schema": more},
        {"Action": "set-current-schema", "Schema": {**more, "SchemaId": -1}},
        {"Action": "set-properties", "Properties": {"k": "v"}},
    )
    again = pyiceberg(server).load_table((name, "t"))
    assert again.schema().column_names[-1] == "note"
    assert again.properties["k"] == "v"
    assert again.scan().to_arrow().num_rows == 1
    seen = glue.get_table(DatabaseName=name, Name="t")["Table"]
    assert seen["Parameters"]["previous_metadata_location"] == table.metadata_location
    assert seen["StorageDescriptor"]["Columns"][-1]["Name"] == "note"


def test_what_cannot_be_is_refused(server: Server, name: str) -> None:
    glue = create(server, name)

    def refused(**one: Any) -> str:
        version = one.pop("version", None)
        with pytest.raises(ClientError) as raised:
            update(glue, name, one, **({"VersionId": version} if version else {}))
        return str(raised.value.response["Error"]["Code"])

    assert (
        refused(Action="set-default-sort-order", SortOrder={"OrderId": 7, "Fields": []})
        == "InvalidInputException"
    )
    assert refused(Action="remove-encryption-key", KeyId="x") == "InvalidInputException"
    assert refused(Action="set-properties", Properties={}, version="9") == "ConcurrentModificationException"
    assert glue.get_table(DatabaseName=name, Name="t")["Table"]["VersionId"] == "0"
    with pytest.raises(ClientError, match="AlreadyExists"):
        glue.create_table(
            DatabaseName=name,
            Name="t",
            OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE"}},
        )


def test_a_table_from_its_columns(server: Server, name: str) -> None:
    glue = server.client("glue")
    server.client("s3").create_bucket(Bucket=name)
    glue.create_database(DatabaseInput={"Name": name})
    iceberg = {"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}}

    def make(columns: list[dict[str, str]], table: str = "t", **more: Any) -> None:
        descriptor = {"Location": f"s3://{name}/{table}/", "Columns": columns}
        glue.create_table(
            DatabaseName=name,
            TableInput={"Name": table, "StorageDescriptor": descriptor, **more},
            OpenTableFormatInput=iceberg,
        )

    columns = [
        {"Name": "id", "Type": "bigint", "Comment": "the id"},
        {"Name": "tags", "Type": "array<struct<k:string,v:map<string,decimal(10,2)>>>"},
    ]
    make(columns)
    seen = glue.get_table(DatabaseName=name, Name="t")["Table"]
    assert seen["Parameters"]["table_type"] == "ICEBERG"
    assert seen["StorageDescriptor"]["Columns"] == columns
    table = pyiceberg(server).load_table((name, "t"))
    table.append(pa.Table.from_pylist([{"id": 1, "tags": None}], schema=table.schema().as_arrow()))
    assert pyiceberg(server).load_table((name, "t")).scan().to_arrow().num_rows == 1
    for bad in ("decimal(99,2)", "uniontype<int>", "array<"):
        with pytest.raises(ClientError, match="InvalidInputException"):
            make([{"Name": "a", "Type": bad}], "u")
    with pytest.raises(ClientError, match="Cannot create partitions in an iceberg table"):
        make(columns, "u", PartitionKeys=[{"Name": "p", "Type": "int"}])
    assert [t["Name"] for t in glue.get_tables(DatabaseName=name)["TableList"]] == ["t"]
