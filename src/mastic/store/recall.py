"""Remembers what was read from an embedded store for as long as nothing at all was committed to it.

Some facts are asked for by every request (the key that signed it, the object it is about), and asking SQLite
through SQLAlchemy costs more than all else they need. SQLite tells by ``PRAGMA data_version`` whether any other
connection has committed since it was last asked, in a few microseconds. A fact is kept under the version that was
seen *before* it was read, so what is answered was true when it was asked for. PostgreSQL has no such word: there
every fact is read.

Owns a connection, and what is remembered.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from sqlalchemy import Connection

from mastic.store.engine import Store

T = TypeVar("T")

MOST = 20_000


class Recall:
    """The memory of one reader. Give it only values that nobody changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._version = -1
        self._known: dict[Hashable, Any] = {}
        self._watch: sqlite3.Connection | None = None

    def get(self, key: Hashable, load: Callable[[Connection], T]) -> T:
        """What ``load`` reads, remembered under ``key``. What it raises is not remembered."""
        if self._store.dialect != "sqlite":
            with self._store.read() as tx:
                return load(tx)
        with self._lock:
            version = self._now()
            if key in self._known:
                known: T = self._known[key]
                return known
        with self._store.read() as tx:
            found = load(tx)
        with self._lock:
            # Whoever asked in between may have seen a newer version: then this one belongs to the past.
            if version == self._version:
                self._known[key] = found
        return found

    def _now(self) -> int:
        """With the lock held: the store's version; what was known of another one is forgotten."""
        if self._watch is None:
            path = self._store.url.removeprefix("sqlite:///")
            self._watch = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        version: int = self._watch.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version or len(self._known) >= MOST:
            self._known.clear()
            self._version = version
        return version

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
            self._known.clear()
            self._version = -1
