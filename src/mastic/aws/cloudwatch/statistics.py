"""From samples to statistics: buckets of a period, and what is asked of each. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mastic.errors import ServiceError
from mastic.store.metrics import Sample

SIMPLE = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"[pP](\d{1,2}(?:\.\d{1,10})?|100)")


@dataclass(slots=True)
class Bucket:
    """All that was observed in one period."""

    count: float = 0.0
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    values: list[tuple[float, float]] = field(default_factory=list)
    whole: bool = True
    unit: str | None = None

    def add(self, sample: Sample) -> None:
        """Take a sample in."""
        self.unit = self.unit or sample.unit
        if isinstance(sample.observed, dict):
            seen = sample.observed
            self.count += seen["count"]
            self.total += seen["sum"]
            self.low, self.high = min(self.low, seen["min"]), max(self.high, seen["max"])
            # A statistic set keeps no values; percentiles can be told from it only when all were equal.
            if seen["min"] == seen["max"]:
                self.values.append((seen["min"], seen["count"]))
            else:
                self.whole = False
            return
        for value, weight in sample.observed:
            self.count += weight
            self.total += value * weight
            self.low, self.high = min(self.low, value), max(self.high, value)
            self.values.append((value, weight))

    def statistic(self, name: str) -> float | None:
        """The statistic's value; None when it cannot be told. Raises InvalidParameterValue."""
        match name:
            case "SampleCount":
                return self.count
            case "Sum":
                return self.total
            case "Minimum":
                return self.low
            case "Maximum":
                return self.high
            case "Average":
                return self.total / self.count if self.count else None
        return _percentile(sorted(self.values), fraction(name)) if self.whole else None


def fraction(name: str) -> float:
    """``p90`` → 0.9. Raises InvalidParameterValue for a statistic that is not served."""
    found = _PERCENTILE.fullmatch(name)
    if found is None:
        raise ServiceError(
            "InvalidParameterValue",
            f"The value {name} for parameter Stat is not supported: use SampleCount, Average, Sum, Minimum, "
            "Maximum or a percentile such as p90",
            status=400,
        )
    return float(found[1]) / 100


def check(name: str) -> None:
    """Refuse a statistic that is not served."""
    if name not in SIMPLE:
        fraction(name)


def buckets(samples: Iterable[Sample], start: datetime, period: int) -> dict[datetime, Bucket]:
    """Samples by the beginning of their period; periods follow each other from ``start`` on."""
    origin = start.timestamp()
    found: dict[datetime, Bucket] = {}
    for sample in samples:
        at = origin + (sample.at.timestamp() - origin) // period * period
        found.setdefault(datetime.fromtimestamp(at, UTC), Bucket()).add(sample)
    return found


def aligned(moment: datetime, period: int) -> datetime:
    """``moment`` rounded down to a whole period since 1970."""
    return datetime.fromtimestamp(moment.timestamp() // period * period, UTC)


def _percentile(values: list[tuple[float, float]], wanted: float) -> float | None:
    """Linear interpolation between the closest ranks of weighted values."""
    total = sum(weight for _, weight in values)
    if not values or total <= 0:
        return None
    rank = wanted * (total - 1)
    below = _at(values, int(rank))
    return below + (_at(values, int(rank) + 1) - below) * (rank - int(rank))


def _at(values: list[tuple[float, float]], rank: int) -> float:
    seen = 0.0
    for value, weight in values:
        seen += weight
        if rank < seen:
            return value
    return values[-1][0]
