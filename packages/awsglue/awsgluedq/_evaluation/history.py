"""Values that a metric had in earlier runs: what last() and DetectAnomalies look at."""

from __future__ import annotations

from typing import Protocol


class HistoryMissing(Exception):
    """Nobody keeps the values of earlier runs."""


class History(Protocol):
    """Gives earlier values of a metric."""

    def last(self, metric: str, count: int) -> list[float]:
        """At most so many earlier values, the most recent first. Raises HistoryMissing."""
        ...


class NoHistory:
    """Where no values are kept: whoever needs one is refused, instead of being told that there was none."""

    def last(self, metric: str, count: int) -> list[float]:
        """Raises HistoryMissing."""
        raise HistoryMissing(
            f"The values that {metric} had in earlier runs are needed, and this version keeps none: "
            "the rule was not evaluated"
        )
