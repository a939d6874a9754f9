"""Objects on S3 as files of DuckDB, which asks for ranges of them.

Owns what is known of objects that have been looked at: their footers, bytes that have been fetched, and handles of
Arrow's client. An object is looked at before each statement, and what is known of another state of it is dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from awsglue._runtime.flow.blocks import Blocks

PROTOCOL = "mastic"
# Bytes at the end of a file that are asked for at once; a footer seldom has more.
TAIL = 64 << 10
KEPT = 1024


@dataclass(kw_only=True, eq=False)
class Object:
    """One object in one state: its last bytes, and where other bytes come from."""

    mark: tuple[str, int]
    tail: bytes
    columns: dict[str, list[str]] | None
    open: Callable[[], Any]
    blocks: Blocks
    _file: Any = None
    _lock: Any = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        return self.mark[1]

    def read(self, start: int, length: int) -> bytes:
        """Bytes from `start` on. Any number of threads may ask."""
        known = self.size - len(self.tail)
        if start >= known:
            return self.tail[start - known : start - known + length]
        stop = min(start + length, self.size)
        return self.blocks.read(self, start, stop, self.size, self._fetch) if stop > start else b""

    def _fetch(self, start: int, length: int) -> bytes:
        with self._lock:
            if self._file is None:
                self._file = self.open()
        body = self._file.read_at(length, start)
        if len(body) != length:
            raise OSError("an object has changed while it was read")
        return body  # type: ignore[no-any-return]


class Objects:
    """The objects that statements read."""

    def __init__(self, storage: Any, room: int) -> None:
        self._storage = storage
        self._blocks = Blocks(room)
        self._known: dict[str, Object] = {}
        self._lock = threading.Lock()

    def mark(self, path: str) -> tuple[str, int]:
        """What tells this state of an object from others."""
        from awsglue._runtime.io.storage import split

        _, bucket, key = split(path)
        reply = self._storage.s3.head_object(Bucket=bucket, Key=key)
        return reply["ETag"], reply["ContentLength"]

    def look(self, path: str) -> Object | None:
        """The object as it is now; None when it is no Parquet file."""
        import pyarrow as pa
        from botocore.exceptions import BotoCoreError, ClientError

        from awsglue._runtime.io.storage import split

        _, bucket, key = split(path)
        try:
            mark = self.mark(path)
            known = self._known.get(path)
            if known is None or known.mark != mark:
                known = self._read(f"{bucket}/{key}", mark)
        except (OSError, pa.ArrowInvalid, BotoCoreError, ClientError):
            return None
        with self._lock:
            while len(self._known) >= KEPT and path not in self._known:
                self._drop(next(iter(self._known)))
            if self._known.get(path) is not known:
                self._drop(path)
            self._known[path] = known
        return known

    def forget(self, path: str) -> None:
        """Drop what is known of an object: bytes of more than one state may have come."""
        with self._lock:
            self._drop(path)

    def _drop(self, path: str) -> None:
        known = self._known.pop(path, None)
        if known is not None:
            self._blocks.forget(known)

    def _read(self, name: str, mark: tuple[str, int]) -> Object:
        import pyarrow as pa
        import pyarrow.parquet as pq

        def opened() -> Any:
            return self._storage.arrow_s3.open_input_file(name)

        with opened() as file:
            size = file.size()
            tail = file.read_at(min(TAIL, size), max(size - TAIL, 0))
            needed = int.from_bytes(tail[-8:-4], "little") + 8
            if len(tail) < needed <= size:
                tail = file.read_at(needed, size - needed)
        if size != mark[1]:
            raise OSError(f"{name} has changed")
        footer = pq.ParquetFile(pa.BufferReader(tail))
        return Object(mark=mark, tail=tail, columns=columns_of(footer), open=opened, blocks=self._blocks)

    def at(self, path: str) -> Object:
        """An object that has been looked at. Raises FileNotFoundError."""
        found = self._known.get(origin(path))
        if found is None:
            raise FileNotFoundError(path)
        return found


def columns_of(footer: Any) -> dict[str, list[str]] | None:
    """The columns of a Parquet file: names by their lower case, and types by " " and the name; None where DuckDB would
    skip rows by what is wrong."""
    from awsglue._runtime.io.parquet_reader import orders_texts

    if not orders_texts(footer.metadata.created_by):
        return None
    columns: dict[str, list[str]] = {}
    for item in footer.schema_arrow:
        columns.setdefault(item.name.lower(), []).append(item.name)
        columns[" " + item.name] = [str(item.type)]
    return columns


def address(path: str) -> str:
    """The path of an object as DuckDB is told it."""
    return f"{PROTOCOL}://{path.partition('://')[2]}"


def origin(path: str) -> str:
    """The path of an object that DuckDB knows by this one."""
    return f"s3://{path.partition('://')[2]}"


def filesystem(objects: Objects) -> Any:
    """What DuckDB asks for files by."""
    from fsspec import AbstractFileSystem

    class Opened:
        """A file at a place of its own for each thread: DuckDB's threads share it."""

        def __init__(self, found: Object) -> None:
            self.object = found
            self._at = threading.local()

        def seek(self, place: int, whence: int = 0) -> int:
            if whence:
                raise OSError("places are told from the beginning")
            self._at.place = place
            return place

        def tell(self) -> int:
            return int(getattr(self._at, "place", 0))

        def read(self, length: int = -1) -> bytes:
            place = self.tell()
            made = self.object.read(place, self.object.size - place if length < 0 else length)
            self._at.place = place + len(made)
            return made

        def close(self) -> None:
            """The handle of the object stays open."""

    class Filesystem(AbstractFileSystem):  # type: ignore[misc]
        protocol = PROTOCOL
        cachable = False

        def open(self, path: str, mode: str = "rb", *args: Any, **kwargs: Any) -> Any:
            return Opened(objects.at(path))

        def size(self, path: Any) -> int:
            return (path.object if isinstance(path, Opened) else objects.at(path)).size

        def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
            return {"name": path, "size": objects.at(path).size, "type": "file"}

        def modified(self, path: Any) -> datetime:
            # Nothing is kept by it.
            return datetime.fromtimestamp(0, UTC)

        def exists(self, path: str, **kwargs: Any) -> bool:
            return True

        def glob(self, path: str, **kwargs: Any) -> list[str]:
            return [path]

    return Filesystem()
