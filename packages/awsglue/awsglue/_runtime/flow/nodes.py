"""Nodes of a parsed statement: what may be in them, and where they stand. Pure."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.flow.values import Unknown

# What the parser notes besides the parts of a node.
_NOTES = frozenset({"big_int", "typed", "safe", "negate"})


def only(node: Any, *parts: str) -> None:
    """Raise Unknown when a node has anything besides these parts."""
    more = [key for key, value in node.args.items() if value and key not in parts and key not in _NOTES]
    if more:
        raise Unknown(f"{type(node).__name__} with {', '.join(more)}")


def aggregates(node: Any) -> bool:
    """Whether an expression is made of aggregates of its own query."""
    from sqlglot import exp

    own = node.find_ancestor(exp.Select)
    return any(found.find_ancestor(exp.Select) is own for found in node.find_all(exp.AggFunc))


def chooses(node: Any) -> bool:
    """Whether only AND, OR and a NOT of its own stand between this and WHERE: elsewhere Spark's IN is never null."""
    from sqlglot import exp

    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    if isinstance(above, exp.Not) and not node.args.get("negate"):
        above = above.parent
    while isinstance(above, (exp.And, exp.Or, exp.Paren)):
        above = above.parent
    return isinstance(above, (exp.Where, exp.Having))
