"""The entries of the Data Catalog as records: a database, its tables and their partitions.

The connection that AWS's own migration jobs read (`catalog.database`, `catalog.region`): a row is of the `type`
database, table or partition, and its `items` are in the catalog's words with small first letters. What writes such
rows back is awsglue._sinks.catalogitems.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from awsglue._frames.body import Body, Encoded
from awsglue._sources.request import SourceRequest, truth

BATCH = 100
_COLUMNS = "array<struct<name:string,type:string,comment:string>>"
_TEXTS = "map<string,string>"
_DESCRIPTOR = (
    f"struct<inputFormat:string,compressed:boolean,storedAsSubDirectories:boolean,location:string,numberOfBuckets:int,"
    f"outputFormat:string,bucketColumns:array<string>,columns:{_COLUMNS},parameters:{_TEXTS},"
    f"serdeInfo:struct<name:string,serializationLibrary:string,parameters:{_TEXTS}>,"
    f"skewedInfo:struct<skewedColumnNames:array<string>,skewedColumnValueLocationMaps:{_TEXTS},"
    "skewedColumnValues:array<string>>,sortColumns:array<struct<column:string,order:int>>>"
)
_ITEM = (
    f"struct<name:string,description:string,locationUri:string,parameters:{_TEXTS},createTime:string,"
    "creationTime:string,lastAccessTime:string,owner:string,retention:int,tableType:string,viewExpandedText:string,"
    f"viewOriginalText:string,partitionKeys:{_COLUMNS},namespaceName:string,tableName:string,values:array<string>,"
    f"storageDescriptor:{_DESCRIPTOR}>"
)
SCHEMA = f"type string, database string, table string, items array<{_ITEM}>"


def open_catalog_items(request: SourceRequest, context: Any) -> Body:
    """The body of a frame of one database's entries. Raises ValueError, NotImplementedError for their versions."""
    database = str(request.options.get("catalog.database") or "")
    if not database:
        raise ValueError(
            f"connection type {request.connection_type!r} needs the option 'catalog.database': which database is read"
        )
    if truth(request.options.get("catalog.tableVersions")):
        raise NotImplementedError(
            "catalog.tableVersions, the versions of tables as records, is not implemented"
        )
    region = region_of(request.options)
    return Body(lambda: _read(database, region, context.spark_session))


def region_of(options: dict[str, Any]) -> str | None:
    """The Region whose catalog is meant; None is the job's own."""
    return str(options.get("catalog.region") or "") or None


def _read(database: str, region: str | None, spark: Any) -> Encoded:
    import boto3

    rows = list(_rows(boto3.client("glue", region_name=region), database))
    return Encoded.of(spark.createDataFrame(rows, SCHEMA))


def _rows(glue: Any, database: str) -> Iterator[tuple[str, str | None, str | None, list[dict[str, Any]]]]:
    found = glue.get_database(Name=database)["Database"]
    yield "database", None, None, [_item(found, "Name", "Description", "LocationUri", "Parameters")]
    for page in glue.get_paginator("get_tables").paginate(DatabaseName=database):
        for table in page["TableList"]:
            yield "table", database, None, [_table(table)]
            if table.get("PartitionKeys"):
                yield from _partitions(glue, database, table["Name"])


def _partitions(glue: Any, database: str, table: str) -> Iterator[Any]:
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
    for page in pages:
        items = [_partition(one, database, table) for one in page["Partitions"]]
        for start in range(0, len(items), BATCH):
            yield "partition", database, table, items[start : start + BATCH]


def _item(found: dict[str, Any], *members: str) -> dict[str, Any]:
    return {small(name): found.get(name) for name in members}


def small(name: str) -> str:
    """A member's name as items have it."""
    return name[:1].lower() + name[1:]


def _table(table: dict[str, Any]) -> dict[str, Any]:
    plain = ("Name", "Description", "Owner", "Retention", "TableType", "ViewExpandedText", "ViewOriginalText")
    return {
        **_item(table, *plain),
        "createTime": _moment(table.get("CreateTime")),
        "lastAccessTime": _moment(table.get("LastAccessTime")),
        "parameters": table.get("Parameters"),
        "partitionKeys": _columns(table.get("PartitionKeys")),
        "storageDescriptor": _descriptor(table.get("StorageDescriptor")),
    }


def _partition(found: dict[str, Any], database: str, table: str) -> dict[str, Any]:
    return {
        "creationTime": _moment(found.get("CreationTime")),
        "lastAccessTime": _moment(found.get("LastAccessTime")),
        "namespaceName": database,
        "tableName": table,
        "values": found["Values"],
        "parameters": found.get("Parameters"),
        "storageDescriptor": _descriptor(found.get("StorageDescriptor")),
    }


def _columns(columns: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [_item(one, "Name", "Type", "Comment") for one in columns or ()]


def _descriptor(found: dict[str, Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    serde, skewed = found.get("SerdeInfo"), found.get("SkewedInfo")
    return {
        **_item(found, "Location", "InputFormat", "OutputFormat"),
        "compressed": bool(found.get("Compressed")),
        "storedAsSubDirectories": bool(found.get("StoredAsSubDirectories")),
        "numberOfBuckets": found.get("NumberOfBuckets", -1),
        "bucketColumns": found.get("BucketColumns"),
        "columns": _columns(found.get("Columns")),
        "parameters": found.get("Parameters"),
        "serdeInfo": serde and _item(serde, "Name", "SerializationLibrary", "Parameters"),
        "skewedInfo": skewed
        and _item(skewed, "SkewedColumnNames", "SkewedColumnValueLocationMaps", "SkewedColumnValues"),
        "sortColumns": [
            {"column": one["Column"], "order": one.get("SortOrder")} for one in found.get("SortColumns") or ()
        ],
    }


def _moment(value: dt.datetime | None) -> str | None:
    # Milliseconds, as text.
    return None if value is None else str(round(value.timestamp() * 1000))
