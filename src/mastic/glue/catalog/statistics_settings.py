"""Column statistics by schedule: the settings of a table, and what happens when their time comes.

State: orders of the kind ``statistics`` (``store.catalog_upkeep``). A tick starts its run and sets the next tick in
one transaction, so that no replica starts it twice; ticks missed while nobody watched come as one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mastic import cron
from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError, already_exists, invalid_input, not_found
from mastic.glue.catalog import statistics_runs
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.lookup import Place
from mastic.glue.catalog.task_runs import Kind, TaskRuns
from mastic.store import catalog_upkeep
from mastic.store.catalog_tables import TableRow
from mastic.store.catalog_upkeep import Upkeep
from mastic.store.engine import Duplicate, Stale, Store

_KEPT = ("Role", "Schedule", "ColumnNameList", "SampleSize", "SecurityConfiguration")
KIND = statistics_runs.KIND


class StatisticsSettings:
    """The handlers, and ``fire`` for the schedule."""

    def __init__(self, *, store: Store, clock: Clock, runs: TaskRuns, kind: Kind, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._runs = runs
        self._kind = kind
        self._events = events

    def create_column_statistics_task_settings(self, context: Context, request: dict[str, Any]) -> None:
        """With a schedule it is in force at once. Raises AlreadyExistsException."""
        if request.get("Tags"):
            raise invalid_input("Tags of column statistics settings are not supported")
        body = {m: request[m] for m in _KEPT if m in request}
        body["Principal"], body["State"] = context.principal_arn, "NOT_SCHEDULED"
        if body.get("Schedule"):
            body["State"] = "SCHEDULED"
        now = self._clock.now()
        due = _next(body, now)
        try:
            with self._store.write(opens=context.scope) as tx:
                place, row = statistics_runs.table_of(tx, context, request, hold="fill")
                statistics_runs.order(tx, context, place, row, body)
                catalog_upkeep.add(
                    tx, table_id=row.id, kind=KIND, scope=context.scope, body=body, now=now, due=due
                )
        except Duplicate:
            raise already_exists("Column statistics task settings of this table already exist.") from None

    def update_column_statistics_task_settings(self, context: Context, request: dict[str, Any]) -> None:
        """Replaces the members that are given. Raises EntityNotFoundException."""

        def changed(tx: Connection, place: Place, row: TableRow, body: dict[str, Any]) -> dict[str, Any]:
            first = request.get("Schedule") and not body.get("Schedule")
            merged = {**body, **{m: request[m] for m in _KEPT if m in request}}
            if first or not merged.get("Schedule"):
                merged["State"] = "SCHEDULED" if first else "NOT_SCHEDULED"
            statistics_runs.order(tx, context, place, row, merged)
            return merged

        self._change(context, request, changed)

    def get_column_statistics_task_settings(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            place, row, found = self._find(tx, context, request)
        return {"ColumnStatisticsTaskSettings": _shape(place, row, found)}

    def delete_column_statistics_task_settings(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException."""
        with self._store.write(opens=context.scope) as tx:
            _, row, _ = self._find(tx, context, request)
            catalog_upkeep.remove(tx, row.id, KIND)

    def start_column_statistics_task_run_schedule(self, context: Context, request: dict[str, Any]) -> None:
        """Raises InvalidInputException when the settings have no schedule."""

        def started(tx: Connection, place: Place, row: TableRow, body: dict[str, Any]) -> dict[str, Any]:
            if not body.get("Schedule"):
                raise invalid_input("The column statistics task settings have no schedule.")
            return {**body, "State": "SCHEDULED"}

        self._change(context, request, started)

    def stop_column_statistics_task_run_schedule(self, context: Context, request: dict[str, Any]) -> None:
        """The settings stay; a run under way goes on."""
        self._change(context, request, lambda tx, place, row, body: {**body, "State": "NOT_SCHEDULED"})

    def _find(
        self, tx: Connection, context: Context, request: dict[str, Any], hold: str = ""
    ) -> tuple[Place, TableRow, Upkeep]:
        place, row = statistics_runs.table_of(tx, context, request, hold=hold)
        found = catalog_upkeep.find(tx, row.id, KIND)
        if found is None:
            raise not_found(f"Column statistics task settings of table {row.name} not found.")
        return place, row, found

    def _change(self, context: Context, request: dict[str, Any], how: Any) -> None:
        now = self._clock.now()
        try:
            with self._store.write(opens=context.scope) as tx:
                place, row, found = self._find(tx, context, request, hold="fill")
                body = how(tx, place, row, found.body)
                catalog_upkeep.change(tx, found, body=body, due=_next(body, now), now=now)
        except Stale:
            raise ServiceError(
                "VersionMismatchException", "The column statistics task settings were changed meanwhile."
            ) from None

    # -- the schedule ----------------------------------------------------------------------------------

    def fire(self, tx: Connection, due: Upkeep) -> None:
        """Their time has come: start the run, or note why it cannot start."""
        now = self._clock.now()
        account, region = split_scope(due.scope)
        context = Context(
            account_id=account, region=region, principal_arn=due.body["Principal"], service="glue"
        )
        found = catalog_upkeep.locate(tx, due.table_id)
        if found is None:
            catalog_upkeep.remove(tx, due.table_id, KIND)
            return
        last: dict[str, Any] = {"Status": "STARTED", "ExecutionTimestamp": now}
        names = {"DatabaseName": found.database, "TableName": found.row.name, "CatalogID": found.catalog_id}
        try:
            place, row = statistics_runs.table_of(tx, context, names)
            wanted = statistics_runs.order(tx, context, place, row, due.body)
            last["ColumnStatisticsTaskRunId"] = self._runs.start_in(tx, context, self._kind, row.id, wanted)
        except ServiceError as error:
            last |= {"Status": "FAILED", "ErrorMessage": f"{error.code}: {error.message}"}
            name = "Glue Scheduled Statistics Invocation Failure"
            self._events.statistics(tx, context, now, name, names, last["ErrorMessage"])
        catalog_upkeep.done(tx, due, due=_next(due.body, now), last=last)


def _next(body: dict[str, Any], now: datetime) -> datetime | None:
    """The next tick of settings that are in force. Raises InvalidInputException for a wrong expression."""
    expression = body.get("Schedule")
    if not expression:
        return None
    try:
        following = cron.parse(expression).next_after(now)
    except cron.InvalidSchedule as error:
        raise invalid_input(f"The schedule expression {expression} is invalid: {error}.") from error
    return following if body["State"] == "SCHEDULED" else None


def _shape(place: Place, row: TableRow, found: Upkeep) -> dict[str, Any]:
    body = found.body
    schedule = {"ScheduleExpression": body.get("Schedule") or None, "State": body["State"]}
    return {
        "DatabaseName": place.database,
        "TableName": row.name,
        "CatalogID": place.catalog.id,
        "Schedule": {m: v for m, v in schedule.items() if v is not None},
        **{m: body[m] for m in _KEPT if m in body and m != "Schedule"},
        "ScheduleType": "CRON" if body.get("Schedule") else None,
        "SettingSource": "TABLE",
        "LastExecutionAttempt": found.last,
    }
