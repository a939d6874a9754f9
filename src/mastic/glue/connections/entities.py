"""What a connection leads to: ListEntities, DescribeEntity, GetEntityRecords. Really asks; owns no state.

Of a database, schemas are parents and their tables and views, as ``schema.table``, are entities. Of a registered REST
type, its configuration says what there is; its records are not read. Connections of other kinds are refused by name.
"""

from __future__ import annotations

from typing import Any

from mastic.context import Context
from mastic.errors import invalid_input, not_found
from mastic.glue.connections import databases
from mastic.glue.connections.connections import Connections
from mastic.glue.connections.databases import Column, Database, Rows
from mastic.glue.connections.testing import Target
from mastic.glue.connections.types import ConnectionTypes
from mastic.glue.pages import Pager
from mastic.wire.dispatch import waits

PAGE = 500


class Entities:
    """The handlers."""

    def __init__(self, *, connections: Connections, types: ConnectionTypes, pager: Pager) -> None:
        self._connections = connections
        self._types = types
        self._pager = pager

    @waits
    def list_entities(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Schemas, or the tables and views of the schema that ParentEntityName names."""
        parent = request.get("ParentEntityName")
        registered = self._registered(context, request)
        if registered is not None:
            found = (
                [] if parent else [_entity(name, name, "REST", parent=False) for name in sorted(registered)]
            )
            return self._page(context, request, found)
        with databases.session(self._target(context, request)) as database:
            if parent is None:
                found = [_entity(name, name, "SCHEMA", parent=True) for name in database.schemas()]
            else:
                found = [
                    _entity(f"{parent}.{name}", name, kind, parent=False)
                    for name, kind in database.tables(parent)
                ]
        return self._page(context, request, found)

    def _page(self, context: Context, request: dict[str, Any], found: list[dict[str, Any]]) -> dict[str, Any]:
        bound = f"{context.scope}:{request['ConnectionName']}:{request.get('ParentEntityName', '')}"
        after = self._pager.read(request.get("NextToken"), "ListEntities", bound)
        rest = [one for one in found if after is None or one["EntityName"] > after]
        token = self._pager.token(rest[: PAGE + 1], PAGE, lambda e: e["EntityName"], "ListEntities", bound)
        return {"Entities": rest[:PAGE], "NextToken": token}

    @waits
    def describe_entity(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The fields of a table or view, or those that a registered type declares. Raises EntityNotFoundException."""
        registered, entity = self._registered(context, request), request["EntityName"]
        if registered is not None:
            if entity not in registered:
                raise not_found(f"Entity {entity} not found.")
            return {"Fields": [_declared(one) for one in (registered[entity].get("Schema") or {}).values()]}
        target = self._target(context, request)
        with databases.session(target) as database:
            columns = database.columns(*_split(database, target, entity))
        return {"Fields": [databases.field(column) for column in columns]}

    @waits
    def get_entity_records(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Rows that satisfy FilterPredicate, up to Limit; by OrderBy, else by the primary key."""
        target, limit = self._target(context, request), request["Limit"]
        asked = [request.get(m) for m in ("EntityName", "FilterPredicate", "OrderBy", "SelectedFields")]
        bound = f"{context.scope}:{request['ConnectionName']}:{asked!r}"
        offset = self._pager.read(request.get("NextToken"), "GetEntityRecords", bound) or 0
        with databases.session(target) as database:
            schema, table = _split(database, target, request["EntityName"])
            columns = database.columns(schema, table)
            wanted = _rows(database, columns, request, offset, limit + 1)
            found = database.rows(schema, table, wanted)
        token = self._pager.token(found, limit, lambda _: offset + limit, "GetEntityRecords", bound)
        return {"Records": found[:limit], "NextToken": token}

    def _registered(self, context: Context, request: dict[str, Any]) -> dict[str, Any] | None:
        """The entities of a connection whose type was registered."""
        if "ConnectionName" not in request:
            raise invalid_input("ConnectionName is required")
        body = self._connections.find(context, request["ConnectionName"])
        return self._types.entities(context, body["ConnectionType"])

    def _target(self, context: Context, request: dict[str, Any]) -> Target:
        if "ConnectionName" not in request:
            raise invalid_input("ConnectionName is required")
        if request.get("ConnectionOptions"):
            raise invalid_input("ConnectionOptions are not supported")
        body = self._connections.find(context, request["ConnectionName"])
        return self._connections.target(context, body)


def _declared(given: dict[str, Any]) -> dict[str, Any]:
    """A field as its type's registration declares it."""
    out = {"FieldName": given["Name"], "Label": given["Name"], "FieldType": given["FieldDataType"]}
    told = {"IsNullable": "IsNullable", "IsPartitionable": "IsPartitionable", "IsQueryable": "IsFilterable"}
    return out | {to: given[member] for member, to in told.items() if member in given}


def _entity(name: str, label: str, category: str, *, parent: bool) -> dict[str, Any]:
    return {"EntityName": name, "Label": label, "IsParentEntity": parent, "Category": category}


def _split(database: Database, target: Target, name: str) -> tuple[str, str]:
    """Schema and table. Without a schema it is the one that the connection begins in."""
    schema, separator, table = name.partition(".")
    if separator:
        return schema, table
    return (target.database if database.dialect == "mysql" else "public"), name


def _rows(
    database: Database, columns: list[Column], request: dict[str, Any], offset: int, limit: int
) -> Rows:
    from mastic.glue.connections import clauses

    names = {column.name.lower(): column.name for column in columns}
    keys = [column.name for column in columns if column.key]
    selected = request.get("SelectedFields")
    return Rows(
        columns=databases.spelt(selected, columns) if selected else [column.name for column in columns],
        where=clauses.where(request.get("FilterPredicate"), names, database.dialect),
        order=clauses.order(request.get("OrderBy"), names, keys, database.dialect),
        offset=offset,
        limit=limit,
    )
