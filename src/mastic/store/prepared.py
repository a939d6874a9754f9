"""Statements compiled once and handed to SQLite's driver without a detour. Owns what it compiled, with the dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from mastic.store.changes import note
from mastic.store.sqlite import driver


class Prepared:
    """A statement that is compiled once, and handed to SQLite's driver without a detour.

    For the few that every request runs: passing one on takes SQLAlchemy longer than SQLite needs to run it. Rows are
    tuples in the order of the columns. On PostgreSQL it goes SQLAlchemy's way. ``names`` are the columns that an
    INSERT is given, all of which its parameters must have.
    """

    __slots__ = ("_changes", "_names", "_statement")

    def __init__(self, statement: Any, *, names: tuple[str, ...] | None = None) -> None:
        self._statement = statement
        self._names = names
        self._changes: str = statement.table.name if statement.is_dml else ""

    def first(self, tx: Connection, parameters: dict[str, Any]) -> Any:
        """The first row, or None."""
        if tx.dialect.name != "sqlite":
            return tx.execute(self._statement, parameters).first()
        ready = self._ready(tx)
        row = driver(tx).execute(ready.text, ready.values(parameters)).fetchone()
        return row if row is None or ready.plain else ready.read(row)

    def all(self, tx: Connection, parameters: dict[str, Any]) -> list[Any]:
        """All rows."""
        if tx.dialect.name != "sqlite":
            return list(tx.execute(self._statement, parameters).all())
        ready = self._ready(tx)
        rows = driver(tx).execute(ready.text, ready.values(parameters)).fetchall()
        return rows if ready.plain else [ready.read(row) for row in rows]

    def run(self, tx: Connection, parameters: dict[str, Any]) -> int:
        """Runs a change; returns how many rows it concerned."""
        if tx.dialect.name != "sqlite":
            return int(tx.execute(self._statement, parameters).rowcount)
        note(tx, self._changes)
        ready = self._ready(tx)
        return driver(tx).execute(ready.text, ready.values(parameters)).rowcount

    def insert(self, tx: Connection, parameters: dict[str, Any]) -> int:
        """Adds a row to a table that counts its ids up; returns the id."""
        if tx.dialect.name != "sqlite":
            key = tx.execute(self._statement, parameters).inserted_primary_key
            assert key is not None
            return int(key[0])
        note(tx, self._changes)
        ready = self._ready(tx)
        made = driver(tx).execute(ready.text, ready.values(parameters)).lastrowid
        assert made is not None
        return made

    def _ready(self, tx: Connection) -> _Ready:
        # With the dialect, which belongs to one store: column types may ask it for that store's keys.
        known: dict[Prepared, _Ready] = tx.dialect.__dict__.setdefault("mastic_prepared", {})
        ready = known.get(self)
        if ready is None:
            ready = known[self] = _Ready(self._statement, tx.dialect, self._names)
        return ready


class _Ready:
    """A statement as one store's driver takes it."""

    __slots__ = ("_binds", "_columns", "_own", "plain", "text")

    def __init__(self, statement: Any, dialect: Any, names: tuple[str, ...] | None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=names)
        self.text: str = str(compiled)
        processors: dict[str, Callable[[Any], Any]] = compiled._bind_processors
        self._binds = [(name, processors.get(name)) for name in compiled.positiontup or ()]
        # What the statement brings itself: a limit, a state it compares with.
        self._own = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._columns = [
            (index, process)
            for index, column in enumerate(compiled._result_columns)
            if (process := column.type._cached_result_processor(dialect, None)) is not None
        ]
        self.plain = not self._columns

    def values(self, parameters: dict[str, Any]) -> list[Any]:
        """The parameters in the order of their marks."""
        if self._own:
            parameters = {**self._own, **parameters}
        return [
            parameters[name] if process is None else process(parameters[name])
            for name, process in self._binds
        ]

    def read(self, row: tuple[Any, ...]) -> list[Any]:
        """A row with its values as the columns' types give them."""
        found = list(row)
        for index, process in self._columns:
            found[index] = process(found[index])
        return found
