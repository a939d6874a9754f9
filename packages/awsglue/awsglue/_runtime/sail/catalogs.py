"""`spark.catalog` and temporary views of the Connect client, served by our own tables."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.catalog.names import SESSION_CATALOG, matches, split_identifier


def install() -> None:
    """Patch Catalog and the view methods of DataFrame."""
    _views()
    _catalog()


def _tables() -> Any:
    from awsglue._runtime.sail.facade import services

    return services().tables


def _views() -> None:
    from pyspark.errors import AnalysisException
    from pyspark.sql.connect.dataframe import DataFrame

    def method(*, replace: bool, prefix: str = "") -> Any:
        def create(self: Any, name: str) -> None:
            views = _tables().views
            key = prefix + split_identifier(name)[-1].lower()
            if not replace and key in views:
                raise AnalysisException(
                    f"[TEMP_TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create the temporary view `{name}` because it already "
                    "exists.\nChoose a different name, drop or replace the existing view,  or add the IF NOT EXISTS "
                    "clause to tolerate pre-existing views."
                )
            self.schema  # noqa: B018 - a view over a wrong plan fails here, as in Spark
            views[key] = self

        return create

    DataFrame.createTempView = method(replace=False)  # type: ignore[method-assign]
    DataFrame.createOrReplaceTempView = method(replace=True)  # type: ignore[method-assign]
    DataFrame.createGlobalTempView = method(replace=False, prefix="global_temp.")  # type: ignore[method-assign]
    DataFrame.createOrReplaceGlobalTempView = method(replace=True, prefix="global_temp.")  # type: ignore[method-assign]
    DataFrame.registerTempTable = method(replace=True)  # type: ignore[attr-defined]


def _catalog() -> None:
    from pyspark.sql.catalog import CatalogMetadata, Column, Database, Table
    from pyspark.sql.connect.catalog import Catalog

    def list_databases(self: Any, pattern: str | None = None) -> list[Any]:
        return [Database(name=row["Name"], catalog=_tables().catalog, description=row.get("Description"),
                         locationUri=row.get("LocationUri", ""))
                for row in _tables().databases() if matches(pattern, row["Name"])]

    def shown(row: dict[str, Any], database: str) -> Any:
        from awsglue._runtime.catalog.tables import is_view

        return Table(name=row["Name"], catalog=_tables().catalog, namespace=[database],
                     description=row.get("Description"),
                     tableType="VIEW" if is_view(row) else "EXTERNAL" if row.get("TableType") == "EXTERNAL_TABLE"
                     else "MANAGED", isTemporary=False)

    def list_tables(self: Any, dbName: str | None = None, pattern: str | None = None) -> list[Any]:
        tables = _tables()
        database = split_identifier(dbName)[-1].lower() if dbName else tables.database
        listed = database != "default" or tables.glue.database("default") is not None
        found = [shown(row, database) for row in tables.glue.tables(database)] if listed else []
        found += [Table(name=name, catalog=None, namespace=[], description=None, tableType="TEMPORARY",
                        isTemporary=True) for name in tables.views if "." not in name]
        return [item for item in found if matches(pattern, item.name)]

    def get_table(self: Any, tableName: str) -> Any:
        from awsglue._runtime.catalog.glue import table_not_found

        tables = _tables()
        if tables.view(split_identifier(tableName)) is not None:
            return Table(name=tableName, catalog=None, namespace=[], description=None, tableType="TEMPORARY",
                         isTemporary=True)
        name = tables.name(tableName)
        row = tables.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        return shown(row, name.database)

    def list_columns(self: Any, tableName: str, dbName: str | None = None) -> list[Any]:
        text = f"{dbName}.{tableName}" if dbName else tableName
        frame = _tables().frame(text, {})
        name = _tables().name(text) if _tables().view(split_identifier(text)) is None else None
        row = _tables().glue.table(name.database, name.table) if name else None
        keys = {item["Name"].lower() for item in (row or {}).get("PartitionKeys", ())}
        return [Column(name=item.name, description=(item.metadata or {}).get("comment"),
                       dataType=item.dataType.simpleString(), nullable=item.nullable,
                       isPartition=item.name.lower() in keys, isBucket=False, isCluster=False)
                for item in frame.schema.fields]

    def drop_view(self: Any, viewName: str) -> bool:
        return _tables().views.pop(viewName.lower(), None) is not None

    def drop_global(self: Any, viewName: str) -> bool:
        return _tables().views.pop("global_temp." + viewName.lower(), None) is not None

    def database_exists(self: Any, dbName: str) -> bool:
        return _tables().glue.database(split_identifier(dbName)[-1].lower()) is not None

    def get_database(self: Any, dbName: str) -> Any:
        from awsglue._runtime.catalog.glue import schema_not_found

        row = _tables().glue.database(split_identifier(dbName)[-1].lower())
        if row is None:
            raise schema_not_found(dbName)
        return Database(name=row["Name"], catalog=_tables().catalog, description=row.get("Description"),
                        locationUri=row.get("LocationUri", ""))

    def table_exists(self: Any, tableName: str, dbName: str | None = None) -> bool:
        return bool(_tables().exists(tableName, dbName))

    def set_catalog(self: Any, catalogName: str) -> None:
        _tables().use([catalogName])

    def list_catalogs(self: Any, pattern: str | None = None) -> list[Any]:
        names = sorted({SESSION_CATALOG, *_tables().catalogs})
        return [CatalogMetadata(name=name, description=None) for name in names if matches(pattern, name)]

    Catalog.currentDatabase = lambda self: _tables().database  # type: ignore[method-assign]
    Catalog.setCurrentDatabase = lambda self, dbName: _tables().use(split_identifier(dbName))  # type: ignore
    Catalog.currentCatalog = lambda self: _tables().catalog  # type: ignore[method-assign]
    Catalog.setCurrentCatalog = set_catalog  # type: ignore[method-assign]
    Catalog.listCatalogs = list_catalogs  # type: ignore[method-assign]
    Catalog.listDatabases = list_databases  # type: ignore[method-assign]
    Catalog.databaseExists = database_exists  # type: ignore[method-assign]
    Catalog.getDatabase = get_database  # type: ignore[method-assign]
    Catalog.listTables = list_tables  # type: ignore[method-assign]
    Catalog.getTable = get_table  # type: ignore[method-assign]
    Catalog.tableExists = table_exists  # type: ignore[method-assign]
    Catalog.listColumns = list_columns  # type: ignore[method-assign]
    Catalog.dropTempView = drop_view  # type: ignore[method-assign]
    Catalog.dropGlobalTempView = drop_global  # type: ignore[method-assign]
    # Nothing is held that could be stale: every read lists and looks up anew.
    Catalog.refreshTable = lambda self, tableName: None  # type: ignore[method-assign]
    Catalog.refreshByPath = lambda self, path: None  # type: ignore[method-assign]
    Catalog.clearCache = lambda self: None  # type: ignore[method-assign]
