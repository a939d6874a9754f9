"""The names that Spark gives columns without an alias in plans of the DataFrame API. Owns no state.

"" stands for a name that the engine gives as Spark does, or that takes more than the expression to know.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from awsglue._runtime.exact import column_names
from awsglue._runtime.exact.name_rules import SIGNS, call, frame_of
from awsglue._runtime.failures import EngineRefused

REMEMBERED = 4096
_GENERATORS = ("explode", "posexplode", "inline", "stack", "json_tuple")
_BINARY = frozenset("+ - * / % = == < > <= >= <=> and or & | ^".split())


def name_of(expression: Any) -> str:
    """The name of a column that an expression becomes. Raises EngineRefused where the engine's would differ."""
    if expression.HasField("expression_string"):
        return _of_text(expression.expression_string.expression)
    if expression.HasField("cast"):
        inner = expression.cast.expr
        return _last(inner) if inner.HasField("unresolved_attribute") else ""
    if expression.HasField("window"):
        shown = _window(expression.window)
        if shown is None:
            raise EngineRefused("a column of a window without a name", "give it one with alias()")
        return shown
    if expression.HasField("unresolved_function"):
        shown = _shown(expression)
        if shown is None and b"lambda" in expression.SerializeToString():
            raise EngineRefused(
                "a column of a function of functions without a name", "give it one with alias()"
            )
        return shown or ""
    return ""


# Every analysis of a plan looks at all of its expressions again.
@lru_cache(maxsize=REMEMBERED)
def _of_text(text: str) -> str:
    bare = text.strip().lower()
    if bare.startswith(_GENERATORS):
        return ""
    try:
        name = column_names.name_of(text)
    except column_names.Unnamed:
        raise EngineRefused(f"the column {text[:60]!r} without a name", "give it one with AS") from None
    return "" if name.own else str(name)


def _last(expression: Any) -> str:
    identifier = expression.unresolved_attribute.unparsed_identifier
    return str(identifier.replace("`", "").split(".")[-1]) if "``" not in identifier else ""


def _shown(expression: Any) -> str | None:
    """What Spark shows of an expression; None when that is not known."""
    kind = expression.WhichOneof("expr_type")
    if kind == "unresolved_attribute":
        return _last(expression) or None
    if kind == "literal":
        return _literal(expression.literal)
    if kind == "unresolved_function":
        return _function(expression.unresolved_function)
    if kind == "window":
        return _window(expression.window)
    if kind == "unresolved_named_lambda_variable":
        return "namedlambdavariable()"
    if kind == "lambda_function":
        body = _shown(expression.lambda_function.function)
        variables = ", ".join("namedlambdavariable()" for _ in expression.lambda_function.arguments)
        return None if body is None else f"lambdafunction({body}, {variables})"
    if kind == "unresolved_star":
        return "1"
    return None


def _literal(literal: Any) -> str | None:
    kind = literal.WhichOneof("literal_type")
    if kind == "null":
        return "NULL"
    if kind == "boolean":
        return "true" if literal.boolean else "false"
    if kind in ("string", "integer", "long", "short", "byte"):
        return str(getattr(literal, kind))
    if kind == "double":
        from awsglue._runtime.io.texts import java_double

        return java_double(literal.double)
    return None


def _function(function: Any) -> str | None:
    name = function.function_name.lower()
    arguments = [_shown(item) for item in function.arguments]
    if None in arguments:
        return None
    given = [str(item) for item in arguments]
    if len(given) == 2 and name in _BINARY:
        sign = SIGNS.get(name, name.upper() if name in ("and", "or") else name)
        return f"({given[0]} {sign} {given[1]})"
    if len(given) == 2 and name in ("!=", "<>"):
        return f"(NOT ({given[0]} = {given[1]}))"
    if name == "in":
        return f"({given[0]} IN ({', '.join(given[1:])}))"
    if name in ("not", "negative", "-") and len(given) == 1:
        return f"({'NOT' if name == 'not' else '-'} {given[0]})"
    if name == "like":
        return f"{given[0]} LIKE {given[1]}" if len(given) == 2 else None
    if name == "rlike":
        return f"RLIKE({given[0]}, {given[1]})"
    if name == "when":
        shown = "".join(f" WHEN {given[at]} THEN {given[at + 1]}" for at in range(0, len(given) - 1, 2))
        return f"CASE{shown}{f' ELSE {given[-1]}' if len(given) % 2 else ''} END"
    if name == "substr":
        name = "substring"
    return call(name, given, distinct=function.is_distinct)


def _window(window: Any) -> str | None:
    if not window.window_function.HasField("unresolved_function"):
        return None
    shown = _shown(window.window_function)
    keys = [_shown(item) for item in window.partition_spec]
    orders = [_order(item) for item in window.order_spec]
    if shown is None or None in keys or None in orders:
        return None
    function = window.window_function.unresolved_function
    arguments = [str(_shown(item)) for item in function.arguments]
    given = _frame(window.frame_spec) if window.HasField("frame_spec") else None
    frame = frame_of(function.function_name.lower(), arguments, given, ordered=bool(orders))
    if frame is None:
        return None
    pieces = [f"PARTITION BY {', '.join(map(str, keys))}"] if keys else []
    pieces += [f"ORDER BY {', '.join(map(str, orders))}"] if orders else []
    return f"{shown} OVER ({' '.join([*pieces, frame])})"


def _order(order: Any) -> str | None:
    from pyspark.sql.connect import proto

    shown = _shown(order.child)
    if shown is None:
        return None
    descending = order.direction == proto.Expression.SortOrder.SORT_DIRECTION_DESCENDING
    last = order.null_ordering == proto.Expression.SortOrder.SORT_NULLS_LAST
    if order.null_ordering == proto.Expression.SortOrder.SORT_NULLS_UNSPECIFIED:
        last = descending
    return f"{shown} {'DESC' if descending else 'ASC'} NULLS {'LAST' if last else 'FIRST'}"


def _frame(frame: Any) -> str | None:
    from pyspark.sql.connect import proto

    kinds = proto.Expression.Window.WindowFrame
    kind = "ROWS" if frame.frame_type == kinds.FRAME_TYPE_ROW else "RANGE"
    bounds = [_bound(frame.lower, "PRECEDING"), _bound(frame.upper, "FOLLOWING")]
    return f"{kind} BETWEEN {bounds[0]} AND {bounds[1]}"


def _bound(bound: Any, unbounded: str) -> str:
    if bound.HasField("unbounded"):
        return f"UNBOUNDED {unbounded}"
    if bound.HasField("current_row"):
        return "CURRENT ROW"
    literal = bound.value.literal
    kind = literal.WhichOneof("literal_type")
    return f"{getattr(literal, kind) if kind in ('integer', 'long') else '?'} FOLLOWING"
