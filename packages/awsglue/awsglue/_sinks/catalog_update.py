"""enableUpdateCatalog: the table appears, its new columns appear, its new partitions appear."""

from __future__ import annotations

from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.encoding import ddl
from awsglue._runtime.catalog.glue import table_input
from awsglue._runtime.io.partitions import escape
from awsglue._runtime.io.storage import join
from awsglue._sinks.request import SinkRequest
from awsglue._sources.catalog import glue_client

BEHAVIORS = ("UPDATE_IN_DATABASE", "LOG")
_TEXT_IN = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
_ORC = "org.apache.hadoop.hive.ql.io.orc"
_AVRO = "org.apache.hadoop.hive.ql.io.avro"
SERDES: dict[str, tuple[str, str, str]] = {
    "csv": (_TEXT_IN, _TEXT_OUT, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
    "json": (_TEXT_IN, _TEXT_OUT, "org.openx.data.jsonserde.JsonSerDe"),
    "parquet": (
        f"{_PARQUET}.MapredParquetInputFormat",
        f"{_PARQUET}.MapredParquetOutputFormat",
        f"{_PARQUET}.serde.ParquetHiveSerDe",
    ),
    "orc": (f"{_ORC}.OrcInputFormat", f"{_ORC}.OrcOutputFormat", f"{_ORC}.OrcSerde"),
    "avro": (
        f"{_AVRO}.AvroContainerInputFormat",
        f"{_AVRO}.AvroContainerOutputFormat",
        "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
    ),
}


def hive_type(kind: g.DataType) -> str:
    """The type as the catalog writes it."""
    return ddl(kind).replace("`", "").replace("timestamp_ntz", "timestamp")


def update_catalog(
    request: SinkRequest, schema: g.StructType, keys: list[str], kind: str, written: Any
) -> None:
    """Create or evolve the table and register the written partitions. Raises ValueError."""
    behavior = request.options.get("updateBehavior", "UPDATE_IN_DATABASE")
    if behavior not in BEHAVIORS:
        raise ValueError(f"updateBehavior {behavior!r} is not one of {', '.join(BEHAVIORS)}")
    client = glue_client()
    name = _named(request)
    try:
        table = client.get_table(Name=request.table_name, **name)["Table"]
    except client.exceptions.EntityNotFoundException:
        table = None
    if table is None:
        if not written.files:
            return
        client.create_table(TableInput=_new_table_input(request, schema, keys, kind), **name)
        table = client.get_table(Name=request.table_name, **name)["Table"]
    else:
        _check(table, keys)
        if behavior == "UPDATE_IN_DATABASE":
            table = _evolve(client, name, table, schema, keys)
    if keys and written.partitions:
        _register(client, request, table, keys, written.partitions)


def _named(request: SinkRequest) -> dict[str, Any]:
    name: dict[str, Any] = {"DatabaseName": request.database}
    if request.catalog_id:
        name["CatalogId"] = request.catalog_id
    return name


def _columns(schema: g.StructType, keys: list[str]) -> list[dict[str, str]]:
    return [
        {"Name": field.name, "Type": hive_type(field.dataType)}
        for field in schema.fields
        if field.name not in keys and not isinstance(field.dataType, g.NullType | g.UnknownType)
    ]


def _new_table_input(
    request: SinkRequest, schema: g.StructType, keys: list[str], kind: str
) -> dict[str, Any]:
    kind = "parquet" if kind == "glueparquet" else kind
    reader, writer, library = SERDES[kind]
    parameters: dict[str, str] = {"serialization.format": "1"}
    if kind == "csv":
        parameters["field.delim"] = str(request.format_options.get("separator", ","))
    header = (
        {"skip.header.line.count": "1"}
        if kind == "csv" and str(request.format_options.get("writeHeader", True)).lower() != "false"
        else {}
    )
    types = schema.field_map
    return {
        "Name": request.table_name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": kind, "EXTERNAL": "TRUE", **header},
        "PartitionKeys": [{"Name": key, "Type": hive_type(types[key].dataType)} for key in keys],
        "StorageDescriptor": {
            "Columns": _columns(schema, keys),
            "Location": str(request.options["path"]),
            "InputFormat": reader,
            "OutputFormat": writer,
            "Compressed": False,
            "NumberOfBuckets": -1,
            "StoredAsSubDirectories": False,
            "SerdeInfo": {"SerializationLibrary": library, "Parameters": parameters},
        },
    }


def _check(table: dict[str, Any], keys: list[str]) -> None:
    if not (table.get("Parameters") or {}).get("classification"):
        raise ValueError(f"table {table['Name']} has no classification: it cannot be updated")
    own = [one["Name"] for one in table.get("PartitionKeys", [])]
    if [key.lower() for key in keys] != [key.lower() for key in own]:
        raise ValueError(f"partitionKeys {keys} are not those of table {table['Name']}: {own}")


def _evolve(
    client: Any, name: dict[str, Any], table: dict[str, Any], schema: g.StructType, keys: list[str]
) -> dict[str, Any]:
    """Add the columns that are new. The types of existing ones stay."""
    known = {one["Name"].lower() for one in table["StorageDescriptor"]["Columns"]}
    new = [one for one in _columns(schema, keys) if one["Name"].lower() not in known]
    if not new:
        return table
    table = {
        **table,
        "StorageDescriptor": {
            **table["StorageDescriptor"],
            "Columns": [*table["StorageDescriptor"]["Columns"], *new],
        },
    }
    client.update_table(TableInput=table_input(table), **name)
    return table


def _register(
    client: Any,
    request: SinkRequest,
    table: dict[str, Any],
    keys: list[str],
    partitions: list[tuple[str, ...]],
) -> None:
    root = str(request.options["path"])
    entries = []
    for values in partitions:
        below = "/".join(f"{escape(key)}={escape(value)}" for key, value in zip(keys, values, strict=True))
        descriptor = {**table["StorageDescriptor"], "Location": join(root, below) + "/"}
        entries.append({"Values": list(values), "StorageDescriptor": descriptor})
    for start in range(0, len(entries), 100):
        reply = client.batch_create_partition(
            TableName=request.table_name, PartitionInputList=entries[start : start + 100], **_named(request)
        )
        failed = [
            one
            for one in reply.get("Errors", [])
            if one.get("ErrorDetail", {}).get("ErrorCode") != "AlreadyExistsException"
        ]
        if failed:
            raise RuntimeError(f"partitions could not be registered: {failed[:3]}")
