"""Resource links, moments in the past, and lists that are asked for by share type, over HTTP."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def glue(server: Server) -> Any:
    return server.client("glue")


def refused(call: Any, code: str = "InvalidInputException", **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    assert raised.value.response["Error"]["Code"] == code
    return str(raised.value)


@pytest.fixture
def db(glue: Any, name: str) -> str:
    """A database with a table of one partition, and a database beside it."""
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_database(DatabaseInput={"Name": name + "_near"})
    columns = [{"Name": "a", "Type": "string"}]
    table = {
        "Name": "t", "StorageDescriptor": {"Columns": columns, "Location": "s3://b/t"}, "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "y", "Type": "int"}], "Parameters": {"p": "1"},
    }  # fmt: skip
    glue.create_table(DatabaseName=name, TableInput=table)
    glue.create_partition(DatabaseName=name, TableName="t", PartitionInput={"Values": ["1"]})
    return name


def test_a_link_to_a_table_reads_and_writes_the_target(glue: Any, db: str) -> None:
    near = {"DatabaseName": db + "_near"}
    target = {"CatalogId": ACCOUNT, "DatabaseName": db, "Name": "t"}
    glue.create_table(**near, TableInput={"Name": "link", "TargetTable": target})
    found = glue.get_table(**near, Name="link")["Table"]
    assert (found["Name"], found["DatabaseName"], found["TargetTable"]) == ("link", db + "_near", target)
    assert found["StorageDescriptor"]["Location"] == "s3://b/t"
    assert found["PartitionKeys"] == [{"Name": "y", "Type": "int"}]
    # A list shows links as they are.
    (listed,) = glue.get_tables(**near)["TableList"]
    assert "StorageDescriptor" not in listed
    partitions = glue.get_partitions(**near, TableName="link", Expression="y = 1")["Partitions"]
    assert [(p["Values"], p["TableName"]) for p in partitions] == [(["1"], "t")]
    glue.create_partition(**near, TableName="link", PartitionInput={"Values": ["2"]})
    assert len(glue.get_partitions(DatabaseName=db, TableName="t")["Partitions"]) == 2
    # Updates go to the target, with its version; a link is changed by naming a target.
    changed = {"Name": "link", "Description": "new", "PartitionKeys": found["PartitionKeys"]}
    glue.update_table(**near, TableInput=changed, VersionId=found["VersionId"])
    assert glue.get_table(DatabaseName=db, Name="t")["Table"]["Description"] == "new"
    stale = {"TableInput": changed, "VersionId": found["VersionId"]}
    refused(glue.update_table, "ConcurrentModificationException", **near, **stale)
    glue.update_table(**near, TableInput={"Name": "link", "TargetTable": {**target, "Name": "gone"}})
    found = glue.get_table(**near, Name="link")["Table"]
    assert "StorageDescriptor" not in found
    refused(glue.get_partitions, "EntityNotFoundException", **near, TableName="link")
    # Deleting a link leaves its target alone.
    glue.update_table(**near, TableInput={"Name": "link", "TargetTable": target})
    glue.delete_table(**near, Name="link")
    assert glue.get_table(DatabaseName=db, Name="t")


def test_links_to_each_other_are_refused_when_they_are_followed(glue: Any, db: str) -> None:
    at = {"DatabaseName": db}
    for one, other in (("x", "y"), ("y", "x")):
        glue.create_table(
            **at, TableInput={"Name": one, "TargetTable": {**at, "Name": other, "CatalogId": ACCOUNT}}
        )
    assert glue.get_table(**at, Name="x")["Table"]["TargetTable"]["Name"] == "y"
    assert "itself" in refused(glue.get_partitions, **at, TableName="x")


def test_a_link_to_a_database_is_where_its_tables_are(glue: Any, db: str) -> None:
    link = db + "_link"
    target = {"CatalogId": ACCOUNT, "DatabaseName": db}
    glue.create_database(DatabaseInput={"Name": link, "TargetDatabase": target})
    assert glue.get_database(Name=link)["Database"]["TargetDatabase"] == target
    glue.create_table(DatabaseName=link, TableInput={"Name": "made"})
    assert glue.get_table(DatabaseName=db, Name="made")["Table"]["DatabaseName"] == db
    assert [t["Name"] for t in glue.get_tables(DatabaseName=link)["TableList"]] == ["made", "t"]
    of_a_link = {"Name": "l", "TargetTable": {**target, "Name": "t"}}
    refused(glue.create_table, DatabaseName=link, TableInput=of_a_link)
    glue.delete_table(DatabaseName=link, Name="made")
    refused(glue.get_table, "EntityNotFoundException", DatabaseName=db, Name="made")
    glue.delete_database(Name=link)
    assert glue.get_table(DatabaseName=db, Name="t")


def test_links_lead_to_other_regions(server: Server, glue: Any, db: str) -> None:
    there = server.client("glue", region="ap-south-1")
    target = {"CatalogId": ACCOUNT, "DatabaseName": db, "Region": "us-east-1"}
    there.create_database(DatabaseInput={"Name": db, "TargetDatabase": target})
    assert [t["Name"] for t in there.get_tables(DatabaseName=db)["TableList"]] == ["t"]
    assert there.get_table(DatabaseName=db, Name="t")["Table"]["StorageDescriptor"]["Location"] == "s3://b/t"


def test_unfiltered_metadata_of_another_region(server: Server, glue: Any, db: str) -> None:
    there = server.client("glue", region="ap-south-1")
    request = {"CatalogId": ACCOUNT, "DatabaseName": db, "SupportedPermissionTypes": ["COLUMN_PERMISSION"]}
    refused(there.get_unfiltered_table_metadata, "EntityNotFoundException", **request, Name="t")
    request["Region"] = "us-east-1"
    found = there.get_unfiltered_table_metadata(**request, Name="t")
    assert (found["Table"]["Name"], found["ResourceArn"]) == (
        "t",
        f"arn:aws:glue:us-east-1:{ACCOUNT}:table/{db}/t",
    )
    one = there.get_unfiltered_partition_metadata(**request, TableName="t", PartitionValues=["1"])
    assert one["Partition"]["Values"] == ["1"]
    every = there.get_unfiltered_partitions_metadata(**request, TableName="t", Expression="y = 1")
    assert [each["Partition"]["Values"] for each in every["UnfilteredPartitions"]] == [["1"]]


def test_a_link_found_in_another_region_leads_on_from_there(server: Server, glue: Any, db: str) -> None:
    """A link that names no region means its own, wherever it was reached from."""
    beside = {"CatalogId": ACCOUNT, "DatabaseName": db, "Name": "t"}
    glue.create_table(DatabaseName=db + "_near", TableInput={"Name": "on", "TargetTable": beside})
    there = server.client("glue", region="eu-west-1")
    target = {"CatalogId": ACCOUNT, "DatabaseName": db + "_near", "Region": "us-east-1"}
    there.create_database(DatabaseInput={"Name": "far" + db, "TargetDatabase": target})
    at = {"DatabaseName": "far" + db}
    assert there.get_table(**at, Name="on")["Table"]["StorageDescriptor"]["Location"] == "s3://b/t"
    there.create_partition(**at, TableName="on", PartitionInput={"Values": ["7"]})
    assert [p["Values"] for p in glue.get_partitions(DatabaseName=db, TableName="t")["Partitions"]] == [
        ["1"],
        ["7"],
    ]


def test_tables_have_a_past_and_partitions_do_not(glue: Any, db: str) -> None:
    before = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=5)
    at = {"DatabaseName": db}
    assert glue.get_table(**at, Name="t", QueryAsOfTime=now)["Table"]["VersionId"] == "0"
    refused(glue.get_table, "EntityNotFoundException", **at, Name="t", QueryAsOfTime=before)
    assert glue.get_tables(**at, QueryAsOfTime=before)["TableList"] == []
    assert "as they are now" in refused(glue.get_partitions, **at, TableName="t", QueryAsOfTime=before)


def test_nothing_is_shared_from_outside(glue: Any, db: str) -> None:
    wanted = [{"Key": "DatabaseName", "Value": db}]
    assert len(glue.search_tables(Filters=wanted, ResourceShareType="ALL")["TableList"]) == 1
    assert glue.search_tables(Filters=wanted, ResourceShareType="FOREIGN")["TableList"] == []
    assert glue.get_databases(ResourceShareType="FOREIGN")["DatabaseList"] == []


def test_metadata_is_not_exported(glue: Any) -> None:
    assert glue.get_data_catalog_export_configuration()["Status"] == "DISABLED"
    assert glue.put_data_catalog_export_configuration(ExportSetting="DISABLED")["ExportSetting"] == "DISABLED"
    assert "S3 Tables" in refused(glue.put_data_catalog_export_configuration, ExportSetting="ENABLED")
