"""rest-json (Lambda, API Gateway …): members in path, query and headers, a JSON document for the rest.

Owns compiled codecs, one set per service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import StructureShape

from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.protocols.base import Decoder, Encoder, ErrorReply
from mastic.wire.protocols.eventstream import EventWriter
from mastic.wire.protocols.json import Documents, dump, error_members, load
from mastic.wire.protocols.rest import InputBindings, OutputBindings
from mastic.wire.spec import OperationSpec, ServiceSpec

_KIND = ("Content-Type", "application/json")


class RestJson:
    """The rest-json protocol."""

    name = "rest-json"

    def __init__(self) -> None:
        self._documents: dict[str, Documents] = {}

    def _of(self, service: ServiceSpec | None) -> Documents:
        return self._documents.setdefault(service.id if service else "", Documents())

    def decoder(self, operation: OperationSpec) -> Decoder:
        """Request → input members."""
        bindings = InputBindings(operation)
        documents = self._of(operation.service)
        payload = bindings.payload_shape
        if isinstance(payload, StructureShape):
            decode_payload = documents.decoder(payload)
            name = bindings.payload or ""

            def with_document(incoming: Incoming) -> dict[str, Any]:
                out = bindings.read(incoming)
                if incoming.body:
                    out[name] = decode_payload(load(incoming.body))
                return out

            return with_document
        if payload is not None:

            def with_payload(incoming: Incoming) -> dict[str, Any]:
                out = bindings.read(incoming)
                bindings.read_payload(incoming, out)
                return out

            return with_payload
        if not bindings.body:
            return bindings.read
        assert isinstance(operation.input, StructureShape)
        decode = documents.structure_decoder(operation.input, bindings.body)

        def with_body(incoming: Incoming) -> dict[str, Any]:
            out: dict[str, Any] = decode(load(incoming.body))
            out.update(bindings.read(incoming))
            return out

        return with_body

    def encoder(self, operation: OperationSpec) -> Encoder:
        """Output members → reply."""
        bindings = OutputBindings(operation)
        documents = self._of(operation.service)
        if operation.output is None or operation.status == 204:
            return lambda result, request_id: bindings.write(result)
        payload = bindings.payload_shape
        if operation.model.has_event_stream_output and isinstance(payload, StructureShape):
            writer = EventWriter(
                payload, lambda s, value: dump(documents.encoder(s)(value)), "application/json"
            )
            return lambda result, request_id: bindings.write_events(writer, result)
        if payload is not None and payload.type_name not in ("structure", "list", "map"):

            def with_payload(result: Mapping[str, Any], request_id: str) -> Outgoing:
                outgoing = bindings.write(result)
                bindings.write_payload(result, outgoing)
                return outgoing

            return with_payload
        if payload is not None:
            encode_payload, member = documents.encoder(payload), bindings.payload or ""

            def with_document(result: Mapping[str, Any], request_id: str) -> Outgoing:
                outgoing = bindings.write(result)
                outgoing.headers.append(_KIND)
                outgoing.body = dump(encode_payload(result.get(member) or {}))
                return outgoing

            return with_document
        assert isinstance(operation.output, StructureShape)
        encode = documents.structure_encoder(operation.output, bindings.body)

        def with_body(result: Mapping[str, Any], request_id: str) -> Outgoing:
            outgoing = bindings.write(result)
            if outgoing.status != 204:
                outgoing.headers.append(_KIND)
                outgoing.body = dump(encode(result))
            return outgoing

        return with_body

    def error(self, service: ServiceSpec | None, reply: ErrorReply) -> Outgoing:
        """The error's code in x-amzn-ErrorType, its message and members as JSON."""
        shape = service.error_shape(reply.code) if service is not None else None
        code = shape.name if shape is not None else reply.code
        headers = [_KIND, ("x-amzn-ErrorType", code)]
        body = error_members(service, reply, self._of(service))
        if isinstance(shape, StructureShape) and "Type" in shape.members:  # Lambda says who is to blame
            body.setdefault("Type", "Service" if reply.fault else "User")
        return Outgoing(status=reply.status, headers=headers, body=dump(body))
