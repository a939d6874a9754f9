"""Reading JSON files as Spark does: one record a line or whole files, inference in sorted order, corrupt records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.io import decoding
from awsglue._runtime.io.csv_values import Formats
from awsglue._runtime.io.json_options import JsonOptions
from awsglue._runtime.io.json_text import decode
from awsglue._runtime.io.json_values import BadField, converter, finished, infer, merge
from awsglue._runtime.io.listing import DataFile
from awsglue._runtime.io.storage import Storage

BLOCK = 20_000
Row = tuple[dict[str, Any] | None, str]


@dataclass(frozen=True, kw_only=True)
class JsonReader:
    """One read: its options and where the files lie."""

    storage: Storage
    options: JsonOptions

    def schema(self, files: list[DataFile]) -> Any:
        """The StructType Spark would infer. Raises AnalysisException when there is no file."""
        from pyspark.errors import AnalysisException
        from pyspark.sql.types import StringType, StructField, StructType

        if not files:
            raise AnalysisException(
                "[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for JSON. It must be specified manually."
            )
        merged: Any = StructType([])
        corrupt = False
        known: dict[Any, Any] = {}
        for file in files:
            for row, raw in self._rows(file):
                if row is None:
                    corrupt = True
                    if self.options.mode == "FAILFAST":
                        raise _malformed(raw)
                    continue
                found = infer(row, self.options)
                # Records of one shape are the rule: do not merge the same type again and again.
                if known.get(found.json()) is None:
                    merged = merge(merged, found)
                    known[found.json()] = True
        struct = finished(merged, self.options) or StructType([])
        if corrupt and self.options.mode == "PERMISSIVE":
            extra = StructField(self.options.corrupt_column, StringType(), True)
            names = [item.name for item in struct.fields]
            if self.options.corrupt_column not in names:
                struct = StructType(sorted([*struct.fields, extra], key=lambda item: item.name))
        return struct

    def batches(self, file: DataFile, schema: Any) -> Iterator[Any]:
        """Record batches of this file in this StructType. Raises SparkRuntimeException in FAILFAST mode."""
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import arrow_schema

        formats = Formats(self.options)
        target = pa.schema([item.with_nullable(True) for item in arrow_schema(schema)])
        fields = [(item.name, converter(item.dataType, formats)) for item in schema.fields]
        block: list[dict[str, Any]] = []
        for row, raw in self._rows(file):
            made = self._convert(row, raw, fields, formats)
            if made is not None:
                block.append(made)
            if len(block) >= BLOCK:
                yield pa.RecordBatch.from_pylist(block, schema=target)
                block = []
        if block:
            yield pa.RecordBatch.from_pylist(block, schema=target)

    def _convert(
        self, row: dict[str, Any] | None, raw: str, fields: list[tuple[str, Any]], formats: Formats
    ) -> dict[str, Any] | None:
        """A row for the schema; None when it is to be dropped."""
        corrupt = self.options.corrupt_column
        out: dict[str, Any] = {}
        bad = row is None
        formats.partial = False
        for name, convert in fields:
            value = None if row is None or (name == corrupt and name not in row) else row.get(name)
            try:
                out[name] = None if value is None else convert(value)
            except BadField:
                out[name] = None
                bad = True
        if bad or formats.partial:
            if self.options.mode == "FAILFAST":
                raise _malformed(raw)
            if self.options.mode == "DROPMALFORMED":
                return None
            if any(name == corrupt for name, _ in fields):
                out[corrupt] = raw
        return out

    def _rows(self, file: DataFile) -> Iterator[Row]:
        with self.storage.open(file.path) as stream:
            chunks = decoding.text_chunks(decoding.decompressed(stream, file.path), self.options.encoding)
            if self.options.multi_line:
                yield from self._records("".join(chunks))
                return
            for lines in decoding.line_blocks(chunks, self.options.line_separator):
                for line in lines:
                    if line and not line.isspace():
                        yield from self._records(line)

    def _records(self, text: str) -> Iterator[Row]:
        if not text.strip():
            return
        try:
            value = decode(text, self.options)
        except (ValueError, RecursionError):
            yield None, text
            return
        if isinstance(value, list):
            for item in value:
                yield (item if isinstance(item, dict) else None), text
        elif isinstance(value, dict):
            yield (
                ({key.lower(): item for key, item in value.items()} if self.options.fold_names else value),
                text,
            )
        elif value is not None:
            yield None, text


def _malformed(raw: str) -> Exception:
    from pyspark.errors import SparkRuntimeException

    return SparkRuntimeException(
        f"[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed records are detected in record parsing: {raw}. "
        "Parse Mode: FAILFAST. To process malformed records as null result, try setting the option 'mode' as "
        "'PERMISSIVE'."
    )
