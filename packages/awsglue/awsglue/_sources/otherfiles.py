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
        super().__init__(f"format {format} needs the package {package}: add it to --additional-python-modules")


def avro(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[dict[str, Any] | Exception]:
    """Avro container files. Version 1.7 gives logical types as their plain numbers, 1.8 as dates and decimals."""
    try:
        import fastavro
    except ImportError:
        raise MissingLibrary("avro", "fastavro") from None
    raw = storage.read(path)
    try:
        for record in fastavro.reader(io.BytesIO(raw)):
            yield record  # type: ignore[misc]
    except (ValueError, EOFError, KeyError) as error:
        yield ValueError(f"Unable to parse avro in {path}: {error}")


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
            yield found if isinstance(found, dict) else ValueError(f"Unable to parse ion in {path}: not a struct")
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
