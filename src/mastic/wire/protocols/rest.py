"""What rest-json and rest-xml share: members bound to the path, the query string, headers and the status.

Owns nothing; bindings are compiled per operation by the two protocols.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, Shape, StructureShape

from mastic.errors import ServiceError
from mastic.wire.messages import FileBody, Headers, Incoming, Outgoing
from mastic.wire.protocols import timestamps
from mastic.wire.protocols.base import malformed
from mastic.wire.protocols.eventstream import CONTENT_TYPE, EventWriter
from mastic.wire.spec import OperationSpec

Text = Callable[[str], Any]
Refusal = Callable[[str, str, str], ServiceError]


def refusal(location: str, name: str, problem: str) -> ServiceError:
    """What a rest-json service answers for a header, label or parameter it cannot read."""
    return malformed(f"The {location} parameter {name} {problem}")


def text_decoder(shape: Shape, name: str, location: str, refuse: Refusal) -> Text:
    """Text of a header, label or query parameter → Python value."""
    kind = shape.type_name

    def integer(text: str) -> int:
        try:
            if len(text) > 30 or "_" in text:
                raise ValueError
            return int(text)
        except ValueError:
            raise refuse(location, name, "is not an integer") from None

    def number(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise refuse(location, name, "is not a number") from None

    def boolean(text: str) -> bool:
        lowered = text.lower()
        if lowered not in ("true", "false"):
            raise refuse(location, name, "is not a boolean")
        return lowered == "true"

    def timestamp(text: str) -> Any:
        try:
            return timestamps.parse(text)
        except ValueError:
            raise refuse(location, name, "is not a timestamp") from None

    def blob(text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise refuse(location, name, "is not base64") from None

    def json_value(text: str) -> Any:
        try:
            return json.loads(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError, RecursionError):
            raise refuse(location, name, "is not base64 of JSON") from None

    if shape.serialization.get("jsonvalue"):
        return json_value
    table: Mapping[str, Text] = {
        "integer": integer, "long": integer, "float": number, "double": number, "boolean": boolean,
        "timestamp": timestamp, "blob": blob,
    }  # fmt: skip
    return table.get(kind, str)


def text_encoder(shape: Shape, default_timestamp: str = "rfc822") -> Callable[[Any], str]:
    """Python value → text of a header."""
    kind = shape.type_name
    if shape.serialization.get("jsonvalue"):
        return lambda value: base64.b64encode(json.dumps(value).encode()).decode("ascii")
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind == "timestamp":
        form = shape.serialization.get("timestampFormat", default_timestamp).lower()
        if form == "iso8601":
            return timestamps.to_iso
        return timestamps.to_http if form == "rfc822" else lambda value: str(int(timestamps.to_epoch(value)))
    if kind == "blob":
        return lambda value: base64.b64encode(value).decode("ascii")
    if isinstance(shape, ListShape):
        item = text_encoder(shape.member)
        return lambda value: ",".join(item(v) for v in value)
    return str


class InputBindings:
    """Where an operation's input members stand in the request, apart from the body document."""

    def __init__(self, operation: OperationSpec, refuse: Refusal = refusal) -> None:
        self.labels: list[tuple[str, str, Text]] = []
        self.headers: list[tuple[str, str, Text, bool]] = []
        self.prefixes: list[tuple[str, str]] = []
        self.query: dict[str, tuple[str, Text, bool]] = {}
        self.query_map: tuple[str, bool] | None = None
        self.body: dict[str, Shape] = {}
        shape = operation.input
        self.payload: str | None = None
        self.payload_shape: Shape | None = None
        if not isinstance(shape, StructureShape):
            return
        self.payload = shape.serialization.get("payload")
        self.payload_shape = shape.members[self.payload] if self.payload else None
        for member, target in shape.members.items():
            self._bind(member, target, refuse)

    def _bind(self, member: str, shape: Shape, refuse: Refusal) -> None:
        location = shape.serialization.get("location")
        name = str(shape.serialization.get("name", member))
        if location == "uri":
            self.labels.append((member, name, text_decoder(shape, name, "path", refuse)))
        elif location == "querystring":
            if isinstance(shape, MapShape):
                self.query_map = (member, isinstance(shape.value, ListShape))
                return
            several = isinstance(shape, ListShape)
            item = shape.member if isinstance(shape, ListShape) else shape
            self.query[name] = (member, text_decoder(item, name, "query", refuse), several)
        elif location == "header":
            several = isinstance(shape, ListShape)
            item = shape.member if isinstance(shape, ListShape) else shape
            decode = text_decoder(item, name, "header", refuse)
            self.headers.append((member, name.lower(), decode, several))
        elif location == "headers":
            self.prefixes.append((member, name.lower()))
        elif member != self.payload:
            self.body[member] = shape

    def read(self, incoming: Incoming) -> dict[str, Any]:
        """The members that stand outside the body. Raises ServiceError."""
        out: dict[str, Any] = {}
        for member, name, decode in self.labels:
            if name in incoming.labels:
                out[member] = decode(incoming.labels[name])
        if incoming.query_string and (self.query or self.query_map):
            self._read_query(incoming, out)
        headers = incoming.headers
        for member, name, decode, several in self.headers:
            value = headers.get(name)
            if value is not None:
                out[member] = [decode(v.strip()) for v in value.split(",")] if several else decode(value)
        for member, prefix in self.prefixes:
            found = {k[len(prefix) :]: v for k, v in headers.items() if k.startswith(prefix)}
            if found:
                out[member] = found
        return out

    def _read_query(self, incoming: Incoming, out: dict[str, Any]) -> None:
        for name, value in incoming.query:
            known = self.query.get(name)
            if known is not None:
                member, decode, several = known
                if several:
                    out.setdefault(member, []).append(decode(value))
                elif member not in out:
                    out[member] = decode(value)
            elif self.query_map is not None:
                member, lists = self.query_map
                target = out.setdefault(member, {})
                if lists:
                    target.setdefault(name, []).append(value)
                else:
                    target[name] = value

    def read_payload(self, incoming: Incoming, out: dict[str, Any]) -> None:
        """Put a blob or string payload in ``out``. Structures are the protocol's own business."""
        assert self.payload is not None
        assert self.payload_shape is not None
        if incoming.stream is not None:
            out[self.payload] = incoming.stream
        elif incoming.body:
            if self.payload_shape.type_name == "string":
                try:
                    out[self.payload] = incoming.body.decode()
                except UnicodeDecodeError:
                    raise malformed("The request body is not UTF-8") from None
            else:
                out[self.payload] = incoming.body


class OutputBindings:
    """Where an operation's output members stand in the reply, apart from the body document."""

    def __init__(self, operation: OperationSpec) -> None:
        self.status = operation.status
        self.headers: dict[str, tuple[str, Callable[[Any], str]]] = {}
        self.prefixes: dict[str, str] = {}
        self.status_member: str | None = None
        self.body: dict[str, Shape] = {}
        shape = operation.output
        self.payload: str | None = None
        self.payload_shape: Shape | None = None
        if not isinstance(shape, StructureShape):
            return
        self.payload = shape.serialization.get("payload")
        self.payload_shape = shape.members[self.payload] if self.payload else None
        for member, target in shape.members.items():
            location = target.serialization.get("location")
            name = str(target.serialization.get("name", member))
            if location == "header":
                self.headers[member] = (name, text_encoder(target))
            elif location == "headers":
                self.prefixes[member] = name
            elif location == "statusCode":
                self.status_member = member
            elif member != self.payload:
                self.body[member] = target

    def write(self, result: Mapping[str, Any]) -> Outgoing:
        """The reply with status and headers, its body still empty."""
        status, headers = self.status, Headers()
        for member, value in result.items():
            if value is None:
                continue
            bound = self.headers.get(member)
            if bound is not None:
                headers.append((bound[0], bound[1](value)))
            elif member in self.prefixes:
                prefix = self.prefixes[member]
                headers.extend((prefix + str(k), str(v)) for k, v in value.items())
            elif member == self.status_member:
                status = int(value)
        return Outgoing(status=status, headers=headers)

    def write_events(self, writer: EventWriter, result: Mapping[str, Any]) -> Outgoing:
        """The reply whose payload is a stream of events."""
        outgoing = self.write(result)
        outgoing.headers.append(CONTENT_TYPE)
        outgoing.body = writer.stream(result.get(self.payload or "") or ())
        return outgoing

    def write_payload(self, result: Mapping[str, Any], outgoing: Outgoing) -> None:
        """Put a blob or string payload (or a stream) in the reply."""
        value = result.get(self.payload or "")
        if value is None:
            return
        if isinstance(value, str):
            value = value.encode()
        elif isinstance(value, (bytearray, memoryview)):
            value = bytes(value)
        outgoing.body = value
        if isinstance(value, (bytes, FileBody)) and not any(h[0] == "Content-Type" for h in outgoing.headers):
            outgoing.headers.append(("Content-Type", "application/octet-stream"))


def unlabel(text: str) -> str:
    """A path label, decoded; bytes that are not UTF-8 are refused."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ServiceError("InvalidURI", "Couldn't parse the specified URI.", status=400) from None
