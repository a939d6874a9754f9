"""Writing Iceberg tables: data files first, then one optimistic commit. Owns nothing; every commit is PyIceberg's.

A commit that loses a race is tried again: appends as they are, everything that was computed from the table's rows by
computing it again.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from awsglue._runtime.catalog.names import TableName
from awsglue._runtime.iceberg import partitioning, versions
from awsglue._runtime.iceberg.catalog import IcebergCatalog
from awsglue._runtime.iceberg.types import iceberg_schema

RETRIES = 6
CHUNK_BYTES = 256 << 20
# Iceberg's Spark writer sets these on new tables.
DEFAULTS = {"format-version": "2", "write.parquet.compression-codec": "zstd"}


def data_files(table: Any, batches: Iterator[Any], metadata: Any = None) -> list[Any]:
    """Write these rows into new data files of the table (nothing refers to them yet)."""
    import pyarrow as pa
    from pyiceberg.io.pyarrow import _dataframe_to_data_files

    metadata = metadata or table.metadata
    target = arrow_of(metadata)
    written: list[Any] = []
    held: list[Any] = []
    size = 0
    write_id, counter = uuid.uuid4(), count(0)

    def flush() -> None:
        if held:
            chunk = pa.Table.from_batches(held).cast(target)
            if chunk.num_rows:
                partitioning.check_values(metadata, chunk)
                files = list(_dataframe_to_data_files(metadata, chunk, table.io, write_id, counter))
                if sum(file.record_count for file in files) != chunk.num_rows:
                    raise RuntimeError(
                        f"{chunk.num_rows} rows would not be as many in the files of {metadata.location}"
                    )
                written.extend(files)
            held.clear()

    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= CHUNK_BYTES:
            flush()
            size = 0
    flush()
    return written


def arrow_of(metadata: Any) -> Any:
    """The Arrow schema that the table's rows have."""
    from awsglue._runtime.iceberg.types import spark_struct
    from awsglue._runtime.io.arrow_types import arrow_schema

    return arrow_schema(spark_struct(metadata.schema()))


def append(load: Callable[[], Any], produce: Callable[[Any], Iterator[Any]]) -> None:
    """Append rows. `produce(table)` gives them in the table's schema."""
    table = load()
    files = data_files(table, produce(table))
    _retrying(lambda fresh: _append_files(fresh, files), load, table)


def _append_files(table: Any, files: list[Any]) -> None:
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as snapshot:
        for file in files:
            snapshot.append_data_file(file)


def _retrying(commit: Callable[[Any], None], load: Callable[[], Any], first: Any = None) -> None:
    """Try a commit on the table as it is now, again on conflict with somebody else's."""
    from pyiceberg.exceptions import CommitFailedException, ValidationException

    for attempt in range(RETRIES):
        table = first if first is not None and attempt == 0 else load()
        try:
            commit(table)
            return
        except (CommitFailedException, ValidationException):
            if attempt + 1 == RETRIES:
                raise
            time.sleep(random.uniform(0.05, 0.1) * 2**attempt)


def replace_files(
    load: Callable[[], Any],
    compute: Callable[[Any], tuple[list[Any], Iterator[Any]]],
    *,
    rewrite: bool = False,
    size: str = "",
) -> int:
    """A change computed from the table: `compute(table)` gives (data files to drop, rows to add). How many were added.

    The commit demands that the table's snapshot is the one computed from; if not, all is computed again. With
    `rewrite` the rows stay the same, which the snapshot says. `size` is that of new files in bytes, if not the table's.
    """
    added = 0

    def commit(table: Any) -> None:
        from pyiceberg.exceptions import CommitFailedException

        nonlocal added
        dropped, rows = compute(table)
        properties = {**table.metadata.properties, "write.target-file-size-bytes": size}
        sized = table.metadata.model_copy(update={"properties": properties}) if size else None
        files = data_files(table, rows, sized)
        added = len(files)
        if not dropped and not files:
            return
        base = table.metadata.current_snapshot_id
        current = load()
        if current.metadata.current_snapshot_id != base:
            raise CommitFailedException("the table has changed since its rows were read")
        with table.transaction() as transaction:
            snapshot = _rewriting(transaction) if rewrite else transaction.update_snapshot().overwrite()
            for file in dropped:
                snapshot.delete_data_file(file)
            for file in files:
                snapshot.append_data_file(file)
            snapshot.commit()

    _retrying(commit, load)
    return added


def _rewriting(transaction: Any) -> Any:
    """A snapshot that replaces files by others with the same rows."""
    from pyiceberg.table.snapshots import Operation, Summary
    from pyiceberg.table.update.snapshot import _OverwriteFiles

    class Rewrite(_OverwriteFiles):
        def _summary(self, snapshot_properties: Any = None) -> Summary:
            made = super()._summary(snapshot_properties or {})
            return Summary(operation=Operation.REPLACE, **made.additional_properties)

    return Rewrite(
        commit_uuid=uuid.uuid4(),
        operation=Operation.OVERWRITE,
        transaction=transaction,
        io=transaction._table.io,
        snapshot_properties={},
    )


def create(
    catalog: IcebergCatalog,
    name: TableName,
    struct: Any,
    *,
    fields: list[Any],
    properties: dict[str, str],
    location: str,
    batches: Iterator[Any] | None,
) -> None:
    """Create a table, with its first rows in the same commit. Raises AnalysisException when it exists."""
    from pyiceberg.exceptions import NoSuchNamespaceError, TableAlreadyExistsError

    from awsglue._runtime.catalog.glue import already_exists, schema_not_found

    schema = iceberg_schema(struct)
    wanted = {**DEFAULTS, **properties}
    for unknown in [key for key in wanted if key in ("provider", "location")]:
        location = wanted.pop(unknown) if unknown == "location" else location
    try:
        transaction = catalog.pyiceberg.create_table_transaction(
            (name.database, name.table),
            schema=schema,
            location=(location or catalog.location(name)).rstrip("/"),
            partition_spec=partitioning.spec(schema, fields),
            properties=wanted,
        )
        if batches is not None:
            files = data_files(transaction._table, batches, transaction.table_metadata)
            with transaction.update_snapshot().fast_append() as snapshot:
                for file in files:
                    snapshot.append_data_file(file)
        transaction.commit_transaction()
    except TableAlreadyExistsError:
        raise already_exists(name.shown) from None
    except NoSuchNamespaceError:
        raise schema_not_found(name.database) from None


def replace(
    catalog: IcebergCatalog,
    name: TableName,
    struct: Any,
    *,
    fields: list[Any],
    properties: dict[str, str],
    batches: Iterator[Any] | None,
) -> None:
    """Replace an existing table's schema, partitioning and rows in one commit; its history stays."""
    from pyiceberg.table.update import (
        AddPartitionSpecUpdate,
        AddSchemaUpdate,
        AssertRefSnapshotId,
        AssertTableUUID,
        RemoveSnapshotRefUpdate,
        SetCurrentSchemaUpdate,
        SetDefaultSpecUpdate,
    )

    table = catalog.load(name)
    schema = _same_or_fresh(table, iceberg_schema(struct))
    transaction = table.transaction()
    version = versions.wanted(properties)
    if version is not None:
        transaction.upgrade_table_version(version)  # type: ignore[arg-type]
    updates: list[Any] = []
    if schema is not table.schema():
        updates += [AddSchemaUpdate(schema_=schema), SetCurrentSchemaUpdate(schema_id=-1)]
    new_spec = _fresh_spec(table, schema, fields)
    if new_spec is not None:
        updates += [AddPartitionSpecUpdate(spec=new_spec), SetDefaultSpecUpdate(spec_id=-1)]
    if table.metadata.current_snapshot_id is not None:
        # The new rows start from nothing; snapshots of before stay in the history, without being its ancestors.
        updates.append(RemoveSnapshotRefUpdate(ref_name="main"))
    requirements = (
        AssertTableUUID(uuid=table.metadata.table_uuid),
        AssertRefSnapshotId(ref="main", snapshot_id=table.metadata.current_snapshot_id),
    )
    transaction._apply(tuple(updates), requirements)
    if properties:
        transaction.set_properties({key: value for key, value in properties.items() if key != versions.KEY})
    if batches is not None:
        files = data_files(table, batches, transaction.table_metadata)
        with transaction.update_snapshot().fast_append() as snapshot:
            for file in files:
                snapshot.append_data_file(file)
    transaction.commit_transaction()


def _same_or_fresh(table: Any, schema: Any) -> Any:
    """The table's own schema when nothing differs, else one with ids kept for columns that stay."""
    from pyiceberg.schema import Schema, assign_fresh_schema_ids
    from pyiceberg.types import NestedField

    current = table.schema()
    if [(f.name, f.field_type) for f in current.fields] == [(f.name, f.field_type) for f in schema.fields]:
        return current
    ids = count(table.metadata.last_column_id + 1)
    fresh = assign_fresh_schema_ids(schema, next_id=lambda: next(ids))
    kept = {field.name: field for field in current.fields}
    fields = []
    for field in fresh.fields:
        old = kept.get(field.name)
        same = old is not None and old.field_type == field.field_type and old.field_type.is_primitive
        fields.append(
            NestedField(
                old.field_id if same else field.field_id,
                field.name,
                field.field_type,
                required=False,
                doc=field.doc,
            )
        )
    return Schema(*fields, schema_id=max(item.schema_id for item in table.metadata.schemas) + 1)


def _fresh_spec(table: Any, schema: Any, fields: list[Any]) -> Any:
    from pyiceberg.partitioning import PartitionField, PartitionSpec

    wanted = partitioning.spec(schema, fields)
    current = [(f.source_id, str(f.transform)) for f in table.spec().fields]
    if [(f.source_id, str(f.transform)) for f in wanted.fields] == current:
        return None
    start = max(table.metadata.last_partition_id or 999, 999) + 1
    made = [
        PartitionField(source_id=f.source_id, field_id=start + position, transform=f.transform, name=f.name)
        for position, f in enumerate(wanted.fields)
    ]
    return PartitionSpec(*made, spec_id=max(item.spec_id for item in table.metadata.partition_specs) + 1)
