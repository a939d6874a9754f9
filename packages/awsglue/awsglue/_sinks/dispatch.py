"""From a request to the sink that serves it."""

from __future__ import annotations

from typing import Any

from awsglue._frames.body import Encoded
from awsglue._sinks.request import SinkRequest
from awsglue._sources.dispatch import CATALOG_ITEMS, FILE_TYPES, JDBC_TYPES, OUTSIDE, lake_kind


def write_frame(request: SinkRequest, frame: Encoded, context: Any) -> None:
    """Write the frame. Raises NotImplementedError for connections not built in."""
    kind = request.connection_type.lower()
    if request.from_catalog:
        from awsglue._sinks.tables import write_table

        write_table(request, frame, context)
    elif kind in ("s3", "file") or kind in FILE_TYPES:
        from awsglue._sinks.s3 import write_files

        if kind in FILE_TYPES and not request.format:
            request = request.with_format(kind, {})
        write_files(request, frame, context)
    elif kind in JDBC_TYPES:
        from awsglue._sinks.jdbc import write_jdbc

        write_jdbc(request, frame, context)
    elif kind == "dynamodb":
        from awsglue._sinks.dynamodb import write_dynamodb

        write_dynamodb(request, frame)
    elif lake_kind(kind, request.options):
        from awsglue._sinks.lakes import write_lake

        write_lake(lake_kind(kind, request.options), request, frame)
    elif kind in ("kafka", "kinesis"):
        from awsglue._sinks.streams import write_stream

        write_stream(request, frame)
    elif kind in ("catalog", CATALOG_ITEMS):
        from awsglue._sinks.catalogitems import write_catalog_items

        write_catalog_items(request, frame)
    elif kind in OUTSIDE:
        from importlib import import_module

        name = OUTSIDE[kind]
        getattr(import_module(f"awsglue._sinks.{name}"), f"write_{name}")(request, frame)
    else:
        raise NotImplementedError(f"connection type {request.connection_type!r} is not implemented as a sink")
