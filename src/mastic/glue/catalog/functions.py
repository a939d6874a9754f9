"""User-defined functions of databases. State: documents of the kind ``function``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import already_exists, invalid_input, not_found
from mastic.glue.catalog import lookup
from mastic.glue.catalog.lookup import Place
from mastic.glue.catalog.patterns import Pattern
from mastic.glue.pages import Pager
from mastic.store import catalog_databases, documents, tags
from mastic.store.documents import Document
from mastic.store.engine import Duplicate, Store

KIND = "function"
PAGE = 100


class Functions:
    """The handlers."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager

    def create_user_defined_function(self, context: Context, request: dict[str, Any]) -> None:
        """Raises AlreadyExistsException."""
        body = request["FunctionInput"]
        if "FunctionName" not in body:
            raise invalid_input("FunctionName is required")
        try:
            with self._store.write(catalog=context.scope) as tx:
                place = lookup.place(tx, context, request, hold=True)
                name = lookup.fold(body["FunctionName"])
                documents.add(tx, scope(place.database_id), KIND, name, body, self._clock.now())
        except Duplicate:
            raise already_exists("Function already exists.") from None

    def get_user_defined_function(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            place = lookup.place(tx, context, request)
            name = lookup.fold(request["FunctionName"])
            found = documents.find(tx, scope(place.database_id), KIND, name)
        if found is None:
            raise not_found(f"Function {request['FunctionName']} not found.")
        return {"UserDefinedFunction": _shape(place, found)}

    def get_user_defined_functions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Functions whose name matches Pattern, of one database or, by database and name, of all."""
        count = request.get("MaxResults", PAGE)
        pattern = Pattern(request["Pattern"])
        with self._store.read() as tx:
            catalog = lookup.catalog(tx, context, request)
            bound = f"{catalog.key}:{request.get('DatabaseName', '')}:{request['Pattern']}"
            after = self._pager.read(request.get("NextToken"), "GetUserDefinedFunctions", bound)
            database, name = after or ("", "")
            found: list[tuple[Place, Document]] = []
            for place in self._places(tx, context, request, catalog, database):
                start = name if place.database == database else ""
                some = self._matching(tx, place, pattern, request.get("FunctionType"), start, count + 1)
                found += [(place, one) for one in some]
                if len(found) > count:
                    break
        token = self._pager.token(
            found, count, lambda f: [f[0].database, f[1].name], "GetUserDefinedFunctions", bound
        )
        return {"UserDefinedFunctions": [_shape(*one) for one in found[:count]], "NextToken": token}

    def update_user_defined_function(self, context: Context, request: dict[str, Any]) -> None:
        """Replaces the function. Raises EntityNotFoundException."""
        name, body = lookup.fold(request["FunctionName"]), request["FunctionInput"]
        if lookup.fold(body.get("FunctionName", name)) != name:
            raise invalid_input("A function cannot be renamed")
        with self._store.write(catalog=context.scope) as tx:
            place = lookup.place(tx, context, request)
            if not documents.replace(tx, scope(place.database_id), KIND, name, body, self._clock.now()):
                raise not_found(f"Function {request['FunctionName']} not found.")

    def delete_user_defined_function(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException."""
        with self._store.write(opens=context.scope) as tx:
            place = lookup.place(tx, context, request)
            if not documents.remove(tx, scope(place.database_id), KIND, lookup.fold(request["FunctionName"])):
                raise not_found(f"Function {request['FunctionName']} not found.")
            folded = lookup.fold(request["FunctionName"])
            arn = lookup.resource_arn("userDefinedFunction", place.catalog, place.database, folded)
            tags.delete_arn(tx, place.catalog.scope, arn)

    @staticmethod
    def _places(
        tx: Connection, context: Context, request: dict[str, Any], catalog: lookup.Catalog, start: str
    ) -> list[Place]:
        if "DatabaseName" in request:
            return [lookup.place(tx, context, request)]
        found = []
        after = ""
        while some := catalog_databases.page(tx, catalog.key, after, 500):
            found += [
                Place(catalog=catalog, database_id=d.id, database=d.name) for d in some if d.name >= start
            ]
            after = some[-1].name
        return found

    @staticmethod
    def _matching(
        tx: Connection, place: Place, pattern: Pattern, kind: str | None, after: str, count: int
    ) -> list[Document]:
        found: list[Document] = []
        while len(found) < count:
            some = documents.page(tx, scope(place.database_id), KIND, after, 500)
            wanted = set(pattern.matching(one.name for one in some))
            found += [d for d in some if d.name in wanted and kind in (None, d.body.get("FunctionType"))]
            if len(some) < 500:
                break
            after = some[-1].name
        return found[:count]


def exists(tx: Connection, key: str, path: str) -> bool:
    """Whether a taggable function ``database/function`` exists."""
    within, (database, name) = lookup.tagged(key, path, 2) if "/" in path else (key, [path, ""])
    found = catalog_databases.find_id(tx, within, database)
    return found is not None and documents.find(tx, scope(found), KIND, name) is not None


def scope(database_id: int) -> str:
    """The scope of a database's documents."""
    return f"database:{database_id}"


def _shape(place: Place, found: Document) -> dict[str, Any]:
    return {
        **found.body,
        "FunctionName": found.name,
        "DatabaseName": place.database,
        "CreateTime": found.created,
        "CatalogId": place.catalog.id,
    }
