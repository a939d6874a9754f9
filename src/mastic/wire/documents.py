"""Mounted doors that are no AWS service: a document comes in, a document goes out, signed the way AWS signs.

Reads and authenticates like the services' door, in the same worker threads, and leaves routes and errors to
its part. Owns no state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import quote

import structlog

from mastic.context import Context, HttpRequest
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.wire.bodies import inflated
from mastic.wire.claims import Unauthentic, identify
from mastic.wire.hosts import Hosts
from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.replies import send_reply, settle
from mastic.wire.sigv4 import Authenticator
from mastic.wire.threads import Workers

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class DocumentPart(Protocol):
    """What stands behind a door. Both run in worker threads."""

    def answer(self, context: Context, body: bytes) -> Outgoing:
        """The reply to an authenticated request. An exception is logged and becomes ``refuse("failure")``."""
        ...

    def refuse(self, what: str, message: str) -> Outgoing:
        """The reply to a request that does not get in.

        ``what`` is a row of ``facts.REFUSALS``, or "failure".
        """
        ...


class DocumentDoor:
    """An ASGI application. ``service`` is the one in whose name the part acts ("glue")."""

    def __init__(
        self,
        part: DocumentPart,
        *,
        service: str,
        authenticator: Authenticator,
        hosts: Hosts,
        ids: Ids,
        workers: Workers,
        limit: int,
    ) -> None:
        self._part = part
        self._service = service
        self._authenticator = authenticator
        self._hosts = hosts
        self._ids = ids
        self._workers = workers
        self._limit = limit
        self._log = structlog.get_logger("mastic.wire")

    def wants(self, scope: Scope) -> bool:
        """False for requests to S3: signed for it, or to the host name of a bucket."""
        host = host_of(scope)
        if self._hosts.bucket(host) and self._hosts.service(host) != self._service:
            return False
        try:
            claim = identify(incoming_of(scope))
        except Unauthentic:
            return True
        return claim is None or (claim.version == 4 and claim.service != "s3")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        incoming = incoming_of(scope)
        body = await _read(incoming, receive, self._limit)
        outgoing = await self._workers.run(lambda: self._answer(scope, incoming, body))
        await send_reply(outgoing, send, receive, self._workers)

    def _answer(self, scope: Scope, incoming: Incoming, body: bytes | None) -> Outgoing:
        """The reply, ready to send. Never raises."""
        request_id = self._ids.uuid()
        try:
            outgoing = self._admitted(scope, incoming, body, request_id)
        except Exception as error:  # noqa: BLE001 - the wire's edge: logged, answered as a 500
            self._log.error("request failed", request_id=request_id, path=scope["path"], exc_info=error)
            outgoing = self._part.refuse("failure", f"Internal failure; request {request_id}")
        outgoing.headers.append(("x-amzn-RequestId", request_id))
        return settle(outgoing, head=incoming.method == "HEAD")

    def _admitted(self, scope: Scope, incoming: Incoming, body: bytes | None, request_id: str) -> Outgoing:
        if body is None:
            return self._part.refuse("too large", "The request is larger than this server accepts")
        incoming.body = body
        try:
            if incoming.headers.get("content-encoding") == "gzip":
                incoming.signed_body, incoming.body = body, inflated(body, self._limit)
            context = self._identify(scope, incoming, request_id)
        except Unauthentic as problem:
            return self._part.refuse(problem.what, problem.message)
        except ServiceError as error:
            return self._part.refuse("malformed", error.message)
        return self._part.answer(context, incoming.body)

    def _identify(self, scope: Scope, incoming: Incoming, request_id: str) -> Context:
        identity = self._authenticator.authenticate(incoming, identify(incoming))
        headers = incoming.headers
        if not identity.verified and self._hosts.foreign(headers.get("host", ""), headers.get("origin")):
            raise Unauthentic(
                "foreign page", "Pages of other origins may not call this server without a known key"
            )
        return Context(
            account_id=identity.account_id,
            region=identity.region,
            request_id=request_id,
            principal_arn=identity.principal_arn,
            access_key=identity.access_key,
            service=self._service,
            endpoint=f"{scope['scheme']}://{headers.get('host', '')}",
            trace=headers.get("x-amzn-trace-id", ""),
            http=HttpRequest(
                method=incoming.method,
                path=scope["path"],
                raw_path=incoming.raw_path,
                query_string=incoming.query_string,
                headers=headers,
            ),
        )


def host_of(scope: Scope) -> str:
    """The Host header of an ASGI request."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


def incoming_of(scope: Scope) -> Incoming:
    """The head of an ASGI request; headers that came more than once are joined."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw_path = scope.get("raw_path")
    return Incoming(
        method=scope["method"],
        raw_path=(raw_path.decode("latin-1") if raw_path else quote(scope["path"])) or "/",
        query_string=scope["query_string"].decode("latin-1"),
        headers=headers,
    )


async def _read(incoming: Incoming, receive: Receive, limit: int) -> bytes | None:
    """The body whole; None when it is larger than ``limit``, or its client has gone."""
    declared = incoming.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:18]) > limit:
        return None
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)
