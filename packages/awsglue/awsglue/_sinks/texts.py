"""Frames as texts: columns for CSV, whole records as JSON where choices keep their own values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._frames.casts import cast
from awsglue._frames.encoding import columns, member, quote, to_spark

if TYPE_CHECKING:
    import pyarrow as pa


def plain_columns(frame: Encoded, *, bytes_as_text: bool = True) -> Any:
    """Columns that CSV can hold: nested ones as JSON text, a choice as the text of its value."""
    items = []
    for field in frame.schema.fields:
        expression = quote(field.name)
        if isinstance(field.dataType, g.ChoiceType):
            texts = [
                cast(member(expression, name), kind, g.StringType())
                for name, kind in field.dataType.choices.items()
            ]
            items.append((field.name, f"coalesce({', '.join(texts)})"))
        elif isinstance(field.dataType, g.StructType | g.ArrayType | g.SetType | g.MapType):
            items.append((field.name, f"to_json({expression})"))
        elif bytes_as_text and isinstance(field.dataType, g.BinaryType):
            items.append((field.name, f"base64({expression})"))
        else:
            items.append((field.name, expression))
    return frame.df.selectExpr(*columns(items))


def json_texts(frame: Encoded, keys: list[str]) -> Any:
    """One text column of JSON records (nulls left out), beside the partition columns."""
    from pyspark.sql.types import StringType, StructField, StructType

    fields = frame.schema.fields
    unnamed = frame.df.selectExpr(*columns([(f"c{i}", quote(field.name)) for i, field in enumerate(fields)]))
    positions = [next(i for i, field in enumerate(fields) if field.name == key) for key in keys]
    kept = [
        StructField(key, to_spark(fields[position].dataType), True)
        for key, position in zip(keys, positions, strict=True)
    ]
    schema = StructType([StructField("value", StringType(), True), *kept])
    return unnamed.mapInArrow(_lines(frame.schema, positions, keys), schema)


def _lines(
    schema: g.StructType, positions: list[int], keys: list[str]
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from awsglue._frames.display import line
        from awsglue._frames.lazyrecords import records_of
        from awsglue._frames.records import plain

        for batch in batches:
            texts = [
                line(
                    _without_nulls({name: value for name, value in plain(record).items() if name not in keys})
                )
                for record in records_of(batch, schema)
            ]
            arrays = [pa.array(texts, type=pa.string()), *(batch.column(position) for position in positions)]
            yield pa.RecordBatch.from_arrays(arrays, names=["value", *keys])

    return run


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value
