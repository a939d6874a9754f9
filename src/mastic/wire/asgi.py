"""The one HTTP door: an ASGI application that serves every registered AWS service on one port.

A request finds its service by its credential scope, then X-Amz-Target, then the query parameters Action and
Version, then host and path. Handlers run in worker threads. Paths that belong to sub-applications
(``mount``) never reach a service. Owns the worker threads.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mastic.context import Context, HttpRequest
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.wire.dispatch import Dispatcher, FileBody, Registry
from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.routing import Route, Router
from mastic.wire.sigv4 import Authenticator, identify
from mastic.wire.threads import Workers

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes in bytes. ``document`` bounds any body that is read whole."""

    document: int = 64 * 1024 * 1024


class Gateway:
    """The ASGI application."""

    def __init__(
        self,
        registry: Registry,
        *,
        authenticator: Authenticator,
        ids: Ids | None = None,
        limits: Limits | None = None,
        base_hosts: tuple[str, ...] = ("localhost",),
        threads: int = 32,
    ) -> None:
        self.registry = registry
        self.dispatcher = Dispatcher(registry)
        self.router = Router(registry, self.dispatcher.protocols, base_hosts=base_hosts)
        self._authenticator = authenticator
        self._ids = ids or Ids()
        self._limits = limits or Limits()
        self._workers = Workers(threads)
        self._mounts: list[tuple[str, AsgiApp]] = []

    def mount(self, prefix: str, app: AsgiApp) -> None:
        """Give every path at or below ``prefix`` ("/_mastic") to another ASGI application, paths unchanged."""
        self._mounts.append((prefix.rstrip("/"), app))

    def close(self) -> None:
        """Let the worker threads end."""
        self._workers.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        path: str = scope["path"]
        for prefix, app in self._mounts:
            if path == prefix or path.startswith(prefix + "/"):
                await app(scope, receive, send)
                return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        incoming = Incoming(
            method=scope["method"],
            raw_path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
            query_string=scope["query_string"].decode("latin-1"),
            headers=headers,
        )
        request_id = self._ids.uuid()
        incoming.body = await self._document(receive)
        outgoing = await self._workers.run(lambda: self._answer(scope, incoming, request_id))
        await _reply(send, outgoing, head=incoming.method == "HEAD")

    def _answer(self, scope: Scope, incoming: Incoming, request_id: str) -> Outgoing:
        route = Route(service=None, operation=None, protocol=self.dispatcher.protocols.preferred(None))
        context = Context(request_id=request_id)
        try:
            claim = identify(incoming)
            route = self.router.route(incoming, claim)
            identity = self._authenticator.authenticate(incoming, claim)
            context = Context(
                account_id=identity.account_id,
                region=identity.region,
                request_id=request_id,
                principal_arn=identity.principal_arn,
                access_key=identity.access_key,
                service=route.service.id if route.service else "",
                operation=route.operation.name if route.operation else "",
                endpoint=f"{scope['scheme']}://{incoming.headers.get('host', '')}",
                trace=incoming.headers.get("x-amzn-trace-id", ""),
                http=HttpRequest(
                    method=incoming.method,
                    path=scope["path"],
                    raw_path=incoming.raw_path,
                    query_string=incoming.query_string,
                    headers=incoming.headers,
                ),
            )
            if route.error is not None:
                raise route.error
            assert route.operation is not None
            outgoing = self.dispatcher.call(context, route.operation, route.protocol, incoming)
        except Exception as error:
            outgoing = self.dispatcher.failure(
                error, context=context, service=route.service, protocol=route.protocol, incoming=incoming
            )
        _stamp(outgoing, route, request_id)
        return outgoing

    async def _document(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            return body
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limits.document:
                raise ServiceError("RequestEntityTooLargeException", "too large", status=413)
        return b"".join(parts)


def _stamp(outgoing: Outgoing, route: Route, request_id: str) -> None:
    if route.service is not None and route.service.id == "s3":
        outgoing.headers.append(("x-amz-request-id", request_id))
        outgoing.headers.append(("x-amz-id-2", base64.b64encode(request_id.encode()).decode()))
    else:
        outgoing.headers.append(("x-amzn-RequestId", request_id))


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _reply(send: Send, outgoing: Outgoing, *, head: bool) -> None:
    body = outgoing.body
    assert isinstance(body, bytes)
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in outgoing.headers]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": outgoing.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})
