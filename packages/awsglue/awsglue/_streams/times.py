"""Moments and intervals as options write them. Pure functions."""

from __future__ import annotations

import datetime as dt
import re

_INTERVAL = re.compile(r"\s*(?:interval\s+)?(\d+(?:\.\d+)?)\s*([a-z]*)\s*\Z", re.IGNORECASE)
_UNITS = {
    "": 1.0,
    "s": 1.0,
    "second": 1.0,
    "ms": 0.001,
    "millisecond": 0.001,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86_400.0,
    "day": 86_400.0,
}


def seconds_of(text: str) -> float:
    """An interval such as "100 seconds" in seconds. Raises ValueError."""
    match = _INTERVAL.match(text)
    unit = match[2].lower() if match else ""
    scale = _UNITS.get(unit, _UNITS.get(unit.removesuffix("s")))
    if match is None or scale is None:
        raise ValueError(f"interval {text!r} is not understood: write it like '100 seconds'")
    return float(match[1]) * scale


def milliseconds_of(text: str) -> int:
    """A moment such as 2026-04-04T08:00:00-04:00 in milliseconds since the epoch. Raises ValueError."""
    try:
        found = dt.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(
            f"timestamp {text!r} is not understood: write it like 2026-04-04T08:00:00-04:00"
        ) from None
    if found.tzinfo is None:
        raise ValueError(f"timestamp {text!r} has no offset from UTC")
    return round(found.timestamp() * 1000)
