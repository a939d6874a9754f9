"""Rows between the engine and Iceberg tables: numbered rows of data files, and a query's rows as the table's. Owns no
state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import (
    ArrowScan,
    UnsupportedPyArrowTypeException,
    _pyarrow_to_schema_without_ids,
    _read_all_delete_files,
)
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.table import FileScanTask
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import UUIDType

from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.iceberg_commits import Target
from mastic.athena.row_changes import ROW
from mastic.glue.catalog.optimizers import writing
from mastic.glue.catalog.optimizers.files import TableFiles

# A row's number is that of its file, and below it its place among the rows of the file that are there.
FILE_BITS = 40


def engine_types(schema: pa.Schema) -> list[str]:
    """The columns' types in the engine's words."""
    with duckdb.connect() as connection:
        return [str(t) for t in connection.from_arrow(schema.empty_table()).types]


def schema_of(arrow: pa.Schema, names: Sequence[str]) -> Schema:
    """The schema of a table for a query's columns. Raises QueryFailure for a type that Iceberg does not have."""
    try:
        named = pa.schema([f.with_name(name) for f, name in zip(arrow, names, strict=True)])
        return assign_fresh_schema_ids(
            _pyarrow_to_schema_without_ids(named, downcast_ns_timestamp_to_us=True)
        )
    except (UnsupportedPyArrowTypeException, TypeError, ValueError) as error:
        raise QueryFailure(f"NOT_SUPPORTED: Type not supported for Iceberg: {error}", kind=1006) from None


def numbered(
    target: Target, files: TableFiles, tasks: Sequence[tuple[int, FileScanTask]]
) -> pa.RecordBatchReader:
    """The rows of these files, deleted ones left out, under folded names and with their numbers first."""
    schema = target.metadata.schema()
    plain = schema.as_arrow()
    folded = pa.schema(
        [pa.field(ROW, pa.int64()), *(f.with_name(f.name.lower()).remove_metadata() for f in plain)]
    )
    scan = ArrowScan(target.metadata, files, schema, AlwaysTrue())

    def batches() -> Iterator[pa.RecordBatch]:
        for number, task in tasks:
            deletes = _read_all_delete_files(files, [task])
            place = number << FILE_BITS
            for batch in scan._record_batches_from_scan_tasks_and_deletes([task], deletes):
                rows = pa.array(range(place, place + batch.num_rows), type=pa.int64())
                place += batch.num_rows
                whole = pa.Table.from_batches([batch]).select(plain.names)
                arrays = [rows, *(c.combine_chunks() for c in whole.columns)]
                table = pa.Table.from_arrays(arrays, names=folded.names).cast(folded)
                yield from table.to_batches()
            files.release([task.file.file_path])

    return pa.RecordBatchReader.from_batches(folded, batches())


def planned(target: Target, row_filter: Any) -> list[FileScanTask]:
    """The files in which rows can be that satisfy the filter (None: all files). Raises QueryFailure."""
    scan = target.table.scan() if row_filter is None else target.table.scan(row_filter=row_filter)
    try:
        return list(scan.plan_files())
    except ValueError as error:
        # Equality deletes.
        raise not_supported(f"changing this table ({str(error).partition(': http')[0]})") from error


def shaped(metadata: TableMetadata, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """A query's rows, by place, as the table's data files hold them. Raises QueryFailure for a NULL that may not be."""
    wanted = metadata.schema().as_arrow()
    required = [field.name for field in metadata.schema().fields if field.required]
    uuids = [wanted.field(f.name) for f in metadata.schema().fields if isinstance(f.field_type, UUIDType)]

    def named() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            whole = pa.Table.from_batches([batch]).rename_columns(wanted.names)
            for name in required:
                if whole.column(name).null_count:
                    raise QueryFailure(
                        f"CONSTRAINT_VIOLATION: NULL value not allowed for NOT NULL column: {name.lower()}"
                    )
            arrays = [_uuids(c) if f in uuids else c for f, c in zip(wanted, whole.columns, strict=True)]
            yield from pa.Table.from_arrays(arrays, names=wanted.names).cast(wanted).to_batches()

    return writing.shaped(metadata, named())


def _uuids(column: pa.ChunkedArray) -> pa.Array:
    """The engine gives them as texts."""
    texts = column.to_pylist()
    return pa.array([None if text is None else UUID(str(text)).bytes for text in texts], pa.binary(16))


_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_EXACT = {"BOOLEAN": "boolean", "BLOB": "varbinary", "VARCHAR": "varchar", "TIME": "time"}


def fits(given: str, wanted: str) -> bool:
    """Whether a value of the one type may be put into a column of the other without a CAST, as in Trino."""
    if given.startswith("TIMESTAMP_"):
        # By the digits that a literal has.
        given = "TIMESTAMP"
    if given == '"NULL"' or given == wanted or (given == "UUID" and wanted == "VARCHAR"):
        return True
    if given in _NUMBERS:
        return wanted in _NUMBERS or wanted.startswith("DECIMAL") or wanted in ("FLOAT", "DOUBLE")
    if given.startswith("DECIMAL"):
        return wanted in ("FLOAT", "DOUBLE") or (
            wanted.startswith("DECIMAL") and _scale(given) <= _scale(wanted)
        )
    if given in ("FLOAT", "DOUBLE"):
        return wanted == "DOUBLE"
    if given in _TIMES and wanted in _TIMES:
        return _TIMES.index(given) <= _TIMES.index(wanted)
    if given in _EXACT or wanted in _EXACT:
        return False
    with duckdb.connect() as connection:
        return _nested_fits(connection.sqltype(given), connection.sqltype(wanted))


def _scale(of: str) -> int:
    return int(of.rstrip(")").rpartition(",")[2])


def _nested_fits(given: Any, wanted: Any) -> bool:
    """The engine casts rows by their fields' names: these have to be the same, else fields would be lost."""
    if given.id != wanted.id or wanted.id not in ("list", "map", "struct"):
        return False
    pairs = list(zip(given.children, wanted.children, strict=False))
    return len(given.children) == len(wanted.children) and all(
        one.lower() == other.lower() and fits(str(its), str(kind)) for (one, its), (other, kind) in pairs
    )


def check_types(given: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise QueryFailure when a query's columns cannot be put into the table's."""
    if not all(fits(one, other) for one, other in zip(given, wanted, strict=True)):
        raise QueryFailure(
            f"TYPE_MISMATCH: Insert query has mismatched column types: Table: [{', '.join(wanted).lower()}], "
            f"Query: [{', '.join(given).lower()}]",
            kind=1103,
        )
