"""Reads one Thrift message off a stream, byte for byte, within limits. Owns no state.

The binary protocol has no frame around a message: where it ends is known only by walking through it. This walk
keeps every byte and refuses what is malformed, too long or too deep before any of it is decoded, so that the
decoder behind it only ever sees whole, sound messages.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

LONGEST = 64 * 1024 * 1024
# Decoded, a struct takes hundreds of bytes and may have been one: their number is limited too.
MOST_STRUCTS = 300_000
MOST_VALUES = 4_000_000
LONGEST_NAME = 256
DEEPEST = 32

CALL, REPLY, EXCEPTION, ONEWAY = 1, 2, 3, 4
STOP, STRING, STRUCT, MAP, SET, LIST = 0, 11, 12, 13, 14, 15
# Bytes of the types of fixed size: bool, byte, double, i16, i32, i64.
_FIXED = {2: 1, 3: 1, 4: 8, 6: 2, 8: 4, 10: 8}
_KNOWN = frozenset({*_FIXED, STRING, STRUCT, MAP, SET, LIST})
_VERSION = 0x80010000


class Malformed(Exception):
    """What arrived is no message of the binary protocol, or a larger one than is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A whole message: its head, and the bytes of the struct of its arguments."""

    name: str
    kind: int
    sequence: int
    body: bytes


def read_message(read: Callable[[int], bytes], *, longest: int = LONGEST) -> Message:
    """The next message. ``read`` returns exactly as many bytes as it is asked for. Raises Malformed."""
    version, length = struct.unpack(">Ii", read(8))
    if version & 0xFFFF0000 != _VERSION:
        raise Malformed(f"no message of the strict binary protocol: {version:#010x}")
    kind = version & 0xFF
    if kind not in (CALL, ONEWAY):
        raise Malformed(f"a client does not send messages of the type {kind}")
    if not 0 < length <= LONGEST_NAME:
        raise Malformed(f"a method's name of {length} bytes")
    try:
        name = read(length).decode()
    except UnicodeDecodeError as error:
        raise Malformed("a method's name that is not UTF-8") from error
    sequence = struct.unpack(">i", read(4))[0]
    walk = _Walk(read, longest)
    walk.value(STRUCT, DEEPEST)
    return Message(name=name, kind=kind, sequence=sequence, body=bytes(walk.kept))


class _Walk:
    def __init__(self, read: Callable[[int], bytes], longest: int) -> None:
        self._read = read
        self._left = longest
        self._structs = MOST_STRUCTS
        self._values = MOST_VALUES
        self.kept = bytearray()

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= self._left:
            raise Malformed("a message that is too long, or a length that cannot be")
        self._left -= count
        data = self._read(count)
        self.kept += data
        return data

    def value(self, kind: int, depth: int) -> None:
        """Go past one value of this type."""
        self._count(kind, 1)
        fixed = _FIXED.get(kind)
        if fixed is not None:
            self._take(fixed)
        elif kind == STRING:
            self._take(self._size())
        elif depth == 0:
            raise Malformed(f"a message nested deeper than {DEEPEST} levels")
        elif kind == STRUCT:
            while (field := self._take(1)[0]) != STOP:
                self._take(2)
                self.value(field, depth - 1)
        elif kind in (LIST, SET):
            self._items((self._take(1)[0],), depth)
        elif kind == MAP:
            self._items(tuple(self._take(2)), depth)
        else:
            raise Malformed(f"there is no type {kind}")

    def _items(self, kinds: tuple[int, ...], depth: int) -> None:
        count = self._size()
        if count == 0:
            # Of an empty container the types do not matter, and some clients send none.
            return
        if not _KNOWN.issuperset(kinds):
            raise Malformed(f"a container of the types {kinds}")
        if all(kind in _FIXED for kind in kinds):
            self._count(kinds[0], count)
            self._take(count * sum(_FIXED[kind] for kind in kinds))
            return
        for _ in range(count):
            for kind in kinds:
                self.value(kind, depth - 1)

    def _count(self, kind: int, values: int) -> None:
        self._values -= values
        self._structs -= kind == STRUCT
        if self._values < 0 or self._structs < 0:
            raise Malformed("a message of too many parts")

    def _size(self) -> int:
        size: int = struct.unpack(">i", self._take(4))[0]
        # Whatever is counted takes at least a byte each.
        if not 0 <= size <= self._left:
            raise Malformed(f"a size of {size} with {self._left} bytes left")
        return size
