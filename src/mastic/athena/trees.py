"""Small pieces for rewriting trees: templates, types, names. Pure functions; owns no state."""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlglot
from sqlglot import exp

Rewrite = Callable[[exp.Expr], exp.Expr]

_PLAIN = (exp.Literal, exp.Column, exp.Paren, exp.Func, exp.Lambda, exp.Bracket, exp.Null, exp.Boolean)


def filled(template: str, *arguments: exp.Expr) -> exp.Expr:
    """A piece of DuckDB's SQL in which ``__0``, ``__1`` … stand for the arguments."""
    tree = sqlglot.parse_one(template, read="duckdb")
    for column in list(tree.find_all(exp.Column)):
        if match := re.fullmatch(r"__(\d)", column.name):
            argument = arguments[int(match[1])].copy()
            column.replace(argument if isinstance(argument, _PLAIN) else exp.Paren(this=argument))
    return exp.Paren(this=tree)


def is_type(node: exp.Expr, name: str) -> bool:
    """Whether the type is known and is this one."""
    return node.type is not None and node.type.is_type(name)


def known(node: exp.Expr) -> bool:
    """Whether the type is known."""
    return node.type is not None and not node.type.is_type("unknown")


def sql_name(node: exp.Expr) -> str:
    """A function's name for messages."""
    return node.sql_name().lower() if isinstance(node, exp.Func) else type(node).__name__.lower()


def rewrite_up(tree: exp.Expr, rewrite: Rewrite) -> exp.Expr:
    """Rewrite every node after its parts; a new node keeps the type of the one in whose place it stands."""
    root = tree
    for node in reversed(list(tree.walk(bfs=True))):
        made = rewrite(node)
        if made is node:
            continue
        made.type = node.type
        if node is root:
            root = made
        else:
            node.replace(made)
    return root
