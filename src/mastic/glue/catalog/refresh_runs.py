"""Refreshes of materialized views: what clients order and see.

A materialized view is a table of TableType MATERIALIZED_VIEW with a ViewDefinition, whose rows are an Iceberg table.
With RefreshSeconds, the first refresh that a client starts is followed by others in that rhythm. State: runs of the
kind ``refresh`` (``catalog.task_runs``) and orders of that kind (``store.catalog_upkeep``); whoever has an engine does
the work.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import invalid_input, not_found
from mastic.glue.catalog import lookup
from mastic.glue.catalog.statistics_runs import place_in, place_of
from mastic.glue.catalog.task_runs import Kind, TaskRuns
from mastic.glue.pages import Pager
from mastic.store import catalog_runs, catalog_upkeep
from mastic.store.catalog_runs import Run
from mastic.store.catalog_tables import TableRow
from mastic.store.catalog_upkeep import Upkeep
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

    def __init__(self, *, store: Store, clock: Clock, runs: TaskRuns, pager: Pager) -> None:
        self._store = store
        self._clock = clock
        self._runs = runs
        self._pager = pager

    def start_materialized_view_refresh_task_run(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Every refresh is a full one, and its run says so."""

        def prepare(tx: Connection) -> tuple[int, dict[str, Any]]:
            place, row = lookup.table(tx, context, request, hold="fill")
            _check(row)
            self._repeat(tx, context, row)
            return row.id, _order(place.database, row, place.catalog.id)

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

    # -- the rhythm ------------------------------------------------------------------------------------

    def _repeat(self, tx: Connection, context: Context, row: TableRow) -> None:
        """Let refreshes follow on one that a client has started, if the view asks for that."""
        rate, now = _rate(row), self._clock.now()
        if rate is not None and catalog_upkeep.find(tx, row.id, KIND.name) is None:
            body = {"principal": context.principal_arn}
            catalog_upkeep.add(
                tx, table_id=row.id, kind=KIND.name, scope=context.scope, body=body, now=now, due=now + rate
            )

    def fire(self, tx: Connection, due: Upkeep) -> None:
        """A view's time has come. One that is still being refreshed, or asks for no rhythm any more, is left alone."""
        found = catalog_upkeep.locate(tx, due.table_id)
        rate = _rate(found.row) if found is not None else None
        if found is None or rate is None:
            catalog_upkeep.remove(tx, due.table_id, KIND.name)
            return
        if catalog_runs.under_way(tx, due.table_id, KIND.name) is None:
            account, region = split_scope(due.scope)
            context = Context(
                account_id=account, region=region, principal_arn=due.body["principal"], service="glue"
            )
            body = _order(found.database, found.row, found.catalog_id)
            self._runs.start_in(tx, context, KIND, due.table_id, body)
        catalog_upkeep.done(tx, due, due=self._clock.now() + rate)


def _order(database: str, row: TableRow, catalog_id: str) -> dict[str, Any]:
    """What a run is to do."""
    names = {"DatabaseName": database, "TableName": row.name, "CatalogId": catalog_id}
    definer = row.body["ViewDefinition"].get("Definer")
    return {**names, "Role": definer} if definer else names


def _rate(row: TableRow) -> timedelta | None:
    """The rhythm that the view asks for."""
    seconds = (row.body.get("ViewDefinition") or {}).get("RefreshSeconds")
    return timedelta(seconds=seconds) if seconds and seconds > 0 and row.type == TABLE_TYPE else None


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
