"""EventBridge's opaque page tokens. Owns no state."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mastic.errors import ServiceError


def paged(
    name: str,
    items: Iterable[Any],
    request: Mapping[str, Any],
    key: Callable[[Any], str],
    shape: Callable[[Any], Any],
) -> dict[str, Any]:
    """One page of ``items``, sorted by ``key``, as the member ``name``."""
    after = _read(request.get("NextToken"))
    rest = [item for item in items if after is None or key(item) > after]
    shown = rest[: request.get("Limit", 100)]
    token = None
    if len(rest) > len(shown):
        token = base64.urlsafe_b64encode(f"events:{key(shown[-1])}".encode()).decode()
    return {name: [shape(item) for item in shown], "NextToken": token}


def _read(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        kind, _, key = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError):
        kind = key = ""
    if kind != "events":
        raise ServiceError("ValidationException", "NextToken is invalid.")
    return key
