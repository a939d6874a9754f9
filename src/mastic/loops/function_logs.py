"""Brings what functions write into CloudWatch Logs, a little after the fact, many calls to a transaction.

A call does not wait for its log lines to be durable. Owns the lines on their way and its thread.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.loops.base import Loop
from mastic.store.engine import Store

LARGEST_BATCH = 500
_UNITS = {"Duration": "Milliseconds"}


@dataclass(frozen=True, slots=True)
class _Lines:
    scope: str
    group: str
    stream: str
    lines: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class _Figures:
    scope: str
    function: str
    values: Mapping[str, float]
    at: datetime


class Measurements(Protocol):
    """Takes metric values inside a transaction."""

    def put(
        self,
        tx: Connection,
        scope: str,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        unit: str = "None",
        at: datetime | None = None,
    ) -> None:
        """Add one value."""
        ...


class LogSink(Protocol):
    """Takes log events inside a transaction."""

    def append(
        self, tx: Connection, scope: str, group: str, stream: str, events: Sequence[tuple[int, str]]
    ) -> None:
        """Add (epoch milliseconds, message) events; group and stream are made if they are missing."""
        ...


class FunctionLogs(Loop):
    """A queue in memory before the store, of log lines and of the metrics of ``AWS/Lambda``."""

    def __init__(self, *, store: Store, clock: Clock, sink: LogSink, metrics: Measurements) -> None:
        super().__init__("function-logs", store=store, clock=clock)
        self._sink = sink
        self._metrics = metrics
        self._waiting: list[_Lines | _Figures] = []
        self._lock = threading.Lock()

    def ship(self, scope: str, group: str, stream: str, lines: list[tuple[int, str]]) -> None:
        """Queue lines; they are durable some milliseconds later."""
        self._queue(_Lines(scope, group, stream, lines))

    def measure(self, scope: str, function: str, values: Mapping[str, float]) -> None:
        """Queue values of a function's metrics."""
        self._queue(_Figures(scope, function, values, self.clock.now()))

    def stop(self) -> None:
        """Stop, with everything stored."""
        super().stop()
        self.tick()

    def tick(self) -> float:
        while True:
            with self._lock:
                batch = self._waiting[:LARGEST_BATCH]
            if not batch:
                return 5.0
            with self.store.write() as tx:
                for item in batch:
                    self._keep(tx, item)
            with self._lock:
                del self._waiting[: len(batch)]

    def _queue(self, item: _Lines | _Figures) -> None:
        with self._lock:
            self._waiting.append(item)
        self._wake.set()

    def _keep(self, tx: Connection, item: _Lines | _Figures) -> None:
        if isinstance(item, _Lines):
            self._sink.append(tx, item.scope, item.group, item.stream, item.lines)
            return
        for name, value in item.values.items():
            self._metrics.put(
                tx, item.scope, "AWS/Lambda", name, {"FunctionName": item.function}, value,
                _UNITS.get(name, "Count"), item.at,
            )  # fmt: skip
