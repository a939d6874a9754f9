"""Statements that write Iceberg tables: INSERT, UPDATE, DELETE, MERGE and CREATE TABLE AS. Owns no state.

Rows change by copy on write: each data file that holds a changed row is written anew without it. Everything that a
statement does is one snapshot. A statement that was overtaken by another writer looks at the table again; what it
had written is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyiceberg.manifest import DataFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles, _OverwriteFiles
from sqlglot import exp

from mastic.athena import iceberg_rows as rows_of
from mastic.athena.engine import Engine, Running, narrowing
from mastic.athena.failures import QueryCancelled, QueryFailure, not_supported
from mastic.athena.iceberg_commits import OVERTAKEN, Changed, Commits, Target
from mastic.athena.iceberg_definitions import Definition
from mastic.athena.iceberg_pruning import pruning
from mastic.athena.planner import Plan, Planner
from mastic.athena.relations import Relation
from mastic.athena.row_changes import CASE, DELETED, ROW, TARGET, row_changes
from mastic.athena.session import Session
from mastic.athena.translate import Reference
from mastic.athena.types import quote
from mastic.glue.catalog.attempts import again
from mastic.glue.catalog.iceberg_metadata import MetadataFiles
from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.optimizers.partitioned import TooManyPartitions, write_partitioned
from mastic.glue.catalog.task_runs import TaskFailed
from mastic.ids import Ids
from mastic.objects.base import Objects, split_url

_BATCH = 10_000
_MOST_PARTITIONS = 100
_MOST_COMMITS, _MOST_ATTEMPTS = 50, 20


@dataclass(frozen=True, kw_only=True)
class IcebergWriter:
    """Does the statements. Each returns how many rows it wrote, changed or deleted; each raises QueryFailure."""

    engine: Engine
    objects: Objects
    ids: Ids
    scratch: Path

    @contextmanager
    def commits(self, session: Session, **noting: Any) -> Iterator[Commits]:
        """What opens and commits the tables of one statement."""
        files = TableFiles(self.objects, self.scratch)
        try:
            metadata_files = MetadataFiles(objects=self.objects, ids=self.ids)
            yield Commits(session=session, files=files, metadata_files=metadata_files, **noting)
        except TaskFailed as failure:
            raise QueryFailure(f"ICEBERG_INVALID_METADATA: {failure}") from failure
        finally:
            files.close()

    # -- rows that are added ---------------------------------------------------------------------------

    def insert(
        self, session: Session, where: tuple[str, str], listed: list[str], query: exp.Expr, running: Running
    ) -> int:
        """INSERT INTO: ``where`` names the table, ``listed`` the columns that are given (none: all)."""
        with self.commits(session) as commits:
            target = commits.open(*where)
            types = rows_of.engine_types(target.metadata.schema().as_arrow())
            columns = dict(zip(target.columns, types, strict=True))
            unknown = [name for name in listed if name not in columns]
            if unknown:
                raise QueryFailure(
                    f"COLUMN_NOT_FOUND: Insert column name does not exist in target table: {unknown[0]}"
                )
            plan = _plan(session, query)
            _arrange(plan, listed or list(columns), columns)
            with self.engine.session(plan, session.staging.directory, running) as connection:
                made = self._written(commits, target.metadata, _batches(connection, plan.sql, running))
            return _append(commits, target, where, made, running)

    # -- rows that change ------------------------------------------------------------------------------

    def change(self, session: Session, where: tuple[str, str], tree: exp.Expr, running: Running) -> int:
        """UPDATE, DELETE, MERGE."""
        with self.commits(session) as commits:
            return again(
                _MOST_ATTEMPTS, lambda: self._change(commits, where, tree.copy(), running), OVERTAKEN
            )

    def _change(self, commits: Commits, where: tuple[str, str], tree: exp.Expr, running: Running) -> int:
        target = commits.open(*where)
        session = commits.session
        changes = row_changes(tree, target.columns)
        types = rows_of.engine_types(target.metadata.schema().as_arrow())
        tasks: list[Any] = []

        def relation(reference: Reference) -> Relation:
            tasks.extend(rows_of.planned(target, pruning(reference.predicates, target.metadata.schema())))
            reader = rows_of.numbered(target, commits.files, list(enumerate(tasks)))
            columns = {ROW: "BIGINT", **dict(zip(target.columns, types, strict=True))}
            return Relation(columns=columns, sql="SELECT * FROM {arrow}", arrow=reader)

        plan = _plan(session, changes.query, {TARGET: relation})
        if not isinstance(tree, exp.Delete):
            rows_of.check_types(plan.types[2:], types)
        values = [f"${n}" for n in range(len(types))]
        with self.engine.session(plan, session.staging.directory, running) as connection:
            names = ", ".join(quote(name) for name in (ROW, CASE, *values))
            connection.execute(
                f'CREATE TEMP TABLE "$changes" AS SELECT * FROM ({plan.sql}) AS q({names}) WHERE "{CASE}" > 0'
            )
            if changes.merges:
                _check_once(connection)
            count, gone = _summed(connection)
            if not count:
                return 0
            old = [(number, tasks[number]) for number in gone]
            connection.register("$kept", rows_of.numbered(target, commits.files, old))
            kept = ", ".join(f"k.{quote(name)}" for name in target.columns)
            new = ", ".join(f"CAST({quote(v)} AS {t})" for v, t in zip(values, types, strict=True))
            made = self._written(
                commits,
                target.metadata,
                _batches(
                    connection,
                    f'SELECT {kept} FROM "$kept" k WHERE NOT EXISTS (SELECT 1 FROM "$changes" c WHERE '
                    f'c."{ROW}" = k."{ROW}") UNION ALL SELECT {new} FROM "$changes" WHERE "{CASE}" <> {DELETED}',
                    running,
                ),
            )
        with _cleaning(commits.files, made):
            running.confirm()
            _produce(commits, target, [task.file for _, task in old], made)
        return count

    # -- tables that are made --------------------------------------------------------------------------

    def create(
        self, session: Session, entry: dict[str, Any], given: Definition, query: exp.Expr, running: Running
    ) -> int:
        """CREATE TABLE AS: the table with the rows of the query, all at once."""
        plan = _plan(session, query)
        with self.commits(session) as commits:
            _check_empty(self.objects, given.location)
            with self.engine.session(plan, session.staging.directory, running) as connection:
                reader = connection.sql(narrowing(plan, plan.types)).to_arrow_reader(_BATCH)
                names = [name.lower() for name in plan.names]
                metadata = given.metadata(rows_of.schema_of(reader.schema, names))
                made: list[DataFile] = []
                if given.with_data:
                    made = self._written(commits, metadata, _watched(reader, running))
            with _cleaning(commits.files, made):
                running.confirm()
                commits.create_with(entry, metadata, made)
            return sum(file.record_count for file in made)

    def _written(
        self, commits: Commits, metadata: TableMetadata, batches: Iterable[pa.RecordBatch]
    ) -> list[DataFile]:
        top = {field.field_id for field in metadata.schema().fields}
        if any(field.source_id not in top for field in metadata.spec().fields):
            raise not_supported("writing tables partitioned by fields of rows")
        pieces = rows_of.shaped(metadata, batches)
        try:
            return write_partitioned(commits.files, metadata, pieces, most=_MOST_PARTITIONS)
        except TooManyPartitions:
            raise QueryFailure(
                f"ICEBERG_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {_MOST_PARTITIONS} open writers for partitions",
                kind=1200,
            ) from None
        except pa.ArrowInvalid as error:
            raise QueryFailure(f"INVALID_CAST_ARGUMENT: {error}", kind=1302) from None


def _plan(session: Session, tree: exp.Expr, own: dict[str, Any] | None = None) -> Plan:
    planner = Planner(session.context, session.catalog, session.staging, own)
    try:
        return planner.plan(tree, session.database)
    finally:
        planner.close()


def _arrange(plan: Plan, given: list[str], columns: dict[str, str]) -> None:
    """Let the plan give the table's columns in its order and types; a column not given is NULL."""
    if len(plan.names) != len(given):
        raise QueryFailure(
            f"TYPE_MISMATCH: Insert query has mismatched column counts: Table: {len(given)}, Query: {len(plan.names)}"
        )
    rows_of.check_types(plan.types, [columns[name] for name in given])
    inner = ", ".join(quote(name) for name in given)
    picked = ", ".join(
        f"CAST({quote(name) if name in given else 'NULL'} AS {kind})" for name, kind in columns.items()
    )
    plan.sql = f"SELECT {picked} FROM ({plan.sql}) AS i({inner})"
    plan.names, plan.types = list(columns), list(columns.values())


def _batches(connection: duckdb.DuckDBPyConnection, sql: str, running: Running) -> Iterator[pa.RecordBatch]:
    yield from _watched(connection.sql(sql).to_arrow_reader(_BATCH), running)


def _watched(reader: pa.RecordBatchReader, running: Running) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        running.check()
        yield batch


def _check_empty(objects: Objects, location: str) -> None:
    bucket, prefix = split_url(location.rstrip("/") + "/")
    if objects.list(bucket, prefix, limit=1).objects:
        raise QueryFailure(
            f"ICEBERG_FILESYSTEM_ERROR: Cannot create a table on a non-empty location: {location}", kind=1200
        )


def _check_once(connection: duckdb.DuckDBPyConnection) -> None:
    twice = connection.execute(
        f'SELECT 1 FROM "$changes" WHERE "{ROW}" IS NOT NULL GROUP BY "{ROW}" HAVING count(*) > 1 LIMIT 1'
    ).fetchone()
    if twice is not None:
        raise QueryFailure(
            "MERGE_TARGET_ROW_MULTIPLE_MATCHES: One MERGE target table row matched more than one source row"
        )


def _summed(connection: duckdb.DuckDBPyConnection) -> tuple[int, list[int]]:
    """How many rows change, and the numbers of the files in which some go."""
    found = connection.execute('SELECT count(*) FROM "$changes"').fetchone()
    files = connection.execute(
        f'SELECT DISTINCT "{ROW}" >> {rows_of.FILE_BITS} AS n FROM "$changes" WHERE "{ROW}" IS NOT NULL ORDER BY n'
    ).fetchall()
    return (int(found[0]) if found else 0), [int(n) for (n,) in files]


def _append(
    commits: Commits, seen: Target, where: tuple[str, str], made: list[DataFile], running: Running
) -> int:
    def attempt() -> None:
        running.confirm()
        now = commits.open(*where)
        same = (now.metadata.default_spec_id, now.metadata.schema()) == (
            seen.metadata.default_spec_id,
            seen.metadata.schema(),
        )
        if not same or now.metadata.table_uuid != seen.metadata.table_uuid:
            raise QueryFailure(
                "ICEBERG_COMMIT_ERROR: Failed to commit the transaction during write: the table was changed to "
                "another form meanwhile",
                kind=1200,
                retryable=True,
            )
        _produce(commits, now, [], made)

    if made:
        with _cleaning(commits.files, made):
            again(_MOST_COMMITS, attempt, OVERTAKEN)
    return sum(file.record_count for file in made)


def _produce(commits: Commits, target: Target, old: list[DataFile], made: list[DataFile]) -> None:
    transaction = target.table.transaction()
    producer: Any
    if old:
        producer = _OverwriteFiles(
            Operation.OVERWRITE if made else Operation.DELETE, transaction, commits.files
        )
        for file in old:
            producer.delete_data_file(file)
    else:
        producer = _FastAppendFiles(Operation.APPEND, transaction, commits.files)
    for file in made:
        producer.append_data_file(file)
    commits.produce(target, producer)


@contextmanager
def _cleaning(files: TableFiles, made: list[DataFile]) -> Iterator[None]:
    """Each of these exceptions says that nothing was committed: what was written for it goes. Any other leaves it."""
    try:
        yield
    except (Changed, QueryFailure, QueryCancelled):
        for file in made:
            files.delete(file.file_path)
        raise
