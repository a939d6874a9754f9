"""Rules on the values of a column: each row is judged, and so is the column. A table of types at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.casts import cast
from awsglue._frames.encoding import TypeNameError, literal, parse_type
from awsgluedq._evaluation.columns import column_metric
from awsgluedq._evaluation.dataset import Ask, Column, RuleFailure
from awsgluedq._evaluation.judging import EMPTY, UNMET, Around, Evaluation, Evaluator, Judged, RowCheck
from awsgluedq._evaluation.numbers import HOURS, holds, value
from awsgluedq._evaluation.predicates import column_condition
from awsgluedq.dqdl import Condition, Rule
from awsgluedq.dqdl import model as m
from awsgluedq.dqdl.checks import kind_of
from awsgluedq.dqdl.types import NUMBER

LOW, HIGH = (">", ">="), ("<", "<=")
WHOLE = ("byte", "short", "integer", "int", "long")
DATE_FORMATS = (
    "dd-MM-yyyy MM-dd-yyyy yyyy-MM-dd dd/MM/yyyy MM/dd/yyyy yyyy/MM/dd "
    "MM-yyyy yyyy-MM dd-MM MM-dd MM/yyyy yyyy/MM dd/MM MM/dd"
).split()


def column_values(rule: Rule, around: Around) -> Evaluation:
    """The values of a column. Rows without a value fail, but for != and not in."""
    column = around.data.column(rule.parameters[0])
    assert rule.condition is not None
    true = column_condition(rule.condition, column, around.now)
    extremes = column.numeric and kind_of(rule.condition) == NUMBER
    asked = [*_counts(true, rule.where), Ask(function="count", of=(column.sql,), where=rule.where)]
    if extremes:
        number = column.number()
        asked += [Ask(function=which, of=(number,), where=rule.where) for which in ("min", "max")]
    total, passed, present, *ends = yield asked
    names = [column_metric([column], name) for name in ("Minimum", "Maximum")]
    found = dict(zip(names, ends, strict=True)) if extremes else {}
    compliance = column_metric([column], "ColumnValues.Compliance")
    metrics = _shown(rule, found, {compliance: passed / total} if total else {}, names)
    rows = RowCheck(true_sql=true, where=rule.where)
    return _shares(rule, total, passed, metrics, rows, compliance, has_nulls=present < total)


def column_length(rule: Rule, around: Around) -> Evaluation:
    """The lengths of a column's texts; where there is none, the length is 0."""
    column = around.data.column(rule.parameters[0])
    assert rule.condition is not None
    text = column.sql if isinstance(column.kind, g.StringType) else f"cast({column.sql} as string)"
    length = f"length(coalesce({text}, ''))"
    true = column_condition(rule.condition, replace(column, sql=length, kind=g.IntegerType()), around.now)
    ends = [Ask(function=which, of=(length,), where=rule.where) for which in ("min", "max")]
    total, passed, low, high = yield [*_counts(true, rule.where), *ends]
    names = [column_metric([column], name) for name in ("MinimumLength", "MaximumLength")]
    compliance = column_metric([column], "LengthCompliance")
    shown = dict(zip(names, (low, high), strict=True))
    metrics = _shown(rule, shown, {compliance: passed / total} if total else {}, names)
    return _shares(rule, total, passed, metrics, RowCheck(true_sql=true, where=rule.where), compliance)


def _shown(
    rule: Rule, extremes: Mapping[str, Any], share: Mapping[str, float], names: list[str]
) -> dict[str, float]:
    """The metrics that belong to a condition: its end of the values, both ends, or the share that passed."""
    assert rule.condition is not None
    operator, negated = rule.condition.operator, rule.condition.negated
    ends = {name: float(end) for name, end in extremes.items() if end is not None}
    if not ends or operator in ("in", "!=", "matches") or negated:
        return dict(share)
    wanted = names[:1] if operator in LOW else names[1:] if operator in HIGH else names
    made = {name: ends[name] for name in wanted if name in ends}
    return {**made, **share} if rule.threshold is not None else made


def _counts(true: str, where: str | None) -> list[Ask]:
    return [
        Ask(function="count", where=where),
        Ask(function="count", of=(f"case when {true} then 1 end",), where=where),
    ]


def _shares(
    rule: Rule,
    total: int,
    passed: int,
    metrics: Mapping[str, float],
    rows: RowCheck,
    metric: str,
    *,
    has_nulls: bool = False,
    reason: str | None = None,
) -> Judged:
    """The outcome of a rule that all rows have to pass, or the share that its threshold says."""
    if not total:
        return Judged(rule=rule, passed=False, reason=EMPTY.format(metric), rows=rows)
    share = passed / total
    good = holds(rule.threshold, share) if rule.threshold is not None else passed == total
    if good:
        return Judged(rule=rule, passed=True, metrics=metrics, rows=rows)
    if has_nulls and _nulls_fail(rule.condition):
        reason = UNMET.format("NULL")
    said = reason or UNMET.format(_culprit(rule, metrics, share))
    return Judged(rule=rule, passed=False, metrics=metrics, reason=said, rows=rows)


def _culprit(rule: Rule, metrics: Mapping[str, float], share: float) -> float:
    """The end of the values that does not meet the condition; else the share of rows that do."""
    if rule.threshold is not None or rule.condition is None or kind_of(rule.condition) != NUMBER:
        return share
    wrong = (one for name, one in metrics.items() if "imum" in name and not holds(rule.condition, one))
    return next(wrong, share)


def _nulls_fail(condition: Condition | None) -> bool:
    if condition is None:
        return True
    null = any(isinstance(one, m.Keyword) and one.name == "NULL" for one in condition.operands)
    admits = condition.operator == "!=" or (condition.operator == "in" and condition.negated)
    return null if admits else not null


def data_type(rule: Rule, around: Around) -> Evaluation:
    """Whether the values of a column can be taken for a type."""
    column = around.data.column(rule.parameters[0])
    assert rule.condition is not None
    if rule.condition.operator not in ("=", "!="):
        raise RuleFailure("ColumnDataType compares with = and != only")
    (operand,) = rule.condition.operands
    castable = _castable(column, operand, rule)
    true = castable if rule.condition.operator == "=" else f"not {castable}"
    total, passed = yield _counts(true, rule.where)
    metric = column_metric([column], "ColumnDataType.Compliance")
    metrics = {metric: passed / total} if total else {}
    return _shares(rule, total, passed, metrics, RowCheck(true_sql=true, where=rule.where), metric)


def _castable(column: Column, operand: m.Operand, rule: Rule) -> str:
    if not isinstance(operand, m.Text):
        raise RuleFailure("ColumnDataType needs the name of a type")
    name = operand.value.strip().lower()
    known = name in ("boolean", "date", "timestamp", "double", "float", "string", *WHOLE)
    try:
        kind = parse_type("int" if name == "integer" else name)
    except TypeNameError:
        known = False
    if not known and not re.fullmatch(r"decimal\s*\(\s*\d+\s*,\s*\d+\s*\)", name):
        raise RuleFailure(f"{operand.value} is not a data type that ColumnDataType knows")
    given = rule.tags.get("format")
    if given is not None:
        return _of_format(column, name, given)
    source = column.sql
    if isinstance(column.kind, g.StringType) and name in WHOLE:
        # A number with a fraction can be taken for a whole one: the fraction is cut off.
        source = f"regexp_replace(trim({source}), {literal(r'^([+-]?[0-9]+)[.][0-9]*$')}, '$1')"
    return f"({cast(source, column.kind, kind)} is not null)"


def _of_format(column: Column, name: str, pattern: str | tuple[str, ...]) -> str:
    if name != "date" or pattern not in DATE_FORMATS:
        raise RuleFailure(f"format {pattern} is none of those that ColumnDataType knows for dates")
    assert isinstance(pattern, str)
    digits = pattern.replace("yyyy", "[0-9]{4}").replace("MM", "[0-9]{2}").replace("dd", "[0-9]{2}")
    text = f"cast({column.sql} as string)"
    # Taken apart by place: engines differ in what they let a date's pattern read.
    parts = {letter: pattern.find(letter) for letter in ("yyyy", "MM", "dd")}
    piece = {
        letter: f"substring({text}, {at + 1}, {len(letter)})"
        if at >= 0
        else "'2000'"
        if letter == "yyyy"
        else "'01'"
        for letter, at in parts.items()
    }
    joined = f"concat({piece['yyyy']}, '-', {piece['MM']}, '-', {piece['dd']})"
    fits = f"coalesce({text} rlike {literal(f'^{digits}$')}, false)"
    return f"(case when {fits} then try_cast({joined} as date) is not null else false end)"


def freshness(rule: Rule, around: Around) -> Evaluation:
    """The ages of a column's times."""
    column = around.data.column(rule.parameters[0])
    assert rule.condition is not None
    hours = m.Condition(
        operator=rule.condition.operator,
        negated=rule.condition.negated,
        operands=tuple(m.Number(text=repr(round(value(one, HOURS), 4))) for one in rule.condition.operands),
    )
    moment = f"cast({_timestamp(column)} as double)"
    age = f"round(({around.now.timestamp()!r} - {moment}) / 3600, 2)"
    true = column_condition(hours, replace(column, sql=age, kind=g.DoubleType()), around.now)
    total, passed = yield _counts(true, rule.where)
    metric = column_metric([column], "DataFreshness.Compliance")
    share = passed / total if total else 0.0
    reason = f"{share:.2%} of rows passed the threshold"
    rows = RowCheck(true_sql=true, where=rule.where)
    return _shares(rule, total, passed, {metric: share}, rows, metric, reason=reason)


def _timestamp(column: Column) -> str:
    if isinstance(column.kind, g.TimestampType):
        return column.sql
    if isinstance(column.kind, g.DateType | g.TimestampNTZType):
        return f"cast({column.sql} as timestamp)"
    if isinstance(column.kind, g.StringType):
        return f"try_cast({column.sql} as timestamp)"
    raise RuleFailure(f"Column {column.name} holds no times")


VALUES: Mapping[str, Evaluator] = {
    "ColumnDataType": data_type,
    "ColumnLength": column_length,
    "ColumnValues": column_values,
    "DataFreshness": freshness,
}
