"""How many bytes each job process has moved to and from S3, seen where the requests are answered.

Counted by access key, which every process has one of its own, for those keys that somebody follows. Kept in memory:
what is not taken when the server ends is lost, as with any measurement.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(kw_only=True)
class Moved:
    """Bytes and requests since they were last taken."""

    read_bytes: int = 0
    reads: int = 0
    written_bytes: int = 0
    writes: int = 0


class Traffic:
    """The counters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moved: dict[str, Moved] = {}

    def follow(self, key: str) -> None:
        """Count for this key from now on."""
        with self._lock:
            self._moved.setdefault(key, Moved())

    def take(self, key: str) -> Moved:
        """What has come together for a followed key, which begins anew."""
        with self._lock:
            found = self._moved.get(key)
            if found is None:
                return Moved()
            self._moved[key] = Moved()
            return found

    def forget(self, key: str) -> None:
        """Nobody asks any more."""
        with self._lock:
            self._moved.pop(key, None)

    def read(self, key: str, size: int) -> None:
        """So many bytes were read."""
        if key not in self._moved:
            return
        with self._lock:
            found = self._moved.get(key)
            if found is not None:
                found.read_bytes += size
                found.reads += 1

    def written(self, key: str, size: int) -> None:
        """So many bytes were written."""
        if key not in self._moved:
            return
        with self._lock:
            found = self._moved.get(key)
            if found is not None:
                found.written_bytes += size
                found.writes += 1
