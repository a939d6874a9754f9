"""Filters of a plan or of a statement's text as conditions that a database may be asked. What is not a comparison of
a column with constants is left out of an AND, and makes an OR unknown. Pure functions.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import Any

from awsglue._sources.pushdown import (
    OPPOSITE,
    TURNED,
    Among,
    Begins,
    Compared,
    Moment,
    Nothing,
    both,
    day_of,
    either,
)

_COMPARED = {
    "==": "=",
    "=": "=",
    "<=>": "=",
    "!=": "<>",
    "<>": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BARE = re.compile(r"\w+")
UNKNOWN = object()


def of_expression(expression: Any) -> Any:
    """What a filter's condition (a Connect expression) says of columns alone; None is nothing."""
    if expression.HasField("expression_string"):
        return of_text(expression.expression_string.expression)
    return _of(expression, true=True)


def column_of(expression: Any) -> str | None:
    """The column that an expression is, None if it is none of its relation's own."""
    if expression.HasField("expression_string"):
        text = expression.expression_string.expression.strip()
        return text if _BARE.fullmatch(text) and not text[0].isdigit() else _quoted(text)
    if not expression.HasField("unresolved_attribute"):
        return None
    name = expression.unresolved_attribute.unparsed_identifier
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(name: str) -> str | None:
    bare = name[1:-1]
    return bare if len(name) > 2 and name[0] == name[-1] == "`" and "`" not in bare else None


def _of(expression: Any, *, true: bool) -> Any:
    """A condition that holds wherever the expression is true (or, asked so, false)."""
    if expression.HasField("expression_string"):
        return of_text(expression.expression_string.expression) if true else None
    if not expression.HasField("unresolved_function"):
        column = column_of(expression)
        return None if column is None else Compared(column, "=", true)
    function = expression.unresolved_function
    name, given = function.function_name.lower(), list(function.arguments)
    if name in ("and", "or", "&&", "||") and len(given) == 2:
        joined = both if (name in ("and", "&&")) == true else either
        return joined(_of(given[0], true=true), _of(given[1], true=true))
    if name in ("not", "!") and len(given) == 1:
        return _of(given[0], true=not true)
    if name in ("isnull", "isnotnull") and len(given) == 1:
        column = column_of(given[0])
        return None if column is None else Nothing(column, (name == "isnull") == true)
    if name == "startswith" and len(given) == 2 and true:
        column, text = column_of(given[0]), constant(given[1])
        return Begins(column, text) if column is not None and isinstance(text, str) else None
    if name == "in" and given:
        return _among(column_of(given[0]), [constant(one) for one in given[1:]], true)
    if name in _COMPARED and len(given) == 2:
        left, right = column_of(given[0]), column_of(given[1])
        return _compared(
            _COMPARED[name], left, right, lambda: constant(given[1]), lambda: constant(given[0]), name, true
        )
    return None


def _compared(
    operator: str,
    left: str | None,
    right: str | None,
    behind: Callable[[], Any],
    before: Callable[[], Any],
    spelt: str,
    true: bool,
) -> Any:
    if (left is None) == (right is None) or (spelt == "<=>" and not true):
        return None
    value = behind() if left is not None else before()
    if value is UNKNOWN or value is None:
        return None
    operator = operator if left is not None else TURNED[operator]
    return Compared(str(left or right), operator if true else OPPOSITE[operator], value)


def _among(column: str | None, values: list[Any], true: bool) -> Any:
    known = [one for one in values if one is not None]
    if column is None or UNKNOWN in known or not known:
        return None
    if true:
        return Among(column, tuple(known))
    made = None
    for one in known:
        made = both(made, Compared(column, "<>", one))
    return made


def constant(expression: Any) -> Any:
    """The value of a literal; UNKNOWN for whatever else it is."""
    if not expression.HasField("literal"):
        return UNKNOWN
    literal = expression.literal
    kind = literal.WhichOneof("literal_type")
    if kind in ("boolean", "byte", "short", "integer", "long", "string", "double"):
        return getattr(literal, kind)
    if kind == "decimal":
        return Decimal(literal.decimal.value)
    if kind == "date":
        return (_EPOCH + dt.timedelta(days=literal.date)).date()
    if kind == "timestamp":
        return _EPOCH + dt.timedelta(microseconds=literal.timestamp)
    return None if kind == "null" else UNKNOWN


def of_text(text: str) -> Any:
    """What a condition in SQL says of columns alone; None is nothing."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return _of_node(sqlglot.parse_one(text, dialect="spark"), frozenset({""}), true=True)
    except SqlglotError:
        return None


def of_statement(text: str) -> tuple[frozenset[str] | None, Callable[[str], Any]]:
    """(lower-case names that a query mentions, None if it may mean any; its condition on a view by the view's name)."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    def nothing(view: str) -> Any:
        return None

    try:
        tree = sqlglot.parse_one(text, dialect="spark")
    except SqlglotError:
        return None, nothing
    selects = list(tree.find_all(exp.Select))
    unusual = (exp.Pivot, exp.Command, exp.QueryTransform, exp.Merge)
    joins = [one for one in tree.find_all(exp.Join) if str(one.args.get("method") or "").upper() == "NATURAL"]
    stars = [one for one in tree.find_all(exp.Star) if type(one.parent) is not exp.Count]
    tables = list(tree.find_all(exp.Table))
    # Columns that get names by their places: there must be all of them.
    renamed = any(one.args["alias"].columns for one in tables if one.args.get("alias"))
    whole = joins or stars or renamed or tree.find(*unusual)
    if not selects or whole or not all(one.expressions for one in selects):
        return None, nothing
    words = {word.lower() for word in re.findall(r"\w+", text)}
    names = frozenset(words | {one.name.lower() for one in tree.find_all(exp.Identifier)})
    where = tree.args.get("where") if isinstance(tree, exp.Select) else None
    # A lateral view has columns of its own, which may have names of the table's.
    beside = tree.find(exp.Join, exp.TableSample, exp.Lateral)
    alone = len(selects) == 1 and len(tables) == 1 and beside is None
    if where is None or not alone:
        return names, nothing
    own = tables[0]
    found = _of_node(where.this, frozenset({"", own.alias_or_name.lower()}), true=True)
    return names, lambda view: found if view.lower() == own.name.lower() else None


def _of_node(node: Any, called: frozenset[str], *, true: bool) -> Any:
    from sqlglot import exp

    compared = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
    if isinstance(node, exp.Paren):
        return _of_node(node.this, called, true=true)
    if isinstance(node, exp.And | exp.Or):
        joined = both if isinstance(node, exp.And) == true else either
        return reduce(joined, (_of_node(one, called, true=true) for one in node.flatten()))
    if isinstance(node, exp.Not):
        return _of_node(node.this, called, true=not true)
    if isinstance(node, exp.Coalesce) and true and _is_false(node.expressions):
        # As a filter's function in Python is told: null is no.
        return _of_node(node.this, called, true=True)
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        column = _column(node.this, called)
        return None if column is None else Nothing(column, true)
    if isinstance(node, exp.In) and node.expressions:
        return _among(_column(node.this, called), [_constant(one) for one in node.expressions], true)
    if isinstance(node, exp.Between) and true:
        column = _column(node.this, called)
        low, high = _constant(node.args["low"]), _constant(node.args["high"])
        if column is None or UNKNOWN in (low, high) or None in (low, high) or node.args.get("symmetric"):
            return None
        return both(Compared(column, ">=", low), Compared(column, "<=", high))
    if isinstance(node, exp.Like) and true:
        return _prefix(node, called)
    if type(node) in compared:
        left, right = _column(node.left, called), _column(node.right, called)
        return _compared(
            compared[type(node)],
            left,
            right,
            lambda: _constant(node.right),
            lambda: _constant(node.left),
            "",
            true,
        )
    column = _column(node, called)
    return None if column is None else Compared(column, "=", true)


def _prefix(node: Any, called: frozenset[str]) -> Any:
    column, pattern = _column(node.this, called), _constant(node.expression)
    if column is None or not isinstance(pattern, str) or node.args.get("escape"):
        return None
    text = re.split(r"[%_\\]", pattern)[0]
    return Begins(column, text) if text else None


def _is_false(given: list[Any]) -> bool:
    from sqlglot import exp

    return len(given) == 1 and isinstance(given[0], exp.Boolean) and not given[0].this


def _column(node: Any, called: frozenset[str]) -> str | None:
    from sqlglot import exp

    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
        return None
    deep = node.args.get("db") or node.args.get("catalog")
    return str(node.name) if node.table.lower() in called and not deep else None


def _constant(node: Any) -> Any:
    """The value of a literal in SQL, by the type that Spark gives it; UNKNOWN for whatever else it is."""
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _constant(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Neg):
        value = _constant(node.this)
        return -value if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else UNKNOWN
    if isinstance(node, exp.Literal) and node.is_string:
        return node.this
    if isinstance(node, exp.Literal):
        return _number(node.this)
    if isinstance(node, exp.Cast) and type(node) is exp.Cast and isinstance(node.this, exp.Literal):
        return _cast(node.this, node.to.this)
    return UNKNOWN


def _number(text: str) -> Any:
    """A number without a point is whole, with one a decimal, with an exponent a double."""
    try:
        if text.isascii() and text.isdigit():
            return int(text)
        return float(text) if "e" in text.lower() else Decimal(text)
    except (ValueError, InvalidOperation):
        return UNKNOWN


def _cast(literal: Any, kind: Any) -> Any:
    """A typed literal (DATE '…', int(5), double(1.5)); a moment is a text of the session's time zone."""
    from sqlglot import exp

    types, text = exp.DataType.Type, literal.this
    if kind == types.DATE and literal.is_string:
        return day_of(text) or UNKNOWN
    if kind in (types.TIMESTAMP, types.TIMESTAMPLTZ, types.TIMESTAMPTZ) and literal.is_string:
        return Moment(text)
    if kind in (types.BIGINT, types.INT) and not literal.is_string:
        # One that does not fit becomes another number.
        fits = text.isdigit() and int(text) < (2**31 if kind == types.INT else 2**63)
        return int(text) if fits else UNKNOWN
    if kind == types.DOUBLE and not literal.is_string:
        number = _number(text)
        return UNKNOWN if number is UNKNOWN else float(number)
    return UNKNOWN
