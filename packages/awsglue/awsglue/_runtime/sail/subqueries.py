"""Subqueries of SQL text whose nulls the engine takes otherwise than Spark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime.failures import EngineRefused


def check(parsed: Any) -> None:
    """Raise EngineRefused for IN where null is not false, and for values that are something where nothing matches."""
    from sqlglot import exp

    for node in parsed.find_all(exp.In):
        query = node.args.get("query")
        if query is None:
            continue
        way = list(_way_up(node))
        denied = any(isinstance(each, exp.Not) for each in way)
        if denied and (_is_correlated(query) or any(isinstance(each, exp.Or) for each in way)):
            raise EngineRefused(
                "NOT IN a subquery", "beside OR or of the row outside, nulls would be taken otherwise"
            )
        if not isinstance(way[-1], (exp.Where, exp.Having, exp.Coalesce)):
            raise EngineRefused("IN a subquery as a value", "it would be null where Spark says false")
    for query in parsed.find_all(exp.Subquery):
        if isinstance(query.parent, (exp.From, exp.Join, exp.In, exp.Lateral)):
            continue
        inner = query.this
        if isinstance(inner, exp.Select) and _is_correlated(query) and not _follows_null(inner.expressions):
            raise EngineRefused("a value of a correlated subquery", "it would be null where nothing matches")


def _way_up(node: Any) -> Iterator[Any]:
    """What stands between a condition and its WHERE or HAVING, which comes last; else up to what is no logic."""
    from sqlglot import exp

    above = node.parent
    while isinstance(above, (exp.And, exp.Or, exp.Not, exp.Paren)):
        yield above
        above = above.parent
    yield above


def _is_correlated(query: Any) -> bool:
    """Whether a column's qualifier is none of the query's own relations."""
    from sqlglot import exp

    own = {
        relation.alias_or_name.lower()
        for relation in query.find_all(exp.Table, exp.Subquery, exp.CTE, exp.Lateral)
    }
    return any(column.table and column.table.lower() not in own for column in query.find_all(exp.Column))


def _follows_null(shown: list[Any]) -> bool:
    """Whether a value is null (of counts: as without rows) when no row matches."""
    from sqlglot import exp

    plain = (exp.Alias, exp.Paren, exp.Binary, exp.Neg, exp.Cast, exp.AggFunc, exp.Literal, exp.Column)
    return all(isinstance(each, plain) for value in shown for each in _above_aggregates(value))


def _above_aggregates(node: Any) -> Iterator[Any]:
    from sqlglot import exp

    yield node
    if not isinstance(node, (exp.AggFunc, exp.Cast, exp.Column)):
        for child in node.iter_expressions():
            if not isinstance(child, exp.Identifier):
                yield from _above_aggregates(child)
    elif isinstance(node, exp.Cast):
        yield from _above_aggregates(node.this)
