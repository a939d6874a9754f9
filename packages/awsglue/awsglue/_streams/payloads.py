"""A batch's records as a DataFrame of the running engine: spooled to this process's scratch folder, then read by it."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._frames.encoding import quote
from awsglue._streams.layouts import HEADERS, RAW, TIMESTAMP, Layout
from awsglue._streams.records import Record

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BLOCK = 20_000
# What schema registries put first, Glue's and Confluent's; no JSON begins with it.
_REGISTRIES = (b"\x03", b"\x00")
_LINE_END = re.compile(r"\r\n|\n|\r")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Payloads:
    """Makes frames of batches in one layout."""

    def __init__(
        self, spark: Any, layout: Layout, steps: Callable[[Any, str], Any] = lambda df, place: df
    ) -> None:
        """`steps` is what the script did to the stream before it was read; it may leave files in the folder given."""
        self._spark = spark
        self._layout = layout
        self._steps = steps

    @contextmanager
    def batch(self, records: Iterable[Record]) -> Iterator[DataFrame]:
        """The batch's frame; it can be read any number of times until the block ends."""
        from awsglue._frames.staging import folder

        place = folder()
        before = set(self._scans())
        try:
            yield self._steps(self.frame(records, place), place)
        finally:
            shutil.rmtree(place, ignore_errors=True)
            self._forget(before, place)

    def frame(self, records: Iterable[Record], place: str) -> DataFrame:
        """The records as a frame over files in the folder `place`."""
        layout = self._layout
        if layout.format in (RAW, "avro", "groklog"):
            return self._staged(_rows(layout, records), place)
        path = os.path.join(place, "payloads." + layout.format)
        text = _json_lines if layout.format == "json" else _csv_lines
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(text(layout, records))
        return self._read(path)

    def _staged(self, rows: Iterator[dict[str, Any]], place: str) -> DataFrame:
        import pyarrow.parquet as pq

        from awsglue._frames.records import arrow_batch
        from awsglue._sources.staged import staged_frame

        schema = self._layout.columns()
        path = os.path.join(place, "records.parquet")
        block = list(islice(rows, BLOCK))
        first = arrow_batch(block, schema)
        with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
            writer.write_batch(first)
            while block := list(islice(rows, BLOCK)):
                writer.write_batch(arrow_batch(block, schema))
        return staged_frame(self._spark, path, schema).df

    def _read(self, path: str) -> DataFrame:
        from awsglue._frames.encoding import to_spark

        layout = self._layout
        reader = self._spark.read
        uri = f"file://{path}"
        extras = layout.extras()
        if layout.format == "csv":
            reader = reader.option("sep", layout.delimiter)
            declared = layout.schema or g.StructType(
                [
                    g.Field(f"col{index}", g.StringType())
                    for index in range(max(1, _widest(path, layout) - len(extras)))
                ]
            )
            # What is not in the payload stands before it in the file.
            given = g.StructType([*extras, *declared.fields])
            df = reader.schema(to_spark(given)).csv(uri)
            return df.select(*[_column(one.name) for one in [*declared.fields, *extras]]) if extras else df
        if layout.schema is not None:
            return reader.schema(to_spark(layout.columns())).json(uri)
        df = reader.json(uri)
        if not extras:
            return df
        names = [one.name for one in extras]
        kept = [_column(name) for name in df.columns if name not in names]
        return df.select(*kept, *[_typed(one) for one in extras if one.name in df.columns])

    def _scans(self) -> dict[str, Any]:
        """The embedded engine's register of what frames read; the classic one has none."""
        found: dict[str, Any] = getattr(getattr(self._spark, "_mastic", None), "scans", {})
        return found

    def _forget(self, before: set[str], place: str) -> None:
        scans = self._scans()
        for name in [one for one in scans if one not in before]:
            if any(place in str(file.path) for file in scans[name].files):
                scans.pop(name).forget()


def _column(name: str) -> Any:
    from pyspark.sql import functions as fn

    return fn.col(quote(name))


def _typed(field: g.Field) -> Any:
    """An added column out of inferred JSON, where a timestamp is still a text."""
    from awsglue._frames.encoding import ddl

    return _column(field.name).cast(ddl(field.dataType)).alias(field.name)


def _rows(layout: Layout, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    if layout.format == RAW:
        raw = _kafka_row if layout.kind == "kafka" else _kinesis_row
        for record in records:
            yield raw(record)
        return
    decode = _avro_decoder(layout) if layout.format == "avro" else _grok_decoder(layout)
    for record in records:
        for row in decode(record):
            if layout.with_timestamp:
                row[TIMESTAMP] = _time(record.at)
            if layout.with_headers:
                row[HEADERS] = _headers(record)
            yield row


def _kafka_row(record: Record) -> dict[str, Any]:
    return {
        "key": record.key,
        "value": record.value,
        "topic": record.place,
        "partition": int(record.part),
        "offset": int(record.position),
        "timestamp": _time(record.at),
        "timestampType": record.at_kind,
        "headers": [{"key": name, "value": value} for name, value in record.headers] or None,
    }


def _kinesis_row(record: Record) -> dict[str, Any]:
    return {
        "data": record.value,
        "streamName": record.place,
        "partitionKey": (record.key or b"").decode(),
        "sequenceNumber": record.position,
        "approximateArrivalTimestamp": _time(record.at),
    }


def _avro_decoder(layout: Layout) -> Callable[[Record], list[dict[str, Any]]]:
    import fastavro

    schema = fastavro.parse_schema(layout.avro or {})

    def decode(record: Record) -> list[dict[str, Any]]:
        body = io.BytesIO(record.value or b"")
        try:
            found: Any = fastavro.schemaless_reader(body, schema, None)
        except (ValueError, EOFError, KeyError, IndexError, StopIteration) as error:
            raise ValueError(f"{_shown(record)} is not of the Avro schema: {error}") from None
        if body.read(1):
            # Another schema, or the header of a schema registry: what was read is not what was written.
            raise ValueError(f"{_shown(record)} is not of the Avro schema: it is longer")
        return [dict(found)]

    return decode


def _grok_decoder(layout: Layout) -> Callable[[Record], list[dict[str, Any]]]:
    from awsglue._sources.grokfiles import compile_pattern

    options = layout.options
    pattern, names = compile_pattern(
        str(options.get("logFormat") or options.get("grokPattern") or ""),
        str(options.get("customPatterns") or ""),
    )

    def decode(record: Record) -> list[dict[str, Any]]:
        rows = []
        for line in _lines(record) or [""]:
            match = pattern.search(line)
            # A line that does not match is a row without values: nothing of a stream disappears.
            row: dict[str, Any] = dict.fromkeys(names)
            for index, name in enumerate(names if match else ()):
                found = match.group(f"f{index}")  # type: ignore[union-attr]
                if row[name] is None and found is not None:
                    row[name] = found
            rows.append(row)
        return rows

    return decode


def _json_lines(layout: Layout, records: Iterable[Record]) -> Iterator[str]:
    """One line a record; an empty payload is an object without members, so that it stays a row."""
    for record in records:
        if record.value and record.value.startswith(_REGISTRIES):
            raise NotImplementedError(
                f"{_shown(record)} has the header of a schema registry, which is not read"
            )
        text = _text(record).replace("\r", " ").replace("\n", " ").strip() or "{}"
        if layout.with_timestamp or layout.with_headers:
            text = _with_members(text, _members(layout, record))
        yield text + "\n"


def _members(layout: Layout, record: Record) -> str:
    members: dict[str, Any] = {}
    if layout.with_timestamp:
        members[TIMESTAMP] = _stamp(record.at)
    if layout.with_headers:
        members[HEADERS] = _headers(record)
    return json.dumps(members)[1:-1]


def _with_members(text: str, members: str) -> str:
    """A JSON object with further members in front; what is no object is left as it is, to be judged by the reader."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, list):
        return "[" + ",".join(_with_members(json.dumps(one), members) for one in value) + "]"
    if not isinstance(value, dict):
        return text
    rest = text[1:].lstrip()
    return "{" + members + ("" if rest.startswith("}") else ",") + rest


def _csv_lines(layout: Layout, records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        before = ""
        if layout.with_timestamp:
            # In quotes: the delimiter may be one of its characters.
            before = f'"{_stamp(record.at)}"{layout.delimiter}'
        for line in _lines(record):
            if line.strip():
                yield before + line + "\n"


def _widest(path: str, layout: Layout) -> int:
    import csv

    with open(path, encoding="utf-8", newline="") as file:
        return max((len(row) for row in csv.reader(file, delimiter=layout.delimiter)), default=0)


def _headers(record: Record) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": None if value is None else value.decode("utf-8", errors="replace")}
        for name, value in record.headers
    ]


def _shown(record: Record) -> str:
    return f"record {record.position} of {record.place}/{record.part}"


def _text(record: Record) -> str:
    return (record.value or b"").decode("utf-8-sig", errors="replace")


def _lines(record: Record) -> list[str]:
    """The lines of a text; only line feeds and carriage returns end one, as for the engines' readers."""
    lines = _LINE_END.split(_text(record))
    return lines if lines[-1] else lines[:-1]


def _time(milliseconds: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(milliseconds=milliseconds)


def _stamp(milliseconds: int) -> str:
    return _time(milliseconds).strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
