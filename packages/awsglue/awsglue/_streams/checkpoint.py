"""Checkpoints: what a stream's batches are and which of them are done, as files on S3 or a disk.

`offsets/<n>` is written before batch n is processed and says exactly which records it has; `commits/<n>` after it.
So a batch without a commit is the one to process again, with the same records and the same number. Owns the files
under the checkpoint location. Each file is created once and never replaced: of two jobs on one checkpoint, the one that
comes second fails.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from awsglue._runtime.io.storage import S3_SCHEMES, Storage, encryption, join, split
from awsglue._streams.records import CheckpointMetadataNotFound, Positions, Range

VERSION = 1
KEPT = 100
CONFLICTS = 6


class ConcurrentCheckpoint(RuntimeError):
    """Somebody else writes to this checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One batch: its number, its records, whether it has been processed."""

    number: int
    range: Range
    committed: bool


@dataclass(kw_only=True)
class Checkpoint:
    """The checkpoint at one location."""

    location: str
    storage: Storage = field(default_factory=Storage)
    # Tells a file that this process has just written from one of another.
    writer: str = field(default_factory=lambda: uuid.uuid4().hex)

    def open(self, identity: dict[str, str]) -> Batch | None:
        """The last batch, None for a new checkpoint. Raises ValueError for another stream's checkpoint."""
        path = join(self.location, "metadata")
        offsets, commits = self._numbers("offsets"), self._numbers("commits")
        if self.storage.head(path) is None:
            if offsets or commits:
                raise CheckpointMetadataNotFound(f"{path} is missing, but there are batches beside it")
            self._create("metadata", {"version": VERSION, "id": uuid.uuid4().hex, "stream": identity})
            return None
        found = self._load("metadata")
        if found.get("version") != VERSION:
            raise CheckpointMetadataNotFound(f"{path} is of another kind or version")
        if found["stream"] != identity:
            raise ValueError(
                f"checkpoint {self.location} belongs to another stream: {_shown(found['stream'])}, "
                f"not {_shown(identity)}"
            )
        if not offsets:
            if commits:
                raise CheckpointMetadataNotFound(f"{self.location} has commits and no offsets")
            return None
        last = offsets[-1]
        # Old files go from the oldest on, offsets last: only the newest batch may lack its commit.
        done = commits[-1] if commits else -1
        if not last - 1 <= done <= last or (done < 0 and last > 0):
            raise CheckpointMetadataNotFound(
                f"{self.location} has batch {last}, but commits up to {done}: files are missing"
            )
        stored = self._load(f"offsets/{last}")
        wanted = Range(start=stored["start"], end=stored["end"], count=stored.get("count"))
        return Batch(number=last, range=wanted, committed=done == last)

    def begin(self, number: int, wanted: Range, at: int) -> None:
        """Batch `number` will have these records. Raises ConcurrentCheckpoint."""
        content: dict[str, Any] = {"version": VERSION, "start": wanted.start, "end": wanted.end, "at": at}
        if wanted.count is not None:
            content["count"] = wanted.count
        self._create(f"offsets/{number}", content)

    def commit(self, number: int, at: int) -> None:
        """Batch `number` has been processed. Raises ConcurrentCheckpoint."""
        self._create(f"commits/{number}", {"version": VERSION, "at": at})
        if number % 10 == 0 and number >= KEPT:
            self._forget(number - KEPT)

    def initial(self) -> Positions | None:
        """Where the first batch begins, once that has been written down."""
        if self.storage.head(join(self.location, "initial")) is None:
            return None
        found: Positions = self._load("initial")["positions"]
        return found

    def start(self, positions: Positions) -> None:
        """The first batch begins here, also if this process dies before there is one."""
        self._create("initial", {"version": VERSION, "positions": positions})

    def _forget(self, before: int) -> None:
        for kind in ("commits", "offsets"):
            old = [number for number in self._numbers(kind) if number < before]
            self.storage.delete([join(self.location, f"{kind}/{number}") for number in old])

    def _numbers(self, kind: str) -> list[int]:
        folder = join(self.location, kind)
        scheme, _, key = split(folder)
        if scheme not in S3_SCHEMES and not os.path.isdir(key):
            return []
        names = (entry.name for entry in self.storage.entries(folder))
        return sorted(int(name) for name in names if name.isdigit())

    def _load(self, name: str) -> dict[str, Any]:
        path = join(self.location, name)
        try:
            found: dict[str, Any] = json.loads(self.storage.read(path))
        except ValueError as error:
            raise CheckpointMetadataNotFound(f"{path} cannot be read: {error}") from None
        return found

    def _create(self, name: str, content: dict[str, Any]) -> None:
        path = join(self.location, name)
        body = json.dumps({**content, "writer": self.writer}, sort_keys=True).encode()
        scheme, bucket, key = split(path)
        created = self._put(bucket, key, body) if scheme in S3_SCHEMES else _link(key, body)
        # A request that was answered too late is repeated, and then meets its own file.
        if not created and self._load(name).get("writer") != self.writer:
            raise ConcurrentCheckpoint(f"{path} has just been written by another job on the same checkpoint")

    def _put(self, bucket: str, key: str, body: bytes) -> bool:
        from botocore.exceptions import ClientError

        for attempt in range(CONFLICTS):
            try:
                self.storage.s3.put_object(
                    Bucket=bucket, Key=key.lstrip("/"), Body=body, IfNoneMatch="*", **encryption()
                )
                return True
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "PreconditionFailed":
                    return False
                # Another request for the same key is under way: how it ended is seen by asking again.
                if code != "ConditionalRequestConflict" or attempt == CONFLICTS - 1:
                    raise
            time.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable")


def _link(path: str, body: bytes) -> bool:
    """Create a local file whole and durable, or not at all; False when it is there already."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    # No digits alone: a half-written file must not be taken for a batch.
    temporary = os.path.join(folder, f".{uuid.uuid4().hex}.tmp")
    with open(temporary, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True


def _shown(identity: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(identity.items()))
