"""Iceberg's files on S3 with the encryption that the job's security configuration asks for.

Arrow's S3 writer cannot say how an object is to be encrypted, so such a file is written to the scratch folder and
uploaded when it is complete. Owns these files.
"""

from __future__ import annotations

import os
import tempfile
from typing import IO, Any

from pyiceberg.io import InputFile, OutputFile, OutputStream
from pyiceberg.io.pyarrow import PyArrowFileIO

from awsglue._runtime.io.storage import S3_SCHEMES, Storage, split


class EncryptingFileIO(PyArrowFileIO):
    """PyIceberg's files through Arrow, but what is written to S3 through our own uploads."""

    def new_output(self, location: str) -> OutputFile:  # type: ignore[override]
        """A file to be written."""
        if split(location)[0] not in S3_SCHEMES:
            return super().new_output(location)
        return _Uploaded(location, self)


class _Uploaded(OutputFile):
    def __init__(self, location: str, io: EncryptingFileIO) -> None:
        super().__init__(location)
        self._io = io

    def __len__(self) -> int:
        return len(self._io.new_input(self.location))

    def exists(self) -> bool:
        return self._io.new_input(self.location).exists()

    def to_input_file(self) -> InputFile:
        return self._io.new_input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        """Begin to write. Raises FileExistsError."""
        if not overwrite and self.exists():
            raise FileExistsError(f"Cannot create file, already exists: {self.location}")
        return _Stream(self.location)


class _Stream:
    """Uploads on close; after an error in its ``with`` block nothing is uploaded."""

    def __init__(self, location: str) -> None:
        from awsglue._runtime.engine import scratch_directory

        handle, self._path = tempfile.mkstemp(dir=scratch_directory(), prefix="iceberg-")
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._location = location

    @property
    def closed(self) -> bool:
        return self._file.closed

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """The whole file is there: upload it."""
        if self._file.closed:
            return
        self._file.close()
        Storage().publish([(self._path, self._location)])

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()
            os.unlink(self._path)
