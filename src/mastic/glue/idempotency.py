"""Whether a Create call repeats an earlier one. Owns no state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from mastic.errors import ServiceError
from mastic.store import schema


def plain(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as it comes back from the store."""
    loaded: dict[str, Any] = orjson.loads(schema.dumps(dict(request)))
    return loaded


def same_or_refuse(kind: str, name: str, stored: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise IdempotentParameterMismatchException unless both requests are the same. ``kind`` as in "Job"."""
    if stored != given:
        raise ServiceError(
            "IdempotentParameterMismatchException",
            f"{kind} with name {name} already submitted with different configuration",
        )
