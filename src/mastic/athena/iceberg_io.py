"""PyIceberg's file access over a query's staging area. Owns no state."""

from __future__ import annotations

from pyiceberg.io import InputFile, OutputFile
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from mastic.athena.staging import Staging


class StagedFileIO(PyArrowFileIO):
    """Reads ``s3://`` locations from the local files that the staging area hands out. Read only."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        super().__init__({})

    def new_input(self, location: str) -> PyArrowFile:
        return super().new_input(str(self._staging.stage_url(location).path))

    def new_output(self, location: str) -> PyArrowFile:
        raise PermissionError(f"{location}: queries read only")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        raise PermissionError(f"{location}: queries read only")
