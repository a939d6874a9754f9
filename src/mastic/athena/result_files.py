"""The binary column description beside a result file. Pure functions.

Athena's own is a protocol buffer without a published definition; this one has the same shape: repeated
column messages whose fields are the members of ColumnInfo in their order.
"""

from __future__ import annotations

from collections.abc import Iterable

from mastic.athena.types import Column

_COLUMNS = 4


def metadata(columns: Iterable[Column]) -> bytes:
    """The contents of ``<id>.csv.metadata``."""
    return b"".join(_field(_COLUMNS, _column(c)) for c in columns)


def _column(column: Column) -> bytes:
    info = column.info()
    texts = ("CatalogName", "SchemaName", "TableName", "Name", "Label", "Type")
    parts = [_field(i, info[name].encode()) for i, name in enumerate(texts, 1)]
    parts += [_varint(7 << 3) + _varint(column.precision), _varint(8 << 3) + _varint(column.scale)]
    parts += [_varint(9 << 3) + _varint(3), _varint(10 << 3) + _varint(int(info["CaseSensitive"]))]
    return b"".join(parts)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
