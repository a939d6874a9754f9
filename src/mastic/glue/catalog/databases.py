"""Databases: CreateDatabase, GetDatabase(s), UpdateDatabase, DeleteDatabase. State: ``catalog_databases``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import already_exists, invalid_input, not_found
from mastic.glue.catalog import lookup
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.federation import Federation
from mastic.glue.catalog.sweeping import Sweeper
from mastic.glue.pages import Pager
from mastic.store import catalog_databases, catalog_tables, tags
from mastic.store.catalog_databases import Database
from mastic.store.engine import Duplicate, Store

EVERYBODY = [
    {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]},
]
PAGE = 100


class Databases:
    """The handlers."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        pager: Pager,
        events: Events,
        sweeper: Sweeper,
        federation: Federation | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager
        self._events = events
        self._sweeper = sweeper
        self._federation = federation

    def create_database(self, context: Context, request: dict[str, Any]) -> None:
        """Raises AlreadyExistsException."""
        body = request["DatabaseInput"]
        name = lookup.fold(body["Name"])
        _check(body)
        now = self._clock.now()
        try:
            with self._store.write(catalog=context.scope) as tx:
                catalog = lookup.catalog(tx, context, request, hold="fill")
                catalog_databases.add(
                    tx,
                    catalog=catalog.key,
                    name=name,
                    body=body,
                    created=now,
                    created_by=context.principal_arn,
                )
                if request.get("Tags"):
                    tags.put(
                        tx, catalog.scope, lookup.resource_arn("database", catalog, name), request["Tags"]
                    )
                self._events.database(tx, context, now, "CreateDatabase", name)
        except Duplicate:
            raise already_exists("Database already exists.") from None

    def get_database(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        try:
            with self._store.read() as tx:
                catalog = lookup.catalog(tx, context, request)
                return {"Database": shape(catalog, lookup.database(tx, catalog, request["Name"]))}
        except lookup.Federated as outside:
            if self._federation is None:
                raise
            return self._federation.get_database(context, outside, request["Name"])

    def get_databases(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name."""
        try:
            return self._databases(context, request)
        except lookup.Federated as outside:
            if self._federation is None:
                raise
            return self._federation.get_databases(context, outside, request)

    def _databases(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        count = request.get("MaxResults", PAGE)
        wanted = request.get("AttributesToGet")
        if request.get("ResourceShareType") == "FOREIGN":
            # Nothing is shared with an account from outside.
            return {"DatabaseList": []}
        with self._store.read() as tx:
            catalog = lookup.catalog(tx, context, request)
            after = self._pager.read(request.get("NextToken"), "GetDatabases", catalog.key)
            found = self._page(tx, catalog.key, after or "", count, request.get("ResourceShareType"))
        token = self._pager.token(found, count, lambda d: d.name, "GetDatabases", catalog.key)
        return {"DatabaseList": [_only(shape(catalog, d), wanted) for d in found[:count]], "NextToken": token}

    def update_database(self, context: Context, request: dict[str, Any]) -> None:
        """Replaces everything but the name. Raises EntityNotFoundException."""
        body = request["DatabaseInput"]
        name = lookup.fold(request["Name"])
        if lookup.fold(body["Name"]) != name:
            raise invalid_input("Database name cannot be changed")
        _check(body)
        with self._store.write(catalog=context.scope) as tx:
            catalog = lookup.catalog(tx, context, request)
            if not catalog_databases.replace(tx, catalog.key, name, body):
                raise not_found(f"Database {request['Name']} not found.")

    def edit(
        self, context: Context, request: dict[str, Any], edit: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        """Replaces the DatabaseInput by what ``edit`` makes of it, with nobody in between."""
        name = lookup.fold(request["Name"])
        with self._store.write(catalog=context.scope) as tx:
            catalog = lookup.catalog(tx, context, request)
            found = catalog_databases.find_to_change(tx, catalog.key, name)
            if found is None:
                raise not_found(f"Database {request['Name']} not found.")
            body = edit(found.body)
            _check(body)
            catalog_databases.replace(tx, catalog.key, name, body)

    def delete_database(self, context: Context, request: dict[str, Any]) -> None:
        """Deletes it with all that it holds. Raises EntityNotFoundException."""
        self.drop(context, request, only_empty=False)

    def drop(self, context: Context, request: dict[str, Any], *, only_empty: bool) -> bool:
        """Deletes it; false when it holds tables and only an empty one may go."""
        name = lookup.fold(request["Name"])
        now = self._clock.now()
        with self._store.write(opens=context.scope) as tx:
            catalog = lookup.catalog(tx, context, request)
            if only_empty:
                held = catalog_databases.find_to_change(tx, catalog.key, name)
                if held is not None and catalog_tables.names_after(tx, held.id, "", 1):
                    return False
            gone = catalog_databases.remove(tx, catalog.key, name)
            if gone is None:
                raise not_found(f"Database {request['Name']} not found.")
            self._sweeper.database_deleted(tx, gone)
            tags.delete_arn(tx, catalog.scope, lookup.resource_arn("database", catalog, name))
            for kind in ("table", "userDefinedFunction"):
                tags.delete_below(tx, catalog.scope, lookup.resource_arn(kind, catalog, name, ""))
            self._events.database(tx, context, now, "DeleteDatabase", name)
        return True

    def _page(
        self, tx: Connection, catalog: str, after: str, count: int, share: str | None
    ) -> list[Database]:
        """One more than ``count``; with ``share`` FEDERATED only databases of federated sources."""
        if share != "FEDERATED":
            return catalog_databases.page(tx, catalog, after, count + 1)
        found: list[Database] = []
        while len(found) <= count:
            some = catalog_databases.page(tx, catalog, after, PAGE)
            found += [d for d in some if "FederatedDatabase" in d.body]
            if len(some) < PAGE:
                break
            after = some[-1].name
        return found[: count + 1]


def exists(tx: Connection, scope: str, name: str) -> bool:
    """Whether a taggable database of this name exists."""
    key, (folded,) = lookup.tagged(scope, name, 1)
    return catalog_databases.find_id(tx, key, folded) is not None


def shape(catalog: lookup.Catalog, database: Database) -> dict[str, Any]:
    """A database as clients see it."""
    out = {
        **database.body,
        "Name": database.name,
        "CreateTime": database.created,
        "CatalogId": catalog.id,
    }
    if "TargetDatabase" not in out:
        out.setdefault("CreateTableDefaultPermissions", EVERYBODY)
    return out


def _check(body: dict[str, Any]) -> None:
    target = body.get("TargetDatabase")
    if target is not None and not target.get("DatabaseName"):
        raise invalid_input("TargetDatabase needs a DatabaseName")
    if target is not None and body.get("LocationUri"):
        raise invalid_input("A resource link cannot have a LocationUri")


def _only(database: dict[str, Any], attributes: list[str] | None) -> dict[str, Any]:
    if not attributes:
        return database
    members = {"NAME": "Name", "TARGET_DATABASE": "TargetDatabase"}
    wanted = {"Name", *(members[attribute] for attribute in attributes)}
    return {member: value for member, value in database.items() if member in wanted}
