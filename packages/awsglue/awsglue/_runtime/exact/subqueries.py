"""Subqueries of SQL text whose nulls the engine takes otherwise than Spark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime.exact.sql_kinds import kinds_of_node
from awsglue._runtime.failures import EngineRefused


def check(parsed: Any, columns: dict[str, set[str]], tables: dict[str, set[str]]) -> None:
    """Raise EngineRefused for IN where null is not false, and for values that are something where nothing matches.

    Args:
        columns: Kinds of values by column.
        tables: The columns of the tables that are known, by lower-case name.
    """
    from sqlglot import exp

    for node in parsed.find_all(exp.In):
        query = node.args.get("query")
        if query is None:
            continue
        way = list(_way_up(node))
        denied = any(isinstance(each, exp.Not) for each in way)
        shown = query.this.selects if isinstance(query.this, exp.Query) else []
        if denied and any("double" in kinds_of_node(each, columns) for each in (node.this, *shown)):
            raise EngineRefused("NOT IN a subquery of doubles", "NaN would be taken otherwise")
        if denied and (_is_correlated(query, tables) or any(isinstance(each, exp.Or) for each in way)):
            raise EngineRefused(
                "NOT IN a subquery", "beside OR or of the row outside, nulls would be taken otherwise"
            )
        if not isinstance(way[-1], (exp.Where, exp.Having, exp.Coalesce)):
            raise EngineRefused("IN a subquery as a value", "it would be null where Spark says false")
    for query in parsed.find_all(exp.Subquery):
        if isinstance(query.parent, (exp.From, exp.Join, exp.In, exp.Lateral)):
            continue
        inner = query.this
        if (
            isinstance(inner, exp.Select)
            and _is_correlated(query, tables)
            and not _follows_null(inner.expressions)
        ):
            raise EngineRefused("a value of a correlated subquery", "it would be null where nothing matches")


def _way_up(node: Any) -> Iterator[Any]:
    """What stands between a condition and its WHERE or HAVING, which comes last; else up to what is no logic."""
    from sqlglot import exp

    above = node.parent
    while isinstance(above, (exp.And, exp.Or, exp.Not, exp.Paren)):
        yield above
        above = above.parent
    yield above


def _is_correlated(query: Any, tables: dict[str, set[str]]) -> bool:
    """Whether a column's qualifier is none of the query's own relations, or its name none of their columns."""
    from sqlglot import exp

    own = {
        relation.alias_or_name.lower()
        for relation in query.find_all(exp.Table, exp.Subquery, exp.CTE, exp.Lateral)
    }
    columns = list(query.find_all(exp.Column))
    if any(column.table and column.table.lower() not in own for column in columns):
        return True
    read = [table.name.lower() for table in query.find_all(exp.Table)]
    made = query.this.find(
        exp.Subquery, exp.Lateral, exp.CTE, exp.Unnest, exp.Alias, exp.TableAlias, exp.Lambda
    )
    if made is not None or not all(name in tables for name in read):
        return False
    known = set().union(*(tables[name] for name in read)) if read else set()
    return any(not column.table and column.name.lower() not in known for column in columns)


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
