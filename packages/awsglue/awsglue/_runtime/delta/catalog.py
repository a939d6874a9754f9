"""Delta tables of the Glue catalog: where they are, and what the catalog is told of them. Owns nothing."""

from __future__ import annotations

from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.catalog.glue import already_exists, schema_not_found, table_input
from awsglue._runtime.catalog.hive_types import hive_type
from awsglue._runtime.catalog.names import TableName
from awsglue._runtime.delta import fitting, lake, saving, writing
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.writing import WriteRequest

_FORMATS = (
    "org.apache.hadoop.mapred.SequenceFileInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
    "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
)


def is_delta(row: dict[str, Any]) -> bool:
    """Whether a catalog entry is of a Delta table: as Spark, Athena or a crawler made it."""
    parameters = row.get("Parameters") or {}
    names = ("spark.sql.sources.provider", "table_type", "classification")
    return any(str(parameters.get(name, "")).lower() == "delta" for name in names)


def location(row: dict[str, Any]) -> str:
    """Where the table is. (Spark may leave the real place in the SerDe's parameters.)"""
    storage = row.get("StorageDescriptor") or {}
    path = ((storage.get("SerdeInfo") or {}).get("Parameters") or {}).get("path")
    return str(path or storage.get("Location") or "")


def frame(services: Any, path: str, options: dict[str, str]) -> Any:
    """A DataFrame over the table at a path, in the version that the options name."""
    if services.knows("delta"):
        return services.load("delta", path, options, None)
    return services.frame(lake.scan(services, lake.chosen(path, options)))


class DeltaTables:
    """Delta tables of one session's catalog."""

    def __init__(self, services: Any, glue: Any) -> None:
        self._services = services
        self._glue = glue

    def frame(self, row: dict[str, Any], options: dict[str, str]) -> Any:
        """A DataFrame over a catalog table."""
        return frame(self._services, location(row), options)

    def columns(self, row: dict[str, Any]) -> Any:
        """StructType of the columns that a statement may write."""
        return lake.struct(lake.open_table(location(row)))

    # writing
    def save_as_table(self, name: TableName, request: Any, row: dict[str, Any] | None) -> None:
        """df.write.format("delta").saveAsTable(name). Raises AnalysisException."""
        if row is not None:
            if request.mode in ("error", "errorifexists", "default"):
                raise already_exists(name.shown)
            if request.mode == "ignore":
                return
            self.write(row, _by_name(self._services, row, request))
            return
        options = {key.lower(): value for key, value in request.options.items()}
        place = options.get("path", "")
        path = place or self._default(name)
        if not place and lake.exists(path):
            raise _leftover(path)
        rest = {key: value for key, value in request.options.items() if key.lower() != "path"}
        mode = request.mode if place else "error"
        saving.save(
            self._services,
            path,
            WriteRequest(
                format="delta",
                mode=mode,
                frame=request.frame,
                options=rest,
                partition_by=request.partition_by,
            ),
        )
        self.register(name, path, external=bool(place))

    def write(self, row: dict[str, Any], request: Any) -> None:
        """Rows into a catalog table; the catalog's columns follow the table's."""
        if saving.save(self._services, location(row), request):
            self.refresh(row)

    def insert(
        self,
        row: dict[str, Any],
        frame: Any,
        *,
        overwrite: bool,
        static: dict[str, str | None],
        dynamic: bool,
        options: dict[str, str] | None = None,
    ) -> None:
        """INSERT INTO | OVERWRITE: by name, cast as Spark's store assignment does."""
        from awsglue._runtime.iceberg import assignment

        shown = f"`spark_catalog`.`{row['DatabaseName']}`.`{row['Name']}`"
        schema = lake.struct(lake.open_table(location(row)))
        settings = dict(options or {})
        fixed = {key: value for key, value in static.items() if value is not None}
        if overwrite and dynamic:
            settings["partitionOverwriteMode"] = "dynamic"
        elif overwrite and fixed:
            settings["replaceWhere"] = " AND ".join(f"`{key}` = {value}" for key, value in fixed.items())
        request = WriteRequest(
            format="delta",
            mode="overwrite" if overwrite else "append",
            frame=assignment.align_to(frame, schema, shown),
            options=settings,
        )
        self.write(row, request)

    def write_v2(self, name: TableName, request: Any, row: dict[str, Any] | None) -> None:
        """df.writeTo(…) on a Delta table, or with using("delta")."""
        from awsglue._runtime.catalog.glue import table_not_found
        from awsglue._runtime.iceberg.partitioning import from_column

        if request.action in ("create", "createOrReplace", "replace"):
            fields = [from_column(column) for column in request.partitioned_by]
            if any(item.transform != "identity" for item in fields):
                raise EngineRefused("partition transforms on a Delta table")
            spec = {
                "location": "",
                "properties": dict(request.properties),
                "comment": "",
                "partitioned": [item.column for item in fields],
                "columns": None,
            }
            if row is not None and request.action == "create":
                raise already_exists(name.shown)
            if row is None and request.action == "replace":
                raise table_not_found(name.shown)
            self.create(name, spec, request.frame, row)
            return
        if row is None:
            raise table_not_found(name.shown)
        if request.action == "overwrite":
            raise EngineRefused("writeTo().overwrite(condition) on a Delta table", "use option replaceWhere")
        self.insert(
            row,
            request.frame,
            overwrite=request.action != "append",
            static={},
            dynamic=request.action == "overwritePartitions",
        )

    # definitions
    def create(self, name: TableName, spec: dict[str, Any], frame: Any, row: dict[str, Any] | None) -> None:
        """CREATE [OR REPLACE] TABLE … USING delta, with rows when there is a frame. Raises AnalysisException."""
        path = spec["location"] or (location(row) if row is not None else self._default(name))
        there = lake.exists(path)
        settings = {key: value for key, value in spec["properties"].items() if key.startswith("delta.")}
        if not there and not spec["location"] and self._services.storage.folder_exists(path):
            raise _leftover(path)
        if there and row is None and not spec["location"]:
            raise _leftover(path)
        if there and frame is None and spec["columns"] is None:
            self.register(name, path, external=True, spec=spec)
            return
        partitioned = [piece.split()[0].strip("`") for piece in spec["partitioned"]]
        source = (
            frame if frame is not None else self._services.session.createDataFrame([], self._struct(spec))
        )
        if there and row is None:
            _check_same(lake.open_table(path), source.schema, partitioned)
        if frame is None and not there:
            self.empty(path, source.schema, partitioned, settings)
        else:
            saving.save(
                self._services,
                path,
                WriteRequest(
                    format="delta",
                    mode="overwrite" if there else "error",
                    frame=source,
                    options={"overwriteSchema": "true"} if there else {},
                    partition_by=partitioned,
                ),
                configuration=settings,
            )
        if row is not None:
            if not is_delta(row):
                self._glue.client.delete_table(DatabaseName=name.database, Name=name.table)
                self.register(name, path, external=bool(spec["location"]), spec=spec)
                return
            self.refresh(row)
            return
        self.register(name, path, external=bool(spec["location"]), spec=spec)

    def _struct(self, spec: dict[str, Any]) -> Any:
        if not isinstance(spec["columns"], str | None):
            return spec["columns"]
        typed = [piece for piece in spec["partitioned"] if " " in piece.strip()]
        return self._services.parse_ddl(", ".join([spec["columns"] or "", *typed]).strip(", "))

    def empty(self, path: str, schema: Any, partitioned: list[str], settings: dict[str, str]) -> None:
        """A table without rows at a path."""
        from deltalake import DeltaTable, Schema

        fitting.refuse_repeated(schema)
        fitting.refuse_odd(schema.fields)
        fitting.check_names(schema)
        by_name = {item.name.lower(): item.name for item in schema.fields}
        engine.mark_written()
        DeltaTable.create(
            lake.uri(path),
            Schema.from_json(schema.json()),
            partition_by=[by_name[column.lower()] for column in partitioned] or None,
            configuration=settings or None,
            storage_options=lake.storage_options(path),
        )

    def _default(self, name: TableName) -> str:
        database = self._glue.database(name.database)
        if database is None:
            raise schema_not_found(name.database)
        return str(self._services.tables.hive._default_location(database, name))

    def register(
        self, name: TableName, path: str, *, external: bool, spec: dict[str, Any] | None = None
    ) -> None:
        """Tell the catalog of a table that is at a path."""
        if self._glue.database(name.database) is None:
            raise schema_not_found(name.database)
        table = lake.open_table(path)
        inputs, outputs, serde = _FORMATS
        properties = {} if spec is None else spec["properties"]
        definition = {
            "Name": name.table,
            "Description": spec["comment"] if spec else "",
            "TableType": "EXTERNAL_TABLE" if external else "MANAGED_TABLE",
            "Parameters": {
                **({"EXTERNAL": "TRUE"} if external else {}),
                **{key: value for key, value in properties.items() if not key.startswith("delta.")},
                **_parameters(table),
            },
            # Delta's own log knows the partitioning; to the catalog all columns are columns.
            "PartitionKeys": [],
            "StorageDescriptor": {
                "Columns": _columns(table),
                "Location": path,
                "InputFormat": inputs,
                "OutputFormat": outputs,
                "SerdeInfo": {
                    "SerializationLibrary": serde,
                    "Parameters": {"path": path, "serialization.format": "1"},
                },
            },
        }
        self._glue.client.create_table(DatabaseName=name.database, TableInput=definition)

    def refresh(self, row: dict[str, Any]) -> None:
        """The catalog's columns as the table has them now."""
        table = lake.open_table(location(row))
        definition = table_input(row)
        columns = _columns(table)
        if definition["StorageDescriptor"].get("Columns") == columns:
            return
        definition["StorageDescriptor"] = {**definition["StorageDescriptor"], "Columns": columns}
        definition["Parameters"] = {**definition.get("Parameters", {}), **_parameters(table)}
        self._glue.client.update_table(DatabaseName=row["DatabaseName"], TableInput=definition)

    def change(self, row: dict[str, Any], compute: Any, operation: str, **more: Any) -> None:
        """A change of rows of a catalog table."""
        path = location(row)
        writing.change(self._services, lambda: lake.open_table(path), compute, operation, **more)


def _by_name(services: Any, row: dict[str, Any], request: Any) -> Any:
    """saveAsTable onto an existing table: columns by name, cast as store assignment does unless schemas may change."""
    from dataclasses import replace

    from awsglue._runtime.iceberg import assignment

    options = {key.lower(): str(value).lower() for key, value in request.options.items()}
    if "true" in (options.get("mergeschema"), options.get("overwriteschema")):
        return replace(request, format="delta")
    schema = lake.struct(lake.open_table(location(row)))
    here = {item.name.lower() for item in request.frame.schema.fields}
    if here != {item.name.lower() for item in schema.fields}:
        # Missing columns are null and new ones an error: the writer by path says so.
        return replace(request, format="delta")
    shown = f"`spark_catalog`.`{row['DatabaseName']}`.`{row['Name']}`"
    return replace(request, format="delta", frame=assignment.align_to(request.frame, schema, shown))


def _check_same(table: Any, schema: Any, partitioned: list[str]) -> None:
    """CREATE TABLE over an existing Delta table must say what it is. Raises AnalysisException."""
    from pyspark.errors import AnalysisException

    own = [(item.name, item.dataType.simpleString()) for item in lake.struct(table).fields]
    asked = [(item.name, item.dataType.simpleString()) for item in schema.fields]
    if own != asked or (partitioned and partitioned != lake.partition_columns(table)):
        raise AnalysisException(
            "[DELTA_CREATE_TABLE_SCHEME_MISMATCH] The specified schema does not match the existing schema at "
            f"{table.table_uri}."
        )


def _leftover(path: str) -> Exception:
    from pyspark.errors import AnalysisException

    from awsglue._runtime.io.storage import shown

    return AnalysisException(
        "[DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION] Cannot create table. The associated location "
        f"('{shown(path)}') is not empty and also not a Delta table of the catalog."
    )


def _parameters(table: Any) -> dict[str, str]:
    return {
        "spark.sql.sources.provider": "delta",
        "spark.sql.partitionProvider": "catalog",
        "spark.sql.create.version": engine.SPARK_VERSION,
        "spark.sql.sources.schema": lake.struct(table).json(),
        "classification": "delta",
        "table_type": "delta",
    }


def _columns(table: Any) -> list[dict[str, str]]:
    return [
        {"Name": item.name.lower(), "Type": hive_type(item.dataType)} for item in lake.struct(table).fields
    ]
