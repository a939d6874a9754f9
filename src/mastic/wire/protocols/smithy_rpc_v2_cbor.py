"""Smithy RPC v2 CBOR: POST /service/<name>/operation/<operation>, CBOR both ways (CloudWatch's first choice).

Owns compiled codecs, one set per service.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.model import Shape

from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.protocols import cbor
from mastic.wire.protocols.base import Decoder, Encoder, ErrorReply
from mastic.wire.protocols.eventstream import rpc_encoder
from mastic.wire.protocols.json import Codec, Documents, error_members, identity, mismatch, query_error
from mastic.wire.spec import OperationSpec, ServiceSpec

_HEADERS = [("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]


def _blob(value: Any) -> bytes:
    if type(value) is bytes:
        return value
    raise mismatch(value, "ByteBuffer")


def _timestamp(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    raise mismatch(value, "Timestamp")


class CborDocuments(Documents):
    """As JSON's, but blobs and times have forms of their own and members always their own names."""

    scalar_decoders: Mapping[str, Codec] = {
        **Documents.scalar_decoders, "blob": _blob, "timestamp": _timestamp,
    }  # fmt: skip

    def wire_name(self, name: str, member: Shape) -> str:
        """The member's own name."""
        return name

    def scalar_encoder(self, shape: Shape) -> Codec:
        """CBOR writes every scalar by itself; doubles stay doubles."""
        return float if shape.type_name in ("float", "double") else identity


class RpcV2Cbor:
    """The smithy-rpc-v2-cbor protocol."""

    name = "smithy-rpc-v2-cbor"

    def __init__(self) -> None:
        self._documents: dict[str, CborDocuments] = {}

    def _of(self, service: ServiceSpec | None) -> CborDocuments:
        return self._documents.setdefault(service.id if service else "", CborDocuments())

    def decoder(self, operation: OperationSpec) -> Decoder:
        """Request → input members. Raises SerializationException."""
        if operation.input is None:
            return lambda incoming: {}
        decode = self._of(operation.service).decoder(operation.input)

        def run(incoming: Incoming) -> dict[str, Any]:
            members: dict[str, Any] = decode(cbor.loads(incoming.body)) if incoming.body else {}
            return members

        return run

    def encoder(self, operation: OperationSpec) -> Encoder:
        """Output members and the request id → reply."""
        if operation.output is None:
            return lambda result, request_id: Outgoing(status=operation.status, headers=_HEADERS[:1])
        documents = self._of(operation.service)
        if operation.model.has_event_stream_output:
            kind = "application/cbor"
            return rpc_encoder(
                operation, lambda shape, value: cbor.dumps(documents.encoder(shape)(value)), kind
            )
        encode = documents.encoder(operation.output)

        def run(result: Mapping[str, Any], request_id: str) -> Outgoing:
            return Outgoing(status=operation.status, headers=list(_HEADERS), body=cbor.dumps(encode(result)))

        return run

    def error(self, service: ServiceSpec | None, reply: ErrorReply) -> Outgoing:
        """A map with ``__type`` and the message."""
        shape = service.error_shape(reply.code) if service is not None else None
        code = shape.name if shape is not None else reply.code
        body = {"__type": code, **error_members(service, reply, self._of(service))}
        headers = list(_HEADERS)
        if service is not None and service.query_compatible:
            headers.append(("x-amzn-query-error", query_error(service, reply)))
        return Outgoing(status=reply.status, headers=headers, body=cbor.dumps(body))
