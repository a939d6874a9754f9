"""Bytes of objects that have been fetched, kept as long as there is room: statements ask for the same ones again.

Owns the bytes. They are kept in blocks, so that statements with other columns find what they share, and neighbouring
columns come by one request.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

# Columns of one row group are often smaller; a larger block would fetch more that nobody asks for.
SIZE = 128 << 10


class Blocks:
    """Blocks of any number of objects, at most `room` bytes: those asked for last."""

    def __init__(self, room: int, size: int = SIZE) -> None:
        self._size = size
        self._most = max(room // size, 1)
        self._kept: OrderedDict[tuple[Any, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, whose: Any, start: int, stop: int, end: int, fetch: Callable[[int, int], bytes]) -> bytes:
        """Bytes `start` to `stop` of an object of `end` bytes; those that are not kept, by `fetch(start, length)`.

        Any number of threads may ask; two that ask for the same block at once both fetch it.
        """
        size = self._size
        first, last = start // size, (stop - 1) // size
        if last - first >= self._most:
            return fetch(start, stop - start)
        found = self._find(whose, first, last)
        for run in _runs([place for place in range(first, last + 1) if place not in found]):
            begin = run.start * size
            body = fetch(begin, min(run.stop * size, end) - begin)
            found |= {
                place: body[at : at + size] for at, place in zip(range(0, len(body), size), run, strict=True)
            }
        self._keep(whose, found)
        parts = [memoryview(found[place]) for place in range(first, last + 1)]
        parts[-1] = parts[-1][: stop - last * size]
        parts[0] = parts[0][start - first * size :]
        return b"".join(parts)

    def forget(self, whose: Any) -> None:
        """Drop the bytes of an object."""
        with self._lock:
            for key in [key for key in self._kept if key[0] is whose]:
                del self._kept[key]

    def _find(self, whose: Any, first: int, last: int) -> dict[int, bytes]:
        with self._lock:
            return {
                place: self._kept[whose, place]
                for place in range(first, last + 1)
                if (whose, place) in self._kept
            }

    def _keep(self, whose: Any, blocks: dict[int, bytes]) -> None:
        with self._lock:
            for place, body in blocks.items():
                self._kept[whose, place] = body
                self._kept.move_to_end((whose, place))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _runs(places: list[int]) -> list[range]:
    """Rising numbers as ranges of those that follow each other."""
    runs: list[range] = []
    for place in places:
        if runs and runs[-1].stop == place:
            runs[-1] = range(runs[-1].start, place + 1)
        else:
            runs.append(range(place, place + 1))
    return runs
