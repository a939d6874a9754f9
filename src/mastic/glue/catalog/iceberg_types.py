"""Iceberg's types as the catalog's columns name them. Owns no state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.types import IcebergType, NestedField

_PRIMITIVES = {
    "boolean": "boolean", "int": "int", "long": "bigint", "float": "float", "double": "double", "date": "date",
    "time": "string", "timestamp": "timestamp", "timestamptz": "timestamp", "timestamp_ns": "timestamp",
    "timestamptz_ns": "timestamp", "string": "string", "uuid": "string", "binary": "binary",
}  # fmt: skip


def columns(metadata: TableMetadata) -> list[dict[str, Any]]:
    """The columns of the current schema, and behind them those of older schemas that it no longer has."""
    found: dict[str, dict[str, Any]] = {}
    for field in metadata.schema().fields:
        found[field.name] = _column(field, current=True)
    for schema in metadata.schemas:
        for field in schema.fields:
            found.setdefault(field.name, _column(field, current=False))
    return list(found.values())


def schema_columns(schema: Schema) -> list[dict[str, Any]]:
    """The columns of one schema."""
    return [_column(field, current=True) for field in schema.fields]


def hive_type(of: IcebergType) -> str:
    """``struct<a:bigint>`` for a struct with a long."""
    from pyiceberg.types import DecimalType, FixedType, ListType, MapType, StructType

    match of:
        case StructType():
            return f"struct<{','.join(f'{f.name}:{hive_type(f.field_type)}' for f in of.fields)}>"
        case ListType():
            return f"array<{hive_type(of.element_type)}>"
        case MapType():
            return f"map<{hive_type(of.key_type)},{hive_type(of.value_type)}>"
        case DecimalType():
            return f"decimal({of.precision},{of.scale})"
        case FixedType():
            return "binary"
    return _PRIMITIVES.get(str(of), "string")


def _column(field: NestedField, *, current: bool) -> dict[str, Any]:
    column: dict[str, Any] = {"Name": field.name, "Type": hive_type(field.field_type)}
    if field.doc:
        column["Comment"] = field.doc[:255]
    column["Parameters"] = {
        "iceberg.field.id": str(field.field_id),
        "iceberg.field.optional": str(not field.required).lower(),
        "iceberg.field.current": str(current).lower(),
    }
    return column
