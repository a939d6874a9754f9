"""Hive-style tables of the Glue catalog: files under locations, partitions registered one by one."""

from __future__ import annotations

from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.catalog import hive_text
from awsglue._runtime.catalog.glue import already_exists, schema_not_found, table_input
from awsglue._runtime.catalog.hive_types import FORMATS, hive_type, refuse_padded, table_format
from awsglue._runtime.catalog.names import TableName
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.iceberg import assignment
from awsglue._runtime.io.listing import DataFile, Listing, list_files
from awsglue._runtime.io.partitions import parse
from awsglue._runtime.io.storage import join
from awsglue._runtime.io.writing import WriteRequest


class HiveTables:
    """Reads and changes Hive-style tables for one session."""

    def __init__(self, services: Any, glue: Any) -> None:
        self._services = services
        self._glue = glue

    # schema and reading
    def struct(self, row: dict[str, Any]) -> tuple[Any, Any]:
        """(data columns, partition columns) as StructTypes."""
        import json

        from pyspark.sql.types import StructType

        if engine.installed() == "sail":
            refuse_padded(row)
        note = row.get("Parameters", {}).get("spark.sql.sources.schema")
        keys = row.get("PartitionKeys") or []
        names = {item["Name"].lower() for item in keys}
        if note:
            whole = StructType.fromJson(json.loads(note))
            data = StructType([item for item in whole.fields if item.name.lower() not in names])
            return data, StructType([item for item in whole.fields if item.name.lower() in names])
        return self._parsed(row["StorageDescriptor"].get("Columns") or []), self._parsed(keys)

    def _parsed(self, columns: list[dict[str, Any]]) -> Any:
        from pyspark.sql.types import StructType

        if not columns:
            return StructType([])
        ddl = ", ".join(f"`{item['Name']}` {item.get('Type', 'string')}" for item in columns)
        return self._services.parse_ddl(ddl)

    def frame(self, row: dict[str, Any], options: dict[str, str]) -> Any:
        """A DataFrame over all registered partitions (or the table's folder)."""
        data, keys = self.struct(row)
        kind = table_format(row)
        plain = kind.plain_text and hive_text.served(kind.options, data)
        scan = self._services.reading.scan(
            "text" if plain else kind.name,
            [],
            {} if plain else {**kind.options, **options},
            hive_text.scan_schema() if plain else data,
            self._services.conf,
            listing=self._listing(row, keys),
            partition_schema=keys,
        )
        frame = self._services.frame(scan)
        return hive_text.columns(frame, kind.options, data, keys) if plain else frame

    def _listing(self, row: dict[str, Any], keys: Any) -> Listing:
        names = [item.name for item in keys.fields]
        location = row["StorageDescriptor"].get("Location", "")
        if not names:
            return Listing(files=self._files(location, ()), roots=[location])
        files: list[DataFile] = []
        for item in self._glue.partitions(row["DatabaseName"], row["Name"]):
            values = [None if value == "__HIVE_DEFAULT_PARTITION__" else value for value in item["Values"]]
            folder = item.get("StorageDescriptor", {}).get("Location") or location
            files += self._files(folder, tuple(zip(names, values, strict=True)))
        return Listing(files=files, partition_names=names, roots=[location])

    def _files(self, folder: str, pairs: tuple[tuple[str, str | None], ...]) -> list[DataFile]:
        """Files of one folder. A folder that is gone holds no rows."""
        from dataclasses import replace

        if not folder or not self._services.storage.folder_exists(folder):
            return []
        found = list_files(self._services.storage, [folder.rstrip("/")], {"recursiveFileLookup": "true"})
        return [replace(file, partition=pairs) for file in found.files]

    def columns(self, row: dict[str, Any]) -> Any:
        """StructType of the columns that a statement may write: those of partitions are the last ones."""
        from pyspark.sql.types import StructType

        data, keys = self.struct(row)
        return StructType([*data.fields, *keys.fields])

    # writing
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
        """Rows into a table, by name; partitions that appear are registered. Raises AnalysisException.

        How files are written is the table's business: a writer's options change nothing.
        """
        _, keys = self.struct(row)
        shown = f"`spark_catalog`.`{row['DatabaseName']}`.`{row['Name']}`"
        frame = assignment.align_to(frame, self.columns(row), shown)
        fixed = {key: value for key, value in static.items() if value is not None}
        if overwrite and fixed and not dynamic and len(fixed) < len(keys.fields):
            raise EngineRefused("INSERT OVERWRITE with some static and some dynamic partition columns")
        kind = table_format(row)
        touched_only = dynamic or bool(fixed)
        request = WriteRequest(
            format=kind.name,
            mode="overwrite" if overwrite else "append",
            frame=frame,
            options={**kind.options, **({"partitionOverwriteMode": "dynamic"} if touched_only else {})},
            partition_by=[item.name for item in keys.fields],
        )
        struct, batches = self._services.rows(frame)
        location = row["StorageDescriptor"]["Location"]
        written = self._services.saving.save(request, location, struct, batches)
        if keys.fields:
            if overwrite and not touched_only:
                self._drop_partitions(
                    row, [item["Values"] for item in self._glue.partitions(row["DatabaseName"], row["Name"])]
                )
            self._register(row, [(values, folder) for values, folder in written.partitions])

    def _register(self, row: dict[str, Any], found: list[tuple[Any, str]]) -> None:
        inputs = []
        for values, folder in found:
            storage = {**row["StorageDescriptor"], "Location": folder}
            texts = ["__HIVE_DEFAULT_PARTITION__" if value is None else value for value in values]
            inputs.append({"Values": texts, "StorageDescriptor": storage, "Parameters": {}})
        if inputs:
            self._glue.create_partitions(row["DatabaseName"], row["Name"], inputs)

    def _drop_partitions(self, row: dict[str, Any], values: list[list[str]]) -> None:
        for start in range(0, len(values), 25):
            self._glue.client.batch_delete_partition(
                DatabaseName=row["DatabaseName"],
                TableName=row["Name"],
                PartitionsToDelete=[{"Values": item} for item in values[start : start + 25]],
            )

    def save_as_table(self, name: TableName, request: Any, row: dict[str, Any] | None) -> None:
        """df.write.saveAsTable. Raises AnalysisException."""
        if row is not None:
            if request.mode in ("error", "errorifexists", "default"):
                raise already_exists(name.shown)
            if request.mode == "ignore":
                return
            if request.mode == "append":
                self.insert(row, request.frame, overwrite=False, static={}, dynamic=False)
                return
        lower = {key.lower(): value for key, value in request.options.items()}
        spec = {
            "provider": request.format or "parquet",
            "location": lower.pop("path", ""),
            "properties": {},
            "options": {k: v for k, v in request.options.items() if k.lower() != "path"},
            "comment": "",
            "partitioned": request.partition_by,
            "columns": None,
            "row_format": "",
            "stored": "",
        }
        self.create(name, spec, request.frame, replace=row is not None)

    def write_v2(self, name: TableName, request: Any) -> None:
        """df.writeTo on the session catalog."""
        row = self._glue.table(name.database, name.table)
        if request.action in ("create", "createOrReplace", "replace"):
            if row is not None and request.action == "create":
                raise already_exists(name.shown)
            from awsglue._runtime.iceberg.partitioning import from_column

            fields = [from_column(column) for column in request.partitioned_by]
            if any(item.transform != "identity" for item in fields):
                raise EngineRefused("partition transforms on a table that is not Iceberg")
            spec = {
                "provider": request.provider or "parquet",
                "location": "",
                "properties": request.properties,
                "options": request.options,
                "comment": "",
                "partitioned": [item.column for item in fields],
                "columns": None,
                "row_format": "",
                "stored": "",
            }
            self.create(name, spec, request.frame, replace=row is not None)
            return
        if row is None:
            from awsglue._runtime.catalog.glue import table_not_found

            raise table_not_found(name.shown)
        if request.action == "overwrite":
            raise EngineRefused("writeTo().overwrite(condition) on a table that is not Iceberg")
        self.insert(
            row,
            request.frame,
            overwrite=request.action != "append",
            static={},
            dynamic=request.action == "overwritePartitions",
        )

    # definitions
    def create(self, name: TableName, spec: dict[str, Any], frame: Any, *, replace: bool) -> None:
        """Create a table, with rows when there is a frame. Raises AnalysisException."""
        from pyspark.sql.types import StructType

        database = self._glue.database(name.database)
        if database is None:
            raise schema_not_found(name.database)
        provider = _provider(spec)
        location = spec["location"] or self._default_location(database, name)
        partitioned = [piece.split()[0].strip("`") for piece in spec["partitioned"]]
        whole = (
            frame.schema
            if frame is not None
            else self._services.parse_ddl(
                ", ".join(
                    [spec["columns"] or "", *[p for p in spec["partitioned"] if " " in p.strip()]]
                ).strip(", ")
            )
        )
        by_name = {item.name.lower(): item for item in whole.fields}
        keys = [by_name[column.lower()] for column in partitioned]
        data = [item for item in whole.fields if item not in keys]
        definition = self._definition(name, spec, provider, location, StructType(data), StructType(keys))
        engine.mark_written()
        if replace:
            self._glue.client.delete_table(DatabaseName=name.database, Name=name.table)
        if frame is None:
            self._glue.client.create_table(DatabaseName=name.database, TableInput=definition)
            return
        ordered = frame.select(*[f"`{item.name}`" for item in [*data, *keys]])
        struct, batches = self._services.rows(ordered)
        request = WriteRequest(
            format=provider,
            mode="overwrite" if replace or not spec["location"] else "append",
            frame=ordered,
            options=spec["options"],
            partition_by=[item.name for item in keys],
        )
        written = self._services.saving.save(request, location, struct, batches)
        self._glue.client.create_table(DatabaseName=name.database, TableInput=definition)
        row = self._glue.table(name.database, name.table)
        self._register(row, written.partitions)

    def _default_location(self, database: dict[str, Any], name: TableName) -> str:
        base = database.get("LocationUri") or ""
        if not base:
            warehouse = self._services.conf.get("spark.sql.warehouse.dir", "")
            if not warehouse:
                from pyspark.errors import IllegalArgumentException

                raise IllegalArgumentException(
                    f"Can not create a Path from an empty string: database {name.database} has no LocationUri"
                )
            base = join(warehouse, f"{name.database}.db")
        return join(base, name.table)

    def _definition(
        self, name: TableName, spec: dict[str, Any], provider: str, location: str, data: Any, keys: Any
    ) -> dict[str, Any]:
        from pyspark.sql.types import StructType

        from awsglue._runtime.engine import SPARK_VERSION

        inputs, outputs, serde = FORMATS[provider]
        serde_parameters = {"path": location, "serialization.format": "1", **spec["options"]}
        parameters = {
            "spark.sql.create.version": SPARK_VERSION,
            **spec["properties"],
            "classification": provider,
        }
        if spec["stored"] or spec["row_format"]:
            serde_parameters = {"serialization.format": "1", **_delimiters(spec["row_format"])}
        else:
            whole = StructType([*data.fields, *keys.fields])
            parameters |= {"spark.sql.sources.provider": provider, "spark.sql.sources.schema": whole.json()}
            if keys.fields:
                parameters |= {
                    "spark.sql.partitionProvider": "catalog",
                    "spark.sql.sources.schema.numPartCols": str(len(keys.fields)),
                }
                parameters |= {
                    f"spark.sql.sources.schema.partCol.{i}": k.name for i, k in enumerate(keys.fields)
                }
        columns = [{"Name": item.name.lower(), "Type": hive_type(item.dataType)} for item in data.fields]
        return {
            "Name": name.table,
            "Description": spec["comment"],
            "Parameters": parameters,
            "TableType": "EXTERNAL_TABLE" if spec["location"] else "MANAGED_TABLE",
            "PartitionKeys": [{"Name": k.name.lower(), "Type": hive_type(k.dataType)} for k in keys.fields],
            "StorageDescriptor": {
                "Columns": columns,
                "Location": location,
                "InputFormat": inputs,
                "OutputFormat": outputs,
                "SerdeInfo": {"SerializationLibrary": serde, "Parameters": serde_parameters},
            },
        }

    def alter(self, row: dict[str, Any], cutter: Any) -> None:
        """What follows ALTER TABLE t. Raises EngineRefused for forms not served."""
        from awsglue._runtime.catalog.hive_alter import alter

        alter(self, self._services, self._glue, row, cutter)

    def update(self, row: dict[str, Any], **changes: Any) -> None:
        """UpdateTable with some members changed."""
        definition = {**table_input(row), **changes}
        self._glue.client.update_table(DatabaseName=row["DatabaseName"], TableInput=definition)

    def repair(self, row: dict[str, Any]) -> None:
        """Register `k=v` folders that the catalog does not know."""
        keys = [item["Name"] for item in row.get("PartitionKeys") or []]
        location = row["StorageDescriptor"]["Location"]
        known = {tuple(item["Values"]) for item in self._glue.partitions(row["DatabaseName"], row["Name"])}
        found: dict[tuple[str, ...], str] = {}
        base = location.rstrip("/")
        for entry in self._services.storage.entries(base):
            folders = entry.path[len(base) :].strip("/").split("/")[:-1][: len(keys)]
            pairs = parse(folders)
            if [name.lower() for name, _ in pairs] == [key.lower() for key in keys]:
                values = tuple("__HIVE_DEFAULT_PARTITION__" if value is None else value for _, value in pairs)
                if values not in known:
                    found[values] = f"{base}/{'/'.join(folders)}"
        self._register(row, list(found.items()))

    def truncate(self, row: dict[str, Any]) -> None:
        """Delete the table's files; its folder and partitions stay."""
        folders = [row["StorageDescriptor"]["Location"]]
        if row.get("PartitionKeys"):
            folders = [
                item["StorageDescriptor"]["Location"]
                for item in self._glue.partitions(row["DatabaseName"], row["Name"])
            ]
        for folder in folders:
            self._services.storage.delete_folder(folder)


def _provider(spec: dict[str, Any]) -> str:
    text = (spec["stored"] or "").upper()
    provider = spec["provider"] or ("parquet" if "PARQUET" in text else "orc" if "ORC" in text else "csv")
    if provider == "hive" or (
        not spec["provider"] and text and not any(word in text for word in ("PARQUET", "ORC", "TEXTFILE"))
    ):
        raise EngineRefused(f"CREATE TABLE … {spec['provider'] or spec['stored']}")
    if provider not in FORMATS:
        raise EngineRefused(f"CREATE TABLE … USING {provider}")
    return str(provider)


def _delimiters(row_format: str) -> dict[str, str]:
    import re

    match = re.search(r"FIELDS\s+TERMINATED\s+BY\s+'([^']*)'", row_format, re.IGNORECASE)
    if row_format and "DELIMITED" not in row_format.upper():
        raise EngineRefused("ROW FORMAT SERDE")
    return {"field.delim": match[1].replace("\\t", "\t")} if match else {}
