"""Databases, tables and versions on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mastic.errors import ServiceError
from mastic.store import outbox, tasks

if TYPE_CHECKING:
    from tests.store.conftest import Catalog


@pytest.fixture
def db(catalog: Catalog) -> str:
    catalog("CreateDatabase", DatabaseInput={"Name": "Db"})
    return "db"


def table(catalog: Catalog, name: str, **members: Any) -> None:
    catalog("CreateTable", DatabaseName="db", TableInput={"Name": name, **members})


def events(catalog: Catalog) -> list[dict[str, Any]]:
    with catalog.store.read() as tx:
        return [e.payload["detail"] for e in outbox.due(tx, catalog.clock.now(), 1000)]


def test_names_are_folded_and_found_in_any_case(catalog: Catalog, db: str) -> None:
    table(catalog, "MiXed", Parameters={"Key": "Value"})
    found = catalog("GetTable", DatabaseName="DB", Name="mIxEd")["Table"]
    assert (found["Name"], found["DatabaseName"]) == ("mixed", "db")
    assert found["Parameters"] == {"Key": "Value"}
    assert catalog.refusal("CreateTable", DatabaseName="db", TableInput={"Name": "MIXED"}).code == (
        "AlreadyExistsException"
    )
    assert (
        catalog.refusal("CreateDatabase", DatabaseInput={"Name": "DB"}).message == "Database already exists."
    )


def test_a_database_is_replaced_whole(catalog: Catalog) -> None:
    catalog("CreateDatabase", DatabaseInput={"Name": "db", "Description": "x", "Parameters": {"a": "b"}})
    catalog("UpdateDatabase", Name="DB", DatabaseInput={"Name": "db", "LocationUri": "s3://b/"})
    found = catalog("GetDatabase", Name="db")["Database"]
    assert "Description" not in found
    assert "Parameters" not in found
    assert found["LocationUri"] == "s3://b/"
    assert found["CreateTime"] == catalog.clock.now()
    assert found["CreateTableDefaultPermissions"][0]["Permissions"] == ["ALL"]


def test_a_database_cannot_be_renamed(catalog: Catalog, db: str) -> None:
    refusal = catalog.refusal("UpdateDatabase", Name="db", DatabaseInput={"Name": "other"})
    assert refusal.code == "InvalidInputException"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("GetDatabase", {"Name": "none"}),
        ("DeleteDatabase", {"Name": "none"}),
        ("UpdateDatabase", {"Name": "none", "DatabaseInput": {"Name": "none"}}),
        ("GetTable", {"DatabaseName": "none", "Name": "t"}),
        ("GetTable", {"DatabaseName": "db", "Name": "none"}),
        ("GetTables", {"DatabaseName": "none"}),
        ("CreateTable", {"DatabaseName": "none", "TableInput": {"Name": "t"}}),
        ("UpdateTable", {"DatabaseName": "db", "TableInput": {"Name": "none"}}),
        ("DeleteTable", {"DatabaseName": "db", "Name": "none"}),
        ("GetTableVersions", {"DatabaseName": "db", "TableName": "none"}),
        ("GetPartitions", {"DatabaseName": "db", "TableName": "none"}),
        ("GetDatabase", {"CatalogId": "123456789012:other", "Name": "db"}),
    ],
)
def test_what_does_not_exist(catalog: Catalog, db: str, operation: str, request_: dict[str, Any]) -> None:
    assert catalog.refusal(operation, **request_).code == "EntityNotFoundException"


def test_another_account_is_closed(catalog: Catalog, db: str) -> None:
    assert catalog.refusal("GetDatabase", CatalogId="210987654321", Name="db").code == "AccessDeniedException"
    assert catalog("GetDatabase", CatalogId="123456789012", Name="db")["Database"]["Name"] == "db"


def test_omitted_stays_omitted_and_empty_stays_empty(catalog: Catalog, db: str) -> None:
    table(catalog, "bare")
    bare = catalog("GetTable", DatabaseName="db", Name="bare")["Table"]
    assert not {"Description", "Parameters", "StorageDescriptor", "TableType", "ViewOriginalText"} & set(bare)
    assert (bare["Retention"], bare["VersionId"]) == (0, "0")
    table(
        catalog, "full", Parameters={}, StorageDescriptor={"Columns": [], "BucketColumns": []}, Description=""
    )
    full = catalog("GetTable", DatabaseName="db", Name="full")["Table"]
    assert (full["Parameters"], full["Description"]) == ({}, "")
    assert full["StorageDescriptor"]["Columns"] == [] == full["StorageDescriptor"]["BucketColumns"]
    assert "SerdeInfo" not in full["StorageDescriptor"]


def test_update_archives_unless_told_not_to(catalog: Catalog, db: str) -> None:
    table(catalog, "t", Description="0")
    created = catalog.clock.now()
    for number, skip in ((1, False), (2, True), (3, False)):
        catalog.clock.advance(seconds=1)
        catalog(
            "UpdateTable",
            DatabaseName="db",
            TableInput={"Name": "t", "Description": str(number)},
            SkipArchive=skip,
        )
    found = catalog.pages("GetTableVersions", "TableVersions", DatabaseName="db", TableName="t", MaxResults=1)
    assert [(v["VersionId"], v["Table"]["Description"]) for v in found] == [
        ("3", "3"),
        ("2", "2"),
        ("0", "0"),
    ]
    assert found[0]["Table"]["CreateTime"] == created
    assert found[0]["Table"]["UpdateTime"] == catalog.clock.now()
    latest = catalog("GetTableVersion", DatabaseName="db", TableName="t")["TableVersion"]
    assert latest["VersionId"] == latest["Table"]["VersionId"] == "3"
    old = catalog("GetTableVersion", DatabaseName="db", TableName="t", VersionId="0")["TableVersion"]
    assert old["Table"]["Description"] == "0"
    assert catalog.refusal("GetTableVersion", DatabaseName="db", TableName="t", VersionId="1").code == (
        "EntityNotFoundException"
    )
    assert catalog.refusal("GetTableVersion", DatabaseName="db", TableName="t", VersionId="x").code == (
        "InvalidInputException"
    )


def test_versions_are_deleted_but_the_current_one(catalog: Catalog, db: str) -> None:
    table(catalog, "t")
    for _ in range(3):
        catalog("UpdateTable", DatabaseName="db", TableInput={"Name": "t"})
    catalog("DeleteTableVersion", DatabaseName="db", TableName="t", VersionId="0")
    assert catalog.refusal("DeleteTableVersion", DatabaseName="db", TableName="t", VersionId="3").code == (
        "InvalidInputException"
    )
    reply = catalog(
        "BatchDeleteTableVersion", DatabaseName="db", TableName="t", VersionIds=["0", "1", "3", "x"]
    )
    assert {e["VersionId"]: e["ErrorDetail"]["ErrorCode"] for e in reply["Errors"]} == {
        "0": "EntityNotFoundException",
        "3": "InvalidInputException",
        "x": "InvalidInputException",
    }
    left = catalog("GetTableVersions", DatabaseName="db", TableName="t")["TableVersions"]
    assert [v["VersionId"] for v in left] == ["3", "2"]


def test_a_stale_version_is_refused(catalog: Catalog, db: str) -> None:
    table(catalog, "t")
    catalog("UpdateTable", DatabaseName="db", TableInput={"Name": "t"}, VersionId="0", SkipArchive=True)
    refusal = catalog.refusal("UpdateTable", DatabaseName="db", TableInput={"Name": "t"}, VersionId="0")
    assert refusal.code == "ConcurrentModificationException"
    assert catalog("GetTable", DatabaseName="db", Name="t")["Table"]["VersionId"] == "1"


def test_no_update_is_lost_between_threads(catalog: Catalog, db: str) -> None:
    table(catalog, "t", Parameters={"n": "0"})
    codes: set[str] = set()

    def add_ten() -> None:
        done = 0
        while done < 10:
            now = catalog("GetTable", DatabaseName="db", Name="t")["Table"]
            number = {"n": str(int(now["Parameters"]["n"]) + 1)}
            try:
                catalog(
                    "UpdateTable",
                    DatabaseName="db",
                    TableInput={"Name": "t", "Parameters": number},
                    VersionId=now["VersionId"],
                    SkipArchive=True,
                )
                done += 1
            except ServiceError as error:
                codes.add(error.code)

    threads = [threading.Thread(target=add_ten) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = catalog("GetTable", DatabaseName="db", Name="t")["Table"]
    assert (found["Parameters"]["n"], found["VersionId"]) == ("40", "40")
    assert codes <= {"ConcurrentModificationException"}


def test_get_tables_by_pattern_and_page(catalog: Catalog, db: str) -> None:
    for n in range(25):
        table(catalog, f"a{n:02d}", TableType="EXTERNAL_TABLE")
    table(catalog, "b_1")
    table(catalog, "bx1")

    def names(expression: str, **more: Any) -> list[str]:
        found = catalog.pages("GetTables", "TableList", DatabaseName="db", Expression=expression, **more)
        return [t["Name"] for t in found]

    assert names("a.*", MaxResults=4) == [f"a{n:02d}" for n in range(25)]
    assert names("a0[1-3]|b_1") == ["a01", "a02", "a03", "b_1"]
    assert names("a0") == []
    assert names("b_?1") == ["b_1"]
    assert names("^(?!a).*$") == ["b_1", "bx1"]
    assert names("\\Qb_1\\E") == ["b_1"]
    assert len(names("", MaxResults=7)) == 27
    # Clients ask with globs too.
    assert len(names("*")) == 27
    assert names("*_1") == names("*_*") == names("b_*") == ["b_1"]
    assert names("[ab]*_1") == ["b_1"]
    assert names("(b)*_1|a0*1") == ["a01", "b_1"]
    assert catalog.refusal("GetTables", DatabaseName="db", Expression="(a").code == "InvalidInputException"
    only = catalog("GetTables", DatabaseName="db", Expression="a00", AttributesToGet=["NAME"])["TableList"]
    assert only == [{"Name": "a00", "DatabaseName": "db", "CatalogId": "123456789012"}]


def test_a_hostile_pattern_is_refused_in_time(catalog: Catalog, db: str) -> None:
    table(catalog, "a" * 60)
    refusal = catalog.refusal("GetTables", DatabaseName="db", Expression="(a|aa)+(a|b)*(?=x)")
    assert refusal.code == "InvalidInputException"


def test_tokens_fit_one_list_only(catalog: Catalog, db: str) -> None:
    for n in range(3):
        table(catalog, f"t{n}")
    token = catalog("GetTables", DatabaseName="db", MaxResults=1)["NextToken"]
    for request in ({"NextToken": "garbage"}, {"NextToken": token, "Expression": "t.*"}):
        assert catalog.refusal("GetTables", DatabaseName="db", **request).code == "InvalidInputException"


def test_delete_takes_everything_along(catalog: Catalog, db: str) -> None:
    keys = [{"Name": "y", "Type": "int"}]
    table(catalog, "t", PartitionKeys=keys)
    catalog("UpdateTable", DatabaseName="db", TableInput={"Name": "t", "PartitionKeys": keys})
    catalog("CreatePartition", DatabaseName="db", TableName="t", PartitionInput={"Values": ["1"]})
    catalog("DeleteTable", DatabaseName="db", Name="T")
    table(catalog, "t", PartitionKeys=keys)
    assert catalog("GetPartitions", DatabaseName="db", TableName="t")["Partitions"] == []
    assert len(catalog("GetTableVersions", DatabaseName="db", TableName="t")["TableVersions"]) == 1
    reply = catalog("BatchDeleteTable", DatabaseName="db", TablesToDelete=["T", "nope"])
    assert [(e["TableName"], e["ErrorDetail"]["ErrorCode"]) for e in reply["Errors"]] == [
        ("nope", "EntityNotFoundException")
    ]


def test_a_deleted_database_is_swept(catalog: Catalog, db: str) -> None:
    table(catalog, "t", PartitionKeys=[{"Name": "y", "Type": "int"}])
    catalog("CreatePartition", DatabaseName="db", TableName="t", PartitionInput={"Values": ["1"]})
    catalog("DeleteDatabase", Name="DB")
    catalog("CreateDatabase", DatabaseInput={"Name": "db"})
    assert catalog("GetTables", DatabaseName="db")["TableList"] == []
    with catalog.store.write() as tx:
        now = catalog.clock.now()
        (task,) = tasks.lease(tx, "catalog.sweep", "me", now, now + timedelta(seconds=9), 10)
    catalog.sweeper.handle(task)
    with catalog.store.read() as tx:
        for name in ("catalog_tables", "catalog_partitions", "catalog_table_versions"):
            assert tx.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() == 0


def test_events_are_written_with_the_change(catalog: Catalog, db: str) -> None:
    table(catalog, "t")
    catalog("UpdateTable", DatabaseName="db", TableInput={"Name": "t"})
    catalog.refusal("UpdateTable", DatabaseName="db", TableInput={"Name": "t"}, VersionId="9")
    catalog("DeleteTable", DatabaseName="db", Name="t")
    assert events(catalog) == [
        {"databaseName": "db", "typeOfChange": "CreateDatabase", "changedTables": []},
        {"databaseName": "db", "typeOfChange": "CreateTable", "changedTables": ["t"]},
        {"databaseName": "db", "changedPartitions": [], "typeOfChange": "UpdateTable", "tableName": "t"},
        {"databaseName": "db", "typeOfChange": "DeleteTable", "changedTables": ["t"]},
    ]


def test_a_resource_link_shows_the_tables_of_its_target(catalog: Catalog, db: str) -> None:
    table(catalog, "t")
    target = {"CatalogId": "123456789012", "DatabaseName": "db"}
    catalog("CreateDatabase", DatabaseInput={"Name": "link", "TargetDatabase": target})
    found = catalog("GetDatabase", Name="link")["Database"]
    assert found["TargetDatabase"] == target
    assert "LocationUri" not in found
    assert [t["Name"] for t in catalog("GetTables", DatabaseName="link")["TableList"]] == ["t"]
    assert catalog("GetTable", DatabaseName="link", Name="t")["Table"]["Name"] == "t"


def test_view_dialects_are_added_replaced_and_dropped(catalog: Catalog, db: str) -> None:
    def representation(dialect: str, text: str) -> dict[str, Any]:
        return {"Dialect": dialect, "DialectVersion": "3", "ViewOriginalText": text}

    def update(action: str, dialect: str, text: str = "SELECT 2", **more: Any) -> None:
        view = {"Name": "v", "ViewDefinition": {"Representations": [representation(dialect, text)]}}
        catalog("UpdateTable", DatabaseName="db", TableInput=view, ViewUpdateAction=action, **more)

    def dialects() -> dict[str, tuple[str, bool]]:
        found = catalog("GetTable", DatabaseName="db", Name="v", IncludeStatusDetails=True)["Table"]
        assert found["IsMultiDialectView"] is True
        assert found["Status"]["State"] == "SUCCESS"
        return {
            r["Dialect"]: (r["ViewOriginalText"], r["IsStale"])
            for r in found["ViewDefinition"]["Representations"]
        }

    definition = {"IsProtected": True, "Representations": [representation("SPARK", "SELECT 1")]}
    table(catalog, "v", TableType="VIRTUAL_VIEW", ViewDefinition=definition)
    update("ADD", "ATHENA", "SELECT 1")
    assert dialects() == {"SPARK": ("SELECT 1", False), "ATHENA": ("SELECT 1", False)}
    with pytest.raises(ServiceError, match="AlreadyExists"):
        update("ADD", "ATHENA")
    with pytest.raises(ServiceError, match="EntityNotFound"):
        update("REPLACE", "REDSHIFT")
    update("REPLACE", "SPARK", "SELECT 3", Force=True)
    assert dialects() == {"SPARK": ("SELECT 3", False), "ATHENA": ("SELECT 1", True)}
    update("DROP", "ATHENA")
    assert set(dialects()) == {"SPARK"}
    with pytest.raises(ServiceError, match="last dialect"):
        update("DROP", "SPARK")
    with pytest.raises(ServiceError, match="validation failed"):
        update("ADD", "ATHENA", "SELEC 1 FRM (")
