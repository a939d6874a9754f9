"""A loop whose work is a feature's own: it calls the feature, which says when it wants to be called again."""

from __future__ import annotations

from collections.abc import Callable

from mastic.clock import Clock
from mastic.loops.base import Loop
from mastic.store.engine import Store


class Periodic(Loop):
    """Calls ``act`` when woken by one of ``signals``, or after the seconds that its last call returned.

    ``lease`` is the (name, holder) of a named lease that ``act`` takes: it is given back in the end.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[], float],
        *,
        store: Store,
        clock: Clock,
        signals: tuple[str, ...] = (),
        lease: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(name, store=store, clock=clock, signals=signals)
        self._act = act
        self._lease = lease

    def stop(self) -> None:
        super().stop()
        if self._lease is not None:
            self.give_back(*self._lease)

    def tick(self) -> float:
        return self._act()
