"""Spark types and Iceberg types. Pure functions."""

from __future__ import annotations

from itertools import count
from typing import Any


def iceberg_schema(struct: Any) -> Any:
    """Iceberg Schema with fresh ids of a StructType (byte and short become int, as Spark's Iceberg does)."""
    from pyiceberg.schema import Schema, assign_fresh_schema_ids

    ids = count(1)
    return assign_fresh_schema_ids(Schema(*_fields(struct, ids)))


def _fields(struct: Any, ids: Any) -> list[Any]:
    from pyiceberg.types import NestedField

    fields = []
    for item in struct.fields:
        doc = (item.metadata or {}).get("comment")
        fields.append(
            NestedField(next(ids), item.name, iceberg_type(item.dataType, ids), required=False, doc=doc)
        )
    return fields


def iceberg_type(data_type: Any, ids: Any) -> Any:
    """One Iceberg type. Raises AnalysisException for types Iceberg has none for."""
    from pyiceberg import types as i
    from pyspark.sql import types as t

    simple = {
        t.BooleanType: i.BooleanType(),
        t.ByteType: i.IntegerType(),
        t.ShortType: i.IntegerType(),
        t.IntegerType: i.IntegerType(),
        t.LongType: i.LongType(),
        t.FloatType: i.FloatType(),
        t.DoubleType: i.DoubleType(),
        t.StringType: i.StringType(),
        t.VarcharType: i.StringType(),
        t.CharType: i.StringType(),
        t.BinaryType: i.BinaryType(),
        t.DateType: i.DateType(),
        t.TimestampType: i.TimestamptzType(),
        t.TimestampNTZType: i.TimestampType(),
    }
    if type(data_type) in simple:
        return simple[type(data_type)]
    if isinstance(data_type, t.DecimalType):
        return i.DecimalType(data_type.precision, data_type.scale)
    if isinstance(data_type, t.StructType):
        return i.StructType(*_fields(data_type, ids))
    if isinstance(data_type, t.ArrayType):
        return i.ListType(next(ids), iceberg_type(data_type.elementType, ids), element_required=False)
    if isinstance(data_type, t.MapType):
        return i.MapType(
            next(ids),
            iceberg_type(data_type.keyType, ids),
            next(ids),
            iceberg_type(data_type.valueType, ids),
            value_required=False,
        )
    from pyspark.errors import AnalysisException

    raise AnalysisException(f"Not a supported type: {data_type.simpleString()}")


def spark_struct(schema: Any) -> Any:
    """StructType of an Iceberg Schema."""
    from pyspark.sql.types import StructField, StructType

    fields = []
    for item in schema.fields:
        metadata = {"comment": item.doc} if item.doc else None
        fields.append(StructField(item.name, spark_type(item.field_type), not item.required, metadata))
    return StructType(fields)


def spark_type(kind: Any) -> Any:
    """One Spark type."""
    from pyiceberg import types as i
    from pyspark.sql import types as t

    simple = {
        i.BooleanType: t.BooleanType,
        i.IntegerType: t.IntegerType,
        i.LongType: t.LongType,
        i.FloatType: t.FloatType,
        i.DoubleType: t.DoubleType,
        i.StringType: t.StringType,
        i.UUIDType: t.StringType,
        i.BinaryType: t.BinaryType,
        i.FixedType: t.BinaryType,
        i.DateType: t.DateType,
        i.TimestamptzType: t.TimestampType,
        i.TimestampType: t.TimestampNTZType,
    }
    if type(kind) in simple:
        return simple[type(kind)]()
    if isinstance(kind, i.DecimalType):
        return t.DecimalType(kind.precision, kind.scale)
    if isinstance(kind, i.StructType):
        return t.StructType(
            [t.StructField(f.name, spark_type(f.field_type), not f.required) for f in kind.fields]
        )
    if isinstance(kind, i.ListType):
        return t.ArrayType(spark_type(kind.element_type), not kind.element_required)
    if isinstance(kind, i.MapType):
        return t.MapType(spark_type(kind.key_type), spark_type(kind.value_type), not kind.value_required)
    from awsglue._runtime.failures import EngineRefused

    raise EngineRefused(f"Iceberg type {kind}")
