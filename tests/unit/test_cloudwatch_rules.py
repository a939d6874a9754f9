"""Alarm evaluation, composite rules, statistics and metric math as pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastic.aws.cloudwatch import alarm_rules, evaluation, expressions, statistics
from mastic.aws.cloudwatch.evaluation import Rule
from mastic.errors import ServiceError
from mastic.store.metrics import Sample

NOW = datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC)


def outcome(points: str, to_alarm: int, missing: str) -> str:
    """``0`` fine, ``X`` breaching, ``-`` missing; three evaluation periods."""
    rule = Rule(
        comparison="GreaterThanThreshold",
        threshold=1,
        period=60,
        periods=3,
        to_alarm=to_alarm,
        missing=missing,
    )
    at = evaluation.window(rule, NOW)
    assert len(at) == 5
    values = [
        None if p == "-" else (when, 5.0 if p == "X" else 0.0) for when, p in zip(at, points, strict=True)
    ]
    return evaluation.decide(rule, values).state or "retain"


# The tables of CloudWatch's guide: columns missing, ignore, breaching, notBreaching.
@pytest.mark.parametrize(
    ("points", "to_alarm", "expected"),
    [
        ("0-X-X", 3, ("OK", "OK", "OK", "OK")),
        ("----0", 3, ("OK", "OK", "OK", "OK")),
        ("-----", 3, ("INSUFFICIENT_DATA", "retain", "ALARM", "OK")),
        ("0XX-X", 3, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("--X--", 3, ("ALARM", "retain", "ALARM", "OK")),
        ("0-X-X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("00X0X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0-X--", 2, ("OK", "OK", "ALARM", "OK")),
        ("----0", 2, ("OK", "OK", "ALARM", "OK")),
        ("---X-", 2, ("ALARM", "retain", "ALARM", "OK")),
    ],
)
def test_missing_data(points: str, to_alarm: int, expected: tuple[str, ...]) -> None:
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    assert tuple(outcome(points, to_alarm, t) for t in treatments) == expected


def test_reasons_read_like_cloudwatchs() -> None:
    rule = Rule(
        comparison="GreaterThanThreshold", threshold=0, period=60, periods=1, to_alarm=1, missing="missing"
    )
    at = evaluation.window(rule, NOW)
    alarm = evaluation.decide(rule, [None, None, (at[-1], 5.0)])
    assert alarm.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [5.0 (02/01/26 03:03:00)] was greater than the "
        "threshold (0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert evaluation.decide(rule, [None] * 3).reason == "Insufficient Data: 1 datapoint was unknown."


STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('ALARM("a")', True),
        ("ALARM(a) AND ALARM(b)", False),
        ("ALARM(b) OR ALARM(a) AND OK(b)", True),
        ("(ALARM(b) OR ALARM(a)) AND NOT OK(b)", False),
        ("NOT ALARM(b) AND INSUFFICIENT_DATA('c')", True),
        ("TRUE AND FALSE", False),
        ("ALARM(nobody)", False),
    ],
)
def test_composite_rules(rule: str, expected: bool) -> None:
    assert alarm_rules.holds(alarm_rules.parse(rule), STATES.get) is expected


@pytest.mark.parametrize("rule", ["", "ALARM", "ALARM(a) AND", "(ALARM(a)", "ALARM(a) ALARM(b)", "a OR b"])
def test_composite_rules_that_are_none(rule: str) -> None:
    with pytest.raises(ServiceError, match="AlarmRule is invalid"):
        alarm_rules.parse(rule)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(0, 100))
def test_percentiles_lie_within_the_data(values: list[float], percent: int) -> None:
    bucket = statistics.Bucket()
    for value in values:
        bucket.add(Sample(at=NOW, unit="None", observed=[[value, 1.0]]))
    found = bucket.statistic(f"p{percent}")
    assert found is not None
    assert min(values) <= found <= max(values)
    assert bucket.statistic("p0") == min(values)
    assert bucket.statistic("p100") == max(values)


def test_a_statistic_set_counts_as_its_samples() -> None:
    bucket = statistics.Bucket()
    bucket.add(Sample(at=NOW, unit="None", observed={"count": 4, "sum": 10, "min": 1, "max": 4}))
    bucket.add(Sample(at=NOW, unit="None", observed=[[6, 1]]))
    assert [bucket.statistic(s) for s in statistics.SIMPLE] == [5, 3.2, 16, 1, 6]
    assert bucket.statistic("p50") is None


T = [NOW + timedelta(minutes=n) for n in range(3)]
FRAME = expressions.Frame(
    series={"a": {T[0]: 1.0, T[1]: 2.0, T[2]: 4.0}, "b": {T[0]: 2.0, T[2]: 0.0}},
    periods={"a": 60, "b": 60},
    metrics=["a", "b"],
    instants=T,
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a * 2 + 1", [3, 5, 9]),
        ("2 ^ a", [2, 4, 16]),
        ("a / b", [0.5, None, None]),
        ("SUM(METRICS())", [3, 2, 4]),
        ("SUM([a, b]) / PERIOD(a)", [0.05, 2 / 60, 4 / 60]),
        ("FILL(b, 0)", [2, 0, 0]),
        ("FILL(b, REPEAT)", [2, 2, 0]),
        ("IF(a > 1, a, 0)", [0, 2, 4]),
        ("IF(a > 1 && a < 3, 1, 0)", [0, 1, 0]),
        ("MAX(a)", [4, 4, 4]),
        ("RUNNING_SUM(a)", [1, 3, 7]),
        ("DIFF(a)", [None, 1, 2]),
        ("-a", [-1, -2, -4]),
    ],
)
def test_metric_math(expression: str, expected: list[float | None]) -> None:
    found = expressions.evaluate(expression, FRAME)
    assert [found.get(at) for at in T] == expected


@pytest.mark.parametrize(
    "expression", ["a +", "SEARCH('x', 'Sum')", "c", "METRICS()", "a.b", "__import__('os')"]
)
def test_metric_math_that_is_refused(expression: str) -> None:
    with pytest.raises(ServiceError, match="ValidationError"):
        expressions.evaluate(expression, FRAME)
