"""Transactions on SQLite or PostgreSQL. Dialect differences live here only.

SQLite has one writer at a time. Writers that arrive while another holds the pen join one group: each is a
savepoint, and the last of the group pays for the one COMMIT (and its fsync) that makes all of them durable.
Nobody is answered before that COMMIT. PostgreSQL does the same by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NestedTransaction, Table, create_engine, event
from sqlalchemy import insert as generic_insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool, QueuePool
from sqlalchemy.sql.dml import Update

from mastic.store import schema
from mastic.store.sealing import Sealing


class Duplicate(Exception):
    """A unique key exists already; the transaction was rolled back."""


class Stale(Exception):
    """A guarded UPDATE found its row in another state; the transaction was rolled back."""


class Store:
    """The door to every durable fact.

    ``url`` is an SQLAlchemy URL; ``sqlite:////path/to/file`` or ``postgresql+psycopg://…``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect = url.split(":", 1)[0].split("+", 1)[0]
        self._wakers: dict[str, list[Callable[[], None]]] = {}
        self._local = threading.local()
        if self.dialect == "sqlite":
            self._readers, self._writer = _sqlite_engines(url)
            self._group: _GroupCommit | None = _GroupCommit(self._writer)
        else:
            self._writer = create_engine(
                url, poolclass=QueuePool, pool_size=24, max_overflow=16, pool_pre_ping=True
            )
            self._readers = self._writer.execution_options(isolation_level="REPEATABLE READ")
            self._group = None
        self.sealing = Sealing()
        for each in (self._readers, self._writer):
            # Column types see no more of their store than its dialect.
            each.dialect.sealing = self.sealing  # type: ignore[attr-defined]

    # -- transactions ------------------------------------------------------------------------------

    @contextmanager
    def write(self, *, catalog: str = "") -> Iterator[Connection]:
        """One durable transaction. It is on disk when the block has been left without an exception.

        ``catalog`` (``account:region``) says whose encryption settings count for what is written of a catalog.
        Raises Duplicate for a violated unique key, Stale from ``guarded``.
        """
        if catalog:
            with self.sealing.within(catalog), self.write() as tx:
                yield tx
            return
        if getattr(self._local, "writing", False):
            raise RuntimeError("write() inside write() in one thread: pass the transaction down instead")
        self._local.writing = True
        signals: set[str] = set()
        try:
            with self._group.transaction() if self._group else self._writer.begin() as tx:
                # SQLite's connection goes from writer to writer: each brings a set of its own.
                tx.info["signals"] = signals
                yield tx
        except IntegrityError as error:
            if _is_unique_violation(error):
                raise Duplicate(str(error.orig)) from error
            raise
        finally:
            self._local.writing = False
        for name in signals:
            self.wake(name)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot for reading."""
        with self._readers.connect() as tx:
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
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._writer

    def close(self) -> None:
        """Give all connections back."""
        if self._group:
            self._group.close()
        self._readers.dispose()
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
            return postgresql.insert(table)
    return generic_insert(table)


def case_sensitive_like(tx: Connection) -> Callable[[Any, str], Any]:
    """``column LIKE pattern`` that minds case and has no escape character, as the dialect writes it."""
    if tx.dialect.name == "sqlite":
        # Its LIKE ignores case; GLOB does not.
        return lambda column, pattern: column.op("GLOB", is_comparison=True)(pattern.translate(_GLOB))
    return lambda column, pattern: column.like(pattern, escape="")


_GLOB = str.maketrans({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"})


def guarded(tx: Connection, statement: Update) -> None:
    """Run an UPDATE that names the state it expects; exactly one row must answer.

    Raises Stale when none did.
    """
    if tx.execute(statement).rowcount != 1:
        raise Stale(str(statement.table))


def _is_unique_violation(error: IntegrityError) -> bool:
    text = str(error.orig)
    return getattr(error.orig, "sqlstate", None) == "23505" or "UNIQUE constraint failed" in text


def _sqlite_engines(url: str) -> tuple[Engine, Engine]:
    path = url.removeprefix("sqlite:///")
    if not path or path == ":memory:":
        raise ValueError("an SQLite store needs a file: facts must last")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": 30}}
    readers = create_engine(url, poolclass=QueuePool, pool_size=24, max_overflow=40, **options)
    writer = create_engine(url, poolclass=NullPool, **options)
    for engine, begin in ((readers, "BEGIN"), (writer, "BEGIN IMMEDIATE")):
        event.listen(engine, "connect", _sqlite_pragmas)
        event.listen(engine, "begin", _executing(begin))
    return readers, writer


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling would commit around savepoints: BEGIN is ours.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-32768",
        "temp_store=MEMORY",
        "mmap_size=268435456",
        "wal_autocheckpoint=4000",
        "busy_timeout=30000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _executing(statement: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        # By the driver itself: SQLAlchemy's own way costs as much as the query that follows.
        driver: Any = connection.connection.driver_connection
        driver.execute(statement)

    return run


class _Group:
    """The writers that one COMMIT answers."""

    __slots__ = ("done", "failure", "members")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.failure: BaseException | None = None
        self.members = 0


class _GroupCommit:
    """Hands the single SQLite writer connection round, committing when nobody else waits for it."""

    # A long queue must not postpone the first member's answer without end.
    LARGEST_GROUP = 64

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pen = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        self._connection: Connection | None = None
        self._group: _Group | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self._count:
            self._waiting += 1
        self._pen.acquire()
        with self._count:
            self._waiting -= 1
        try:
            group, connection = self._join()
            # A group of one fails as a whole: only who joins others needs a savepoint of its own.
            savepoint = connection.begin_nested() if group.members > 1 else None
            failed = True
            try:
                yield connection
                if savepoint is not None:
                    savepoint.commit()
                failed = False
            finally:
                if failed:
                    self._undo(savepoint)
        finally:
            group_to_await = self._group
            try:
                self._commit_if_last()
            finally:
                self._pen.release()
        if group_to_await is not None:
            group_to_await.done.wait()
            if group_to_await.failure is not None:
                raise group_to_await.failure

    def _undo(self, savepoint: NestedTransaction | None) -> None:
        """With the pen held: take back what a member did that failed."""
        if savepoint is not None:
            try:
                if savepoint.is_active:
                    savepoint.rollback()
            except Exception as error:  # noqa: BLE001 - every member of the group is told
                # A full disk or an I/O error makes SQLite take back the whole transaction, savepoints and all.
                self._abandon(error)
            return
        self._group = None
        transaction = self._connection.get_transaction() if self._connection else None
        if transaction is not None:
            transaction.rollback()

    def _join(self) -> tuple[_Group, Connection]:
        if self._connection is None:
            self._connection = self._engine.connect()
        if self._group is None:
            self._connection.begin()
            self._group = _Group()
        self._group.members += 1
        return self._group, self._connection

    def _commit_if_last(self) -> None:
        """With the pen held: COMMIT, unless another writer waits and can take the group further."""
        group = self._group
        if group is None or self._connection is None:
            return
        if self._waiting and group.members < self.LARGEST_GROUP:
            return
        self._group = None
        transaction = self._connection.get_transaction()
        try:
            if transaction is not None:
                driver: Any = self._connection.connection.driver_connection
                if not driver.in_transaction:  # the driver's commit() would do nothing, without a word
                    raise RuntimeError("SQLite has taken the whole transaction back")
                transaction.commit()
        except BaseException as error:  # noqa: BLE001 - every member of the group is told
            group.failure = error
            self._connection.close()
            self._connection = None
        finally:
            group.done.set()

    def _abandon(self, error: BaseException) -> None:
        """With the pen held: the group's transaction is gone, and with it what every member wrote."""
        group, self._group = self._group, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if group is not None:
            group.failure = error
            group.done.set()

    def close(self) -> None:
        with self._pen:
            self._abandon(RuntimeError("the store was closed before this was committed"))
