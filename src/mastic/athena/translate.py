"""A query for the engine: its tables found, its functions checked, its dialect turned into DuckDB's.

Only what is known to mean the same is let through; an unknown function fails by name instead of meaning
something else. Pure functions over trees; owns no state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema

from mastic.athena.dates import sum_of_dates
from mastic.athena.failures import QueryFailure
from mastic.athena.functions import check_functions, function_types, rewritten
from mastic.athena.trees import rewrite_up

Relation = tuple[str, str]  # database, table: folded


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One mention of a catalog table in a query. ``node`` is its place in the tree.

    ``columns`` are the folded names that the query may want of it; None for all.
    """

    node: exp.Table
    database: str
    name: str
    catalog: str
    predicates: tuple[exp.Expr, ...]
    columns: frozenset[str] | None
    as_of: exp.Expr | None

    @property
    def place(self) -> str:
        """``line 1:15: `` where the mention's position is known."""
        line, column = self.node.this.meta.get("line"), self.node.this.meta.get("col")
        return f"line {line}:{column - len(self.name) + 1}: " if line and column else ""


def references(tree: exp.Expr, default_database: str) -> Iterator[Reference]:
    """Every mention of a table that is not a common table expression, with the conjuncts of its WHERE."""
    starred = any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
    wanted = None if starred else frozenset(c.name.lower() for c in tree.find_all(exp.Column))
    for scope in traverse_scope(tree):
        conjuncts = _conjuncts(scope.expression)
        sources = [s for s in scope.sources.values() if isinstance(s, exp.Table)]
        for node in sources:
            parts = [p.name.lower() for p in node.parts]
            name = parts[-1]
            database = parts[-2] if len(parts) > 1 else default_database
            alias = node.alias_or_name
            mine = tuple(c for c in conjuncts if _only_of(c, alias, len(sources) == 1))
            yield Reference(
                node=node,
                database=database,
                name=name,
                catalog=parts[-3] if len(parts) > 2 else "awsdatacatalog",
                predicates=mine,
                columns=wanted,
                as_of=node.args.get("when") or node.args.get("version"),
            )


def _conjuncts(query: exp.Expr) -> list[exp.Expr]:
    where = query.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]


def _only_of(condition: exp.Expr, alias: str, alone: bool) -> bool:
    columns = list(condition.find_all(exp.Column))
    if not columns or condition.find(exp.Query):
        return False
    return all(c.table == alias or (not c.table and alone) for c in columns)


def partition_expression(predicates: tuple[exp.Expr, ...], keys: dict[str, str]) -> str | None:
    """The part of the predicates that GetPartitions understands, as its Expression; None when there is none.

    ``keys`` are the partition keys' names and Hive types. The filter is applied again in the query itself, so
    leaving a condition out costs time and never an answer.
    """
    parts = [text for p in predicates if (text := _condition(p, keys)) is not None]
    return " AND ".join(parts) or None


_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _condition(node: exp.Expr, keys: dict[str, str]) -> str | None:
    node = node.unnest()
    if type(node) in _OPERATORS:
        left, right, operator = node.this, node.expression, _OPERATORS[type(node)]
        if not isinstance(left, exp.Column):
            left, right, operator = right, left, _MIRRORED.get(operator, operator)
        value = _literal(left, right, keys)
        return None if value is None else f"{left.name} {operator} {value}"
    if isinstance(node, exp.In) and isinstance(node.this, exp.Column) and node.expressions:
        values = [_literal(node.this, e, keys) for e in node.expressions]
        return None if None in values else f"{node.this.name} IN ({', '.join(v for v in values if v)})"
    if isinstance(node, exp.Between):
        low = _literal(node.this, node.args["low"], keys)
        high = _literal(node.this, node.args["high"], keys)
        return None if low is None or high is None else f"{node.this.name} BETWEEN {low} AND {high}"
    return None


def _literal(column: exp.Expr, value: exp.Expr, keys: dict[str, str]) -> str | None:
    if not isinstance(column, exp.Column) or column.name.lower() not in keys:
        return None
    kind = keys[column.name.lower()].lower()
    if isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal) and kind in ("date", "timestamp"):
        value = value.this
    if not isinstance(value, exp.Literal):
        return None
    textual = kind == "string" or kind.startswith(("varchar", "char")) or kind in ("date", "timestamp")
    if textual != value.is_string:
        return None
    return "'" + str(value.this).replace("'", "''") + "'" if value.is_string else str(value.this)


def name_columns(tree: exp.Expr) -> None:
    """Give every unnamed output column the name that Athena gives it: ``_col0``, ``_col1`` …"""
    if not isinstance(tree, exp.Query):
        return
    for query in _branches(tree):
        for i, item in enumerate(query.expressions):
            if not isinstance(item, exp.Alias | exp.Column | exp.Star | exp.Dot):
                item.replace(exp.alias_(item.copy(), f"_col{i}"))
        break


def _branches(tree: exp.Expr) -> Iterator[exp.Select]:
    if isinstance(tree, exp.Select):
        yield tree
    elif isinstance(tree, exp.SetOperation):
        yield from _branches(tree.left)
    elif isinstance(tree, exp.Subquery):
        yield from _branches(tree.this)


def output_names(tree: exp.Expr) -> list[str] | None:
    """The output columns' names in the letters in which they were written; None where a star hides them."""
    for query in _branches(tree):
        names = [item.alias_or_name for item in query.expressions]
        return None if any(_is_star(item) for item in query.expressions) else names
    return None


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


# -- dialect ---------------------------------------------------------------------------------------

Schema = dict[str, object]


def to_duckdb(tree: exp.Expr, schema: Schema, default_database: str, source: str = "trino") -> str:
    """The DuckDB text of a query whose tables are all known.

    ``schema`` is relation → column → DuckDB type. Raises QueryFailure for unknown columns, and for
    functions whose meaning here is not proven.
    """
    check_functions(tree)
    # The columns' types are in DuckDB's words.
    known = MappingSchema(schema, dialect="duckdb", normalize=False)
    try:
        typed = qualify(
            tree.transform(_decimal_literal),
            schema=known,
            db=default_database,
            dialect=source,
            # Else what a subquery's star brings is not known around it.
            expand_stars=True,
            quote_identifiers=True,
            identify=True,
        )
        typed = annotate_types(
            typed, schema=known, dialect=source, expression_metadata=function_types(source)
        )
    except OptimizeError as error:
        raise QueryFailure(_semantic(str(error)), kind=1101) from None
    except SqlglotError as error:
        raise QueryFailure(f"SYNTAX_ERROR: {error}") from error
    typed = rewrite_up(typed, _rewrite)
    return typed.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)


def _semantic(message: str) -> str:
    if "could not be resolved" in message:
        name = message.split("'")[1] if "'" in message else message
        return (
            f"COLUMN_NOT_FOUND: Column '{name}' cannot be resolved or requester is not authorized to access "
            "requested resources"
        )
    return f"SYNTAX_ERROR: {message}"


def _decimal_literal(node: exp.Expr) -> exp.Expr:
    """Trino takes ``2.50`` for a decimal(3,2), not for a double."""
    if not (isinstance(node, exp.Literal) and not node.is_string and "." in node.this):
        return node
    if "e" in node.this.lower() or isinstance(node.parent, exp.DataTypeParam | exp.Interval | exp.Limit):
        return node
    whole, _, fraction = node.this.partition(".")
    digits = max(1, len(whole.lstrip("0")) + len(fraction))
    return exp.cast(node.copy(), exp.DataType.build(f"DECIMAL({digits},{len(fraction)})", dialect="duckdb"))


def _rewrite(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Div):
        return _division(node)
    if isinstance(node, exp.Add | exp.Sub):
        return sum_of_dates(node)
    return rewritten(node)


def _division(node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if _is(left, exp.DataType.INTEGER_TYPES) and _is(right, exp.DataType.INTEGER_TYPES):
        return exp.Paren(this=exp.IntDiv(this=left.copy(), expression=right.copy()))
    scale = _decimal_quotient(left, right)
    if scale is not None:
        precision, digits = scale
        target = exp.DataType.build(f"DECIMAL({precision},{digits})", dialect="duckdb")
        quotient = exp.Div(this=exp.cast(left.copy(), "DOUBLE"), expression=exp.Paren(this=right.copy()))
        return exp.Cast(this=quotient, to=target)
    return node


def _decimal_quotient(left: exp.Expr, right: exp.Expr) -> tuple[int, int] | None:
    a, b = _decimal(left), _decimal(right)
    if a is None or b is None or not (_is_decimal(left) or _is_decimal(right)):
        return None
    (p1, s1), (_, s2) = a, b
    return min(38, p1 + s2 + max(0, s2 - s1)), max(s1, s2)


_INTEGER_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}


def _is_decimal(node: exp.Expr) -> bool:
    return node.type is not None and node.type.is_type(exp.DType.DECIMAL)


def _decimal(node: exp.Expr) -> tuple[int, int] | None:
    if node.type is None:
        return None
    if _is_decimal(node):
        parts = [int(e.name) for e in node.type.expressions]
        return (parts[0], parts[1] if len(parts) > 1 else 0) if parts else (38, 0)
    digits = _INTEGER_DIGITS.get(node.type.this.name if isinstance(node.type.this, exp.DType) else "")
    return (digits, 0) if digits else None


def _is(node: exp.Expr, kinds: set[exp.DType]) -> bool:
    return node.type is not None and node.type.is_type(*kinds)
