"""Rules on columns as a whole: completeness, uniqueness, statistics. A table of types at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping

from awsgluedq._evaluation.dataset import Ask, Column, RuleFailure
from awsgluedq._evaluation.judging import (
    EMPTY,
    UNMET,
    Around,
    Evaluation,
    Evaluator,
    Judged,
    RowCheck,
    verdict,
)
from awsgluedq.dqdl import Rule


def column_metric(columns: list[Column], name: str) -> str:
    """How the metric of one or of several columns is called."""
    scope = "Column" if len(columns) == 1 else "Multicolumn"
    return f"{scope}.[{','.join(column.name for column in columns)}].{name}"


def completeness(rule: Rule, around: Around) -> Evaluation:
    """The share of rows that have a value."""
    column = around.data.column(rule.parameters[0])
    present, total = yield [
        Ask(function="count", of=(column.sql,), where=rule.where),
        Ask(function="count", where=rule.where),
    ]
    metric = column_metric([column], "Completeness")
    rows = RowCheck(true_sql=f"{column.sql} is not null", where=rule.where)
    ratio = present / total if total else None
    if rule.condition is None:
        return _whole(rule, metric, ratio, rows)
    return verdict(rule, around, metric, ratio, rows=rows)


def _whole(rule: Rule, metric: str, ratio: float | None, rows: RowCheck) -> Judged:
    if ratio is None:
        return Judged(rule=rule, passed=False, reason=EMPTY.format(metric), rows=rows)
    return Judged(
        rule=rule,
        passed=ratio == 1.0,
        metrics={metric: ratio},
        reason=None if ratio == 1.0 else UNMET.format(ratio),
        rows=rows,
    )


def uniqueness(rule: Rule, around: Around) -> Evaluation:
    """The share of rows whose values no other row has."""
    yield []
    columns = [around.data.column(name) for name in rule.parameters]
    found = around.data.groups(columns, rule.where)
    ratio = found.unique / found.rows if found.rows else None
    metric, rows = column_metric(columns, "Uniqueness"), unique_rows(columns, rule.where)
    if rule.condition is None:
        return _whole(rule, metric, ratio, rows)
    return verdict(rule, around, metric, ratio, rows=rows)


def unique_rows(columns: list[Column], where: str | None, *, complete: bool = False) -> RowCheck:
    """Rows whose values are there and in no other row that is looked at."""
    by = [column.sql for column in columns]
    if where is not None:
        by.append(f"coalesce(({where}), false)")
    joint = " and " if complete else " or "
    present = joint.join(f"{column.sql} is not null" for column in columns)
    return RowCheck(true_sql=f"({present}) and count(1) over (partition by {', '.join(by)}) = 1", where=where)


def primary_key(rule: Rule, around: Around) -> Evaluation:
    """Every row has the key, and no two rows have the same."""
    columns = [around.data.column(name) for name in rule.parameters]
    counted = yield [
        Ask(function="count", where=rule.where),
        *(Ask(function="count", of=(column.sql,), where=rule.where) for column in columns),
    ]
    found = around.data.groups(columns, rule.where)
    total, present = counted[0], counted[1:]
    rows = unique_rows(columns, rule.where, complete=True)
    metric = column_metric(columns, "Uniqueness")
    if not total:
        return Judged(rule=rule, passed=False, reason=EMPTY.format(metric), rows=rows)
    metrics = {metric: found.unique / found.rows if found.rows else 0.0}
    for column, count in zip(columns, present, strict=True):
        metrics[column_metric([column], "Completeness")] = count / total
    short = next((value for value in metrics.values() if value != 1.0), None)
    reason = None if short is None else UNMET.format(short)
    return Judged(rule=rule, passed=short is None, metrics=metrics, reason=reason, rows=rows)


def unique_value_ratio(rule: Rule, around: Around) -> Evaluation:
    """The share of values that one row only has."""
    yield []
    column = around.data.column(rule.parameters[0])
    found = around.data.groups([column], rule.where)
    ratio = found.unique / found.distinct if found.distinct else None
    return verdict(rule, around, column_metric([column], "UniqueValueRatio"), ratio)


def distinct_values(rule: Rule, around: Around) -> Evaluation:
    """How many values there are."""
    yield []
    column = around.data.column(rule.parameters[0])
    found = around.data.groups([column], rule.where)
    return verdict(rule, around, column_metric([column], "DistinctValuesCount"), float(found.distinct))


def duplicate_rows(rule: Rule, around: Around) -> Evaluation:
    """How many rows repeat another one, in some columns or in all."""
    (total,) = yield [Ask(function="count", where=rule.where)]
    named = rule.parameters or tuple(around.data.df.columns)
    columns = [around.data.column(name) for name in named]
    found = around.data.groups(columns, rule.where)
    # Rows that have no value at all are equal to each other, too.
    empty = total - found.rows
    repeated = found.rows - found.distinct + max(empty - 1, 0)
    metric = "Dataset.*.DuplicateRowCount"
    if rule.parameters:
        metric = f"Multicolumn.[{','.join(column.name for column in columns)}].DuplicateRowCount"
    return verdict(rule, around, metric, float(repeated))


def entropy(rule: Rule, around: Around) -> Evaluation:
    """The entropy of the values, with the natural logarithm."""
    yield []
    column = around.data.column(rule.parameters[0])
    found = around.data.groups([column], rule.where)
    return verdict(rule, around, column_metric([column], "Entropy"), found.entropy)


def statistic(function: str, name: str) -> Evaluator:
    """A rule on an aggregate of one column of numbers. In quotes: whose last digit may be the engine's own."""

    def evaluate(rule: Rule, around: Around) -> Evaluation:
        column = around.data.column(rule.parameters[0])
        (number,) = yield [Ask(function=function, of=(column.number(),), where=rule.where)]
        return verdict(rule, around, column_metric([column], name), None if number is None else float(number))

    return evaluate


def correlation(rule: Rule, around: Around) -> Evaluation:
    """Pearson's correlation of two columns."""
    columns = [around.data.column(name) for name in rule.parameters]
    (number,) = yield [
        Ask(function="`corr`", of=tuple(column.number() for column in columns), where=rule.where)
    ]
    undefined = number is None or number != number
    metric = column_metric(columns, "ColumnCorrelation")
    return verdict(rule, around, metric, None if undefined else float(number))


def column_exists(rule: Rule, around: Around) -> Evaluation:
    """The column is there."""
    yield []
    name = rule.parameters[0]
    there = around.data.find(name) is not None
    reason = None if there else f"Input data does not include column {name}!"
    return Judged(rule=rule, passed=there, reason=reason)


def column_names_match(rule: Rule, around: Around) -> Evaluation:
    """Every column's name has the pattern somewhere."""
    yield []
    try:
        pattern = re.compile(rule.parameters[0])
    except re.error as error:
        raise RuleFailure(f"{rule.parameters[0]!r} is no regular expression: {error}") from None
    names = list(around.data.df.columns)
    wrong = [name for name in names if not pattern.search(name)]
    ratio = (len(names) - len(wrong)) / len(names) if names else 0.0
    reason = f"Columns that do not match the pattern: {', '.join(wrong)}" if wrong else None
    metrics = {"Dataset.*.ColumnNamesPatternMatchRatio": ratio}
    return Judged(rule=rule, passed=not wrong and bool(names), metrics=metrics, reason=reason)


COLUMNS: Mapping[str, Evaluator] = {
    "ColumnCorrelation": correlation,
    "ColumnExists": column_exists,
    "ColumnNamesMatchPattern": column_names_match,
    "Completeness": completeness,
    "DistinctValuesCount": distinct_values,
    "DuplicateRowCount": duplicate_rows,
    "Entropy": entropy,
    "IsComplete": completeness,
    "IsPrimaryKey": primary_key,
    "IsUnique": uniqueness,
    "Mean": statistic("avg", "Mean"),
    "StandardDeviation": statistic("`stddev_pop`", "StandardDeviation"),
    "Sum": statistic("sum", "Sum"),
    "UniqueValueRatio": unique_value_ratio,
    "Uniqueness": uniqueness,
    "Variance": statistic("`var_pop`", "Variance"),
}
