"""Types between three worlds: Hive's in the catalog, DuckDB's in the engine, Athena's in results.

Pure functions; owns no state.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mastic.athena.failures import QueryFailure

_HIVE_SCALARS = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
    "timestamp_ntz": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "uuid": "UUID",
    "time": "TIME",
}

# Precision and scale as Athena reports them where the type itself does not say.
_ATHENA = {
    "BOOLEAN": ("boolean", 0, 0),
    "TINYINT": ("tinyint", 3, 0),
    "SMALLINT": ("smallint", 5, 0),
    "INTEGER": ("integer", 10, 0),
    "BIGINT": ("bigint", 19, 0),
    "HUGEINT": ("bigint", 19, 0),
    "UTINYINT": ("smallint", 5, 0),
    "USMALLINT": ("integer", 10, 0),
    "UINTEGER": ("bigint", 19, 0),
    "UBIGINT": ("bigint", 19, 0),
    "FLOAT": ("float", 17, 0),
    "DOUBLE": ("double", 17, 0),
    "VARCHAR": ("varchar", 2147483647, 0),
    "BLOB": ("varbinary", 1073741824, 0),
    "DATE": ("date", 0, 0),
    "TIME": ("time", 3, 0),
    "TIMESTAMP": ("timestamp", 3, 0),
    "TIMESTAMP_S": ("timestamp", 3, 0),
    "TIMESTAMP_MS": ("timestamp", 3, 0),
    "TIMESTAMP_NS": ("timestamp", 3, 0),
    "TIMESTAMP WITH TIME ZONE": ("timestamp with time zone", 3, 0),
    "JSON": ("json", 0, 0),
    "UUID": ("uuid", 0, 0),
    '"NULL"': ("unknown", 0, 0),
    "INTERVAL": ("interval day to second", 0, 0),
}

_ATHENA_TO_HIVE = {
    "varchar": "string",
    "integer": "int",
    "varbinary": "binary",
    "json": "string",
    "timestamp with time zone": "timestamp",
    "unknown": "string",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A result column in Athena's terms."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0

    def info(self) -> dict[str, Any]:
        """The API's ColumnInfo."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.type in ("varchar", "char"),
        }


def hive_to_duckdb(hive: str) -> str:
    """``array<struct<a:int>>`` → ``STRUCT("a" INTEGER)[]``. Raises QueryFailure for an unknown type."""
    text = hive.strip()
    lower = text.lower()
    if lower in _HIVE_SCALARS:
        return _HIVE_SCALARS[lower]
    if match := re.fullmatch(r"decimal(?:\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", lower):
        return f"DECIMAL({match[1] or 10},{match[2] or 0})"
    if re.fullmatch(r"(?:var)?char\s*\(\s*\d+\s*\)", lower):
        return "VARCHAR"
    if match := re.fullmatch(r"timestamp\s*\(\s*\d+\s*\)", lower):
        return "TIMESTAMP"
    kind, _, inner = text.partition("<")
    if inner.endswith(">"):
        parts = split_type_arguments(inner[:-1])
        match kind.strip().lower():
            case "array" if len(parts) == 1:
                return f"{hive_to_duckdb(parts[0])}[]"
            case "map" if len(parts) == 2:
                return f"MAP({hive_to_duckdb(parts[0])}, {hive_to_duckdb(parts[1])})"
            case "struct" if parts:
                fields = []
                for part in parts:
                    name, _, field_type = part.partition(":")
                    fields.append(f"{quote(name.strip())} {hive_to_duckdb(field_type)}")
                return f"STRUCT({', '.join(fields)})"
    raise QueryFailure(f"HIVE_UNSUPPORTED_FORMAT: type {hive!r} of the catalog is not known")


def split_type_arguments(text: str) -> list[str]:
    """Split at the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        if character in "<(":
            depth += 1
        elif character in ">)":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return parts


def column_of(name: str, duckdb_type: str) -> Column:
    """The result column for DuckDB's type text."""
    if match := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type):
        return Column(name=name, type="decimal", precision=int(match[1]), scale=int(match[2]))
    if duckdb_type in _ATHENA:
        type, precision, scale = _ATHENA[duckdb_type]
        return Column(name=name, type=type, precision=precision, scale=scale)
    if duckdb_type.endswith("]"):
        return Column(name=name, type="array")
    if duckdb_type.startswith("MAP("):
        return Column(name=name, type="map")
    if duckdb_type.startswith("STRUCT("):
        return Column(name=name, type="row")
    if duckdb_type.startswith("ENUM("):
        return Column(name=name, type="varchar", precision=2147483647)
    raise QueryFailure(f"NOT_SUPPORTED: results of type {duckdb_type} have no form in Athena")


def duckdb_to_hive(duckdb_type: str) -> str:
    """The catalog's type for a column that a query made (views, CTAS)."""
    if duckdb_type.endswith("[]"):
        return f"array<{duckdb_to_hive(duckdb_type[:-2])}>"
    if duckdb_type.startswith("MAP("):
        return f"map<{','.join(duckdb_to_hive(t) for t in split_type_arguments(duckdb_type[4:-1]))}>"
    if duckdb_type.startswith("STRUCT("):
        return f"struct<{','.join(_struct_field(f) for f in split_type_arguments(duckdb_type[7:-1]))}>"
    column = column_of("", duckdb_type)
    if column.type == "decimal":
        return f"decimal({column.precision},{column.scale})"
    return _ATHENA_TO_HIVE.get(column.type, column.type)


def duckdb_to_trino(duckdb_type: str) -> str:
    """The type's full name as Trino writes it in a view's columns."""
    if duckdb_type.endswith("[]"):
        return f"array({duckdb_to_trino(duckdb_type[:-2])})"
    if duckdb_type.startswith("MAP("):
        return f"map({', '.join(duckdb_to_trino(t) for t in split_type_arguments(duckdb_type[4:-1]))})"
    if duckdb_type.startswith("STRUCT("):
        fields = []
        for part in split_type_arguments(duckdb_type[7:-1]):
            name, field_type = _split_field(part)
            fields.append(f"{name} {duckdb_to_trino(field_type)}")
        return f"row({', '.join(fields)})"
    column = column_of("", duckdb_type)
    if column.type == "decimal":
        return f"decimal({column.precision},{column.scale})"
    return {"float": "real", "timestamp": "timestamp(3)"}.get(column.type, column.type)


def _struct_field(text: str) -> str:
    name, field_type = _split_field(text)
    return f"{name}:{duckdb_to_hive(field_type)}"


def _split_field(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        end = text.index('"', 1)
        return text[1:end], text[end + 1 :].strip()
    name, _, field_type = text.partition(" ")
    return name, field_type.strip()


def quote(name: str) -> str:
    """An identifier in DuckDB's quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string in DuckDB's quotes."""
    return "'" + text.replace("'", "''") + "'"
