"""Tables as a session uses them: resolving names, reading, writing, existence. Owns the session's temporary views and
its current catalog and database."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from awsglue._runtime.catalog.glue import GlueApi, already_exists, schema_not_found, table_not_found
from awsglue._runtime.catalog.names import SESSION_CATALOG, TableName, resolve, split_identifier
from awsglue._runtime.delta.catalog import is_delta
from awsglue._runtime.hudi.catalog import is_hudi
from awsglue._runtime.iceberg.catalog import IcebergCatalog
from awsglue._runtime.iceberg.requests import TableWrite


class Tables:
    """Catalogs, databases, tables and views of one session."""

    def __init__(self, services: Any) -> None:
        self._services = services
        self.glue = GlueApi()
        self.catalog = services.conf.get("spark.sql.defaultCatalog", SESSION_CATALOG)
        self.database = "default"
        self.views: dict[str, Any] = {}
        self._iceberg: dict[str, IcebergCatalog] = {}

    # names
    @property
    def catalogs(self) -> frozenset[str]:
        """Iceberg catalogs that are configured."""
        prefix = "spark.sql.catalog."
        names = {
            key[len(prefix) :]
            for key, value in self._services.conf.items()
            if key.startswith(prefix) and "." not in key[len(prefix) :] and "SparkCatalog" in value
        }
        formats = self._services.state.arguments.get("--datalake-formats", "")
        if "iceberg" in formats.lower():
            names.add("glue_catalog")
        return frozenset(names - {SESSION_CATALOG})

    def name(self, text: str | list[str]) -> TableName:
        parts = split_identifier(text) if isinstance(text, str) else text
        name = resolve(parts, catalogs=self.catalogs, catalog=self.catalog, database=self.database)
        if name.catalog not in self.catalogs | {SESSION_CATALOG}:
            raise table_not_found(".".join(f"`{part}`" for part in parts))
        return name

    def iceberg(self, catalog: str) -> IcebergCatalog:
        """The Iceberg catalog of this name; the session catalog serves Iceberg tables too."""
        prefix = f"spark.sql.catalog.{catalog}."
        settings = {
            key[len(prefix) :]: value for key, value in self._services.conf.items() if key.startswith(prefix)
        }
        made = self._iceberg.get(catalog)
        if made is None or made.settings != settings:
            made = IcebergCatalog(catalog, settings, self.glue, self._services.scratch)
            self._iceberg[catalog] = made
        return made

    # reading
    def view(self, parts: list[str]) -> Any:
        """The temporary view these parts name, or None."""
        if len(parts) == 2 and parts[0].lower() == "global_temp":
            return self.views.get("global_temp." + parts[1].lower())
        return self.views.get(parts[0].lower()) if len(parts) == 1 else None

    def frame(self, text: str, options: dict[str, str]) -> Any:
        """A DataFrame over a temporary view or a table. Raises AnalysisException (TABLE_OR_VIEW_NOT_FOUND)."""
        parts = split_identifier(text)
        view = self.view(parts)
        if view is not None:
            return view
        return self.table_frame(self.name(parts), options)

    def table_frame(self, name: TableName, options: dict[str, str] | None = None) -> Any:
        lower = {key.lower(): value for key, value in (options or {}).items()}
        row = self.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        if is_iceberg(row):
            return self._iceberg_frame(name, lower)
        if name.catalog != SESSION_CATALOG:
            raise table_not_found(name.shown)
        if is_view(row):
            return self._services.statements.view_frame(name, row)
        return self.keeper(row).frame(row, lower)

    @cached_property
    def hive(self) -> Any:
        from awsglue._runtime.catalog.hive import HiveTables

        return HiveTables(self._services, self.glue)

    @cached_property
    def delta(self) -> Any:
        from awsglue._runtime.delta.catalog import DeltaTables

        return DeltaTables(self._services, self.glue)

    @cached_property
    def hudi(self) -> Any:
        from awsglue._runtime.hudi.catalog import HudiTables

        return HudiTables(self._services, self.glue)

    def keeper(self, row: dict[str, Any]) -> Any:
        """Who reads and writes a table of the session catalog that is not Iceberg's."""
        return self.delta if is_delta(row) else self.hudi if is_hudi(row) else self.hive

    def _asked(self, format_name: str, row: dict[str, Any] | None) -> Any:
        """Who writes a table in this format; without one, the keeper of what is there."""
        if format_name == "delta":
            return self.delta
        if format_name in ("hudi", "org.apache.hudi"):
            return self.hudi
        return self.hive if row is None or format_name else self.keeper(row)

    def _iceberg_frame(self, name: TableName, options: dict[str, str]) -> Any:
        from awsglue._runtime.iceberg import inspect, snapshots

        catalog = self.iceberg(name.catalog)
        table = catalog.load(name)
        if name.metadata:
            return self._services.session.createDataFrame(*inspect.rows(table, name.metadata))
        snapshot_id = snapshots.chosen(table, options)
        return self._services.frame(catalog.scan(table, snapshot_id))

    def load_iceberg(self, text: str, options: dict[str, str]) -> Any:
        """`spark.read.format("iceberg").load(name or path)`."""
        if "/" not in text:
            return self.frame(text, options)
        from awsglue._runtime.failures import EngineRefused

        raise EngineRefused("reading an Iceberg table by path")

    def exists(self, text: str, database: str | None = None) -> bool:
        parts = split_identifier(text)
        if database:
            parts = [*split_identifier(database), *parts]
        if self.view(parts) is not None:
            return True
        name = self.name(parts)
        row = self.glue.table(name.database, name.table)
        if row is None:
            return False
        return name.catalog == SESSION_CATALOG or is_iceberg(row)

    # writing
    def write_v2(self, request: TableWrite) -> None:
        """df.writeTo(…).<action>()."""
        from awsglue._runtime.iceberg import writes

        name = self.name(request.table)
        if name.catalog == SESSION_CATALOG and not self._iceberg_in_session(name, request):
            row = self.glue.table(name.database, name.table)
            keeper = self._asked(request.provider, row)
            if keeper is self.hive:
                self.hive.write_v2(name, request)
            else:
                keeper.write_v2(name, request, row)
            return
        writes.run(self, self._services, name, request)

    def _iceberg_in_session(self, name: TableName, request: TableWrite) -> bool:
        row = self.glue.table(name.database, name.table)
        return request.provider == "iceberg" or (row is not None and is_iceberg(row))

    def save_as_table(self, text: str, request: Any) -> None:
        """df.write.saveAsTable(name)."""
        name = self.name(text)
        row = self.glue.table(name.database, name.table)
        format_name = request.format or ("iceberg" if name.catalog != SESSION_CATALOG else "")
        if format_name == "iceberg" or (row is not None and is_iceberg(row)):
            self._save_iceberg(name, request, row)
            return
        if name.catalog != SESSION_CATALOG:
            raise table_not_found(name.shown)
        self._asked(format_name, row).save_as_table(name, request, row)

    def _save_iceberg(self, name: TableName, request: Any, row: Any) -> None:
        from awsglue._runtime.iceberg import writes

        action = (
            "create"
            if row is None
            else {
                "append": "append",
                "overwrite": "createOrReplace",
                "ignore": "",
                "error": "fail",
                "errorifexists": "fail",
            }[request.mode]
        )
        if action == "fail":
            raise already_exists(name.shown)
        if action:
            fields = [_identity(column) for column in request.partition_by]
            writes.run(
                self,
                self._services,
                name,
                TableWrite(
                    action=action,
                    table=name.shown,
                    frame=request.frame,
                    provider="iceberg",
                    partitioned_by=fields,
                    options=request.options,
                ),
            )

    def insert_into(self, text: str, request: Any) -> None:
        """df.write.insertInto(name): by position."""
        name = self.name(text)
        row = self.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        if is_iceberg(row):
            from awsglue._runtime.iceberg import writes

            dynamic = (
                self._services.conf.get("spark.sql.sources.partitionOverwriteMode", "").lower() == "dynamic"
            )
            action = (
                "append"
                if request.mode != "overwrite"
                else "overwritePartitions"
                if dynamic
                else "overwriteAll"
            )
            columns = [item.name for item in self.iceberg(name.catalog).load(name).schema().fields]
            frame = by_position(request.frame, columns, name.shown)
            writes.run(self, self._services, name, TableWrite(action=action, table=name.shown, frame=frame))
            return
        keeper = self.keeper(row)
        frame = by_position(
            request.frame, keeper.columns(row).names, f"`{row['DatabaseName']}`.`{row['Name']}`"
        )
        lower = {key.lower(): value for key, value in request.options.items()}
        mode = lower.get("partitionoverwritemode") or self._services.conf.get(
            "spark.sql.sources.partitionOverwriteMode", ""
        )
        keeper.insert(
            row,
            frame,
            overwrite=request.mode == "overwrite",
            static={},
            dynamic=mode.lower() == "dynamic",
            options=request.options,
        )

    # databases
    def databases(self) -> list[dict[str, Any]]:
        return self.glue.databases()

    def use(self, parts: list[str]) -> None:
        """USE / setCurrentDatabase. Raises AnalysisException (SCHEMA_NOT_FOUND)."""
        rest = list(parts)
        if rest[0] in self.catalogs | {SESSION_CATALOG}:
            self.catalog = rest.pop(0)
            self.database = "default"
        if rest:
            if rest[0].lower() != "default" and self.glue.database(rest[0].lower()) is None:
                raise schema_not_found(rest[0])
            self.database = rest[0].lower()


def _identity(column: str) -> Any:
    from awsglue._runtime.iceberg.partitioning import PartitionField

    return PartitionField(transform="identity", column=column)


def by_position(frame: Any, columns: list[str], shown: str) -> Any:
    """The frame's columns under the table's names, in order. Raises AnalysisException on a different number."""
    from pyspark.errors import AnalysisException

    if len(frame.columns) != len(columns):
        kind = "NOT_ENOUGH" if len(frame.columns) < len(columns) else "TOO_MANY"
        raise AnalysisException(
            f"[INSERT_COLUMN_ARITY_MISMATCH.{kind}_DATA_COLUMNS] Cannot write to {shown}, the reason is "
            f"{kind.lower().replace('_', ' ')} data columns:\nTable columns: {', '.join(columns)}.\n"
            f"Data columns: {', '.join(frame.columns)}."
        )
    return frame.toDF(*columns)


def is_iceberg(row: dict[str, Any]) -> bool:
    return str(row.get("Parameters", {}).get("table_type", "")).upper() == "ICEBERG"


def is_view(row: dict[str, Any]) -> bool:
    return row.get("TableType") == "VIRTUAL_VIEW"
