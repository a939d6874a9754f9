"""SQL that is too deep: expressions within one another are looked at, here and in the engine, each within the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awsglue._runtime.failures import EngineRefused

# The engine's threads have no stack for many more, and end the whole process.
MOST = 200


class TextTooDeep(EngineRefused):
    """SQL with more expressions within one another than the embedded engine survives."""

    def __init__(self) -> None:
        super().__init__("SQL with so many expressions, one within another")


def parsed(parse: Callable[[], Any]) -> Any:
    """What the parser makes of a text. Raises TextTooDeep, and what the parser raises."""
    try:
        found = parse()
    except RecursionError:
        raise TextTooDeep from None
    level = [item for item in (found if isinstance(found, list) else [found]) if item is not None]
    for _ in range(MOST):
        if not level:
            return found
        level = [child for item in level for child in item.iter_expressions()]
    raise TextTooDeep
