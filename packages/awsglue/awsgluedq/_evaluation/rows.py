"""Row-level outcomes: for every row the rules that it passes, fails, and those that say nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsglue._frames.encoding import literal, quote
from awsgluedq._evaluation.judging import Judged, RowCheck
from awsgluedq.dqdl import AnyRule, Rule, rule_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PASS, FAIL, SKIP = "DataQualityRulesPass", "DataQualityRulesFail", "DataQualityRulesSkip"
RESULT = "DataQualityEvaluationResult"
MARK = "dq_row_check_"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A frame with a column for each check of its rows: 'P', 'F', or 'S' for rows that a check leaves out."""

    df: DataFrame
    columns: Mapping[int, str]


def outcomes(
    df: DataFrame, judged: list[Judged], *, leaf_checks: Mapping[int, Judged], skipped: bool
) -> DataFrame:
    """The rows with the four columns. `skipped`: rows that a where leaves out are skipped, not passed."""
    checked = check(df, leaf_checks, skipped=skipped)
    verdicts = [(rule_text(one.rule), combined(one.rule, checked.columns)) for one in judged]
    known = [(text, sql) for text, sql in verdicts if sql is not None]
    silent = [f"'S' = 'S', {literal(text)}" for text, sql in verdicts if sql is None]
    lists = {
        PASS: _texts([f"{sql} = 'P', {literal(text)}" for text, sql in known]),
        FAIL: _texts([f"{sql} = 'F', {literal(text)}" for text, sql in known]),
        SKIP: _texts([*(f"{sql} = 'S', {literal(text)}" for text, sql in known), *silent]),
    }
    failed = " or ".join(f"{sql} = 'F'" for _, sql in known) or "false"
    made = [f"{sql} as {name}" for name, sql in lists.items()]
    made.append(f"case when {failed} then 'Failed' else 'Passed' end as {RESULT}")
    return checked.df.selectExpr(*(quote(name) for name in df.columns), *made)


def _texts(cases: list[str]) -> str:
    if not cases:
        return "cast(array() as array<string>)"
    members = ", ".join(f"if({case}, null)" for case in cases)
    return f"filter(array({members}), x -> x is not null)"


def check(df: DataFrame, leaf_checks: Mapping[int, Judged], *, skipped: bool) -> Checked:
    """The frame with the verdict of every rule that judges rows, by the rule's identity."""
    expressions: dict[int, str] = {}
    own = list(df.columns)
    for index, (key, one) in enumerate(leaf_checks.items()):
        if one.rows is None:
            continue
        true = one.rows.true_sql
        if one.rows.mark is not None:
            flag = f"{MARK}flag{index}"
            df = one.rows.mark(df, flag)
            true = f"coalesce({flag}, false)"
        expressions[key] = _verdict(one.rows, true, "S" if skipped else "P")
    named = {key: f"{MARK}{i}" for i, key in enumerate(expressions)}
    made = [f"{sql} as {named[key]}" for key, sql in expressions.items()]
    return Checked(df=df.selectExpr(*(quote(name) for name in own), *made), columns=named)


def _verdict(rows: RowCheck, true: str, left_out: str) -> str:
    verdict = f"case when {true} then 'P' else 'F' end"
    if rows.where is None:
        return verdict
    return f"case when coalesce(({rows.where}), false) then {verdict} else '{left_out}' end"


def combined(rule: AnyRule, columns: Mapping[int, str]) -> str | None:
    """The verdict of a rule on a row as SQL; None when a part of it says nothing of rows."""
    if isinstance(rule, Rule):
        return columns.get(id(rule))
    parts = [combined(member, columns) for member in rule.members]
    sql = [part for part in parts if part is not None]
    if len(sql) != len(parts):
        return None
    first, second = ("F", "P") if rule.operator == "AND" else ("P", "F")
    any_first, any_second = (" or ".join(f"{one} = '{letter}'" for one in sql) for letter in (first, second))
    return f"(case when {any_first} then '{first}' when {any_second} then '{second}' else 'S' end)"
