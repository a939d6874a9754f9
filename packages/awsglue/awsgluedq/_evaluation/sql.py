"""CustomSql: a statement over views of the sources, judged by its number or by the rows it gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from awsglue._frames.encoding import quote
from awsgluedq._evaluation.dataset import Ask, RuleFailure
from awsgluedq._evaluation.datasets import flag
from awsgluedq._evaluation.judging import EMPTY, UNMET, Around, Evaluation, Judged, RowCheck, verdict
from awsgluedq._evaluation.numbers import holds
from awsgluedq.dqdl import Rule

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

METRIC, ROWS = "Dataset.*.CustomSQL", "Dataset.*.CustomSQL.Compliance"


def custom_sql(rule: Rule, around: Around) -> Evaluation:
    """A statement that gives one number, or the rows that pass."""
    (total,) = yield [Ask(function="count")]
    with views(around):
        if rule.condition is not None:
            return verdict(rule, around, METRIC, _number(_run(around, rule.parameters[0])))
        return _by_rows(rule, around, total)


@contextmanager
def views(around: Around) -> Iterator[None]:
    """`primary`, and each other source under its alias."""
    named = {around.data.name: around.data, **around.others}
    for name, data in named.items():
        data.df.createOrReplaceTempView(name)
    try:
        yield
    finally:
        for name in named:
            around.spark.catalog.dropTempView(name)


def _run(around: Around, statement: str) -> DataFrame:
    from awsglue._runtime.failures import EngineRefused

    try:
        frame = around.spark.sql(statement)
        # Names that are not there are noticed here by engines that answer late.
        frame.schema  # noqa: B018
    except EngineRefused:
        raise
    except Exception as error:  # noqa: BLE001 (a rule's own text: whatever the engine says of it is its failure reason)
        raise RuleFailure(f"The statement cannot be run: {_first_line(error)}") from None
    found: DataFrame = frame
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:500]


def _number(frame: DataFrame) -> float | None:
    if len(frame.columns) != 1:
        raise RuleFailure("The statement has to give one number")
    rows = frame.take(2)
    if len(rows) > 1:
        raise RuleFailure("The statement has to give one number")
    value: Any = rows[0][0] if rows else None
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise RuleFailure(f"The statement has to give one number, not {type(value).__name__}") from None


def _by_rows(rule: Rule, around: Around, total: int) -> Judged:
    try:
        passing = _run(around, rule.parameters[0])
    except RuleFailure as failure:
        return Judged(rule=rule, passed=False, reason=str(failure), rows=RowCheck(true_sql="false"))
    foreign = [name for name in passing.columns if around.data.find(name) is None]
    if foreign or not passing.columns:
        raise RuleFailure(
            f"The statement has to give columns of {around.data.name} only: {', '.join(foreign) or 'it gives none'}"
        )
    mine = [around.data.column(name) for name in passing.columns]
    # By position, as a statement may give a name twice.
    chosen = [f"{quote(name)} as dq_k{i}" for i, name in enumerate(passing.columns)]
    kept = passing.selectExpr(*chosen).distinct()
    flagged = flag(around.data.df, mine, kept, "matched", safe=True)
    passed = flagged.selectExpr("count(case when matched then 1 end)").collect()[0][0]
    rows = RowCheck(mark=lambda df, name: flag(df, mine, kept, name, safe=True))
    if not total:
        return Judged(rule=rule, passed=False, reason=EMPTY.format(ROWS), rows=rows)
    share = passed / total
    good = holds(rule.threshold, share) if rule.threshold is not None else passed == total
    reason = None if good else UNMET.format(share)
    return Judged(rule=rule, passed=good, metrics={ROWS: share}, reason=reason, rows=rows)
