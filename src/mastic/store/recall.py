"""Remembers what was read from an embedded store until one of the tables it was read from changes.

Some facts are asked for by every request (the key that signed it, the object it is about), and asking SQLite costs more
than all else they need. A fact is kept under the count of changes that was seen *before* it was read, so what is
answered was true when it was asked for. PostgreSQL is written by other servers, too: there every fact is read.

Owns what is remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from mastic.store.engine import Store

T = TypeVar("T")

MOST = 20_000


class Recall:
    """The memory of one reader. Give it only values that nobody changes.

    ``tables`` are all those that are read, and those whose rows take theirs with them when they are deleted.
    """

    def __init__(self, store: Store, *tables: Table) -> None:
        self._store = store
        self._changes = store.changes
        self._tables = tuple(table.name for table in tables)
        self._lock = threading.Lock()
        # The count and what is known at it, put in place together.
        self._memory: tuple[int, dict[Hashable, Any]] = (-1, {})

    def get(self, key: Hashable, load: Callable[[Connection], T]) -> T:
        """What ``load`` reads, remembered under ``key``. What it raises is not remembered."""

        def read() -> T:
            with self._store.read() as tx:
                return load(tx)

        # Others may see already what is committed and not yet counted: no later answer may be an older one.
        return self._found(key, read)

    def within(self, tx: Connection, key: Hashable, load: Callable[[Connection], T]) -> T:
        """The same in a transaction, of which ``load`` sees what it has changed itself."""
        if not self._store.writing:
            # A snapshot may be older than the count.
            return load(tx)
        # What a writer has changed may be taken back.
        return self._found(key, lambda: load(tx))

    def _found(self, key: Hashable, read: Callable[[], T]) -> T:
        """What is known, or what is read and then known. While a table is unsettled it is read, and not remembered."""
        if self._changes is None or not self._changes.settled(self._tables):
            return read()
        count = self._changes.count(self._tables)
        known = self._known(count)
        if key in known:
            found: T = known[key]
            return found
        found = read()
        self._keep(count, key, found)
        return found

    def _known(self, count: int) -> dict[Hashable, Any]:
        """What is known at this count."""
        at, known = self._memory
        return known if at == count else {}

    def _keep(self, count: int, key: Hashable, found: Any) -> None:
        """Whoever asked in between may have seen a newer count: then this one belongs to the past."""
        with self._lock:
            at, known = self._memory
            if at < count or (at == count and len(known) >= MOST):
                self._memory = count, {key: found}
            elif at == count:
                known[key] = found
