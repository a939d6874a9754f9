"""SHOW and DESCRIBE."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.catalog.glue import schema_not_found, table_not_found
from awsglue._runtime.catalog.names import matches
from awsglue._runtime.catalog.tables import is_iceberg, is_view
from awsglue._runtime.delta.catalog import is_delta
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.tokens import Cutter


class Shows:
    """What a session can be asked about its catalogs."""

    def __init__(self, services: Any, statements: Any) -> None:
        self._services = services
        self._statements = statements
        self._tables = services.tables

    def show(self, cutter: Cutter) -> Any:
        """SHOW DATABASES | TABLES | VIEWS | COLUMNS | PARTITIONS | TBLPROPERTIES | CATALOGS."""
        cutter.need("SHOW")
        for word in ("DATABASES", "SCHEMAS", "NAMESPACES"):
            if cutter.take(word):
                names = sorted(row["Name"] for row in self._tables.databases())
                pattern = self._pattern(cutter)
                return self._statements.result(
                    [(n,) for n in names if matches(pattern, n)], "namespace string"
                )
        if cutter.take("TABLES"):
            return self._show_tables(cutter)
        if cutter.take("VIEWS"):
            return self._show_views(cutter)
        if cutter.take("COLUMNS"):
            cutter.take("IN") or cutter.take("FROM")
            frame = self._services.table(".".join(f"`{part}`" for part in cutter.name()))
            return self._statements.result([(name,) for name in frame.columns], "col_name string")
        if cutter.take("PARTITIONS"):
            return self._show_partitions(cutter)
        if cutter.take("TBLPROPERTIES"):
            return self._show_properties(cutter)
        if cutter.take("CATALOGS"):
            names = sorted({"spark_catalog", *self._tables.catalogs})
            return self._statements.result([(name,) for name in names], "catalog string")
        if cutter.take("CURRENT", "NAMESPACE"):
            return self._statements.result(
                [(self._tables.catalog, self._tables.database)], "catalog string, namespace string"
            )
        raise EngineRefused(f"SQL statement {cutter.text[:80]!r}")

    def _pattern(self, cutter: Cutter) -> str | None:
        cutter.take("LIKE")
        return cutter.rest().strip("'\"") or None

    def _database(self, cutter: Cutter) -> str:
        if not (cutter.take("IN") or cutter.take("FROM")):
            return str(self._tables.database)
        name = cutter.name()[-1].lower()
        if self._tables.glue.database(name) is None:
            raise schema_not_found(name)
        return name

    def _rows(self, database: str) -> list[dict[str, Any]]:
        if database == "default" and self._tables.glue.database(database) is None:
            return []
        return sorted(self._tables.glue.tables(database), key=lambda row: str(row["Name"]))

    def _show_tables(self, cutter: Cutter) -> Any:
        database = self._database(cutter)
        pattern = self._pattern(cutter)
        rows = [
            (database, row["Name"], False) for row in self._rows(database) if matches(pattern, row["Name"])
        ]
        rows += [("", name, True) for name in self._services.view_names() if matches(pattern, name)]
        return self._statements.result(rows, "namespace string, tableName string, isTemporary boolean")

    def _show_views(self, cutter: Cutter) -> Any:
        database = self._database(cutter)
        pattern = self._pattern(cutter)
        rows = [
            (database, row["Name"], False)
            for row in self._rows(database)
            if is_view(row) and matches(pattern, row["Name"])
        ]
        rows += [("", name, True) for name in self._services.view_names() if matches(pattern, name)]
        return self._statements.result(rows, "namespace string, viewName string, isTemporary boolean")

    def _row(self, cutter: Cutter) -> tuple[Any, dict[str, Any]]:
        name = self._tables.name(cutter.name())
        row = self._tables.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        return name, row

    def _show_partitions(self, cutter: Cutter) -> Any:
        from awsglue._runtime.io.partitions import escape

        name, row = self._row(cutter)
        if is_iceberg(row) or not cutter.done:
            raise EngineRefused(f"SQL statement {cutter.text[:80]!r}")
        keys = [item["Name"] for item in row.get("PartitionKeys", ())]
        shown = sorted(
            "/".join(f"{key}={escape(value)}" for key, value in zip(keys, item["Values"], strict=True))
            for item in self._tables.glue.partitions(name.database, name.table)
        )
        return self._statements.result([(item,) for item in shown], "partition string")

    def _show_properties(self, cutter: Cutter) -> Any:
        name, row = self._row(cutter)
        values = dict(row.get("Parameters", {}))
        if is_delta(row):
            from awsglue._runtime.delta import catalog, lake

            table = lake.open_table(catalog.location(row))
            protocol = table.protocol()
            values = {
                **table.metadata().configuration,
                "delta.minReaderVersion": str(protocol.min_reader_version),
                "delta.minWriterVersion": str(protocol.min_writer_version),
            }
        if is_iceberg(row):
            table = self._tables.iceberg(name.catalog).load(name)
            current = table.metadata.current_snapshot_id
            values = {
                **table.properties,
                "current-snapshot-id": str(current or "none"),
                "format": "iceberg/parquet",
                "format-version": str(table.metadata.format_version),
            }
        return self._statements.result(sorted(values.items()), "key string, value string")

    def describe(self, cutter: Cutter) -> Any:
        """DESCRIBE [TABLE] [EXTENDED|FORMATTED] t; DESCRIBE DATABASE d."""
        cutter.take("DESCRIBE") or cutter.take("DESC")
        if len(cutter.words) > 2 and (cutter.peek("HISTORY") or cutter.peek("DETAIL")):
            from awsglue._runtime.delta.statements import DeltaStatements

            return DeltaStatements(self._services, self._statements).describe(cutter)
        for word in ("DATABASE", "SCHEMA", "NAMESPACE"):
            if cutter.take(word):
                return self._describe_database(cutter)
        if cutter.take("FUNCTION") or cutter.take("QUERY"):
            raise EngineRefused(f"SQL statement {cutter.text[:80]!r}")
        cutter.take("TABLE")
        extended = cutter.take("EXTENDED") or cutter.take("FORMATTED")
        parts = cutter.name()
        frame = self._services.table(".".join(f"`{part}`" for part in parts))
        rows: list[tuple[str, str, str | None]] = [
            (item.name, item.dataType.simpleString(), (item.metadata or {}).get("comment"))
            for item in frame.schema.fields
        ]
        if self._tables.view(parts) is None and not self._services.native_view(parts):
            rows += self._details(self._tables.name(parts), rows, extended)
        return self._statements.result(rows, "col_name string, data_type string, comment string")

    def _details(self, name: Any, columns: list[Any], extended: bool) -> list[tuple[str, str, str | None]]:
        row = self._tables.glue.table(name.database, name.table)
        out: list[tuple[str, str, str | None]] = []
        if is_iceberg(row):
            fields = self._tables.iceberg(name.catalog).load(name).spec().fields
            if fields:
                out.append(("# Partitioning", "", ""))
                out += [
                    (f"Part {position}", f"{item.transform}({item.name})", "")
                    for position, item in enumerate(fields)
                ]
        elif is_delta(row):
            from awsglue._runtime.delta import catalog, lake

            names = lake.partition_columns(lake.open_table(catalog.location(row)))
            if names:
                out += [("# Partition Information", "", ""), ("# col_name", "data_type", "comment")]
                out += [item for name in names for item in columns if item[0] == name]
        elif row.get("PartitionKeys"):
            keys = {item["Name"].lower() for item in row["PartitionKeys"]}
            out += [("# Partition Information", "", ""), ("# col_name", "data_type", "comment")]
            out += [item for item in columns if item[0].lower() in keys]
        if extended:
            out += [
                ("", "", ""),
                ("# Detailed Table Information", "", ""),
                ("Catalog", name.catalog, ""),
                ("Database", name.database, ""),
                ("Table", name.table, ""),
                ("Type", "VIEW" if is_view(row) else "EXTERNAL", ""),
                (
                    "Provider",
                    "iceberg"
                    if is_iceberg(row)
                    else str(
                        row.get("Parameters", {}).get(
                            "classification",
                            row.get("Parameters", {}).get("spark.sql.sources.provider", "hive"),
                        )
                    ),
                    "",
                ),
                ("Location", row.get("StorageDescriptor", {}).get("Location", ""), ""),
            ]
        return out

    def _describe_database(self, cutter: Cutter) -> Any:
        cutter.take("EXTENDED")
        name = cutter.name()[-1].lower()
        row = self._tables.glue.database(name)
        if row is None:
            raise schema_not_found(name)
        rows = [
            ("Catalog Name", self._tables.catalog),
            ("Namespace Name", row["Name"]),
            ("Comment", row.get("Description", "")),
            ("Location", row.get("LocationUri", "")),
            ("Owner", ""),
        ]
        return self._statements.result(rows, "info_name string, info_value string")
