"""The table's schema as Hudi keeps it in every commit: an Avro record, from and to Spark's types."""

from __future__ import annotations

import json
import re
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi.errors import HoodieException

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SIMPLE = {
    "string": "string",
    "binary": "bytes",
    "boolean": "boolean",
    "tinyint": "int",
    "smallint": "int",
    "int": "int",
    "bigint": "long",
    "float": "float",
    "double": "double",
}


def kept(schema: Any) -> Any:
    """The StructType that a table of these columns has: Avro knows no tinyint and smallint; every column is nullable.

    Raises EngineRefused for types that we do not write; HoodieException for names that Avro does not take.
    """
    from pyspark.sql.types import StructField, StructType

    for item in schema.fields:
        if not _NAME.match(item.name):
            raise HoodieException(f"SchemaParseException: Illegal character in: {item.name}")
    return StructType(
        [StructField(item.name, _kept(item.dataType, item.name), True) for item in schema.fields]
    )


def _kept(kind: Any, name: str) -> Any:
    from pyspark.sql import types as t

    if isinstance(kind, (t.ByteType, t.ShortType)):
        return t.IntegerType()
    if isinstance(kind, (t.VarcharType, t.CharType)):
        return t.StringType()
    if isinstance(kind, t.ArrayType):
        return t.ArrayType(_kept(kind.elementType, name), True)
    if isinstance(kind, t.MapType):
        if not isinstance(kind.keyType, t.StringType):
            raise EngineRefused(f"column {name} of a Hudi table with map keys other than texts")
        return t.MapType(kind.keyType, _kept(kind.valueType, name), True)
    if isinstance(kind, t.StructType):
        return kept(kind)
    plain = (
        t.StringType, t.BinaryType, t.BooleanType, t.IntegerType, t.LongType, t.FloatType, t.DoubleType,
        t.DecimalType, t.DateType, t.TimestampType,
    )  # fmt: skip
    if not isinstance(kind, plain):
        raise EngineRefused(f"column {name} of type {kind.simpleString()} in a Hudi table")
    return kind


def text(schema: Any, table: str) -> str:
    """The Avro schema (JSON) of a StructType, named as Hudi names it."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", table)
    return json.dumps(_record(schema, f"{plain}_record", f"hoodie.{plain}"), separators=(",", ":"))


def _record(schema: Any, name: str, namespace: str) -> dict[str, Any]:
    inner = f"{namespace}.{name}"
    fields = [
        {"name": item.name, "type": ["null", _type(item.dataType, item.name, inner)], "default": None}
        for item in schema.fields
    ]
    return {"type": "record", "name": name, "namespace": namespace, "fields": fields}


def _type(kind: Any, name: str, namespace: str) -> Any:
    from pyspark.sql import types as t

    if isinstance(kind, t.DateType):
        return {"type": "int", "logicalType": "date"}
    if isinstance(kind, t.TimestampType):
        return {"type": "long", "logicalType": "timestamp-micros"}
    if isinstance(kind, t.DecimalType):
        return {
            "type": "fixed",
            "name": "fixed",
            "namespace": f"{namespace}.{name}",
            "size": _bytes(kind.precision),
            "logicalType": "decimal",
            "precision": kind.precision,
            "scale": kind.scale,
        }
    if isinstance(kind, t.ArrayType):
        return {"type": "array", "items": ["null", _type(kind.elementType, name, namespace)]}
    if isinstance(kind, t.MapType):
        return {"type": "map", "values": ["null", _type(kind.valueType, name, namespace)]}
    if isinstance(kind, t.StructType):
        return _record(kind, name, namespace)
    return _SIMPLE[kind.simpleString()]


def _bytes(precision: int) -> int:
    """How many bytes a number of so many digits needs."""
    count = 1
    while 2 ** (8 * count - 1) < 10**precision:
        count += 1
    return count


def struct(schema: str) -> Any:
    """The StructType of an Avro record (JSON). Raises EngineRefused for types that Spark does not have."""
    return _spark(json.loads(schema), {})


def _spark(given: Any, named: dict[str, Any]) -> Any:
    from pyspark.sql import types as t

    if isinstance(given, list):
        rest = [one for one in given if one != "null"]
        if len(rest) != 1:
            raise EngineRefused("a Hudi table with an Avro union of several types")
        return _spark(rest[0], named)
    if isinstance(given, str):
        if given in named:
            return named[given]
        given = {"type": given}
    kind, logical = given["type"], given.get("logicalType", "")
    if not isinstance(kind, str):
        return _spark(kind, named)
    if logical == "decimal":
        made: Any = t.DecimalType(given["precision"], given.get("scale", 0))
    elif logical == "date":
        made = t.DateType()
    elif logical in ("timestamp-micros", "timestamp-millis"):
        made = t.TimestampType()
    elif logical in ("local-timestamp-micros", "local-timestamp-millis"):
        made = t.TimestampNTZType()
    elif kind == "record":
        made = t.StructType(
            [t.StructField(one["name"], _spark(one["type"], named), True) for one in given["fields"]]
        )
    elif kind == "array":
        made = t.ArrayType(_spark(given["items"], named), True)
    elif kind == "map":
        made = t.MapType(t.StringType(), _spark(given["values"], named), True)
    else:
        plain = {
            "string": t.StringType, "enum": t.StringType, "bytes": t.BinaryType, "fixed": t.BinaryType,
            "boolean": t.BooleanType, "int": t.IntegerType, "long": t.LongType, "float": t.FloatType,
            "double": t.DoubleType,
        }  # fmt: skip
        if kind not in plain:
            raise EngineRefused(f"Avro type {kind!r} in a Hudi table")
        made = plain[kind]()
    if "name" in given and kind in ("record", "fixed", "enum"):
        named[given["name"]] = made
        if given.get("namespace"):
            named[f"{given['namespace']}.{given['name']}"] = made
    return made
