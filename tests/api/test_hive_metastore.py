"""The Hive Metastore's door, asked by the client that Apache's compiler made and compared with the Glue API."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hive_metastore import ttypes
from thrift.Thrift import TApplicationException

from tests.api.hive import HiveServer, columns, db, glue, hive, partition, server, table

# One server for both files.
pytestmark = pytest.mark.xdist_group("hive")


def put(server: HiveServer, key: str) -> None:
    server.client("s3").put_object(Bucket="warehouse", Key=key, Body=b"x")


def keys(server: HiveServer, prefix: str) -> list[str]:
    listed = server.client("s3").list_objects_v2(Bucket="warehouse", Prefix=prefix)
    return [one["Key"] for one in listed.get("Contents", [])]


# -- the server itself -------------------------------------------------------------------------------------


def test_a_session(hive: Any) -> None:
    assert hive.set_ugi("ann", ["staff"]) == ["staff", "ann"]
    assert hive.getStatus() == 2
    assert hive.get_config_value("hive.metastore.warehouse.dir", "?") == "s3://warehouse"
    assert hive.get_config_value("hive.some.other", "given") == "given"
    with pytest.raises(ttypes.ConfigValSecurityException):
        hive.get_config_value("javax.jdo.option.ConnectionPassword", "")
    with pytest.raises(ttypes.MetaException, match="Invalid configuration key"):
        hive.setMetaConf("hive.x", "1")
    assert hive.get_metastore_db_uuid()
    assert hive.get_catalogs().names == ["hive"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("open_txns", (ttypes.OpenTxnRequest(num_txns=1, user="u", hostname="h"),)),
        ("grant_role", ("r", "u", 1, "g", 1, True)),
        ("get_open_txns", ()),
    ],
)
def test_what_is_not_served_says_so(hive: Any, method: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TApplicationException, match=f"{method} is not served") as raised:
        getattr(hive, method)(*arguments)
    assert raised.value.type == TApplicationException.UNKNOWN_METHOD
    assert hive.getStatus() == 2


# -- databases ---------------------------------------------------------------------------------------------


def test_databases_both_ways(hive: Any, glue: Any, name: str) -> None:
    hive.create_database(ttypes.Database(name=name.upper(), description="d", parameters={"k": "v"}))
    seen = glue.get_database(Name=name)["Database"]
    assert (seen["Description"], seen["Parameters"]) == ("d", {"k": "v"})
    assert seen["LocationUri"] == f"s3://warehouse/{name}.db"
    with pytest.raises(ttypes.AlreadyExistsException):
        hive.create_database(ttypes.Database(name=name))
    given = hive.get_database(name)
    given.parameters["l"] = "w"
    hive.alter_database(name, given)
    assert glue.get_database(Name=name)["Database"]["Parameters"] == {"k": "v", "l": "w"}
    assert hive.get_databases(f"{name[:6]}*{name[-4:]}|nothing") == [name]
    assert name in hive.get_all_databases()
    assert hive.get_database(f"@hive#{name}").name == name
    hive.drop_database(name, False, False)
    with pytest.raises(ttypes.NoSuchObjectException):
        hive.get_database(name)
    with pytest.raises(ttypes.NoSuchObjectException):
        hive.drop_database(name, False, False)


def test_a_database_of_the_glue_api_keeps_what_only_that_knows(hive: Any, glue: Any, name: str) -> None:
    permissions = [
        {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["SELECT"]}
    ]
    glue.create_database(DatabaseInput={"Name": name, "CreateTableDefaultPermissions": permissions})
    given = hive.get_database(name)
    assert given.locationUri == f"s3://warehouse/{name}.db"
    given.description = "new"
    hive.alter_database(name, given)
    seen = glue.get_database(Name=name)["Database"]
    assert seen["CreateTableDefaultPermissions"] == permissions
    assert seen["Description"] == "new"
    assert "LocationUri" not in seen


def test_only_an_empty_database_goes_without_cascade(hive: Any, glue: Any, db: str) -> None:
    hive.create_table(table(db, "t"))
    with pytest.raises(ttypes.InvalidOperationException, match="not empty"):
        hive.drop_database(db, True, False)
    hive.drop_database(db, True, True)
    assert db not in [one["Name"] for one in glue.get_databases()["DatabaseList"]]


# -- tables ------------------------------------------------------------------------------------------------


def test_a_table_is_the_same_at_both_doors(hive: Any, glue: Any, db: str) -> None:
    given = table(
        db, "Sales", keys=[("Year", "int"), ("region", "string")], parameters={"comment": "c", "k": "v"}
    )
    given.sd.bucketCols, given.sd.numBuckets = ["id"], 4
    given.sd.sortCols = [ttypes.Order(col="id", order=1)]
    hive.create_table(given)
    seen = glue.get_table(DatabaseName=db, Name="sales")["Table"]
    assert seen["TableType"] == "MANAGED_TABLE"
    assert seen["Description"] == "c"
    assert seen["PartitionKeys"] == [{"Name": "year", "Type": "int"}, {"Name": "region", "Type": "string"}]
    stored = seen["StorageDescriptor"]
    assert stored["Location"] == f"s3://warehouse/{db}.db/sales"
    assert stored["SerdeInfo"]["Parameters"] == {"a": "b"}
    assert (stored["BucketColumns"], stored["NumberOfBuckets"]) == (["id"], 4)
    assert stored["SortColumns"] == [{"Column": "id", "SortOrder": 1}]
    back = hive.get_table(db, "SALES")
    assert (back.tableName, back.dbName, back.owner) == ("sales", db, "me")
    assert [c.name for c in back.sd.cols] == ["id", "text"]
    assert back.parameters["comment"] == "c"
    assert int(back.parameters["transient_lastDdlTime"]) > 0
    assert [c.name for c in hive.get_schema(db, "sales")] == ["id", "text", "year", "region"]
    assert [c.name for c in hive.get_fields(db, "sales")] == ["id", "text"]
    with pytest.raises(ttypes.AlreadyExistsException):
        hive.create_table(given)
    with pytest.raises(ttypes.NoSuchObjectException):
        hive.create_table(table(db + "x", "t"))
    with pytest.raises(ttypes.NoSuchObjectException):
        hive.get_table(db, "nothing")
    with pytest.raises(ttypes.UnknownTableException):
        hive.get_fields(db, "nothing")


def test_a_bare_table_of_the_glue_api_can_be_read(hive: Any, glue: Any, db: str) -> None:
    glue.create_table(DatabaseName=db, TableInput={"Name": "bare", "Description": "about"})
    glue.create_table(
        DatabaseName=db,
        TableInput={
            "Name": "v",
            "TableType": "VIRTUAL_VIEW",
            "ViewOriginalText": "select 1",
            "ViewExpandedText": "select 1",
            "StorageDescriptor": {"Columns": [{"Name": "a"}]},
        },
    )
    bare = hive.get_table_req(ttypes.GetTableRequest(dbName=db, tblName="bare")).table
    # Nobody said that its data is the catalog's.
    assert (bare.tableType, bare.parameters) == ("EXTERNAL_TABLE", {"EXTERNAL": "TRUE", "comment": "about"})
    assert (bare.partitionKeys, bare.sd.cols, bare.sd.parameters) == ([], [], {})
    view = hive.get_table(db, "v")
    assert (view.tableType, view.viewOriginalText) == ("VIRTUAL_VIEW", "select 1")
    assert view.sd.cols[0].type == "string"
    assert hive.get_tables_by_type(db, "*", "VIRTUAL_VIEW") == ["v"]
    assert hive.get_tables(db, "b*|nothing") == ["bare"]
    assert hive.get_tables(db, ".*") == ["bare", "v"]
    assert hive.get_all_tables(db + "x") == []
    some = hive.get_table_objects_by_name(db, ["v", "nothing", "V", "bare"])
    assert [one.tableName for one in some] == ["v", "bare"]
    metas = hive.get_table_meta(db, "*", ["EXTERNAL_TABLE"])
    assert [(one.tableName, one.comments) for one in metas] == [("bare", "about")]


def test_tables_by_filter(hive: Any, db: str) -> None:
    hive.create_table(table(db, "a", parameters={"table_type": "ICEBERG"}))
    hive.create_table(table(db, "b", parameters={"presto_view": "true"}))
    hive.create_table(table(db, "c"))
    parameter = "hive_filter_field_params__"
    for text, expected in [
        (f'{parameter}table_type = "ICEBERG"', ["a"]),
        (f'{parameter}table_type LIKE "ICE.*" or {parameter}presto_view = "true"', ["a", "b"]),
        ('hive_filter_field_owner__ = "me"', ["a", "b", "c"]),
        (f'hive_filter_field_owner__ = "me" and ({parameter}presto_view <> "true")', []),
    ]:
        assert hive.get_table_names_by_filter(db, text, -1) == expected
    assert hive.get_table_names_by_filter(db, 'hive_filter_field_owner__ = "me"', 2) == ["a", "b"]
    with pytest.raises(ttypes.MetaException, match="Invalid key"):
        hive.get_table_names_by_filter(db, "size = 1", -1)


def test_a_link_shows_the_table_it_leads_to(hive: Any, glue: Any, db: str) -> None:
    hive.create_table(table(db, "real"))
    target = {"CatalogId": "123456789012", "DatabaseName": db, "Name": "real"}
    glue.create_table(DatabaseName=db, TableInput={"Name": "link", "TargetTable": target})
    seen = hive.get_table(db, "link")
    assert (seen.tableName, [c.name for c in seen.sd.cols]) == ("link", ["id", "text"])
    with pytest.raises(ttypes.InvalidOperationException, match="resource link"):
        hive.alter_table(db, "link", seen)
    hive.drop_table(db, "link", True)
    assert hive.get_all_tables(db) == ["real"]


def test_a_link_leads_into_another_region(hive: Any, server: HiveServer, glue: Any, db: str) -> None:
    there = server.client("glue", region="eu-west-1")
    there.create_database(DatabaseInput={"Name": db})
    keys = [{"Name": "y", "Type": "int"}]
    made = {
        "Name": "far",
        "StorageDescriptor": {"Columns": [{"Name": "c", "Type": "int"}]},
        "PartitionKeys": keys,
    }
    there.create_table(DatabaseName=db, TableInput=made)
    there.create_partition(DatabaseName=db, TableName="far", PartitionInput={"Values": ["1"]})
    target = {"CatalogId": "123456789012", "DatabaseName": db, "Name": "far", "Region": "eu-west-1"}
    glue.create_table(DatabaseName=db, TableInput={"Name": "link", "TargetTable": target})
    assert [c.name for c in hive.get_table(db, "link").sd.cols] == ["c"]
    assert hive.get_partition_names(db, "link", -1) == ["y=1"]


def test_altering_keeps_what_only_the_glue_api_knows(hive: Any, glue: Any, db: str) -> None:
    definition = {
        "Representations": [{"Dialect": "SPARK", "DialectVersion": "3", "ViewOriginalText": "select 1"}]
    }
    glue.create_table(
        DatabaseName=db,
        TableInput={
            "Name": "v",
            "TableType": "VIRTUAL_VIEW",
            "ViewDefinition": definition,
            "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}]},
        },
    )
    given = hive.get_table(db, "v")
    given.parameters["k"] = "v"
    hive.alter_table(db, "v", given)
    seen = glue.get_table(DatabaseName=db, Name="v")["Table"]
    assert seen["ViewDefinition"]["Representations"][0]["ViewOriginalText"] == "select 1"
    assert (seen["Parameters"]["k"], seen["VersionId"]) == ("v", "1")
    with pytest.raises(ttypes.InvalidOperationException):
        hive.alter_table(db, "nothing", given)


def test_a_changed_parameter_stops_who_expected_another(hive: Any, glue: Any, db: str) -> None:
    given = table(
        db, "ice", parameters={"table_type": "ICEBERG", "metadata_location": "s3://b/1", "EXTERNAL": "TRUE"}
    )
    hive.create_table(given)

    def commit(before: str, after: str, **properties: str) -> None:
        new = hive.get_table(db, "ice")
        new.parameters |= {"metadata_location": after, "previous_metadata_location": before}
        context = ttypes.EnvironmentContext(properties=properties)
        hive.alter_table_with_environment_context(db, "ice", new, context)

    def expecting(value: str) -> dict[str, str]:
        return {"expected_parameter_key": "metadata_location", "expected_parameter_value": value}

    commit("s3://b/1", "s3://b/2", **expecting("s3://b/1"))
    # Somebody commits through the Glue API in between.
    seen = glue.get_table(DatabaseName=db, Name="ice")["Table"]
    body = {m: seen[m] for m in ("Name", "TableType", "StorageDescriptor", "Parameters")}
    body["Parameters"]["metadata_location"] = "s3://b/3"
    glue.update_table(DatabaseName=db, TableInput=body, VersionId=seen["VersionId"])
    for expected in ({}, expecting("s3://b/2")):
        with pytest.raises(ttypes.MetaException, match="The table has been modified"):
            commit("s3://b/2", "s3://b/4", **expected)
    commit("s3://b/3", "s3://b/5")
    assert (
        glue.get_table(DatabaseName=db, Name="ice")["Table"]["Parameters"]["metadata_location"] == "s3://b/5"
    )


def test_a_managed_table_takes_its_data_with_it(hive: Any, server: HiveServer, db: str) -> None:
    hive.create_table(table(db, "t", keys=[("d", "string")]))
    hive.add_partition(partition(db, "t", "a"))
    hive.add_partition(partition(db, "t", "far", location=f"s3://warehouse/{db}-far"))
    put(server, f"{db}.db/t/d=a/1.parquet")
    put(server, f"{db}.db/t2-other/1.parquet")
    put(server, f"{db}-far/1.parquet")
    new = hive.get_table(db, "t")
    new.tableName = "t9"
    hive.alter_table(db, "t", new)
    assert keys(server, f"{db}.db/t/") == []
    assert keys(server, f"{db}.db/t9/") == [f"{db}.db/t9/d=a/1.parquet"]
    assert hive.get_table(db, "t9").sd.location == f"s3://warehouse/{db}.db/t9"
    found = {one.values[0]: one.sd.location for one in hive.get_partitions(db, "t9", -1)}
    assert found == {"a": f"s3://warehouse/{db}.db/t9/d=a", "far": f"s3://warehouse/{db}-far"}
    with pytest.raises(ttypes.InvalidOperationException):
        hive.alter_table(db, "t", new)
    hive.drop_table(db, "t9", True)
    assert keys(server, f"{db}.db/t9/") == keys(server, f"{db}-far/") == []
    assert keys(server, f"{db}.db/") == [f"{db}.db/t2-other/1.parquet"]


def test_a_rename_that_is_refused_leaves_the_data_where_it_was(
    hive: Any, server: HiveServer, db: str
) -> None:
    hive.create_table(table(db, "t"))
    hive.create_table(table(db, "taken", location=f"s3://warehouse/{db}-elsewhere"))
    put(server, f"{db}.db/t/1.parquet")
    new = hive.get_table(db, "t")
    new.tableName = "taken"
    with pytest.raises(ttypes.InvalidOperationException):
        hive.alter_table(db, "t", new)
    assert keys(server, f"{db}.db/") == [f"{db}.db/t/1.parquet"]
    new.tableName = "free"
    hive.alter_table(db, "t", new)
    assert keys(server, f"{db}.db/") == [f"{db}.db/free/1.parquet"]


def test_a_rename_that_ends_half_way_leaves_no_copies(hive: Any, server: HiveServer, db: str) -> None:
    hive.create_table(table(db, "t"))
    put(server, f"{db}.db/t/1.parquet")
    unreadable = f"{db} cannot be read".encode()
    server.client("s3").put_object(Bucket="warehouse", Key=f"{db}.db/t/2.parquet", Body=unreadable)
    # The disk loses the second object's bytes.
    objects = Path(server.env.get("MASTIC_OBJECTS_DIR", server.data_dir / "objects"))
    lost = [path for path in objects.rglob("*") if path.is_file()]
    (blob,) = (path for path in lost if path.read_bytes() == unreadable)
    blob.unlink()
    new = hive.get_table(db, "t")
    new.tableName = "t2"
    with pytest.raises((ttypes.MetaException, TApplicationException)):
        hive.alter_table(db, "t", new)
    assert keys(server, f"{db}.db/t2/") == []
    assert keys(server, f"{db}.db/t/") == [f"{db}.db/t/1.parquet", f"{db}.db/t/2.parquet"]
    assert hive.get_table(db, "t").sd.location == f"s3://warehouse/{db}.db/t"
    # What stood in the way is gone: the same call works.
    server.client("s3").delete_object(Bucket="warehouse", Key=f"{db}.db/t/2.parquet")
    hive.alter_table(db, "t", new)
    assert keys(server, f"{db}.db/") == [f"{db}.db/t2/1.parquet"]


def test_data_is_not_moved_into_a_bucket_that_is_not_there(hive: Any, server: HiveServer, db: str) -> None:
    hive.create_database(ttypes.Database(name=db + "x", locationUri=f"s3://{db}-none/x.db"))
    hive.create_table(table(db, "t"))
    put(server, f"{db}.db/t/1.parquet")
    new = hive.get_table(db, "t")
    new.dbName = db + "x"
    with pytest.raises(ttypes.MetaException, match="cannot be moved"):
        hive.alter_table(db, "t", new)
    assert hive.get_table(db, "t").sd.location == f"s3://warehouse/{db}.db/t"
    assert keys(server, f"{db}.db/") == [f"{db}.db/t/1.parquet"]


def test_files_of_an_iceberg_table_are_neither_moved_nor_emptied(
    hive: Any, server: HiveServer, db: str
) -> None:
    metadata = f"s3://warehouse/{db}.db/ice/metadata/1.metadata.json"
    hive.create_table(table(db, "ice", parameters={"table_type": "ICEBERG", "metadata_location": metadata}))
    put(server, f"{db}.db/ice/metadata/1.metadata.json")
    with pytest.raises(ttypes.MetaException, match="Iceberg"):
        hive.truncate_table(db, "ice", None)
    new = hive.get_table(db, "ice")
    new.tableName = "ice2"
    hive.alter_table(db, "ice", new)
    found = hive.get_table(db, "ice2")
    assert found.parameters["metadata_location"] == metadata
    assert found.sd.location == f"s3://warehouse/{db}.db/ice"
    assert keys(server, f"{db}.db/") == [f"{db}.db/ice/metadata/1.metadata.json"]


def test_data_out_of_reach_is_not_claimed_to_be_deleted(hive: Any, glue: Any, db: str) -> None:
    hive.create_table(table(db, "local", location="file:/data/local"))
    with pytest.raises(ttypes.MetaException, match="out of this server's reach"):
        hive.drop_table(db, "local", True)
    hive.create_table(table(db, "bucket", location="s3://warehouse"))
    with pytest.raises(ttypes.MetaException, match="whole bucket"):
        hive.drop_table(db, "bucket", True)
    assert hive.get_all_tables(db) == ["bucket", "local"]
    hive.drop_table(db, "bucket", False)
    hive.create_table(table(db, "mine", location="file:/data/mine", parameters={"EXTERNAL": "TRUE"}))
    hive.drop_table(db, "mine", True)
    assert hive.get_all_tables(db) == ["local"]


def test_external_data_stays_and_truncated_data_goes(hive: Any, server: HiveServer, db: str) -> None:
    hive.create_table(table(db, "e", parameters={"EXTERNAL": "TRUE"}))
    put(server, f"{db}.db/e/1")
    with pytest.raises(ttypes.MetaException, match="not managed"):
        hive.truncate_table(db, "e", None)
    hive.drop_table(db, "e", True)
    assert keys(server, f"{db}.db/e/") == [f"{db}.db/e/1"]
    hive.create_table(table(db, "m", keys=[("d", "int")]))
    for day in ("1", "2"):
        hive.append_partition(db, "m", [day])
        put(server, f"{db}.db/m/d={day}/f")
    hive.truncate_table(db, "m", ["d=1"])
    assert keys(server, f"{db}.db/m/") == [f"{db}.db/m/d=2/f"]


@pytest.mark.parametrize("wrong", [{"temporary": True}, {"parameters": {"transactional": "true"}}])
def test_tables_that_cannot_be_are_refused(hive: Any, db: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ttypes.MetaException, match=r"Temporary|Transactional"):
        hive.create_table(table(db, "t", **wrong))


def test_new_columns_reach_the_partitions_with_cascade(hive: Any, db: str) -> None:
    hive.create_table(table(db, "t", keys=[("d", "int")]))
    hive.add_partition(partition(db, "t", "1"))
    new = hive.get_table(db, "t")
    new.sd.cols = columns(("id", "bigint"), ("text", "string"), ("more", "double"))
    hive.alter_table(db, "t", new)
    assert len(hive.get_partition(db, "t", ["1"]).sd.cols) == 2
    hive.alter_table_with_cascade(db, "t", new, True)
    assert [c.name for c in hive.get_partition(db, "t", ["1"]).sd.cols] == ["id", "text", "more"]


# -- functions, statistics ---------------------------------------------------------------------------------


def test_functions(hive: Any, glue: Any, db: str) -> None:
    jar = ttypes.ResourceUri(resourceType=1, uri="s3://b/f.jar")
    given = ttypes.Function(functionName="F1", dbName=db, className="a.B", ownerType=1, resourceUris=[jar])
    hive.create_function(given)
    with pytest.raises(ttypes.AlreadyExistsException):
        hive.create_function(given)
    seen = glue.get_user_defined_function(DatabaseName=db, FunctionName="f1")["UserDefinedFunction"]
    assert (seen["ClassName"], seen["ResourceUris"]) == (
        "a.B",
        [{"ResourceType": "JAR", "Uri": "s3://b/f.jar"}],
    )
    assert hive.get_functions(db, "f*") == ["f1"]
    given.className = "a.C"
    hive.alter_function(db, "f1", given)
    found = hive.get_function(db, "f1")
    assert (found.className, found.resourceUris[0].uri) == ("a.C", "s3://b/f.jar")
    assert (db, "f1") in [(one.dbName, one.functionName) for one in hive.get_all_functions().functions]
    hive.drop_function(db, "f1")
    with pytest.raises(ttypes.NoSuchObjectException, match="f1 does not exist"):
        hive.get_function(db, "f1")


def test_statistics_both_ways(hive: Any, glue: Any, db: str) -> None:
    given = table(db, "s", keys=[("d", "string")])
    given.sd.cols = columns(("id", "bigint"), ("text", "string"), ("day", "date"), ("price", "decimal(9,2)"))
    hive.create_table(given)
    hive.add_partition(partition(db, "s", "a/b"))
    data = ttypes.ColumnStatisticsData
    objects = [
        (
            "id",
            "bigint",
            data(longStats=ttypes.LongColumnStatsData(lowValue=1, highValue=9, numNulls=0, numDVs=9)),
        ),
        (
            "text",
            "string",
            data(stringStats=ttypes.StringColumnStatsData(maxColLen=5, avgColLen=2.5, numNulls=1, numDVs=3)),
        ),
        (
            "day",
            "date",
            data(
                dateStats=ttypes.DateColumnStatsData(
                    lowValue=ttypes.Date(daysSinceEpoch=-1), numNulls=0, numDVs=2
                )
            ),
        ),
        (
            "price",
            "decimal(9,2)",
            data(
                decimalStats=ttypes.DecimalColumnStatsData(
                    highValue=ttypes.Decimal(unscaled=b"\x01\x00", scale=2), numNulls=0, numDVs=1
                )
            ),
        ),
    ]
    made = [ttypes.ColumnStatisticsObj(colName=n, colType=k, statsData=d) for n, k, d in objects]
    of_table = ttypes.ColumnStatisticsDesc(
        isTblLevel=True, dbName=db, tableName="s", lastAnalyzed=1_700_000_000
    )
    assert hive.update_table_column_statistics(ttypes.ColumnStatistics(statsDesc=of_table, statsObj=made))
    names = ["id", "text", "day", "price"]
    seen = glue.get_column_statistics_for_table(DatabaseName=db, TableName="s", ColumnNames=names)
    by_name = {one["ColumnName"]: one["StatisticsData"] for one in seen["ColumnStatisticsList"]}
    assert by_name["id"]["LongColumnStatisticsData"]["MaximumValue"] == 9
    day = by_name["day"]["DateColumnStatisticsData"]["MinimumValue"]
    assert day == datetime(1969, 12, 31, tzinfo=UTC)
    request = ttypes.TableStatsRequest(dbName=db, tblName="s", colNames=[*names, "other"])
    back = {one.colName: one.statsData for one in hive.get_table_statistics_req(request).tableStats}
    assert back["id"].longStats.highValue == 9
    assert back["text"].stringStats.avgColLen == 2.5
    assert back["day"].dateStats.lowValue.daysSinceEpoch == -1
    assert (back["price"].decimalStats.highValue.unscaled, back["price"].decimalStats.highValue.scale) == (
        b"\x01\x00",
        2,
    )
    of_part = ttypes.ColumnStatisticsDesc(isTblLevel=False, dbName=db, tableName="s", partName="d=a%2Fb")
    request = ttypes.SetPartitionsStatsRequest(
        colStats=[ttypes.ColumnStatistics(statsDesc=of_part, statsObj=made[:1])], needMerge=False
    )
    assert hive.set_aggr_stats_for(request)
    asked = ttypes.PartitionsStatsRequest(
        dbName=db, tblName="s", colNames=["id"], partNames=["d=a%2Fb", "d=x"]
    )
    assert list(hive.get_partitions_statistics_req(asked).partStats) == ["d=a%2Fb"]
    assert hive.get_table_column_statistics(db, "s", "id").statsDesc.lastAnalyzed == 1_700_000_000
    assert hive.delete_table_column_statistics(db, "s", "id", "hive")
    with pytest.raises(ttypes.NoSuchObjectException):
        hive.get_table_column_statistics(db, "s", "id")
    request.needMerge = True
    with pytest.raises(ttypes.MetaException, match="not merged"):
        hive.set_aggr_stats_for(request)
    made[0].colName = "nothing"
    with pytest.raises(ttypes.InvalidObjectException):
        hive.update_table_column_statistics(ttypes.ColumnStatistics(statsDesc=of_table, statsObj=made))


def test_notifications_tell_of_every_door(hive: Any, glue: Any, db: str) -> None:
    def events(start: int, most: int = 1000) -> list[Any]:
        request = ttypes.NotificationEventRequest(lastEvent=start, maxEvents=most)
        found: list[Any] = hive.get_next_notification(request).events
        return [one for one in found if one.dbName == db]

    def settled(kind: str) -> int:
        """The latest id, once a change of this kind has been told."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if any(one.eventType == kind for one in events(0)):
                latest: int = hive.get_current_notificationEventId().eventId
                return latest
            time.sleep(0.05)
        raise AssertionError(f"no {kind}")

    before = settled("CREATE_DATABASE")
    hive.create_table(table(db, "t", keys=[("d", "int")]))
    glue.create_partition(DatabaseName=db, TableName="t", PartitionInput={"Values": ["1"]})
    hive.drop_partition(db, "t", ["1"], False)
    glue.delete_table(DatabaseName=db, Name="t")
    after = settled("DROP_TABLE")
    told = events(before)
    assert [(one.eventType, one.tableName) for one in told] == [
        (kind, "t") for kind in ("CREATE_TABLE", "ADD_PARTITION", "DROP_PARTITION", "DROP_TABLE")
    ]
    assert [one.eventId for one in told] == sorted(one.eventId for one in told)
    assert told[-1].eventId <= after
    assert json.loads(told[1].message)["partitions"] == ["1"]
    assert events(told[1].eventId)[0].eventId == told[2].eventId
    count = hive.get_notification_events_count(
        ttypes.NotificationEventsCountRequest(fromEventId=before, dbName=db)
    )
    assert count.eventsCount == 4


def test_no_constraints_can_be_declared(hive: Any, db: str) -> None:
    assert hive.get_primary_keys(ttypes.PrimaryKeysRequest(db_name=db, tbl_name="t")).primaryKeys == []
    with pytest.raises(TApplicationException, match="not served"):
        hive.create_table_with_constraints(table(db, "t"), [], [], [], [], [], [])
