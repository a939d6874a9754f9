"""`spark.catalog` over our own tables: the methods, for either engine's Catalog class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awsglue._runtime.catalog.names import SESSION_CATALOG, matches, split_identifier


def methods(services: Callable[[], Any]) -> dict[str, Any]:
    """Method name → function(self, …)."""
    from pyspark.sql.catalog import CatalogMetadata, Column, Database, Table

    def _tables() -> Any:
        return services().tables

    def temporary(parts: list[str]) -> bool:
        return _tables().view(parts) is not None or services().native_view(parts)

    def list_databases(self: Any, pattern: str | None = None) -> list[Any]:
        return [
            Database(
                name=row["Name"],
                catalog=_tables().catalog,
                description=row.get("Description"),
                locationUri=row.get("LocationUri", ""),
            )
            for row in _tables().databases()
            if matches(pattern, row["Name"])
        ]

    def shown(row: dict[str, Any], database: str) -> Any:
        from awsglue._runtime.catalog.tables import is_view

        return Table(
            name=row["Name"],
            catalog=_tables().catalog,
            namespace=[database],
            description=row.get("Description"),
            tableType="VIEW"
            if is_view(row)
            else "EXTERNAL"
            if row.get("TableType") == "EXTERNAL_TABLE"
            else "MANAGED",
            isTemporary=False,
        )

    def list_tables(self: Any, dbName: str | None = None, pattern: str | None = None) -> list[Any]:
        tables = _tables()
        database = split_identifier(dbName)[-1].lower() if dbName else tables.database
        listed = database != "default" or tables.glue.database("default") is not None
        found = [shown(row, database) for row in tables.glue.tables(database)] if listed else []
        found += [
            Table(
                name=name,
                catalog=None,
                namespace=[],
                description=None,
                tableType="TEMPORARY",
                isTemporary=True,
            )
            for name in services().view_names()
        ]
        return [item for item in found if matches(pattern, item.name)]

    def get_table(self: Any, tableName: str) -> Any:
        from awsglue._runtime.catalog.glue import table_not_found

        tables = _tables()
        if temporary(split_identifier(tableName)):
            return Table(
                name=tableName,
                catalog=None,
                namespace=[],
                description=None,
                tableType="TEMPORARY",
                isTemporary=True,
            )
        name = tables.name(tableName)
        row = tables.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        return shown(row, name.database)

    def list_columns(self: Any, tableName: str, dbName: str | None = None) -> list[Any]:
        text = f"{dbName}.{tableName}" if dbName else tableName
        frame = services().table(text)
        name = _tables().name(text) if not temporary(split_identifier(text)) else None
        row = _tables().glue.table(name.database, name.table) if name else None
        keys = {item["Name"].lower() for item in (row or {}).get("PartitionKeys", ())}
        return [
            Column(
                name=item.name,
                description=(item.metadata or {}).get("comment"),
                dataType=item.dataType.simpleString(),
                nullable=item.nullable,
                isPartition=item.name.lower() in keys,
                isBucket=False,
                isCluster=False,
            )
            for item in frame.schema.fields
        ]

    def database_exists(self: Any, dbName: str) -> bool:
        return _tables().glue.database(split_identifier(dbName)[-1].lower()) is not None

    def get_database(self: Any, dbName: str) -> Any:
        from awsglue._runtime.catalog.glue import schema_not_found

        row = _tables().glue.database(split_identifier(dbName)[-1].lower())
        if row is None:
            raise schema_not_found(dbName)
        return Database(
            name=row["Name"],
            catalog=_tables().catalog,
            description=row.get("Description"),
            locationUri=row.get("LocationUri", ""),
        )

    def table_exists(self: Any, tableName: str, dbName: str | None = None) -> bool:
        parts = split_identifier(tableName)
        return (not dbName and services().native_view(parts)) or bool(_tables().exists(tableName, dbName))

    def set_catalog(self: Any, catalogName: str) -> None:
        _tables().use([catalogName])

    def list_catalogs(self: Any, pattern: str | None = None) -> list[Any]:
        names = sorted({SESSION_CATALOG, *_tables().catalogs})
        return [CatalogMetadata(name=name, description=None) for name in names if matches(pattern, name)]

    return {
        "currentDatabase": lambda self: _tables().database,
        "setCurrentDatabase": lambda self, dbName: _tables().use(split_identifier(dbName)),
        "currentCatalog": lambda self: _tables().catalog,
        "setCurrentCatalog": set_catalog,
        "listCatalogs": list_catalogs,
        "listDatabases": list_databases,
        "databaseExists": database_exists,
        "getDatabase": get_database,
        "listTables": list_tables,
        "getTable": get_table,
        "tableExists": table_exists,
        "listColumns": list_columns,
        # Nothing of a table is held that could be stale: every read lists and looks up anew.
        "refreshTable": lambda self, tableName: None,
        "refreshByPath": lambda self, path: None,
    }
