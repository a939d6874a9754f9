"""Frames into Delta and Hudi tables, by the session's writer of the format."""

from __future__ import annotations

from typing import Any

from awsglue._frames.body import Encoded
from awsglue._sinks.request import SinkRequest
from awsglue._sources.catalog import lake_format

_OURS = {
    "path",
    "mode",
    "partitionKeys",
    "enableUpdateCatalog",
    "updateBehavior",
    "connectionName",
    "useFrameName",
    "className",
}


def write_lake(kind: str, request: SinkRequest, frame: Encoded) -> None:
    """Append to the table at a path (or as `mode` says); the catalog table of `setCatalogInfo` follows it.

    Raises ValueError without a path.
    """
    from awsglue._sinks.s3 import partition_keys

    path = request.options.get("path")
    if not path:
        raise ValueError(f'{kind} needs the connection option "path"')
    writer = _writer(kind, request, frame)
    keys = partition_keys(request.options)
    if keys:
        writer = writer.partitionBy(*keys)
    if request.database and request.table_name:
        writer.option("path", str(path)).saveAsTable(f"`{request.database}`.`{request.table_name}`")
    else:
        writer.save(str(path))


def write_lake_table(request: SinkRequest, table: dict[str, Any], frame: Encoded) -> None:
    """Append to a catalog table."""
    writer = _writer(lake_format(table), request, frame)
    writer.saveAsTable(f"`{request.database}`.`{request.table_name}`")


def _writer(kind: str, request: SinkRequest, frame: Encoded) -> Any:
    options = {key: str(value) for key, value in request.options.items() if key not in _OURS}
    mode = str(request.options.get("mode") or "append")
    return frame.df.write.format(kind).mode(mode).options(**options)
