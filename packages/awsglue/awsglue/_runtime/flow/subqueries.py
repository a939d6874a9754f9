"""Subqueries of a whole statement: EXISTS, IN, and one value of aggregates. Raises Unknown for what is not known here.

Spark's own rules are kept: IN as a value is never null, and its groups are joined to the rows outside, so no rows make
no group.
"""

from __future__ import annotations

from typing import Any, Protocol

from awsglue._runtime.flow import exact
from awsglue._runtime.flow.exact import Term
from awsglue._runtime.flow.nodes import chooses, only
from awsglue._runtime.flow.scopes import Fields, Query, Scope
from awsglue._runtime.flow.values import Unknown


class Compiles(Protocol):
    """What makes queries and expressions."""

    def select(self, node: Any, outer: Scope | None, tables: dict[str, tuple[str, Fields]]) -> Query:
        """A query within this scope."""

    def term(self, node: Any, scope: Scope) -> Term:
        """An expression."""


def subquery(compiler: Compiles, node: Any, scope: Scope) -> Term:
    """EXISTS, IN (a list too) or a value."""
    from sqlglot import exp

    if scope.aggregating:
        raise Unknown("a subquery within an aggregate")
    if isinstance(node, exp.Exists):
        return _exists(compiler, node, scope)
    if not isinstance(node, exp.In):
        return _value(compiler, node, scope)
    if node.args.get("query") is not None:
        return _among_rows(compiler, node, scope)
    return _among(compiler, node, scope)


def _exists(compiler: Compiles, node: Any, scope: Scope) -> Term:
    from sqlglot import exp

    only(node, "this")
    inner = node.this
    if isinstance(inner, exp.Select) and [type(item) for item in inner.expressions] == [exp.Star]:
        if inner.args.get("group") or inner.args.get("having"):
            raise Unknown("groups within EXISTS")
        only(inner.expressions[0])
        inner = inner.copy()
        inner.set("expressions", [exp.Literal.number(1)])
    query = compiler.select(inner, scope, scope.tables)
    return Term(f"EXISTS ({_of_rows(inner, query)})", "boolean")


def _among(compiler: Compiles, node: Any, scope: Scope) -> Term:
    """IN a list of literals."""
    only(node, "this", "expressions")
    value = compiler.term(node.this, scope)
    choices = [compiler.term(item, scope) for item in node.expressions]
    if not choices or any(choice.literal is None and choice.type != "date" for choice in choices):
        raise Unknown("IN a list of other than literals")
    if {choice.type for choice in choices} == {value.type} and value.type in ("string", "int"):
        return Term(f"({value.sql} IN ({', '.join(choice.sql for choice in choices)}))", "boolean")
    found = [exact.compared("=", value, choice).sql for choice in choices]
    return Term(f"({' OR '.join(found)})", "boolean")


def _among_rows(compiler: Compiles, node: Any, scope: Scope) -> Term:
    """IN a subquery."""
    only(node, "this", "query")
    only(node.args["query"], "this")
    if not chooses(node):
        raise Unknown("IN a subquery as a value")
    inner = node.args["query"].this
    query = _of_one_column(compiler, inner, scope)
    value = compiler.term(node.this, scope)
    if value.type != query.fields[0][1] or value.type == "boolean":
        raise Unknown("IN a subquery of another type")
    return Term(f"({value.sql} IN ({_of_rows(inner, query)}))", "boolean")


def _value(compiler: Compiles, node: Any, scope: Scope) -> Term:
    """The one row of a subquery of aggregates."""
    from sqlglot import exp

    only(node, "this", "query")
    inner = node.this
    query = _of_one_column(compiler, inner, scope)
    if not query.single or (query.correlated and (inner.find(exp.Count) or inner.args.get("having"))):
        raise Unknown("a subquery of several rows")
    return Term(f"({query.sql})", query.fields[0][1])


def _of_one_column(compiler: Compiles, node: Any, scope: Scope) -> Query:
    query = compiler.select(node, scope, scope.tables)
    if len(query.fields) != 1:
        raise Unknown("a subquery of several columns")
    return query


def _of_rows(node: Any, query: Query) -> str:
    """The query in EXISTS or IN."""
    if query.correlated and (query.groupless or node.args.get("having") or node.args.get("group")):
        raise Unknown("groups for each row outside")
    return query.sql
