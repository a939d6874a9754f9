"""``?`` in a query and the values for it. Pure functions."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType

from mastic.athena.failures import QueryFailure
from mastic.athena.statements import Statement, classify, parse
from mastic.errors import ServiceError


def bind(statement: Statement, values: list[str]) -> Statement:
    """Put values, written as SQL literals, in the places of the question marks, in order."""
    text = statement.text
    marks = [t for t in sqlglot.tokenize(text, read="athena") if t.token_type is TokenType.PLACEHOLDER]
    if len(marks) != len(values):
        raise QueryFailure(
            f"SYNTAX_ERROR: Incorrect number of parameters: expected {len(marks)} but found {len(values)}"
        )
    for mark, value in reversed(list(zip(marks, values, strict=True))):
        text = f"{text[: mark.start]}{_checked(value)}{text[mark.end + 1 :]}"
    return classify(text)


def _checked(text: str) -> str:
    """The text, when it is one literal and nothing else."""
    try:
        select = parse(f"SELECT {text}")
    except ServiceError as error:
        raise QueryFailure(f"SYNTAX_ERROR: parameter {text!r}: {error.message}") from None
    value = select.expressions[0] if isinstance(select, exp.Select) and len(select.expressions) == 1 else None
    alone = isinstance(select, exp.Select) and not any(
        select.args.get(k) for k in ("from", "from_", "where", "limit")
    )
    if value is None or not alone or value.find(exp.Column, exp.Query, exp.Table):
        raise QueryFailure(f"SYNTAX_ERROR: parameter {text!r} is not a literal; text needs single quotes")
    return text
