"""From a request to the source that serves it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from awsglue._frames.body import Body
from awsglue._sources.request import SourceRequest

FILE_TYPES = ("csv", "tsv", "json", "parquet", "glueparquet", "orc", "avro", "xml", "ion", "groklog", "excel")
JDBC_TYPES = ("jdbc", "mysql", "mariadb", "postgresql", "oracle", "sqlserver", "redshift", "db2")
LATER = (
    "azuresql",
    "azurecosmos",
    "saphana",
    "teradata",
    "vertica",
)
LAKES = ("delta", "hudi")
# The catalog's own entries; as a sink it is called "catalog".
CATALOG_ITEMS = "com.amazonaws.services.glue.connections.datacatalogconnection"
# Each by its own client, in modules of this name.
OUTSIDE = {
    "mongodb": "mongodb",
    "documentdb": "mongodb",
    "opensearch": "opensearch",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
}


def lake_kind(kind: str, options: dict[str, Any]) -> str:
    """delta or hudi for a connection to their tables, also by a connector's class; else ""."""
    if kind in LAKES:
        return kind
    if kind in ("marketplace.spark", "custom.spark"):
        return "hudi" if str(options.get("className", "")) in ("hudi", "org.apache.hudi") else ""
    return ""


def open_source(request: SourceRequest, context: Any) -> Body:
    """The body of the frame that a request means. Raises NotImplementedError for connections not built in."""
    kind = request.connection_type.lower()
    if request.is_catalog:
        from awsglue._sources.catalog import open_table

        return open_table(request, context)
    if kind in ("s3", "file"):
        from awsglue._sources.s3 import open_files

        return open_files(request, context)
    if kind in FILE_TYPES:
        from awsglue._sources.s3 import open_files

        return open_files(replace(request, format=request.format or kind), context)
    if kind in JDBC_TYPES:
        from awsglue._sources.jdbc import open_jdbc

        return open_jdbc(request, context)
    if kind == "dynamodb":
        from awsglue._sources.dynamodb import open_dynamodb

        return open_dynamodb(request, context)
    if kind in ("kafka", "kinesis"):
        from awsglue._streams.opening import open_batch

        return open_batch(request, context)
    lake = lake_kind(kind, request.options)
    if lake:
        from awsglue._frames.body import Encoded
        from awsglue._sources.lakes import open_lake

        return Body(lambda: Encoded.of(open_lake(lake, request, context)))
    if kind == CATALOG_ITEMS:
        from awsglue._sources.catalogitems import open_catalog_items

        return open_catalog_items(request, context)
    if kind in OUTSIDE:
        from importlib import import_module

        name = OUTSIDE[kind]
        opened: Body = getattr(import_module(f"awsglue._sources.{name}"), f"open_{name}")(request, context)
        return opened
    if kind in LATER or kind.startswith(("marketplace.", "custom.")):
        raise NotImplementedError(
            f"connection type {request.connection_type!r} is not implemented as a source"
        )
    raise ValueError(f"unknown connection type {request.connection_type!r}")
