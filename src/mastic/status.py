"""``/_mastic/health``: whether this server can do its work. Owns no state."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mastic import __version__
from mastic.store.engine import Store


class Status:
    """An ASGI application for people and load balancers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/_mastic/health":
            status, answer = self._health()
        else:
            status, answer = 404, {"message": "There is nothing at this path; try /_mastic/health"}
        body = orjson.dumps(answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _health(self) -> tuple[int, dict[str, Any]]:
        try:
            with self._store.read() as tx:
                tx.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            return 503, {"status": "failing", "version": __version__, "store": str(error.__cause__ or error)}
        if self._store.failure:
            return 503, {"status": "failing", "version": __version__, "store": self._store.failure}
        return 200, {"status": "ok", "version": __version__}
