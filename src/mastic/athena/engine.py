"""Runs planned queries. Owns the DuckDB connections of the queries under way, so that they can be stopped.

Each query has a connection of its own, in memory, which can open exactly the files that its plan names and
whose settings are locked before any user text runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from mastic.athena.failures import QueryCancelled
from mastic.athena.planner import Plan, failure_of
from mastic.athena.staging import Staging
from mastic.athena.text import Printer, printer
from mastic.athena.types import Column, column_of, literal

_BATCH = 10_000
_INTERRUPT_SECONDS = 0.05
# What DuckDB computes in wider or other types than Trino does.
_NARROWED = {
    "HUGEINT": "BIGINT",
    "UHUGEINT": "BIGINT",
    "UBIGINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "USMALLINT": "INTEGER",
    "UTINYINT": "SMALLINT",
    "UUID": "VARCHAR",
}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A result: columns, and an iterator over lines of texts (None is NULL)."""

    columns: list[Column]
    lines: Iterator[list[str | None]]


@dataclass(kw_only=True)
class Running:
    """A query under way; ``stop`` may be called from any thread."""

    connection: duckdb.DuckDBPyConnection | None = None
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: Callable[[], bool] = lambda: True

    def stop(self) -> None:
        """Interrupt the query, and again until it has ended.

        DuckDB forgets an interruption that comes before its query begins.
        """
        with self.lock:
            if self.stopped:
                return
            self.stopped = True
        threading.Thread(target=self._interrupt, name="interrupt", daemon=True).start()

    def _interrupt(self) -> None:
        while True:
            with self.lock:
                if self.connection is None:
                    return
                self.connection.interrupt()
            time.sleep(_INTERRUPT_SECONDS)

    def check(self) -> None:
        """Raise QueryCancelled when the query was stopped."""
        if self.stopped:
            raise QueryCancelled

    def confirm(self) -> None:
        """The same after a look at the query's row, before what cannot be taken back."""
        self.check()
        if not self.wanted():
            raise QueryCancelled


class Engine:
    """Executes plans with bounded memory."""

    def __init__(self, *, memory_mb: int = 2048, threads: int = 2) -> None:
        self._memory_mb = memory_mb
        self._threads = threads

    def rows(self, plan: Plan, staging: Staging, running: Running) -> Rows:
        """Run a query; its lines are computed while they are read."""
        types = [_NARROWED.get(t, t) for t in plan.types]
        columns = [column_of(n, t) for n, t in zip(plan.names, types, strict=True)]
        printers = [printer(t) for t in types]
        return Rows(columns=columns, lines=self._lines(plan, types, printers, staging, running))

    def _lines(
        self, plan: Plan, types: list[str], printers: list[Printer], staging: Staging, running: Running
    ) -> Iterator[list[str | None]]:
        with self.session(plan, staging.directory, running) as connection:
            reader = connection.sql(narrowing(plan, types)).to_arrow_reader(_BATCH)
            for batch in reader:
                running.check()
                texts = [
                    [show(v) for v in column.to_pylist(maps_as_pydicts="strict")]
                    for show, column in zip(printers, batch.columns, strict=True)
                ]
                yield from map(list, zip(*texts, strict=True))

    def copy(self, plan: Plan, staging: Staging, running: Running, options: Callable[[str], str]) -> int:
        """Write a query's rows into the staging directory by COPY; returns how many.

        ``options`` makes the text behind COPY (…) from the query's.
        """
        with self.session(plan, staging.directory, running) as connection:
            found = connection.execute(f"COPY ({narrowing(plan, plan.types)}) {options(plan.sql)}").fetchone()
        return int(found[0]) if found else 0

    @contextmanager
    def session(self, plan: Plan, scratch: Path, running: Running) -> Iterator[duckdb.DuckDBPyConnection]:
        """A locked connection in which the plan's relations exist; what it spills lies below ``scratch``."""
        connection = duckdb.connect()
        try:
            with running.lock:
                running.check()
                running.connection = connection
            self._lock_down(connection, plan, scratch)
            for i, (name, made) in enumerate(plan.steps):
                sql = made.sql
                if made.arrow is not None:
                    connection.register(f"a{i}", made.arrow)
                    sql = sql.replace("{arrow}", f"a{i}")
                connection.execute(f"CREATE VIEW {name} AS {sql}")
            yield connection
        except duckdb.InterruptException as error:
            raise QueryCancelled from error
        except duckdb.Error as error:
            raise failure_of(error) from error
        except OSError as error:
            complaint = _streamed(error)
            if complaint is None:
                raise
            if isinstance(complaint, duckdb.InterruptException):
                raise QueryCancelled from error
            raise failure_of(complaint) from error
        finally:
            with running.lock:
                running.connection = None
            connection.close()

    def _lock_down(self, connection: duckdb.DuckDBPyConnection, plan: Plan, scratch: Path) -> None:
        paths = ", ".join(literal(p) for _, made in plan.steps for p in made.paths)
        for statement in (
            f"SET memory_limit = '{self._memory_mb}MB'",
            f"SET threads = {self._threads}",
            f"SET temp_directory = {literal(str(scratch / 'spill'))}",
            f"SET allowed_paths = [{paths}]",
            f"SET allowed_directories = [{literal(str(scratch) + '/')}]",
            "SET TimeZone = 'UTC'",
            "SET python_enable_replacements = false",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            connection.execute(statement)


_COMPLAINTS: dict[str, type[duckdb.Error]] = {
    "INTERRUPT": duckdb.InterruptException,
    "Conversion": duckdb.ConversionException,
    "Out of Memory": duckdb.OutOfMemoryException,
    "Permission": duckdb.PermissionException,
}


def _streamed(error: OSError) -> duckdb.Error | None:
    """What the engine complains about while its rows are read: Arrow passes it on as a text."""
    kind, found, _ = str(error).partition(" Error: ")
    return _COMPLAINTS.get(kind, duckdb.Error)(str(error)) if found and error.errno is None else None


def narrowing(plan: Plan, types: list[str]) -> str:
    """The query with what the engine computes in other types than Trino turned into Trino's."""
    changed = [_NARROWED.get(t, t) for t in types]
    if changed == plan.types:
        return plan.sql
    names = [f"c{i}" for i in range(len(changed))]
    picked = ", ".join(
        n if new == old else f"CAST({n} AS {new}) AS {n}"
        for n, new, old in zip(names, changed, plan.types, strict=True)
    )
    return f"SELECT {picked} FROM ({plan.sql}) AS q({', '.join(names)})"


def explain(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The engine's plan as text."""
    found: list[Any] = connection.execute(f"EXPLAIN {sql}").fetchall()
    return "\n".join(str(row[-1]) for row in found)
