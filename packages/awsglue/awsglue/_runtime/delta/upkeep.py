"""What is told of a Delta table, and done to its files: history, detail, OPTIMIZE, VACUUM."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.delta import lake

HISTORY = (
    "version bigint, timestamp timestamp, userId string, userName string, operation string, "
    "operationParameters map<string,string>, job string, notebook string, clusterId string, readVersion bigint, "
    "isolationLevel string, isBlindAppend boolean, operationMetrics map<string,string>, userMetadata string, "
    "engineInfo string"
)
DETAIL = (
    "format string, id string, name string, description string, location string, createdAt timestamp, "
    "lastModified timestamp, partitionColumns array<string>, numFiles bigint, sizeInBytes bigint, "
    "properties map<string,string>, minReaderVersion int, minWriterVersion int"
)
# Without the check, files of readers and writers that are still at work would go.
SAFE_HOURS = 168.0


def history(services: Any, table: Any, limit: int | None = None) -> Any:
    """The commits, newest first, as a DataFrame."""
    rows = []
    for entry in table.history(limit):
        parameters = dict(entry.get("operationParameters") or {})
        operation = str(parameters.pop("operation", "") or entry.get("operation", ""))
        rows.append(
            (
                int(entry["version"]),
                _moment(entry["timestamp"]),
                entry.get("userId"),
                entry.get("userName"),
                operation,
                _texts(parameters),
                None,
                None,
                None,
                entry.get("readVersion"),
                entry.get("isolationLevel"),
                entry.get("isBlindAppend"),
                _texts(entry.get("operationMetrics") or {}),
                entry.get("userMetadata"),
                entry.get("engineInfo"),
            )
        )
    return services.session.createDataFrame(rows, HISTORY)


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else str(value) for key, value in values.items()}


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).replace(tzinfo=None)


def detail(services: Any, table: Any) -> Any:
    """DESCRIBE DETAIL as a DataFrame."""
    metadata, protocol = table.metadata(), table.protocol()
    found = lake.files(table)
    commits = table.history(1)
    row = (
        "delta",
        str(metadata.id),
        metadata.name,
        metadata.description,
        str(table.table_uri).rstrip("/"),
        _moment(metadata.created_time),
        _moment(commits[0]["timestamp"]),
        lake.partition_columns(table),
        len(found),
        sum(file.size for file in found),
        dict(metadata.configuration),
        protocol.min_reader_version,
        protocol.min_writer_version,
    )
    return services.session.createDataFrame([row], DETAIL)


def optimize(services: Any, table: Any, columns: list[str]) -> Any:
    """Compact small files, or order rows along several columns; the metrics as a DataFrame."""
    engine.mark_written()
    metrics = table.optimize.z_order(columns) if columns else table.optimize.compact()
    row = (
        str(table.table_uri).rstrip("/"),
        {"numFilesAdded": int(metrics["numFilesAdded"]), "numFilesRemoved": int(metrics["numFilesRemoved"])},
    )
    return services.session.createDataFrame([row], "path string, metrics map<string,bigint>")


def vacuum(services: Any, table: Any, hours: float | None, *, dry_run: bool = False) -> list[str]:
    """Delete files that no version within the retention needs. Raises IllegalArgumentException for too short a one."""
    from pyspark.errors import IllegalArgumentException

    checked = services.conf.get("spark.databricks.delta.retentionDurationCheck.enabled", "true") != "false"
    if checked and hours is not None and hours < SAFE_HOURS:
        raise IllegalArgumentException(
            "requirement failed: Are you sure you would like to vacuum files with such a low retention period? If you "
            "have writers that are currently writing to this table, there is a risk that you may corrupt the state of "
            "your Delta table.\nIf you are certain that there are no operations being performed on this table, such as "
            "insert/upsert/delete/optimize, then you may turn off this check by setting: "
            "spark.databricks.delta.retentionDurationCheck.enabled = false"
        )
    if not dry_run:
        engine.mark_written()
    found = table.vacuum(
        # Part of an hour counts as one: no file goes before its time.
        retention_hours=None if hours is None else math.ceil(hours),
        dry_run=dry_run,
        enforce_retention_duration=checked,
        full=True,
    )
    root = str(table.table_uri).rstrip("/")
    return [path if "://" in path else f"{root}/{path}" for path in found]
