"""Which service, operation and protocol a request is for.

Looked for in this order: the credential scope, X-Amz-Target, a Smithy RPC path, the query parameters Action and
Version, the host name, the path. Owns the route tables of the services seen so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mastic.errors import ServiceError
from mastic.wire.claims import Claim
from mastic.wire.dispatch import Registry, refuse
from mastic.wire.facts import SIGNING_ALIASES
from mastic.wire.hosts import Hosts
from mastic.wire.messages import Incoming
from mastic.wire.protocols import Protocols
from mastic.wire.protocols.base import WireProtocol
from mastic.wire.protocols.query import form
from mastic.wire.rest_routes import RestRoutes
from mastic.wire.spec import OperationSpec, ServiceSpec

FORM = "application/x-www-form-urlencoded"


@dataclass(kw_only=True, slots=True)
class Route:
    """Where a request goes, or ``error``, to be said in ``protocol``. ``service`` is None when unknown."""

    service: ServiceSpec | None
    operation: OperationSpec | None
    protocol: WireProtocol
    error: ServiceError | None = None


def is_form(incoming: Incoming) -> bool:
    """True when the operation's name may stand in the body."""
    return incoming.method == "POST" and incoming.headers.get("content-type", "").lower().startswith(FORM)


class Router:
    """Finds routes. Used on the event loop only."""

    def __init__(self, registry: Registry, protocols: Protocols, *, base_hosts: tuple[str, ...] = ()) -> None:
        self._registry = registry
        self._protocols = protocols
        self._hosts = Hosts(base_hosts)
        self._rest: dict[str, RestRoutes] = {}
        self._delegated: dict[str, ServiceSpec] = {}
        self._all: dict[str, ServiceSpec] = {}
        self._signers: dict[str, list[ServiceSpec]] = {}

    def know(self, service: ServiceSpec) -> None:
        """Route to a service that has no handlers here."""
        self._delegated[service.id] = service

    def _services(self) -> dict[str, ServiceSpec]:
        """Every service served here; the index is made anew when services were added."""
        count = len(self._registry.services) + len(self._delegated)
        if count != len(self._all):
            self._all = {**self._registry.services, **self._delegated}
            self._signers = {}
            for service in sorted(self._all.values(), key=lambda s: s.id == "s3"):
                self._signers.setdefault(service.signing_name, []).append(service)
        return self._all

    def route(self, incoming: Incoming, claim: Claim | None) -> Route:
        """The route of a request; sets ``incoming.labels`` for REST operations. Raises nothing."""
        route: Route | None = None
        service: ServiceSpec | None = None
        try:
            for service in self._candidates(incoming, claim):
                route = self._within(service, incoming)
                if route.operation is not None:
                    return route
        except ServiceError as error:
            return Route(
                service=service, operation=None, protocol=self._plain(service, incoming), error=error
            )
        # Of several services with one signing name, none of which knows the request, the last is the general one.
        return route or self._nowhere(incoming, claim)

    def _candidates(self, incoming: Incoming, claim: Claim | None) -> Iterator[ServiceSpec]:
        """The services a request may be for, the most specific first."""
        registered = self._services()
        if claim is not None and claim.service:
            same = self._signers.get(claim.service, [])
            if not same:
                found = self._registry.models.find(SIGNING_ALIASES.get(claim.service, claim.service))
                same = [found] if found is not None else []
            if len(same) > 1 and "x-amz-target" in incoming.headers:
                prefix = incoming.headers["x-amz-target"].rpartition(".")[0]
                same = [s for s in same if s.target_prefix == prefix] or same
            yield from same
            return
        if "x-amz-target" in incoming.headers:
            prefix = incoming.headers["x-amz-target"].rpartition(".")[0]
            yield from (s for s in registered.values() if prefix and s.target_prefix == prefix)
            return
        if incoming.headers.get("smithy-protocol") == "rpc-v2-cbor":
            name = _smithy_path(incoming.raw_path)[0]
            yield from (s for s in registered.values() if _smithy_name(s) == name)
            return
        if is_form(incoming) or "Action=" in incoming.query_string:
            pairs = dict(form(incoming))
            if "Action" in pairs:
                for service in registered.values():
                    if _speaks_query(service) and service.api_version == pairs.get("Version"):
                        yield service
                return
        host = self._hosts.service(incoming.headers.get("host", ""))
        named = SIGNING_ALIASES.get(host, host)
        if named in registered and named != "s3":
            yield registered[named]
            return
        yield from self._by_path(incoming, claim)

    def _by_path(self, incoming: Incoming, claim: Claim | None) -> Iterator[ServiceSpec]:
        """Services that know the path; S3, whose buckets could be called anything, last."""
        registered = self._services()
        if claim is None or claim.version == 4:
            for service in registered.values():
                if "rest-json" in service.protocols and self._routes(service).knows(incoming):
                    yield service
        if "s3" in registered:
            yield registered["s3"]

    def _within(self, service: ServiceSpec, incoming: Incoming) -> Route:
        protocol = self._plain(service, incoming)
        operation: OperationSpec | None = None
        name = ""
        if protocol.name == "json":
            name = incoming.headers.get("x-amz-target", "").rpartition(".")[2]
            operation = service.operation(name)
        elif protocol.name == "smithy-rpc-v2-cbor":
            name = _smithy_path(incoming.raw_path)[1]
            operation = service.operation(name)
        elif protocol.name in ("query", "ec2"):
            name = dict(form(incoming)).get("Action", "")
            operation = service.operation(name)
        else:
            return self._rest_route(service, protocol, incoming)
        error = None
        if operation is None:
            error = refuse(
                "unknown operation",
                service,
                protocol.name,
                f"{service.id} has no operation {name!r}" if name else "The request names no operation",
            )
        return Route(service=service, operation=operation, protocol=protocol, error=error)

    def _rest_route(self, service: ServiceSpec, protocol: WireProtocol, incoming: Incoming) -> Route:
        routes = self._routes(service)
        path = incoming.raw_path
        if service.id == "s3":
            bucket = self._hosts.bucket(incoming.headers.get("host", ""))
            if bucket:
                path = f"/{bucket}{path}"
        found = routes.find(incoming, path)
        if found is not None:
            operation, incoming.labels = found
            stray = routes.stray(operation, incoming) if service.id == "s3" else None
            if stray is None:
                return Route(service=service, operation=operation, protocol=protocol)
        message = (
            "The specified method is not allowed against this resource."
            if service.id == "s3"
            else f"{service.id} has no operation for {incoming.method} {path}"
        )
        error = refuse("unknown operation", service, protocol.name, message)
        return Route(service=service, operation=None, protocol=protocol, error=error)

    def _routes(self, service: ServiceSpec) -> RestRoutes:
        routes = self._rest.get(service.id)
        if routes is None:
            handler = self._registry.handler
            routes = RestRoutes(service, lambda name: handler(service.id, name) is not None)
            self._rest[service.id] = routes
        return routes

    def _plain(self, service: ServiceSpec | None, incoming: Incoming) -> WireProtocol:
        """The protocol a request speaks, by its own looks among those of the service."""
        if service is None:
            return self._protocols.preferred(None)
        spoken = service.protocols
        if "smithy-rpc-v2-cbor" in spoken and "smithy-protocol" in incoming.headers:
            return self._protocols.named("smithy-rpc-v2-cbor")
        if "json" in spoken and "x-amz-target" in incoming.headers:
            return self._protocols.named("json")
        for name in ("query", "ec2"):
            if name in spoken and (is_form(incoming) or "Action=" in incoming.query_string):
                return self._protocols.named(name)
        return self._protocols.preferred(service)

    def _nowhere(self, incoming: Incoming, claim: Claim | None) -> Route:
        """A request that no service here answers."""
        name = "json"
        if is_form(incoming) or "Action=" in incoming.query_string:
            name = "query"
        elif claim is not None and claim.service == "s3":
            name = "rest-xml"
        what = f"the service {claim.service!r}" if claim is not None and claim.service else "this request"
        code, status = ("InvalidAction", 400) if name == "query" else ("UnknownOperationException", 400)
        if claim is None and "x-amz-target" not in incoming.headers and name == "json":
            error = ServiceError(
                "MissingAuthenticationTokenException", "Missing Authentication Token", status=403
            )
        else:
            error = ServiceError(code, f"Mastic does not serve {what}", status=status)
        return Route(service=None, operation=None, protocol=self._protocols.named(name), error=error)


def _speaks_query(service: ServiceSpec) -> bool:
    return "query" in service.protocols or "ec2" in service.protocols


def _smithy_path(raw_path: str) -> tuple[str, str]:
    """``/service/<name>/operation/<operation>`` → both; empty texts for another path."""
    parts = raw_path.split("/")
    if len(parts) >= 5 and parts[-4] == "service" and parts[-2] == "operation":
        return parts[-3], parts[-1]
    return "", ""


def _smithy_name(service: ServiceSpec) -> str:
    return service.target_prefix or str(service.metadata.get("serviceId", ""))
