"""PyIceberg's file access for those who rewrite tables: through the server's own door to object bytes.

A file is read from a local copy (a link where the object lies whole in one file of this machine) and written to one
that becomes the object when it is closed, so that memory stays flat. Owns a scratch directory; ``close`` removes it.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from pyiceberg.io import FileIO, InputFile, OutputFile, OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowLocalFileSystem

from mastic.errors import ServiceError
from mastic.objects.base import Objects, split_url

_COPY = 1024 * 1024
# How long the files of an object that is deleted meanwhile stay readable.
_KEEP_SECONDS = 3600.0


class TableFiles(FileIO):
    """Reads, writes and deletes ``s3://`` locations."""

    def __init__(self, objects: Objects, scratch: Path) -> None:
        super().__init__({})
        self.objects = objects
        scratch.mkdir(parents=True, exist_ok=True)
        self._directory = Path(tempfile.mkdtemp(prefix="table-", dir=scratch))
        self._local: dict[str, Path] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Remove the local copies."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def release(self, locations: Iterable[str]) -> None:
        """Remove the local copies of these."""
        with self._lock:
            paths = [self._local.pop(location, None) for location in locations]
        for path in paths:
            if path is not None:
                path.unlink(missing_ok=True)

    def new_input(self, location: str) -> PyArrowFile:
        """A file to read. Raises FileNotFoundError."""
        with self._lock:
            found = self._local.get(location)
        if found is None:
            # Several threads may fetch one file: the last one's copy is the one that is known.
            found = self._fetch(location)
            with self._lock:
                self._local[location] = found
        return PyArrowFile(location=location, path=str(found), fs=PyArrowLocalFileSystem())

    def new_output(self, location: str) -> Output:
        """A file to write, which is there once it was closed without an error."""
        return Output(self, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete the object; an absent one is no error."""
        place = location if isinstance(location, str) else location.location
        self.release([place])
        self.objects.delete(*split_url(place))

    def path(self, suffix: str) -> Path:
        """A local path that nothing else uses."""
        return self._directory / f"{next(self._numbers)}{suffix[:16]}"

    def _fetch(self, location: str) -> Path:
        bucket, key = split_url(location)
        path = self.path(Path(key).suffix)
        try:
            segments = self.objects.local_paths(bucket, key, seconds=_KEEP_SECONDS)
            if segments is not None and len(segments) == 1 and _linked(path, segments[0]):
                return path
            with path.open("wb") as target, self.objects.open(bucket, key) as source:
                shutil.copyfileobj(source, target, _COPY)
        except ServiceError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                raise FileNotFoundError(f"{location}: {error.message}") from error
            raise
        return path


def _linked(path: Path, segment: Any) -> bool:
    try:
        if segment.offset == 0 and segment.path.stat().st_size == segment.size:
            path.hardlink_to(segment.path)
            return True
    except OSError:
        # Another file system, or one without links: copy.
        path.unlink(missing_ok=True)
    return False


class Output(OutputFile):
    """A file that does not exist until its stream was closed, and never if it was ``abandoned`` before."""

    def __init__(self, files: TableFiles, location: str) -> None:
        super().__init__(location)
        self._files = files
        self.size = 0
        self.abandoned = False

    def __len__(self) -> int:
        return self.size

    def exists(self) -> bool:
        try:
            self._files.objects.stat(*split_url(self.location))
        except ServiceError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                return False
            raise
        return True

    def to_input_file(self) -> InputFile:
        return self._files.new_input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        """Iceberg's names are new: nothing is ever written over."""
        return _Upload(self, self._files, self._files.path(".out"))


class _Upload(io.FileIO):
    """A local file that becomes the object when it is closed, unless something went wrong within its block."""

    def __init__(self, output: Output, files: TableFiles, path: Path) -> None:
        super().__init__(path, "wb")
        self._output = output
        self._files = files
        self._path = path
        self._failed = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._failed = kind is not None
        super().__exit__(kind, error, trace)

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        try:
            if not self._failed and not self._output.abandoned:
                self._output.size = self._path.stat().st_size
                bucket, key = split_url(self._output.location)
                self._files.objects.put(bucket, key, self._path)
        finally:
            self._path.unlink(missing_ok=True)
