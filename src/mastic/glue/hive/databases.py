"""Catalogs and databases. Owns no state: everything is a call of the Glue API."""

from __future__ import annotations

from typing import Any

from mastic.glue.hive import inputs, names
from mastic.glue.hive.calls import HIVE, Calls, catalog_of, place, split
from mastic.glue.hive.failures import invalid_operation, no_such
from mastic.glue.hive.shapes import Shapes
from mastic.glue.hive.tables import Tables

# Members of a DatabaseInput that clients of the Metastore neither see nor change.
_KEPT = ("CreateTableDefaultPermissions", "TargetDatabase", "FederatedDatabase")


class Databases:
    """The methods."""

    def __init__(self, *, calls: Calls, shapes: Shapes, tables: Tables, definition: Any) -> None:
        self._calls = calls
        self._shapes = shapes
        self._tables = tables
        self._types = definition

    # -- catalogs ------------------------------------------------------------------------------------

    def get_catalogs(self) -> Any:
        """Hive's own, which is the account's, and those below it."""
        below = [
            one["CatalogId"].partition(":")[2] for one in self._calls.pages("GetCatalogs", "CatalogList")
        ]
        return self._types.GetCatalogsResponse(names=[HIVE, *below])

    def get_catalog(self, request: Any) -> Any:
        """Raises NoSuchObjectException."""
        name = request.name or HIVE
        if name.lower() != HIVE:
            self._calls("GetCatalog", CatalogId=name)
        location = self._shapes.database_location("default").rpartition("/")[0]
        return self._types.GetCatalogResponse(catalog=self._types.Catalog(name=name, locationUri=location))

    # -- read ----------------------------------------------------------------------------------------

    def get_database(self, name: str) -> Any:
        """Raises NoSuchObjectException."""
        return self._shapes.database(self._get(place(name)))

    def get_database_req(self, request: Any) -> Any:
        """Raises NoSuchObjectException."""
        return self._shapes.database(self._get(place(request.name, request.catalogName)))

    def get_databases(self, pattern: str) -> list[str]:
        """The names that match, in order."""
        catalog, text = split(pattern)
        return names.matching(text or None, self._names(catalog_of(place("", catalog))))

    def get_all_databases(self) -> list[str]:
        """All names, in order."""
        return self._names({})

    # -- change --------------------------------------------------------------------------------------

    def create_database(self, given: Any) -> None:
        """Raises AlreadyExistsException."""
        where = catalog_of(place(given.name, given.catalogName))
        given.name = split(given.name)[1]
        body = inputs.database(given, location=self._shapes.database_location((given.name or "").lower()))
        self._calls("CreateDatabase", DatabaseInput=body, **where)

    def alter_database(self, name: str, given: Any) -> None:
        """Replaces what clients of the Metastore see of it. Raises NoSuchObjectException."""
        where = place(name)
        old = self._get(where)
        given.name = split(given.name)[1] or old["Name"]
        if given.name.lower() != old["Name"]:
            raise invalid_operation("A database cannot be renamed")
        body = inputs.database(given, location=self._shapes.database_location(old["Name"]))
        if not old.get("LocationUri") and body["LocationUri"] == self._shapes.database_location(old["Name"]):
            # It was only shown to the client.
            del body["LocationUri"]
        kept = {member: old[member] for member in _KEPT if member in old}
        self._calls("UpdateDatabase", Name=old["Name"], DatabaseInput={**kept, **body}, **catalog_of(where))

    def drop_database(self, name: str, delete_data: bool, cascade: bool) -> None:
        """Without ``cascade`` only an empty one.

        ``delete_data`` deletes the data of its managed tables, and nothing else that may lie at its location.
        Raises NoSuchObjectException, InvalidOperationException.
        """
        self._drop(place(name), bool(delete_data), bool(cascade))

    def drop_database_req(self, request: Any) -> None:
        """Like ``drop_database``."""
        where = place(request.name, request.catalogName)
        if request.ignoreUnknownDb and where["DatabaseName"].lower() not in self._names(catalog_of(where)):
            return
        self._drop(where, bool(request.deleteData), bool(request.cascade))

    def _drop(self, where: dict[str, Any], delete_data: bool, cascade: bool) -> None:
        database = self._get(where)
        within = {"DatabaseName": database["Name"], **catalog_of(where)}
        held = self._tables.names(within)
        functions = list(
            self._calls.pages("GetUserDefinedFunctions", "UserDefinedFunctions", Pattern="*", **within)
        )
        if not cascade and (held or functions):
            what = "tables" if held else "functions"
            raise invalid_operation(f"Database {database['Name']} is not empty. One or more {what} exist.")
        if cascade and "TargetDatabase" not in database:
            for name in held:
                self._tables.drop(within, name, delete_data=delete_data)
        self._calls("DeleteDatabase", Name=database["Name"], **catalog_of(where))

    def _get(self, where: dict[str, Any]) -> dict[str, Any]:
        if not where["DatabaseName"]:
            raise no_such("A database needs a name")
        found: dict[str, Any] = self._calls("GetDatabase", Name=where["DatabaseName"], **catalog_of(where))[
            "Database"
        ]
        return found

    def _names(self, catalog: dict[str, Any]) -> list[str]:
        return [
            one["Name"]
            for one in self._calls.pages("GetDatabases", "DatabaseList", AttributesToGet=["NAME"], **catalog)
        ]
