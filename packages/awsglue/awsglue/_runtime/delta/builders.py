"""Builders of `delta.tables`: new tables, and OPTIMIZE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awsglue._runtime.delta import upkeep
from awsglue._runtime.failures import EngineRefused


class DeltaTableBuilder:
    """Collects what a new table is to be."""

    def __init__(self, table: Any, spark: Any, action: str) -> None:
        self._table = table
        self._spark = spark
        self._action = action
        self._name = ""
        self._location = ""
        self._comment = ""
        self._columns: list[Any] = []
        self._partitions: list[str] = []
        self._properties: dict[str, str] = {}

    def tableName(self, identifier: str) -> DeltaTableBuilder:
        """The table's name in the catalog."""
        self._name = identifier
        return self

    def location(self, location: str) -> DeltaTableBuilder:
        """Where the table's files are."""
        self._location = location
        return self

    def comment(self, comment: str) -> DeltaTableBuilder:
        """The table's description."""
        self._comment = comment
        return self

    def addColumn(
        self,
        colName: Any,
        dataType: Any = None,
        nullable: bool = True,
        generatedAlwaysAs: Any = None,
        generatedByDefaultAs: Any = None,
        comment: str | None = None,
    ) -> DeltaTableBuilder:
        """One column, as name and type or as a StructField."""
        from pyspark.sql.types import StructField

        if generatedAlwaysAs is not None or generatedByDefaultAs is not None:
            raise EngineRefused("generated columns of Delta tables")
        if isinstance(colName, StructField):
            self._columns.append(colName)
            return self
        kind = dataType
        if isinstance(dataType, str):
            kind = self._services.parse_ddl(f"c {dataType}").fields[0].dataType
        metadata = {"comment": comment} if comment else None
        self._columns.append(StructField(colName, kind, nullable, metadata))
        return self

    def addColumns(self, cols: Any) -> DeltaTableBuilder:
        """Columns of a StructType, or a list of StructFields."""
        self._columns += list(getattr(cols, "fields", cols))
        return self

    def partitionedBy(self, *cols: Any) -> DeltaTableBuilder:
        """The partition columns."""
        self._partitions = list(cols[0]) if cols and isinstance(cols[0], (list, tuple)) else list(cols)
        return self

    def clusterBy(self, *cols: Any) -> DeltaTableBuilder:
        """Not served."""
        raise EngineRefused("clustered Delta tables")

    @property
    def _services(self) -> Any:
        from awsglue._runtime.engine import services

        return services(self._spark)

    def property(self, key: str, value: str) -> DeltaTableBuilder:
        """A table property."""
        self._properties[key] = value
        return self

    def execute(self) -> Any:
        """Make the table. Raises AnalysisException as CREATE TABLE does."""
        from pyspark.sql.types import StructType

        services = self._services
        schema = StructType(self._columns)
        if not self._name:
            if not self._location:
                raise ValueError("Table name or location has to be specified")
            return self._by_path(services, schema)
        tables = services.tables
        name = tables.name(self._name)
        row = tables.glue.table(name.database, name.table)
        from awsglue._runtime.catalog.glue import already_exists, table_not_found

        if row is not None and self._action == "create":
            raise already_exists(name.shown)
        if row is None and self._action == "replace":
            raise table_not_found(name.shown)
        if row is None or self._action != "createIfNotExists":
            tables.delta.create(name, self._spec(schema), None, row)
        return self._table.forName(self._spark, self._name)

    def _spec(self, schema: Any) -> dict[str, Any]:
        return {
            "location": self._location,
            "properties": self._properties,
            "comment": self._comment,
            "partitioned": self._partitions,
            "columns": schema if schema.fields else None,
        }

    def _by_path(self, services: Any, schema: Any) -> Any:
        from pyspark.errors import AnalysisException

        from awsglue._runtime.delta import lake

        there = lake.exists(self._location)
        if there and self._action == "create":
            raise AnalysisException(
                f"[DELTA_TABLE_ALREADY_EXISTS] Table delta.`{self._location}` already exists."
            )
        if there and self._action != "createIfNotExists":
            raise EngineRefused("replacing a Delta table by its path")
        if not there:
            settings = {key: value for key, value in self._properties.items() if key.startswith("delta.")}
            services.tables.delta.empty(self._location, schema, self._partitions, settings)
        return self._table.forPath(self._spark, self._location)


class DeltaOptimizeBuilder:
    """OPTIMIZE of one table."""

    def __init__(self, services: Any, load: Callable[[], Any]) -> None:
        self._services = services
        self._load = load

    def where(self, partitionFilter: str) -> DeltaOptimizeBuilder:
        """Not served."""
        raise EngineRefused("OPTIMIZE … WHERE")

    def executeCompaction(self) -> Any:
        """Make few large files of many small ones."""
        return upkeep.optimize(self._services, self._load(), [])

    def executeZOrderBy(self, *cols: Any) -> Any:
        """Order rows along several columns."""
        names = list(cols[0]) if cols and isinstance(cols[0], (list, tuple)) else list(cols)
        return upkeep.optimize(self._services, self._load(), names)
