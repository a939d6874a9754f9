"""Reading CSV files as Spark does: header, inference, malformed rows by mode, ragged rows, corrupt-record column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.io import decoding
from awsglue._runtime.io.csv_lines import EMPTY, Fields, records, split_line
from awsglue._runtime.io.csv_options import CsvOptions
from awsglue._runtime.io.csv_values import Converter, Formats, Inference
from awsglue._runtime.io.listing import DataFile
from awsglue._runtime.io.storage import Storage

BLOCK = 50_000


@dataclass(frozen=True, kw_only=True)
class CsvReader:
    """One read: its files, options and where they lie."""

    storage: Storage
    options: CsvOptions

    def schema(self, files: list[DataFile]) -> Any:
        """The StructType Spark would infer: names from the first file's first line, types from the data if asked."""
        from pyspark.sql.types import StringType, StructField, StructType

        first = next((row for file in files for row, _ in self._rows(file, keep_header=True)), None)
        if first is None:
            return StructType([])
        names = self._names(first)
        if not self.options.infer:
            return StructType([StructField(name, StringType(), True) for name in names])
        formats = Formats(self.options)
        columns = [Inference(self.options, formats) for _ in names]
        for file in files:
            for block in self._blocks(file):
                self._feed(columns, [row for row, _ in block])
        return StructType(
            [StructField(name, column.spark_type, True) for name, column in zip(names, columns, strict=True)]
        )

    def _feed(self, columns: list[Inference], rows: list[Fields]) -> None:
        width = len(columns)
        padded = [row if len(row) == width else (row + [None] * width)[:width] for row in rows]
        for position, values in enumerate(zip(*padded, strict=True)):
            columns[position].feed(list(values))

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
        corrupt = next((i for i, item in enumerate(schema.fields) if item.name == options.corrupt_column), None)
        data_fields = [item for i, item in enumerate(schema.fields) if i != corrupt]
        converters = [
            Converter(item.dataType, arrow_type(item.dataType), options, formats) for item in data_fields
        ]
        target = arrow_schema(schema)
        for block in self._blocks(file):
            columns, bad, count = self._columns(block, converters)
            if bad and options.mode == "FAILFAST":
                raise _malformed(block[min(bad)][1])
            if corrupt is not None:
                texts = [raw if row in bad else None for row, (_, raw) in enumerate(block)]
                columns.insert(corrupt, pa.array(texts, pa.string()))
            batch = pa.RecordBatch.from_arrays(columns, schema=target) if columns else _empty_rows(count)
            if bad and options.mode == "DROPMALFORMED":
                batch = batch.take(pa.array([row for row in range(count) if row not in bad], pa.int64()))
            yield batch

    def _columns(self, block: list[tuple[Fields, str]], converters: list[Converter]) -> tuple[list[Any], set[int], int]:
        width = len(converters)
        bad: set[int] = set()
        rows: list[Fields] = []
        for number, (row, _) in enumerate(block):
            if len(row) != width:
                bad.add(number)
                row = (row + [None] * width)[:width]
            rows.append(row)
        columns = []
        for converter, values in zip(converters, zip(*rows, strict=True), strict=True):
            column, wrong = converter.convert(list(values))
            columns.append(column)
            bad.update(wrong)
        return columns, bad, len(block)

    def _blocks(self, file: DataFile) -> Iterator[list[tuple[Fields, str]]]:
        block: list[tuple[Fields, str]] = []
        for row in self._rows(file):
            block.append(row)
            if len(block) >= BLOCK:
                yield block
                block = []
        if block:
            yield block

    def _rows(self, file: DataFile, *, keep_header: bool = False) -> Iterator[tuple[Fields, str]]:
        """(fields, raw text) of each record of a file, without blank lines, comments and (mostly) the header."""
        options = self.options
        skip = options.header and not keep_header
        with self.storage.open(file.path) as stream:
            chunks = decoding.text_chunks(decoding.decompressed(stream, file.path), options.encoding)
            if options.multi_line:
                found = records("".join(chunks), options)
            else:
                found = self._line_rows(chunks)
            for row in found:
                if skip:
                    skip = False
                    continue
                yield row

    def _line_rows(self, chunks: Iterator[str]) -> Iterator[tuple[Fields, str]]:
        options = self.options
        for lines in decoding.line_blocks(chunks, options.line_separator):
            for line in lines:
                if not line or line.isspace() or options.comment and line.startswith(options.comment):
                    continue
                yield split_line(line, options), line


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
