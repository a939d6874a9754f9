"""The door between Mastic's port and the process that hosts the neighbours.

A request for one of their services, authenticated already, is forwarded as it came, with who calls beside it; the
client's Host header goes along, so that queue URLs name the address by which the client reached us. Owns the
connections to the process.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import structlog

from mastic.aws.neighbours import limits
from mastic.errors import Refused
from mastic.executors.neighbours import Address

log = structlog.get_logger()

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Outside = Callable[[str, str, str, dict[str, str], bytes], tuple[int, dict[str, str], bytes]]

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/")
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "upgrade", "te"}
_LONGEST_HEAD = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An HTTP reply."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Door:
    """``service(name)`` is the ASGI application for one service.

    ``address`` starts the process if need be (it blocks); ``account_of`` finds the account of an access key.
    """

    def __init__(
        self,
        *,
        address: Callable[[], Address],
        running: Callable[[], Address | None],
        account_of: Callable[[str], str | None],
        account: str,
        region: str,
        outside: Callable[[str], Outside | None] = lambda _service: None,
    ) -> None:
        self._address = address
        self._running = running
        self._account_of = account_of
        self._account = account
        self._region = region
        self._outside = outside
        self._starters = ThreadPoolExecutor(8, thread_name_prefix="neighbours")
        self._idle: dict[int, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}

    def service(self, name: str) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """The application that answers for ``name``."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            body = await _body(receive)
            reply = await self._reply(name, scope, body)
            headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await send({"type": "http.response.body", "body": reply.body})

        return answer

    def close(self) -> None:
        """Let the threads end."""
        self._starters.shutdown(wait=False, cancel_futures=True)

    async def _reply(self, service: str, scope: Scope, body: bytes) -> Reply:
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        target = headers.get("x-amz-target", "")
        objection = limits.objection(service, _action(target, scope, body))
        if objection is not None:
            code = "InvalidAction" if not target else "UnknownOperationException"
            return _refused(service, target, 400, code, objection)
        outside = self._outside(service)
        if outside is not None:
            return await self._elsewhere(outside, scope, headers, body)
        try:
            return await self._forward(service, scope, headers, body)
        except (Refused, OSError, EOFError) as error:
            log.warning("neighbours_unreachable", service=service, error=str(error))
            return _refused(
                service, target, 503, "ServiceUnavailable", f"{service} cannot be reached: {error}"
            )

    async def _elsewhere(self, outside: Outside, scope: Scope, headers: dict[str, str], body: bytes) -> Reply:
        """To the service that the settings name instead."""
        path = _path(scope)
        run = asyncio.get_running_loop().run_in_executor
        status, found, content = await run(
            self._starters, outside, scope["method"], path, scope["query_string"].decode(), headers, body
        )
        kept = [
            (k.lower().encode(), v.encode("latin-1"))
            for k, v in found.items()
            if k.lower() not in _HOP_BY_HOP
        ]
        return Reply(status=status, headers=kept, body=content)

    async def _forward(self, service: str, scope: Scope, headers: dict[str, str], body: bytes) -> Reply:
        address = self._running()
        if address is None:
            run = asyncio.get_running_loop().run_in_executor
            address = await run(self._starters, self._address)
        head = self._head(service, scope, headers, body, address)
        pool = self._idle.setdefault(address.port, [])
        reader, writer = pool.pop() if pool else await asyncio.open_connection("127.0.0.1", address.port)
        try:
            writer.write(head + body)
            await writer.drain()
            reply = await _read(reader)
        except BaseException:
            writer.close()
            raise
        pool.append((reader, writer))
        return reply

    def _head(
        self, service: str, scope: Scope, headers: dict[str, str], body: bytes, address: Address
    ) -> bytes:
        found = _CREDENTIAL.search(headers.get("authorization", ""))
        account = self._account_of(found[1]) if found else None
        query = scope["query_string"].decode("latin-1")
        lines = [f"{scope['method']} {_path(scope)}{'?' + query if query else ''} HTTP/1.1"]
        for name, value in headers.items():
            if name not in _HOP_BY_HOP and not name.startswith("x-mastic-"):
                lines.append(f"{name}: {value}")
        lines += [
            f"content-length: {len(body)}",
            f"x-mastic-secret: {address.secret}",
            f"x-mastic-service: {service}",
            f"x-mastic-account: {account or self._account}",
            f"x-mastic-region: {found[2] if found else self._region}",
            "\r\n",
        ]
        return "\r\n".join(lines).encode("latin-1")


async def _read(reader: asyncio.StreamReader) -> Reply:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].split(b"\r\n")
    headers, length = [], 0
    for line in lines:
        name, _, value = line.partition(b":")
        name, value = name.strip().lower(), value.strip()
        if name == b"content-length":
            length = int(value)
        elif name.decode() not in _HOP_BY_HOP:
            headers.append((name, value))
    return Reply(status=int(first.split()[1]), headers=headers, body=await reader.readexactly(length))


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _path(scope: Scope) -> str:
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if raw else str(scope["path"])


def _action(target: str, scope: Scope, body: bytes) -> str:
    if target:
        return target.rpartition(".")[2]
    query = parse_qs(scope["query_string"].decode("latin-1"))
    form = query if "Action" in query else parse_qs(body.decode("utf-8", errors="replace"))
    return form.get("Action", [""])[0]


def _refused(service: str, target: str, status: int, code: str, message: str) -> Reply:
    kind, body = limits.refusal(service, target, code, message)
    return Reply(status=status, headers=[(b"content-type", kind.encode())], body=body)
