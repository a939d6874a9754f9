"""Avro, Ion and Excel files, by their own libraries."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

from awsglue._runtime.io.storage import Storage
from awsglue._sources.request import truth
from awsglue._sources.texts import read_bytes


class MissingLibrary(ImportError):
    """A format needs a library that is not in this environment."""

    def __init__(self, format: str, package: str) -> None:
        super().__init__(
            f"format {format} needs the package {package}: add it to --additional-python-modules"
        )


def avro(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[dict[str, Any] | Exception]:
    """Avro container files. Version 1.7 gives logical types as plain numbers, 1.8 dates and decimals as such."""
    try:
        import fastavro
    except ImportError:
        raise MissingLibrary("avro", "fastavro") from None
    raw = storage.read(path)
    modern = str(options.get("version", "1.7")) == "1.8"
    try:
        reader = fastavro.reader(io.BytesIO(raw))
        schema: Any = reader.writer_schema
        for record in reader:
            yield _avro_value(record, schema, modern, {})
    except (ValueError, EOFError, KeyError) as error:
        yield ValueError(f"Unable to parse avro in {path}: {error}")


def _avro_value(value: Any, schema: Any, modern: bool, named: dict[str, Any]) -> Any:
    """A value as Glue's reader of that version gives it: what it does not know stays the plain Avro type."""
    if value is None:
        return None
    if isinstance(schema, list):
        return _avro_value(value, _branch(value, schema, named), modern, named)
    if isinstance(schema, str):
        return _avro_value(value, named[schema], modern, named) if schema in named else value
    kind = schema.get("type")
    if schema.get("name"):
        named[schema["name"]] = schema
    logical = schema.get("logicalType")
    if logical:
        return _avro_logical(value, logical, schema, modern)
    if kind in ("record", "error"):
        return {
            one["name"]: _avro_value(value.get(one["name"]), one["type"], modern, named)
            for one in schema["fields"]
        }
    if kind == "array":
        return [_avro_value(one, schema["items"], modern, named) for one in value]
    if kind == "map":
        return {name: _avro_value(one, schema["values"], modern, named) for name, one in value.items()}
    return _avro_value(value, kind, modern, named) if isinstance(kind, dict | list) else value


def _branch(value: Any, union: list[Any], named: dict[str, Any]) -> Any:
    """The branch of a union that a value is of: the one that is not null, or the one that validates."""
    options = [one for one in union if one != "null"]
    if len(options) == 1:
        return options[0]
    from fastavro.validation import validate

    for one in options:
        if isinstance(one, str) and one in named:
            one = named[one]
        if validate(value, one, raise_errors=False):
            return one
    return options[0]


def _avro_logical(value: Any, logical: str, schema: dict[str, Any], modern: bool) -> Any:
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    if logical == "decimal":
        if modern:
            return value
        unscaled = int(value.scaleb(schema.get("scale", 0)))
        return unscaled.to_bytes(max(1, (unscaled.bit_length() + 8) // 8), "big", signed=True)
    if logical == "date" and isinstance(value, dt.date):
        return value if modern else (value - epoch.date()).days
    if logical.startswith(("timestamp-", "local-timestamp-")) and isinstance(value, dt.datetime):
        if modern and logical == "timestamp-millis":
            return value
        aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        micros = (aware - epoch) // dt.timedelta(microseconds=1)
        return micros // 1000 if logical.endswith("millis") else micros
    if logical.startswith("time-") and isinstance(value, dt.time):
        micros = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
        return micros // 1000 if logical == "time-millis" else micros
    return str(value) if logical == "uuid" else value


def ion(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[dict[str, Any] | Exception]:
    """Amazon Ion, text or binary: each top-level struct is a record."""
    try:
        from amazon.ion import simpleion
        from amazon.ion.exceptions import IonException
    except ImportError:
        raise MissingLibrary("ion", "amazon.ion") from None
    raw = read_bytes(storage, path, options)
    try:
        for value in simpleion.load(io.BytesIO(raw), single_value=False, parse_eagerly=True):
            found = _from_ion(value)
            yield (
                found
                if isinstance(found, dict)
                else ValueError(f"Unable to parse ion in {path}: not a struct")
            )
    except IonException as error:
        yield ValueError(f"Unable to parse ion in {path}: {error}")


def _from_ion(value: Any) -> Any:
    import decimal

    kind = type(value).__name__
    if kind == "IonPyNull" or value is None:
        return None
    if kind == "IonPyDict" or isinstance(value, dict):
        return {str(name): _from_ion(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_from_ion(one) for one in value]
    if kind == "IonPyBool":
        return bool(value)
    if isinstance(value, bool | bytes):
        return bytes(value) if isinstance(value, bytes) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, decimal.Decimal):
        return decimal.Decimal(value)
    if isinstance(value, dt.datetime):
        return dt.datetime.fromisoformat(value.isoformat())
    if kind == "IonPySymbol" or kind == "SymbolToken":
        return value.text
    return str(value)


def excel(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[dict[str, Any] | Exception]:
    """Excel workbooks: the first row is the header (withHeader), the rest are records."""
    try:
        import openpyxl
    except ImportError:
        raise MissingLibrary("excel", "openpyxl") from None
    book = openpyxl.load_workbook(io.BytesIO(storage.read(path)), read_only=True, data_only=True)
    name = options.get("sheetName") or options.get("sheet")
    sheet = book[name] if name else book.worksheets[0]
    rows = [list(row) for row in sheet.iter_rows(values_only=True) if any(cell is not None for cell in row)]
    footer = int(options.get("SkipFooter", options.get("skipFooter", 0)) or 0)
    body = rows[: len(rows) - footer] if footer else rows
    header: list[str] | None = None
    if truth(options.get("withHeader"), True) and body:
        header = [str(cell) if cell is not None else f"col{index}" for index, cell in enumerate(body[0])]
        body = body[1:]
    limit = int(options.get("NumberRows", options.get("numberRows", 0)) or 0)
    for row in body[:limit] if limit else body:
        yield {header[i] if header and i < len(header) else f"col{i}": cell for i, cell in enumerate(row)}
