"""Calls a tidying function now and then. Owns its thread."""

from __future__ import annotations

from collections.abc import Callable

from mastic.clock import Clock
from mastic.loops.base import Loop
from mastic.store.engine import Store


class Janitor(Loop):
    """Runs ``work`` at the start and every ``seconds`` after it."""

    def __init__(
        self, name: str, work: Callable[[], None], *, seconds: float, store: Store, clock: Clock
    ) -> None:
        super().__init__(f"janitor:{name}", store=store, clock=clock)
        self._work = work
        self._seconds = seconds

    def tick(self) -> float:
        self._work()
        return self._seconds
