"""Which kinds of values columns and expressions of SQL text are made of: rather too many than one too few. No state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DECIMALS = {"decimal", "wide decimal"}


def columns_of(fields: list[tuple[str, str]], parsed: Any) -> dict[str, set[str]]:
    """Type kinds of column names: of the sources, then of aliases in the statement itself."""
    from sqlglot import exp

    columns: dict[str, set[str]] = {}
    for name, kind in fields:
        columns.setdefault(name, set()).update(kinds_of(kind))
    # The innermost first: the others are made of them.
    for alias in reversed(list(parsed.find_all(exp.Alias))):
        name, kinds = alias.alias.lower(), kinds_of_node(alias.this, columns)
        columns[name] = columns[name] | kinds & DECIMALS if name in columns else kinds
    for name, expression in _positional(parsed):
        columns.setdefault(name, set()).update(kinds_of_node(expression, columns) & DECIMALS)
    return columns


def _positional(parsed: Any) -> Iterator[tuple[str, Any]]:
    """(name, expression) of columns that have their names by their position: in lists of names, and in unions."""
    from sqlglot import exp

    for table in parsed.find_all(exp.TableAlias):
        query = table.parent.this if table.parent else None
        if isinstance(query, exp.Query):
            for column, expression in zip(table.columns, query.selects, strict=False):
                yield column.name.lower(), expression
    for union in parsed.find_all(exp.SetOperation):
        for branch in (union.this, union.expression):
            if isinstance(branch, exp.Query):
                for name, expression in zip(union.named_selects, branch.selects, strict=False):
                    yield name.lower(), expression


def kinds_of(name: str) -> set[str]:
    """The kind of a type; decimals of more than 18 digits are "wide decimal" too."""
    kind = _kind(name)
    digits = name.partition("(")[2].split(",")[0].strip(" )")
    return {kind, "wide decimal"} if kind == "decimal" and digits.isdigit() and int(digits) > 18 else {kind}


def _kind(name: str) -> str:
    bare = name.split("(")[0].split("<")[0]
    if bare in ("tinyint", "smallint", "int", "bigint", "boolean"):
        return "int"
    return "double" if bare == "float" else bare


def direct_kinds(node: Any, columns: dict[str, set[str]]) -> set[str]:
    """Kinds of a node's own operands, where they are columns, literals, casts or arithmetic."""
    from sqlglot import exp

    found: set[str] = set()
    operands = node.expressions if isinstance(node, (exp.Concat, exp.ConcatWs)) else [node.this]
    if isinstance(node, exp.DPipe):
        operands = [node.this, node.expression]
    for each in operands:
        found |= kinds_of_node(each, columns)
    return found


def kinds_of_node(node: Any, columns: dict[str, set[str]]) -> set[str]:
    """The kinds of values an expression is made of."""
    from sqlglot import exp

    if isinstance(node, exp.Column):
        return columns.get(node.name.lower(), set())
    if isinstance(node, exp.Literal):
        if node.is_string:
            return {"string"}
        text = str(node.this).lower()
        return {"double"} if "e" in text or text.endswith("d") else {"decimal"} if "." in text else {"int"}
    if isinstance(node, (exp.Cast, exp.TryCast)):
        return kinds_of(node.to.sql("spark").lower())
    if isinstance(node, exp.Sum):
        inner = kinds_of_node(node.this, columns)
        return inner | {"wide decimal"} if "decimal" in inner else inner
    if isinstance(node, (exp.Count, exp.Predicate, exp.Connector, exp.Not)):
        return {"int"}
    if isinstance(node, (exp.Case, exp.If)):
        return set().union(*[kinds_of_node(item, columns) for item in branches(node)])
    if isinstance(node, (exp.Length, exp.DateDiff, exp.Year, exp.Month, exp.Day)):
        return {"int"}
    if isinstance(node, exp.Div):
        inner = set().union(*[kinds_of_node(item, columns) for item in (node.this, node.expression)])
        return inner if inner & {"decimal"} else {"double"}
    found: set[str] = set()
    for child in node.iter_expressions():
        if isinstance(child, exp.Expression) and not isinstance(
            child, (exp.Identifier, exp.DataType, exp.Window)
        ):
            found |= kinds_of_node(child, columns)
    return found


def branches(node: Any) -> list[Any]:
    """The values that a CASE or an if() can have."""
    values = [each.args.get("true") for each in node.args.get("ifs") or ()]
    values += [node.args.get(name) for name in ("true", "false", "default")]
    return [value for value in values if value is not None]
