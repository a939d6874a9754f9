"""How a stream's records are written, from options or from a catalog table, and which columns that gives."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from awsglue import gluetypes as g
from awsglue._sources.request import truth

RAW = "raw"
SERVED = (RAW, "json", "csv", "avro", "groklog")
TIMESTAMP = "__src_timestamp"
HEADERS = "glue_streaming_kafka_headers"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The format of the payloads. `schema` is None where it is inferred from each batch."""

    kind: str
    format: str = RAW
    schema: g.StructType | None = None
    avro: dict[str, Any] | None = None
    delimiter: str = ","
    with_timestamp: bool = False
    with_headers: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def inferred(self) -> bool:
        """Whether the columns are known only when there are records."""
        return self.schema is None

    @property
    def marker(self) -> str:
        """The one column that a stream with inferred columns shows before there are any."""
        return f"${self.format}$data_infer_schema$_temporary$"

    def columns(self) -> g.StructType:
        """The columns as the stream shows them before it is read."""
        if self.schema is None:
            return g.StructType([g.Field(self.marker, g.StringType())])
        return g.StructType([*self.schema.fields, *self.extras()])

    def extras(self) -> list[g.Field]:
        """The columns that are not in the payload."""
        if self.format == RAW:
            return []
        found = []
        if self.with_timestamp:
            found.append(g.Field(TIMESTAMP, g.TimestampType()))
        if self.with_headers:
            found.append(g.Field(HEADERS, _headers(g.StringType())))
        return found


def layout_of(
    kind: str,
    options: dict[str, Any],
    format: str | None,
    format_options: dict[str, Any] | None = None,
    declared: g.StructType | None = None,
) -> Layout:
    """The layout that options ask for; `declared` are a catalog table's columns. Raises ValueError."""
    name = str(options.get("classification") or format or "").lower()
    name = {"": RAW, "grok": "groklog"}.get(name, name)
    if name not in SERVED:
        raise NotImplementedError(
            f"classification {name!r} of a {kind} stream is not implemented: json, csv, avro and grokLog are"
        )
    infer = truth(options.get("inferSchema"))
    headers = truth(options.get("includeHeaders"))
    if headers and kind != "kafka":
        raise ValueError("includeHeaders is an option of Kafka")
    if headers and name == "csv":
        raise NotImplementedError("includeHeaders with classification csv is not implemented")
    merged = {**options, **(format_options or {})}
    common: dict[str, Any] = {
        "kind": kind,
        "format": name,
        "with_timestamp": truth(options.get("addRecordTimestamp")),
        "with_headers": headers,
        "delimiter": str(merged.get("delimiter") or merged.get("separator") or ","),
        "options": merged,
    }
    if name == RAW:
        if infer or options.get("schema"):
            raise ValueError(f"a {kind} stream with a schema needs the option classification")
        return Layout(schema=raw_columns(kind, headers), **common)
    if name == "avro":
        return _avro(common, options, infer, declared)
    if name == "groklog":
        return Layout(schema=declared or _grok_columns(merged), **common)
    if infer:
        return Layout(schema=None, **common)
    if options.get("schema"):
        return Layout(schema=parse_schema(str(options["schema"])), **common)
    return Layout(schema=declared, **common)


def _avro(
    common: dict[str, Any], options: dict[str, Any], infer: bool, declared: g.StructType | None
) -> Layout:
    text = options.get("schema") or options.get("avroSchema")
    if not text:
        raise ValueError(
            "records in Avro do not tell their schema: the stream needs the option schema (in Avro's JSON)"
        )
    try:
        avro = json.loads(str(text))
    except ValueError as error:
        raise ValueError(f"the schema of an Avro stream has to be in Avro's JSON: {error}") from None
    schema = avro_columns(avro)
    return Layout(schema=schema, avro=avro, **common)


def avro_columns(avro: Any) -> g.StructType:
    """The columns of records of an Avro schema, as Avro files of format version 1.8 give them."""
    found = _avro_type(avro, {})
    if not isinstance(found, g.StructType):
        raise ValueError("the Avro schema of a stream has to be a record")
    return found


_AVRO: dict[str, type[g.DataType]] = {
    "boolean": g.BooleanType,
    "int": g.IntegerType,
    "long": g.LongType,
    "float": g.FloatType,
    "double": g.DoubleType,
    "bytes": g.BinaryType,
    "fixed": g.BinaryType,
    "string": g.StringType,
    "enum": g.StringType,
    "null": g.NullType,
}


def _avro_type(schema: Any, named: dict[str, g.DataType]) -> g.DataType:
    if isinstance(schema, list):
        rest = [one for one in schema if one != "null"]
        if len(rest) == 1:
            return _avro_type(rest[0], named)
        raise NotImplementedError(f"unions of several types in the Avro schema of a stream: {schema}")
    if isinstance(schema, str):
        if schema in named:
            return named[schema]
        if schema not in _AVRO:
            raise ValueError(f"unknown type {schema!r} in the Avro schema")
        return _AVRO[schema]()
    kind, logical = schema.get("type"), schema.get("logicalType")
    if logical == "decimal":
        return g.DecimalType(int(schema["precision"]), int(schema.get("scale", 0)))
    if logical == "date":
        return g.DateType()
    if logical in ("timestamp-millis", "timestamp-micros"):
        return g.TimestampType()
    if kind == "record":
        found: g.DataType = g.StructType(
            [g.Field(one["name"], _avro_type(one["type"], named)) for one in schema["fields"]]
        )
    elif kind == "array":
        found = g.ArrayType(_avro_type(schema["items"], named))
    elif kind == "map":
        found = g.MapType(_avro_type(schema["values"], named))
    elif isinstance(kind, dict | list):
        found = _avro_type(kind, named)
    else:
        found = _avro_type(str(kind), named)
    if schema.get("name"):
        named[schema["name"]] = found
    return found


def _grok_columns(options: dict[str, Any]) -> g.StructType:
    from awsglue._sources.grokfiles import compile_pattern

    pattern = options.get("logFormat") or options.get("grokPattern")
    if not pattern:
        raise ValueError("classification grokLog needs the option logFormat")
    _, names = compile_pattern(str(pattern), str(options.get("customPatterns") or ""))
    return g.StructType([g.Field(name, g.StringType()) for name in dict.fromkeys(names)])


def parse_schema(text: str) -> g.StructType:
    """Columns in DDL: `a` INT, `b` STRUCT<…>, or with colons. Raises ValueError."""
    from awsglue._frames.encoding import parse_type

    found = parse_type(f"struct<{text.strip()}>")
    assert isinstance(found, g.StructType)
    return found


def raw_columns(kind: str, headers: bool = False) -> g.StructType:
    """The records as they are: the columns of Spark's own sources."""
    if kind == "kafka":
        found = [
            g.Field("key", g.BinaryType()),
            g.Field("value", g.BinaryType()),
            g.Field("topic", g.StringType()),
            g.Field("partition", g.IntegerType()),
            g.Field("offset", g.LongType()),
            g.Field("timestamp", g.TimestampType()),
            g.Field("timestampType", g.IntegerType()),
        ]
        return g.StructType([*found, g.Field("headers", _headers(g.BinaryType()))] if headers else found)
    return g.StructType(
        [
            g.Field("data", g.BinaryType()),
            g.Field("streamName", g.StringType()),
            g.Field("partitionKey", g.StringType()),
            g.Field("sequenceNumber", g.StringType()),
            g.Field("approximateArrivalTimestamp", g.TimestampType()),
        ]
    )


def _headers(value: g.DataType) -> g.DataType:
    return g.ArrayType(g.StructType([g.Field("key", g.StringType()), g.Field("value", value)]))
