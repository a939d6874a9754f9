"""CBOR (RFC 8949) as far as Smithy uses it: a reader that nothing hostile can make costly, and a writer.

Tags other than 1 (epoch time) are refused on purpose. Owns nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from mastic.wire.protocols import timestamps
from mastic.wire.protocols.base import malformed

MAX_DEPTH = 64
_BREAK = object()
_SIMPLE: Mapping[int, Any] = {20: False, 21: True, 22: None, 23: None}


def loads(data: bytes) -> Any:
    """The one data item in ``data``. Raises SerializationException."""
    reader = _Reader(data)
    value = reader.item(0)
    if value is _BREAK or reader.position != len(data):
        raise malformed("The request body is not one CBOR data item")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise malformed("The CBOR document ends too early")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def number(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise malformed("A CBOR length is not well-formed")
        return int.from_bytes(self.take(1 << (info - 24)), "big")

    def item(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise malformed("The CBOR document is nested too deeply")
        initial = self.take(1)[0]
        major, info = initial >> 5, initial & 31
        if major == 7:
            return self.simple(info)
        if major == 0:
            return self.number(info)
        if major == 1:
            return -1 - self.number(info)
        if major in (2, 3):
            return self.string(major, info)
        if major == 4:
            return self.array(info, depth)
        if major == 5:
            return self.map(info, depth)
        return self.tagged(info, depth)

    def simple(self, info: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info == 31:
            return _BREAK
        formats = {25: ">e", 26: ">f", 27: ">d"}
        if info not in formats:
            raise malformed("A CBOR simple value is not known")
        return struct.unpack(formats[info], self.take(1 << (info - 24)))[0]

    def string(self, major: int, info: int) -> Any:
        if info == 31:
            parts = []
            while (head := self.take(1)[0]) != 0xFF:
                if head >> 5 != major or head & 31 == 31:
                    raise malformed("A CBOR string is not well-formed")
                parts.append(self.take(self.number(head & 31)))
            raw = b"".join(parts)
        else:
            raw = self.take(self.number(info))
        if major == 2:
            return raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise malformed("A CBOR string is not UTF-8") from None

    def array(self, info: int, depth: int) -> list[Any]:
        out: list[Any] = []
        count = -1 if info == 31 else self.number(info)
        while count != 0:
            value = self.item(depth + 1)
            if value is _BREAK:
                if count > 0:
                    raise malformed("A CBOR array is not well-formed")
                break
            out.append(value)
            count -= 1
        return out

    def map(self, info: int, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        count = -1 if info == 31 else self.number(info)
        while count != 0:
            key = self.item(depth + 1)
            if key is _BREAK and count < 0:
                break
            if not isinstance(key, str):
                raise malformed("A CBOR map key is not a string")
            value = self.item(depth + 1)
            if value is _BREAK:
                raise malformed("A CBOR map is not well-formed")
            out[key] = value
            count -= 1
        return out

    def tagged(self, info: int, depth: int) -> Any:
        tag = self.number(info)
        value = self.item(depth + 1)
        if tag != 1 or type(value) not in (int, float):
            raise malformed("A CBOR tag is not known")
        try:
            return timestamps.from_epoch(value)
        except ValueError:
            raise malformed("A CBOR time is out of range") from None


def dumps(value: Any) -> bytes:
    """A value as CBOR, datetimes as tag 1."""
    out = bytearray()
    _write(out, value)
    return bytes(out)


def _head(out: bytearray, major: int, number: int) -> None:
    if number < 24:
        out.append(major << 5 | number)
        return
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            out.append(major << 5 | info)
            out += number.to_bytes(size, "big")
            return
    raise OverflowError("an integer beyond 64 bits in a result")


def _write(out: bytearray, value: Any) -> None:
    if isinstance(value, str):
        raw = value.encode()
        _head(out, 3, len(raw))
        out += raw
    elif isinstance(value, bool) or value is None:
        out.append(0xF6 if value is None else 0xF5 if value else 0xF4)
    elif isinstance(value, int):
        _head(out, 0, value) if value >= 0 else _head(out, 1, -1 - value)
    elif isinstance(value, (float, Decimal)):
        out.append(0xFB)
        out += struct.pack(">d", float(value))
    elif isinstance(value, Mapping):
        _head(out, 5, len(value))
        for key, item in value.items():
            _write(out, str(key))
            _write(out, item)
    elif isinstance(value, (list, tuple)):
        _head(out, 4, len(value))
        for item in value:
            _write(out, item)
    elif isinstance(value, datetime):
        out.append(0xC1)
        _write(out, timestamps.to_epoch(value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        raw = bytes(value)
        _head(out, 2, len(raw))
        out += raw
    else:
        raise TypeError(f"{type(value).__name__} in a result")
