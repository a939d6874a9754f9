"""Avro container files, by fastavro: one file per partition folder."""

from __future__ import annotations

import datetime as dt
import decimal
import os
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._runtime.io.partitions import escape, render
from awsglue._sources.otherfiles import MissingLibrary

_NAMES = {
    "int": "int",
    "byte": "int",
    "short": "int",
    "long": "long",
    "float": "float",
    "double": "double",
    "boolean": "boolean",
    "binary": "bytes",
}


# How Avro calls them; blocks within the file are compressed, not the file.
_CODECS = {
    "": "null",
    "none": "null",
    "gzip": "deflate",
    "bzip2": "bzip2",
    "snappy": "snappy",
    "zstd": "zstandard",
    "lz4": "lz4",
}
_LIBRARIES = {"snappy": "cramjam", "zstd": "backports.zstd", "lz4": "lz4"}
_LOGICAL = (g.DecimalType, g.DateType, g.TimestampType, g.TimestampNTZType)


def avro_schema(kind: g.DataType, name: str = "topLevelRecord", modern: bool = False) -> Any:
    """The Avro schema of a Glue type; every field may be null. Before version 1.8 dates and decimals are texts."""
    if isinstance(kind, _LOGICAL) and not modern:
        return "string"
    if isinstance(kind, g.StructType):
        fields = [
            {
                "name": field.name,
                "type": ["null", avro_schema(field.dataType, f"{name}_{field.name}", modern)],
                "default": None,
            }
            for field in kind.fields
        ]
        return {"type": "record", "name": name, "fields": fields}
    if isinstance(kind, g.ChoiceType):
        return avro_schema(
            g.StructType([g.Field(option, one) for option, one in kind.choices.items()]), name, modern
        )
    if isinstance(kind, g.ArrayType | g.SetType):
        return {"type": "array", "items": ["null", avro_schema(kind.elementType, name + "_element", modern)]}
    if isinstance(kind, g.MapType):
        return {"type": "map", "values": ["null", avro_schema(kind.valueType, name + "_value", modern)]}
    if isinstance(kind, g.DecimalType):
        return {"type": "bytes", "logicalType": "decimal", "precision": kind.precision, "scale": kind.scale}
    if isinstance(kind, g.DateType):
        return {"type": "int", "logicalType": "date"}
    if isinstance(kind, g.TimestampType | g.TimestampNTZType):
        return {"type": "long", "logicalType": "timestamp-micros"}
    return _NAMES.get(kind.typeName(), "string")


def write_avro(
    frame: Encoded, keys: list[str], staging: str, options: dict[str, Any], codec: str = ""
) -> int:
    """Write the rows below `staging`, partition columns as folders; how many there were."""
    try:
        import fastavro
    except ImportError:
        raise MissingLibrary("avro", "fastavro") from None
    from awsglue._frames.display import _plain

    kept = g.StructType([field for field in frame.schema.fields if field.name not in keys])
    modern = str(options.get("version", "1.7")) == "1.8"
    schema = fastavro.parse_schema(avro_schema(kept, modern=modern))
    groups: dict[str, list[dict[str, Any]]] = {}
    count = 0
    names = [field.name for field in frame.schema.fields]
    for row in frame.df.toLocalIterator():
        record = dict(zip(names, (_plain(value) for value in row), strict=True))
        below = "/".join(f"{escape(key)}={escape(render(record.pop(key)))}" for key in keys)
        groups.setdefault(below, []).append(record if modern else _texts(record))
        count += 1
    for below, records in groups.items():
        target = os.path.join(staging, below)
        os.makedirs(target, exist_ok=True)
        with open(os.path.join(target, "part-00000.avro"), "wb") as file:
            try:
                fastavro.writer(file, schema, records, codec=_CODECS[codec])
            except ValueError as error:
                if codec not in _LIBRARIES or "install" not in str(error):
                    raise
                raise MissingLibrary(f"avro with compression {codec}", _LIBRARIES[codec]) from None
    return count


def _texts(value: Any) -> Any:
    """Dates, times and decimals as texts."""
    if isinstance(value, dict):
        return {name: _texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return str(value) if isinstance(value, dt.date | decimal.Decimal) else value
