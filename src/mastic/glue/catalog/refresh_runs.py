"""Refreshes of materialized views: what clients order and see.

A materialized view is a table of TableType MATERIALIZED_VIEW with a ViewDefinition, whose rows are an Iceberg table.
State: runs of the kind ``refresh`` (``catalog.task_runs``); whoever has an engine does the work.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.context import Context
from mastic.errors import invalid_input, not_found
from mastic.glue.catalog import lookup
from mastic.glue.catalog.statistics_runs import place_in, place_of
from mastic.glue.catalog.task_runs import Kind, TaskRuns
from mastic.glue.pages import Pager
from mastic.store import catalog_runs
from mastic.store.catalog_runs import Run
from mastic.store.catalog_tables import TableRow
from mastic.store.engine import Store

TABLE_TYPE = "MATERIALIZED_VIEW"
KIND = Kind(
    name="refresh",
    running="MaterializedViewRefreshTaskRunningException",
    not_running="MaterializedViewRefreshTaskNotRunningException",
    stopping="MaterializedViewRefreshTaskStoppingException",
)
PAGE = 100


class RefreshRuns:
    """The handlers."""

    def __init__(self, *, store: Store, runs: TaskRuns, pager: Pager) -> None:
        self._store = store
        self._runs = runs
        self._pager = pager

    def start_materialized_view_refresh_task_run(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Every refresh is a full one, and its run says so."""

        def prepare(tx: Connection) -> tuple[int, dict[str, Any]]:
            place, row = lookup.table(tx, context, request, hold="fill")
            _check(row)
            names = {"DatabaseName": place.database, "TableName": row.name, "CatalogId": place.catalog.id}
            definer = row.body["ViewDefinition"].get("Definer")
            return row.id, {**names, "Role": definer} if definer else names

        return {"MaterializedViewRefreshTaskRunId": self._runs.start(context, KIND, prepare)}

    def stop_materialized_view_refresh_task_run(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The run becomes STOPPED when its work has ended."""
        with self._store.read() as tx:
            _, row = lookup.table(tx, context, request)
        _check(row)
        self._runs.stop(KIND, row.id)
        return {}

    def get_materialized_view_refresh_task_run(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        lookup.catalog_of(context, request["CatalogId"])
        with self._store.read() as tx:
            run = catalog_runs.find(tx, context.scope, KIND.name, request["MaterializedViewRefreshTaskRunId"])
        if run is None:
            raise not_found(
                f"Materialized view refresh task run {request['MaterializedViewRefreshTaskRunId']} not found."
            )
        return {"MaterializedViewRefreshTaskRun": _shape(run)}

    def list_materialized_view_refresh_task_runs(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The runs of a view, or of all views, newest first."""
        lookup.catalog_of(context, request["CatalogId"])
        if ("DatabaseName" in request) != ("TableName" in request):
            raise invalid_input("DatabaseName and TableName belong together")
        count = request.get("MaxResults", PAGE)
        with self._store.read() as tx:
            row = lookup.table(tx, context, request)[1] if "TableName" in request else None
            bound = f"{context.scope}:{row.id if row else ''}"
            before = place_of(self._pager.read(request.get("NextToken"), context.operation, bound))
            if row is not None:
                found = catalog_runs.of_table(tx, row.id, KIND.name, before, count + 1)
            else:
                found = catalog_runs.of_scope(tx, context.scope, KIND.name, before, count + 1)
        token = self._pager.token(found, count, place_in, context.operation, bound)
        return {"MaterializedViewRefreshTaskRuns": [_shape(run) for run in found[:count]], "NextToken": token}


def _check(row: TableRow) -> None:
    if row.type != TABLE_TYPE or not (row.body.get("ViewDefinition") or {}).get("Representations"):
        raise invalid_input(f"Table {row.name} is not a materialized view")


def _shape(run: Run) -> dict[str, Any]:
    """A MaterializedViewRefreshTaskRun."""
    until = run.ended or run.updated
    return {
        **{member: value for member, value in run.body.items() if member != "Principal"},
        "CustomerId": run.scope.partition(":")[0],
        "MaterializedViewRefreshTaskRunId": run.id,
        "Status": run.state,
        "CreationTime": run.created,
        "LastUpdated": run.updated,
        "StartTime": run.started,
        "EndTime": run.ended,
        "ErrorMessage": run.outcome.get("ErrorMessage"),
        "DPUSeconds": max(0.0, (until - run.started).total_seconds()) if run.started else 0.0,
        "RefreshType": "FULL",
        "ProcessedBytes": run.outcome.get("ProcessedBytes"),
    }
