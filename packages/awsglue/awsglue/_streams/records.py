"""What streams are made of: records, ranges of positions, and what a stream can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

# What a source says of where it stands: JSON that only the source itself understands.
Positions = dict[str, Any]


class DataLoss(RuntimeError):
    """Records that were to be read are gone from the stream."""


class CheckpointMetadataNotFound(RuntimeError):
    """A checkpoint lacks files that it must have: where the stream stands cannot be known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One record of a topic's partition or a stream's shard; `at` is milliseconds since the epoch."""

    value: bytes | None
    key: bytes | None
    place: str
    part: str
    position: str
    at: int
    at_kind: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Range:
    """The records of one batch: from where (exclusive of what was read before) to where, and how many if known.

    `held` are the records when planning had to read them; they can always be read again.
    """

    start: Positions
    end: Positions
    count: int | None = None
    held: list[Record] | None = field(default=None, repr=False, compare=False)


class Source(Protocol):
    """A stream that can be read in ranges, the same range any number of times."""

    kind: str

    def identity(self) -> dict[str, str]:
        """What a checkpoint of this stream belongs to."""
        ...

    def begin(self) -> Positions:
        """Where to begin when there is no checkpoint."""
        ...

    def freeze(self, *, limited: bool) -> None:
        """Take what there is now for all there will be; without the limits of a batch unless `limited`."""
        ...

    def plan(self, done: Positions) -> Range | None:
        """The next range after these positions; None when there is nothing new."""
        ...

    def read(self, wanted: Range) -> Iterator[Record]:
        """The records of a range. Raises DataLoss."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
