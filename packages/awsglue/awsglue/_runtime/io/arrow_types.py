"""Spark types and Arrow types, both ways, with the session in UTC."""

from __future__ import annotations

from typing import Any


def arrow_type(data_type: Any) -> Any:
    """The Arrow type Spark itself uses for this type (timestamps in microseconds, UTC)."""
    import pyarrow as pa
    from pyspark.sql import types as t

    simple = {
        t.StringType: pa.string(),
        t.BinaryType: pa.binary(),
        t.BooleanType: pa.bool_(),
        t.ByteType: pa.int8(),
        t.ShortType: pa.int16(),
        t.IntegerType: pa.int32(),
        t.LongType: pa.int64(),
        t.FloatType: pa.float32(),
        t.DoubleType: pa.float64(),
        t.DateType: pa.date32(),
        t.TimestampType: pa.timestamp("us", "UTC"),
        t.TimestampNTZType: pa.timestamp("us"),
        t.NullType: pa.null(),
        t.VarcharType: pa.string(),
        t.CharType: pa.string(),
        t.DayTimeIntervalType: pa.duration("us"),
    }
    if type(data_type) in simple:
        return simple[type(data_type)]
    if isinstance(data_type, t.DecimalType):
        return pa.decimal128(data_type.precision, data_type.scale)
    if isinstance(data_type, t.ArrayType):
        return pa.list_(
            pa.field("element", arrow_type(data_type.elementType), nullable=data_type.containsNull)
        )
    if isinstance(data_type, t.MapType):
        value = pa.field("value", arrow_type(data_type.valueType), nullable=data_type.valueContainsNull)
        return pa.map_(pa.field("key", arrow_type(data_type.keyType), nullable=False), value)
    if isinstance(data_type, t.StructType):
        return pa.struct(list(arrow_schema(data_type)))
    from awsglue._runtime.failures import EngineRefused

    raise EngineRefused(f"type {data_type.simpleString()}")


def arrow_schema(struct: Any) -> Any:
    """Arrow schema of a StructType."""
    import pyarrow as pa

    return pa.schema(
        [pa.field(item.name, arrow_type(item.dataType), item.nullable) for item in struct.fields]
    )


def spark_type(arrow: Any) -> Any:
    """The Spark type for an Arrow type as Spark reads it from Parquet. Raises EngineRefused where it has none."""
    import pyarrow as pa
    from pyspark.sql import types as t

    checks = [
        (pa.types.is_string, t.StringType),
        (pa.types.is_large_string, t.StringType),
        (pa.types.is_boolean, t.BooleanType),
        (pa.types.is_int8, t.ByteType),
        (pa.types.is_int16, t.ShortType),
        (pa.types.is_int32, t.IntegerType),
        (pa.types.is_int64, t.LongType),
        (pa.types.is_uint8, t.ShortType),
        (pa.types.is_uint16, t.IntegerType),
        (pa.types.is_uint32, t.LongType),
        (pa.types.is_float32, t.FloatType),
        (pa.types.is_float64, t.DoubleType),
        (pa.types.is_date32, t.DateType),
        (pa.types.is_null, t.NullType),
        (pa.types.is_binary, t.BinaryType),
        (pa.types.is_large_binary, t.BinaryType),
        (pa.types.is_fixed_size_binary, t.BinaryType),
        (pa.types.is_string_view, t.StringType),
        (pa.types.is_binary_view, t.BinaryType),
    ]
    for check, made in checks:
        if check(arrow):
            return made()
    if pa.types.is_decimal(arrow):
        return t.DecimalType(arrow.precision, arrow.scale)
    if pa.types.is_uint64(arrow):
        return t.DecimalType(20, 0)
    if pa.types.is_timestamp(arrow):
        return t.TimestampNTZType() if arrow.tz is None else t.TimestampType()
    if pa.types.is_dictionary(arrow):
        return spark_type(arrow.value_type)
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return t.ArrayType(spark_type(arrow.value_type), True)
    if pa.types.is_map(arrow):
        return t.MapType(spark_type(arrow.key_type), spark_type(arrow.item_type), True)
    if pa.types.is_struct(arrow):
        return t.StructType([t.StructField(item.name, spark_type(item.type), True) for item in arrow])
    from awsglue._runtime.failures import EngineRefused

    raise EngineRefused(f"Arrow type {arrow}")


def spark_schema(schema: Any) -> Any:
    """StructType of an Arrow schema, every field nullable as files are."""
    from pyspark.sql.types import StructField, StructType

    return StructType([StructField(item.name, spark_type(item.type), True) for item in schema])


def conform(batch: Any, target: Any) -> Any:
    """A batch in exactly this Arrow schema (string views, large types and zones made plain)."""
    import pyarrow as pa

    columns = []
    for item, column in zip(target, batch.columns, strict=True):
        columns.append(column if column.type == item.type else column.cast(item.type))
    nullable = pa.schema([item.with_nullable(True) for item in target])
    if not columns:
        return batch
    return pa.RecordBatch.from_arrays(columns, schema=nullable)
