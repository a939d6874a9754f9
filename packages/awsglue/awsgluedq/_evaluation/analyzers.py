"""Analyzers: the metrics of rules without their judgement, for results that are kept.

An analyzer is evaluated as the rule of its type that holds for whatever there is; AllStatistics stands for several.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from awsglue import gluetypes as g
from awsgluedq._evaluation.dataset import Ask, Column, RuleFailure
from awsgluedq._evaluation.judging import Around, Judged
from awsgluedq.dqdl import Analyzer, Rule, analyzer_text
from awsgluedq.dqdl import model as m

ANY = m.Condition(operator="!=", operands=(m.Keyword(name="NULL"),))
WIDE = m.Condition(operator="between", operands=(m.Number(text="-1e308"), m.Number(text="1e308")))
NUMBERS = ("Entropy", "Mean", "StandardDeviation", "Sum")
BINS = 20


@dataclass(frozen=True, kw_only=True)
class Analyzed:
    """What an analyzer found."""

    analyzer: Analyzer
    metrics: Mapping[str, float]
    distributions: Mapping[str, Any]
    reason: str | None = None


def rules_of(analyzer: Analyzer, around: Around) -> list[Rule]:
    """The rules whose metrics an analyzer is for. Raises RuleFailure."""
    if analyzer.type == "Distribution":
        return []
    if analyzer.type != "AllStatistics":
        return [Rule(type=analyzer.type, parameters=analyzer.parameters, condition=_any(analyzer, around))]
    made = [Rule(type="RowCount", condition=ANY), Rule(type="ColumnCount", condition=ANY)]
    for column in columns_of(analyzer, around):
        made += list(_statistics(column))
    return made


def _any(analyzer: Analyzer, around: Around) -> m.Condition:
    """A condition that holds always, and for which a rule tells both ends of its values."""
    if analyzer.type == "ColumnValues" and not around.data.column(analyzer.parameters[0]).numeric:
        return ANY
    return WIDE if analyzer.type in ("ColumnLength", "ColumnValues") else ANY


def columns_of(analyzer: Analyzer, around: Around) -> list[Column]:
    """The columns that an analyzer names. Raises RuleFailure."""
    name = analyzer.parameters[0] if analyzer.parameters else "AllColumns"
    if name == "AllColumns" and around.data.find(name) is None:
        return [around.data.column(one) for one in around.data.df.columns]
    return [around.data.column(name)]


def _statistics(column: Column) -> Iterator[Rule]:
    kinds = ["Completeness", "Uniqueness"]
    if column.numeric:
        kinds += NUMBERS
        yield Rule(type="Minimum", parameters=(column.name,), condition=ANY)
        yield Rule(type="Maximum", parameters=(column.name,), condition=ANY)
    elif isinstance(column.kind, g.StringType):
        yield Rule(type="ColumnLength", parameters=(column.name,), condition=WIDE)
    for kind in kinds:
        yield Rule(type=kind, parameters=(column.name,), condition=ANY)


def distributions(analyzer: Analyzer, around: Around) -> dict[str, Any]:
    """{metric: {BinEdges, Count}}: numbers in bins of one width, other values the most frequent. Raises RuleFailure."""
    if analyzer.type != "Distribution":
        return {}
    given = analyzer.tags.get("bins", str(BINS))
    if not isinstance(given, str) or not given.isdigit() or not 1 <= int(given) <= BINS:
        raise RuleFailure(f"bins has to be a number from 1 to {BINS}")
    count = int(given)
    return {
        f"Column.[{column.name}].Distribution": (
            _binned(column, count, around) if column.numeric else _frequent(column, count, around)
        )
        for column in columns_of(analyzer, around)
    }


def _binned(column: Column, count: int, around: Around) -> dict[str, Any]:
    number = column.number()
    low, high = around.data.measure([Ask(function=one, of=(number,)) for one in ("min", "max")])
    if low is None:
        return {"BinEdges": [], "Count": []}
    width = (high - low) / count or 1.0
    edges = [low + width * i for i in range(count)] + [low + width * count]
    place = f"least(cast(floor(({number} - {low!r}) / {width!r}) as int), {count - 1})"
    rows = around.data.df.where(f"{column.sql} is not null").selectExpr(f"{place} as place")
    found = {row[0]: row[1] for row in rows.groupBy("place").count().collect()}
    return {"BinEdges": [str(edge) for edge in edges], "Count": [found.get(i, 0) for i in range(count)]}


def _frequent(column: Column, count: int, around: Around) -> dict[str, Any]:
    text = f"cast({column.sql} as string)"
    rows = around.data.df.where(f"{column.sql} is not null").selectExpr(f"{text} as value")
    # Values of equal frequency come in the order of their texts, so that two runs say the same.
    counted = rows.groupBy("value").count().selectExpr("value", "`count` as n")
    top = counted.orderBy(counted["n"].desc(), counted["value"]).limit(count).collect()
    return {"BinEdges": [row[0] for row in top], "Count": [row[1] for row in top]}


def analyzed(
    analyzers: tuple[Analyzer, ...], rules: Mapping[int, list[Judged]], around: Around
) -> list[Analyzed]:
    """What each analyzer found, from its rules (by its place)."""
    made = []
    for place, analyzer in enumerate(analyzers):
        own = rules.get(place, [])
        metrics = {name: value for one in own for name, value in one.metrics.items()}
        try:
            found = distributions(analyzer, around)
            reason = next((one.reason for one in own if not one.metrics and one.reason), None)
        except RuleFailure as failure:
            found, reason = {}, str(failure)
        made.append(Analyzed(analyzer=analyzer, metrics=metrics, distributions=found, reason=reason))
    return made


def shaped(results: list[Analyzed]) -> list[dict[str, Any]]:
    """As the service's API shapes analyzer results."""
    made = []
    for index, one in enumerate(results, 1):
        entry: dict[str, Any] = {"Name": f"Analyzer_{index}", "Description": analyzer_text(one.analyzer)}
        if one.reason:
            entry["EvaluationMessage"] = one.reason
        entry["EvaluatedMetrics"] = dict(one.metrics)
        if one.distributions:
            entry["EvaluatedDistributions"] = dict(one.distributions)
        made.append(entry)
    return made
