"""Transactions on SQLite or PostgreSQL. Dialect differences live here and in ``store.sqlite`` only.

SQLite has one writer at a time. Writers that arrive while another holds the pen join one group: each is a
savepoint, and the last of the group pays for the one COMMIT (and the sync) that makes all of them durable.
Nobody is answered before that. PostgreSQL does the same by itself.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy import insert as generic_insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.dml import Update

from mastic.errors import Unkeepable
from mastic.store import schema
from mastic.store.changes import Changes
from mastic.store.sealing import Sealing
from mastic.store.sqlite import GroupCommit, Readers
from mastic.store.sqlite import engine as sqlite_engine

# PostgreSQL has ended one of several transactions that waited for each other.
_OVERTAKEN = ("40P01", "40001")

Snapshots = Callable[[], AbstractContextManager[Connection]]


class Duplicate(Exception):
    """A unique key exists already; the transaction was rolled back."""


class Stale(Exception):
    """A guarded UPDATE found its row in another state, or others were in the way; the transaction was rolled back."""


class _KeyMissing(Exception):
    """A transaction cannot be begun yet: the key of this id was not fetched."""


class Store:
    """The door to every durable fact.

    ``url`` is an SQLAlchemy URL; ``sqlite:////path/to/file`` or ``postgresql+psycopg://…``.
    """

    def __init__(self, url: str, *, sync_catalog: bool = False) -> None:
        self.url = url
        self._sync_catalog = sync_catalog
        self.dialect = url.split(":", 1)[0].split("+", 1)[0]
        self._wakers: dict[str, list[Callable[[], None]]] = {}
        self._local = threading.local()
        if self.dialect == "sqlite":
            self._writer = sqlite_engine(url)
            event.listen(self._writer, "before_cursor_execute", _keepable)
            # None where other servers write too.
            self.changes: Changes | None = Changes(self._writer)
            self._group: GroupCommit | None = GroupCommit(self._writer)
            self._readers: Readers | None = Readers(self._writer)
            self._snapshot: Snapshots = self._readers.snapshot
        else:
            self._writer = create_engine(
                url, poolclass=QueuePool, pool_size=24, max_overflow=16, pool_pre_ping=True
            )
            event.listen(self._writer, "before_cursor_execute", _keepable)
            self._group = self._readers = self.changes = None
            self._snapshot = self._writer.execution_options(isolation_level="REPEATABLE READ").connect
        self.sealing = Sealing(writing=lambda: self.writing)
        # Column types see no more of their store than its dialect.
        self._writer.dialect.sealing = self.sealing  # type: ignore[attr-defined]

    # -- transactions ------------------------------------------------------------------------------

    @contextmanager
    def write(self, *, catalog: str = "", opens: str = "", soon: bool = False) -> Iterator[Connection]:
        """One durable transaction. It is on disk when the block has been left without an exception.

        With ``soon`` it then survives the end of this process, and is on disk a moment later: enough for what comes
        by the thousand. ``catalog`` (``account:region``) says whose encryption settings count for what is written of
        a catalog, and is ``soon`` unless the store was made with ``sync_catalog``; ``opens`` says whose encrypted
        rows are only read, so that their keys are at hand.
        Raises Duplicate for a violated unique key, Stale from ``guarded``, Unkeepable for a text with NUL.
        """
        if catalog:
            with self._write_catalog(catalog) as tx:
                yield tx
            return
        if opens:
            self.sealing.prepare(opens)
        if self.writing:
            raise RuntimeError("write() inside write() in one thread: pass the transaction down instead")
        self._local.writing = True
        signals: set[str] = set()
        changed: set[str] = set()
        try:
            with self._group.transaction(soon=soon) if self._group else self._writer.begin() as tx:
                # SQLite's connection goes from writer to writer: each brings a set of its own.
                tx.info["signals"] = signals
                if self.changes is not None:
                    changed = self.changes.begin()
                yield tx
                for act in getattr(self._local, "companions", ()):
                    act(tx)
        except (IntegrityError, sqlite3.IntegrityError) as error:
            if _is_unique_violation(error):
                raise Duplicate(str(error)) from error
            raise
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) in _OVERTAKEN:
                raise Stale(str(error.orig)) from error
            raise
        finally:
            if self.changes is not None:
                self.changes.settle(changed)
            self._local.writing = False
            self.sealing.make_up()
        for name in signals:
            self.wake(name)

    @contextmanager
    def _write_catalog(self, catalog: str) -> Iterator[Connection]:
        self.sealing.prepare(catalog)
        try:
            while True:
                try:
                    with self.write(soon=not self._sync_catalog) as tx:
                        missing = self.sealing.begin(tx, catalog)
                        if missing:
                            raise _KeyMissing(missing)
                        yield tx
                        return
                except _KeyMissing as error:
                    # The settings have changed since. It is fetched outside: no network within a transaction.
                    self.sealing.fetch(str(error))
        finally:
            self.sealing.end()

    @contextmanager
    def alongside(self, act: Callable[[Connection], None]) -> Iterator[None]:
        """Within the block, every transaction that this thread writes does ``act(tx)`` too, as its last step.

        So a caller's note that something was done is made by the very transaction that does it.
        """
        earlier = getattr(self._local, "companions", ())
        self._local.companions = (*earlier, act)
        try:
            yield
        finally:
            self._local.companions = earlier

    @property
    def writing(self) -> bool:
        """Whether this thread is within a transaction that writes."""
        return getattr(self._local, "writing", False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot for reading. Raises Unkeepable where a text with NUL is looked for."""
        with self._snapshot() as tx:
            yield tx

    # -- signals -----------------------------------------------------------------------------------

    def signal(self, tx: Connection, name: str) -> None:
        """After this transaction has been committed, wake the loops that wait for ``name``."""
        signal(tx, name)

    def on_signal(self, name: str, waker: Callable[[], None]) -> None:
        """Call ``waker`` (quick, from any thread) whenever ``name`` was signalled in this process."""
        self._wakers.setdefault(name, []).append(waker)

    def wake(self, name: str) -> None:
        """Wake the loops that wait for ``name``."""
        for waker in self._wakers.get(name, ()):
            waker()

    # -- life --------------------------------------------------------------------------------------

    def create_all(self) -> None:
        """Make all tables on an empty database; production databases are made by the migrations."""
        schema.load().create_all(self._writer)

    @property
    def failure(self) -> str:
        """Why nothing can be written any more until the program is started anew, or nothing."""
        return self._group.failure if self._group else ""

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._writer

    def close(self) -> None:
        """Give all connections back."""
        if self._group:
            self._group.close()
        if self._readers:
            self._readers.close()
        self._writer.dispose()


def signal(tx: Connection, name: str) -> None:
    """Wake the loops that wait for ``name`` once ``tx`` has been committed."""
    tx.info.setdefault("signals", set()).add(name)


def insert(tx: Connection, table: Table) -> Any:
    """The dialect's INSERT, which knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    match tx.dialect.name:
        case "sqlite":
            return sqlite.insert(table)
        case "postgresql":
            from sqlalchemy.dialects import (
                postgresql,
            )  # where it is not the database, the start need not load it

            return postgresql.insert(table)
    return generic_insert(table)


def hold(tx: Connection, name: str, *, alone: bool) -> None:
    """Hold ``name`` until the transaction ends: together with others, or ``alone``, when they have all ended.

    SQLite's writers are alone anyway.
    """
    if tx.dialect.name == "postgresql":
        function = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        tx.execute(select(function(int.from_bytes(blake2b(name.encode(), digest_size=7).digest()))))


def guarded(tx: Connection, statement: Update) -> None:
    """Run an UPDATE that names the state it expects; exactly one row must answer.

    Raises Stale when none did.
    """
    if tx.execute(statement).rowcount != 1:
        raise Stale(str(statement.table))


def _keepable(_connection: Any, _cursor: Any, _statement: Any, given: Any, _context: Any, many: bool) -> None:
    """Before a statement: refuse what SQLite would take and PostgreSQL would not. Raises Unkeepable."""
    for row in given if many else (given,):
        for value in row.values() if isinstance(row, dict) else row:
            if isinstance(value, str) and "\0" in value:
                raise Unkeepable


def _is_unique_violation(error: IntegrityError | sqlite3.IntegrityError) -> bool:
    below = error.orig if isinstance(error, IntegrityError) else error
    return getattr(below, "sqlstate", None) == "23505" or "UNIQUE constraint failed" in str(below)
