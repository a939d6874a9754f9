"""Reads the output that a job process writes to a file, line by line, from a remembered place. Owns no state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CHUNK = 512 * 1024
# CloudWatch Logs takes events of at most 256 KB; a longer line is cut into several.
LONGEST = 200 * 1024


def read(path: Path, offset: int, *, final: bool) -> tuple[list[str], int]:
    """(whole lines from ``offset`` on, the place behind them); at most about ``CHUNK`` bytes.

    A last line without its end waits for it, unless the output is ``final``.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(CHUNK)
            more = len(data) == CHUNK
    except FileNotFoundError:
        return [], offset
    whole = data.rfind(b"\n") + 1
    if (final and not more) or (not whole and len(data) > LONGEST):
        whole = len(data)
    if not whole:
        return [], offset
    text = data[:whole]
    if text.endswith(b"\n"):
        text = text[:-1]
    elif not final or more:
        # The line goes on: what the cut leaves of its last character is read with the rest.
        incomplete = len(text) - _boundary(text, len(text))
        text, whole = text[: len(text) - incomplete], whole - incomplete
    lines = [
        part.decode("utf-8", "replace").rstrip("\r") for raw in text.split(b"\n") for part in _parts(raw)
    ]
    return lines, offset + whole


def _parts(raw: bytes) -> Iterator[bytes]:
    """A line in events of at most ``LONGEST`` bytes, cut between characters."""
    start = 0
    while len(raw) - start > LONGEST:
        end = _boundary(raw, start + LONGEST)
        yield raw[start:end]
        start = end
    yield raw[start:]


def _boundary(raw: bytes, end: int) -> int:
    """``end``, or the place before the character of UTF-8 that it cuts in two."""
    for back in range(1, min(4, end) + 1):
        byte = raw[end - back]
        if byte & 0xC0 != 0x80:
            length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
            return end - back if length > back else end
    return end  # no UTF-8
