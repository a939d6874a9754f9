"""Which of a query's conditions let PyIceberg leave files out. Pure functions; owns no state.

The query applies all its conditions again, so a condition that is left out costs time and never an answer. Hence
only conditions are taken whose meaning leaves no doubt: a plain column of the table beside literals of its type.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}


def pruning(predicates: tuple[exp.Expr, ...], schema: Any) -> Any:
    """A PyIceberg expression that holds for every row that the predicates want; None when nothing is known."""
    from pyiceberg.expressions import And

    found: Any = None
    for predicate in predicates:
        made = _condition(predicate.unnest(), schema)
        if made is not None:
            found = made if found is None else And(found, made)
    return found


def _condition(node: exp.Expr, schema: Any) -> Any:
    import pyiceberg.expressions

    ice: Any = pyiceberg.expressions

    operators: dict[type[exp.Expr], Callable[..., Any]] = {
        exp.EQ: ice.EqualTo,
        exp.LT: ice.LessThan,
        exp.LTE: ice.LessThanOrEqual,
        exp.GT: ice.GreaterThan,
        exp.GTE: ice.GreaterThanOrEqual,
    }
    kind = type(node)
    if kind in operators:
        left, right = node.this, node.expression
        if not isinstance(left, exp.Column):
            left, right, kind = right, left, _MIRRORED[kind]
        field = _field(left, schema)
        value = None if field is None else _value(right, field.field_type)
        return None if value is None else operators[kind](field.name, value)
    if isinstance(node, exp.Between) and not node.args.get("symmetric"):
        field = _field(node.this, schema)
        if field is None:
            return None
        low, high = (_value(node.args[k], field.field_type) for k in ("low", "high"))
        if low is None or high is None:
            return None
        return ice.And(ice.GreaterThanOrEqual(field.name, low), ice.LessThanOrEqual(field.name, high))
    if isinstance(node, exp.In) and node.expressions:
        field = _field(node.this, schema)
        values = [] if field is None else [_value(e, field.field_type) for e in node.expressions]
        return ice.In(field.name, values) if values and None not in values else None
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        # Behind an outer join NULL may stand for a row that was not found: leaving out rows would make more of them.
        query = node.find_ancestor(exp.Select)
        if query is None or query.args.get("joins"):
            return None
        field = _field(node.this, schema)
        return None if field is None else ice.IsNull(field.name)
    return None


def _field(node: exp.Expr, schema: Any) -> Any:
    """The table's top-level field, None for anything else and for names that differ in letter case alone."""
    if not isinstance(node, exp.Column):
        return None
    found = [f for f in schema.fields if f.name.lower() == node.name.lower()]
    return found[0] if len(found) == 1 else None


def _value(node: exp.Expr, kind: Any) -> Any:
    """The literal as a value of the field's type; None when it is not one without doubt."""
    name = str(kind)
    cast = None
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        node, cast = node.this, node.args["to"]
    negative = isinstance(node, exp.Neg)
    node = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(node, exp.Literal):
        return None
    text = str(node.this)
    if node.is_string:
        return _text_value(text, name, cast) if not negative else None
    if cast is not None:
        return None
    number = Decimal(text) * (-1 if negative else 1)
    if name in ("int", "long") and number == number.to_integral_value():
        return int(number) if abs(number) < (2**31 if name == "int" else 2**63) else None
    if name.startswith("decimal"):
        scale = int(name.rstrip(")").split(",")[1])
        exponent = number.as_tuple().exponent
        fits = isinstance(exponent, int) and -exponent <= scale
        return number.quantize(Decimal(1).scaleb(-scale)) if fits else None
    return None


def _text_value(text: str, name: str, cast: exp.DataType | None) -> Any:
    try:
        if name == "string" and cast is None:
            return text
        if name == "date" and cast is not None and cast.is_type("date"):
            return date.fromisoformat(text).isoformat()
        if name == "timestamp" and cast is not None and cast.is_type("timestamp", "timestampntz"):
            moment = datetime.fromisoformat(text)
            return moment.isoformat() if moment.tzinfo is None else None
    except ValueError:
        # Not a value in the form that is certain; the query itself judges it.
        return None
    return None
