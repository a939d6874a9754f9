"""The state file: one row for each entry of each service's state. Owns ``state.db`` and the lock beside it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time

# (part, key) → (kind, JSON) of one service.
Entries = dict[tuple[str, str], tuple[str, str]]
Statement = tuple[str, tuple[str, ...]]


class State:
    """The state file: one row for each entry of each service's state."""

    def __init__(self, directory: str) -> None:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._lock = open(os.path.join(directory, "lock"), "w")  # noqa: SIM115  held until the process ends
        self._wait_for_lock()
        path = os.path.join(directory, "state.db")
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        os.chmod(path, 0o600)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE IF NOT EXISTS state (service TEXT, part TEXT, key TEXT, kind TEXT, value TEXT, "
            "PRIMARY KEY (service, part, key)) WITHOUT ROWID",
        ):
            self._db.execute(statement)
        self._known: dict[str, Entries] = {}

    def _wait_for_lock(self) -> None:
        """A host whose server was killed lets go as soon as it notices."""
        deadline = time.monotonic() + 20
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def load(self) -> dict[str, dict[str, list[tuple[str, str, str]]]]:
        """Service → part → (key, kind, JSON)."""
        found: dict[str, dict[str, list[tuple[str, str, str]]]] = {}
        for service, part, key, kind, value in self._db.execute("SELECT * FROM state"):
            found.setdefault(service, {}).setdefault(part, []).append((key, kind, value))
            self._known.setdefault(service, {})[(part, key)] = (kind, value)
        return found

    def changes(self, services: dict[str, Entries]) -> list[Statement]:
        """The statements that make the file say what ``services`` says."""
        statements: list[Statement] = []
        for service, entries in services.items():
            known = self._known.get(service, {})
            for name, entry in entries.items():
                before = known.get(name)
                if before is not entry and before != entry:
                    values = (service, *name, *entry)
                    statements.append(("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?)", values))
            for name in known.keys() - entries.keys():
                statements.append(
                    ("DELETE FROM state WHERE service = ? AND part = ? AND key = ?", (service, *name))
                )
            self._known[service] = entries
        return statements

    def write(self, statements: list[Statement]) -> None:
        """Apply statements in one transaction, on disk when this returns."""
        self._db.execute("BEGIN IMMEDIATE")
        for statement, values in statements:
            self._db.execute(statement, values)
        self._db.execute("COMMIT")
