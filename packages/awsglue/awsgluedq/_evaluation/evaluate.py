"""The evaluation of a ruleset: the aggregates of all rules are computed together, then each rule is judged.

What a rule cannot be computed on (a column that is not there, SQL that is wrong) is that rule's failure reason; what
the embedded engine would answer differently is no rule's fault and goes up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from awsglue._runtime.failures import EngineRefused
from awsgluedq._evaluation.analyzers import Analyzed, analyzed, rules_of
from awsgluedq._evaluation.columns import COLUMNS, statistic
from awsgluedq._evaluation.dataset import Ask, RuleFailure
from awsgluedq._evaluation.datasets import DATASETS
from awsgluedq._evaluation.files import FILES
from awsgluedq._evaluation.history import HistoryMissing
from awsgluedq._evaluation.judging import UNMET, Around, Evaluation, Evaluator, Judged
from awsgluedq._evaluation.rows import check, combined
from awsgluedq._evaluation.sql import custom_sql
from awsgluedq._evaluation.values import VALUES
from awsgluedq.dqdl import Analyzer, AnyRule, Composite, Rule, Ruleset, leaves, rule_text
from awsgluedq.dqdl.types import NEVER_BY_ROW, NEVER_BY_ROW_WITH_THRESHOLD, SAME


def detect_anomalies(rule: Rule, around: Around) -> Evaluation:
    """Raises HistoryMissing: an anomaly is one against the values of earlier runs."""
    yield []
    raise HistoryMissing(
        f"{rule_text(rule)} needs the values of earlier runs, and this version keeps none: the rule was not evaluated"
    )


def unknown(rule: Rule, around: Around) -> Evaluation:
    """Raises RuleFailure: the columns that an analyzer names are not there."""
    yield []
    for name in rule.parameters:
        around.data.column(name)
    raise RuleFailure(f"{rule_text(rule)} cannot be computed")


EVALUATORS: Mapping[str, Evaluator] = {
    **COLUMNS,
    **DATASETS,
    **FILES,
    **VALUES,
    "CustomSql": custom_sql,
    "DetectAnomalies": detect_anomalies,
}


# Metrics that have no rule type of their own.
ALSO: Mapping[str, Evaluator] = {
    "Maximum": statistic("max", "Maximum"),
    "Minimum": statistic("min", "Minimum"),
}


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The outcome of every rule of a document, and of the rules that composites are made of (by identity)."""

    rules: list[Judged]
    parts: Mapping[int, Judged]
    analyzers: list[Analyzed]


def evaluate(ruleset: Ruleset, around: Around, *, by_row: bool = False) -> Evaluated:
    """Judge all rules. `by_row`: composites are computed row by row, where that has a meaning."""
    single = list({id(leaf): leaf for rule in ruleset.rules for leaf in leaves(rule)}.values())
    measured = [_rules_of(one, around) for one in ruleset.analyzers]
    parts = _judge([*single, *(rule for rules in measured for rule in rules)], around)
    judged = [_outcome(rule, parts, around, by_row) for rule in ruleset.rules]
    found = {place: [parts[id(rule)] for rule in rules] for place, rules in enumerate(measured)}
    own = {id(rule): parts[id(rule)] for rule in single}
    return Evaluated(rules=judged, parts=own, analyzers=analyzed(ruleset.analyzers, found, around))


def _rules_of(analyzer: Analyzer, around: Around) -> list[Rule]:
    try:
        return rules_of(analyzer, around)
    except RuleFailure:
        # Its reason is told when the results are put together.
        return [Rule(type=analyzer.type, parameters=analyzer.parameters)]


def _judge(rules: list[Rule], around: Around) -> dict[int, Judged]:
    started: list[tuple[Rule, Evaluation, list[Ask]]] = []
    judged: dict[int, Judged] = {}
    for rule in rules:
        name = SAME.get(rule.type, rule.type)
        evaluation = (EVALUATORS.get(name) or ALSO.get(name) or unknown)(rule, around)
        try:
            started.append((rule, evaluation, next(evaluation)))
        except (RuleFailure, HistoryMissing) as failure:
            judged[id(rule)] = _failed(rule, str(failure))
    together = _together([ask for _, _, asked in started for ask in asked], around)
    for rule, evaluation, asked in started:
        judged[id(rule)] = _finish(rule, evaluation, asked, around, alone=not together)
    return judged


def _together(asked: list[Ask], around: Around) -> bool:
    """Measure everything in one pass; no, when something in it cannot be measured."""
    try:
        around.data.measure(asked)
    except EngineRefused:
        raise
    except Exception:  # noqa: BLE001 (one rule's SQL may be wrong; each is then measured alone, and says so itself)
        return False
    return True


def _finish(rule: Rule, evaluation: Evaluation, asked: list[Ask], around: Around, *, alone: bool) -> Judged:
    try:
        values = around.data.measure(asked)
    except EngineRefused:
        raise
    except Exception as error:
        if not alone:
            raise
        return _failed(rule, _uncomputable(error))
    try:
        evaluation.send(values)
    except StopIteration as finished:
        judged: Judged = finished.value
        return judged
    except (RuleFailure, HistoryMissing) as failure:
        return _failed(rule, str(failure))
    except EngineRefused:
        raise
    except Exception as error:  # noqa: BLE001 (as above: what the engine says of the rule's own SQL is its failure)
        return _failed(rule, _uncomputable(error))
    raise AssertionError(f"{rule.type} asked twice")


def _uncomputable(error: Exception) -> str:
    return f"The rule cannot be computed: {str(error).strip().partition(chr(10))[0][:500]}"


def _failed(rule: AnyRule, reason: str) -> Judged:
    return Judged(rule=rule, passed=False, reason=reason)


def _outcome(rule: AnyRule, parts: Mapping[int, Judged], around: Around, by_row: bool) -> Judged:
    if isinstance(rule, Rule):
        return parts[id(rule)]
    if by_row and all(_by_row(leaf, parts[id(leaf)]) for leaf in leaves(rule)):
        return _row_by_row(rule, parts, around)
    members = [_outcome(member, parts, around, by_row) for member in rule.members]
    passed = (all if rule.operator == "AND" else any)(one.passed for one in members)
    reasons = [one.reason for one in members if one.reason]
    return Judged(
        rule=rule,
        passed=passed,
        metrics={name: value for one in members for name, value in one.metrics.items()},
        reason=None if passed else "\n".join(reasons),
        evaluated=_evaluated(rule, members),
    )


def _by_row(rule: Rule, judged: Judged) -> bool:
    name = SAME.get(rule.type, rule.type)
    if name in NEVER_BY_ROW or (rule.threshold is not None and name in NEVER_BY_ROW_WITH_THRESHOLD):
        return False
    return judged.rows is not None


def _row_by_row(rule: Composite, parts: Mapping[int, Judged], around: Around) -> Judged:
    """The composite holds when it holds in every row."""
    own = {id(leaf): parts[id(leaf)] for leaf in leaves(rule)}
    checked = check(around.data.df, own, skipped=False)
    verdict = combined(rule, checked.columns)
    total, failed = checked.df.selectExpr(
        "count(1) as a", f"count(case when {verdict} = 'F' then 1 end) as b"
    ).collect()[0]
    metrics = {name: value for one in own.values() for name, value in one.metrics.items()}
    if not total:
        return Judged(rule=rule, passed=False, metrics=metrics, reason="The data has no rows.")
    share = (total - failed) / total
    reason = None if not failed else UNMET.format(share)
    return Judged(rule=rule, passed=not failed, metrics=metrics, reason=reason)


def _evaluated(rule: Composite, members: list[Judged]) -> AnyRule | None:
    if all(one.evaluated is None for one in members):
        return None
    return replace(rule, members=tuple(one.evaluated or one.rule for one in members))
