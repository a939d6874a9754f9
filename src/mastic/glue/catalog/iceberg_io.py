"""PyIceberg's file access over the server's own door to object bytes. Read only. Owns no state."""

from __future__ import annotations

import io

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile

from mastic.errors import ServiceError
from mastic.objects.base import Objects, split_url


class ObjectsFileIO(FileIO):
    """Reads ``s3://`` locations through ``Objects``."""

    def __init__(self, objects: Objects) -> None:
        super().__init__({})
        self._objects = objects

    def new_input(self, location: str) -> InputFile:
        """A file to read."""
        return _ObjectFile(self._objects, location)

    def new_output(self, location: str) -> OutputFile:
        """Refused."""
        raise PermissionError(f"{location}: read only")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refused."""
        raise PermissionError(f"{location}: read only")


class _ObjectFile(InputFile):
    """Read whole: manifests are small. Raises FileNotFoundError."""

    def __init__(self, objects: Objects, location: str) -> None:
        super().__init__(location)
        self._objects = objects

    def __len__(self) -> int:
        try:
            return self._objects.stat(*split_url(self.location)).size
        except ServiceError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                raise FileNotFoundError(f"{self.location}: {error.message}") from error
            raise

    def exists(self) -> bool:
        try:
            len(self)
        except FileNotFoundError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        try:
            return io.BytesIO(self._objects.read(*split_url(self.location)))
        except ServiceError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                raise FileNotFoundError(f"{self.location}: {error.message}") from error
            raise
