"""The one HTTP door: an ASGI application that serves every registered AWS service on one port.

A request is identified, routed, authenticated and handled in a worker thread; object bodies stream both ways.
Paths that belong to sub-applications (``mount``) never reach a service. Owns the worker threads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mastic.clock import Clock, SystemClock
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.wire.answers import Answers, Cors, Exchange
from mastic.wire.bodies import Pump, inflated, too_large_error
from mastic.wire.claims import Unauthentic, identify
from mastic.wire.dispatch import Dispatcher, Registry
from mastic.wire.documents import DocumentDoor, DocumentPart, host_of, incoming_of
from mastic.wire.hosts import Hosts
from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.replies import send_reply
from mastic.wire.routing import Route, Router, is_form
from mastic.wire.sigv4 import Authenticator
from mastic.wire.threads import Workers

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes in bytes. ``document`` bounds any body that is read whole, ``form`` those of the query protocol."""

    document: int = 64 * 1024 * 1024
    form: int = 4 * 1024 * 1024


class Gateway:
    """The ASGI application.

    ``threads`` run the calls that do not wait; ``waiting_threads`` (started as needed) those whose handler is
    marked with ``dispatch.waits`` or reads a body from its client.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        authenticator: Authenticator | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
        limits: Limits | None = None,
        base_hosts: tuple[str, ...] = (),
        cors: Cors | None = None,
        threads: int = 32,
        waiting_threads: int = 512,
    ) -> None:
        self.registry = registry
        self.dispatcher = Dispatcher(registry)
        self._router = Router(registry, self.dispatcher.protocols, base_hosts=base_hosts)
        self._hosts = Hosts(base_hosts)
        self._authenticator = authenticator or Authenticator(clock=clock or SystemClock())
        self._answers = Answers(
            self.dispatcher,
            authenticator=self._authenticator,
            hosts=self._hosts,
            cors=cors,
        )
        self._ids = ids or Ids()
        self._limits = limits or Limits()
        self._workers = Workers(threads)
        self._waiting = Workers(waiting_threads)
        # Prefix, application, and whether it wants a request to such a path.
        self._mounts: list[tuple[str, AsgiApp, Callable[[Scope], bool]]] = []
        self._delegates: dict[str, AsgiApp] = {}

    def mount(self, prefix: str, app: AsgiApp) -> None:
        """Give every path at or below ``prefix`` ("/_mastic") to another ASGI application, paths unchanged."""
        # A virtual host's whole path is a key.
        self._mounts.append((prefix.rstrip("/"), app, lambda scope: not self._hosts.bucket(host_of(scope))))

    def mount_documents(self, prefix: str, part: DocumentPart, *, service: str) -> None:
        """Give every path at or below ``prefix`` to a part that answers documents, after authentication here.

        Requests to S3, whose buckets could be called anything, still reach it.
        """
        door = DocumentDoor(
            part,
            service=service,
            authenticator=self._authenticator,
            hosts=self._hosts,
            ids=self._ids,
            workers=self._waiting,
            limit=self._limits.document,
        )
        self._mounts.append((prefix.rstrip("/"), door, door.wants))

    def delegate(self, service: str, app: AsgiApp) -> None:
        """Let another ASGI application answer a whole service ("sqs"), after authentication here.

        Raises LookupError for an unknown service, ValueError when it has handlers or a delegate already.
        """
        if service in self.registry.services or service in self._delegates:
            raise ValueError(f"{service} is served already")
        self._router.know(self.registry.models.service(service))
        self._delegates[service] = app

    def close(self) -> None:
        """Let the worker threads end."""
        self._workers.close()
        self._waiting.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        path: str = scope["path"]
        for prefix, app, wants in self._mounts:
            if (path == prefix or path.startswith(prefix + "/")) and wants(scope):
                await app(scope, receive, send)
                return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = await self._accept(scope, receive)
        service = exchange.route.service
        try:
            if service is not None and service.id in self._delegates and exchange.refusal is None:
                exchange.refusal = await self._workers.run(lambda: self._answers.check(exchange))
                if exchange.refusal is None:
                    await self._delegates[service.id](scope, _replay(exchange.sent_body, receive), send)
                    return
            outgoing = await self._threads(exchange).run(lambda: self._answers.answer(exchange))
            if exchange.waiting:
                # The client still waits for "100 Continue" and may or may not send its body after this.
                outgoing.headers.append(("Connection", "close"))
            await send_reply(outgoing, send, receive, self._waiting)
        finally:
            if exchange.pump is not None:
                exchange.pump.close()

    def answer(
        self,
        incoming: Incoming,
        scheme: str,
        receiver: Callable[[Outgoing], None],
        failed: Callable[[BaseException], None],
    ) -> bool:
        """Answer a request whose body is there, if it is one for a handler whose reply is a document.

        False leaves it to the general way. Called on the event loop, as is ``receiver``, or ``failed``.
        """
        if is_form(incoming):
            return False
        exchange = self._begin(incoming, scheme, incoming.raw_path)
        self._route(exchange)
        service, operation = exchange.route.service, exchange.route.operation
        if service is None or operation is None or service.id in self._delegates or operation.streams:
            return False
        self._threads(exchange).tell(lambda: self._answers.answer(exchange), receiver, failed)
        return True

    def _threads(self, exchange: Exchange) -> Workers:
        """Those in which a request is answered."""
        operation = exchange.route.operation
        patient = operation is not None and exchange.refusal is None and self.registry.waits(operation)
        return self._waiting if patient else self._workers

    async def _accept(self, scope: Scope, receive: Receive) -> Exchange:
        """Identify, route and read what has to be read before a thread takes over."""
        incoming = incoming_of(scope)
        exchange = self._begin(incoming, scope["scheme"], scope["path"])
        form = is_form(incoming)
        try:
            if form:
                await self._document(exchange, receive, self._limits.form)
            self._route(exchange)
            if exchange.refusal is None and not form:
                await self._read(exchange, receive)
        except ServiceError as error:
            exchange.refusal = error
        return exchange

    def _begin(self, incoming: Incoming, scheme: str, path: str) -> Exchange:
        """Who asks."""
        exchange = Exchange(
            scheme=scheme,
            path=path,
            incoming=incoming,
            request_id=self._ids.uuid(),
            route=Route(service=None, operation=None, protocol=self.dispatcher.protocols.preferred(None)),
        )
        try:
            exchange.claim = identify(incoming)
        except Unauthentic as problem:
            exchange.refusal = problem
        return exchange

    def _route(self, exchange: Exchange) -> None:
        """For what."""
        incoming = exchange.incoming
        route = exchange.route = self._router.route(incoming, exchange.claim)
        exchange.refusal = exchange.refusal or route.error
        if route.service is not None and route.service.id == "s3":
            exchange.bucket = self._hosts.bucket(incoming.headers.get("host", ""))

    async def _read(self, exchange: Exchange, receive: Receive) -> None:
        operation, incoming = exchange.route.operation, exchange.incoming
        if operation is None or operation.streaming_input is None:
            await self._document(exchange, receive, self._limits.document)
            return
        if exchange.expects:
            exchange.pump = Pump(receive, lazy=True)
            return
        message = await receive()
        first: bytes = message.get("body", b"")
        if message.get("more_body"):
            exchange.pump = Pump(receive, lazy=False, first=first)
        else:
            incoming.body = first

    async def _document(self, exchange: Exchange, receive: Receive, limit: int) -> None:
        """Read a body whole, and unpack it if it is compressed. Raises ServiceError when it is too large."""
        incoming = exchange.incoming
        parts: list[bytes] = []
        size, more = 0, True
        declared = incoming.headers.get("content-length", "")
        too_large = declared.isdigit() and int(declared[:18]) > limit
        while more and not too_large:
            exchange.asked = True
            message = await receive()
            if message["type"] != "http.request":
                raise ServiceError("RequestTimeout", "The client went away", status=400)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            too_large = size > limit
            more = message.get("more_body", False)
        if too_large:
            raise too_large_error()
        incoming.body = parts[0] if len(parts) == 1 else b"".join(parts)
        service = exchange.route.service
        if incoming.headers.get("content-encoding") == "gzip" and (service is None or service.id != "s3"):
            incoming.signed_body, incoming.body = incoming.body, inflated(incoming.body, limit)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that hands out a body that was read already, then what follows."""
    sent = False

    async def again() -> dict[str, Any]:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
