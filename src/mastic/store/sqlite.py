"""SQLite's side of the store: readers that stay open, and one writer whose commits are shared.

SQLAlchemy's own beginning and ending of transactions costs more than most of the statements in them. Here a
connection counts for SQLAlchemy as being in one transaction all its life, and BEGIN, SAVEPOINT and COMMIT go to the
driver. Owns the connections.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

# Connections that begin by themselves do not need the engine's own BEGIN.
_OWN_BEGIN = "mastic_own_begin"
# Where a connection that is kept keeps the driver's.
_BELOW = "mastic_below"

_PRAGMAS = (
    # A COMMIT writes, and a checkpoint syncs; the sync that makes a commit last is LogSync's.
    "synchronous=NORMAL",
    "foreign_keys=ON",
    # The operating system keeps the file in its memory; here, however large the file, is what is being worked on.
    "cache_size=-6144",
    "temp_store=MEMORY",
    "mmap_size=0",
    "wal_autocheckpoint=4000",
    "busy_timeout=30000",
)


def engine(url: str) -> Engine:
    """The engine of a database file. Transactions begun in SQLAlchemy's own way are writing ones."""
    path = url.removeprefix("sqlite:///")
    if not path or path == ":memory:":
        raise ValueError("an SQLite store needs a file: facts must last")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    made = create_engine(
        url,
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "timeout": 30, "cached_statements": 512},
    )
    event.listen(made, "connect", _prepare)
    event.listen(made, "begin", _begin)
    return made


def _prepare(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling would commit around savepoints: BEGIN is ours.
    connection.isolation_level = None
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise RuntimeError("the data directory's file system cannot hold SQLite's write-ahead log")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(_OWN_BEGIN):
        driver(connection).execute("BEGIN IMMEDIATE")


def driver(connection: Connection) -> sqlite3.Connection:
    """The driver's connection below SQLAlchemy's."""
    kept: sqlite3.Connection | None = connection.__dict__.get(_BELOW)
    if kept is not None:
        return kept
    found: Any = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def _open(source: Engine) -> Connection:
    connection = source.connect().execution_options(**{_OWN_BEGIN: True})
    connection.begin()
    # SQLAlchemy's way to it is longer than many a statement.
    connection.__dict__[_BELOW] = driver(connection)
    return connection


class Readers:
    """Connections for reading. Each that was opened is used again, the last one first: its pages are warm."""

    MOST_IDLE = 16

    def __init__(self, source: Engine) -> None:
        self._engine = source
        self._idle: list[tuple[Connection, sqlite3.Connection]] = []

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A consistent view of everything that was committed before it is first looked at."""
        try:
            connection, below = self._idle.pop()
        except IndexError:
            connection = _open(self._engine)
            below = driver(connection)
            below.execute("PRAGMA cache_size=-2048")
        try:
            below.execute("BEGIN")
            yield connection
        finally:
            self._give_back(connection, below)

    def _give_back(self, connection: Connection, below: sqlite3.Connection) -> None:
        if connection.closed or connection.invalidated or len(self._idle) >= self.MOST_IDLE:
            connection.close()
            return
        if below.in_transaction:
            below.execute("ROLLBACK")
        self._idle.append((connection, below))

    def close(self) -> None:
        """Close those that nobody uses."""
        while self._idle:
            self._idle.pop()[0].close()


class DiskFailed(RuntimeError):
    """What was committed could not be put on disk: until the program is started anew, nothing more is written."""


class LogSync:
    """Puts on disk what was committed: one sync of the write-ahead log for all commits before it.

    SQLite's own (``synchronous=FULL``) would keep the next writer waiting, and could not be postponed for those who
    do not need it at once. The log is the writer connection's: it is one file as long as that is open.

    A sync that failed is the last one: the kernel forgets what it could not write, and another sync would promise what
    is not so. Reading the log anew, with its checksums, is what a start of the program does.
    """

    # Seconds between a commit that nobody waits for and its sync.
    SOON = 0.01

    def __init__(self, path: str) -> None:
        self._path = path + "-wal"
        self._lock = threading.Lock()
        self._file: int | None = None
        self._committed = 0
        self._synced = 0
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.failure: DiskFailed | None = None

    def check(self) -> None:
        """Raise DiskFailed after a sync that failed."""
        if self.failure is not None:
            raise DiskFailed(str(self.failure)) from self.failure.__cause__

    def committed(self) -> int:
        """A commit was written; returns its number. With the pen held."""
        self._committed += 1
        return self._committed

    def wait(self, number: int) -> None:
        """Return when that commit, and with it all before it, is on disk."""
        with self._lock:
            if self._synced >= number:
                return
            self.check()
            covered = self._committed
            self._sync()
            self._synced = covered

    def _sync(self) -> None:
        """With the lock held. Raises DiskFailed."""
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDONLY)
            _sync(self._file)
        except OSError as error:
            self.failure = DiskFailed(f"the write-ahead log could not be put on disk: {error}")
            self.failure.__cause__ = error
            structlog.get_logger("mastic.store").critical(
                "nothing more is written until this server is started anew: the write-ahead log could not be synced",
                log=self._path,
                reason=str(error),
            )
            self.check()

    def soon(self) -> None:
        """See to it that what is committed now is on disk a moment later. Raises DiskFailed."""
        self.check()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="store-sync", daemon=True)
            self._thread.start()
        self._asked.set()

    def forget(self) -> None:
        """The writer connection was closed: the next one's log may be another file."""
        with self._lock:
            try:
                if self._synced < self._committed and self.failure is None:
                    # Who waits for these looks at the number only.
                    self._sync()
                    self._synced = self._committed
            finally:
                if self._file is not None:
                    os.close(self._file)
                    self._file = None

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._asked.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            self._asked.wait()
            self._asked.clear()
            if not self._closed:
                time.sleep(self.SOON)
            self._catch_up()

    def _catch_up(self) -> None:
        try:
            self.wait(self._committed)
        except DiskFailed:
            # Nobody waits for this sync; whoever writes next is told.
            return


# macOS has no fdatasync.
_sync = getattr(os, "fdatasync", os.fsync)


class _Group:
    """The writers that one COMMIT answers. ``soon`` while none of them has to wait for the disk."""

    __slots__ = ("done", "failure", "members", "soon")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.failure: BaseException | None = None
        self.members = 0
        self.soon = True


class GroupCommit:
    """Hands the single SQLite writer connection round, committing when nobody else waits for it."""

    # A long queue must not postpone the first member's answer without end.
    LARGEST_GROUP = 64

    def __init__(self, source: Engine) -> None:
        self._engine = source
        self._log = LogSync(str(source.url.database))
        self._pen = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        self._connection: Connection | None = None
        self._group: _Group | None = None

    @contextmanager
    def transaction(self, *, soon: bool = False) -> Iterator[Connection]:
        """A member of a group. Left without an exception, it survives this process; unless ``soon`` is enough, it
        is on disk as well. Raises DiskFailed."""
        with self._count:
            self._waiting += 1
        self._pen.acquire()
        with self._count:
            self._waiting -= 1
        written = 0
        try:
            group, connection = self._join(soon=soon)
            # A group of one fails as a whole: only who joins others needs a savepoint of its own.
            joined = group.members > 1
            if joined:
                driver(connection).execute("SAVEPOINT member")
            failed = True
            try:
                yield connection
                if joined:
                    driver(connection).execute("RELEASE member")
                failed = False
            finally:
                if failed:
                    self._undo(connection, joined=joined)
        finally:
            group_to_await = self._group
            try:
                written = self._commit_if_last()
            finally:
                self._pen.release()
            if written and group_to_await is not None:
                # The next writer need not wait for this.
                self._make_last(group_to_await, written)
        if group_to_await is not None:
            group_to_await.done.wait()
            if group_to_await.failure is not None:
                raise group_to_await.failure

    def _make_last(self, group: _Group, written: int) -> None:
        """Answer a group that was committed."""
        try:
            if group.soon:
                self._log.soon()
            else:
                self._log.wait(written)
        except BaseException as error:  # noqa: BLE001 - every member of the group is told
            group.failure = error
        finally:
            group.done.set()

    def _undo(self, connection: Connection, *, joined: bool) -> None:
        """With the pen held: take back what a member did that failed."""
        below = driver(connection)
        if joined:
            try:
                below.execute("ROLLBACK TO member")
                below.execute("RELEASE member")
            except sqlite3.Error as error:
                # A full disk or an I/O error makes SQLite take back the whole transaction, savepoints and all.
                lost = RuntimeError("SQLite has taken the whole transaction back")
                lost.__cause__ = error
                self._abandon(lost)
            return
        self._group = None
        if below.in_transaction:
            below.execute("ROLLBACK")

    @property
    def failure(self) -> str:
        """Why nothing is written any more, or nothing."""
        return str(self._log.failure or "")

    def _join(self, *, soon: bool) -> tuple[_Group, Connection]:
        self._log.check()
        if self._connection is None:
            self._connection = _open(self._engine)
        if self._group is None:
            driver(self._connection).execute("BEGIN IMMEDIATE")
            self._group = _Group()
        self._group.members += 1
        self._group.soon &= soon
        return self._group, self._connection

    def _commit_if_last(self) -> int:
        """With the pen held: COMMIT, unless another writer waits and can take the group further.

        Returns the number of the commit, 0 when there was none.
        """
        group = self._group
        if group is None or self._connection is None:
            return 0
        if self._waiting and group.members < self.LARGEST_GROUP:
            return 0
        self._group = None
        try:
            # Outside of a transaction, which SQLite may have taken back by itself, this is an error.
            driver(self._connection).execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - every member of the group is told
            group.failure = error
            group.done.set()
            self._hang_up()
            return 0
        return self._log.committed()

    def _hang_up(self) -> None:
        if self._connection is None:
            return
        try:
            # While the log is surely there.
            self._log.forget()
        except DiskFailed:
            # Those whose commits it concerns are told, and whoever writes next.
            pass
        finally:
            self._connection.close()
            self._connection = None

    def _abandon(self, error: BaseException) -> None:
        """With the pen held: the group's transaction is gone, and with it what every member wrote."""
        group, self._group = self._group, None
        if group is not None:
            group.failure = error
            group.done.set()
        self._hang_up()

    def close(self) -> None:
        """Whoever has not been committed yet is told so."""
        self._log.close()
        with self._pen:
            self._abandon(RuntimeError("the store was closed before this was committed"))
