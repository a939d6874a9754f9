"""Hudi tables of the Glue catalog in a session: reading, inserting, saveAsTable, CREATE TABLE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.catalog.glue import already_exists, schema_not_found
from awsglue._runtime.catalog.names import TableName
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi import avro, lake, options, saving, syncing, writing
from awsglue._runtime.hudi.errors import HoodieException
from awsglue._runtime.hudi.options import WRITE
from awsglue._runtime.hudi.writing import Outcome
from awsglue._runtime.io.writing import WriteRequest

INSERT_OPERATION = "hoodie.spark.sql.insert.into.operation"
# What CREATE TABLE calls the settings of the writer.
_SHORT = {
    "primarykey": "hoodie.table.recordkey.fields",
    "precombinefield": "hoodie.table.precombine.field",
    "type": "hoodie.table.type",
    "payloadclass": "hoodie.compaction.payload.class",
}
_TYPES = {"cow": "COPY_ON_WRITE", "mor": "MERGE_ON_READ"}


def is_hudi(row: dict[str, Any]) -> bool:
    """Whether a catalog entry is of a Hudi table: as Hudi's sync, Spark, Athena or a crawler made it."""
    parameters = row.get("Parameters") or {}
    names = ("spark.sql.sources.provider", "table_type", "classification")
    if any(str(parameters.get(name, "")).lower() == "hudi" for name in names):
        return True
    return "org.apache.hudi." in ((row.get("StorageDescriptor") or {}).get("InputFormat") or "")


def location(row: dict[str, Any]) -> str:
    """Where the table is."""
    storage = row.get("StorageDescriptor") or {}
    path = ((storage.get("SerdeInfo") or {}).get("Parameters") or {}).get("path")
    return lake.plain(str(path or storage.get("Location") or ""))


class HudiTables:
    """Hudi tables of one session's catalog."""

    def __init__(self, services: Any, glue: Any) -> None:
        self._services = services
        self._glue = glue

    def frame(self, row: dict[str, Any], given: dict[str, str]) -> Any:
        """A DataFrame over a catalog table."""
        asked = {key.lower(): value for key, value in given.items()}
        if "versionasof" in asked:
            raise EngineRefused("VERSION AS OF on a Hudi table", "use TIMESTAMP AS OF")
        if "timestampasof" in asked:
            asked["as.of.instant"] = asked.pop("timestampasof")
        serde = (row.get("StorageDescriptor") or {}).get("SerdeInfo") or {}
        if (serde.get("Parameters") or {}).get("hoodie.query.as.ro.table", "false").lower() == "true":
            asked.setdefault("hoodie.datasource.query.type", "read_optimized")
        frame = lake.frame(self._services, location(row), asked)
        # To Spark's catalog the columns of partitions are the last ones.
        keys = [item["Name"].lower() for item in row.get("PartitionKeys") or ()]
        order = sorted(
            frame.columns, key=lambda name: keys.index(name.lower()) + 1 if name.lower() in keys else 0
        )
        return frame if order == frame.columns else frame.select(*[f"`{name}`" for name in order])

    def columns(self, row: dict[str, Any]) -> Any:
        """StructType of the columns that a statement may write, in the catalog's order."""
        schema = self.frame(row, {}).schema
        return type(schema)([item for item in schema.fields if item.name not in lake.META])

    # writing
    def save_as_table(self, name: TableName, request: Any, row: dict[str, Any] | None) -> None:
        """df.write.format("hudi").saveAsTable(name). Raises AnalysisException."""
        path = next((value for key, value in request.options.items() if key.lower() == "path"), "")
        given = {key: value for key, value in request.options.items() if key.lower() != "path"}
        if row is not None:
            if request.mode in ("error", "errorifexists", "default"):
                raise already_exists(name.shown)
            if request.mode == "ignore":
                return
            self._save(row, replace(request, options=given))
            return
        place = lake.plain(path or self._default(name))
        given.setdefault("hoodie.table.name", name.table)
        mode = request.mode if path else "error"
        outcome = saving.save(self._services, place, replace(request, options=given, mode=mode))
        if outcome is not None:
            self._register(name, place, outcome, managed=not path)

    def _save(self, row: dict[str, Any], request: Any, *, anew: bool = False) -> None:
        """Rows into a catalog table; its entry follows."""
        table = lake.opened(self._services.storage, location(row))
        defaults = {"hoodie.table.name": table.config.name}
        outcome = saving.save(self._services, table.path, request, {**defaults, **self._keys(table)})
        if outcome is not None:
            fresh = request.mode == "overwrite" or anew
            self._register(_name(row), table.path, outcome, anew=fresh)

    def follow(self, row: dict[str, Any], path: str, outcome: Outcome) -> None:
        """The entry of a table as a commit has left it."""
        self._register(_name(row), path, outcome)

    def _keys(self, table: Any) -> dict[str, str]:
        """The writer's options as the table has them, for writes that need not say them."""
        config = table.config
        found = {
            WRITE + "recordkey.field": ",".join(config.record_keys),
            WRITE + "partitionpath.field": ",".join(config.partition_fields),
            WRITE + "precombine.field": config.precombine,
            WRITE + "hive_style_partitioning": str(config.hive_style).lower(),
            WRITE + "partitionpath.urlencode": str(config.url_encode).lower(),
            WRITE + "keygenerator.class": config.key_generator,
        }
        return {key: value for key, value in found.items() if value}

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
        table = lake.opened(self._services.storage, location(row))
        schema = table.schema()
        if schema is None:
            raise HoodieException(f"table {shown} has no schema")
        given = {**self.settings(), **(options or {})}
        operation = given.pop(INSERT_OPERATION, "") or given.get(WRITE + "operation", "")
        if not operation:
            operation = "upsert" if table.config.record_keys and table.config.precombine else "insert"
        if overwrite:
            fixed = {key for key, value in static.items() if value is not None}
            partial = bool(table.config.partition_fields) and (dynamic or bool(fixed))
            if fixed and len(fixed) < len(table.config.partition_fields):
                raise EngineRefused(
                    "INSERT OVERWRITE of a Hudi table with some partition columns fixed, others not"
                )
            operation = "insert_overwrite" if partial else "insert_overwrite_table"
        given[WRITE + "operation"] = operation
        if table.config.precombine and operation != "bulk_insert":
            given.setdefault("hoodie.combine.before.insert", "true")
        frame = assignment.align_to(frame.drop(*lake.META), schema, shown)
        self._save(row, WriteRequest(format="hudi", mode="append", frame=frame, options=given))

    def write_v2(self, name: TableName, request: Any, row: dict[str, Any] | None) -> None:
        """df.writeTo(…).append(). Raises EngineRefused for the rest."""
        if row is None or request.action != "append":
            raise EngineRefused(
                f"writeTo().{request.action}() on a Hudi table", "use df.write.format('hudi')"
            )
        self.insert(row, request.frame, overwrite=False, static={}, dynamic=False)

    def settings(self) -> dict[str, str]:
        """What SET and the session's configuration say of Hudi's writer."""
        return {
            key: value
            for key, value in self._services.conf.items()
            if key.startswith("hoodie.")
            and not key.startswith(("hoodie.datasource.query.", "hoodie.datasource.read."))
        }

    # definitions
    def create(self, name: TableName, spec: dict[str, Any], frame: Any, row: dict[str, Any] | None) -> None:
        """CREATE TABLE … USING hudi, with rows when there is a frame. Raises AnalysisException; HoodieException."""
        if row is not None:
            raise EngineRefused("CREATE OR REPLACE TABLE of a Hudi table")
        path = lake.plain(spec["location"] or self._default(name))
        there = lake.find(self._services.storage, path)
        if there is not None and frame is None:
            self._adopt(name, there)
            return
        if there is not None or (not spec["location"] and self._services.storage.folder_exists(path)):
            raise HoodieException(f"the location {path} of table {name.shown} is not empty")
        partitioned = [piece.split()[0].strip("`") for piece in spec["partitioned"]]
        given = _writer_options({**spec["options"], **spec["properties"]}, name, partitioned)
        source = (
            frame if frame is not None else self._services.session.createDataFrame([], self._struct(spec))
        )
        schema = source.schema
        managed = not spec["location"]
        if frame is not None:
            ordered = [one for one in source.columns if one not in partitioned] + partitioned
            given = {WRITE + "operation": "bulk_insert", **self.settings(), **given}
            request = WriteRequest(format="hudi", mode="error", frame=source.select(*ordered), options=given)
            outcome = saving.save(self._services, path, request)
            assert outcome is not None
            self._register(name, path, outcome, managed=managed)
            return
        asked = options.parse(given, [])
        engine.mark_written()
        kept = avro.kept(schema)
        kept = type(kept)(
            [
                *(one for one in kept.fields if one.name not in partitioned),
                *(kept[one] for one in partitioned),
            ]
        )
        table = writing.create(self._services, path, asked, kept)
        nothing = Outcome(instant="000", schema=kept, written=[], dropped=[])
        self._register(name, table.path, nothing, managed=managed)

    def _struct(self, spec: dict[str, Any]) -> Any:
        typed = [piece for piece in spec["partitioned"] if " " in piece.strip()]
        return self._services.parse_ddl(", ".join([spec["columns"] or "", *typed]).strip(", "))

    def _adopt(self, name: TableName, table: Any) -> None:
        """CREATE TABLE over a table that is there: the catalog is told of it."""
        schema = table.schema()
        if schema is None:
            raise HoodieException(f"the table at {table.path} has no commit with a schema")
        written = sorted({one.partition for one in table.slices()})
        last = table.timeline.completed()
        instant = last[-1].time if last else "000"
        outcome = Outcome(instant=instant, schema=schema, written=written, dropped=[])
        self._register(name, table.path, outcome)

    def _default(self, name: TableName) -> str:
        database = self._glue.database(name.database)
        if database is None:
            raise schema_not_found(name.database)
        return str(self._services.tables.hive._default_location(database, name))

    def _register(
        self, name: TableName, path: str, outcome: Outcome, *, managed: bool = False, anew: bool = False
    ) -> None:
        if self._glue.database(name.database) is None:
            raise schema_not_found(name.database)
        table = lake.opened(self._services.storage, path)
        fields = table.config.partition_fields
        syncing.register(
            self._glue,
            table,
            outcome,
            name.database,
            name.table,
            fields,
            timestamps=True,
            managed=managed,
            anew=anew,
        )


def _name(row: dict[str, Any]) -> TableName:
    return TableName(catalog="spark_catalog", database=row["DatabaseName"], table=row["Name"])


def _writer_options(given: dict[str, str], name: TableName, partitioned: list[str]) -> dict[str, str]:
    """Options of the writer from TBLPROPERTIES and OPTIONS. Raises EngineRefused for what we do not serve."""
    made = {"hoodie.table.name": name.table, "hoodie.database.name": name.database}
    for key, value in given.items():
        short = _SHORT.get(key.lower())
        if short == "hoodie.table.type":
            value = _TYPES.get(value.lower(), value)
        if short is not None or key.lower().startswith("hoodie."):
            made[short or key] = value
    made.setdefault("hoodie.table.precombine.field", "")
    if partitioned:
        made[WRITE + "partitionpath.field"] = ",".join(partitioned)
        made.setdefault(WRITE + "hive_style_partitioning", "true")
    return made
