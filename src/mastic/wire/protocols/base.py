"""What a protocol is, and the one error form that all of them share. Owns no state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mastic.errors import ServiceError
from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.spec import OperationSpec, ServiceSpec

Decoder = Callable[[Incoming], dict[str, Any]]
Encoder = Callable[[Mapping[str, Any], str], Outgoing]


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorReply:
    """A modelled error about to be written."""

    code: str
    message: str
    status: int
    request_id: str
    members: Mapping[str, Any] = field(default_factory=dict)
    resource: str = ""

    @property
    def fault(self) -> bool:
        """True when the server is to blame."""
        return self.status >= 500


class WireProtocol(Protocol):
    """Compiles an operation's decoder and encoder, and writes errors."""

    name: str

    def decoder(self, operation: OperationSpec) -> Decoder:
        """Request → input members. Raises ServiceError on malformed input."""
        ...

    def encoder(self, operation: OperationSpec) -> Encoder:
        """Output members and the request id → reply."""
        ...

    def error(self, service: ServiceSpec | None, reply: ErrorReply) -> Outgoing:
        """The error in this protocol's form."""
        ...


def malformed(message: str) -> ServiceError:
    """What AWS's JSON front end answers when a document does not fit the shape at all."""
    return ServiceError("SerializationException", message, status=400)
