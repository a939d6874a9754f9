"""Metadata tables of Iceberg tables: rows and schema for a DataFrame."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from awsglue._runtime.failures import EngineRefused

_SNAPSHOTS = (
    "committed_at timestamp, snapshot_id bigint, parent_id bigint, operation string, manifest_list string, "
    "summary map<string,string>"
)
_HISTORY = "made_current_at timestamp, snapshot_id bigint, parent_id bigint, is_current_ancestor boolean"
_FILES = (
    "content int, file_path string, file_format string, spec_id int, record_count bigint, "
    "file_size_in_bytes bigint"
)
_REFS = (
    "name string, type string, snapshot_id bigint, max_reference_age_in_ms bigint, min_snapshots_to_keep int, "
    "max_snapshot_age_in_ms bigint"
)
_LOG = (
    "timestamp timestamp, file string, latest_snapshot_id bigint, latest_schema_id int, "
    "latest_sequence_number bigint"
)


def rows(table: Any, name: str) -> tuple[list[tuple[Any, ...]], str]:
    """(rows, schema) of a metadata table. Raises EngineRefused for those not served."""
    makers = {
        "snapshots": _snapshots,
        "history": _history,
        "files": _files,
        "data_files": _files,
        "all_data_files": _files,
        "refs": _refs,
        "metadata_log_entries": _log,
    }
    if name not in makers:
        raise EngineRefused(f"Iceberg metadata table {name!r}")
    return makers[name](table)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _snapshots(table: Any) -> tuple[list[tuple[Any, ...]], str]:
    out = []
    for item in table.snapshots():
        summary = dict(item.summary.additional_properties) if item.summary else {}
        operation = item.summary.operation.value if item.summary else None
        out.append(
            (
                _moment(item.timestamp_ms),
                item.snapshot_id,
                item.parent_snapshot_id,
                operation,
                item.manifest_list,
                summary,
            )
        )
    return out, _SNAPSHOTS


def _history(table: Any) -> tuple[list[tuple[Any, ...]], str]:
    ancestors = set()
    current = table.current_snapshot()
    while current is not None and current.snapshot_id not in ancestors:
        ancestors.add(current.snapshot_id)
        current = table.snapshot_by_id(current.parent_snapshot_id) if current.parent_snapshot_id else None
    out = []
    for entry in table.history():
        snapshot = table.snapshot_by_id(entry.snapshot_id)
        parent = snapshot.parent_snapshot_id if snapshot else None
        out.append((_moment(entry.timestamp_ms), entry.snapshot_id, parent, entry.snapshot_id in ancestors))
    return out, _HISTORY


def _files(table: Any) -> tuple[list[tuple[Any, ...]], str]:
    out = []
    for task in table.scan().plan_files():
        for file in [task.file, *task.delete_files]:
            row = (
                int(file.content),
                file.file_path,
                str(file.file_format.value),
                file.spec_id,
                file.record_count,
                file.file_size_in_bytes,
            )
            if row not in out:
                out.append(row)
    return out, _FILES


def _refs(table: Any) -> tuple[list[tuple[Any, ...]], str]:
    return [
        (
            name,
            ref.snapshot_ref_type.value.upper(),
            ref.snapshot_id,
            ref.max_ref_age_ms,
            ref.min_snapshots_to_keep,
            ref.max_snapshot_age_ms,
        )
        for name, ref in table.metadata.refs.items()
    ], _REFS


def _log(table: Any) -> tuple[list[tuple[Any, ...]], str]:
    out: list[tuple[Any, ...]] = [
        (_moment(item.timestamp_ms), item.metadata_file, None, None, None)
        for item in table.metadata.metadata_log
    ]
    metadata = table.metadata
    out.append(
        (
            _moment(metadata.last_updated_ms),
            table.metadata_location,
            metadata.current_snapshot_id,
            metadata.current_schema_id,
            metadata.last_sequence_number,
        )
    )
    return out, _LOG
