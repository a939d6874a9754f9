"""`delta.tables`: DeltaTable and its builders, by the names and signatures of Delta's own."""

from __future__ import annotations

from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.delta import lake, rowlevel, upkeep, writing
from awsglue._runtime.delta.builders import DeltaOptimizeBuilder, DeltaTableBuilder
from awsglue._runtime.delta.merging import DeltaMergeBuilder
from awsglue._runtime.delta.statements import Place, place
from awsglue._runtime.failures import EngineRefused

__all__ = ["DeltaMergeBuilder", "DeltaOptimizeBuilder", "DeltaTable", "DeltaTableBuilder"]


class DeltaTable:
    """A Delta table, by its path or its name in the catalog."""

    def __init__(self, spark: Any, target: Place, alias: str = "") -> None:
        self._spark = spark
        self._target = target
        self._alias = alias

    @property
    def _services(self) -> Any:
        return engine.services(self._spark)

    def _open(self) -> Any:
        return lake.open_table(self._target.path)

    # finding
    @classmethod
    def forPath(cls, sparkSession: Any, path: str, hadoopConf: dict[str, str] | None = None) -> DeltaTable:
        """The table at a path. Raises AnalysisException when there is none."""
        lake.open_table(path)
        return cls(sparkSession, Place(path=path))

    @classmethod
    def forName(cls, sparkSession: Any, tableOrViewName: str) -> DeltaTable:
        """The table of this name. Raises AnalysisException when it is not there, or not Delta's."""
        from pyspark.errors import AnalysisException

        from awsglue._runtime.catalog.glue import table_not_found
        from awsglue._runtime.catalog.names import split_identifier

        tables = engine.services(sparkSession).tables
        parts = split_identifier(tableOrViewName)
        found = place(tables, parts)
        if found is None:
            name = tables.name(parts)
            if tables.glue.table(name.database, name.table) is None:
                raise table_not_found(name.shown)
            raise AnalysisException(f"[DELTA_MISSING_DELTA_TABLE] {tableOrViewName} is not a Delta table.")
        return cls(sparkSession, found)

    @classmethod
    def isDeltaTable(cls, sparkSession: Any, identifier: str) -> bool:
        """Whether a Delta table is at this path."""
        return lake.exists(identifier)

    @classmethod
    def convertToDelta(cls, sparkSession: Any, identifier: str, partitionSchema: Any = None) -> DeltaTable:
        """Not served: read the Parquet files and write them as Delta."""
        raise EngineRefused("DeltaTable.convertToDelta()")

    @classmethod
    def create(cls, sparkSession: Any = None) -> DeltaTableBuilder:
        """A builder: CREATE TABLE."""
        return DeltaTableBuilder(cls, sparkSession, "create")

    @classmethod
    def createIfNotExists(cls, sparkSession: Any = None) -> DeltaTableBuilder:
        """A builder: CREATE TABLE IF NOT EXISTS."""
        return DeltaTableBuilder(cls, sparkSession, "createIfNotExists")

    @classmethod
    def replace(cls, sparkSession: Any = None) -> DeltaTableBuilder:
        """A builder: REPLACE TABLE."""
        return DeltaTableBuilder(cls, sparkSession, "replace")

    @classmethod
    def createOrReplace(cls, sparkSession: Any = None) -> DeltaTableBuilder:
        """A builder: CREATE OR REPLACE TABLE."""
        return DeltaTableBuilder(cls, sparkSession, "createOrReplace")

    # reading
    def toDF(self) -> Any:
        """The table's rows."""
        from awsglue._runtime.delta.catalog import frame

        found = frame(self._services, self._target.path, {})
        return found.alias(self._alias) if self._alias else found

    def alias(self, aliasName: str) -> DeltaTable:
        """The table under a name for conditions."""
        return DeltaTable(self._spark, self._target, aliasName)

    def history(self, limit: int | None = None) -> Any:
        """The commits, newest first."""
        return upkeep.history(self._services, self._open(), limit)

    def detail(self) -> Any:
        """Place, size and properties of the table."""
        return upkeep.detail(self._services, self._open())

    # rows
    def delete(self, condition: Any = None) -> None:
        """Delete the rows for which the condition is true; all rows without one."""
        name = self._alias or "target"
        self._change(
            lambda table: rowlevel.delete(self._services, table, name, condition), "DELETE", condition
        )

    def update(self, condition: Any = None, set: dict[str, Any] | None = None) -> None:
        """New values for the rows for which the condition is true. Raises ValueError without values."""
        if set is None:
            raise ValueError("'set' parameter must be passed as a dict")
        changes, name = dict(set), self._alias or "target"
        self._change(
            lambda table: rowlevel.update(self._services, table, name, condition, changes),
            "UPDATE",
            condition,
        )

    def _change(self, compute: Any, operation: str, condition: Any) -> None:
        writing.change(
            self._services,
            self._open,
            compute,
            operation,
            predicate=condition if isinstance(condition, str) else "",
        )

    def merge(self, source: Any, condition: Any) -> DeltaMergeBuilder:
        """A builder: MERGE INTO this table USING source ON condition."""
        return DeltaMergeBuilder(self._services, self._open, self._alias, source, condition)

    # upkeep
    def vacuum(self, retentionHours: float | None = None) -> Any:
        """Delete files that no version within the retention needs; an empty DataFrame."""
        upkeep.vacuum(self._services, self._open(), retentionHours)
        return self._spark.createDataFrame([], "path string")

    def optimize(self) -> DeltaOptimizeBuilder:
        """A builder: OPTIMIZE."""
        return DeltaOptimizeBuilder(self._services, self._open)

    def restoreToVersion(self, version: int) -> Any:
        """The table as it was at a version."""
        return self._restore(self._open(), version)

    def restoreToTimestamp(self, timestamp: str) -> Any:
        """The table as it was at a time."""
        table = self._open()
        return self._restore(table, lake.version_at(table, timestamp))

    def _restore(self, table: Any, version: int) -> Any:
        engine.mark_written()
        metrics = table.restore(version)
        if self._target.row is not None:
            self._services.tables.delta.refresh(self._target.row)
        row = [int(metrics["numRestoredFile"]), int(metrics["numRemovedFile"])]
        return self._spark.createDataFrame(
            [tuple(row)], "num_restored_files bigint, num_removed_files bigint"
        )

    def generate(self, mode: str) -> None:
        """Write a manifest of the table's files. Raises ValueError for unknown modes."""
        if mode != "symlink_format_manifest":
            raise ValueError(f"unknown mode {mode!r}: symlink_format_manifest")
        engine.mark_written()
        self._open().generate()

    def upgradeTableProtocol(self, readerVersion: int, writerVersion: int) -> None:
        """Not served."""
        raise EngineRefused("DeltaTable.upgradeTableProtocol()")

    def addFeatureSupport(self, featureName: str) -> None:
        """Not served."""
        raise EngineRefused("DeltaTable.addFeatureSupport()")
