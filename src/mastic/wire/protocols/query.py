"""The query protocol (IAM, STS, SNS, CloudWatch) and its ec2 dialect: form parameters in, XML out.

Owns compiled codecs, one set per service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from mastic.errors import ServiceError
from mastic.wire.messages import Incoming, Outgoing, parse_query
from mastic.wire.protocols.base import Decoder, Encoder, ErrorReply
from mastic.wire.protocols.rest import text_decoder
from mastic.wire.protocols.xml import Writers, escape, legible
from mastic.wire.spec import OperationSpec, ServiceSpec

Node = dict[str, Any]  # "" holds the value given at this very name, other keys the names below it
Reader = Callable[[Node], Any]
_KIND = ("Content-Type", "text/xml")
_MAX_DEPTH = 100


def form(incoming: Incoming) -> list[tuple[str, str]]:
    """The parameters of a query request: those of the body, then those of the URL."""
    if incoming.form is None:
        try:
            incoming.form = parse_query(incoming.body.decode("ascii")) + incoming.query
        except UnicodeDecodeError:
            raise ServiceError("MalformedQueryString", "The query string is not well-formed") from None
    return incoming.form


def tree(pairs: list[tuple[str, str]]) -> Node:
    """``A.member.1=x`` → ``{"A": {"member": {"1": {"": "x"}}}}``."""
    root: Node = {}
    for name, value in pairs:
        node = root
        for part in name.split(".", _MAX_DEPTH):
            node = node.setdefault(part, {})
        node[""] = value
    return root


def _unreadable(location: str, name: str, problem: str) -> ServiceError:
    return ServiceError("ValidationError", f"Value of {name} {problem}", status=400)


def _numbered(node: Node) -> list[Node]:
    """The items of a list in order of their numbers."""
    items = [(int(k), v) for k, v in node.items() if k.isascii() and k.isdigit() and len(k) < 10]
    return [v for _, v in sorted(items, key=lambda pair: pair[0])]


class FormReaders:
    """Parameter tree → Python value, compiled once per shape."""

    def __init__(self, *, ec2: bool) -> None:
        self._ec2 = ec2
        self._readers: dict[str, Reader] = {}
        # Held while a structure and all its parts are compiled: no thread may meet one that is half made.
        self._lock = threading.RLock()

    def reader(self, shape: Shape, name: str = "") -> Reader:
        """The reader of a shape. The readers raise ServiceError ValidationError."""
        if isinstance(shape, StructureShape):
            with self._lock:
                return self._readers.get(shape.name) or self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        decode = text_decoder(shape, name, "query", _unreadable)

        def read(node: Node) -> Any:
            return decode(node[""]) if "" in node else None

        return read

    def _structure(self, shape: StructureShape) -> Reader:
        fields: list[tuple[str, str, Reader]] = []

        def read(node: Node) -> Any:
            out = {}
            for name, key, convert in fields:
                child = node.get(key)
                if child is not None:
                    value = convert(child)
                    if value is not None:
                        out[name] = value
            return out

        self._readers[shape.name] = read
        for name, member in shape.members.items():
            fields.append((name, self._key(name, member), self.reader(member, name)))
        return read

    def _key(self, name: str, member: Shape) -> str:
        given = member.serialization
        if self._ec2:
            if "queryName" in given:
                return str(given["queryName"])
            text = str(given.get("name", name))
            return text[0].upper() + text[1:]
        if isinstance(member, ListShape) and given.get("flattened") and "name" in member.member.serialization:
            return str(member.member.serialization["name"])
        return str(given.get("name", name))

    def _list(self, shape: ListShape) -> Reader:
        convert: Reader | None = None
        flat = self._ec2 or bool(shape.serialization.get("flattened"))
        item_name = str(shape.member.serialization.get("name", "member"))

        def read(node: Node) -> Any:
            nonlocal convert
            if convert is None:
                convert = self.reader(shape.member, shape.name)
            values = [convert(item) for item in _numbered(node if flat else node.get(item_name, {}))]
            return [v for v in values if v is not None]

        return read

    def _map(self, shape: MapShape) -> Reader:
        convert: Reader | None = None
        flat = bool(shape.serialization.get("flattened"))
        key_name = str(shape.key.serialization.get("name", "key"))
        value_name = str(shape.value.serialization.get("name", "value"))

        def read(node: Node) -> Any:
            nonlocal convert
            if convert is None:
                convert = self.reader(shape.value, shape.name)
            out = {}
            for entry in _numbered(node if flat else node.get("entry", {})):
                value = convert(entry.get(value_name, {}))
                if value is not None:
                    out[entry.get(key_name, {}).get("", "")] = value
            return out

        return read


class Query:
    """The query protocol; with ``ec2`` its EC2 dialect."""

    def __init__(self, *, ec2: bool = False) -> None:
        self.name = "ec2" if ec2 else "query"
        self._ec2 = ec2
        self._readers: dict[str, FormReaders] = {}
        self._writers: dict[str, Writers] = {}

    def decoder(self, operation: OperationSpec) -> Decoder:
        """Request → input members."""
        if operation.input is None:
            return lambda incoming: {}
        readers = self._readers.setdefault(operation.service.id, FormReaders(ec2=self._ec2))
        read = readers.reader(operation.input)

        def decode(incoming: Incoming) -> dict[str, Any]:
            members: dict[str, Any] = read(tree(form(incoming)))
            return members

        return decode

    def encoder(self, operation: OperationSpec) -> Encoder:
        """Output members and the request id → reply."""
        writers = self._writers.setdefault(operation.service.id, Writers())
        output = operation.output
        write = writers.members(output.members) if isinstance(output, StructureShape) else None
        head = f'<{operation.name}Response xmlns="{escape(operation.service.xml_namespace)}">'
        tail = f"</{operation.name}Response>"
        wrapper = output.serialization.get("resultWrapper") if output is not None else None
        ec2 = self._ec2

        def encode(result: Mapping[str, Any], request_id: str) -> Outgoing:
            out = [head]
            if ec2:
                out.append(f"<requestId>{request_id}</requestId>")
            if wrapper:
                out.append(f"<{wrapper}>")
            if write is not None:
                write(out, result)
            if wrapper:
                out.append(f"</{wrapper}>")
            if not ec2:
                out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>")
            out.append(tail)
            return Outgoing(status=operation.status, headers=[_KIND], body="".join(out).encode())

        return encode

    def error(self, service: ServiceSpec | None, reply: ErrorReply) -> Outgoing:
        """``<ErrorResponse>``, or EC2's ``<Response><Errors>``."""
        shape = service.error_shape(reply.code) if service is not None else None
        code = service.query_code(reply.code) if service is not None else reply.code
        text = f"<Code>{escape(code)}</Code><Message>{escape(legible(reply.message))}</Message>"
        if self._ec2:
            body = (
                f"<Response><Errors><Error>{text}</Error></Errors>"
                f"<RequestID>{reply.request_id}</RequestID></Response>"
            )
            return Outgoing(status=reply.status, headers=[_KIND], body=body.encode())
        out: list[str] = []
        if isinstance(shape, StructureShape):
            Writers().members(shape.members)(
                out, {k: v for k, v in reply.members.items() if k.lower() != "message"}
            )
        namespace = f' xmlns="{escape(service.xml_namespace)}"' if service and service.xml_namespace else ""
        body = (
            f"<ErrorResponse{namespace}><Error><Type>{'Receiver' if reply.fault else 'Sender'}</Type>"
            f"{text}{''.join(out)}</Error><RequestId>{reply.request_id}</RequestId></ErrorResponse>"
        )
        return Outgoing(status=reply.status, headers=[_KIND], body=body.encode())
