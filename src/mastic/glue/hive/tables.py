"""Tables: read, create, alter, drop. Owns no state: everything is a call of the Glue API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.glue.hive import inputs, names, table_filters
from mastic.glue.hive.alterations import Alterations
from mastic.glue.hive.calls import Calls, catalog_of, place, split
from mastic.glue.hive.data import Data, is_iceberg, is_managed
from mastic.glue.hive.failures import Failure, invalid_object, meta, no_such
from mastic.glue.hive.shapes import Shapes, table_type


class Tables:
    """The methods."""

    def __init__(
        self,
        *,
        calls: Calls,
        shapes: Shapes,
        data: Data,
        alterations: Alterations,
        clock: Clock,
        definition: Any,
    ) -> None:
        self._calls = calls
        self._shapes = shapes
        self._data = data
        self._alterations = alterations
        self._clock = clock
        self._types = definition

    # -- read ----------------------------------------------------------------------------------------

    def get_table(self, database: str, name: str) -> Any:
        """Raises NoSuchObjectException."""
        return self._shown(place(database), name)

    def get_table_req(self, request: Any) -> Any:
        """Raises NoSuchObjectException."""
        where = place(request.dbName, request.catName)
        return self._types.GetTableResult(table=self._shown(where, request.tblName))

    def get_table_objects_by_name(self, database: str, wanted: list[str]) -> list[Any]:
        """Those that exist."""
        return self._several(place(database), wanted)

    def get_table_objects_by_name_req(self, request: Any) -> Any:
        """Those that exist."""
        found = self._several(place(request.dbName, request.catName), request.tblNames)
        return self._types.GetTablesResult(tables=found)

    def get_all_tables(self, database: str) -> list[str]:
        """The names, in order; none for a database that does not exist."""
        try:
            return self.names(place(database))
        except ServiceError as error:
            if error.code == "EntityNotFoundException":
                return []
            raise

    def get_tables(self, database: str, pattern: str) -> list[str]:
        """The names that match."""
        return names.matching(pattern, self.get_all_tables(database))

    def get_tables_by_type(self, database: str, pattern: str, kind: str) -> list[str]:
        """The names that match, of one kind of table."""
        wanted = set(names.matching(pattern, self.get_all_tables(database)))
        if not wanted:
            return []
        return [
            one["Name"]
            for one in self._listed(place(database))
            if one["Name"] in wanted and table_type(one) == kind
        ]

    def get_table_names_by_filter(self, database: str, text: str, most: int | None) -> list[str]:
        """Tables by owner or parameters. Raises a MetaException saying what is wrong with the filter."""
        wanted = table_filters.compile_filter(text or "")
        found = (one["Name"] for one in self._listed(place(database)) if wanted(self._shapes.table(one)))
        return list(found if most is None or most < 0 else islice(found, most))

    def get_table_meta(self, databases: str, tables: str, kinds: list[str] | None) -> list[Any]:
        """Name, kind and comment of tables whose database and name match."""
        catalog, pattern = split(databases)
        where = catalog_of(place("", catalog))
        every = [one["Name"] for one in self._calls.pages("GetDatabases", "DatabaseList", **where)]
        found = []
        for database in names.matching(pattern, every):
            listed = {one["Name"]: one for one in self._listed({"DatabaseName": database, **where})}
            for name in names.matching(tables, listed):
                one = self._shapes.table(listed[name], database=database)
                if kinds and one.tableType not in kinds:
                    continue
                found.append(
                    self._types.TableMeta(
                        dbName=database,
                        tableName=name,
                        tableType=one.tableType,
                        comments=one.parameters.get("comment"),
                        catName=catalog or "hive",
                    )
                )
        return found

    def get_fields(self, database: str, name: str) -> list[Any]:
        """The columns without the partition keys."""
        return list(self._columns(database, name).sd.cols)

    def get_fields_with_environment_context(self, database: str, name: str, context: Any) -> list[Any]:
        """The columns without the partition keys."""
        return self.get_fields(database, name)

    def get_schema(self, database: str, name: str) -> list[Any]:
        """The columns and the partition keys."""
        table = self._columns(database, name)
        return [*table.sd.cols, *table.partitionKeys]

    def get_schema_with_environment_context(self, database: str, name: str, context: Any) -> list[Any]:
        """The columns and the partition keys."""
        return self.get_schema(database, name)

    # -- create and alter ----------------------------------------------------------------------------

    def create_table(self, given: Any) -> None:
        """Raises AlreadyExistsException, NoSuchObjectException for the database."""
        where = place(given.dbName, given.catName)
        body = inputs.table(given)
        if "StorageDescriptor" not in body:
            raise invalid_object("A table needs a storage descriptor")
        body["Parameters"].setdefault("transient_lastDdlTime", str(int(self._clock.now().timestamp())))
        descriptor = body["StorageDescriptor"]
        if not descriptor.get("Location") and body["TableType"] != "VIRTUAL_VIEW":
            descriptor["Location"] = self.default_location(where, body["Name"])
        self._calls("CreateTable", TableInput=body, **where)

    def create_table_with_environment_context(self, given: Any, context: Any) -> None:
        """Like ``create_table``."""
        self.create_table(given)

    def create_table_req(self, request: Any) -> None:
        """Like ``create_table``."""
        self.create_table(request.table)

    def alter_table(self, database: str, name: str, new: Any) -> None:
        """Raises InvalidOperationException."""
        self._alterations.alter(place(database), name, new)

    def alter_table_with_environment_context(self, database: str, name: str, new: Any, context: Any) -> None:
        """With ``expected_parameter_key`` and ``…_value`` only if the table's parameter is what the client saw."""
        properties = dict(context.properties or {}) if context is not None else {}
        self._alterations.alter(place(database), name, new, properties=properties)

    def alter_table_with_cascade(self, database: str, name: str, new: Any, cascade: bool) -> None:
        """``cascade``: the columns of the partitions too."""
        self._alterations.alter(
            place(database), name, new, properties={"CASCADE": str(bool(cascade)).lower()}
        )

    def alter_table_req(self, request: Any) -> Any:
        """Like ``alter_table_with_environment_context``."""
        where = place(request.dbName, request.catName)
        context = request.environmentContext
        properties = dict(context.properties or {}) if context is not None else {}
        self._alterations.alter(where, request.tableName, request.table, properties=properties)
        return self._types.AlterTableResponse()

    # -- delete --------------------------------------------------------------------------------------

    def drop_table(self, database: str, name: str, delete_data: bool) -> None:
        """With the data of a managed table if ``delete_data``. Raises NoSuchObjectException."""
        self.drop(place(database), name, delete_data=bool(delete_data))

    def drop_table_with_environment_context(
        self, database: str, name: str, delete_data: bool, context: Any
    ) -> None:
        """Like ``drop_table``."""
        self.drop_table(database, name, delete_data)

    def truncate_table(self, database: str, name: str, partitions: list[str] | None) -> None:
        """Delete the data of a managed table, or of some of its partitions, and keep the table."""
        table = self._found(place(database), name)
        if not is_managed(table):
            raise meta(f"Table {table['Name']} is not managed: its data is not the catalog's to delete")
        if is_iceberg(table):
            raise meta(f"{table['Name']} is an Iceberg table: delete its rows with a client of Iceberg")
        within = {**place(database), "TableName": table["Name"]}
        locations = [(table.get("StorageDescriptor") or {}).get("Location")]
        if table.get("PartitionKeys"):
            every = self._calls.pages("GetPartitions", "Partitions", **within)
            chosen = [
                shown.sd.location
                for shown in (self._shapes.partition(one, table) for one in every)
                if not partitions
                or names.partition_name([k["Name"] for k in table["PartitionKeys"]], shown.values)
                in partitions
            ]
            locations = chosen
        for location in locations:
            self._data.check(location)
        for location in locations:
            self._data.delete(location)

    def drop(self, where: dict[str, Any], name: str, *, delete_data: bool) -> None:
        """Delete a table. Raises EntityNotFoundException."""
        table = self._found(where, name, follow=False)
        locations: list[str | None] = []
        if delete_data and is_managed(table):
            locations = self._locations(where, table)
            for location in locations:
                self._data.check(location)
        self._calls("DeleteTable", Name=table["Name"], **where)
        for location in locations:
            self._data.delete(location)

    # -- for the others ------------------------------------------------------------------------------

    def names(self, where: dict[str, Any]) -> list[str]:
        """The names of a database's tables, in order. Raises EntityNotFoundException."""
        listed = self._calls.pages("GetTables", "TableList", AttributesToGet=["NAME"], **where)
        return [one["Name"] for one in listed]

    def default_location(self, where: dict[str, Any], name: str) -> str:
        """Where a table is that nobody has given a place. Raises EntityNotFoundException."""
        database = self._calls("GetDatabase", Name=where["DatabaseName"], **catalog_of(where))["Database"]
        return f"{self._shapes.database(database).locationUri.rstrip('/')}/{name.lower()}"

    def _locations(self, where: dict[str, Any], table: dict[str, Any]) -> list[str | None]:
        """Where a table has data: its own place, and those of partitions elsewhere."""
        own = (table.get("StorageDescriptor") or {}).get("Location")
        found = [own]
        if table.get("PartitionKeys"):
            pages = self._calls.pages(
                "GetPartitions", "Partitions", TableName=table["Name"], ExcludeColumnSchema=True, **where
            )
            for one in pages:
                location = (one.get("StorageDescriptor") or {}).get("Location")
                if location and not (own and location.startswith(own.rstrip("/") + "/")):
                    found.append(location)
        return found

    def _shown(self, where: dict[str, Any], name: str) -> Any:
        own = place(where["DatabaseName"])["DatabaseName"].lower()
        return self._shapes.table(self._found(where, name), database=own, name=name.lower())

    def _found(self, where: dict[str, Any], name: str, *, follow: bool = True) -> dict[str, Any]:
        if not where["DatabaseName"] or not name:
            raise no_such(f"{where['DatabaseName']}.{name} table not found")
        try:
            table: dict[str, Any] = self._calls("GetTable", Name=name, **where)["Table"]
        except ServiceError as error:
            if error.code == "EntityNotFoundException":
                raise no_such(f"{where['DatabaseName']}.{name} table not found") from None
            raise
        target = table.get("TargetTable") if follow else None
        if target and target.get("DatabaseName") and target.get("Name"):
            table = self._calls("GetTable", **inputs.present(**target))["Table"]
        return table

    def _several(self, where: dict[str, Any], wanted: Sequence[str] | None) -> list[Any]:
        found = []
        for name in dict.fromkeys((one or "").lower() for one in wanted or []):
            try:
                found.append(self._shown(where, name))
            except Failure as failure:
                if failure.kind != "NoSuchObjectException":
                    raise
        return found

    def _columns(self, database: str, name: str) -> Any:
        try:
            return self._shown(place(database), name)
        except Failure as failure:
            raise Failure("UnknownTableException", failure.message) from None

    def _listed(self, where: dict[str, Any]) -> Iterator[dict[str, Any]]:
        return self._calls.pages("GetTables", "TableList", **where)
