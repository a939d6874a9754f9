"""JSON values and Spark types: inference of one record's type, merging of types, conversion to a schema. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

from awsglue._runtime.io import texts
from awsglue._runtime.io.json_options import JsonOptions
from awsglue._runtime.io.json_text import Wide


class BadField(ValueError):
    """A value that does not fit its type."""


def infer(value: Any, options: JsonOptions) -> Any:
    """Spark's type of one JSON value; fields of objects sorted by name."""
    from pyspark.sql import types as t

    if value is None or value == "":
        return t.NullType()
    if isinstance(value, dict):
        fields = [t.StructField(name, infer(item, options), True) for name, item in value.items()]
        return t.StructType(sorted(fields, key=lambda item: item.name))
    if isinstance(value, list):
        element: Any = t.NullType()
        for item in value:
            element = merge(element, infer(item, options))
        return t.ArrayType(element, True)
    if options.primitives_as_string or isinstance(value, str):
        return _string(value, options)
    if isinstance(value, bool):
        return t.BooleanType()
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return t.LongType()
        digits = len(str(abs(value)))
        return t.DecimalType(digits, 0) if digits <= 38 else t.DoubleType()
    if options.prefers_decimal and isinstance(value, Wide):
        number = Decimal(value.text).as_tuple()
        scale = max(0, -int(number.exponent))
        precision = max(len(number.digits), scale)
        if precision <= 38:
            return t.DecimalType(precision, scale)
    return t.DoubleType()


def _string(value: Any, options: JsonOptions) -> Any:
    from pyspark.sql import types as t

    if options.infer_timestamp and isinstance(value, str):
        from awsglue._runtime.io.csv_values import Formats

        if Formats(options).parse_timestamp(value) is not None:
            return t.TimestampType()
    return t.StringType()


def merge(left: Any, right: Any) -> Any:
    """The narrowest type for both, as Spark's JsonInferSchema.compatibleType."""
    from pyspark.sql import types as t

    if left == right:
        return left
    if isinstance(left, t.NullType):
        return right
    if isinstance(right, t.NullType):
        return left
    if isinstance(left, t.StructType) and isinstance(right, t.StructType):
        by_name = {item.name: item.dataType for item in left.fields}
        for item in right.fields:
            by_name[item.name] = (
                merge(by_name[item.name], item.dataType) if item.name in by_name else item.dataType
            )
        return t.StructType([t.StructField(name, by_name[name], True) for name in sorted(by_name)])
    if isinstance(left, t.ArrayType) and isinstance(right, t.ArrayType):
        return t.ArrayType(merge(left.elementType, right.elementType), True)
    kinds = {type(left), type(right)}
    if kinds <= {t.LongType, t.DoubleType}:
        return t.DoubleType()
    if t.DecimalType in kinds and kinds <= {t.LongType, t.DoubleType, t.DecimalType}:
        return _merge_decimal(left, right)
    return t.StringType()


def _merge_decimal(left: Any, right: Any) -> Any:
    from pyspark.sql import types as t

    if isinstance(left, t.DoubleType) or isinstance(right, t.DoubleType):
        return t.DoubleType()
    left = t.DecimalType(20, 0) if isinstance(left, t.LongType) else left
    right = t.DecimalType(20, 0) if isinstance(right, t.LongType) else right
    scale = max(left.scale, right.scale)
    whole = max(left.precision - left.scale, right.precision - right.scale)
    return t.DoubleType() if scale + whole > 38 else t.DecimalType(scale + whole, scale)


def finished(data_type: Any, options: JsonOptions) -> Any:
    """The inferred type with nulls become strings and empty objects left out; None when nothing is left."""
    from pyspark.sql import types as t

    if isinstance(data_type, t.NullType):
        return None if options.drop_all_null else t.StringType()
    if isinstance(data_type, t.StructType):
        kept = [(item.name, finished(item.dataType, options)) for item in data_type.fields if item.name]
        fields = [t.StructField(name, kind, True) for name, kind in kept if kind is not None]
        return t.StructType(fields) if fields else None
    if isinstance(data_type, t.ArrayType):
        element = finished(data_type.elementType, options)
        return None if element is None else t.ArrayType(element, True)
    return data_type


def converter(data_type: Any, formats: Any) -> Callable[[Any], Any]:
    """Values to what pyarrow takes for this type. The function raises BadField."""
    from pyspark.sql import types as t

    if isinstance(data_type, t.StructType):
        return _struct(data_type, formats)
    if isinstance(data_type, t.ArrayType):
        inner = converter(data_type.elementType, formats)
        return lambda value: [None if item is None else inner(item) for item in _expect(value, list)]
    if isinstance(data_type, t.MapType):
        inner = converter(data_type.valueType, formats)
        return lambda value: [
            (key, None if item is None else inner(item)) for key, item in _expect(value, dict).items()
        ]
    if isinstance(data_type, (t.StringType, t.VarcharType, t.CharType)):
        return as_text
    if isinstance(data_type, t.BooleanType):
        return lambda value: _expect(value, bool)
    name = data_type.simpleString()
    if name in texts.INTEGER_BITS:
        return _integer(texts.INTEGER_BITS[name])
    if name in ("double", "float"):
        return _double
    if isinstance(data_type, t.DecimalType):
        return _decimal(data_type)
    if isinstance(data_type, t.BinaryType):
        return lambda value: base64.b64decode(_expect(value, str))
    if name in ("date", "timestamp", "timestamp_ntz"):
        return _moment(name, formats)
    if isinstance(data_type, t.NullType):
        return lambda value: None
    from awsglue._runtime.failures import EngineRefused

    raise EngineRefused(f"JSON column of type {name}")


def _expect(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise BadField(kind.__name__)
    return value


def _struct(data_type: Any, formats: Any) -> Callable[[Any], Any]:
    fields = [(item.name, converter(item.dataType, formats)) for item in data_type.fields]

    def convert(value: Any) -> Any:
        row = _expect(value, dict)
        out = {}
        for name, one in fields:
            item = row.get(name)
            try:
                out[name] = None if item is None else one(item)
            except BadField:
                # The rest of the object stays, as in Spark; the record counts as malformed.
                out[name] = None
                formats.partial = True
        return out

    return convert


def as_text(value: Any) -> str:
    """A value as the text Spark gives for a string column: strings as they are, the rest as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Wide):
        return texts.java_double(value)
    if isinstance(value, float):
        return texts.java_double(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_nested(v)}" for k, v in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(_nested(item) for item in value) + "]"
    return str(value)


def _nested(value: Any) -> str:
    if value is None:
        return "null"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else as_text(value)


def _integer(bits: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if type(value) is not int or not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise BadField("integer")
        return value

    return convert


def _double(value: Any) -> float:
    if isinstance(value, str) and value in (
        "NaN",
        "Infinity",
        "+INF",
        "INF",
        "+Infinity",
        "-Infinity",
        "-INF",
    ):
        return float({"+INF": "inf", "INF": "inf", "-INF": "-inf"}.get(value, value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadField("double")
    return float(value)


def _decimal(data_type: Any) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise BadField("decimal")
        text = value.text if isinstance(value, Wide) else str(value)
        number = texts.parse_decimal(text)
        if number is None:
            raise BadField("decimal")
        return texts.fit_decimal(number, data_type.precision, data_type.scale)

    return convert


def _moment(name: str, formats: Any) -> Callable[[Any], Any]:
    from datetime import datetime

    def convert(value: Any) -> Any:
        if name != "date" and type(value) is int:
            return datetime.fromtimestamp(value, UTC)
        if not isinstance(value, str):
            raise BadField(name)
        found = formats.parse_date(value) if name == "date" else formats.parse_timestamp(value)
        if found is None:
            raise BadField(name)
        return found.replace(tzinfo=None) if name == "timestamp_ntz" else found

    return convert
