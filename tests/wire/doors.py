"""Gateways with small handlers of the tests' own, and two ways to reach them: in process, and over a socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from mastic.wire.asgi import AsgiApp, Gateway
from mastic.wire.dispatch import Body, Registry
from mastic.wire.spec import Models

MODELS = Models()


def every_operation(service: str, handle: Callable[[str, Any, dict[str, Any]], Any]) -> object:
    """An object that handles all operations of a service with one function of (name, context, request)."""

    def method(name: str) -> Callable[[Any, Any, dict[str, Any]], Any]:
        return lambda self, context, request: handle(name, context, request)

    names = MODELS.service(service).snake_names
    return type("Everything", (), {snake: method(name) for snake, name in names.items()})()


def swallow(name: str, context: Any, request: dict[str, Any]) -> None:
    """Read the body that there may be, answer nothing."""
    for value in request.values():
        if isinstance(value, Body):
            value.read()


def open_door(*services: str) -> Gateway:
    """A gateway that accepts every operation of the services."""
    registry = Registry(models=MODELS)
    for service in services:
        registry.add(service, every_operation(service, swallow))
    return Gateway(registry)


@dataclass(kw_only=True)
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str]
    body: bytes = b""


async def ask(
    app: AsgiApp,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes | list[bytes] = b"",
) -> Answer:
    """Send one request to an ASGI application, the body in the given pieces."""
    pieces = [body] if isinstance(body, bytes) else list(body)
    sent = {k.lower(): v for k, v in (headers or {}).items()}
    sent.setdefault("host", "localhost")
    if "transfer-encoding" not in sent:
        sent.setdefault("content-length", str(sum(len(p) for p in pieces)))
    messages = [
        {"type": "http.request", "body": piece, "more_body": i + 1 < len(pieces)}
        for i, piece in enumerate(pieces)
    ]
    waiting = iter(messages)
    answer = Answer(headers={})

    async def receive() -> dict[str, Any]:
        message = next(waiting, None)
        if message is None:
            await asyncio.Event().wait()
        return message or {}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode("latin-1", "replace"), "query_string": query.encode("latin-1", "replace"),
        "headers": [(k.encode("latin-1", "replace"), v.encode("latin-1", "replace")) for k, v in sent.items()],
        "server": ("localhost", 4566), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return answer


@contextmanager
def serving(app: AsgiApp, **settings: Any) -> Iterator[str]:
    """Serve an application on a free port of the loopback; yields its URL. ``settings`` are uvicorn's."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False, **settings)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        threading.Event().wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
