"""The HTTP end of the channel between job processes and the server: POST, bearer token, JSON. Owns no state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from mastic.glue.jobs.messages import Messages, Reply

LARGEST = 16 * 1024 * 1024

_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


class Channel:
    """An ASGI application for one path."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def __call__(self, scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        """Answer one message."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        reply = await self._reply(scope, receive)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(reply.body)})

    async def _reply(self, scope: dict[str, Any], receive: _Receive) -> Reply:
        if scope["method"] != "POST":
            return Reply(status=405, body={"code": "Method", "message": "messages are sent with POST"})
        headers = {name.lower(): value for name, value in scope["headers"]}
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if kind.lower() != "bearer" or not token:
            return Reply(status=401, body={"code": "Token", "message": "a bearer token is required"})
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return Reply(status=400, body={"code": "Gone", "message": "the sender is gone"})
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > LARGEST:
                return Reply(status=413, body={"code": "Size", "message": f"at most {LARGEST} bytes"})
        return await asyncio.to_thread(self._messages.answer, token.strip(), bytes(body))
