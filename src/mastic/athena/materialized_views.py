"""Refreshes materialized views: the view's query runs in the engine and its rows take the place of the view's.

The new rows are one snapshot of the Iceberg table behind the view: readers see all of the old ones or all of the new
ones. The first refresh makes that table, from the query's columns. Owns no state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.io.pyarrow import UnsupportedPyArrowTypeException, _pyarrow_to_schema_without_ids
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update.snapshot import _OverwriteFiles
from pyiceberg.typedef import Record

from mastic.athena.catalog import Catalog, Invoke
from mastic.athena.engine import Engine, Running, narrowing
from mastic.athena.failures import QueryCancelled, QueryFailure
from mastic.athena.planner import Plan, Planner
from mastic.athena.staging import Staging
from mastic.athena.statements import parse
from mastic.athena.translate import references
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.catalog.attempts import again
from mastic.glue.catalog.entries import Entries
from mastic.glue.catalog.iceberg_metadata import MetadataFiles, metadata_location
from mastic.glue.catalog.optimizers import writing
from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.optimizers.opening import Conflict, Gone, Opened, Tables
from mastic.glue.catalog.task_runs import Halt, Halted, TaskFailed
from mastic.objects.base import Objects
from mastic.store import catalog_upkeep
from mastic.store.catalog_runs import Run
from mastic.store.engine import Store

_BATCH = 10_000
_MOST_COMMITS = 50
# Which of a view's texts is run, and sqlglot's name of its dialect.
_DIALECTS = {"ATHENA": "trino", "SPARK": "spark"}


@dataclass(frozen=True, kw_only=True)
class MaterializedViews:
    """Does the runs."""

    invoke: Invoke
    entries: Entries
    engine: Engine
    objects: Objects
    store: Store
    metadata_files: MetadataFiles
    scratch: Path

    def work(self, context: Context, run: Run, halt: Halt) -> dict[str, Any]:
        """Refresh one view. Raises TaskFailed, Halted."""
        running = Running()
        halt.when_asked(running.stop)
        staging = Staging(self.objects, self.scratch)
        files = TableFiles(self.objects, self.scratch)
        tables = Tables(
            store=self.store, entries=self.entries, metadata_files=self.metadata_files, context=context
        )
        try:
            rows = _Refresh(self, context, run, staging, files, tables, running).run()
        except QueryCancelled:
            raise Halted from None
        except QueryFailure as failure:
            raise TaskFailed(staging.by_url(failure.reason)) from None
        except Gone:
            raise TaskFailed("The view was deleted") from None
        finally:
            scanned = staging.scanned
            staging.close()
            files.close()
        return {"ProcessedBytes": scanned, "Rows": rows}


class _Refresh:
    """One refresh."""

    def __init__(
        self,
        owner: MaterializedViews,
        context: Context,
        run: Run,
        staging: Staging,
        files: TableFiles,
        tables: Tables,
        running: Running,
    ) -> None:
        self._owner = owner
        self._context = context
        self._run = run
        self._staging = staging
        self._files = files
        self._tables = tables
        self._running = running

    def run(self) -> int:
        """Returns how many rows the view has now."""
        plan = self._plan()
        with self._owner.engine.session(plan, self._staging.directory, self._running) as connection:
            names = [name.lower() for name in plan.names]
            reader = connection.sql(narrowing(plan, plan.types)).to_arrow_reader(_BATCH)
            schema = _schema(pa.schema([f.with_name(n) for f, n in zip(reader.schema, names, strict=True)]))
            opened = self._opened(schema)
            batches = (batch.rename_columns(names) for batch in reader)
            file = self._written(opened.table.metadata, batches)
        try:
            self._commit(schema, file)
        except (TaskFailed, QueryCancelled, Gone):
            # Each of these says that nothing was committed.
            if file is not None:
                self._files.delete(file.file_path)
            raise
        return file.record_count if file is not None else 0

    def _plan(self) -> Plan:
        with self._owner.store.read() as tx:
            found = catalog_upkeep.locate(tx, self._run.table_id)
        if found is None:
            raise Gone
        texts = {
            one.get("Dialect"): one.get("ViewExpandedText") or one.get("ViewOriginalText")
            for one in (found.row.body.get("ViewDefinition") or {}).get("Representations") or ()
        }
        dialect = next((name for name in _DIALECTS if texts.get(name)), None)
        if dialect is None:
            raise TaskFailed("The view has no text in the dialect ATHENA or SPARK")
        catalog_id = self._run.body["CatalogId"]
        catalog = Catalog(
            lambda c, s, o, request: self._owner.invoke(c, s, o, {"CatalogId": catalog_id, **request})
        )
        planner = Planner(self._context, catalog, self._staging)
        try:
            tree = parse(texts[dialect], _DIALECTS[dialect])
            myself = (found.database, found.row.name)
            # Seen before the plan is made, which would read it, and after it, for what is within views.
            if any((one.database, one.name) == myself for one in references(tree, found.database)):
                raise TaskFailed(f"The query of the view {found.row.name} reads the view itself")
            plan = planner.plan(tree, found.database, _DIALECTS[dialect])
        except ServiceError as error:
            raise TaskFailed(f"The view's text in the dialect {dialect}: {error.message}") from None
        finally:
            planner.close()
        if myself in plan.tables:
            raise TaskFailed(f"The query of the view {found.row.name} reads the view itself")
        return plan

    # -- the Iceberg table -----------------------------------------------------------------------------

    def _opened(self, schema: Schema) -> Opened:
        """The table behind the view, made by the first refresh. Raises TaskFailed when it does not fit."""
        with self._owner.store.read() as tx:
            found = catalog_upkeep.locate(tx, self._run.table_id)
        if found is None:
            raise Gone
        if metadata_location(found.row.body) is None:
            location = (found.row.body.get("StorageDescriptor") or {}).get("Location")
            if not location:
                raise TaskFailed("The view's StorageDescriptor has no Location for its rows")
            made = new_table_metadata(
                schema,
                UNPARTITIONED_PARTITION_SPEC,
                UNSORTED_SORT_ORDER,
                location.rstrip("/"),
                {"format-version": "2"},
            )
            try:
                self._tables.create(found, made)
            except Conflict:
                raise TaskFailed("The view was changed while it was refreshed for the first time") from None
        opened = self._tables.open(self._run.table_id, self._files)
        _check_fits(opened.metadata, schema)
        return opened

    def _written(self, metadata: TableMetadata, batches: Iterator[pa.RecordBatch]) -> DataFile | None:
        def watched() -> Iterator[pa.RecordBatch]:
            # By name and in the table's order; texts and times in the forms that its files have.
            wanted = metadata.schema().as_arrow()
            for batch in batches:
                self._running.check()
                whole = pa.Table.from_batches([batch]).select(wanted.names)
                yield from whole.cast(wanted).to_batches()

        shaped = writing.shaped(metadata, watched())
        return writing.write(self._files, metadata, writing.row_groups(shaped), partition=Record())

    def _commit(self, schema: Schema, file: DataFile | None) -> None:
        """Every row that the view has at that moment goes. An exception that is not of this module's leaves it open."""

        def attempt() -> None:
            self._running.check()
            now = self._tables.open(self._run.table_id, self._files)
            _check_fits(now.metadata, schema)
            producer = _OverwriteFiles(Operation.OVERWRITE, now.table.transaction(), self._files)
            old = [task.file for task in now.table.scan().plan_files()]
            for one in old:
                producer.delete_data_file(one)
            if file is not None:
                producer.append_data_file(file)
            if old or file is not None:
                self._tables.produce(now, producer)

        overtaken = f"The view was changed during each of {_MOST_COMMITS} attempts to refresh it"
        again(_MOST_COMMITS, attempt, TaskFailed(overtaken))


def _schema(arrow: pa.Schema) -> Schema:
    try:
        return assign_fresh_schema_ids(
            _pyarrow_to_schema_without_ids(arrow, downcast_ns_timestamp_to_us=True)
        )
    except (UnsupportedPyArrowTypeException, TypeError) as error:
        raise TaskFailed(f"The query's columns cannot be kept in an Iceberg table: {error}") from None


def _check_fits(metadata: TableMetadata, schema: Schema) -> None:
    if not metadata.spec().is_unpartitioned():
        raise TaskFailed("Refreshing a partitioned materialized view is not supported")
    kept = {field.name: field.field_type for field in metadata.schema().fields}
    made = {field.name: field.field_type for field in schema.fields}
    if {n: str(t) for n, t in kept.items()} != {n: str(t) for n, t in made.items()}:
        raise TaskFailed(
            f"The view's query has the columns {_told(made)}, its table has {_told(kept)}; make the view again"
        )


def _told(columns: dict[str, Any]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())
