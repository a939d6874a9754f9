"""Conditions on the value of a column, as SQL that is true or false for every row and never null."""

from __future__ import annotations

import datetime as dt
import re

from awsglue import gluetypes as g
from awsglue._frames.encoding import literal
from awsgluedq._evaluation.dataset import Column, RuleFailure
from awsgluedq._evaluation.numbers import value
from awsgluedq.dqdl import model as m
from awsgluedq.dqdl.checks import kind_of
from awsgluedq.dqdl.types import DATE, NUMBER

_TIMES = (g.DateType, g.TimestampType, g.TimestampNTZType)


def column_condition(condition: m.Condition, column: Column, now: dt.datetime) -> str:
    """Whether a column's value meets a condition. Raises RuleFailure."""
    kind = kind_of(condition)
    if condition.operator == "matches":
        return _matches(condition, column)
    keywords = [one.name for one in condition.operands if isinstance(one, m.Keyword)]
    plain = [one for one in condition.operands if not isinstance(one, m.Keyword)]
    if kind == NUMBER or (kind == "any" and column.numeric):
        expression = _number(column, condition)
        texts = [_number_text(one) for one in plain]
    elif kind == DATE and not isinstance(column.kind, g.StringType):
        expression = f"cast({column.sql} as timestamp)"
        texts = [_instant(one, column, now) for one in plain]
    elif kind == DATE and condition.operator not in ("=", "!=", "in"):
        expression = f"try_cast({column.sql} as timestamp)"
        texts = [_instant(one, column, now) for one in plain]
    else:
        expression = column.sql if isinstance(column.kind, g.StringType) else f"cast({column.sql} as string)"
        texts = [_text(one) for one in plain]
    return _compared(condition, column.sql, expression, texts, keywords)


def _number(column: Column, condition: m.Condition) -> str:
    if column.numeric:
        return column.sql
    if condition.operator in (">", ">=", "<", "<=", "=") or not isinstance(column.kind, g.StringType):
        column.number()  # says which types have an order of numbers
    return f"try_cast({column.sql} as double)"


def _compared(
    condition: m.Condition, raw: str, expression: str, operands: list[str], keywords: list[str]
) -> str:
    """`raw` is what may be null; `expression` what is compared with `operands`."""
    special = [_keyword(name, raw) for name in keywords]
    operator = condition.operator
    if operator == "between":
        low, high = operands
        inside = f"coalesce({expression} > {low} and {expression} < {high}, false)"
        return f"({raw} is not null and not {inside})" if condition.negated else inside
    found = [f"coalesce({expression} in ({', '.join(operands)}), false)"] if operands else []
    if operator == "in":
        one_of = " or ".join([*found, *special]) or "false"
        return f"(not ({one_of}))" if condition.negated else f"({one_of})"
    if operator in ("=", "!="):
        one_of = " or ".join([*found, *special])
        return f"(not ({one_of}))" if operator == "!=" else f"({one_of})"
    if special:
        raise RuleFailure(f"{keywords[0]} has no order: {operator} does not go with it")
    return f"coalesce({expression} {operator} {operands[0]}, false)"


def _keyword(name: str, raw: str) -> str:
    if name == "NULL":
        return f"{raw} is null"
    text = f"cast({raw} as string)"
    if name == "EMPTY":
        return f"coalesce({text} = '', false)"
    return f"coalesce(length({text}) > 0 and trim({text}) = '', false)"


def _matches(condition: m.Condition, column: Column) -> str:
    (operand,) = condition.operands
    assert isinstance(operand, m.Text)
    try:
        re.compile(operand.value)
    except re.error as error:
        raise RuleFailure(f"{operand.value!r} is no regular expression: {error}") from None
    text = column.sql if isinstance(column.kind, g.StringType) else f"cast({column.sql} as string)"
    found = f"({text} rlike {literal(f'^(?:{operand.value})$')})"
    return f"coalesce({'not ' if condition.negated else ''}{found}, false)"


def _number_text(operand: m.Operand) -> str:
    if isinstance(operand, m.Number):
        return operand.text
    number = value(operand)
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def _text(operand: m.Operand) -> str:
    if not isinstance(operand, m.Text):
        raise RuleFailure("the condition needs a text")
    return literal(operand.value)


def _instant(operand: m.Operand, column: Column, now: dt.datetime) -> str:
    moment = instant(operand, now)
    if moment is None:
        raise RuleFailure(f"a time of day cannot be compared with column {column.name}")
    return f"timestamp'{moment:%Y-%m-%d %H:%M:%S.%f}'"


def instant(operand: m.Operand, now: dt.datetime) -> dt.datetime | None:
    """The point in time that an operand names; None for a time of day. Raises RuleFailure."""
    match operand:
        case m.Parens(inner=inner):
            return instant(inner, now)
        case m.Call(name="now"):
            return now
        case m.Text(value=text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            try:
                return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=now.tzinfo)
            except ValueError as error:
                raise RuleFailure(f"{text!r} is no date: {error}") from None
        case m.Text():
            return None
        case m.Binary(operator="+" | "-" as sign, left=left, right=m.Number(text=number, unit=unit)):
            start = instant(left, now)
            span = dt.timedelta(**{unit: float(number)})
            return None if start is None else start + span if sign == "+" else start - span
        case _:
            raise RuleFailure("the condition needs a date")
