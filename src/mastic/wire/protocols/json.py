"""AWS JSON 1.0 and 1.1: one POST, the operation in X-Amz-Target, documents both ways.

``Documents`` (shape ↔ JSON value) serves rest-json too. Owns compiled codecs, one per shape.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from mastic.wire.messages import AsIs, Incoming, Outgoing
from mastic.wire.protocols import timestamps
from mastic.wire.protocols.base import Decoder, Encoder, ErrorReply, malformed
from mastic.wire.protocols.eventstream import rpc_encoder
from mastic.wire.spec import OperationSpec, ServiceSpec

Codec = Callable[[Any], Any]

MAX_DEPTH = 200
_KINDS = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", bool: "BOOLEAN_VALUE"}


def mismatch(value: object, wanted: str) -> Exception:
    """The refusal of a value of the wrong kind."""
    if isinstance(value, list):
        return malformed("Start of list found where not expected")
    if isinstance(value, dict):
        return malformed("Start of structure or map found where not expected.")
    return malformed(f"{_KINDS.get(type(value), 'NULL_VALUE')} cannot be converted to {wanted}")


def _string(value: Any) -> str:
    if type(value) is str:
        return value
    raise mismatch(value, "String")


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise mismatch(value, "Integer")


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise malformed("NUMBER_VALUE cannot be converted to Double") from None
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise mismatch(value, "Double")


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise mismatch(value, "Boolean")


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise mismatch(value, "ByteBuffer")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise malformed("Invalid base64 in a binary value") from None


def _timestamp(value: Any) -> Any:
    try:
        if type(value) in (int, float):
            return timestamps.from_epoch(value)
        if type(value) is str:
            return timestamps.parse(value)
    except ValueError:
        raise malformed(f"{_KINDS[type(value)]} cannot be converted to a timestamp") from None
    raise mismatch(value, "Timestamp")


def _write_float(value: Any) -> Any:
    number = float(value)
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def _write_blob(value: Any) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else bytes(value)).decode("ascii")


_DECODERS: Mapping[str, Codec] = {
    "string": _string, "character": _string, "integer": _integer, "long": _integer, "float": _float,
    "double": _float, "boolean": _boolean, "blob": _blob, "timestamp": _timestamp,
}  # fmt: skip
_TIMESTAMP_WRITERS: Mapping[str, Codec] = {
    "unixtimestamp": timestamps.to_epoch,
    "iso8601": timestamps.to_iso,
    "rfc822": timestamps.to_http,
}


def identity(value: Any) -> Any:
    """The codec of what needs none."""
    return value


def default(value: Any) -> Any:
    """What orjson cannot write by itself."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} in a result")


class Documents:
    """Codecs between a shape's Python value and its JSON value, compiled once per shape of one service."""

    scalar_decoders: Mapping[str, Codec] = _DECODERS

    def __init__(self) -> None:
        self._decoders: dict[str, Codec] = {}
        self._encoders: dict[str, Codec] = {}
        # Held while a shape and all its parts are compiled: no thread may meet a codec that is half made.
        self._lock = threading.RLock()

    def wire_name(self, name: str, member: Shape) -> str:
        """The key of a member in a JSON document."""
        return str(member.serialization.get("name", name))

    def decoder(self, shape: Shape) -> Codec:
        """JSON value → Python value; unknown and null members left out. Raises SerializationException."""
        if getattr(shape, "is_document_type", False):
            return identity
        scalar = self.scalar_decoders.get(shape.type_name)
        if scalar is not None:
            return scalar
        # The closure goes into the cache before its parts are compiled: a shape may contain itself.
        with self._lock:
            if shape.name not in self._decoders:
                if isinstance(shape, ListShape):
                    self._list_decoder(shape)
                elif isinstance(shape, MapShape):
                    self._map_decoder(shape)
                elif isinstance(shape, StructureShape):
                    self.structure_decoder(shape, shape.members)
            return self._decoders[shape.name]

    def _list_decoder(self, shape: ListShape) -> None:
        def decode(value: Any) -> Any:
            if type(value) is not list:
                raise (
                    mismatch(value, "List") if isinstance(value, dict) else malformed("Expected list or null")
                )
            return [item(v) for v in value if v is not None]

        self._decoders[shape.name] = decode
        item = self.decoder(shape.member)

    def _map_decoder(self, shape: MapShape) -> None:
        def decode(value: Any) -> Any:
            if type(value) is not dict:
                raise mismatch(value, "Map") if isinstance(value, list) else malformed("Expected map or null")
            return {k: item(v) for k, v in value.items() if v is not None}

        self._decoders[shape.name] = decode
        item = self.decoder(shape.value)

    def structure_decoder(self, shape: StructureShape, members: Mapping[str, Shape]) -> Codec:
        """The decoder of a structure, or of those of its members that a body carries."""
        fields: dict[str, tuple[str, Codec]] = {}

        def decode(value: Any) -> Any:
            if type(value) is not dict:
                raise mismatch(value, "Structure")
            out = {}
            for key, item in value.items():
                if item is not None:
                    known = fields.get(key)
                    if known is not None:
                        out[known[0]] = known[1](item)
            return out

        if members is shape.members:
            self._decoders[shape.name] = decode
        for name, member in members.items():
            fields[self.wire_name(name, member)] = (name, self.decoder(member))
        return decode

    def encoder(self, shape: Shape) -> Codec:
        """Python value → what orjson can write; None members and unknown members left out."""
        if getattr(shape, "is_document_type", False):
            return identity
        if shape.type_name not in ("structure", "list", "map"):
            return self.scalar_encoder(shape)
        with self._lock:
            if shape.name not in self._encoders:
                if isinstance(shape, ListShape):
                    self._list_encoder(shape)
                elif isinstance(shape, MapShape):
                    self._map_encoder(shape)
                elif isinstance(shape, StructureShape):
                    self.structure_encoder(shape, shape.members)
            return self._encoders[shape.name]

    def scalar_encoder(self, shape: Shape) -> Codec:
        """The encoder of a shape without parts."""
        kind = shape.type_name
        if kind == "timestamp":
            return _TIMESTAMP_WRITERS[shape.serialization.get("timestampFormat", "unixtimestamp").lower()]
        if kind == "blob":
            return _write_blob
        return _write_float if kind in ("float", "double") else identity

    def _list_encoder(self, shape: ListShape) -> None:
        def encode(value: Any) -> Any:
            return [item(v) for v in value]

        self._encoders[shape.name] = encode
        item = self.encoder(shape.member)
        if item is identity:
            self._encoders[shape.name] = list

    def _map_encoder(self, shape: MapShape) -> None:
        def encode(value: Any) -> Any:
            return {str(k): item(v) for k, v in value.items() if v is not None}

        self._encoders[shape.name] = encode
        item = self.encoder(shape.value)

    def structure_encoder(self, shape: StructureShape, members: Mapping[str, Shape]) -> Codec:
        """The encoder of a structure, or of those of its members that a body carries."""
        fields: dict[str, tuple[str, Codec | None]] = {}

        def encode(value: Any) -> Any:
            if type(value) is AsIs:
                return value
            out = {}
            for key, item in value.items():
                if item is not None:
                    known = fields.get(key)
                    if known is not None:
                        out[known[0]] = known[1](item) if known[1] is not None else item
            return out

        if members is shape.members:
            self._encoders[shape.name] = encode
        for name, member in members.items():
            codec = self.encoder(member)
            fields[name] = (self.wire_name(name, member), None if codec is identity else codec)
        if all(codec is None and wire_name == name for name, (wire_name, codec) in fields.items()):
            # Nothing to convert, as in a table's columns: only what is absent or unknown is left out.
            known_names = frozenset(fields)

            def copy(value: Any) -> Any:
                return {k: v for k, v in value.items() if v is not None and k in known_names}

            encode = copy
            if members is shape.members:
                self._encoders[shape.name] = copy
        return encode


def _without_as_is(value: Any) -> Any:
    """The same result with everything to be encoded."""
    if isinstance(value, Mapping):
        return {key: _without_as_is(item) for key, item in value.items()}
    return [_without_as_is(item) for item in value] if isinstance(value, list) else value


def load(body: bytes) -> Any:
    """The JSON document of a request body; an empty body is an empty document."""
    if not body:
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise malformed("Unable to parse the request body as JSON") from None


def dump(value: Any) -> bytes:
    """A document as bytes."""
    return orjson.dumps(value, default=default, option=orjson.OPT_NON_STR_KEYS)


def error_members(service: ServiceSpec | None, reply: ErrorReply, documents: Documents) -> dict[str, Any]:
    """The body of an error: its message under the key the model gives it, and its further members."""
    shape = service.error_shape(reply.code) if service is not None else None
    key = "message"
    body: dict[str, Any] = {}
    if shape is not None and isinstance(shape, StructureShape):
        key = next((name for name in shape.members if name.lower() == "message"), key)
        body = documents.encoder(shape)(dict(reply.members))
        key = documents.wire_name(key, shape.members[key]) if key in shape.members else key
    else:
        body = {name: value for name, value in reply.members.items() if value is not None}
    body[key] = reply.message
    return body


class Json:
    """AWS JSON 1.0 / 1.1."""

    name = "json"

    def __init__(self) -> None:
        self._documents: dict[str, Documents] = {}

    def _of(self, service: ServiceSpec | None) -> Documents:
        return self._documents.setdefault(service.id if service else "", Documents())

    def decoder(self, operation: OperationSpec) -> Decoder:
        """Request → input members. Raises SerializationException."""
        if operation.input is None:
            return lambda incoming: {}
        decode = self._of(operation.service).decoder(operation.input)

        def run(incoming: Incoming) -> dict[str, Any]:
            members: dict[str, Any] = decode(load(incoming.body))
            return members

        return run

    def encoder(self, operation: OperationSpec) -> Encoder:
        """Output members → reply."""
        kind = f"application/x-amz-json-{operation.service.json_version}"
        if operation.output is None:
            # Operations without output answer an empty body, as botocore and the services have it.
            return lambda result, request_id: Outgoing(
                status=operation.status, headers=[("Content-Type", kind)]
            )
        documents = self._of(operation.service)
        if operation.model.has_event_stream_output:
            return rpc_encoder(operation, lambda shape, value: dump(documents.encoder(shape)(value)), kind)
        encode = documents.encoder(operation.output)

        def run(result: Mapping[str, Any], request_id: str) -> Outgoing:
            body = dump(encode(result))
            if b":null" in body:
                # Something kept as it is has a member that is none, as parts of this server may write it.
                body = dump(encode(_without_as_is(result)))
            return Outgoing(status=operation.status, headers=[("Content-Type", kind)], body=body)

        return run

    def error(self, service: ServiceSpec | None, reply: ErrorReply) -> Outgoing:
        """``{"__type": code, "Message"|"message": …}``."""
        shape = service.error_shape(reply.code) if service is not None else None
        code = shape.name if shape is not None else reply.code
        body = {"__type": code, **error_members(service, reply, self._of(service))}
        headers = [
            ("Content-Type", f"application/x-amz-json-{service.json_version if service else '1.1'}"),
            ("x-amzn-ErrorType", code),
        ]
        if service is not None and service.query_compatible:
            headers.append(("x-amzn-query-error", query_error(service, reply)))
        return Outgoing(status=reply.status, headers=headers, body=dump(body))


def query_error(service: ServiceSpec, reply: ErrorReply) -> str:
    """The error as the service's former query protocol named it, for clients that still expect it."""
    return f"{service.query_code(reply.code)};{'Receiver' if reply.fault else 'Sender'}"
