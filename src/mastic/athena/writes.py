"""Statements that write data: CREATE TABLE AS, INSERT INTO, UNLOAD; Iceberg's go on in their own module. Owns no state.

Files are written whole into the query's scratch directory, then put on S3, and only then made known to the
catalog: a query that fails leaves objects that no table speaks of, never half a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from mastic.athena.catalog import foreign_format, is_iceberg, is_view
from mastic.athena.definitions import classification, location_of, properties, storage_descriptor
from mastic.athena.engine import Engine, Running
from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.iceberg_definitions import of_options
from mastic.athena.planner import Plan, Planner
from mastic.athena.relations import columns_of, parse_partition_path
from mastic.athena.row_changes import check_once, target_of
from mastic.athena.session import Session, named
from mastic.athena.statements import Statement, parse
from mastic.athena.types import duckdb_to_hive, literal, quote
from mastic.ids import Ids
from mastic.objects.base import Objects, split_url

if TYPE_CHECKING:
    from mastic.athena.iceberg_writes import IcebergWriter

_COPY_OPTIONS = {
    "PARQUET": "FORMAT parquet, COMPRESSION {compression}",
    "JSON": "FORMAT json",
    "TEXTFILE": "FORMAT csv, HEADER false, DELIMITER {delimiter}, QUOTE '', ESCAPE '', NULLSTR '\\N'",
}
_SUFFIXES = {"PARQUET": "parquet", "JSON": "json", "TEXTFILE": "csv"}
_MOST_PARTITIONS = 100


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a statement wrote: rows, and the objects."""

    rows: int
    urls: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where rows go and in which form. ``keys`` are the partition columns, which stand last."""

    location: str
    format: str
    keys: list[str]
    compression: str = "gzip"
    delimiter: str = "\x01"


class Writer:
    """Runs writing statements."""

    def __init__(
        self, *, engine: Engine, objects: Objects, ids: Ids, iceberg: Callable[[], IcebergWriter]
    ) -> None:
        self._engine = engine
        self._objects = objects
        self._ids = ids
        self._iceberg = iceberg

    def run(self, session: Session, statement: Statement, running: Running, output: str) -> Written:
        """Raises QueryFailure. ``output`` is the prefix for tables without a location."""
        match statement.substatement:
            case "CREATE_TABLE_AS_SELECT":
                return self._create_table_as(session, statement, running, output)
            case "INSERT":
                return self._insert(session, statement, running)
            case "UNLOAD":
                return self._unload(session, statement, running)
            case "UPDATE" | "DELETE" | "MERGE":
                return self._change(session, statement, running)
        raise not_supported(statement.substatement)

    # -- CREATE TABLE AS ---------------------------------------------------------------------------

    def _create_table_as(
        self, session: Session, statement: Statement, running: Running, output: str
    ) -> Written:
        tree = statement.tree
        assert tree is not None
        options = _options(tree)
        if "bucketed_by" in options:
            raise not_supported("bucketed tables")
        database, name = named(tree.this, session)
        session.catalog.need_database(session.context, database)
        if session.catalog.table(session.context, database, name) is not None:
            if tree.args.get("exists"):
                return Written(rows=0)
            raise QueryFailure(
                f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{database}.{name}' already exists", kind=1102
            )
        no_data = any(isinstance(p, exp.WithDataProperty) and p.args.get("no") for p in _properties(tree))
        if options.get("table_type", "HIVE").upper() == "ICEBERG":
            entry = {"DatabaseName": database, "Name": name, "TableType": "EXTERNAL_TABLE"}
            given = of_options(options, output, with_data=not no_data)
            return Written(rows=self._iceberg().create(session, entry, given, tree.expression, running))
        target = Target(
            location=(options.get("external_location") or output).rstrip("/") + "/",
            format=options.get("format", "PARQUET").upper(),
            keys=[k.lower() for k in options.get("partitioned_by", "").split(",") if k],
            compression=(
                options.get("write_compression") or options.get("parquet_compression") or "GZIP"
            ).lower(),
            delimiter=options.get("field_delimiter", "\x01"),
        )
        bucket, prefix = split_url(target.location)
        if self._objects.list(bucket, prefix, limit=1).objects:
            raise QueryFailure(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{database}.{name}' already exists: "
                f"{target.location}"
            )
        plan = self._plan(session, tree.expression)
        names = [n.lower() for n in plan.names]
        if target.keys and names[-len(target.keys) :] != target.keys:
            raise QueryFailure(
                f"HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in "
                f"the same order: {target.keys}"
            )
        written, partitions = (
            (Written(rows=0), {}) if no_data else self._write(plan, session, running, target)
        )
        hive = [{"Name": n, "Type": duckdb_to_hive(t)} for n, t in zip(names, plan.types, strict=True)]
        data = hive[: len(hive) - len(target.keys)]
        descriptor = storage_descriptor(target.format, target.location, data)
        if target.format == "TEXTFILE":
            descriptor["SerdeInfo"]["Parameters"] = {
                "field.delim": target.delimiter,
                "serialization.format": target.delimiter,
            }
        made = {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {
                "EXTERNAL": "TRUE",
                "has_encrypted_data": "false",
                "classification": classification(target.format),
            },
            "StorageDescriptor": descriptor,
            "PartitionKeys": hive[len(data) :],
        }
        running.confirm()
        session.catalog.call(session.context, "CreateTable", DatabaseName=database, TableInput=made)
        self._register(session, database, name, descriptor, target, partitions)
        return written

    # -- INSERT ------------------------------------------------------------------------------------

    def _insert(self, session: Session, statement: Statement, running: Running) -> Written:
        tree = statement.tree
        assert tree is not None
        node = tree.this
        listed = [c.name.lower() for c in node.expressions] if isinstance(node, exp.Schema) else []
        check_once(listed)
        node = node.this if isinstance(node, exp.Schema) else node
        if tree.args.get("overwrite"):
            raise QueryFailure("NOT_SUPPORTED: INSERT OVERWRITE is not supported")
        database, name = named(node, session)
        table = session.catalog.need_table(session.context, database, name)
        if is_view(table):
            raise QueryFailure(f"NOT_SUPPORTED: Inserting into views is not supported: {database}.{name}")
        if is_iceberg(table):
            rows = self._iceberg().insert(session, (database, name), listed, tree.expression, running)
            return Written(rows=rows)
        if foreign_format(table):
            raise not_supported(f"INSERT into {foreign_format(table)} tables (jobs write them)")
        columns = columns_of(table)
        unknown = [c for c in listed if c not in columns]
        if unknown:
            raise QueryFailure(
                f"COLUMN_NOT_FOUND: Insert column name does not exist in target table: {unknown[0]}"
            )
        plan = self._plan(session, tree.expression)
        plan = _shaped(plan, listed or list(columns), columns)
        target = _target_of(table)
        written, partitions = self._write(plan, session, running, target)
        running.confirm()
        self._register(session, database, name, table["StorageDescriptor"], target, partitions)
        return written

    # -- UPDATE, DELETE, MERGE -----------------------------------------------------------------------

    def _change(self, session: Session, statement: Statement, running: Running) -> Written:
        tree = statement.tree
        assert tree is not None
        node = target_of(tree)
        database, name = named(node, session)
        table = session.catalog.need_table(session.context, database, name)
        if not is_iceberg(table):
            raise QueryFailure(
                "NOT_SUPPORTED: Modifying Hive table rows is only supported for transactional tables",
                kind=1006,
            )
        return Written(rows=self._iceberg().change(session, (database, name), tree, running))

    # -- UNLOAD ------------------------------------------------------------------------------------

    def _unload(self, session: Session, statement: Statement, running: Running) -> Written:
        options = {k.lower(): v for k, v in _unload_options(statement.words.get("options", "")).items()}
        target = Target(
            location=statement.words["to"].rstrip("/") + "/",
            format=options.get("format", "PARQUET").upper(),
            keys=[],
            compression=options.get("compression", "gzip").lower(),
            delimiter=options.get("field_delimiter", ","),
        )
        if "partitioned_by" in options:
            raise not_supported("UNLOAD with partitioned_by")
        bucket, prefix = split_url(target.location)
        if self._objects.list(bucket, prefix, limit=1).objects:
            raise QueryFailure(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory already exists: {target.location}"
            )
        plan = self._plan(session, parse(statement.words["query"]))
        return self._write(plan, session, running, target)[0]

    # -- common ------------------------------------------------------------------------------------

    def _plan(self, session: Session, tree: exp.Expr) -> Plan:
        planner = Planner(session.context, session.catalog, session.staging)
        try:
            return planner.plan(tree, session.database)
        finally:
            planner.close()

    def _write(
        self, plan: Plan, session: Session, running: Running, target: Target
    ) -> tuple[Written, dict[tuple[str, ...], str]]:
        """Write the rows; returns what was written and the location of every partition that got rows."""
        if target.format not in _COPY_OPTIONS:
            raise not_supported(f"writing the format {target.format}")
        names = ", ".join(quote(n.lower()) for n in plan.names)
        folder = session.staging.directory / "out"
        folder.mkdir()
        options = _COPY_OPTIONS[target.format].format(
            compression=_compression(target.compression), delimiter=literal(target.delimiter)
        )
        plan.sql = f"SELECT * FROM ({plan.sql}) AS q({names})"
        suffix = _SUFFIXES[target.format]
        if target.keys:
            keys = ", ".join(quote(k) for k in target.keys)
            where = f"TO {literal(str(folder))} ({options}, PARTITION_BY ({keys}), FILENAME_PATTERN 'part_{{uuid}}')"
        else:
            where = f"TO {literal(str(folder / ('part_' + self._ids.uuid() + '.' + suffix)))} ({options})"
        rows = self._engine.copy(plan, session.staging, running, lambda _: where)
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        partitions = _partitions(folder, files, target)
        if len(partitions) > _MOST_PARTITIONS:
            raise QueryFailure(
                f"HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {_MOST_PARTITIONS} open writers for "
                "partitions/buckets"
            )
        bucket, prefix = split_url(target.location)
        urls = []
        for path in files if rows else ():
            running.check()
            key = f"{prefix}{path.relative_to(folder)}"
            self._objects.put(bucket, key, path)
            urls.append(f"s3://{bucket}/{key}")
        return Written(rows=rows, urls=urls), partitions

    def _register(
        self,
        session: Session,
        database: str,
        name: str,
        descriptor: dict[str, Any],
        target: Target,
        partitions: dict[tuple[str, ...], str],
    ) -> None:
        if not partitions:
            return
        entries = [
            {"Values": list(values), "StorageDescriptor": {**descriptor, "Location": where}}
            for values, where in sorted(partitions.items())
        ]
        answer = session.catalog.call(
            session.context,
            "BatchCreatePartition",
            DatabaseName=database,
            TableName=name,
            PartitionInputList=entries,
        )
        for error in answer.get("Errors") or ():
            if error["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException":
                raise QueryFailure(f"HIVE_METASTORE_ERROR: {error['ErrorDetail']['ErrorMessage']}")


def _partitions(folder: Path, files: list[Path], target: Target) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for path in files if target.keys else ():
        values = parse_partition_path(str(path.parent.relative_to(folder)), target.keys)
        assert values is not None
        found[tuple(values)] = location_of(target.location, target.keys, values)
    return found


def _shaped(plan: Plan, given: list[str], columns: dict[str, str]) -> Plan:
    """The plan with the table's columns in the table's order and types; a column not given is NULL."""
    if len(plan.names) != len(given):
        raise QueryFailure(
            f"TYPE_MISMATCH: Insert query has mismatched column counts: Table: {len(given)}, Query: {len(plan.names)}"
        )
    inner = ", ".join(quote(c) for c in given)
    picked = ", ".join(
        f"CAST({quote(c)} AS {t}) AS {quote(c)}" if c in given else f"CAST(NULL AS {t}) AS {quote(c)}"
        for c, t in columns.items()
    )
    plan.sql = f"SELECT {picked} FROM ({plan.sql}) AS i({inner})"
    plan.names, plan.types = list(columns), list(columns.values())
    return plan


def _target_of(table: dict[str, Any]) -> Target:
    descriptor = table["StorageDescriptor"]
    serde = descriptor.get("SerdeInfo") or {}
    library = (serde.get("SerializationLibrary") or "").rsplit(".", 1)[-1]
    formats = {"ParquetHiveSerDe": "PARQUET", "JsonSerDe": "JSON", "LazySimpleSerDe": "TEXTFILE"}
    if library not in formats:
        raise not_supported(f"INSERT into tables of SerDe {library}")
    return Target(
        location=descriptor["Location"].rstrip("/") + "/",
        format=formats[library],
        keys=[k["Name"].lower() for k in table.get("PartitionKeys") or ()],
        delimiter=(serde.get("Parameters") or {}).get("field.delim", "\x01"),
    )


def _compression(name: str) -> str:
    if name not in ("gzip", "snappy", "zstd", "none", "uncompressed", "lz4", "brotli"):
        raise not_supported(f"the compression {name}")
    return "uncompressed" if name == "none" else name


def _properties(tree: exp.Expr) -> list[exp.Expr]:
    holder = tree.args.get("properties")
    return list(holder.expressions) if holder is not None else []


def _options(tree: exp.Expr) -> dict[str, str]:
    """The WITH (…) of a CREATE TABLE AS: arrays joined by commas."""
    found: dict[str, str] = {}
    for item in _properties(tree):
        match item:
            case exp.FileFormatProperty():
                found["format"] = item.this.name
            case exp.PartitionedByProperty():
                found["partitioned_by"] = ",".join(e.name for e in item.this.expressions)
            case exp.LocationProperty():
                found["location"] = item.this.name
            case exp.Property() if "value" in item.args:
                found[item.this.name.lower()] = _option(item.args["value"])
    return found


def _option(value: exp.Expr) -> str:
    match value:
        case exp.Array():
            return ",".join(e.name for e in value.expressions)
        case exp.Boolean():
            return "true" if value.this else "false"
    return value.name


def _unload_options(text: str) -> dict[str, str]:
    return properties(re.sub(r"(\w+)\s*=", r"'\1'=", text))
