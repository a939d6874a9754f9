"""A message of Thrift's binary protocol is kept byte for byte, or refused before anything is decoded."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hive_metastore import ttypes
from hypothesis import given, settings
from hypothesis import strategies as st
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from mastic.wire.thrift import scanning
from mastic.wire.thrift.scanning import CALL, Malformed, read_message

TEXT = st.text(max_size=20)
COLUMNS = st.lists(st.builds(ttypes.FieldSchema, name=TEXT, type=TEXT, comment=st.none() | TEXT), max_size=4)
TABLES = st.builds(
    ttypes.Table,
    tableName=TEXT,
    createTime=st.integers(-(2**31), 2**31 - 1),
    parameters=st.dictionaries(TEXT, TEXT, max_size=4),
    partitionKeys=COLUMNS,
    temporary=st.booleans(),
    sd=st.builds(
        ttypes.StorageDescriptor,
        cols=COLUMNS,
        skewedInfo=st.builds(
            ttypes.SkewedInfo, skewedColValues=st.lists(st.lists(TEXT, max_size=2), max_size=2)
        ),
    ),
)


def message(given: Any) -> tuple[bytes, bytes]:
    """A whole message, and the bytes of its body."""
    buffer = TMemoryBuffer()
    given.write(TBinaryProtocol(buffer))
    body = buffer.getvalue()
    return struct.pack(">Ii", 0x80010001, 4) + b"call" + struct.pack(">i", 7) + body, body


def reader(data: bytes) -> Any:
    stream = io.BytesIO(data)

    def read(count: int) -> bytes:
        found = stream.read(count)
        if len(found) < count:
            raise EOFError
        return found

    return read


@given(TABLES)
def test_messages_are_kept_as_they_are(given: Any) -> None:
    whole, body = message(given)
    found = read_message(reader(whole + b"next"))
    assert (found.name, found.kind, found.sequence, found.body) == ("call", CALL, 7, body)


@settings(max_examples=300)
@given(TABLES, st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=5))
def test_spoilt_messages_are_refused_or_sound(given: Any, spoilt: list[tuple[int, int]]) -> None:
    whole, _ = message(given)
    data = bytearray(whole)
    for at, value in spoilt:
        data[at % len(data)] = value
    try:
        read_message(reader(bytes(data)))
    except (Malformed, EOFError):
        return


@pytest.mark.parametrize(
    "body",
    [
        b"\x0f\x00\x01\x0c" + struct.pack(">i", scanning.MOST_STRUCTS + 1),
        b"\x0f\x00\x01\x02" + struct.pack(">i", scanning.MOST_VALUES + 1),
    ],
)
def test_many_small_parts_are_refused(body: bytes) -> None:
    head = struct.pack(">Ii", 0x80010001, 1) + b"x" + struct.pack(">i", 1)
    with pytest.raises(Malformed, match="too many parts"):
        read_message(reader(head + body + b"\x00" * (scanning.MOST_VALUES + 2)))


def test_a_long_message_is_refused() -> None:
    whole, _ = message(ttypes.Table(tableName="x" * 1000))
    with pytest.raises(Malformed, match="bytes left"):
        read_message(reader(whole), longest=500)
