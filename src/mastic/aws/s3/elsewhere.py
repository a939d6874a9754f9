"""What is answered to S3 calls by a server whose objects are in an outside S3: where to send them. Owns no state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from xml.sax.saxutils import escape

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Elsewhere:
    """An ASGI application that refuses every call. ``endpoint`` is the outside S3's URL."""

    def __init__(self, endpoint: str) -> None:
        message = (
            f"This server keeps its objects in the S3 at {endpoint}: "
            f"send S3 calls there (AWS_ENDPOINT_URL_S3={endpoint})"
        )
        self._body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>NotImplemented</Code><Message>{escape(message)}</Message></Error>"
        ).encode()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Refuse. The status is not 5xx, which SDKs would retry."""
        headers = [
            (b"content-type", b"application/xml"),
            (b"content-length", str(len(self._body)).encode()),
            # What was sent along is not read.
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 400, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self._body})
