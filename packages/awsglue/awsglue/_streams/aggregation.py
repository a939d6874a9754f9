"""Records of the Kinesis Producer Library, which packs several into one. Pure functions.

A packed record is four magic bytes, a protocol buffer (1: the partition keys, 3: the records, each with 1: the number
of its key and 3: its data), and the MD5 of that buffer. What only looks like one is a plain record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST = 16
_KEYS, _RECORDS = 1, 3
_KEY_NUMBER, _DATA = 1, 3


class _Malformed(ValueError):
    """The bytes are no protocol buffer of this kind."""


def unpacked(key: str, data: bytes) -> list[tuple[str, bytes]]:
    """(partition key, data) of each record in a record; of a plain one itself."""
    if not data.startswith(MAGIC) or len(data) < len(MAGIC) + _DIGEST:
        return [(key, data)]
    body, digest = data[len(MAGIC) : -_DIGEST], data[-_DIGEST:]
    if hashlib.md5(body, usedforsecurity=False).digest() != digest:
        return [(key, data)]
    try:
        keys: list[str] = []
        found: list[tuple[int, bytes]] = []
        for number, value in _fields(body):
            if number == _KEYS and isinstance(value, bytes):
                keys.append(value.decode())
            elif number == _RECORDS and isinstance(value, bytes):
                found.append(_record(value))
        return [(keys[position], content) for position, content in found] or [(key, data)]
    except (_Malformed, IndexError, UnicodeDecodeError):
        return [(key, data)]


def _record(body: bytes) -> tuple[int, bytes]:
    position, content = 0, b""
    for number, value in _fields(body):
        if number == _KEY_NUMBER and isinstance(value, int):
            position = value
        elif number == _DATA and isinstance(value, bytes):
            content = value
    return position, content


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of a protocol buffer; groups do not occur."""
    at = 0
    while at < len(body):
        tag, at = _number(body, at)
        kind = tag & 7
        if kind == 0:
            value, at = _number(body, at)
            yield tag >> 3, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length, at = _number(body, at)
        if length is None or at + length > len(body):
            raise _Malformed(f"field of kind {kind}")
        yield tag >> 3, body[at : at + length]
        at += length


def _number(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            break
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _Malformed("a number without an end")
