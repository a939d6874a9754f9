"""Writer actions on Iceberg tables: which rows, in which schema, committed how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.catalog.glue import already_exists, table_not_found
from awsglue._runtime.catalog.names import TableName
from awsglue._runtime.iceberg import assignment, partitioning, versions, writing
from awsglue._runtime.iceberg.requests import TableWrite


def run(tables: Any, services: Any, name: TableName, request: TableWrite) -> None:
    """Carry out one write. Raises AnalysisException as Spark does."""
    catalog = tables.iceberg(name.catalog)
    row = tables.glue.table(name.database, name.table)
    action = request.action
    if action == "create" and row is not None:
        raise already_exists(name.shown)
    if action not in ("create", "createOrReplace") and row is None:
        raise table_not_found(name.shown)
    versions.wanted(request.properties)
    engine.mark_written()
    if action in ("create", "createOrReplace", "replace"):
        _create(services, catalog, name, request, exists=row is not None)
        return

    def load() -> Any:
        return catalog.load(name)

    def rows(table: Any) -> Iterator[Any]:
        aligned = assignment.align(request.frame, table, name.shown, request.options)
        return services.rows(aligned)[1]  # type: ignore[no-any-return]

    if action == "append":
        writing.append(load, rows)
    elif action == "overwriteAll":
        writing.replace_files(load, lambda table: (_all_files(table), rows(table)))
    elif action == "overwritePartitions":
        _overwrite_partitions(load, rows)
    elif action == "overwrite":
        _overwrite_where(services, catalog, load, rows, request)
    else:
        raise ValueError(f"unknown action {action}")


def _create(services: Any, catalog: Any, name: TableName, request: TableWrite, *, exists: bool) -> None:
    from pyspark.errors import AnalysisException

    if request.provider not in ("", "iceberg"):
        raise AnalysisException(f"Unsupported format in USING: {request.provider}")
    fields = [partitioning.from_column(column) for column in request.partitioned_by]
    struct, batches = services.rows(request.frame)
    from awsglue._runtime.iceberg.types import iceberg_schema, spark_struct

    aligned = (
        None
        if request.schema_only
        else assignment.widen(struct, spark_struct(iceberg_schema(struct)), batches)
    )
    if exists:
        writing.replace(catalog, name, struct, fields=fields, properties=request.properties, batches=aligned)
    else:
        writing.create(
            catalog,
            name,
            struct,
            fields=fields,
            properties=request.properties,
            location=request.location,
            batches=aligned,
        )


def _all_files(table: Any) -> list[Any]:
    return [task.file for task in table.scan().plan_files()]


def _overwrite_partitions(load: Any, rows: Any) -> None:
    """Dynamic overwrite: the partitions that the new rows are in lose their old rows."""

    def compute(table: Any) -> tuple[list[Any], Iterator[Any]]:
        batches = list(rows(table))
        if table.spec().is_unpartitioned():
            return _all_files(table), iter(batches)
        new = writing.data_files(table, iter(batches))
        current = table.metadata.default_spec_id
        touched = {(current, *_values(file)) for file in new}
        dropped = [file for file in _all_files(table) if (file.spec_id, *_values(file)) in touched]
        for file in new:
            # These were only needed to know the partitions; the commit writes its own.
            table.io.delete(file.file_path)
        return dropped, iter(batches)

    writing.replace_files(load, compute)


def _values(file: Any) -> tuple[Any, ...]:
    return tuple(file.partition[index] for index in range(len(file.partition)))


def _overwrite_where(services: Any, catalog: Any, load: Any, rows: Any, request: TableWrite) -> None:
    """overwrite(condition): rows that meet the condition go, the new ones come."""
    from awsglue._runtime.iceberg import rowlevel

    def compute(table: Any) -> tuple[list[Any], Iterator[Any]]:
        from itertools import chain

        dropped, kept = rowlevel.without(services, catalog, table, request.condition)
        return dropped, chain(kept, rows(table))

    writing.replace_files(load, compute)
