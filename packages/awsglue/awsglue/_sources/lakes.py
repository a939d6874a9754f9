"""Delta and Hudi tables as frames, by the engine's own reader of the format."""

from __future__ import annotations

from typing import Any

from awsglue._sources.catalog import lake_format
from awsglue._sources.request import SourceRequest

# Options of Glue's own, which the format's reader does not know.
_OURS = {
    "path",
    "paths",
    "connectionName",
    "className",
    "useGlueParquetReader",
    "partitionKeys",
    "enableUpdateCatalog",
}


def open_lake(kind: str, request: SourceRequest, context: Any) -> Any:
    """The DataFrame of a table at a path. Raises ValueError without one."""
    path = request.options.get("path")
    if not path and request.options.get("paths"):
        (path, *more) = list(request.options["paths"])
        if more:
            raise ValueError(f"{kind} reads one table: give one path")
    if not path:
        raise ValueError(f'{kind} needs the connection option "path"')
    return _read(kind, str(path), request, context)


def open_lake_table(request: SourceRequest, table: dict[str, Any], context: Any) -> Any:
    """The DataFrame of a catalog table."""
    storage = table.get("StorageDescriptor") or {}
    serde = (storage.get("SerdeInfo") or {}).get("Parameters") or {}
    return _read(lake_format(table), str(serde.get("path") or storage.get("Location")), request, context)


def _read(kind: str, path: str, request: SourceRequest, context: Any) -> Any:
    options = {key: str(value) for key, value in request.options.items() if key not in _OURS}
    frame = context.spark_session.read.format(kind).options(**options).load(path)
    return frame.where(request.push_down_predicate) if request.push_down_predicate else frame
