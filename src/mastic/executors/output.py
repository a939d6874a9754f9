"""Reads the output that a job process writes to a file, line by line, from a remembered place. Owns no state."""

from __future__ import annotations

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
    lines: list[str] = []
    for raw in text.split(b"\n"):
        for start in range(0, len(raw) or 1, LONGEST):
            lines.append(raw[start : start + LONGEST].decode("utf-8", "replace").rstrip("\r"))
    return lines, offset + whole
