"""Opaque continuation tokens for lists that page by keyset. Owns nothing but the signing key it was given.

A token carries its form's version, the list it belongs to (name and filters) and the key of the last row
returned, signed, so that it survives a restart, works on every replica that has the key, and cannot be made up.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError

VERSION = 1
_TAG = 16


class Paging:
    """Encodes and decodes tokens of one service.

    ``key`` is secret and lasting. ``error`` makes the refusal of a bad token from a message; it defaults to
    Glue's InvalidInputException. With ``lifetime`` (seconds, needs ``clock``) tokens expire.
    """

    def __init__(
        self,
        key: bytes,
        *,
        error: Callable[[str], ServiceError] | None = None,
        clock: Clock | None = None,
        lifetime: float | None = None,
    ) -> None:
        if lifetime is not None and clock is None:
            raise ValueError("tokens that expire need a clock")
        self._key = hashlib.sha256(b"mastic paging token\0" + key).digest()
        self._error = error or (lambda message: ServiceError("InvalidInputException", message))
        self._clock = clock
        self._lifetime = lifetime

    def encode(self, name: str, filters: Any, last: Any) -> str:
        """The token after the row whose key is ``last`` (JSON values: text, numbers, lists of them).

        ``name`` is the list ("GetTables"), ``filters`` all that decides which rows it has (scope, database,
        expression …, JSON values): a token is good for the same list with the same filters only.
        """
        issued = int(self._clock.now().timestamp()) if self._clock is not None else 0
        payload = orjson.dumps([VERSION, self._list(name, filters), issued, last])
        return base64.urlsafe_b64encode(self._tag(payload) + payload).decode("ascii").rstrip("=")

    def decode(self, name: str, filters: Any, token: str | None) -> Any:
        """The key to go on after; None when there is no token. Raises the refusal for any other token."""
        if not token:
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise self._error("The continuation token is not valid.") from None
        tag, payload = raw[:_TAG], raw[_TAG:]
        if len(tag) < _TAG or not hmac.compare_digest(tag, self._tag(payload)):
            raise self._error("The continuation token is not valid.")
        version, which, issued, last = orjson.loads(payload)
        if version != VERSION or which != self._list(name, filters):
            raise self._error("The continuation token does not belong to this request.")
        if self._expired(issued):
            raise self._error("The continuation token has expired.")
        return last

    def _expired(self, issued: int) -> bool:
        if self._lifetime is None or self._clock is None:
            return False
        return self._clock.now().timestamp() - issued > self._lifetime

    def page(
        self, name: str, filters: Any, rows: Sequence[Any], size: int, key: Callable[[Any], Any]
    ) -> tuple[list[Any], str | None]:
        """Cut ``rows`` (fetch ``size + 1`` of them) to a page, and the token for the next, None at the end."""
        if len(rows) <= size:
            return list(rows), None
        page = list(rows[:size])
        return page, self.encode(name, filters, key(page[-1]))

    def _list(self, name: str, filters: Any) -> str:
        """A short fingerprint of a list and its filters."""
        text = orjson.dumps([name, filters], option=orjson.OPT_SORT_KEYS, default=repr)
        return hashlib.sha256(text).hexdigest()[:16]

    def _tag(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")[:_TAG]


class Pages:
    """Paging for handlers: the filters are the request itself, without its token and page size.

    ``token`` is the member that carries the token both ways (``NextToken``, ``nextToken``, ``Marker``),
    ``size`` the member that asks for a page size.
    """

    def __init__(self, paging: Paging, *, token: str = "NextToken", size: str = "MaxResults") -> None:
        self._paging = paging
        self._token = token
        self._size = size

    def key(self, context: Context, request: dict[str, Any], *, default: Any = None) -> Any:
        """The key of the last row that the client has seen, ``default`` on the first page.

        Raises the refusal of a bad token.
        """
        last = self._paging.decode(
            context.operation, self._filters(context, request), request.get(self._token)
        )
        return default if last is None else last

    def page(
        self,
        context: Context,
        request: dict[str, Any],
        member: str,
        rows: Sequence[Any],
        size: int,
        *,
        key: Callable[[Any], Any],
    ) -> dict[str, Any]:
        """``{member: the page}`` and the next token, out of up to ``size + 1`` rows."""
        page, token = self._paging.page(context.operation, self._filters(context, request), rows, size, key)
        return {member: page, self._token: token}

    def token(self, context: Context, request: dict[str, Any], last: Any) -> str:
        """The token after ``last``, for a list that is not made of rows."""
        return self._paging.encode(context.operation, self._filters(context, request), last)

    def _filters(self, context: Context, request: dict[str, Any]) -> Any:
        given = {k: v for k, v in request.items() if k not in (self._token, self._size)}
        return [context.scope, context.service, given]
