"""Catalog tables as frames: the definition says where the files are and how they are written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Body, Encoded
from awsglue._frames.encoding import ddl, parse_type
from awsglue._runtime.io.storage import Storage
from awsglue._sources.listing import SourceFile, list_source
from awsglue._sources.request import SourceRequest

SERDES = {
    "lazysimple": "csv",
    "opencsv": "csv",
    "jsonserde": "json",
    "openx": "json",
    "parquet": "parquet",
    "orc": "orc",
    "avro": "avro",
    "grok": "grokLog",
    "ion": "ion",
    "xml": "xml",
}


def glue_client() -> Any:
    """The Glue API of the environment."""
    import boto3

    return boto3.client("glue")


def get_table(database: str, table_name: str, catalog_id: str | None = None) -> dict[str, Any]:
    """The catalog's definition of a table."""
    given = {"CatalogId": catalog_id} if catalog_id else {}
    return glue_client().get_table(DatabaseName=database, Name=table_name, **given)["Table"]  # type: ignore[no-any-return]


def table_schema(table: dict[str, Any]) -> g.StructType:
    """All columns of a table, partition keys last."""
    return g.StructType(
        [
            g.Field(one["Name"], parse_type(one.get("Type") or "string"))
            for one in [
                *table.get("StorageDescriptor", {}).get("Columns", []),
                *table.get("PartitionKeys", []),
            ]
        ]
    )


def table_format(table: dict[str, Any]) -> str:
    """csv, json, parquet, … by the classification, else by the SerDe. Raises ValueError."""
    parameters = table.get("Parameters") or {}
    descriptor = table.get("StorageDescriptor") or {}
    found = parameters.get("classification") or (descriptor.get("Parameters") or {}).get("classification")
    if found:
        return str(found)
    library = ((descriptor.get("SerdeInfo") or {}).get("SerializationLibrary") or "").lower()
    for part, kind in SERDES.items():
        if part in library:
            return kind
    raise ValueError(
        f"table {table['Name']} has neither a classification nor a SerDe that says how it is written"
    )


def lake_format(table: dict[str, Any]) -> str:
    """delta or hudi for a table that they keep, else ""."""
    parameters = table.get("Parameters") or {}
    names = ("spark.sql.sources.provider", "table_type", "classification")
    given = {str(parameters.get(name, "")).lower() for name in names}
    library = ((table.get("StorageDescriptor") or {}).get("InputFormat") or "").lower()
    return "delta" if "delta" in given else "hudi" if "hudi" in given or "hudi" in library else ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One partition (or the whole table): its folder and its values."""

    location: str
    values: tuple[tuple[str, str | None], ...] = ()


def open_table(request: SourceRequest, context: Any) -> Body:
    """The body of a catalog table's frame; of a table over a stream, what the stream holds now."""
    from awsglue._streams.opening import of_table, open_batch, stream_kind

    table = get_table(str(request.database), str(request.table_name), request.catalog_id)
    parameters = table.get("Parameters") or {}
    if parameters.get("table_type", "").upper() == "ICEBERG":
        return Body(lambda: Encoded.of(_iceberg(request, context)))
    if lake_format(table):
        from awsglue._sources.lakes import open_lake_table

        return Body(lambda: Encoded.of(open_lake_table(request, table, context)))
    if stream_kind(table):
        asked, layout = of_table(request, table)
        return open_batch(asked, context, layout)
    kind = table_format(table).lower()
    connection = parameters.get("connectionName")
    if kind == "dynamodb":
        from awsglue._sources.dynamodb import open_dynamodb

        location = str(table["StorageDescriptor"].get("Location", ""))
        named = {"dynamodb.input.tableName": location.rsplit("/", 1)[-1], "dynamodb.tableArn": location}
        return open_dynamodb(replace(request, options={**named, **request.options}), context)
    if connection and not str(table.get("StorageDescriptor", {}).get("Location", "")).startswith("s3"):
        from awsglue._sources.jdbc import open_jdbc

        options = {
            "connectionName": connection,
            "useConnectionProperties": "true",
            "dbtable": table["StorageDescriptor"]["Location"].split(".", 1)[-1],
            **request.options,
        }
        return open_jdbc(replace(request, options=options), context)
    return _files(request, table, kind, context)


def open_table_frame(request: SourceRequest, context: Any) -> Any:
    """A catalog table as DataFrame; a table over a stream as the stream."""
    from awsglue._streams.opening import of_table, open_stream, stream_kind

    table = get_table(str(request.database), str(request.table_name), request.catalog_id)
    if (table.get("Parameters") or {}).get("table_type", "").upper() == "ICEBERG":
        return _iceberg(request, context)
    if lake_format(table):
        from awsglue._sources.lakes import open_lake_table

        return open_lake_table(request, table, context)
    if stream_kind(table):
        asked, layout = of_table(request, table)
        return open_stream(asked, context, layout)
    from awsglue.dynamicframe import DynamicFrame

    return DynamicFrame(open_table(request, context), context, str(request.table_name)).toDF()


def _iceberg(request: SourceRequest, context: Any) -> Any:
    name = f"glue_catalog.`{request.database}`.`{request.table_name}`"
    df = context.spark_session.table(name)
    return df.where(request.push_down_predicate) if request.push_down_predicate else df


def _files(request: SourceRequest, table: dict[str, Any], kind: str, context: Any) -> Body:
    from awsglue._sources.s3 import FileSource, known_format

    known_format(kind)
    schema = table_schema(table)
    keys = [one["Name"] for one in table.get("PartitionKeys", [])]
    options = {**_limits(table), **request.options}

    def files(storage: Storage) -> list[SourceFile]:
        from awsglue._sources.selection import choose
        from awsglue.job import Job

        found = [one for place in places(request, table, context) for one in _at(storage, place, options)]
        identity = ("catalog", request.database, request.table_name)
        return choose(found, options, request.transformation_ctx, Job.bookmarks(), identity)

    named = replace(
        request,
        format=kind,
        options=options,
        format_options=_format_options(table, kind, request.format_options),
    )
    names = (
        [one["Name"] for one in table["StorageDescriptor"].get("Columns", [])]
        if kind in ("csv", "tsv")
        else None
    )
    hint = g.StructType([field for field in schema.fields if field.name not in keys])
    source = FileSource(
        context.spark_session, named, files, hint=hint if kind == "json" else None, names=names
    )
    return source.body().then(lambda frame: _expected(frame, schema, keys, kind))


def _at(storage: Storage, place: Place, options: dict[str, Any]) -> list[SourceFile]:
    found = list_source(storage, [place.location], options)
    if not place.values:
        return found
    # The catalog's values count, whatever the folder's name says.
    return [replace(one, partition=place.values, root=_root(place)) for one in found]


def _root(place: Place) -> str:
    """The folder above a partition's `k=v` folders; "" when its folders are not named so, as crawlers find them."""
    from awsglue._runtime.io.partitions import unescape

    location = place.location.rstrip("/")
    for name, value in reversed(place.values):
        folder = location.rsplit("/", 1)[-1]
        key, equals, text = folder.partition("=")
        if not equals or key.lower() != name.lower() or (value is not None and unescape(text) != value):
            return ""
        location = location.rsplit("/", 1)[0]
    return location


def places(request: SourceRequest, table: dict[str, Any], context: Any) -> list[Place]:
    """Where the table's data is, after both predicates."""
    keys = [one["Name"] for one in table.get("PartitionKeys", [])]
    if not keys:
        return [Place(location=table["StorageDescriptor"]["Location"])]
    given: dict[str, Any] = {"DatabaseName": request.database, "TableName": request.table_name}
    if request.catalog_id:
        given["CatalogId"] = request.catalog_id
    if request.options.get("catalogPartitionPredicate"):
        given["Expression"] = request.options["catalogPartitionPredicate"]
    pages = glue_client().get_paginator("get_partitions").paginate(**given)
    found = [
        Place(
            location=one["StorageDescriptor"]["Location"], values=tuple(zip(keys, one["Values"], strict=True))
        )
        for page in pages
        for one in page["Partitions"]
    ]
    if request.push_down_predicate and found:
        from awsglue._sources.pruning import matching

        types = {
            one["Name"].lower(): ddl(parse_type(one.get("Type") or "string"))
            for one in table["PartitionKeys"]
        }
        rows = [tuple(value for _, value in place.values) for place in found]
        good = matching(context.spark_session, rows, keys, request.push_down_predicate, types)
        found = [place for position, place in enumerate(found) if position in good]
    return found


def _limits(table: dict[str, Any]) -> dict[str, Any]:
    """Options that a table's parameters may set."""
    parameters = table.get("Parameters") or {}
    names = (
        "boundedFiles",
        "boundedSize",
        "groupFiles",
        "groupSize",
        "recurse",
        "exclusions",
        "compressionType",
    )
    found = {name: parameters[name] for name in names if parameters.get(name)}
    return {
        name: value for name, value in found.items() if not (name == "compressionType" and value == "none")
    }


def _format_options(table: dict[str, Any], kind: str, given: dict[str, Any]) -> dict[str, Any]:
    parameters = table.get("Parameters") or {}
    serde = ((table.get("StorageDescriptor") or {}).get("SerdeInfo") or {}).get("Parameters") or {}
    options: dict[str, Any] = {}
    if kind in ("csv", "tsv"):
        options["separator"] = (
            serde.get("separatorChar") or serde.get("field.delim") or parameters.get("delimiter") or ","
        )
        if serde.get("quoteChar"):
            options["quoteChar"] = serde["quoteChar"]
        if serde.get("escapeChar") or serde.get("escape.delim"):
            options["escaper"] = serde.get("escapeChar") or serde.get("escape.delim")
        skipped = int(serde.get("skip.header.line.count") or parameters.get("skip.header.line.count") or 0)
        if skipped > 1:
            raise NotImplementedError("skip.header.line.count above 1 is not implemented")
        options["skipFirst"] = skipped == 1
    elif kind == "json" and serde.get("jsonPath"):
        options["jsonPath"] = serde["jsonPath"]
    elif kind in ("groklog", "grok"):
        options["logFormat"] = serde.get("input.format") or parameters.get("grokPattern")
        options["customPatterns"] = serde.get("input.grokCustomPatterns") or ""
    elif kind == "xml":
        options["rowTag"] = serde.get("rowTag") or parameters.get("xmlRowTag") or parameters.get("rowTag")
    return {**options, **given}


def _expected(frame: Encoded, schema: g.StructType, keys: list[str], kind: str) -> Encoded:
    """Text columns as the catalog's types where all values fit, as choices where some do not; partition keys typed."""
    from awsglue._sources.declared import typed

    if not frame.schema.fields:
        return frame
    return typed(frame, schema, keys, texts=kind in ("csv", "tsv"))
