"""Pages of Glue's lists, over the wire's opaque tokens. Owns no state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mastic.wire.paging import Paging

_T = TypeVar("_T")


class Pager:
    """Makes and reads the tokens of one installation, signed with its key."""

    def __init__(self, key: str) -> None:
        self._paging = Paging(key.encode())

    def read(self, token: str | None, operation: str, bound: str) -> Any:
        """The place to go on from; None for the first page.

        ``bound`` is what the list belongs to (a scope, a job, filters): a token of another list is refused with
        InvalidInputException, like any text that is not a token.
        """
        return self._paging.decode(operation, bound, token)

    def token(
        self, found: Sequence[_T], limit: int, place: Callable[[_T], Any], operation: str, bound: str
    ) -> str | None:
        """The token behind ``limit`` items of a list of which one more was read; None when there are no more."""
        return self._paging.page(operation, bound, found, limit, place)[1]
