"""Table optimizers as clients define and see them.

State: orders of the kinds ``compaction``, ``retention`` and ``orphan_file_deletion`` (``store.catalog_upkeep``) and
their runs (``store.catalog_runs``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, already_exists, invalid_input, not_found
from mastic.glue.catalog import lookup
from mastic.glue.catalog.iceberg_metadata import metadata_location
from mastic.glue.catalog.lookup import Place
from mastic.glue.catalog.statistics_runs import place_in, place_of
from mastic.glue.pages import Pager
from mastic.objects.base import split_url
from mastic.store import catalog_runs, catalog_upkeep, documents
from mastic.store.catalog_runs import Run
from mastic.store.catalog_tables import TableRow
from mastic.store.catalog_upkeep import Upkeep
from mastic.store.engine import Duplicate, Stale, Store

KINDS = ("compaction", "retention", "orphan_file_deletion")
PAGE = 100
# How often an optimizer looks at its table by itself, in hours.
EVERY, SHORTEST, LONGEST = 24, 3, 168
_SECTIONS = {
    "compaction": "compactionConfiguration",
    "retention": "retentionConfiguration",
    "orphan_file_deletion": "orphanFileDeletionConfiguration",
}
_METRICS = {
    "compaction": "compactionMetrics",
    "retention": "retentionMetrics",
    "orphan_file_deletion": "orphanFileDeletionMetrics",
}
_EVENTS = {"STARTING": "starting", "RUNNING": "in_progress", "SUCCEEDED": "completed"}
# The numbers of each section: name → the least that it may be.
_LEAST = {
    "minInputFiles": 2,
    "deleteFileThreshold": 1,
    "snapshotRetentionPeriodInDays": 0,
    "numberOfSnapshotsToRetain": 1,
    "orphanFileRetentionPeriodInDays": 1,
}


class TableOptimizers:
    """The handlers."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager

    def create_table_optimizer(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """It looks at its table at once. Raises AlreadyExistsException, InvalidInputException."""
        kind, body = request["Type"], request["TableOptimizerConfiguration"]
        _check(kind, body)
        now = self._clock.now()
        try:
            with self._store.write(opens=context.scope) as tx:
                _, row = lookup.table(tx, context, request, hold="fill")
                _check_place(tx, context, row, body)
                catalog_upkeep.add(
                    tx,
                    table_id=row.id,
                    kind=kind,
                    scope=context.scope,
                    body={"configuration": body, "principal": context.principal_arn},
                    now=now,
                    due=_due(body, now),
                )
        except Duplicate:
            raise already_exists(f"A table optimizer of type {kind} already exists for this table.") from None
        return {}

    def update_table_optimizer(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Replaces the configuration. Raises EntityNotFoundException, ConcurrentModificationException."""
        kind, body = request["Type"], request["TableOptimizerConfiguration"]
        now = self._clock.now()
        try:
            with self._store.write(opens=context.scope) as tx:
                _, row, found = self._find(tx, context, request)
                merged = {**found.body["configuration"], **body}
                _check(kind, merged)
                _check_place(tx, context, row, merged)
                order = {"configuration": merged, "principal": context.principal_arn}
                catalog_upkeep.change(tx, found, body=order, due=_due(merged, now), now=now)
        except Stale:
            raise ServiceError(
                "ConcurrentModificationException", "The table optimizer was changed meanwhile."
            ) from None
        return {}

    def delete_table_optimizer(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """A run under way goes on to its end. Raises EntityNotFoundException."""
        with self._store.write(opens=context.scope) as tx:
            _, row, _ = self._find(tx, context, request)
            catalog_upkeep.remove(tx, row.id, request["Type"])
        return {}

    def get_table_optimizer(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            place, row, found = self._find(tx, context, request)
            shown = _optimizer(tx, found)
        return {
            "CatalogId": place.catalog.id,
            "DatabaseName": place.database,
            "TableName": row.name,
            "TableOptimizer": shown,
        }

    def batch_get_table_optimizer(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Those that exist; what is wrong with each other one is a failure."""
        listed: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        with self._store.read() as tx:
            for entry in request["Entries"]:
                try:
                    place, row, found = self._find(tx, context, _entry(entry))
                except ServiceError as error:
                    detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                    failures.append({"error": detail, **entry})
                    continue
                names = {"catalogId": place.catalog.id, "databaseName": place.database, "tableName": row.name}
                listed.append({**names, "tableOptimizer": _optimizer(tx, found)})
        return {"TableOptimizers": listed, "Failures": failures}

    def list_table_optimizer_runs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The runs of an optimizer, newest first."""
        count = request.get("MaxResults", PAGE)
        if not 1 <= count <= 1000:
            raise ServiceError("ValidationException", "MaxResults must be between 1 and 1000")
        kind = request["Type"]
        with self._store.read() as tx:
            place, row, _ = self._find(tx, context, request)
            bound = f"{row.id}:{kind}"
            before = place_of(self._pager.read(request.get("NextToken"), context.operation, bound))
            found = catalog_runs.of_table(tx, row.id, kind, before, count + 1)
        return {
            "CatalogId": place.catalog.id,
            "DatabaseName": place.database,
            "TableName": row.name,
            "TableOptimizerRuns": [_run(one) for one in found[:count]],
            "NextToken": self._pager.token(found, count, place_in, context.operation, bound),
        }

    def _find(
        self, tx: Connection, context: Context, request: Mapping[str, Any]
    ) -> tuple[Place, TableRow, Upkeep]:
        place, row = lookup.table(tx, context, request)
        found = catalog_upkeep.find(tx, row.id, request["Type"])
        if found is None:
            raise not_found(f"Table optimizer of type {request['Type']} not found for table {row.name}.")
        return place, row, found


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a batch as a request."""
    for member in ("databaseName", "tableName", "type"):
        if not entry.get(member):
            raise invalid_input(f"{member} is required")
    return {
        "CatalogId": entry.get("catalogId"),
        "DatabaseName": entry["databaseName"],
        "TableName": entry["tableName"],
        "Type": entry["type"],
    }


# -- rules -----------------------------------------------------------------------------------------------


def section(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that says how its kind of optimizer works."""
    return dict((body.get(_SECTIONS[kind]) or {}).get("icebergConfiguration") or {})


def _check(kind: str, body: Mapping[str, Any]) -> None:
    """Refuse a configuration that cannot be right, or that asks for what is not done."""
    if not body.get("roleArn"):
        raise invalid_input("roleArn is required")
    if "enabled" not in body:
        raise invalid_input("enabled is required")
    for other, member in _SECTIONS.items():
        if other != kind and member in body:
            raise invalid_input(f"{member} does not belong to an optimizer of type {kind}")
    chosen = section(kind, body)
    for member, least in _LEAST.items():
        if member in chosen and chosen[member] < least:
            raise invalid_input(f"{member} must be at least {least}")
    if not SHORTEST <= chosen.get("runRateInHours", EVERY) <= LONGEST:
        raise invalid_input(f"runRateInHours must be between {SHORTEST} and {LONGEST}")


def _check_place(tx: Connection, context: Context, row: TableRow, body: Mapping[str, Any]) -> None:
    if metadata_location(row.body) is None:
        raise invalid_input(f"Table {row.name} is not an Iceberg table")
    location = section("orphan_file_deletion", body).get("location")
    own = (row.body.get("StorageDescriptor") or {}).get("Location") or ""
    if location is not None and not _within(location, own):
        raise invalid_input(f"location {location} is not within the table's location {own}")
    connection = (body.get("vpcConfiguration") or {}).get("glueConnectionName")
    if connection and documents.find(tx, context.scope, "connection", connection) is None:
        raise not_found(f"Connection {connection} not found.")


def _within(location: str, own: str) -> bool:
    try:
        (bucket, key), (own_bucket, own_key) = split_url(location), split_url(own)
    except ValueError:
        return False
    return bucket == own_bucket and (key.rstrip("/") + "/").startswith(own_key.rstrip("/") + "/")


def rate(kind: str, body: Mapping[str, Any]) -> timedelta:
    """The time from one look at the table to the next."""
    return timedelta(hours=section(kind, body).get("runRateInHours", EVERY))


def _due(body: Mapping[str, Any], now: datetime) -> datetime | None:
    return now if body["enabled"] else None


# -- shapes ----------------------------------------------------------------------------------------------


def _optimizer(tx: Connection, found: Upkeep) -> dict[str, Any]:
    """A TableOptimizer."""
    newest = catalog_runs.of_table(tx, found.table_id, found.kind, None, 1)
    return {
        "type": found.kind,
        "configuration": found.body["configuration"],
        "lastRun": _run(newest[0]) if newest else None,
        "configurationSource": "table",
    }


def _run(run: Run) -> dict[str, Any]:
    """A TableOptimizerRun."""
    metrics = run.outcome.get("metrics")
    shown: dict[str, Any] = {
        "eventType": _EVENTS.get(run.state, "failed"),
        "startTimestamp": run.started,
        "endTimestamp": run.ended,
        "error": run.outcome.get("error"),
        "compactionStrategy": run.body.get("strategy"),
    }
    if metrics is not None:
        shown[_METRICS[run.kind]] = {"IcebergMetrics": metrics}
    if metrics is not None and run.kind == "compaction":
        older = ("NumberOfBytesCompacted", "NumberOfFilesCompacted", "NumberOfDpus", "JobDurationInHour")
        shown["metrics"] = {member: str(metrics[member]) for member in older}
    return shown
