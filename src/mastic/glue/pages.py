"""Pages of Glue's lists: opaque tokens that survive a restart and fit one list only. Owns no state."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson

from mastic.errors import invalid_input

_T = TypeVar("_T")
_SEAL = 12


class Pager:
    """Makes and reads the tokens of one installation, sealed with its key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def read(self, token: str | None, operation: str, bound: str) -> Any:
        """The place to go on from; None for the first page.

        ``bound`` is what the list belongs to (a scope, a job): a token of another list is refused with
        InvalidInputException, like any text that is not a token.
        """
        if not token:
            return None
        try:
            raw = base64.urlsafe_b64decode(token.encode())
        except (ValueError, UnicodeEncodeError) as error:
            raise invalid_input("Invalid pagination token provided.") from error
        seal, place = raw[:_SEAL], raw[_SEAL:]
        if not hmac.compare_digest(seal, self._seal(place, operation, bound)):
            raise invalid_input("Invalid pagination token provided.")
        return orjson.loads(place)

    def token(
        self, found: Sequence[_T], limit: int, place: Callable[[_T], Any], operation: str, bound: str
    ) -> str | None:
        """The token behind ``limit`` items of a list of which one more was read; None when there is no more."""
        if len(found) <= limit:
            return None
        text = orjson.dumps(place(found[limit - 1]))
        return base64.urlsafe_b64encode(self._seal(text, operation, bound) + text).decode()

    def _seal(self, place: bytes, operation: str, bound: str) -> bytes:
        message = b"\0".join((operation.encode(), bound.encode(), place))
        return hmac.new(self._key, message, hashlib.sha256).digest()[:_SEAL]
