"""Writes to Delta tables: whole writes by the library; changes of rows as files written first, then one commit.

Every commit is the library's, and demands that its version is not there yet. A change that was computed from the
table's rows is computed again when somebody else committed meanwhile.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from awsglue._runtime import engine
from awsglue._runtime.delta import lake
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.storage import join

RETRIES = 20
# (files that go, rows that come) computed from one version of a table
Change = tuple[set[str], Any]


class Rows:
    """A DataFrame's rows as a stream for the library, which keeps the error that the engine raised."""

    def __init__(self, services: Any, frame: Any) -> None:
        self._frame = frame
        self._services = services
        self.error: BaseException | None = None

    def reader(self) -> Any:
        """The stream, every column nullable as Delta keeps data that is written."""
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import arrow_schema

        struct, batches = self._services.rows(self._frame)
        schema = pa.schema([item.with_nullable(True) for item in arrow_schema(struct)])
        return pa.RecordBatchReader.from_batches(schema, self._kept(batches))

    def _kept(self, batches: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from batches
        except BaseException as error:
            self.error = error
            raise


def write(services: Any, path: str, frame: Any, *, mode: str, **how: Any) -> None:
    """write_deltalake with this frame's rows. Raises ConcurrentModificationException; the engine's error as it was.

    An append reads nothing of the table: what others did to it meanwhile is no reason to fail. Unless the append has a
    transaction id, which may be what is in the table already.
    """
    from deltalake.exceptions import CommitFailedError

    said = how.get("commit_properties")
    again = mode == "append" and not (said is not None and said.app_transactions)
    for attempt in range(RETRIES if again else 1):
        if attempt:
            _pause(attempt)
        try:
            _write_once(services, path, frame, mode=mode, **how)
            return
        except CommitFailedError as error:
            last = str(error).partition("\n")[0]
    raise _changed_by_others("WRITE", last)


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0.02, 0.05) * 2 ** min(attempt, 5))


def _changed_by_others(operation: str, reason: str) -> Exception:
    from awsglue._runtime.delta.errors import ConcurrentModificationException

    return ConcurrentModificationException(
        f"{operation}: the table was changed by others meanwhile: {reason}"
    )


def _write_once(services: Any, path: str, frame: Any, **how: Any) -> None:
    from deltalake import write_deltalake

    rows = Rows(services, frame)
    reader = rows.reader()
    engine.mark_written()
    try:
        write_deltalake(lake.uri(path), reader, storage_options=lake.storage_options(path), **how)
    except Exception as error:
        if rows.error is not None:
            raise rows.error from None
        raise translated(error) from error


def translated(error: Exception) -> Exception:
    """The library's error as Spark's Delta has it, where it has one."""
    from pyspark.errors import AnalysisException

    text = str(error)
    if "Invalid data found" in text or "violates" in text.lower():
        from awsglue._runtime.delta.errors import InvariantViolation

        return InvariantViolation(f"[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] {text}")
    if "append-only" in text.lower() or "appendonly" in text.lower().replace(" ", ""):
        return AnalysisException(f"[DELTA_CANNOT_MODIFY_APPEND_ONLY] {text}")
    return error


def properties(
    options: dict[str, str], *, retries: int | None = None, more: dict[str, Any] | None = None
) -> Any:
    """What a writer's options say about the commit itself, and `more` that is told of it."""
    from deltalake import CommitProperties, Transaction

    lower = {key.lower(): value for key, value in options.items()}
    metadata = {"userMetadata": lower["usermetadata"]} if lower.get("usermetadata") else {}
    transactions = None
    if lower.get("txnappid"):
        transactions = [Transaction(app_id=lower["txnappid"], version=int(lower["txnversion"]))]
    return CommitProperties(
        custom_metadata={**metadata, **(more or {})} or None,
        max_commit_retries=retries,
        app_transactions=transactions,
    )


def already_applied(table: Any, options: dict[str, str]) -> bool:
    """Whether the write's own transaction (txnAppId, txnVersion) is in the table already."""
    lower = {key.lower(): value for key, value in options.items()}
    if not lower.get("txnappid"):
        return False
    last = table.transaction_version(lower["txnappid"])
    return last is not None and int(last) >= int(lower["txnversion"])


def change(
    services: Any,
    load: Callable[[], Any],
    compute: Callable[[Any], Change | None],
    operation: str,
    options: dict[str, str] | None = None,
    **more: Any,
) -> None:
    """Commit what `compute(table)` says: files that go, a DataFrame of rows that come (None: nothing is to be done).

    `options` are the writer's own; `more` is told of the operation in the table's history.
    """
    from deltalake.exceptions import CommitFailedError

    for attempt in range(RETRIES):
        table = load()
        refuse_row_changes(table)
        if already_applied(table, options or {}):
            return
        with services.passing():
            found = compute(table)
            if found is None:
                return
            engine.mark_written()
            parameters = {"operation": operation, **{key: str(value) for key, value in more.items()}}
            try:
                _commit(services, table, found, parameters, options or {})
                return
            except CommitFailedError as error:
                last = str(error).partition("\n")[0]
        _pause(attempt)
    raise _changed_by_others(f"{operation} ({RETRIES} times)", last)


def refuse_row_changes(table: Any) -> None:
    """Tables whose rows this engine must not change. Raises EngineRefused; AnalysisException for append-only ones."""
    from pyspark.errors import AnalysisException

    settings = table.metadata().configuration
    if str(settings.get("delta.appendOnly", "false")).lower() == "true":
        raise AnalysisException(
            "[DELTA_CANNOT_MODIFY_APPEND_ONLY] This table is configured to only allow appends. If you would like to "
            "permit updates or deletes, use 'ALTER TABLE <table_name> SET TBLPROPERTIES (delta.appendOnly=false)'."
        )
    if str(settings.get("delta.enableChangeDataFeed", "false")).lower() == "true":
        raise EngineRefused("changing rows of a Delta table with a change data feed")
    if not lake.plain(table):
        raise EngineRefused("changing rows of a Delta table with deletion vectors or mapped columns")
    known = {
        "appendOnly",
        "invariants",
        "checkConstraints",
        "generatedColumns",
        "timestampNtz",
        "deletionVectors",
    }
    odd = sorted(set(table.protocol().writer_features or []) - known)
    if odd:
        raise EngineRefused(f"changing rows of a Delta table with {', '.join(odd)}")


def _commit(
    services: Any, table: Any, found: Change, parameters: dict[str, str], options: dict[str, str]
) -> None:
    from deltalake.exceptions import CommitFailedError

    gone, frame = found
    adds = _written(services, table, frame) if frame is not None else []
    removes = _removed(table, gone)
    if not adds and not removes:
        return
    # Nobody else's commit may come between: the rows were computed from this version.
    said = properties(options, retries=0, more={"operationParameters": parameters})
    try:
        table.create_write_transaction(
            [*adds, *removes],
            "append",
            table.schema(),
            lake.partition_columns(table),
            commit_properties=said,
        )
    except CommitFailedError:
        files = {f"{str(table.table_uri).rstrip('/')}/{one.path}" for one in adds}
        if files and _landed(table, files):
            return
        services.storage.delete(sorted(files))
        raise
    except Exception as error:
        raise translated(error) from error


def _landed(table: Any, files: set[str]) -> bool:
    """Whether the next version is this very change: its answer was lost on the way, and the library asked twice."""
    from pyspark.errors import AnalysisException

    try:
        after = lake.open_table(str(table.table_uri), table.version() + 1)
    except AnalysisException:
        return False
    return files <= {file.path for file in lake.files(after)}


def _removed(table: Any, gone: set[str]) -> list[Any]:
    from deltalake.transaction import RemoveAction

    root = str(table.table_uri).rstrip("/") + "/"
    now = int(time.time() * 1000)
    return [
        RemoveAction(
            path=file.path.removeprefix(root),
            data_change=True,
            deletion_timestamp=now,
            size=file.size,
            partition_values=dict(file.partition),
        )
        for file in lake.files(table)
        if file.path in gone
    ]


def _written(services: Any, table: Any, frame: Any) -> list[Any]:
    """The rows as files in the table's folder, to which nothing refers yet.

    The library writes them (with statistics, and checking the table's constraints) into a table of its own on the local
    disk; its files are then moved to their place.
    """
    from deltalake.transaction import AddAction

    local = os.path.join(services.scratch, f"delta-{uuid.uuid4().hex}")
    try:
        _twin(table, local)
        write(services, local, frame, mode="append")
        root = str(table.table_uri).rstrip("/")
        entries = _added(local)
        services.storage.publish(
            [(os.path.join(local, entry["path"]), join(root, entry["path"])) for entry in entries]
        )
        return [
            AddAction(
                path=entry["path"],
                size=entry["size"],
                partition_values=entry["partitionValues"],
                modification_time=int(time.time() * 1000),
                data_change=True,
                stats=entry["stats"],
            )
            for entry in entries
        ]
    finally:
        shutil.rmtree(local, ignore_errors=True)


def _added(local: str) -> list[dict[str, Any]]:
    """The add actions of the local table's log, their paths as files are named."""
    folder = os.path.join(local, "_delta_log")
    found = []
    for name in sorted(one for one in os.listdir(folder) if one.endswith(".json")):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            entries = [json.loads(line).get("add") for line in file]
        found += [{**entry, "path": unquote(entry["path"])} for entry in entries if entry]
    return found


def _twin(table: Any, local: str) -> None:
    """An empty table on the local disk, of the same schema, partitioning and constraints."""
    from deltalake import DeltaTable

    twin = DeltaTable.create(local, table.schema(), partition_by=lake.partition_columns(table))
    prefix = "delta.constraints."
    constraints = {
        key.removeprefix(prefix): text
        for key, text in table.metadata().configuration.items()
        if key.startswith(prefix)
    }
    for name, text in constraints.items():
        twin.alter.add_constraint({name: text})
