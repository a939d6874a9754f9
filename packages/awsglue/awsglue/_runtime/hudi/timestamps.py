"""Partition folders made of points in time, as TimestampBasedKeyGenerator makes them. Pure.

Patterns are Joda-Time's, which reads more leniently than it writes: a field takes fewer digits than it has letters, a
fraction of a second also none, and no field gives digits back to an earlier one. Letters whose answers depend on the
locale, the week or the day of the reading are refused, and so are names of zones that mean different zones to different
libraries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi.errors import HoodieException, HoodieKeyGeneratorException

PREFIX = "hoodie.keygen.timebased."
FORMER_PREFIX = "hoodie.deltastreamer.keygen.timebased."
SETTINGS = (
    "timestamp.type",
    "timestamp.scalar.time.unit",
    "input.dateformat",
    "input.dateformat.list.delimiter.regex",
    "input.timezone",
    "output.dateformat",
    "output.timezone",
    "timezone",
)
# Milliseconds of a unit: (times, through).
_UNITS = {
    "NANOSECONDS": (1, 1_000_000),
    "MICROSECONDS": (1, 1000),
    "MILLISECONDS": (1, 1),
    "SECONDS": (1000, 1),
    "MINUTES": (60_000, 1),
    "HOURS": (3_600_000, 1),
    "DAYS": (86_400_000, 1),
}
_TYPES = {
    "EPOCHMILLISECONDS": "MILLISECONDS",
    "EPOCHMICROSECONDS": "MICROSECONDS",
    "UNIX_TIMESTAMP": "SECONDS",
}
# The most letters of each field; of those that are read, how many digits they take.
_WRITTEN = {"y": 9, "Y": 9, "M": 2, "d": 2, "D": 3, "H": 2, "h": 2, "m": 2, "s": 2, "S": 9, "Z": 2}
_READ = {"y": 9, "Y": 9, "M": 2, "d": 2, "H": 2, "h": 2, "m": 2, "s": 2, "S": 9, "Z": 2}
_NUMBERS = "yYMdDHhmsS"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Format:
    """A pattern: runs of one letter, and texts (which begin with a quote)."""

    tokens: tuple[str, ...]

    def write(self, when: datetime) -> str:
        """The text of a point in time."""
        return "".join(_written(one, when) for one in self.tokens)

    def reader(self) -> re.Pattern[str]:
        """What texts it reads: a group for each field, named after its letter."""
        out = ""
        for number, token in enumerate(self.tokens):
            letter, count = token[0], len(token)
            following = self.tokens[number + 1][0] if number + 1 < len(self.tokens) else "'"
            if letter == "'":
                out += f"(?i:{re.escape(token[1:])})"
            elif letter == "Z":
                out += r"(?P<Z>Z|z|[+-]\d{2}(?::?\d{2})?)"
            elif letter == "S":
                out += rf"(?P<S>\d{{0,{count}}}+)"
            else:
                most = (count if following in _NUMBERS else 9) if letter in "yY" else 2
                out += rf"(?P<{letter}>\d{{1,{most}}}+)"
        return re.compile(out, re.ASCII)


@dataclass(frozen=True, kw_only=True)
class TimeRules:
    """How values become folders."""

    unit: tuple[int, int] | None
    inputs: tuple[Format, ...]
    output: Format
    zone_in: tzinfo | None
    zone_out: tzinfo | None

    def folder(self, value: Any) -> str:
        """The folder of one value. Raises HoodieKeyGeneratorException for what is no point in time."""
        try:
            when = self._missing() if value is None else self._when(value)
            return self.output.write(when)
        except (ValueError, OverflowError) as error:
            said = f"Unable to parse input partition field: {value}"
            raise HoodieKeyGeneratorException(f"{said} ({error})") from error

    def _when(self, value: Any) -> datetime:
        if isinstance(value, str):
            if not self.inputs:
                raise ValueError("a text, and the type of timestamps is not DATE_STRING")
            return self._read(value)
        if self.unit is None:
            raise ValueError("a number, and the type of timestamps is DATE_STRING")
        times, through = self.unit
        count = int(value) * times
        millis = count // through if count >= 0 else -(-count // through)
        return (_EPOCH + timedelta(milliseconds=millis)).astimezone(self.zone_out or UTC)

    def _missing(self) -> datetime:
        """Of a row without a value: one unit after 1970 began."""
        if self.unit is not None:
            return self._when(1)
        first = _EPOCH + timedelta(milliseconds=1)
        return self._read(self.inputs[0].write(first.astimezone(self.zone_in or self.zone_out or UTC)))

    def _read(self, text: str) -> datetime:
        for one in self.inputs:
            found = one.reader().fullmatch(text)
            if found:
                when = _moment(found.groupdict(), self.zone_in)
                return when.astimezone(self.zone_out or self.zone_in or when.tzinfo)
        raise ValueError(f"Invalid format: {text!r}")


def _written(token: str, when: datetime) -> str:
    letter, count = token[0], len(token)
    if letter == "'":
        return token[1:]
    if letter in "yY":
        return f"{when.year % 100:02d}" if count == 2 else f"{when.year:0{count}d}"
    if letter == "S":
        return f"{when.microsecond // 1000:03d}".ljust(count, "0")[:count]
    if letter == "Z":
        text = when.strftime("%z")[:5]
        return text if count == 1 else f"{text[:3]}:{text[3:]}"
    number = {
        "M": when.month,
        "d": when.day,
        "D": when.timetuple().tm_yday,
        "H": when.hour,
        "h": when.hour % 12 or 12,
        "m": when.minute,
        "s": when.second,
    }[letter]
    return f"{number:0{count}d}"


def _moment(fields: dict[str, str], zone: tzinfo | None) -> datetime:
    """A point in time, in the offset that the text tells, or in this zone. Raises ValueError."""

    def number(letter: str, otherwise: int) -> int:
        return int(fields[letter]) if letter in fields else otherwise

    if "h" in fields and not 1 <= number("h", 0) <= 12:
        raise ValueError(f"Value {fields['h']} for clockhourOfHalfday must be in the range [1,12]")
    local = datetime(
        number("y", number("Y", 0)),
        number("M", 1),
        number("d", 1),
        number("h", 0) % 12 if "h" in fields else number("H", 0),
        number("m", 0),
        number("s", 0),
        int(fields.get("S", "").ljust(3, "0")[:3]) * 1000,
    )
    offset = fields.get("Z")
    if offset is not None:
        return local.replace(tzinfo=_offset(offset))
    when = local.replace(tzinfo=zone or UTC)
    if when.astimezone(UTC).astimezone(when.tzinfo).replace(tzinfo=None) != local:
        raise ValueError("Illegal instant due to time zone offset transition")
    return when


def _offset(text: str) -> tzinfo:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    return _fixed(text[0], hours, minutes)


def _fixed(sign: str, hours: int, minutes: int) -> tzinfo:
    if hours > 23 or minutes > 59:
        raise ValueError(f"no offset from UTC: {sign}{hours}:{minutes}")
    whole = timedelta(hours=hours, minutes=minutes)
    return timezone(-whole if sign == "-" else whole)


def settings(entries: dict[str, str]) -> dict[str, str]:
    """What options say of timestamps, by the names that Hudi keeps in tables."""
    found = {}
    for prefix in (FORMER_PREFIX, PREFIX):
        for name in SETTINGS:
            if prefix + name in entries:
                found[PREFIX + name] = entries[prefix + name]
    return found


def rules(entries: dict[str, str]) -> TimeRules:
    """The rules that settings make. Raises HoodieException for what is missing, EngineRefused if not mapped."""
    given = {key.removeprefix(PREFIX): value.strip() for key, value in settings(entries).items()}
    kind = given.get("timestamp.type", "")
    for name in ("timestamp.type", "output.dateformat"):
        if not given.get(name):
            raise HoodieException(f"Required property {PREFIX}{name} is missing")
    inputs: tuple[Format, ...] = ()
    unit = None
    if kind == "DATE_STRING":
        if given.get("input.dateformat.list.delimiter.regex") not in (None, "", ","):
            raise EngineRefused(f"{PREFIX}input.dateformat.list.delimiter.regex other than a comma")
        wanted = given.get("input.dateformat", "")
        if not wanted:
            raise HoodieException(f"Required property {PREFIX}input.dateformat is missing")
        inputs = tuple(_input(one.strip()) for one in wanted.split(","))
    elif kind == "SCALAR" or kind in _TYPES:
        name = _TYPES.get(kind) or given.get("timestamp.scalar.time.unit", "").upper() or "SECONDS"
        if name not in _UNITS:
            raise HoodieException(f"No enum constant java.util.concurrent.TimeUnit.{name}")
        unit = _UNITS[name]
    else:
        raise EngineRefused(f"{PREFIX}timestamp.type={kind} of a Hudi table")
    both = given.get("timezone")
    return TimeRules(
        unit=unit,
        inputs=inputs,
        output=_format(given["output.dateformat"], _WRITTEN),
        zone_in=zone(given.get("input.timezone", "") if both is None else both),
        zone_out=zone(given.get("output.timezone", "") if both is None else both),
    )


def _input(pattern: str) -> Format:
    """A pattern that reads. Raises EngineRefused unless it names each field once, and the year in full."""
    made = _format(pattern, _READ)
    letters = [token[0].replace("Y", "y").replace("h", "H") for token in made.tokens if token[0] != "'"]
    if len(set(letters)) != len(letters) or "y" not in letters or {"yy", "YY"} & set(made.tokens):
        raise EngineRefused(f"date format {pattern!r} to read with, of a Hudi table")
    return made


def _format(pattern: str, known: dict[str, int]) -> Format:
    """A pattern's tokens. Raises EngineRefused naming a letter that we do not map."""
    tokens, position = [], 0
    while position < len(pattern):
        letter = pattern[position]
        if letter.isascii() and letter.isalpha():
            end = position
            while end < len(pattern) and pattern[end] == letter:
                end += 1
            if end - position > known.get(letter, 0):
                raise EngineRefused(f"{pattern[position:end]!r} in date format {pattern!r} of a Hudi table")
            tokens.append(pattern[position:end])
            position = end
        else:
            text, position = _text(pattern, position)
            tokens.append("'" + text)
    return Format(tokens=tuple(tokens))


def _text(pattern: str, position: int) -> tuple[str, int]:
    """The text that begins here, in quotes or of no letters, and where it ends. Two quotes are one."""
    out, quoted = "", False
    while position < len(pattern):
        char = pattern[position]
        if char == "'":
            if pattern[position + 1 : position + 2] == "'":
                out += char
                position += 1
            else:
                quoted = not quoted
        elif char.isascii() and char.isalpha() and not quoted:
            break
        else:
            out += char
        position += 1
    return out, position


def zone(name: str) -> tzinfo | None:
    """A time zone by its name; none by no name. Raises EngineRefused for names that are not told alike everywhere."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if not name:
        return None
    if name in ("UTC", "GMT", "Etc/UTC"):
        return UTC
    found = re.fullmatch(r"GMT([+-])(\d{1,2}):?(\d{2})|GMT([+-])(\d{1,2})", name, re.ASCII)
    try:
        if found:
            sign, hours, minutes = (
                found.group(1) or found.group(4),
                found.group(2) or found.group(5),
                found.group(3),
            )
            return _fixed(sign, int(hours), int(minutes or 0))
        if "/" in name:
            return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise EngineRefused(f"time zone {name} of a Hudi table") from error
    raise EngineRefused(f"time zone {name} of a Hudi table", "name it as region/city, or as GMT+hh:mm")
