"""Rules on the data as a whole, and against other data. A table of types at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from awsgluedq._evaluation.dataset import Ask, Column, Dataset, RuleFailure
from awsgluedq._evaluation.judging import Around, Evaluation, Evaluator, RowCheck, verdict
from awsgluedq.dqdl import Rule

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_AGGREGATE = re.compile(r"\s*(sum|avg)\s*\(\s*(.+?)\s*\)\s*", re.IGNORECASE)
_REFERENCE = re.compile(r"(?P<alias>.+?)\.(?:\{(?P<many>[^}]*)\}|(?P<one>[^.]+))")


def row_count(rule: Rule, around: Around) -> Evaluation:
    """How many rows there are."""
    (total,) = yield [Ask(function="count", where=rule.where)]
    return verdict(rule, around, "Dataset.*.RowCount", float(total))


def column_count(rule: Rule, around: Around) -> Evaluation:
    """How many columns there are."""
    yield []
    return verdict(rule, around, "Dataset.*.ColumnCount", float(len(around.data.df.columns)))


def other(around: Around, alias: str) -> Dataset:
    """Another source, by its alias. Raises RuleFailure."""
    if alias not in around.others:
        raise RuleFailure(f"{alias} not found in additional sources")
    return around.others[alias]


def row_count_match(rule: Rule, around: Around) -> Evaluation:
    """The rows, as a share of those of another source."""
    alias = rule.parameters[0]
    (total,) = yield [Ask(function="count")]
    (reference,) = other(around, alias).measure([Ask(function="count")])
    ratio = total / reference if reference else 1.0 if not total else 0.0
    return verdict(rule, around, f"Dataset.[{alias}].RowCountMatch", ratio)


def schema_match(rule: Rule, around: Around) -> Evaluation:
    """The columns that are the same in another source, in name and type; none when there are more or fewer."""
    yield []
    alias = rule.parameters[0]
    mine, theirs = (
        {field.name.lower(): field.dataType.simpleString() for field in one.df.schema.fields}
        for one in (around.data, other(around, alias))
    )
    same = sum(theirs.get(name) == kind for name, kind in mine.items())
    ratio = same / len(mine) if mine and len(mine) == len(theirs) else 0.0
    return verdict(rule, around, f"Dataset.[{alias}].SchemaMatch", ratio)


def aggregate_match(rule: Rule, around: Around) -> Evaluation:
    """The quotient of two sums or averages, each of this or another source."""
    yield []
    sides = [_aggregate(around, text) for text in rule.parameters]
    values = [data.measure([ask])[0] for data, ask, _ in sides]
    names = list(dict.fromkeys(name for _, _, name in sides))
    if any(one is None for one in values):
        ratio = None
    else:
        first, second = (float(one) for one in values)
        ratio = first / second if second else 1.0 if not first else 0.0
    return verdict(rule, around, f"Column.[{','.join(names)}].AggregateMatch", ratio)


def _aggregate(around: Around, text: str) -> tuple[Dataset, Ask, str]:
    found = _AGGREGATE.fullmatch(text)
    if not found:
        raise RuleFailure(f"{text!r} is no aggregate: sum(column) or avg(column) of a source is needed")
    name = found.group(2)
    data = around.data
    if data.find(name) is None:
        # `alias.column`; an alias may have dots of its own.
        alias = next((one for one in around.others if name.startswith(f"{one}.")), None)
        if alias is None and name.startswith(f"{data.name}."):
            alias = data.name
        elif alias is None and "." in name:
            raise RuleFailure(f"{name.rpartition('.')[0]} not found in additional sources")
        if alias is not None:
            data, name = around.others.get(alias, data), name[len(alias) + 1 :]
    column = data.column(name)
    return data, Ask(function=found.group(1).lower(), of=(column.number(),)), column.name


def referential_integrity(rule: Rule, around: Around) -> Evaluation:
    """The share of rows whose key another source has."""
    (total,) = yield [Ask(function="count")]
    given, reference = rule.parameters
    found = _REFERENCE.fullmatch(reference.strip())
    if not found:
        raise RuleFailure(f"{reference!r} names no columns of a source: alias.column or alias.{{column,…}}")
    alias = found.group("alias")
    theirs = other(around, alias)
    mine = [around.data.column(name.strip()) for name in given.split(",")]
    keys = [theirs.column(name.strip()) for name in (found.group("many") or found.group("one")).split(",")]
    if len(mine) != len(keys):
        raise RuleFailure(f"{len(mine)} columns cannot be matched with {len(keys)}")
    flagged = flag(around.data.df, mine, _keys(theirs, keys), "matched")
    metric = f"Column.[{alias}].ReferentialIntegrity"
    present = flagged.selectExpr("count(case when matched then 1 end)").collect()[0][0]
    rows = RowCheck(mark=lambda df, name: flag(df, mine, _keys(theirs, keys), name))
    return verdict(rule, around, metric, present / total if total else None, rows=rows)


def _keys(data: Dataset, columns: list[Column]) -> DataFrame:
    df = data.df.selectExpr(*(f"{column.sql} as dq_k{i}" for i, column in enumerate(columns)))
    return df.where(" and ".join(f"dq_k{i} is not null" for i in range(len(columns)))).distinct()


def flag(df: DataFrame, mine: list[Column], keys: DataFrame, name: str, safe: bool = False) -> DataFrame:
    """The rows with a column that is true where the other side has their key. Keys are there once only."""
    from pyspark.sql import functions as f

    equal = "<=>" if safe else "="
    marked = keys.selectExpr("*", f"true as {name}")
    condition = " and ".join(f"{column.sql} {equal} dq_k{i}" for i, column in enumerate(mine))
    joined = df.join(marked, f.expr(condition), "left")
    return joined.drop(*keys.columns)


def dataset_match(rule: Rule, around: Around) -> Evaluation:
    """The share of rows that another source has the same of, found by their keys."""
    (total,) = yield [Ask(function="count")]
    alias = rule.parameters[0]
    theirs = other(around, alias)
    keys = _mapping(around.data, theirs, rule.parameters[1])
    named = {mine.name for mine, _ in keys}
    if len(rule.parameters) > 2:
        matched = _mapping(around.data, theirs, rule.parameters[2])
    else:
        rest = [name for name in around.data.df.columns if name not in named]
        matched = [(around.data.column(name), theirs.column(name)) for name in rest]
    for data, columns in ((around.data, [one for one, _ in keys]), (theirs, [one for _, one in keys])):
        _demand_key(data, columns)
    mine = [one for one, _ in (*keys, *matched)]
    columns = [one for _, one in (*keys, *matched)]
    rows = theirs.df.selectExpr(*(f"{column.sql} as dq_k{i}" for i, column in enumerate(columns)))
    flagged = flag(around.data.df, mine, rows, "matched", safe=True)
    same = flagged.selectExpr("count(case when matched then 1 end)").collect()[0][0]
    check = RowCheck(mark=lambda df, name: flag(df, mine, rows, name, safe=True))
    metric = f"Dataset.[{alias}].DatasetMatch"
    return verdict(rule, around, metric, same / total if total else None, rows=check)


def _demand_key(data: Dataset, columns: list[Column]) -> None:
    (total,) = data.measure([Ask(function="count")])
    present = data.measure([Ask(function="count", of=(column.sql,)) for column in columns])
    if any(count != total for count in present) or data.groups(columns, None).unique != total:
        raise RuleFailure("Provided key map not suitable for given data frames")


def _mapping(mine: Dataset, theirs: Dataset, text: str) -> list[tuple[Column, Column]]:
    made = []
    for pair in text.split(","):
        first, arrow, second = (one.strip() for one in pair.partition("->"))
        made.append((mine.column(first), theirs.column(second if arrow else first)))
    return made


DATASETS: Mapping[str, Evaluator] = {
    "AggregateMatch": aggregate_match,
    "ColumnCount": column_count,
    "DatasetMatch": dataset_match,
    "ReferentialIntegrity": referential_integrity,
    "RowCount": row_count,
    "RowCountMatch": row_count_match,
    "SchemaMatch": schema_match,
}
