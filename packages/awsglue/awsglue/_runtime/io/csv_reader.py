"""Reading CSV files as Spark does: header, inference, malformed rows by mode, ragged rows, corrupt-record column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.io import decoding
from awsglue._runtime.io.csv_blocks import Block, blocks, list_rows
from awsglue._runtime.io.csv_lines import EMPTY, Fields
from awsglue._runtime.io.csv_options import CsvOptions
from awsglue._runtime.io.csv_values import Converter, Formats, Inference
from awsglue._runtime.io.listing import DataFile
from awsglue._runtime.io.storage import Storage


@dataclass(frozen=True, kw_only=True)
class CsvReader:
    """One read: its files, options and where they lie."""

    storage: Storage
    options: CsvOptions

    def schema(self, files: list[DataFile]) -> Any:
        """The StructType Spark would infer: names from the first file's first line, types from the data if asked."""
        from pyspark.sql.types import StringType, StructField, StructType

        first = next((row for row in map(self._first, files) if row is not None), None)
        if first is None:
            return StructType([])
        names = self._names(first)
        if not self.options.infer:
            return StructType([StructField(name, StringType(), True) for name in names])
        formats = Formats(self.options)
        columns = [Inference(self.options, formats) for _ in names]
        for file in files:
            for block in self._blocks(file, len(names)):
                for column, inference in zip(block.columns, columns, strict=True):
                    inference.feed(column)
        return StructType(
            [StructField(name, column.spark_type, True) for name, column in zip(names, columns, strict=True)]
        )

    def _names(self, first: Fields) -> list[str]:
        """Column names of the header, made safe as Spark does: _cN for nothing, name + position for duplicates."""
        if not self.options.header:
            return [f"_c{position}" for position in range(len(first))]
        texts = ["" if name in (None, EMPTY) else str(name) for name in first]
        folded = [text.lower() for text in texts]
        names = []
        for position, text in enumerate(texts):
            if not text or text == self.options.null_value:
                names.append(f"_c{position}")
            elif folded.count(text.lower()) > 1:
                names.append(f"{text}{position}")
            else:
                names.append(text)
        return names

    def batches(self, file: DataFile, schema: Any) -> Iterator[Any]:
        """Record batches of this file in this StructType. Raises SparkException in FAILFAST mode."""
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import arrow_schema, arrow_type

        options, formats = self.options, Formats(self.options)
        corrupt = next(
            (i for i, item in enumerate(schema.fields) if item.name == options.corrupt_column), None
        )
        data_fields = [item for i, item in enumerate(schema.fields) if i != corrupt]
        converters = [
            Converter(item.dataType, arrow_type(item.dataType), options, formats) for item in data_fields
        ]
        target = arrow_schema(schema)
        for block in self._blocks(file, len(data_fields)):
            columns, bad = _converted(block, converters)
            if bad and options.mode == "FAILFAST":
                raise _malformed(block.raw(min(bad)))
            if corrupt is not None:
                texts = (
                    [None] * block.count
                    if not bad
                    else [block.raw(row) if row in bad else None for row in range(block.count)]
                )
                columns.insert(corrupt, pa.array(texts, pa.string()))
            batch = (
                pa.RecordBatch.from_arrays(columns, schema=target) if columns else _empty_rows(block.count)
            )
            if bad and options.mode == "DROPMALFORMED":
                batch = batch.take(
                    pa.array([row for row in range(block.count) if row not in bad], pa.int64())
                )
            yield batch

    def _blocks(self, file: DataFile, width: int) -> Iterator[Block]:
        with self.storage.open(file.path) as stream:
            yield from blocks(
                decoding.decompressed(stream, file.path), self.options, width, header=self.options.header
            )

    def _first(self, file: DataFile) -> Fields | None:
        """The fields of the first record (the header, if there is one)."""
        with self.storage.open(file.path) as stream:
            rows = list_rows(decoding.decompressed(stream, file.path), self.options)
            return next((row for row, _ in rows), None)


def _converted(block: Block, converters: list[Converter]) -> tuple[list[Any], set[int]]:
    """The block's columns in their types, and the rows that are malformed."""
    bad = set(block.ragged)
    columns = []
    for converter, values in zip(converters, block.columns, strict=True):
        column, wrong = converter.convert(values)
        columns.append(column)
        bad.update(wrong)
    return columns, bad


def _malformed(raw: str) -> Exception:
    from pyspark.errors import SparkRuntimeException

    return SparkRuntimeException(
        f"[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed records are detected in record parsing: [{raw}]. "
        "Parse Mode: FAILFAST. To process malformed records as null result, try setting the option 'mode' as "
        "'PERMISSIVE'."
    )


def _empty_rows(count: int) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
