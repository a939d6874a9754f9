"""``information_schema`` served from the catalog. Owns no state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mastic.athena.catalog import Catalog, is_view
from mastic.athena.failures import QueryFailure
from mastic.athena.relations import Relation
from mastic.athena.types import duckdb_to_trino, hive_to_duckdb, quote
from mastic.context import Context

_COLUMNS: dict[str, tuple[str, ...]] = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "views": ("table_catalog", "table_schema", "table_name", "view_definition"),
    "columns": (
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "ordinal_position",
        "column_default",
        "is_nullable",
        "data_type",
        "comment",
        "extra_info",
    ),
}


def information_relation(context: Context, catalog: Catalog, name: str) -> Relation:
    """A table of ``information_schema``. Raises QueryFailure for one that there is not."""
    import pyarrow as pa

    if name not in _COLUMNS:
        raise QueryFailure(
            f"TABLE_NOT_FOUND: Table 'awsdatacatalog.information_schema.{name}' does not exist", kind=1100
        )
    names = _COLUMNS[name]
    types = {n: "BIGINT" if n == "ordinal_position" else "VARCHAR" for n in names}
    rows = list(_rows(context, catalog, name))
    schema = pa.schema([(n, pa.int64() if types[n] == "BIGINT" else pa.string()) for n in names])
    arrow = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)
    return Relation(columns=types, sql=f"SELECT {', '.join(map(quote, names))} FROM {{arrow}}", arrow=arrow)


def _rows(context: Context, catalog: Catalog, name: str) -> Iterator[tuple[Any, ...]]:
    for database in catalog.databases(context):
        schema = database["Name"]
        if name == "schemata":
            yield "awsdatacatalog", schema
            continue
        for table in catalog.tables(context, schema):
            key = ("awsdatacatalog", schema, table["Name"])
            if name == "tables":
                yield *key, "VIEW" if is_view(table) else "BASE TABLE"
            elif name == "views" and is_view(table):
                yield *key, table.get("ViewOriginalText")
            elif name == "columns":
                yield from _columns(key, table)


def _columns(key: tuple[str, str, str], table: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    data = (table.get("StorageDescriptor") or {}).get("Columns", [])
    keys = table.get("PartitionKeys", [])
    for position, column in enumerate([*data, *keys], 1):
        kind = duckdb_to_trino(hive_to_duckdb(column.get("Type") or "string"))
        extra = "partition key" if position > len(data) else None
        yield *key, column["Name"].lower(), position, None, "YES", kind, column.get("Comment"), extra
