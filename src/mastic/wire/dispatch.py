"""From a decoded request to its handler and back: the registry of handlers, and the one place errors end.

A feature is an object whose public methods are named like the snake case (botocore's ``xform_name``) of an
operation: ``registry.add("glue", tables)`` makes ``tables.create_table(context, request)`` the handler of
CreateTable. ``request`` is the decoded and validated input (PascalCase keys as in the model, timestamps aware
datetimes, blobs bytes, absent members absent; a streaming payload is a ``Body``). The result is a dict in the
output shape's member names, None, or a ``Response``; a streaming output payload is bytes, a ``FileBody`` or an
iterable of bytes. A handler refuses with ``mastic.errors.ServiceError``. It runs in a worker thread.

Owns the registry and the codecs compiled for the registered operations.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from mastic.context import Context
from mastic.errors import ServiceError, Unkeepable
from mastic.wire.acceptance import Acceptor, Acceptors
from mastic.wire.bodies import Body
from mastic.wire.facts import REFUSALS, family
from mastic.wire.messages import AsIs, FileBody, Incoming, Outgoing, Response
from mastic.wire.protocols import Protocols
from mastic.wire.protocols.base import Decoder, Encoder, ErrorReply, WireProtocol, malformed
from mastic.wire.spec import Models, OperationSpec, ServiceSpec
from mastic.wire.validate import Validators, code_of

__all__ = [
    "AsIs",
    "Body",
    "Coverage",
    "Dispatcher",
    "FileBody",
    "Guard",
    "Handler",
    "Registry",
    "Response",
    "waits",
]

Handler = Callable[[Context, dict[str, Any]], Any]
# (context, operation, request) → the context in which the handler is called. Raises ServiceError to refuse.
Guard = Callable[[Context, str, dict[str, Any]], Context]
# (context, operation, request, the handler's result)
Watcher = Callable[[Context, str, dict[str, Any], Any], None]
_Method = TypeVar("_Method", bound=Callable[..., Any])


def waits(handler: _Method) -> _Method:
    """Mark a handler that may take long because it waits for others (a function's end, a long poll).

    Such calls get threads of their own: those they wait for must still be able to call this server.
    """
    handler.__waits__ = True  # type: ignore[attr-defined]
    return handler


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of a service's model has a handler. Names are the operations', sorted."""

    service: str
    implemented: tuple[str, ...]
    missing: tuple[str, ...]


class Registry:
    """Which object handles which operation."""

    def __init__(self, *, models: Models | None = None) -> None:
        self.models = models or Models()
        self._services: dict[str, ServiceSpec] = {}
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._guards: dict[str, Guard] = {}

    def add(self, service: str, handlers: object) -> None:
        """Register every public method of ``handlers`` that is named like an operation of ``service``.

        ``service`` is botocore's directory name ("glue", "cloudwatch", "stepfunctions").
        Raises LookupError for an unknown service, ValueError for an operation that has a handler already
        and for an object without a single operation.
        """
        spec = self.models.service(service)
        found = False
        for attribute in dir(type(handlers)):
            name = spec.snake_names.get(attribute)
            if name is None or not callable(getattr(type(handlers), attribute)):
                continue
            key = (service, name)
            handler: Handler = getattr(handlers, attribute)
            if key in self._handlers:
                raise ValueError(
                    f"{service}.{name} is handled twice: {self._handlers[key]!r} and {handler!r}"
                )
            self._handlers[key] = handler
            found = True
        if not found:
            raise ValueError(f"{type(handlers).__name__} handles no operation of {service}")
        self._services[service] = spec

    def guard(self, service: str, guard: Guard) -> None:
        """Ask ``guard`` before every operation of a service, once its request is known to be valid."""
        self._guards[service] = guard

    def admitted(self, context: Context, service: str, operation: str, request: dict[str, Any]) -> Context:
        """The context in which a call goes on. Raises ServiceError when it may not."""
        guard = self._guards.get(service)
        return context if guard is None else guard(context, operation, request)

    @property
    def services(self) -> Mapping[str, ServiceSpec]:
        """The services that have at least one handler."""
        return self._services

    def handler(self, service: str, operation: str) -> Handler | None:
        """The handler of an operation, or None."""
        return self._handlers.get((service, operation))

    def waits(self, operation: OperationSpec) -> bool:
        """True when a call may hold its thread for long: it waits for others, or for its client's body."""
        if operation.streaming_input is not None:
            return True
        handler = self._handlers.get((operation.service.id, operation.name))
        return bool(getattr(handler, "__waits__", False))

    def coverage(self) -> dict[str, Coverage]:
        """For every registered service: which operations of its model have a handler and which have none."""
        table = {}
        for service, spec in sorted(self._services.items()):
            names = sorted(spec.operation_names)
            done = tuple(n for n in names if (service, n) in self._handlers)
            missing = tuple(n for n in names if (service, n) not in self._handlers)
            table[service] = Coverage(service=service, implemented=done, missing=missing)
        return table


class _Compiled:
    """An operation's codecs in one protocol."""

    __slots__ = ("accept", "decode", "encode")

    def __init__(self, accept: Acceptor | None, decode: Decoder, encode: Encoder) -> None:
        self.accept = accept
        self.decode = decode
        self.encode = encode


class Dispatcher:
    """Runs one call: decode, validate, handle, encode; whatever fails becomes a modelled error."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.protocols = Protocols()
        self.validators = Validators()
        self._acceptors: dict[str, Acceptors] = {}
        self._compiled: dict[tuple[str, str, str], _Compiled] = {}
        self._lock = threading.Lock()
        self._watchers: dict[str, list[Watcher]] = {}
        self._log = structlog.get_logger("mastic.wire")

    def watch(self, service: str, watcher: Watcher) -> None:
        """Have ``watcher`` see every call of a service that came over the wire and was not refused."""
        self._watchers.setdefault(service, []).append(watcher)

    def call(
        self, context: Context, operation: OperationSpec, protocol: WireProtocol, incoming: Incoming
    ) -> Outgoing:
        """The reply to a request. Blocks; never raises."""
        service = operation.service
        try:
            handler = self.registry.handler(service.id, operation.name)
            if handler is None:
                raise not_implemented(service, operation.name, protocol.name)
            compiled = self._codecs(operation, protocol)
            try:
                request = compiled.accept(incoming.body) if compiled.accept is not None else None
                if request is None:
                    request = compiled.decode(incoming)
                    self.validators.check(operation, request)
            except RecursionError:
                raise malformed("The request is nested too deeply") from None
            admitted = self.registry.admitted(context, service.id, operation.name, request)
            result = handler(admitted, request)
            for watcher in self._watchers.get(service.id, ()):
                watcher(context, operation.name, request, result)
            return self._reply(compiled, result, context.request_id)
        except Exception as error:  # noqa: BLE001 - the wire's edge: logged, answered as a modelled 500
            return self.failure(error, context=context, service=service, protocol=protocol, incoming=incoming)

    def invoke(
        self, context: Context, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Call an operation from inside the process: validated like any other, without a wire.

        Raises ServiceError.
        """
        spec = self.registry.models.service(service).operation(operation)
        handler = self.registry.handler(service, operation)
        if spec is None or handler is None:
            raise not_implemented(self.registry.models.service(service), operation)
        members = dict(request)
        self.validators.check(spec, members)
        result = handler(self.registry.admitted(context, service, operation, members), members)
        if isinstance(result, Response):
            result = result.result
        return result or {}

    def failure(
        self,
        error: Exception,
        *,
        context: Context,
        service: ServiceSpec | None,
        protocol: WireProtocol,
        incoming: Incoming,
    ) -> Outgoing:
        """The reply that tells of an error. One that nobody modelled is logged and answered as a 500."""
        if not isinstance(error, ServiceError):
            self._log.error(
                "request failed",
                request_id=context.request_id,
                service=context.service,
                operation=context.operation,
                exc_info=error,
            )
            error = internal_failure(service, context.request_id)
        else:
            if isinstance(error, Unkeepable) and service is not None:
                error = ServiceError(code_of(service), error.message, status=400)
            self._log.debug("refused", request_id=context.request_id, code=error.code)
        status = error.status
        if status is None:
            status = service.error_status(error.code) if service is not None else 400
        reply = ErrorReply(
            code=error.code,
            message=error.message,
            status=status,
            request_id=context.request_id,
            members=error.members,
            resource=incoming.raw_path,
        )
        outgoing = protocol.error(service, reply)
        outgoing.headers.extend(error.headers.items())
        return outgoing

    def _reply(self, compiled: _Compiled, result: Any, request_id: str) -> Outgoing:
        if not isinstance(result, Response):
            return compiled.encode(result if result is not None else {}, request_id)
        outgoing = compiled.encode(result.result if result.result is not None else {}, request_id)
        if result.status is not None:
            outgoing.status = result.status
        if result.headers:
            replaced = {name.lower() for name in result.headers}
            outgoing.headers = [h for h in outgoing.headers if h[0].lower() not in replaced]
            outgoing.headers.extend(result.headers.items())
        return outgoing

    def _codecs(self, operation: OperationSpec, protocol: WireProtocol) -> _Compiled:
        key = (operation.service.id, operation.name, protocol.name)
        compiled = self._compiled.get(key)
        if compiled is None:
            with self._lock:
                compiled = self._compiled.get(key)
                if compiled is None:
                    accept = self._acceptor(operation) if protocol.name == "json" else None
                    compiled = _Compiled(accept, protocol.decoder(operation), protocol.encoder(operation))
                    self._compiled[key] = compiled
        return compiled

    def _acceptor(self, operation: OperationSpec) -> Acceptor:
        service = operation.service
        return self._acceptors.setdefault(service.id, Acceptors(service)).operation(operation)


def refuse(what: str, service: ServiceSpec, protocol: str, message: str) -> ServiceError:
    """A modelled refusal of the front end itself: ``what`` is a row of ``facts.REFUSALS``."""
    code, status = REFUSALS[what][family(service.id, protocol)]
    return ServiceError(code, message, status=status)


def not_implemented(service: ServiceSpec, operation: str, protocol: str = "json") -> ServiceError:
    """The modelled refusal of an operation nobody handles: 4xx, because clients retry any 5xx for minutes."""
    return refuse("not implemented", service, protocol, f"{operation} is not implemented by Mastic")


def internal_failure(service: ServiceSpec | None, request_id: str) -> ServiceError:
    """The modelled form of an unexpected exception: no detail leaks, the request id leads to the log."""
    code = "InternalFailure"
    if service is not None:
        if service.id == "s3":
            code = "InternalError"
        else:
            known = (
                "InternalServiceException",
                "InternalServerException",
                "InternalServerError",
                "ServiceException",
            )
            code = next((name for name in known if service.error_shape(name) is not None), code)
    return ServiceError(code, f"Internal error; request id {request_id}", status=500)
