"""Namespaces of the REST catalog are the catalog's databases. State: ``catalog_databases``.

``comment`` and ``location`` are the database's Description and LocationUri, as Iceberg's Glue clients have it;
every other property is one of its Parameters.
"""

from __future__ import annotations

from typing import Any

from mastic.errors import ServiceError
from mastic.glue.catalog.databases import Databases
from mastic.glue.iceberg_rest.calls import SEPARATOR, Call, Reply, list_of, new_name, texts
from mastic.glue.iceberg_rest.failures import Failure, already_exists, bad_request, no_such_namespace

_MEMBERS = {"comment": "Description", "location": "LocationUri"}
PAGE = 100


class Namespaces:
    """The handlers."""

    def __init__(self, *, databases: Databases) -> None:
        self._databases = databases

    def list_namespaces(self, call: Call) -> Reply:
        """By name. Nothing is below a namespace."""
        parent = call.query.get("parent")
        if parent:
            self._load(call, parent)
            return Reply(document={"namespaces": []})
        page = call.page
        request: dict[str, Any] = {"CatalogId": call.catalog, "MaxResults": page[1] if page else PAGE}
        if page is not None and page[0] is not None:
            request["NextToken"] = page[0]
        names: list[str] = []
        while True:
            found = self._databases.get_databases(call.context, request)
            names += [database["Name"] for database in found["DatabaseList"]]
            token = found.get("NextToken")
            if page is not None or token is None:
                break
            request["NextToken"] = token
        document: dict[str, Any] = {"namespaces": [[name] for name in names]}
        if page is not None:
            document["next-page-token"] = token
        return Reply(document=document)

    def create_namespace(self, call: Call) -> Reply:
        """Raises AlreadyExistsException, BadRequestException for a nested namespace."""
        document = call.document
        levels = list_of(document, "namespace")
        if not all(isinstance(level, str) and level for level in levels) or not levels:
            raise bad_request("namespace must be a list with one name")
        if len(levels) > 1:
            raise bad_request(f"Namespaces have one level here, {'.'.join(levels)} has {len(levels)}")
        name, properties = new_name(levels[0], "namespace"), texts(document, "properties")
        body = {"Name": name, **_body(properties)}
        try:
            self._databases.create_database(call.context, {"CatalogId": call.catalog, "DatabaseInput": body})
        except ServiceError as error:
            if error.code == "AlreadyExistsException":
                raise already_exists(f"Namespace {name}") from None
            raise
        return Reply(document={"namespace": [name.lower()], "properties": properties})

    def load_namespace(self, call: Call) -> Reply:
        """Raises NoSuchNamespaceException."""
        database = self._load(call, call.namespace)
        return Reply(document={"namespace": [database["Name"]], "properties": properties_of(database)})

    def namespace_exists(self, call: Call) -> Reply:
        """204, or 404."""
        self._load(call, call.namespace)
        return Reply(status=204)

    def drop_namespace(self, call: Call) -> Reply:
        """Only an empty one goes. Raises NoSuchNamespaceException, NamespaceNotEmptyException."""
        name = call.namespace
        try:
            dropped = self._databases.drop(
                call.context, {"CatalogId": call.catalog, "Name": name}, only_empty=True
            )
        except ServiceError as error:
            raise _named(error, name) from None
        if not dropped:
            raise Failure(409, "NamespaceNotEmptyException", f"Namespace {name} is not empty")
        return Reply(status=204)

    def update_namespace(self, call: Call) -> Reply:
        """Sets and removes properties at once. Raises NoSuchNamespaceException."""
        document = call.document
        removals, updates = list_of(document, "removals"), texts(document, "updates")
        if not all(isinstance(one, str) for one in removals):
            raise bad_request("removals must be a list of texts")
        both = sorted(set(removals) & set(updates))
        if both:
            raise Failure(
                422, "UnprocessableEntityException", f"Properties both set and removed: {', '.join(both)}"
            )
        before: dict[str, str] = {}

        def edit(body: dict[str, Any]) -> dict[str, Any]:
            before.update(properties_of(body))
            after = {k: v for k, v in before.items() if k not in removals} | updates
            kept = {k: v for k, v in body.items() if k not in (*_MEMBERS.values(), "Parameters")}
            return kept | _body(after)

        try:
            self._databases.edit(call.context, {"CatalogId": call.catalog, "Name": call.namespace}, edit)
        except ServiceError as error:
            raise _named(error, call.namespace) from None
        wanted = list(dict.fromkeys(removals))
        return Reply(
            document={
                "removed": [name for name in wanted if name in before],
                "updated": list(updates),
                "missing": [name for name in wanted if name not in before],
            }
        )

    def _load(self, call: Call, name: str) -> dict[str, Any]:
        if SEPARATOR in name:
            raise no_such_namespace(name.replace(SEPARATOR, "."))
        try:
            found = self._databases.get_database(call.context, {"CatalogId": call.catalog, "Name": name})
        except ServiceError as error:
            raise _named(error, name) from None
        database: dict[str, Any] = found["Database"]
        return database


def properties_of(database: dict[str, Any]) -> dict[str, str]:
    """A database as properties."""
    named = {name: database[member] for name, member in _MEMBERS.items() if database.get(member)}
    return {**(database.get("Parameters") or {}), **named}


def _body(properties: dict[str, str]) -> dict[str, Any]:
    parameters = {name: value for name, value in properties.items() if name not in _MEMBERS}
    members = {member: properties[name] for name, member in _MEMBERS.items() if properties.get(name)}
    return {**members, **({"Parameters": parameters} if parameters else {})}


def _named(error: ServiceError, name: str) -> Failure | ServiceError:
    return no_such_namespace(name) if error.code == "EntityNotFoundException" else error
