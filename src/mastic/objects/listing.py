"""Pages of a bucket in key order, stepping over whole common prefixes by the index. Owns no state."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from mastic.store import objects
from mastic.store.buckets import Bucket

SMALLEST_BATCH = 8
LARGEST_BATCH = 1001


@dataclass(kw_only=True)
class Page:
    """Rows and common prefixes; ``next_after`` (a key or a common prefix) when there is more."""

    rows: list[Any] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_after: str | None = None

    @property
    def count(self) -> int:
        """Rows and prefixes together, which is what a page's limit counts."""
        return len(self.rows) + len(self.prefixes)


def successor(prefix: str) -> str | None:
    """The first key, by UTF-8 bytes, after every key that begins with ``prefix``; None when there is none."""
    while prefix:
        point = ord(prefix[-1]) + 1
        if 0xD800 <= point <= 0xDFFF:
            point = 0xE000
        if point <= 0x10FFFF:
            return prefix[:-1] + chr(point)
        prefix = prefix[:-1]
    return None


def first_after(key: str) -> str:
    """The first key greater than ``key``; NUL, the smallest character, is in no key, though ``key`` may name it."""
    return key.partition("\0")[0] + "\x01"


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix that ``key`` rolls up into, or None."""
    if not delimiter:
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]


def start_of(after: str, prefix: str, delimiter: str) -> str | None:
    """Where a page that continues after ``after`` begins; None when nothing can follow."""
    if after < prefix or not after:
        return prefix
    # A page that ended with a common prefix goes on behind everything below it.
    if after.startswith(prefix) and common_prefix(after, prefix, delimiter) == after:
        return successor(after)
    return first_after(after)


def page(tx: Connection, bucket: Bucket, *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """Up to ``limit`` visible objects and common prefixes after ``after``."""
    return scan(
        lambda start, end, size: objects.page(tx, bucket, start, end, size),
        prefix=prefix,
        delimiter=delimiter,
        start=start_of(after, prefix, delimiter),
        limit=limit,
    )


def scan(
    fetch: Callable[[str, str | None, int], Sequence[Any]],
    *,
    prefix: str,
    delimiter: str,
    start: str | None,
    limit: int,
) -> Page:
    """Roll up what ``fetch(start, end, size)`` gives (rows with a unique ``key``, ordered)."""
    out = Page()
    if "\0" in prefix:
        return out  # it is in no key
    end = successor(prefix) if prefix else None
    size = min(limit + 1, LARGEST_BATCH)
    while start is not None and limit > 0:
        rows = fetch(start, end, size)
        useful = out.count
        start = _roll_up(rows, out, prefix=prefix, delimiter=delimiter, limit=limit)
        if out.next_after is not None or len(rows) < size:
            return out
        # Big common prefixes make most of a batch useless: ask for less, and for more when it pays again.
        useful = out.count - useful
        size = size * 2 if useful * 2 >= len(rows) else SMALLEST_BATCH
        size = max(SMALLEST_BATCH, min(size, limit + 2 - out.count, LARGEST_BATCH))
    return out


def _roll_up(rows: Sequence[Any], out: Page, *, prefix: str, delimiter: str, limit: int) -> str | None:
    """Add a batch to the page; returns the key at which the next batch starts."""
    keys = [row.key for row in rows]
    index, last, resume = 0, "", None
    if out.count:
        last = max(out.prefixes[-1:] + [row.key for row in out.rows[-1:]])
    while index < len(rows):
        if out.count >= limit:
            out.next_after = last
            return None
        rolled = common_prefix(keys[index], prefix, delimiter)
        if rolled is None:
            out.rows.append(rows[index])
            last = keys[index]
            resume = first_after(last)
            index += 1
            continue
        out.prefixes.append(rolled)
        last = rolled
        resume = successor(rolled)
        # Python compares strings by code point, which is the order of their UTF-8 bytes.
        index = len(rows) if resume is None else bisect_left(keys, resume, index)
    return resume
