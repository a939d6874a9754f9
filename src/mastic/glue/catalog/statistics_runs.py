"""Column statistics task runs: what they are asked for, and what clients see of them.

State: runs of the kind ``statistics`` (``catalog.task_runs``). The statistics themselves are computed by whoever has
an engine, and stored by the operations of ``catalog.statistics``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mastic.context import Context
from mastic.errors import invalid_input, not_found
from mastic.glue.catalog import lookup
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.lookup import Place
from mastic.glue.catalog.task_runs import Kind, TaskRuns
from mastic.glue.pages import Pager
from mastic.store import catalog_runs, documents
from mastic.store.catalog_runs import Run
from mastic.store.catalog_tables import TableRow
from mastic.store.engine import Store

KIND = "statistics"
PAGE = 100
# What a run has to itself: the engine of this server.
WORKERS, WORKER_TYPE = 1, "G.1X"
_TYPES = {
    "boolean": "BOOLEAN",
    "tinyint": "LONG", "smallint": "LONG", "int": "LONG", "integer": "LONG", "bigint": "LONG", "timestamp": "LONG",
    "float": "DOUBLE", "double": "DOUBLE",
    "decimal": "DECIMAL",
    "date": "DATE",
    "string": "STRING", "varchar": "STRING", "char": "STRING",
    "binary": "BINARY",
}  # fmt: skip
_EVENTS = {"RUNNING": "Started", "SUCCEEDED": "Succeeded", "FAILED": "Failed"}


def kind(events: Events) -> Kind:
    """The kind of these runs; their events go out with each change of state."""

    def announce(tx: Connection, context: Context, run: Run, state: str, message: str) -> None:
        if state in _EVENTS:
            name = f"Glue Statistics Task {_EVENTS[state]}"
            events.statistics(tx, context, run.updated, name, run.body, message)

    return Kind(
        name=KIND,
        running="ColumnStatisticsTaskRunningException",
        not_running="ColumnStatisticsTaskNotRunningException",
        stopping="ColumnStatisticsTaskStoppingException",
        announce=announce,
    )


class StatisticsRuns:
    """The handlers."""

    def __init__(self, *, store: Store, runs: TaskRuns, kind: Kind, pager: Pager) -> None:
        self._store = store
        self._runs = runs
        self._kind = kind
        self._pager = pager

    def start_column_statistics_task_run(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ColumnStatisticsTaskRunningException while the table has a run under way."""

        def prepare(tx: Connection) -> tuple[int, dict[str, Any]]:
            place, row = table_of(tx, context, request, hold="fill")
            return row.id, order(tx, context, place, row, request)

        return {"ColumnStatisticsTaskRunId": self._runs.start(context, self._kind, prepare)}

    def stop_column_statistics_task_run(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The run becomes STOPPED when its work has ended. Raises ColumnStatisticsTaskNotRunningException."""
        with self._store.read() as tx:
            _, row = table_of(tx, context, request)
        self._runs.stop(self._kind, row.id)
        return {}

    def get_column_statistics_task_run(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            run = catalog_runs.find(tx, context.scope, KIND, request["ColumnStatisticsTaskRunId"])
        if run is None:
            raise not_found(f"Column statistics task run {request['ColumnStatisticsTaskRunId']} not found.")
        return {"ColumnStatisticsTaskRun": shape(run)}

    def get_column_statistics_task_runs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The runs of a table, newest first."""
        count = request.get("MaxResults", PAGE)
        with self._store.read() as tx:
            _, row = table_of(tx, context, request)
            bound = f"{context.scope}:{row.id}"
            before = place_of(self._pager.read(request.get("NextToken"), context.operation, bound))
            found = catalog_runs.of_table(tx, row.id, KIND, before, count + 1)
        token = self._pager.token(found, count, place_in, context.operation, bound)
        return {"ColumnStatisticsTaskRuns": [shape(run) for run in found[:count]], "NextToken": token}

    def list_column_statistics_task_runs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The ids of all runs, newest first; no page has more than a hundred, as the model says."""
        count = min(request.get("MaxResults", PAGE), PAGE)
        before = place_of(self._pager.read(request.get("NextToken"), context.operation, context.scope))
        with self._store.read() as tx:
            found = catalog_runs.of_scope(tx, context.scope, KIND, before, count + 1)
        token = self._pager.token(found, count, place_in, context.operation, context.scope)
        return {"ColumnStatisticsTaskRunIds": [run.id for run in found[:count]], "NextToken": token}


def table_of(
    tx: Connection, context: Context, request: Mapping[str, Any], hold: str = ""
) -> tuple[Place, TableRow]:
    """The table of a request; these operations spell the catalog's member CatalogID."""
    named = {**request, "CatalogId": request.get("CatalogID")}
    return lookup.table(tx, context, named, hold=hold)


def order(
    tx: Connection, context: Context, place: Place, row: TableRow, request: Mapping[str, Any]
) -> dict[str, Any]:
    """What a run is to do. Raises InvalidInputException for what has no statistics, EntityNotFoundException."""
    body = row.body
    _check_table(body)
    if request.get("SampleSize") == 0:
        raise invalid_input("SampleSize must be greater than 0")
    security = request.get("SecurityConfiguration")
    if security and documents.find(tx, context.scope, "security_configuration", security) is None:
        raise not_found(f"Security configuration {security} not found.")
    types = column_types(body)
    given = request.get("ColumnNameList")
    for name in given or ():
        if name.lower() not in types:
            raise invalid_input(f"Column {name} does not exist in table {row.name}")
        if statistics_type(types[name.lower()]) is None:
            raise invalid_input(
                f"Column {name} has type {types[name.lower()]}, which has no column statistics"
            )
    names = [n.lower() for n in given] if given else [n for n, t in types.items() if statistics_type(t)]
    if not names:
        raise invalid_input(f"Table {row.name} has no column that can have column statistics")
    return {
        "DatabaseName": place.database,
        "TableName": row.name,
        "CatalogID": place.catalog.id,
        "ColumnNameList": list(dict.fromkeys(names)),
        "Role": request["Role"],
        **{m: request[m] for m in ("SampleSize", "SecurityConfiguration") if m in request},
    }


def _check_table(body: dict[str, Any]) -> None:
    if body.get("TableType") == "VIRTUAL_VIEW" or "TargetTable" in body:
        raise invalid_input("Column statistics are made for tables, not for views and resource links")
    parameters = body.get("Parameters") or {}
    table_format = parameters.get("table_type") or parameters.get("spark.sql.sources.provider") or ""
    if table_format.lower() in ("delta", "hudi"):
        raise invalid_input(f"Column statistics are not supported for tables of type {table_format}")


def column_types(body: Mapping[str, Any]) -> dict[str, str]:
    """Hive types by column name, partition keys last."""
    columns: Iterable[dict[str, Any]] = (
        *((body.get("StorageDescriptor") or {}).get("Columns") or ()),
        *(body.get("PartitionKeys") or ()),
    )
    return {one["Name"].lower(): one.get("Type") or "string" for one in columns}


def statistics_type(hive: str) -> str | None:
    """The type of statistics that a column of a Hive type has; None for nested and unknown types."""
    found = re.match(r"\s*([a-z]+)", hive.lower())
    return _TYPES.get(found[1]) if found else None


def shape(run: Run) -> dict[str, Any]:
    """A ColumnStatisticsTaskRun."""
    until = run.ended or run.updated
    seconds = max(0.0, (until - run.started).total_seconds()) * WORKERS if run.started else 0.0
    return {
        **{member: value for member, value in run.body.items() if member != "Principal"},
        "CustomerId": run.scope.partition(":")[0],
        "ColumnStatisticsTaskRunId": run.id,
        "NumberOfWorkers": WORKERS,
        "WorkerType": WORKER_TYPE,
        "ComputationType": "FULL",
        "Status": run.state,
        "CreationTime": run.created,
        "LastUpdated": run.updated,
        "StartTime": run.started,
        "EndTime": run.ended,
        "ErrorMessage": run.outcome.get("ErrorMessage"),
        "DPUSeconds": seconds,
    }


def place_in(run: Run) -> list[str]:
    """A run's place in a list, for tokens."""
    return [run.created.isoformat(), run.id]


def place_of(key: Any) -> tuple[datetime, str] | None:
    """The place that a token held."""
    return (datetime.fromisoformat(key[0]), key[1]) if key else None
