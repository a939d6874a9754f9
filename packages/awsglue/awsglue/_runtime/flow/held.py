"""Rows that must all be there before the first is given out: in memory, and in a file of the scratch folder from some
size on. Owns that file until the rows have been taken."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

IN_MEMORY = 64 << 20
BATCH = 1 << 17


class Held:
    """Record batches in one schema."""

    def __init__(self, target: Any, scratch: str) -> None:
        self._target = target
        self._path = os.path.join(scratch, f"held-{uuid.uuid4().hex}.arrow")
        self._batches: list[Any] = []
        self._bytes = 0
        self._writer: Any = None

    def fill(self, rows: Any) -> Held:
        """Take all rows of a query of DuckDB."""
        for batch in rows.to_arrow_reader(BATCH):
            self._add(batch)
        if self._writer is not None:
            self._writer.close()
        return self

    def _add(self, batch: Any) -> None:
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import conform

        made = conform(batch, self._target)
        if self._writer is None and self._bytes + made.nbytes <= IN_MEMORY:
            self._batches.append(made)
            self._bytes += made.nbytes
            return
        if self._writer is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(self._path, made.schema, options=options)
        self._writer.write_batch(made)

    def taken(self) -> Iterator[Any]:
        """The rows, once; then they are gone."""
        import pyarrow as pa

        try:
            while self._batches:
                yield self._batches.pop(0)
            if self._writer is not None:
                with pa.OSFile(self._path) as source, pa.ipc.open_file(source) as reader:
                    for number in range(reader.num_record_batches):
                        yield reader.get_batch(number)
        finally:
            self.drop()

    def drop(self) -> None:
        """Forget the rows."""
        self._batches.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            os.unlink(self._path)
