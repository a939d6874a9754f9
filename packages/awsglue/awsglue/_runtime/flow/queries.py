"""One query of DuckDB over a stream of Arrow batches, which it knows as `source`. Each owns a connection for as long as
rows are taken; one over files is its owner's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BATCH = 1 << 17


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How queries are run: `memory` in bytes; `alone` when groups must see their rows in order."""

    scratch: str
    threads: int
    memory: int
    alone: bool

    def run(self, query: str, batches: Iterator[Any], kinds: Any, *, ordered: bool) -> Iterator[Any]:
        """Record batches. Groups have no order; rows that only pass through keep theirs with `ordered`."""
        import duckdb
        import pyarrow as pa

        failed: list[BaseException] = []
        connection = duckdb.connect(config=self._settings(ordered))
        try:
            connection.register("source", pa.RecordBatchReader.from_batches(kinds, _noting(batches, failed)))
            yield from connection.sql(query).to_arrow_reader(BATCH)
        except duckdb.Error:
            if failed:
                raise failed[0] from None
            raise
        finally:
            connection.close()

    def connection(self) -> Any:
        """A connection for queries over files, of which nothing is kept. Many may take cursors of it."""
        import duckdb

        return duckdb.connect(config={**self._settings(True), "enable_external_file_cache": False})

    def _settings(self, ordered: bool) -> dict[str, Any]:
        folder = os.path.join(self.scratch, "spill")
        os.makedirs(folder, exist_ok=True)
        return {
            "threads": 1 if self.alone and not ordered else self.threads,
            "memory_limit": f"{self.memory >> 20}MiB",
            "temp_directory": folder,
            "preserve_insertion_order": ordered,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }


def _noting(batches: Iterator[Any], failed: list[BaseException]) -> Iterator[Any]:
    """The batches; what goes wrong on the way is kept, for DuckDB would only tell its text."""
    try:
        yield from batches
    except BaseException as error:
        failed.append(error)
        raise
