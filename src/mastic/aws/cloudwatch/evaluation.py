"""What an alarm's data says: OK, ALARM, INSUFFICIENT_DATA, or nothing new. Pure rules.

CloudWatch looks at a few more periods than it needs. When enough real data is among them, missing periods do
not count; otherwise TreatMissingData says what the missing ones are taken for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mastic.aws.cloudwatch.statistics import aligned

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Point = tuple[datetime, float]
# How many periods beyond the evaluation periods are looked at.
EXTRA = 2

COMPARE: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", lambda value, limit: value >= limit),
    "GreaterThanThreshold": ("greater than", lambda value, limit: value > limit),
    "LessThanThreshold": ("less than", lambda value, limit: value < limit),
    "LessThanOrEqualToThreshold": ("less than or equal to", lambda value, limit: value <= limit),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """An alarm's condition."""

    comparison: str
    threshold: float
    period: int
    periods: int
    to_alarm: int
    missing: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the data says; ``state`` None means that the present state stays."""

    state: State | None
    reason: str = ""
    points: tuple[Point, ...] = ()


def window(rule: Rule, now: datetime) -> list[datetime]:
    """The beginnings of the periods looked at, oldest first. Only periods that are over are among them."""
    end = aligned(now, min(rule.period, 60))
    count = rule.periods + EXTRA
    return [end - timedelta(seconds=rule.period * (count - number)) for number in range(count)]


def decide(rule: Rule, values: Sequence[Point | None]) -> Outcome:
    """Judge the periods of ``window``, oldest first; None where there was no data."""
    real = [point for point in values if point is not None][-rule.periods :]
    lacking = rule.periods - len(real)
    breaching = sum(1 for _, value in real if _breaches(rule, value))
    if not lacking or rule.missing in ("breaching", "notBreaching"):
        filled = breaching + (lacking if rule.missing == "breaching" else 0)
        state: State = "ALARM" if filled >= rule.to_alarm else "OK"
        return Outcome(state=state, reason=_reason(rule, state, real, breaching, lacking), points=tuple(real))
    if rule.missing == "ignore":
        if breaching >= rule.to_alarm:
            return Outcome(
                state="ALARM", reason=_reason(rule, "ALARM", real, breaching, 0), points=tuple(real)
            )
        if breaching < len(real):
            return Outcome(state="OK", reason=_reason(rule, "OK", real, breaching, 0), points=tuple(real))
        return Outcome(state=None)
    return _with_gaps(rule, values, real, breaching)


def _with_gaps(rule: Rule, values: Sequence[Point | None], real: list[Point], breaching: int) -> Outcome:
    """TreatMissingData ``missing``, with too little real data."""
    if not real:
        many = "s were" if rule.periods > 1 else " was"
        return Outcome(
            state="INSUFFICIENT_DATA", reason=f"Insufficient Data: {rule.periods} datapoint{many} unknown."
        )
    recent = values[-rule.periods :]
    oldest_breach = next(
        (len(recent) - n for n, point in enumerate(recent) if point and _breaches(rule, point[1])), 0
    )
    # Old enough, and everything that is known since breaches too: the alarm need not wait for the gaps.
    if breaching == len(real) and oldest_breach >= rule.to_alarm:
        return Outcome(state="ALARM", reason=_reason(rule, "ALARM", real, breaching, 0), points=tuple(real))
    if breaching == len(real):
        return Outcome(state=None)
    return Outcome(state="OK", reason=_reason(rule, "OK", real, breaching, 0), points=tuple(real))


def _breaches(rule: Rule, value: float) -> bool:
    return COMPARE[rule.comparison][1](value, rule.threshold)


def _reason(rule: Rule, state: State, real: Sequence[Point], breaching: int, lacking: int) -> str:
    words = COMPARE[rule.comparison][0]
    if not real:
        periods = f"{rule.periods} period{'s' if rule.periods > 1 else ''}"
        points = f"{lacking} missing datapoint{'s were' if lacking > 1 else ' was'}"
        taken = {"breaching": "Breaching", "notBreaching": "NonBreaching"}[rule.missing]
        return (
            f"Threshold Crossed: no datapoints were received for {periods} and {points} treated as [{taken}]."
        )
    shown = [(at, value) for at, value in reversed(real) if state == "OK" or _breaches(rule, value)]
    listed = ", ".join(f"{value} ({at:%d/%m/%y %H:%M:%S})" for at, value in shown)
    if state == "ALARM":
        s = "s" if rule.to_alarm > 1 else ""
        were = "were" if len(shown) > 1 else "was"
        return (
            f"Threshold Crossed: {breaching} out of the last {rule.periods} datapoints [{listed}] {were} "
            f"{words} the threshold ({rule.threshold}) (minimum {rule.to_alarm} datapoint{s} for OK -> ALARM "
            "transition)."
        )
    many = "datapoints" if len(shown) > 1 else "datapoint"
    were = "were" if len(shown) > 1 else "was"
    return (
        f"Threshold Crossed: {len(shown)} {many} [{listed}] {were} not {words} the threshold "
        f"({rule.threshold})."
    )
