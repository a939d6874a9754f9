"""Replies that are a stream of events (application/vnd.amazon.eventstream). Owns no state.

The handler's streaming member is an iterable of events, each a dict with one member: ``{"PayloadChunk": {…}}``.
A ServiceError raised by the iterable ends the stream with that exception.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.model import Shape, StructureShape

from mastic.errors import ServiceError
from mastic.wire.messages import Outgoing
from mastic.wire.spec import OperationSpec

CONTENT_TYPE = ("Content-Type", "application/vnd.amazon.eventstream")
_TEXT = 7  # the type of a string header; the only other one in use here is a byte buffer
_BYTES = 6

WriteDocument = Callable[[Shape, Any], bytes]


def message(headers: Mapping[str, str | bytes], payload: bytes) -> bytes:
    """One message: lengths and their CRC, headers, payload, CRC of it all."""
    block = bytearray()
    for name, value in headers.items():
        raw = value.encode() if isinstance(value, str) else value
        key = name.encode()
        block += struct.pack(">B", len(key)) + key
        block += struct.pack(">BH", _TEXT if isinstance(value, str) else _BYTES, len(raw)) + raw
    head = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    whole = head + struct.pack(">I", zlib.crc32(head)) + bytes(block) + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


class EventWriter:
    """Writes the events of one stream shape; ``document`` writes a structure as the protocol's document."""

    def __init__(self, stream: StructureShape, document: WriteDocument, content_type: str) -> None:
        self._members = stream.members
        self._document = document
        self._content_type = content_type

    def stream(self, events: Iterable[Mapping[str, Any]], first: bytes | None = None) -> Iterator[bytes]:
        """The messages of the events, after ``first``."""
        if first is not None:
            yield first
        try:
            for event in events:
                for name, value in event.items():
                    yield self._event(name, value)
        except ServiceError as error:
            headers = {":message-type": "exception", ":exception-type": error.code}
            shape = self._members.get(error.code)
            payload = b""
            if isinstance(shape, StructureShape):
                key = next((m for m in shape.members if m.lower() == "message"), "message")
                payload = self._document(shape, {**error.members, key: error.message})
                headers[":content-type"] = self._content_type
            yield message(headers, payload)

    def _event(self, name: str, value: Mapping[str, Any]) -> bytes:
        shape = self._members[name]
        headers: dict[str, str | bytes] = {":message-type": "event", ":event-type": name}
        payload, carried = b"", None
        assert isinstance(shape, StructureShape)
        for member, target in shape.members.items():
            if target.serialization.get("eventheader") and member in value:
                given = value[member]
                headers[member] = given if isinstance(given, (str, bytes)) else str(given)
            elif target.serialization.get("eventpayload"):
                carried = (member, target)
        if carried is not None:
            member, target = carried
            payload, kind = self._payload(target, value.get(member))
        else:
            payload, kind = self._document(shape, value), self._content_type
        return message({**headers, ":content-type": kind}, payload)

    def _payload(self, shape: Shape, value: Any) -> tuple[bytes, str]:
        if value is None:
            return b"", "application/octet-stream"
        if shape.type_name == "blob":
            return bytes(value), "application/octet-stream"
        if shape.type_name == "string":
            return str(value).encode(), "text/plain"
        return self._document(shape, value), self._content_type


def rpc_encoder(
    operation: OperationSpec, document: WriteDocument, content_type: str
) -> Callable[[Mapping[str, Any], str], Outgoing]:
    """The encoder of a JSON or CBOR operation: its other members go into an initial response."""
    output = operation.output
    assert isinstance(output, StructureShape)
    name = output.event_stream_name
    stream = output.members[name]
    assert isinstance(stream, StructureShape)
    writer = EventWriter(stream, document, content_type)

    def encode(result: Mapping[str, Any], request_id: str) -> Outgoing:
        rest = {k: v for k, v in result.items() if k != name}
        headers = {":message-type": "event", ":event-type": "initial-response", ":content-type": content_type}
        first = message(headers, document(output, rest))
        body = writer.stream(result.get(name) or (), first)
        return Outgoing(status=operation.status, headers=[CONTENT_TYPE], body=body)

    return encode
