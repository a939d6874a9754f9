"""Brings the files that a query reads within the engine's reach. Owns one scratch directory per query.

An object that lies whole in one local file is linked, which costs nothing and keeps it readable even when it
is deleted meanwhile; any other is copied. Names end like the keys, since readers tell compression by them.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from mastic.athena.failures import QueryFailure
from mastic.errors import ServiceError
from mastic.objects.base import ObjectInfo, Objects, split_url

_COPY = 1024 * 1024
# Athena keeps files longer than a query may run (30 minutes by default).
_KEEP_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFile:
    """A local file with an object's bytes."""

    path: Path
    url: str
    size: int


class Staging:
    """The files of one query; ``close`` removes the copies."""

    def __init__(self, objects: Objects, scratch: Path) -> None:
        self._objects = objects
        scratch.mkdir(parents=True, exist_ok=True)
        self.directory = Path(tempfile.mkdtemp(prefix="query-", dir=scratch))
        self._staged: dict[str, StagedFile] = {}
        self._lock = threading.Lock()
        self._numbers = count()

    def close(self) -> None:
        """Remove what was copied."""
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def scanned(self) -> int:
        """Bytes of all files that were staged."""
        return sum(f.size for f in self._staged.values())

    def by_url(self, text: str) -> str:
        """A message with the objects' URLs in the place of local paths."""
        for staged in list(self._staged.values()):
            text = text.replace(str(staged.path), staged.url)
        return text

    def list(self, location: str, *, recursive: bool = True) -> Iterator[ObjectInfo]:
        """The data files below a table's or partition's location: hidden and empty ones left out."""
        bucket, key = _split(location)
        prefix = key if not key or key.endswith("/") else key + "/"
        try:
            for info in self._objects.walk(bucket, prefix):
                relative = info.key[len(prefix) :]
                if info.size == 0 or any(p.startswith(("_", ".")) for p in relative.split("/")):
                    continue
                if "_$folder$" in relative or (not recursive and "/" in relative):
                    continue
                yield info
        except ServiceError as error:
            raise QueryFailure(f"HIVE_FILESYSTEM_ERROR: {location}: {error.message}", kind=1200) from None

    def delete_location(self, location: str) -> None:
        """Delete every object below a table's location."""
        bucket, key = _split(location)
        if key.strip("/"):
            self._objects.delete_prefix(bucket, key.rstrip("/") + "/")

    def stage(self, bucket: str, key: str, size: int) -> StagedFile:
        """A local file for an object."""
        url = f"s3://{bucket}/{key}"
        found = self._staged.get(url)
        if found is None:
            # PyIceberg reads with several threads: what two of them stage must never get one name.
            made = StagedFile(path=self._path(bucket, key), url=url, size=size)
            with self._lock:
                found = self._staged.setdefault(url, made)
        return found

    def stage_url(self, url: str) -> StagedFile:
        """The same for an s3:// URL."""
        bucket, key = _split(url)
        return self.stage(bucket, key, self._objects.stat(bucket, key).size)

    def _path(self, bucket: str, key: str) -> Path:
        path = self.directory / f"{next(self._numbers)}{Path(key).suffix[:16]}"
        segments = self._objects.local_paths(bucket, key, seconds=_KEEP_SECONDS)
        if segments is not None and len(segments) == 1 and segments[0].offset == 0:
            whole = segments[0]
            try:
                if whole.path.stat().st_size == whole.size:
                    path.hardlink_to(whole.path)
                    return path
            except OSError:
                # Another file system, or one without links: copy.
                path.unlink(missing_ok=True)
        with path.open("wb") as target, self._objects.open(bucket, key) as source:
            shutil.copyfileobj(source, target, _COPY)
        return path


def _split(location: str) -> tuple[str, str]:
    try:
        return split_url(location)
    except ValueError:
        raise QueryFailure(f"HIVE_METASTORE_ERROR: location {location!r} is not on S3") from None
