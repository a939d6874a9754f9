"""The catalog's own entries as records, read and written by the connections of AWS's migration jobs."""

from __future__ import annotations

import datetime as dt

import pytest

READ = "com.amazonaws.services.glue.connections.DataCatalogConnection"
DESCRIPTOR = {
    "Location": "s3://somewhere/sales/",
    "InputFormat": "In",
    "OutputFormat": "Out",
    "Compressed": True,
    "NumberOfBuckets": 4,
    "BucketColumns": ["id"],
    "SortColumns": [{"Column": "id", "SortOrder": 1}],
    "Columns": [{"Name": "id", "Type": "int", "Comment": "key"}, {"Name": "tags", "Type": "map<string,int>"}],
    "SerdeInfo": {"Name": "s", "SerializationLibrary": "Lib", "Parameters": {"field.delim": "|", "a.b": "c"}},
    "Parameters": {"k": "v"},
}
TABLE = {
    "Name": "sales",
    "Owner": "me",
    "Retention": 3,
    "TableType": "EXTERNAL_TABLE",
    "Parameters": {"classification": "csv", 'comment: "{x}"': 'a | "b" {c}: d \\d'},
    "PartitionKeys": [{"Name": "day", "Type": "string", "Comment": "of sale"}],
    "LastAccessTime": dt.datetime(2017, 4, 4, 8, 58, 43, tzinfo=dt.UTC),
}


def described(catalog, database):
    """All that a client says of a database, but for what the server adds by itself."""
    own = {"CreateTime", "UpdateTime", "CreatedBy", "CatalogId", "VersionId", "CreationTime", "DatabaseName"}
    own |= {"CreateTableDefaultPermissions", "IsRegisteredWithLakeFormation", "IsMultiDialectView"}
    found = catalog.get_database(Name=database)["Database"]
    shown = [{key: value for key, value in found.items() if key not in own | {"Name"}}]
    for table in catalog.get_tables(DatabaseName=database)["TableList"]:
        shown.append({key: value for key, value in table.items() if key not in own})
        parts = catalog.get_partitions(DatabaseName=database, TableName=table["Name"])["Partitions"]
        parts.sort(key=lambda part: part["Values"])
        shown += [{key: value for key, value in part.items() if key not in own} for part in parts]
    return shown


def test_a_database_becomes_records_and_another_database(catalog, glue, frame):
    client, database = catalog
    client.update_database(Name=database, DatabaseInput={"Name": database, "Parameters": {"team": "eu"}})
    client.create_table(DatabaseName=database, TableInput={**TABLE, "StorageDescriptor": DESCRIPTOR})
    client.create_table(DatabaseName=database, TableInput={"Name": "view", "ViewOriginalText": "select 1"})
    parts = [
        {
            "Values": [f"2024-01-{day:02}"],
            "StorageDescriptor": DESCRIPTOR,
            "Parameters": {"numRows": str(day)},
        }
        for day in range(1, 4)
    ]
    client.batch_create_partition(DatabaseName=database, TableName="sales", PartitionInputList=parts)

    options = {"catalog.name": "datacatalog", "catalog.database": database, "catalog.region": "us-east-1"}
    df = glue.create_dynamic_frame.from_options(READ, options).toDF()
    kinds = {row["type"]: row["count"] for row in df.groupBy("type").count().collect()}
    assert kinds == {"database": 1, "table": 2, "partition": 1}

    from pyspark.sql import functions

    from awsglue.dynamicframe import DynamicFrame

    other = f"{database}_copy"
    named = df.withColumn(
        "items", functions.expr(f"transform(items, i -> named_struct({_renaming(df, other)}))")
    )
    named = named.withColumn(
        "database", functions.when(functions.col("database").isNotNull(), functions.lit(other))
    )
    for _ in range(2):  # the second time everything is there already
        glue.write_dynamic_frame.from_options(
            frame=DynamicFrame.fromDF(named, glue, "named"),
            connection_type="catalog",
            connection_options={"catalog.name": "datacatalog", "catalog.region": "us-east-1"},
        )
    assert described(client, other) == described(client, database)


def _renaming(df, other):
    fields = df.schema["items"].dataType.elementType.names
    named = f"if(i.name = '{other.removesuffix('_copy')}', '{other}', i.name)"
    return ", ".join(f"'{name}', {named if name == 'name' else f'i.{name}'}" for name in fields)


def test_what_a_job_made_of_a_metastore(catalog, glue, frame):
    """Its parameters have their signs escaped, its times are texts."""
    client, database = catalog
    item = "struct<name:string,parameters:map<string,string>,lastAccessTime:string>"
    rows = [
        ("table", database, [("t", {"delim": r"\|", "regex": r"(\\d+)\:\\\\w"}, "Jan 02, 1970 00:00:05 AM")]),
        ("table", database, [("u", {}, "Jul 14, 2017 12:40:02 PM")]),
    ]
    made = frame(f"type string, database string, items array<{item}>", rows)
    glue.write_dynamic_frame.from_options(made, "catalog", {"catalog.name": "datacatalog"})
    table = client.get_table(DatabaseName=database, Name="t")["Table"]
    assert table["Parameters"] == {"delim": "|", "regex": r"(\d+):\\w"}
    assert table["LastAccessTime"] == dt.datetime(1970, 1, 2, 0, 0, 5, tzinfo=dt.UTC)
    later = client.get_table(DatabaseName=database, Name="u")["Table"]["LastAccessTime"]
    assert later == dt.datetime(2017, 7, 14, 12, 40, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("schema", "bad", "said"),
    [
        (
            "type string, database string, items array<struct<name:string>>",
            ("column", "{db}", [("x",)]),
            "column",
        ),
        ("type string, items array<struct<name:string>>", ("table", [("x",)]), "database"),
        ("kind string, items array<struct<name:string>>", ("table", [("x",)]), "type"),
    ],
)
def test_what_is_no_entry_is_refused_before_anything_is_written(catalog, glue, frame, schema, bad, said):
    client, database = catalog
    good = tuple(
        {"column": "table", "{db}": database}.get(one, one) if isinstance(one, str) else one for one in bad
    )
    wrong = tuple(one.format(db=database) if isinstance(one, str) else one for one in bad)
    with pytest.raises(ValueError, match=said):
        glue.write_dynamic_frame.from_options(frame(schema, [good, wrong]), "catalog", {})
    assert client.get_tables(DatabaseName=database)["TableList"] == []


def test_which_database_has_to_be_said(glue):
    with pytest.raises(ValueError, match=r"catalog\.database"):
        glue.create_dynamic_frame.from_options(READ, {"catalog.name": "datacatalog"}).count()
    with pytest.raises(NotImplementedError, match="tableVersions"):
        glue.create_dynamic_frame.from_options(READ, {"catalog.database": "d", "catalog.tableVersions": True})


@pytest.mark.parametrize("bad", [None, [(None, None)], [("y", "yesterday")]])
def test_items_that_name_nothing_are_refused_before_anything_is_written(catalog, glue, frame, bad):
    client, database = catalog
    schema = "type string, database string, items array<struct<name:string,lastAccessTime:string>>"
    rows = [("table", database, [("x", None)]), ("table", database, bad)]
    with pytest.raises(ValueError, match=r"needs items with name|no time of the catalog"):
        glue.write_dynamic_frame.from_options(frame(schema, rows), "catalog", {})
    assert client.get_tables(DatabaseName=database)["TableList"] == []
