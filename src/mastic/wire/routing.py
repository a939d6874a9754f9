"""Which service and operation a request is for. Owns the route tables of the registered services."""

from __future__ import annotations

from dataclasses import dataclass

from mastic.errors import ServiceError
from mastic.wire.dispatch import Registry
from mastic.wire.messages import Incoming
from mastic.wire.protocols import Protocols
from mastic.wire.protocols.base import WireProtocol
from mastic.wire.sigv4 import Claim
from mastic.wire.spec import OperationSpec, ServiceSpec


@dataclass(kw_only=True, slots=True)
class Route:
    """Where a request goes, or ``error``, said in the protocol of the service as far as it is known."""

    service: ServiceSpec | None
    operation: OperationSpec | None
    protocol: WireProtocol
    error: ServiceError | None = None


class Router:
    """Finds routes."""

    def __init__(self, registry: Registry, protocols: Protocols, *, base_hosts: tuple[str, ...]) -> None:
        self._registry = registry
        self._protocols = protocols

    def route(self, incoming: Incoming, claim: Claim | None) -> Route:
        """The route of a request. Sets ``incoming.labels`` for REST operations."""
        target = incoming.headers.get("x-amz-target", "")
        prefix, _, name = target.rpartition(".")
        service = next(
            (s for s in self._registry.services.values() if s.target_prefix == prefix and prefix), None
        )
        if service is None and claim is not None:
            service = self._registry.models.by_signing_name(claim.service)
        operation = service.operation(name) if service is not None else None
        error = None if operation else ServiceError("UnknownOperationException", "")
        return Route(
            service=service, operation=operation, protocol=self._protocols.named("json"), error=error
        )
