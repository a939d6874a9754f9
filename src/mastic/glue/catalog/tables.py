"""Tables: create, get, list, update, delete. State: ``catalog_tables`` and its archived versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, already_exists, invalid_input, not_found
from mastic.glue.catalog import indexes, lookup, rekeying, shapes, views
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.federation import Federation
from mastic.glue.catalog.iceberg import IcebergTables
from mastic.glue.catalog.patterns import Pattern
from mastic.glue.catalog.sweeping import Sweeper
from mastic.glue.pages import Pager
from mastic.store import catalog_tables, tags
from mastic.store.catalog_tables import TableRow
from mastic.store.engine import Duplicate, Stale, Store

PAGE = 100
# Names looked at in one step while an expression is applied.
NAMES = 2000
MOST_VERSIONS = 100_000


class Tables:
    """The handlers."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        pager: Pager,
        events: Events,
        sweeper: Sweeper,
        iceberg: IcebergTables | None = None,
        federation: Federation | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager
        self._events = events
        self._sweeper = sweeper
        self._iceberg = iceberg
        self._federation = federation

    # -- create --------------------------------------------------------------------------------------

    def create_table(self, context: Context, request: dict[str, Any]) -> None:
        """Raises AlreadyExistsException, EntityNotFoundException for the database."""
        body = self._new_input(context, request)
        name = lookup.fold(body["Name"])
        now = self._clock.now()
        try:
            with self._store.write(catalog=context.scope) as tx:
                place = lookup.linked_place(tx, context, request, hold=True)
                if "TargetTable" in body and place.database != lookup.fold(request["DatabaseName"]):
                    raise invalid_input(
                        "A resource link cannot be created in a database that is a resource link"
                    )
                table_id = catalog_tables.add(
                    tx,
                    database_id=place.database_id,
                    name=name,
                    body=body,
                    created=now,
                    created_by=context.principal_arn,
                )
                if request.get("PartitionIndexes"):
                    indexes.add(tx, table_id, body, request["PartitionIndexes"], self._clock)
                self._events.database(tx, context, now, "CreateTable", place.database, [name])
        except Duplicate:
            self._discard(request, body)
            raise already_exists("Table already exists.") from None
        except (ServiceError, Stale):
            self._discard(request, body)
            raise

    def _discard(self, request: dict[str, Any], body: dict[str, Any]) -> None:
        """The change did not happen: its metadata file goes again, if one was written for it."""
        if "OpenTableFormatInput" in request or "UpdateOpenTableFormatInput" in request:
            self._writer().discard(body)

    def _new_input(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        if "OpenTableFormatInput" not in request:
            return _input(request)
        given = request.get("TableInput") or {}
        name = request.get("Name") or given.get("Name")
        if name is None:
            raise invalid_input("Name is required")
        # Before anything is written: a table that cannot be made leaves no file behind.
        with self._store.read() as tx:
            place = lookup.linked_place(tx, context, request)
            if catalog_tables.find(tx, place.database_id, lookup.fold(name)) is not None:
                raise already_exists("Table already exists.")
        return self._writer().created(
            name, request["OpenTableFormatInput"], _input({"TableInput": {"Name": name, **given}})
        )

    def _with_iceberg_updates(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The request as a plain update of the version that the Iceberg updates were applied to."""
        name = request.get("Name") or (request.get("TableInput") or {}).get("Name")
        if name is None:
            raise invalid_input("Name is required")
        with self._store.read() as tx:
            _, row = lookup.table(tx, context, {**request, "Name": name}, member="Name")
        _check_version(request.get("VersionId"), row)
        body = {**row.body, **(request.get("TableInput") or {}), "Name": name}
        body["Parameters"] = {**(row.body.get("Parameters") or {}), **(body.get("Parameters") or {})}
        # Before anything is written: a refused update leaves no file behind.
        _input({**request, "TableInput": body})
        changed = self._writer().updated(body, request["UpdateOpenTableFormatInput"])
        return {**request, "Name": name, "TableInput": changed, "VersionId": str(row.version)}

    def _writer(self) -> IcebergTables:
        if self._iceberg is None:
            raise invalid_input("Iceberg metadata cannot be written: there is no object store")
        return self._iceberg

    # -- get -----------------------------------------------------------------------------------------

    def get_table(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        _refuse_transaction(request)
        try:
            with self._store.read() as tx:
                place, row = lookup.table(tx, context, request, member="Name", follow=False)
                if "QueryAsOfTime" in request:
                    row = self._as_of(tx, row, request["QueryAsOfTime"])
                target = self._target(tx, context, request, row) if "TargetTable" in row.body else None
        except lookup.Federated as outside:
            if self._federation is None or "QueryAsOfTime" in request:
                raise
            return self._federation.get_table(context, outside, request["Name"])
        shown = shapes.table(
            place,
            row,
            attributes=request.get("AttributesToGet"),
            status=request.get("IncludeStatusDetails", False),
        )
        return {
            "Table": shapes.linked(shown, target) if target and "AttributesToGet" not in request else shown
        }

    def _target(
        self, tx: Connection, context: Context, request: dict[str, Any], link: TableRow
    ) -> dict[str, Any] | None:
        """The table that a resource link stands for; None when it is not there, or not to be seen."""
        try:
            place, row = lookup.table(tx, context, request, member="Name")
        except (ServiceError, lookup.Federated):
            return None
        return shapes.table(place, row)

    def get_tables(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name; Expression is a regular expression for the whole name."""
        try:
            return self._tables(context, request)
        except lookup.Federated as outside:
            if self._federation is None or "QueryAsOfTime" in request:
                raise
            return self._federation.get_tables(context, outside, request)

    def _tables(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        _refuse_transaction(request)
        count = request.get("MaxResults", PAGE)
        pattern = Pattern(request["Expression"]) if request.get("Expression") else None
        with self._store.read() as tx:
            place = lookup.linked_place(tx, context, request)
            bound = f"{place.database_id}:{request.get('Expression', '')}"
            after = self._pager.read(request.get("NextToken"), "GetTables", bound) or ""
            if request.get("ResourceShareType") in ("FEDERATED", "FOREIGN"):
                return {"TableList": []}
            if pattern is None:
                found = catalog_tables.page(tx, place.database_id, after, count + 1)
            else:
                found = self._matching(tx, place.database_id, pattern, after, count + 1)
            token = self._pager.token(found, count, lambda row: row.name, "GetTables", bound)
            rows = found[:count]
            if "QueryAsOfTime" in request:
                moment = request["QueryAsOfTime"]
                versions = (catalog_tables.version_at(tx, row, moment) for row in rows)
                rows = [row for row in versions if row is not None]
        attributes, status = request.get("AttributesToGet"), request.get("IncludeStatusDetails", False)
        return {
            "TableList": [shapes.table(place, row, attributes=attributes, status=status) for row in rows],
            "NextToken": token,
        }

    def _matching(
        self, tx: Connection, database_id: int, pattern: Pattern, after: str, count: int
    ) -> list[TableRow]:
        names: list[str] = []
        prefix = pattern.prefix
        # A name equal to the prefix is behind everything that is smaller than it.
        position = max(after, prefix[:-1] + chr(ord(prefix[-1]) - 1) + chr(0x10FFFF) if prefix else "")
        while len(names) < count:
            some: Sequence[str] = catalog_tables.names_after(tx, database_id, position, NAMES)
            names += list(pattern.matching(some))
            if len(some) < NAMES or (prefix and not some[-1].startswith(prefix)):
                break
            position = some[-1]
        return catalog_tables.named(tx, database_id, names[:count])

    @staticmethod
    def _as_of(tx: Connection, row: TableRow, moment: datetime) -> TableRow:
        found = catalog_tables.version_at(tx, row, moment)
        if found is None:
            raise not_found(f"Table {row.name} did not exist at {moment.isoformat()}")
        return found

    # -- update --------------------------------------------------------------------------------------

    def update_table(self, context: Context, request: dict[str, Any]) -> None:
        """Replaces the table's input, archiving the former version unless SkipArchive.

        Raises ConcurrentModificationException when VersionId is not the current one.
        """
        if "UpdateOpenTableFormatInput" in request:
            request = self._with_iceberg_updates(context, request)
        body = _input(request)
        now = self._clock.now()
        try:
            with self._store.write(catalog=context.scope) as tx:
                named = {**request, "Name": body["Name"]}
                place, row = lookup.table(
                    tx, context, named, member="Name", hold="change", follow="TargetTable" not in body
                )
                _check_version(request.get("VersionId"), row)
                archive = not request.get("SkipArchive", False)
                if archive and row.version >= MOST_VERSIONS:
                    _check_room(tx, row)
                changed = views.change(
                    row.body, body, request.get("ViewUpdateAction"), force=request.get("Force", False)
                )
                views.check(changed)
                if lookup.fold(changed["Name"]) != row.name:
                    # Reached through a resource link of another name.
                    changed = {**changed, "Name": row.name}
                catalog_tables.change(tx, row, changed, now=now, archive=archive)
                rekeying.if_types_differ(tx, row.id, row.body, changed)
                self._events.table(tx, context, now, "UpdateTable", place.database, row.name)
        except Stale:
            self._discard(request, body)
            raise _concurrent() from None
        except ServiceError:
            self._discard(request, body)
            raise

    # -- delete --------------------------------------------------------------------------------------

    def delete_table(self, context: Context, request: dict[str, Any]) -> None:
        """Deletes it with its partitions and versions. Raises EntityNotFoundException."""
        now = self._clock.now()
        with self._store.write(opens=context.scope) as tx:
            place = lookup.linked_place(tx, context, request)
            gone = self._delete(tx, context, place, [request["Name"]])
            if not gone:
                raise not_found(f"Table {request['Name']} not found.")
            self._events.database(tx, context, now, "DeleteTable", place.database, gone)

    def batch_delete_table(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Deletes those that exist, and lists those that do not."""
        wanted = request["TablesToDelete"]
        now = self._clock.now()
        with self._store.write(opens=context.scope) as tx:
            place = lookup.linked_place(tx, context, request)
            gone = self._delete(tx, context, place, wanted)
            if gone:
                self._events.database(tx, context, now, "BatchDeleteTable", place.database, gone)
        missing = [name for name in wanted if lookup.fold(name) not in gone]
        detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Table not found"}
        return {"Errors": [{"TableName": name, "ErrorDetail": detail} for name in missing]}

    def _delete(
        self, tx: Connection, context: Context, place: lookup.Place, names: Sequence[str]
    ) -> list[str]:
        gone = catalog_tables.remove(tx, place.database_id, [lookup.fold(name) for name in names])
        self._sweeper.tables_deleted(tx, list(gone.values()))
        for name in gone:
            arn = lookup.resource_arn("table", place.catalog, place.database, name)
            tags.delete_arn(tx, place.catalog.scope, arn)
        return list(gone)


def exists(tx: Connection, scope: str, path: str) -> bool:
    """Whether a taggable table ``database/table`` exists."""
    from mastic.store import catalog_databases

    key, (database, name) = lookup.tagged(scope, path, 2) if "/" in path else (scope, [path, ""])
    found = catalog_databases.find_id(tx, key, database)
    return found is not None and catalog_tables.find(tx, found, name) is not None


def _input(request: dict[str, Any]) -> dict[str, Any]:
    """The TableInput of a request, checked for what can be seen without the store."""
    _refuse_transaction(request)
    body: dict[str, Any] | None = request.get("TableInput")
    if body is None:
        raise invalid_input("TableInput is required")
    if "Name" in request and lookup.fold(request["Name"]) != lookup.fold(body["Name"]):
        raise invalid_input("Table name cannot be changed: Name and TableInput.Name differ")
    keys = [key["Name"].lower() for key in body.get("PartitionKeys") or []]
    if len(set(keys)) < len(keys):
        raise invalid_input("Duplicate partition key names")
    views.check(body)
    return body


def _refuse_transaction(request: dict[str, Any]) -> None:
    if "TransactionId" in request:
        raise invalid_input("TransactionId belongs to governed tables, which are not supported")


def _check_version(expected: str | None, row: TableRow) -> None:
    if expected is not None and expected != str(row.version):
        raise _concurrent()


def _check_room(tx: Connection, row: TableRow) -> None:
    if catalog_tables.count_versions(tx, row.id) >= MOST_VERSIONS:
        raise ServiceError(
            "ResourceNumberLimitExceededException",
            f"Table {row.name} has {MOST_VERSIONS} versions; delete some or update with SkipArchive",
        )


def _concurrent() -> ServiceError:
    return ServiceError(
        "ConcurrentModificationException", "Update table failed due to concurrent modifications."
    )
