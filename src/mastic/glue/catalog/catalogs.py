"""Catalogs below the account's own, the catalog's import status, and resource links to them.

State: ``catalog_catalogs``. A catalog may stand for an Iceberg REST catalog outside (``federation``).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import already_exists, invalid_input, not_found
from mastic.glue import tags as glue_tags
from mastic.glue.catalog import lookup
from mastic.glue.catalog.databases import EVERYBODY
from mastic.glue.catalog.federation import Federation
from mastic.glue.pages import Pager
from mastic.store import catalog_catalogs, catalog_databases, tags
from mastic.store.catalog_catalogs import CatalogRow
from mastic.store.engine import Duplicate, Store

PAGE = 100


class Catalogs:
    """The handlers."""

    def __init__(
        self, *, store: Store, clock: Clock, pager: Pager, federation: Federation | None = None
    ) -> None:
        self._store = store
        self._federation = federation
        self._clock = clock
        self._pager = pager

    def create_catalog(self, context: Context, request: dict[str, Any]) -> None:
        """Raises AlreadyExistsException."""
        body, name = request["CatalogInput"], request["Name"].lower()
        self._check(context, body)
        if "/" in name or ":" in name:
            raise invalid_input("A catalog's name has neither / nor :")
        now = self._clock.now()
        row = CatalogRow(scope=context.scope, path=name, body=body, created=now, updated=now)
        try:
            with self._store.write() as tx:
                catalog_catalogs.add(tx, row)
                if request.get("Tags"):
                    tags.put(
                        tx, context.scope, glue_tags.arn(context.scope, "catalog", name), request["Tags"]
                    )
        except Duplicate:
            raise already_exists(f"Catalog {name} already exists.") from None

    def get_catalog(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            named = lookup.catalog(tx, context, request, itself=True)
            return {"Catalog": _shape(context, _row(tx, context, named.path))}

    def get_catalogs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By path; IncludeRoot puts the account's own first."""
        count = request.get("MaxResults", PAGE)
        parent = lookup.catalog_of(context, request.get("ParentCatalogId")).path
        bound = f"{context.scope}:{parent}"
        after = self._pager.read(request.get("NextToken"), "GetCatalogs", bound)
        with self._store.read() as tx:
            root = after is None and request.get("IncludeRoot") and not parent
            found = _wanted(tx, [_row(tx, context, "")] if root else [], request)
            last = after or ""
            while len(found) <= count:
                some = catalog_catalogs.page(tx, context.scope, parent, last, count + 1)
                found += _wanted(tx, some, request)
                if len(some) <= count:
                    break
                last = some[-1].path
        token = self._pager.token(found, count, lambda row: row.path, "GetCatalogs", bound)
        return {"CatalogList": [_shape(context, row) for row in found[:count]], "NextToken": token}

    def update_catalog(self, context: Context, request: dict[str, Any]) -> None:
        """Replaces the catalog's settings. Raises EntityNotFoundException."""
        body, now = request["CatalogInput"], self._clock.now()
        self._check(context, body)
        with self._store.write() as tx:
            named = lookup.catalog(tx, context, request, itself=True, hold="change")
            if "FederatedCatalog" in body and catalog_databases.any_in(tx, named.key):
                raise invalid_input(
                    f"Catalog {named.id} has databases of its own: it cannot stand for another"
                )
            if not catalog_catalogs.replace(tx, context.scope, named.path, body, now):
                row = CatalogRow(scope=context.scope, path=named.path, body=body, created=now, updated=now)
                catalog_catalogs.add(tx, row)

    def delete_catalog(self, context: Context, request: dict[str, Any]) -> None:
        """Deletes an empty catalog. Raises EntityNotFoundException."""
        with self._store.write() as tx:
            named = lookup.catalog(tx, context, request, itself=True, hold="change")
            if not named.path:
                raise invalid_input("The account's own catalog cannot be deleted")
            if catalog_databases.any_in(tx, named.key):
                raise invalid_input(f"Catalog {named.id} is not empty")
            catalog_catalogs.remove(tx, context.scope, named.path)
            tags.delete_arn(tx, context.scope, glue_tags.arn(context.scope, "catalog", named.path))

    def _check(self, context: Context, body: dict[str, Any]) -> None:
        if "TargetRedshiftCatalog" in body:
            raise invalid_input("TargetRedshiftCatalog is not supported: there is no Amazon Redshift here")
        access = (body.get("CatalogProperties") or {}).get("DataLakeAccessProperties") or {}
        if access.get("DataLakeAccess"):
            raise invalid_input(
                "DataLakeAccess needs Amazon Redshift managed storage, which does not exist here"
            )
        if "FederatedCatalog" in body:
            if self._federation is None:
                raise invalid_input("FederatedCatalog is not supported: nothing outside can be reached")
            self._federation.check(context, body["FederatedCatalog"])

    def get_catalog_import_status(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """There never was an older catalog from which to import."""
        return {"ImportStatus": {"ImportCompleted": True}}

    def import_catalog_to_glue(self, context: Context, request: dict[str, Any]) -> None:
        """Nothing is left to import: the import counts as completed from the start."""


def exists(tx: Connection, scope: str, path: str) -> bool:
    """Whether a taggable catalog exists; the account's own has the empty path."""
    return not path or catalog_catalogs.find(tx, scope, path.lower()) is not None


def _wanted(tx: Connection, rows: list[CatalogRow], request: dict[str, Any]) -> list[CatalogRow]:
    if not request.get("HasDatabases"):
        return rows
    return [row for row in rows if catalog_databases.any_in(tx, _key(row))]


def _row(tx: Connection, context: Context, path: str) -> CatalogRow:
    found = catalog_catalogs.find(tx, context.scope, path)
    if found is not None:
        return found
    if path:
        raise not_found(f"Catalog {path} not found.")
    from datetime import UTC, datetime

    start = datetime(1970, 1, 1, tzinfo=UTC)
    return CatalogRow(scope=context.scope, path="", body={}, created=start, updated=start)


def _key(row: CatalogRow) -> str:
    return f"{row.scope}:{row.path}" if row.path else row.scope


def _shape(context: Context, row: CatalogRow) -> dict[str, Any]:
    account = context.account_id
    body = {m: v for m, v in row.body.items() if m != "OverwriteChildResourcePermissionsWithDefault"}
    out = {
        "CreateDatabaseDefaultPermissions": EVERYBODY,
        "CreateTableDefaultPermissions": EVERYBODY,
        "CatalogProperties": {"CustomProperties": {}},
        **body,
        "CatalogId": f"{account}:{row.path}" if row.path else account,
        "Name": row.path.rpartition("/")[2] or account,
        "ResourceArn": lookup.arn(context.scope, f"catalog/{row.path}" if row.path else "catalog"),
    }
    if row.created.year > 1970:
        out |= {"CreateTime": row.created, "UpdateTime": row.updated}
    return out
