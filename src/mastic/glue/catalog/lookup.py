"""Finding what a catalog call names: its catalog, database and table, with AWS's errors. Owns no state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection

from mastic.context import Context, split_scope
from mastic.errors import ServiceError, invalid_input, not_found
from mastic.store import catalog_catalogs, catalog_databases, catalog_tables, sealing
from mastic.store.catalog_databases import Database
from mastic.store.catalog_tables import TableRow

_CATALOG_ID = re.compile(r"(?:(\d{12})(?::|\Z))?(.*)\Z", re.DOTALL)
# A resource link may point at a resource link; AWS follows one. More than this is a ring.
MOST_LINKS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """A catalog: its key in the store, and its id as clients see it."""

    key: str
    id: str
    path: str = ""

    @property
    def scope(self) -> str:
        """The account and region that it is in."""
        return scope_of(self.key)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A database found in its catalog."""

    catalog: Catalog
    database_id: int
    database: str


class Federated(ServiceError):
    """The catalog stands for one outside: a call that does not go there is refused.

    ``federated`` is the FederatedCatalog, ``database`` the database of the call, if it names one.
    """

    def __init__(self, catalog: Catalog, federated: Mapping[str, Any]) -> None:
        super().__init__(
            "InvalidInputException",
            f"Catalog {catalog.id} stands for a catalog outside and is read only: only GetDatabase, GetDatabases, "
            "GetTable and GetTables go there",
        )
        self.catalog = catalog
        self.federated = federated
        self.database = ""


def scope_of(key: str) -> str:
    """The account and region of a catalog's key."""
    return ":".join(key.split(":", 2)[:2])


def fold(name: str) -> str:
    """A database, table or function name as the catalog keeps it."""
    return name.lower()


def catalog_of(context: Context, catalog_id: str | None) -> Catalog:
    """The catalog that a CatalogId means: the caller's account, ``account:name/sub`` or ``name/sub``.

    Raises AccessDeniedException for another account's.
    """
    if catalog_id is None or catalog_id == context.account_id:
        return Catalog(key=context.scope, id=context.account_id)
    found = _CATALOG_ID.match(catalog_id)
    assert found is not None
    account, path = found[1] or context.account_id, found[2].strip("/").lower()
    if account != context.account_id:
        raise ServiceError(
            "AccessDeniedException",
            f"User: {context.principal_arn} is not authorized to perform: glue:{context.operation} on "
            f"resource: arn:aws:glue:{context.region}:{account}:catalog",
        )
    if not path:
        return Catalog(key=context.scope, id=account)
    return Catalog(key=f"{context.scope}:{path}", id=f"{account}:{path}", path=path)


def catalog(
    tx: Connection,
    context: Context,
    request: Mapping[str, Any],
    *,
    itself: bool = False,
    hold: Literal["", "fill", "change"] = "",
) -> Catalog:
    """The catalog of a request. Raises EntityNotFoundException when there is no such catalog.

    Raises Federated for one whose contents are outside, unless the call is about the catalog ``itself``. ``hold`` is
    that of ``catalog_catalogs.find``.
    """
    named = catalog_of(context, request.get("CatalogId"))
    if not named.path:
        return named
    found = catalog_catalogs.find(tx, context.scope, named.path, hold=hold)
    if found is None:
        raise not_found(f"Catalog {request['CatalogId']} not found.")
    if "FederatedCatalog" in found.body and not itself:
        raise Federated(named, found.body["FederatedCatalog"])
    return named


def place(
    tx: Connection,
    context: Context,
    request: Mapping[str, Any],
    *,
    name: str | None = None,
    hold: bool = False,
) -> Place:
    """The database of a request. ``hold`` keeps it from being deleted until the transaction ends.

    Raises EntityNotFoundException.
    """
    wanted = request["DatabaseName"] if name is None else name
    where = _catalog_for(tx, context, request, wanted)
    found = catalog_databases.find_id(tx, where.key, fold(wanted), hold=hold)
    if found is None:
        raise not_found(f"Database {wanted} not found.")
    return Place(catalog=where, database_id=found, database=fold(wanted))


def _catalog_for(tx: Connection, context: Context, request: Mapping[str, Any], database: str) -> Catalog:
    try:
        return catalog(tx, context, request)
    except Federated as outside:
        outside.database = database
        raise


def linked_place(
    tx: Connection, context: Context, request: Mapping[str, Any], *, hold: bool = False
) -> Place:
    """Like ``place``, but a resource link leads to the database it stands for."""
    asked: Mapping[str, Any] = request
    for _ in range(MOST_LINKS + 1):
        where = _catalog_for(tx, context, asked, asked["DatabaseName"])
        found = catalog_databases.find(tx, where.key, fold(asked["DatabaseName"]), hold=hold)
        if found is None:
            raise not_found(f"Database {asked['DatabaseName']} not found.")
        target = found.body.get("TargetDatabase")
        if not target or not target.get("DatabaseName"):
            sealing.belongs(tx, where.scope)
            return Place(catalog=where, database_id=found.id, database=found.name)
        context, asked = there(context, target), target
    raise invalid_input(f"Database {request['DatabaseName']} is a resource link to itself")


def there(context: Context, target: Mapping[str, Any]) -> Context:
    """The context in which a link's target is looked for: it may be in another region."""
    region = target.get("Region")
    return context if region in (None, context.region) else replace(context, region=region)


def in_scope(context: Context, scope: str) -> Context:
    """The context in which calls go on in a catalog of another region."""
    return context if scope == context.scope else replace(context, region=split_scope(scope)[1])


def database(tx: Connection, where: Catalog, name: str) -> Database:
    """A database. Raises EntityNotFoundException."""
    found = catalog_databases.find(tx, where.key, fold(name))
    if found is None:
        raise not_found(f"Database {name} not found.")
    return found


def table(
    tx: Connection,
    context: Context,
    request: Mapping[str, Any],
    *,
    member: str = "TableName",
    hold: str = "",
    follow: bool = True,
) -> tuple[Place, TableRow]:
    """The table of a request with its database. ``hold`` is "change" (against everybody else) or "fill".

    A resource link leads to the table that it stands for, unless ``follow`` says no. Raises EntityNotFoundException.
    """
    where, found = _named_table(tx, context, request, member, hold)
    if not follow or "TargetTable" not in found.body:
        return where, found
    for _ in range(MOST_LINKS):
        target = found.body["TargetTable"]
        if not target.get("Name") or not target.get("DatabaseName"):
            raise not_found(f"Table {request[member]} is a resource link to nothing.")
        # Beside the link, which may itself have been found in another region.
        context = there(in_scope(context, where.catalog.scope), target)
        where, found = _named_table(tx, context, target, "Name", hold)
        if "TargetTable" not in found.body:
            sealing.belongs(tx, where.catalog.scope)
            return where, found
    raise invalid_input(f"Table {request[member]} is a resource link to itself")


def _named_table(
    tx: Connection, context: Context, request: Mapping[str, Any], member: str, hold: str
) -> tuple[Place, TableRow]:
    if hold != "change":
        within = catalog_of(context, request.get("CatalogId"))
        names = fold(request["DatabaseName"]), fold(request[member])
        row = catalog_tables.find_by_names(tx, within.key, *names, to_fill=hold == "fill")
        if row is not None:
            return Place(catalog=within, database_id=row.database_id, database=names[0]), row
    where = place(tx, context, request)
    find = {
        "": catalog_tables.find,
        "change": catalog_tables.find_to_change,
        "fill": catalog_tables.find_to_fill,
    }[hold]
    found = find(tx, where.database_id, fold(request[member]))
    if found is None:
        linked = linked_place(tx, context, request)
        found = find(tx, linked.database_id, fold(request[member])) if linked != where else None
        where = linked
    if found is None:
        raise not_found(f"Table {request[member]} not found.")
    return where, found


def resource_arn(kind: str, within: Catalog, *names: str) -> str:
    """The ARN of a database, table or function: tags are kept by it."""
    return arn(within.scope, "/".join([kind, *([within.path] if within.path else []), *names]))


def tagged(scope: str, path: str, names: int) -> tuple[str, list[str]]:
    """The reverse, of what follows the kind in an ARN: the catalog's key and ``names`` folded names."""
    parts = fold(path).split("/")
    below = "/".join(parts[:-names])
    return f"{scope}:{below}" if below else scope, parts[-names:]


def arn(scope: str, path: str) -> str:
    """The ARN of a catalog resource: ``arn(scope, "table/db/t")``."""
    account, region = split_scope(scope)
    return f"arn:aws:glue:{region}:{account}:{path}"
