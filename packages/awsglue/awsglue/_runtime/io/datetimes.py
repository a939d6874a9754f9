"""Dates and times as Spark reads and writes them: the cast rules for plain text, and Java patterns.

Pure functions. Timestamps are aware UTC; text without a zone is taken in the session's zone.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_STAMP = re.compile(
    r"(?P<year>[+-]?\d{4,6})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})"
    r"(?:[ T](?P<clock>\S.*))?)?)?\Z"
)
_CLOCK = re.compile(
    r"T?(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.(?P<fraction>\d*))?)?\s*(?P<zone>\S.*)?\Z"
)
_OFFSET = re.compile(
    r"(?:UTC|GMT|UT)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{1,2}))?(?::?(\d{2}))?\Z"
)
_DATE = re.compile(r"([+-]?\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?\Z")


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo | None:
    """The zone with this id as Spark knows them, or None."""
    text = name.strip()
    if text in ("Z", "UTC", "GMT", "UT", "Etc/UTC"):
        return UTC
    match = _OFFSET.match(text)
    if match:
        minutes = int(match["hours"]) * 60 + int(match["minutes"] or 0)
        if minutes > 18 * 60:
            return None
        return timezone(timedelta(minutes=minutes if match["sign"] == "+" else -minutes))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def cast_timestamp(text: str, session_zone: tzinfo = UTC) -> datetime | None:
    """Text to timestamp by Spark's cast rules; None when it is none."""
    value = text.strip()
    match = _STAMP.match(value)
    if match is None:
        return _clock_today(value, session_zone)
    try:
        day = date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
    except ValueError:
        return None
    clock = match["clock"]
    if not clock:
        return datetime.combine(day, time(), session_zone).astimezone(UTC)
    return _at(day, clock, session_zone)


def _clock_today(value: str, session_zone: tzinfo) -> datetime | None:
    if ":" not in value:
        return None
    return _at(datetime.now(session_zone).date(), value, session_zone)


def _at(day: date, clock: str, session_zone: tzinfo) -> datetime | None:
    match = _CLOCK.match(clock)
    if match is None:
        return None
    where: tzinfo | None = zone(match["zone"]) if match["zone"] else session_zone
    if where is None:
        return None
    fraction = (match["fraction"] or "")[:6].ljust(6, "0")
    try:
        at = time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0), int(fraction))
        return datetime.combine(day, at, where).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def cast_date(text: str) -> date | None:
    """Text to date by Spark's cast rules (anything may follow after a space or T); None when it is none."""
    match = _DATE.match(text.strip())
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None


class Pattern:
    """A Java date-time pattern: parses and formats the letters data files use. Raises ValueError for others."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._parts = _parse_pattern(pattern)
        self._regex = re.compile(_regex(self._parts) + r"\Z")

    def parse(self, text: str, session_zone: tzinfo = UTC) -> datetime | None:
        """An aware UTC datetime, or None when the text does not follow the pattern."""
        match = self._regex.match(text)
        if match is None:
            return None
        found = {key: value for key, value in match.groupdict().items() if value is not None}
        try:
            moment = _assemble(found, session_zone)
        except ValueError:
            return None
        return moment

    def parse_date(self, text: str) -> date | None:
        moment = self.parse(text, UTC)
        return None if moment is None else moment.date()

    def format(self, moment: datetime) -> str:
        """The text of an aware (or naive) moment."""
        return _format(self._parts, moment)


Part = tuple[str, str]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _parse_pattern(pattern: str) -> list[Part]:
    parts: list[Part] = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "'":
            end = pattern.find("'", index + 1)
            if end < 0:
                raise ValueError(f"unterminated literal in date-time pattern {pattern!r}")
            parts.append(("literal", pattern[index + 1 : end] or "'"))
            index = end + 1
        elif char.isalpha():
            end = index
            while end < len(pattern) and pattern[end] == char:
                end += 1
            letters = pattern[index:end]
            if char not in "yuMLdHhKkmsSaXxZzEnD" or char in "KknD":
                raise ValueError(f"letter {char!r} of date-time pattern {pattern!r} is not served")
            parts.append((char if char != "u" else "y", letters))
            index = end
        elif char in "[]":
            parts.append((char, char))
            index += 1
        else:
            parts.append(("literal", char))
            index += 1
    return parts


def _digits(count: int, name: str, *, most: int) -> str:
    return f"(?P<{name}>\\d{{{count}}})" if count > 1 else f"(?P<{name}>\\d{{1,{most}}})"


def _regex(parts: list[Part]) -> str:
    out = ""
    for kind, text in parts:
        count = len(text)
        if kind == "literal":
            out += re.escape(text)
        elif kind == "[":
            out += "(?:"
        elif kind == "]":
            out += ")?"
        else:
            out += _field_regex(kind, count)
    return out


def _field_regex(kind: str, count: int) -> str:
    if kind == "y":
        return (
            r"(?P<year2>\d{2})" if count == 2 else r"(?P<year>\d{4})" if count == 4 else r"(?P<year>\d{1,6})"
        )
    if kind in "ML":
        if count <= 2:
            return _digits(count, "month", most=2)
        names = [name[:3] for name in _MONTHS] if count == 3 else _MONTHS
        return f"(?P<monthname>{'|'.join(names)})"
    if kind == "E":
        return "(?:" + "|".join([day[:3] for day in _DAYS] if count <= 3 else _DAYS) + ")"
    if kind == "S":
        return f"(?P<fraction>\\d{{{count}}})"
    if kind == "a":
        return "(?P<half>AM|PM)"
    if kind == "X":
        return r"(?P<zone>Z|[+-]\d{2}:?(?:\d{2})?)"
    if kind in "xZ":
        return r"(?P<zone>[+-]\d{2}:?(?:\d{2})?)"
    if kind == "z":
        return r"(?P<zone>[A-Za-z][A-Za-z/_+\-0-9:]*)"
    names_of = {"d": "day", "H": "hour", "h": "hour12", "m": "minute", "s": "second"}
    return _digits(count, names_of[kind], most=2)


def _assemble(found: dict[str, str], session_zone: tzinfo) -> datetime:
    year = int(found.get("year") or 0) or (2000 + int(found["year2"]) if "year2" in found else 1970)
    month = int(found.get("month") or 1)
    if "monthname" in found:
        month = next(i for i, name in enumerate(_MONTHS, 1) if name.startswith(found["monthname"][:3]))
    hour = int(found.get("hour") or 0)
    if "hour12" in found:
        half = int(found["hour12"])
        if not 1 <= half <= 12:
            raise ValueError("hour")
        hour = half % 12 + (12 if found.get("half") == "PM" else 0)
    where: tzinfo | None = zone(found["zone"]) if "zone" in found else session_zone
    if where is None:
        raise ValueError("zone")
    micro = int(found.get("fraction", "")[:6].ljust(6, "0")) if "fraction" in found else 0
    moment = datetime(
        year,
        month,
        int(found.get("day") or 1),
        hour,
        int(found.get("minute") or 0),
        int(found.get("second") or 0),
        micro,
        where,
    )
    return moment.astimezone(UTC)


def _format(parts: list[Part], moment: datetime) -> str:
    out = ""
    for kind, text in parts:
        count = len(text)
        if kind == "literal":
            out += text
        elif kind in "[]":
            continue
        elif kind == "y":
            out += f"{moment.year % 100:02d}" if count == 2 else str(moment.year).zfill(count)
        elif kind in "ML":
            out += (
                str(moment.month).zfill(count)
                if count <= 2
                else _MONTHS[moment.month - 1][: 3 if count == 3 else 99]
            )
        elif kind == "E":
            out += _DAYS[moment.weekday()][: 3 if count <= 3 else 99]
        elif kind == "S":
            out += f"{moment.microsecond:06d}".ljust(count, "0")[:count]
        elif kind == "a":
            out += "PM" if moment.hour >= 12 else "AM"
        elif kind in "XxZ":
            out += _offset(moment, kind, count)
        elif kind == "z":
            out += moment.tzname() or "UTC"
        else:
            value = {
                "d": moment.day,
                "H": moment.hour,
                "h": moment.hour % 12 or 12,
                "m": moment.minute,
                "s": moment.second,
            }[kind]
            out += str(value).zfill(count)
    return out


def _offset(moment: datetime, kind: str, count: int) -> str:
    seconds = int((moment.utcoffset() or timedelta()).total_seconds())
    if kind == "X" and seconds == 0:
        return "Z"
    sign = "-" if seconds < 0 else "+"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    if kind in "Xx" and count == 1:
        return f"{sign}{hours:02d}" + (f"{minutes:02d}" if minutes else "")
    if (kind == "Z" and count < 4) or count == 2:
        return f"{sign}{hours:02d}{minutes:02d}"
    return f"{sign}{hours:02d}:{minutes:02d}"
