"""Glue's cron expressions: when they tick and which are refused."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastic.cron import InvalidSchedule, parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "ticks"),
    [
        # every day at noon
        ("cron(0 12 * * ? *)", "2026-02-27T12:00", ["2026-02-28T12:00", "2026-03-01T12:00"]),
        # steps, lists and ranges
        ("cron(0/15 8-9 * * ? *)", "2026-01-01T09:31", ["2026-01-01T09:45", "2026-01-02T08:00"]),
        (
            "cron(*/20 0 1 1 ? *)",
            "2026-01-01T00:00",
            ["2026-01-01T00:20", "2026-01-01T00:40", "2027-01-01T00:00"],
        ),
        ("cron(5,35 14 * * ? *)", "2026-01-01T14:05", ["2026-01-01T14:35", "2026-01-02T14:05"]),
        ("cron(10-30/10 6 * * ? *)", "2026-01-01T06:20", ["2026-01-01T06:30", "2026-01-02T06:10"]),
        # names, in any case
        ("cron(0 6 ? * mon-fri *)", "2026-01-02T06:00", ["2026-01-05T06:00", "2026-01-06T06:00"]),
        ("cron(0 0 1 JAN,JUL ? *)", "2026-01-01T00:00", ["2026-07-01T00:00", "2027-01-01T00:00"]),
        # 1 is Sunday
        ("cron(0 0 ? * 1 *)", "2026-01-01T00:00", ["2026-01-04T00:00", "2026-01-11T00:00"]),
        (
            "cron(0 0 ? * FRI-MON *)",
            "2026-01-01T00:00",
            [
                "2026-01-02T00:00",
                "2026-01-03T00:00",
                "2026-01-04T00:00",
                "2026-01-05T00:00",
                "2026-01-09T00:00",
            ],
        ),
        # last day, last working day, nth before the last
        ("cron(0 0 L * ? *)", "2028-02-01T00:00", ["2028-02-29T00:00", "2028-03-31T00:00"]),
        ("cron(0 0 LW * ? *)", "2026-05-01T00:00", ["2026-05-29T00:00", "2026-06-30T00:00"]),
        ("cron(0 0 L-2 * ? *)", "2026-02-01T00:00", ["2026-02-26T00:00", "2026-03-29T00:00"]),
        # the working day nearest to a date, never in another month
        ("cron(0 0 15W 8 ? *)", "2026-01-01T00:00", ["2026-08-14T00:00", "2027-08-16T00:00"]),
        ("cron(0 0 1W 8 ? *)", "2026-01-01T00:00", ["2026-08-03T00:00", "2027-08-02T00:00"]),
        ("cron(0 0 31W 5 ? *)", "2026-01-01T00:00", ["2026-05-29T00:00", "2027-05-31T00:00"]),
        ("cron(0 0 31W * ? *)", "2026-03-31T00:00", ["2026-05-29T00:00"]),
        # last Friday, third Monday, fifth Sunday
        ("cron(0 9 ? * 6L *)", "2026-01-01T00:00", ["2026-01-30T09:00", "2026-02-27T09:00"]),
        ("cron(0 9 ? * FRIL *)", "2026-01-01T00:00", ["2026-01-30T09:00"]),
        ("cron(0 9 ? * 2#3 *)", "2026-01-01T00:00", ["2026-01-19T09:00", "2026-02-16T09:00"]),
        ("cron(0 9 ? * SUN#5 *)", "2026-01-01T00:00", ["2026-03-29T09:00", "2026-05-31T09:00"]),
        ("cron(0 9 ? * L *)", "2026-01-01T00:00", ["2026-01-03T09:00"]),
        # days that not every month has
        ("cron(0 0 30 * ? *)", "2026-01-30T00:00", ["2026-03-30T00:00"]),
        ("cron(0 0 29 2 ? *)", "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        # years
        ("cron(0 0 1 1 ? 2030-2032/2)", "2026-01-01T00:00", ["2030-01-01T00:00", "2032-01-01T00:00"]),
    ],
)
def test_ticks(expression: str, after: str, ticks: list[str]) -> None:
    schedule = parse(expression)
    moment = at(after)
    for expected in ticks:
        found = schedule.next_after(moment)
        assert found == at(expected)
        moment = found


def test_a_schedule_of_the_past_has_no_next_tick() -> None:
    assert parse("cron(0 0 1 1 ? 2020)").next_after(at("2026-01-01T00:00")) is None


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "0 12 * * ? *",
        "rate(5 minutes)",
        "cron()",
        "cron(0 12 * * ?)",
        "cron(0 12 * * * *)",  # one of the day fields has to be ?
        "cron(0 12 ? * ? *)",
        "cron(60 12 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 0 0 * ? *)",
        "cron(0 0 32 * ? *)",
        "cron(0 0 * 13 ? *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * MON#6 *)",
        "cron(0 0 * * ? 1969)",
        "cron(0 0 * * ? 2200)",
        "cron(0 0 * * ? 2030-2029)",
        "cron(0/0 0 * * ? *)",
        "cron(a 0 * * ? *)",
        "cron(0 0 1.5 * ? *)",
        "cron(0 0 -1 * ? *)",
        "cron(0 0 ,1 * ? *)",
        "cron(* * * * ? *)",  # faster than five minutes
        "cron(0/4 * * * ? *)",
        "cron(0,57 * * * ? *)",  # 57 to 0 is three minutes
    ],
)
def test_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse(expression)


def test_minutes_may_be_close_when_the_hours_are_not() -> None:
    assert parse("cron(0,57 0/2 * * ? *)").next_after(at("2026-01-01T00:57")) == at("2026-01-01T02:00")


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),
)
def test_daily_ticks_are_within_a_day_and_at_the_minute(minute: int, hour: int, moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    tick = parse(f"cron({minute} {hour} * * ? *)").next_after(moment)
    assert tick is not None
    assert (tick.hour, tick.minute, tick.second, tick.microsecond) == (hour, minute, 0, 0)
    assert timedelta() < tick - moment <= timedelta(days=1)


@given(text=st.text(max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(InvalidSchedule):
        assert parse(f"cron({text})").minutes
