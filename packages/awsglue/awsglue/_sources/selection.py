"""Which of a source's files this run reads: bookmarks by modification time, bounded execution, samples.

Glue's window: objects may become visible a while after their modification time, so a run also looks back `maxBand`
before the last run's time and leaves out what is saved as read from then. A file that was written again has a newer
time and is read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from awsglue._sources.bookmarks import Bookmarks, source_id
from awsglue._sources.listing import SourceFile

BAND = 900_000
FILES_IN_BAND = 1000


def now_milliseconds() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


def choose(
    files: list[SourceFile],
    options: dict[str, Any],
    ctx: str,
    bookmarks: Bookmarks | None,
    identity: tuple[Any, ...],
    clock: Callable[[], int] = now_milliseconds,
) -> list[SourceFile]:
    """The files to read, recorded in the bookmark when there is one for this ctx. Raises ValueError."""
    bookmarked = bookmarks is not None and bookmarks.active and bool(ctx)
    if not bookmarked:
        return bounded(files, options)
    assert bookmarks is not None
    source = source_id(*identity)
    band = int(options.get("maxBand", BAND))
    limit = int(options.get("maxFilesInBand", FILES_IN_BAND))
    fresh = [one for one in files if not _seen(one, bookmarks.state(ctx, source), band)]
    if bookmarks.until is not None:
        last = bookmarks.limit(ctx, source)
        fresh = [one for one in fresh if last is not None and _seen(one, last, band)]
    chosen = bounded(sorted(fresh, key=lambda one: (one.milliseconds, one.path)), options)
    chosen = _within_band(chosen, clock(), band, limit)
    bookmarks.record(
        ctx, "s3", source, _state(files, chosen, fresh, bookmarks.state(ctx, source), band, clock())
    )
    return chosen


def bounded(files: list[SourceFile], options: dict[str, Any]) -> list[SourceFile]:
    """At most `boundedFiles` files or `boundedSize` bytes. Raises ValueError when both are given."""
    by_count, by_size = options.get("boundedFiles"), options.get("boundedSize")
    if by_count and by_size:
        raise ValueError("boundedFiles and boundedSize cannot both be set")
    for name in ("boundedFiles", "boundedSize"):
        if options.get(name) and not (str(options[name]).isdigit() and int(options[name]) > 0):
            raise ValueError(f"{name} {options[name]!r} is not a number above zero")
    if by_count:
        return files[: int(by_count)]
    if not by_size:
        return files
    room, kept = int(by_size), []
    for one in files:
        if one.size > room:
            break
        room -= one.size
        kept.append(one)
    return kept


def sampled(files: list[SourceFile], sample: dict[str, Any] | None) -> list[SourceFile]:
    """The files of a sample: maxSampleFilesPerPartition of maxSamplePartitions partitions."""
    if sample is None:
        return files
    per_partition = int(sample.get("maxSampleFilesPerPartition", 0)) or len(files)
    partitions = int(sample.get("maxSamplePartitions", 0)) or len(files)
    groups: dict[Any, list[SourceFile]] = {}
    for one in files:
        groups.setdefault(one.partition, []).append(one)
    return [one for group in list(groups.values())[:partitions] for one in group[:per_partition]]


def _mark(one: SourceFile) -> str:
    return f"{one.milliseconds}:{one.path}"


def _seen(one: SourceFile, state: dict[str, Any] | None, band: int) -> bool:
    if state is None:
        return False
    if one.milliseconds <= state["time"] - band:
        return _mark(one) not in state.get("skipped", ())
    return _mark(one) in state["files"]


def _within_band(chosen: list[SourceFile], now: int, band: int, limit: int) -> list[SourceFile]:
    """No more files from the last moments than can be remembered; the rest waits for the next run."""
    inside = [one for one in chosen if one.milliseconds > now - band]
    return chosen if len(inside) <= limit else [one for one in chosen if one not in set(inside[limit:])]


def _state(
    files: list[SourceFile],
    chosen: list[SourceFile],
    fresh: list[SourceFile],
    before: dict[str, Any] | None,
    band: int,
    now: int,
) -> dict[str, Any]:
    """What is read by now. Fresh files left for later keep the time of the bookmark before them."""
    moment = max(now, before["time"] if before else 0)
    done = {_mark(one) for one in chosen}
    left = {_mark(one) for one in fresh} - done
    remembered = []
    for one in files:
        mark = _mark(one)
        if one.milliseconds > moment - band and mark not in left:
            remembered.append(mark)
    skipped = sorted(mark for mark in left if int(mark.split(":", 1)[0]) <= moment - band)
    state: dict[str, Any] = {"time": moment, "files": sorted(remembered)}
    if skipped:
        state["skipped"] = skipped
    return state
