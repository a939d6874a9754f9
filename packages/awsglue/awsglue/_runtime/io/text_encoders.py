"""Rows to lines of CSV, JSON and text by Spark's rules."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io import datetimes, texts
from awsglue._runtime.io.encoders import TEXT_CODECS, compressed

TIMESTAMP = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
TIMESTAMP_NTZ = "yyyy-MM-dd'T'HH:mm:ss.SSS"
Lines = tuple[str, Callable[[Any], Iterable[str]], str]


def lines_of(kind: str, struct: Any, options: dict[str, str], conf: dict[str, str]) -> Lines:
    """(first line or "", rows of a batch to lines, line separator) of a format."""
    separator = options.get("linesep", "\n")
    if kind == "text":
        return "", _text_lines(struct), separator
    if kind == "json":
        return "", JsonLines(struct, options, conf).lines, separator
    csv = CsvLines(struct, options, conf)
    return csv.header, csv.lines, separator


class TextEncoder:
    """One text file, compressed or not."""

    def __init__(self, kind: str, lines: Lines, options: dict[str, str]) -> None:
        from pyspark.errors import IllegalArgumentException

        codec = (options.get("compression") or options.get("codec") or "none").lower()
        if codec not in TEXT_CODECS:
            raise IllegalArgumentException(
                f"[CODEC_NOT_AVAILABLE.WITH_AVAILABLE_CODECS_SUGGESTION] The codec {codec} is not available."
            )
        if options.get("encoding", options.get("charset", "UTF-8")).upper() not in ("UTF-8", "UTF8"):
            raise EngineRefused("writing text in another encoding than UTF-8")
        self._codec = TEXT_CODECS[codec]
        self.suffix = {"csv": ".csv", "json": ".json", "text": ".txt"}[kind] + self._codec
        self._first, self._lines, self._separator = lines
        self.rows = 0
        self.size = 0
        self.local = ""
        self.target = ""

    def open(self, path: str) -> None:
        self.local = path
        self._file = compressed(path, self._codec)
        if self._first:
            self._file.write((self._first + self._separator).encode())

    def write(self, batch: Any) -> None:
        text = "".join(line + self._separator for line in self._lines(batch))
        data = text.encode()
        self._file.write(data)
        self.rows += batch.num_rows
        self.size += len(data)

    def held(self) -> int:
        """Nothing is held back."""
        return 0

    def release(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self._file.close()


def _text_lines(struct: Any) -> Callable[[Any], Iterable[str]]:
    from pyspark.errors import AnalysisException

    if len(struct.fields) != 1 or struct.fields[0].dataType.simpleString() != "string":
        raise AnalysisException(
            "[UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE] Text data source supports only a single string column, and you "
            f"have {len(struct.fields)} columns."
        )
    return lambda batch: (value or "" for value in batch.column(0).to_pylist())


class _Values:
    """Values to text, with the formats of one write."""

    def __init__(self, options: dict[str, str], conf: dict[str, str]) -> None:
        zone = options.get("timezone", conf.get("spark.sql.session.timeZone", "UTC"))
        self._zone = datetimes.zone(zone) or UTC
        self._date = datetimes.Pattern(options.get("dateformat", "yyyy-MM-dd"))
        self._timestamp = datetimes.Pattern(options.get("timestampformat", TIMESTAMP))
        self._timestamp_ntz = datetimes.Pattern(options.get("timestampntzformat", TIMESTAMP_NTZ))

    def date(self, value: date) -> str:
        return self._date.format(datetime(value.year, value.month, value.day, tzinfo=UTC))

    def timestamp(self, value: datetime) -> str:
        if value.tzinfo is None:
            return self._timestamp_ntz.format(value)
        return self._timestamp.format(value.astimezone(self._zone))


class CsvLines:
    """Rows to CSV lines."""

    def __init__(self, struct: Any, options: dict[str, str], conf: dict[str, str]) -> None:
        from awsglue._runtime.io.csv_options import _one, _separator

        self._struct = struct
        self._sep = _separator(options.get("sep", options.get("delimiter", ",")))
        self._quote = _one(options.get("quote", '"'), "quote") or "\0"
        self._escape = _one(options.get("escape", "\\"), "escape")
        self._null = options.get("nullvalue", "")
        self._empty = options.get("emptyvalue", '""')
        self._all = options.get("quoteall", "false").lower() == "true"
        if self._all:
            # Nulls are fields, too. What is in quotes already stays as it is.
            self._null, self._empty = (
                text if len(text) > 1 and text[0] == text[-1] == self._quote else self._quoted(text)
                for text in (self._null, self._empty)
            )
        self._escape_quotes = options.get("escapequotes", "true").lower() == "true"
        self._left = options.get("ignoreleadingwhitespace", "true").lower() == "true"
        self._right = options.get("ignoretrailingwhitespace", "true").lower() == "true"
        self._values = _Values(options, conf)
        self._writers = [self._writer(item.dataType) for item in struct.fields]
        names = self._sep.join(self._field(item.name) for item in struct.fields)
        self.header = names if options.get("header", "false").lower() == "true" else ""

    def lines(self, batch: Any) -> Iterable[str]:
        columns = []
        for column, write in zip(batch.columns, self._writers, strict=True):
            columns.append(
                [self._null if value is None else self._field(write(value)) for value in column.to_pylist()]
            )
        return (self._sep.join(row) for row in zip(*columns, strict=True))

    def _field(self, text: str) -> str:
        if text == "":
            return self._empty
        if self._left:
            text = text.lstrip("".join(map(chr, range(33))))
        if self._right:
            text = text.rstrip("".join(map(chr, range(33))))
        if text == "":
            return self._quote * 2 if self._quote != "\0" else ""
        quote = self._quote
        special = self._sep in text or "\n" in text or "\r" in text or text[0] == quote
        if (quote in text and self._escape_quotes) or special or self._all:
            return self._quoted(text)
        return text

    def _quoted(self, text: str) -> str:
        quote, escape = self._quote, self._escape
        doubled = escape not in (quote, "") and (escape + quote in text or text.endswith(escape))
        body = text.replace(escape, escape * 2) if doubled else text
        return quote + body.replace(quote, (escape or quote) + quote) + quote

    def _writer(self, data_type: Any) -> Callable[[Any], str]:
        from pyspark.errors import AnalysisException
        from pyspark.sql import types as t

        if isinstance(data_type, (t.ArrayType, t.MapType, t.StructType, t.BinaryType, t.NullType)):
            raise AnalysisException(
                "[UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE] The CSV datasource doesn't support the type "
                f'"{data_type.simpleString().upper()}".'
            )
        return atomic_text(data_type, self._values)


def atomic_text(data_type: Any, values: _Values) -> Callable[[Any], str]:
    """The text of values of an atomic type."""
    from pyspark.sql import types as t

    if isinstance(data_type, t.BooleanType):
        return lambda value: "true" if value else "false"
    if isinstance(data_type, t.DoubleType):
        return texts.java_double
    if isinstance(data_type, t.FloatType):
        return texts.java_float
    if isinstance(data_type, t.DecimalType):
        return lambda value: f"{value:f}"
    if isinstance(data_type, (t.TimestampType, t.TimestampNTZType)):
        return values.timestamp
    if isinstance(data_type, t.DateType):
        return values.date
    return str


class JsonLines:
    """Rows to JSON lines: null fields left out, Java's numbers."""

    def __init__(self, struct: Any, options: dict[str, str], conf: dict[str, str]) -> None:
        self._keep_nulls = options.get("ignorenullfields", "true").lower() == "false"
        self._values = _Values(options, conf)
        self._struct = struct
        self._write = self._object(struct)

    def lines(self, batch: Any) -> Iterable[str]:
        for row in batch.to_pylist():
            yield self._write(row)

    def _object(self, struct: Any) -> Callable[[dict[str, Any]], str]:
        fields = [
            (item.name, json.dumps(item.name, ensure_ascii=False), self._writer(item.dataType))
            for item in struct.fields
        ]

        def write(row: dict[str, Any]) -> str:
            parts = []
            for name, key, one in fields:
                value = row[name]
                if value is not None:
                    parts.append(f"{key}:{one(value)}")
                elif self._keep_nulls:
                    parts.append(f"{key}:null")
            return "{" + ",".join(parts) + "}"

        return write

    def _writer(self, data_type: Any) -> Callable[[Any], str]:
        from pyspark.sql import types as t

        if isinstance(data_type, t.StructType):
            return self._object(data_type)
        if isinstance(data_type, t.ArrayType):
            inner = self._writer(data_type.elementType)
            return lambda values: "[" + ",".join("null" if v is None else inner(v) for v in values) + "]"
        if isinstance(data_type, t.MapType):
            return self._map(data_type)
        if isinstance(data_type, (t.StringType, t.VarcharType, t.CharType)):
            return _quoted
        if isinstance(data_type, t.BinaryType):
            return lambda value: _quoted(base64.b64encode(value).decode())
        text = atomic_text(data_type, self._values)
        if isinstance(data_type, (t.DateType, t.TimestampType, t.TimestampNTZType)):
            return lambda value: _quoted(text(value))
        if isinstance(data_type, (t.DoubleType, t.FloatType)):
            return lambda value: text(value) if value - value == 0 else _quoted(text(value))
        if isinstance(data_type, t.DecimalType):
            return _decimal
        return text

    def _map(self, data_type: Any) -> Callable[[Any], str]:
        key = atomic_text(data_type.keyType, self._values)
        inner = self._writer(data_type.valueType)

        def write(pairs: Any) -> str:
            items = pairs.items() if isinstance(pairs, dict) else pairs
            return (
                "{"
                + ",".join(f"{_quoted(key(k))}:{'null' if v is None else inner(v)}" for k, v in items)
                + "}"
            )

        return write


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _decimal(value: Decimal) -> str:
    return f"{value:f}"
