"""What the neighbours' process hands back: messages for functions, and events. An ASGI application.

A message is taken when it is stored: an invocation as a task of the queue ``neighbours.invoke`` (unique by the
message's key), an event as the deliveries it causes. Owns that queue.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import structlog

from mastic.aws.events.router import Router
from mastic.clock import Clock
from mastic.store import tasks
from mastic.store.engine import Store

log = structlog.get_logger()

PATH = "/_mastic/neighbours"
QUEUE = "neighbours.invoke"
MOST_ATTEMPTS = 20
LONGEST_PAUSE = 300

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Invoke = Callable[[str, bytes, str], None]


@dataclass(frozen=True, kw_only=True)
class BackChannel:
    """Takes messages."""

    store: Store
    clock: Clock
    router: Router
    token: str

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        body = b""
        more = True
        while more:
            part = await receive()
            body += part.get("body", b"")
            more = part.get("more_body", False)
        if not hmac.compare_digest(given, f"Bearer {self.token}"):
            await _answer(send, 403)
            return
        message = orjson.loads(body)
        await asyncio.to_thread(self.take, message)
        await _answer(send, 200)

    def take(self, message: dict[str, Any]) -> None:
        """Store one message's consequence."""
        now = self.clock.now()
        with self.store.write() as tx:
            if message["type"] == "event":
                event = message["event"]
                self.router.route(tx, f"{event['account']}:{event['region']}", message["bus"], event)
            elif message["type"] == "invoke":
                tasks.put(tx, QUEUE, message["key"], message, not_before=now)
            else:
                raise ValueError(f"the neighbours' process sent a message of type {message['type']!r}")


@dataclass(frozen=True, kw_only=True)
class Invocations:
    """``handle`` is a worker's handler for the queue: ``invoke(function, event, key)`` hands an event over."""

    clock: Clock
    invoke: Invoke

    def handle(self, task: tasks.Task) -> None:
        """Invoke one function; a function that does not take the event is tried again for some hours."""
        message = task.payload
        try:
            self.invoke(message["function"], orjson.dumps(message["event"]), task.key)
        except Exception as error:
            log.warning(
                "sns_invocation_failed", function=message["function"], attempt=task.attempt, error=str(error)
            )
            if task.attempt < MOST_ATTEMPTS:
                pause = timedelta(seconds=min(2**task.attempt / 2, LONGEST_PAUSE))
                raise tasks.RetryAt(self.clock.now() + pause) from error


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
