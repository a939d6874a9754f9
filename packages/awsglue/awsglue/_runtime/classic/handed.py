"""How Spark writes the Parquet files by which it hands us rows: as they are, whatever a script sets for its own.

Spark 3.5 refuses dates before 1582 and times before 1900 in files unless it is told a calendar, and moves them with
LEGACY; tables have one calendar only. Owns which sessions have these settings at the moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_WANTED = {
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.writeLegacyFormat": "false",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A session's settings: `get` knows None for those that were not set."""

    get: Callable[[str], str | None]
    set: Callable[[str, str], Any]
    unset: Callable[[str], Any]


class ParquetSettings:
    """Sessions that are handing us rows; several threads may, in one session, and the last one restores it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writers: dict[Any, int] = {}
        self._former: dict[Any, dict[str, str | None]] = {}

    @contextmanager
    def within(self, session: Any, settings: Settings) -> Iterator[None]:
        """Rows are written as they are; `session` tells it from others."""
        with self._lock:
            if not self._writers.get(session):
                self._former[session] = {key: settings.get(key) for key in _WANTED}
                for key, value in _WANTED.items():
                    settings.set(key, value)
            self._writers[session] = self._writers.get(session, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._writers[session] -= 1
                if not self._writers[session]:
                    del self._writers[session]
                    self._restore(settings, self._former.pop(session))

    def _restore(self, settings: Settings, former: dict[str, str | None]) -> None:
        for key, value in former.items():
            if value is None:
                settings.unset(key)
            else:
                settings.set(key, value)
