"""Frames into catalog tables: where and how is what the table says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._sinks.request import SinkRequest
from awsglue._sources.catalog import get_table, lake_format, table_format
from awsglue._sources.request import truth
from awsglue._streams.opening import stream_kind, table_options


def write_table(request: SinkRequest, frame: Encoded, context: Any) -> None:
    """Append the frame to the table."""
    table = get_table(str(request.database), str(request.table_name), request.catalog_id)
    parameters = table.get("Parameters") or {}
    if parameters.get("table_type", "").upper() == "ICEBERG":
        frame.df.writeTo(f"glue_catalog.`{request.database}`.`{request.table_name}`").append()
        return
    kind_of_stream = stream_kind(table)
    if kind_of_stream:
        from awsglue._sinks.streams import write_stream

        asked = table_options(table, request.options)
        write_stream(replace(request, connection_type=kind_of_stream, options=asked), frame)
        return
    if lake_format(table):
        from awsglue._sinks.lakes import write_lake_table

        write_lake_table(request, table, frame)
        return
    location = str(table["StorageDescriptor"].get("Location", ""))
    if parameters.get("connectionName") and not location.startswith("s3"):
        from awsglue._sinks.jdbc import write_jdbc

        options = {
            "connectionName": parameters["connectionName"],
            "useConnectionProperties": "true",
            "dbtable": location.split(".", 1)[-1],
            **request.options,
        }
        write_jdbc(replace(request, options=options), frame, context)
        return
    from awsglue._sinks.s3 import partition_keys, write_files

    keys = partition_keys(request.options) or [one["Name"] for one in table.get("PartitionKeys", [])]
    kind = table_format(table)
    options = {**request.options, "path": location, "partitionKeys": keys}
    if not truth(options.get("enableUpdateCatalog")):
        options.pop("enableUpdateCatalog", None)
    write_files(
        replace(request, options=options, format=kind, format_options=_format_options(table, kind)),
        frame,
        context,
    )


def _format_options(table: dict[str, Any], kind: str) -> dict[str, Any]:
    serde = ((table.get("StorageDescriptor") or {}).get("SerdeInfo") or {}).get("Parameters") or {}
    parameters = table.get("Parameters") or {}
    if kind != "csv":
        return {"compression": parameters["compression"]} if parameters.get("compression") else {}
    header = serde.get("skip.header.line.count") or parameters.get("skip.header.line.count") or "0"
    options: dict[str, Any] = {
        "separator": serde.get("separatorChar") or serde.get("field.delim") or ",",
        "writeHeader": header == "1",
    }
    if serde.get("quoteChar"):
        options["quoteChar"] = serde["quoteChar"]
    return options
