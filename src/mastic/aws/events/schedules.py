"""``rate(…)`` and ``cron(…)`` of scheduled rules. Pure rules."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from mastic import cron
from mastic.errors import ServiceError

_RATE = re.compile(r"rate\(\s*(\d+)\s+(minute|minutes|hour|hours|day|days)\s*\)")


def check(expression: str) -> None:
    """Refuse an expression that EventBridge would not take."""
    _rate(expression) or _cron(expression)


def next_after(expression: str, last: datetime, now: datetime) -> datetime | None:
    """The first tick after ``now``; a rate counts from ``last``, its last tick or its creation."""
    step = _rate(expression)
    if step is None:
        return _cron(expression).next_after(now)
    missed = max(0, int((now - last) / step))
    return last + step * (missed + 1)


def _rate(expression: str) -> timedelta | None:
    found = _RATE.fullmatch(expression)
    if found is None:
        if expression.startswith("rate("):
            raise _invalid()
        return None
    number, unit = int(found[1]), found[2]
    if number < 1 or (number == 1) == unit.endswith("s"):
        raise _invalid()
    return timedelta(**{unit.removesuffix("s") + "s": number})


def _cron(expression: str) -> cron.Schedule:
    try:
        return cron.parse(expression, shortest=1)
    except cron.InvalidSchedule:
        raise _invalid() from None


def _invalid() -> ServiceError:
    return ServiceError("ValidationException", "Parameter ScheduleExpression is not valid.")
