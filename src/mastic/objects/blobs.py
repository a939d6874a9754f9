"""Blobs: nameless, unchanging runs of bytes, each a file. Owns ``blobs/`` and one directory in ``incoming/``.

A blob is written under ``incoming/<server>/``, synced, renamed to its place, and its directory synced; only then may
metadata refer to it. File names are random and never come from a key, so no key can lead outside. Blobs are
never changed; whoever opened one may read it to its end, even after it was removed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """A blob on disk and its size in bytes."""

    id: str
    size: int


class Blobs:
    """The files below one directory. ``server`` names this server among those that share it."""

    def __init__(self, root: Path, *, server: str = "server") -> None:
        self._root = root / "blobs"
        self._incoming = root / "incoming" / server
        # What a crash left half written was never answered.
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(parents=True)
        for number in range(256):
            (self._root / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        for directory in (self._root, root):
            _sync_directory(directory)
        # Kept open: every write syncs one of them.
        self._shards = [os.open(self._root / f"{n:02x}", os.O_RDONLY | os.O_DIRECTORY) for n in range(256)]
        self._pins: dict[str, float] = {}
        self._lock = threading.Lock()

    def write(self, pieces: Iterable[bytes]) -> Blob:
        """Store the pieces as one blob, on disk when this returns. Whatever ``pieces`` raises leaves nothing."""
        name = secrets.token_hex(16)
        temporary = self._incoming / name
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        size = 0
        try:
            try:
                for piece in pieces:
                    size += len(piece)
                    _write_all(descriptor, piece)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            place = self._place(name)
            os.rename(temporary, place)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        os.fsync(self._shards[int(name[:2], 16)])
        return Blob(id=name, size=size)

    def close(self) -> None:
        """Give the directories back."""
        while self._shards:
            os.close(self._shards.pop())

    def path(self, blob: str) -> Path:
        """Where the blob lies."""
        return Path(self._place(blob))

    def open(self, blob: str) -> int:
        """A file descriptor for reading; the caller closes it."""
        return os.open(self._place(blob), os.O_RDONLY | os.O_CLOEXEC)

    def read(self, blob: str, start: int, size: int) -> bytes:
        """``size`` bytes from ``start``."""
        descriptor = self.open(blob)
        try:
            return _read_all(descriptor, start, size)
        finally:
            os.close(descriptor)

    def stream(self, blob: str, start: int, size: int) -> Iterator[bytes]:
        """The same in pieces of at most a megabyte."""
        descriptor = self.open(blob)
        try:
            while size > 0:
                piece = _read_all(descriptor, start, min(size, CHUNK))
                yield piece
                start += len(piece)
                size -= len(piece)
        finally:
            os.close(descriptor)

    def remove(self, blob: str) -> None:
        """Delete the file; gone already is as good."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._place(blob))

    def older_than(self, instant: float) -> Iterator[str]:
        """Every blob whose file was written before ``instant`` (epoch seconds)."""
        for directory in sorted(self._root.iterdir()):
            with os.scandir(directory) as entries:
                for entry in entries:
                    try:
                        old = entry.stat().st_mtime < instant
                    except FileNotFoundError:
                        continue  # another server has just removed it
                    if old:
                        yield entry.name

    def remove_abandoned(self, instant: float) -> int:
        """Delete what servers that are gone left half written before ``instant``; returns how many files."""
        removed = 0
        for path in self._incoming.parent.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                if path.parent != self._incoming and path.stat().st_mtime < instant:
                    path.unlink()
                    removed += 1
        return removed

    # -- pins: blobs that somebody is about to open by path ---------------------------------------------

    def pin(self, blobs: Iterable[str], seconds: float) -> None:
        """Do not collect these for a while, whatever the metadata says."""
        until = time.monotonic() + seconds
        with self._lock:
            for blob in blobs:
                self._pins[blob] = max(until, self._pins.get(blob, 0.0))

    def pinned(self) -> set[str]:
        """The blobs under a pin now."""
        now = time.monotonic()
        with self._lock:
            self._pins = {blob: until for blob, until in self._pins.items() if until > now}
            return set(self._pins)

    def _place(self, blob: str) -> str:
        return f"{self._root}/{blob[:2]}/{blob}"


def _sync_directory(directory: Path | str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, piece: bytes) -> None:
    written = os.write(descriptor, piece)
    if written != len(piece):
        rest = memoryview(piece)[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def _read_all(descriptor: int, start: int, size: int) -> bytes:
    piece = os.pread(descriptor, size, start)
    if len(piece) == size:
        return piece
    parts = [piece]
    while piece and size > len(piece):
        start += len(piece)
        size -= len(piece)
        piece = os.pread(descriptor, size, start)
        parts.append(piece)
    if size != len(piece):
        raise OSError(f"a blob ended {size - len(piece)} bytes early")
    return b"".join(parts)
