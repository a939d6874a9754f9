"""Timestamps as the protocols write them. Owns no state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def from_epoch(seconds: float) -> datetime:
    """Epoch seconds → aware UTC, to the millisecond as AWS keeps it. Raises ValueError beyond year 9999."""
    try:
        return EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{seconds!r} is no timestamp") from error


def parse(text: str) -> datetime:
    """ISO 8601, RFC 822 or epoch seconds as text → aware UTC. Raises ValueError."""
    text = text.strip()
    try:
        return from_epoch(float(text))
    except ValueError:
        pass
    if text[:3] in _DAYS:
        try:
            moment = parsedate_to_datetime(text)
        except (TypeError, IndexError) as error:
            raise ValueError(f"{text!r} is no timestamp") from error
    else:
        moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is no timestamp") from error


def to_epoch(moment: datetime | float) -> float:
    """Aware datetime → epoch seconds with milliseconds; a stored document holds them already."""
    if isinstance(moment, int | float):
        return moment
    if moment.tzinfo is None:
        raise TypeError(f"naive datetime {moment!r} in a result")
    return round((moment - EPOCH) / timedelta(milliseconds=1)) / 1000


def _moment(value: datetime | float) -> datetime:
    if isinstance(value, int | float):
        return from_epoch(value)
    if value.tzinfo is None:
        raise TypeError(f"naive datetime {value!r} in a result")
    return value.astimezone(UTC)


def to_iso(moment: datetime | float) -> str:
    """Aware datetime (or epoch seconds) → ``2026-01-02T03:04:05.678Z`` (no fraction when it is zero)."""
    moment = _moment(moment)
    text = moment.isoformat(timespec="seconds")[:19]
    return f"{text}.{moment.microsecond // 1000:03d}Z" if moment.microsecond // 1000 else text + "Z"


def to_http(moment: datetime | float) -> str:
    """Aware datetime (or epoch seconds) → ``Fri, 02 Jan 2026 03:04:05 GMT`` whatever the locale."""
    m = _moment(moment)
    return (
        f"{_DAYS[m.weekday()]}, {m.day:02d} {_MONTHS[m.month - 1]} {m.year:04d} "
        f"{m.hour:02d}:{m.minute:02d}:{m.second:02d} GMT"
    )
