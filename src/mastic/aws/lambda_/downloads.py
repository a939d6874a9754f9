"""The HTTP end of a package's ``Code.Location``: GET with a signature in the query. Owns no state."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from mastic.aws.lambda_.packages import DOWNLOADS, Packages

_PATH = re.compile(re.escape(DOWNLOADS) + r"/code/([0-9a-f]{64})\Z")


class Downloads:
    """An ASGI application for one path."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer with the package, or 403, 404."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode("latin-1")).items()}
        found = _PATH.match(scope["path"])
        status, body, kind = 404, b"There is nothing at this path", b"text/plain"
        if found is not None:
            if self._packages.may_download(found[1], query.get("Expires", ""), query.get("Signature", "")):
                data = await asyncio.to_thread(self._packages.read, found[1])
                if data:
                    status, body, kind = 200, data, b"application/zip"
            else:
                status, body = 403, b"The link is not valid or has expired"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
