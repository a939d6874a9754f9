"""What the evaluation of one rule is, and what comes of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from awsgluedq._evaluation.dataset import Ask, Dataset
from awsgluedq._evaluation.history import History
from awsgluedq._evaluation.numbers import TOLERANCE, dynamic, holds, resolved
from awsgluedq.dqdl import AnyRule, Condition, Rule

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

UNMET = "Value: {} does not meet the constraint requirement!"
EMPTY = "Empty state for metric {}, all input values were NULL."


@dataclass(frozen=True, kw_only=True)
class RowCheck:
    """How a rule judges rows: an expression that is true or false, or a step that adds a column (true or null)."""

    true_sql: str = ""
    mark: Callable[[DataFrame, str], DataFrame] | None = None
    where: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A rule's outcome. `evaluated` is the rule as it was computed, with values of earlier runs put in."""

    rule: AnyRule
    passed: bool
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str | None = None
    evaluated: AnyRule | None = None
    rows: RowCheck | None = None


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a rule sees besides its own words. `now` is one moment for the whole ruleset."""

    data: Dataset
    others: Mapping[str, Dataset]
    spark: Any
    history: History
    now: dt.datetime


# A rule asks for aggregates, gets their values, and judges: so the aggregates of all rules are computed together.
Evaluation = Generator[list[Ask], list[Any], Judged]
Evaluator = Callable[[Rule, Around], Evaluation]


def verdict(
    rule: Rule,
    around: Around,
    metric: str,
    number: float | None,
    *,
    metrics: Mapping[str, float] | None = None,
    rows: RowCheck | None = None,
    condition: Condition | None = None,
) -> Judged:
    """The outcome of a rule whose condition is on one number. Raises HistoryMissing and RuleFailure."""
    asked = condition or rule.condition
    if number is None or asked is None:
        return Judged(rule=rule, passed=False, reason=EMPTY.format(metric), rows=rows)
    known = resolved(asked, metric, around.history)
    passed = holds(known, number, tolerance=TOLERANCE if dynamic(asked) else 0.0)
    return Judged(
        rule=rule,
        passed=passed,
        metrics={metric: number} if metrics is None else metrics,
        reason=None if passed else UNMET.format(number),
        evaluated=replace(rule, condition=known) if known is not asked else None,
        rows=rows,
    )
