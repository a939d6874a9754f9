"""Schedules as AWS writes them: ``cron(Minutes Hours Day-of-month Month Day-of-week Year)`` in UTC. Pure.

Wildcards: ``, - * /`` everywhere; ``?`` in one of the two day fields; ``L``, ``LW``, ``L-n`` and ``nW`` in
Day-of-month; ``L``, ``nL`` and ``n#m`` in Day-of-week, where 1 is Sunday.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

FIRST_YEAR, LAST_YEAR = 1970, 2199
SHORTEST = 5  # minutes between two ticks

_MONTHS = {name: n for n, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
_DAYS = {name: n for n, name in enumerate("SUN MON TUE WED THU FRI SAT".split(), 1)}
_EXPRESSION = re.compile(r"^\s*cron\((.*)\)\s*$", re.DOTALL)


class InvalidSchedule(ValueError):
    """The expression is not one that Glue accepts; ``str()`` says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: dict[str, int]


_MINUTE = _Field(name="Minutes", low=0, high=59, names={})
_HOUR = _Field(name="Hours", low=0, high=23, names={})
_DAY = _Field(name="Day-of-month", low=1, high=31, names={})
_MONTH = _Field(name="Month", low=1, high=12, names=_MONTHS)
_WEEKDAY = _Field(name="Day-of-week", low=1, high=7, names=_DAYS)
_YEAR = _Field(name="Year", low=FIRST_YEAR, high=LAST_YEAR, names={})


@dataclass(frozen=True, kw_only=True, slots=True)
class _DayRule:
    """One part of a day field that depends on the month: ``kind`` is L, LW, W, DOW_L or DOW_N."""

    kind: str
    value: int = 0
    nth: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A parsed expression. Exactly one of the two day fields is in force."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    days: frozenset[int] | None
    weekdays: frozenset[int] | None
    rules: tuple[_DayRule, ...]

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick strictly after ``moment``; None when there is none before 2200."""
        start = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        year, month = start.year, start.month
        while year <= LAST_YEAR:
            if year in self.years and month in self.months:
                for day in self._days_of(year, month):
                    if date(year, month, day) < start.date():
                        continue
                    found = self._time_on(date(year, month, day), start)
                    if found is not None:
                        return found
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return None

    def _time_on(self, day: date, start: datetime) -> datetime | None:
        for hour in self.hours:
            for minute in self.minutes:
                tick = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                if tick >= start:
                    return tick
        return None

    def _days_of(self, year: int, month: int) -> list[int]:
        last = monthrange(year, month)[1]
        chosen: set[int] = set()
        if self.days is not None:
            chosen |= {day for day in self.days if day <= last}
        if self.weekdays is not None:
            chosen |= {day for day in range(1, last + 1) if _weekday(year, month, day) in self.weekdays}
        for rule in self.rules:
            chosen |= _apply(rule, year, month, last)
        return sorted(chosen)


def parse(expression: str, *, shortest: int = SHORTEST) -> Schedule:
    """The schedule of a ``cron(…)`` expression whose ticks are ``shortest`` minutes apart or more.

    Raises InvalidSchedule.
    """
    matched = _EXPRESSION.match(expression)
    if matched is None:
        raise InvalidSchedule(
            "the expression has to have the form cron(Minutes Hours Day-of-month Month Day-of-week Year)"
        )
    fields = matched.group(1).upper().split()
    if len(fields) != 6:
        raise InvalidSchedule(f"six fields are required, {len(fields)} were given")
    minute, hour, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise InvalidSchedule("exactly one of Day-of-month and Day-of-week has to be ?")
    days, day_rules = (None, []) if day == "?" else _day_field(day)
    weekdays, weekday_rules = (None, []) if weekday == "?" else _weekday_field(weekday)
    schedule = Schedule(
        minutes=tuple(sorted(_numbers(minute, _MINUTE))),
        hours=tuple(sorted(_numbers(hour, _HOUR))),
        months=frozenset(_numbers(month, _MONTH)),
        years=frozenset(_numbers(year, _YEAR)),
        days=days,
        weekdays=weekdays,
        rules=(*day_rules, *weekday_rules),
    )
    _check_rate(schedule, shortest)
    return schedule


def _check_rate(schedule: Schedule, shortest: int) -> None:
    minutes = schedule.minutes
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    hours = schedule.hours
    if any((earlier + 1) % 24 in hours for earlier in hours):
        gaps.append(60 - minutes[-1] + minutes[0])
    if gaps and min(gaps) < shortest:
        raise InvalidSchedule(f"rates faster than {shortest} minutes are not supported")


def _day_field(text: str) -> tuple[frozenset[int] | None, list[_DayRule]]:
    numbers: set[int] = set()
    rules: list[_DayRule] = []
    for part in text.split(","):
        if part == "L":
            rules.append(_DayRule(kind="L"))
        elif part in ("LW", "WL"):
            rules.append(_DayRule(kind="LW"))
        elif matched := re.fullmatch(r"L-(\d{1,2})", part):
            rules.append(
                _DayRule(
                    kind="L", value=_bounded(int(matched[1]), _Field(name="L-n", low=1, high=30, names={}))
                )
            )
        elif matched := re.fullmatch(r"(\d{1,2})W", part):
            rules.append(_DayRule(kind="W", value=_bounded(int(matched[1]), _DAY)))
        else:
            numbers |= _part(part, _DAY)
    return frozenset(numbers), rules


def _weekday_field(text: str) -> tuple[frozenset[int] | None, list[_DayRule]]:
    numbers: set[int] = set()
    rules: list[_DayRule] = []
    for part in text.split(","):
        if part == "L":
            numbers.add(7)
        elif matched := re.fullmatch(r"(\w+?)L", part):
            rules.append(_DayRule(kind="DOW_L", value=_number(matched[1], _WEEKDAY)))
        elif matched := re.fullmatch(r"(\w+)#([1-5])", part):
            rules.append(_DayRule(kind="DOW_N", value=_number(matched[1], _WEEKDAY), nth=int(matched[2])))
        else:
            numbers |= _part(part, _WEEKDAY)
    return frozenset(numbers), rules


def _numbers(text: str, field: _Field) -> set[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        numbers |= _part(part, field)
    return numbers


def _part(part: str, field: _Field) -> set[int]:
    base, slash, step_text = part.partition("/")
    step = 1
    if slash:
        if not step_text.isdecimal() or int(step_text) < 1:
            raise InvalidSchedule(f"{field.name}: {part!r} has no usable step")
        step = int(step_text)
    if base == "*":
        return set(range(field.low, field.high + 1, step))
    first_text, dash, last_text = base.partition("-")
    first = _number(first_text, field)
    # "5/10" runs from 5 to the end of the field.
    last = _number(last_text, field) if dash else field.high if slash else first
    if first <= last:
        return set(range(first, last + 1, step))
    if field is _YEAR:
        raise InvalidSchedule(f"{field.name}: {part!r} runs backwards")
    span = field.high - field.low + 1
    return {(n - field.low) % span + field.low for n in range(first, last + span + 1, step)}


def _number(text: str, field: _Field) -> int:
    if text in field.names:
        return field.names[text]
    if not text.isdecimal() or len(text) > 4:
        raise InvalidSchedule(f"{field.name}: {text!r} is not a value")
    return _bounded(int(text), field)


def _bounded(value: int, field: _Field) -> int:
    if not field.low <= value <= field.high:
        raise InvalidSchedule(f"{field.name}: {value} is not between {field.low} and {field.high}")
    return value


def _weekday(year: int, month: int, day: int) -> int:
    return date(year, month, day).isoweekday() % 7 + 1


def _apply(rule: _DayRule, year: int, month: int, last: int) -> set[int]:
    match rule.kind:
        case "L":
            return {last - rule.value} if last - rule.value >= 1 else set()
        case "LW":
            return {_nearest_weekday(year, month, last, last)}
        case "W":
            return {_nearest_weekday(year, month, rule.value, last)} if rule.value <= last else set()
        case "DOW_L":
            return {max(day for day in range(last - 6, last + 1) if _weekday(year, month, day) == rule.value)}
    first = next(day for day in range(1, 8) if _weekday(year, month, day) == rule.value)
    nth = first + 7 * (rule.nth - 1)
    return {nth} if nth <= last else set()


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    weekday = _weekday(year, month, day)
    if weekday == 7:  # Saturday: the day before, unless that is in another month
        return day - 1 if day > 1 else day + 2
    if weekday == 1:  # Sunday: the day after, likewise
        return day + 1 if day < last else day - 2
    return day
