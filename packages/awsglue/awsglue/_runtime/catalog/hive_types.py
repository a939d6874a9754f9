"""Spark types as Hive (and Glue) write them, and Glue table formats. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_PARQUET = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
)
_ORC = (
    "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
    "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
    "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
)
_TEXT = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
)
_JSON = (_TEXT[0], _TEXT[1], "org.apache.hive.hcatalog.data.JsonSerDe")
# char(n), in Hive's types and in Spark's note of its own.
_PADDED = re.compile(r"\bchar\s*\(", re.IGNORECASE)
_NOTED = re.compile(r'"__CHAR_VARCHAR_TYPE_STRING"\s*:\s*"char\(', re.IGNORECASE)
FORMATS = {"parquet": _PARQUET, "orc": _ORC, "csv": _TEXT, "text": _TEXT, "json": _JSON}


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """How a catalog table's files are read and written."""

    name: str
    options: dict[str, str] = field(default_factory=dict)
    # Of Hive's LazySimpleSerDe.
    plain_text: bool = False


def hive_type(data_type: Any) -> str:
    """The Hive spelling of a Spark type."""
    from pyspark.sql import types as t

    if isinstance(data_type, t.StructType):
        return (
            "struct<" + ",".join(f"{item.name}:{hive_type(item.dataType)}" for item in data_type.fields) + ">"
        )
    if isinstance(data_type, t.ArrayType):
        return f"array<{hive_type(data_type.elementType)}>"
    if isinstance(data_type, t.MapType):
        return f"map<{hive_type(data_type.keyType)},{hive_type(data_type.valueType)}>"
    name = str(data_type.simpleString())
    return {"void": "string", "timestamp_ntz": "timestamp"}.get(name, name)


def refuse_padded(row: dict[str, Any]) -> None:
    """Raise EngineRefused for a table with columns of char(n): Spark pads them, and what they are compared with."""
    from awsglue._runtime.failures import EngineRefused

    columns = [*(row.get("StorageDescriptor", {}).get("Columns") or ()), *(row.get("PartitionKeys") or ())]
    note = row.get("Parameters", {}).get("spark.sql.sources.schema", "")
    if any(_PADDED.search(item.get("Type") or "") for item in columns) or _NOTED.search(note):
        raise EngineRefused(f"the columns of char(n) in table {row.get('Name')}")


def table_format(row: dict[str, Any]) -> TableFormat:
    """The format of a Glue table, from Spark's own note or from its SerDe. Raises EngineRefused for unknown ones."""
    from awsglue._runtime.failures import EngineRefused

    storage = row.get("StorageDescriptor", {})
    parameters = row.get("Parameters", {})
    serde = storage.get("SerdeInfo", {})
    given = dict(serde.get("Parameters", {}))
    provider = parameters.get("spark.sql.sources.provider", "").lower()
    if provider in ("parquet", "csv", "json", "orc", "text"):
        options = {key: value for key, value in given.items() if key not in ("path", "serialization.format")}
        return TableFormat(name=provider, options=options)
    library = serde.get("SerializationLibrary", "")
    if "parquet" in library.lower():
        return TableFormat(name="parquet")
    if "OrcSerde" in library:
        return TableFormat(name="orc")
    if "JsonSerDe" in library or "JsonSerde" in library:
        return TableFormat(name="json", options={"caseInsensitive": "true"})
    if "OpenCSVSerde" in library:
        return TableFormat(
            name="csv",
            options={
                "sep": given.get("separatorChar", ","),
                "quote": given.get("quoteChar", '"'),
                "escape": given.get("escapeChar", "\\"),
            },
        )
    if "LazySimpleSerDe" in library:
        # Hive's plain text: no quotes, \N for null. (Spark, too, does not skip header lines of such tables.)
        return TableFormat(
            name="csv",
            plain_text=True,
            options={
                "emptyValue": "",
                "sep": given.get("field.delim", given.get("serialization.format", "\x01")),
                "quote": "",
                "escape": given.get("escape.delim", ""),
                "nullValue": given.get("serialization.null.format", "\\N"),
            },
        )
    raise EngineRefused(f"table {row.get('Name')} with SerDe {library or '(none)'}")
