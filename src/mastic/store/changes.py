"""How often each table of an embedded store has changed, so that what was read can be remembered until it changes.

An embedded store is written by one process, through one connection: every INSERT, UPDATE and DELETE passes here on
its way to it, by its table's name. Rows that go with others by a foreign key count as a change of the others. Owns the
counts.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from sqlalchemy import Connection, Engine, event


class Changes:
    """The changes of one store.

    A change counts when its writer has left its transaction, which is before it is answered, and until then its table
    is unsettled: those who write in the same commit see what may yet be taken back, and those who read what is
    committed and not yet counted.
    """

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._unsettled: Counter[str] = Counter()
        self._present: set[str] = set()
        engine.dialect.changes = self  # type: ignore[attr-defined]
        event.listen(engine, "before_execute", _watch)

    def begin(self) -> set[str]:
        """With the pen held: what is noted from here on is the present writer's. It gives it back to ``settle``."""
        self._present = set()
        return self._present

    def note(self, table: str) -> None:
        """With the pen held: this table changes."""
        if table not in self._present:
            self._present.add(table)
            with self._lock:
                self._unsettled[table] += 1

    def settle(self, tables: set[str]) -> None:
        """A writer has left its transaction, whether or not it was committed."""
        if tables:
            with self._lock:
                # In this order: who finds them settled, finds them counted.
                self._counts.update(tables)
                self._unsettled.subtract(tables)

    def count(self, tables: tuple[str, ...]) -> int:
        """A number that grows with every change of one of these tables."""
        return sum(self._counts[table] for table in tables)

    def settled(self, tables: tuple[str, ...]) -> bool:
        """Whether nobody who has written to one of these tables is still within a transaction."""
        return not any(self._unsettled[table] for table in tables)


def note(tx: Connection, table: str) -> None:
    """What goes to the driver without SQLAlchemy says itself what it changes."""
    changes: Changes | None = getattr(tx.dialect, "changes", None)
    if changes is not None:
        changes.note(table)


def _watch(connection: Connection, statement: Any, *_: Any) -> None:
    if statement.is_dml:
        note(connection, statement.table.name)
