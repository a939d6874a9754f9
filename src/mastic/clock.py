"""Time, injected. Owns the notion of now."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where every part asks for the time, so that a test can move it."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Block until ``event`` is set or ``seconds`` of this clock have passed; true when it was set."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))


class ManualClock:
    """A clock that a test moves. ``wait`` returns when the clock was moved far enough or the event is set."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._moved = threading.Condition()

    def now(self) -> datetime:
        with self._moved:
            return self._now

    def advance(self, **delta: float) -> datetime:
        """Move time forward by a ``timedelta`` given as keywords; returns the new instant."""
        with self._moved:
            self._now += timedelta(**delta)
            self._moved.notify_all()
            return self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        until = self.now() + timedelta(seconds=seconds)
        while not event.is_set() and self.now() < until:
            time.sleep(0.005)
        return event.is_set()
