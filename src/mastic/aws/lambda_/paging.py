"""Lambda's pages: the token comes as ``Marker`` and goes as ``NextMarker``. Owns no state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mastic.aws.lambda_.names import invalid
from mastic.context import Context
from mastic.wire.paging import Pages, Paging


class MarkerPages:
    """Paging for Lambda's handlers. ``key`` is secret and lasting."""

    def __init__(self, key: bytes) -> None:
        self._pages = Pages(Paging(key, error=invalid), token="Marker", size="MaxItems")

    def key(self, context: Context, request: dict[str, Any], *, default: Any) -> Any:
        """The key of the last row that the client has seen, ``default`` on the first page."""
        return self._pages.key(context, request, default=default)

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
        """``{member: the page, "NextMarker": …}`` out of up to ``size + 1`` rows."""
        answer = self._pages.page(context, request, member, rows, size, key=key)
        return {member: answer[member], "NextMarker": answer["Marker"]}
