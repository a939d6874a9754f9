"""Checks of a plan that depend on types: decimal arithmetic, doubles as text, dates subtracted.

Runs on one relation at a time, before it is rewritten; asks the engine for the types of just the operands in question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql.connect import proto

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sail import expression_text, plans
from awsglue._runtime.sail.functions import CAST_TO, REFUSED, REFUSED_WITH, TEXT_OF_ARGUMENTS

# (input relation, expressions) -> their Spark types, or None when they cannot be told
TypesOf = Callable[[Any, list[Any]], "list[Any] | None"]
_TEXT_TYPES = ("string",)


def check(relation: Any, kind: str, expressions: list[Any], types_of: TypesOf) -> None:
    """Adapt this relation's own expressions in place. Raises EngineRefused."""
    watched: list[tuple[Any, list[Any]]] = []
    below = getattr(getattr(relation, kind), "input", None)
    for expression in expressions:
        if expression.HasField("expression_string"):
            expression_text.check(expression.expression_string.expression, below, types_of)
        operands = _operands(expression)
        if operands:
            watched.append((expression, operands))
    if not watched:
        return
    body = getattr(relation, kind)
    if not hasattr(body, "input"):
        return
    flat = [operand for _, operands in watched for operand in operands]
    types = None if any(_has_lambda(operand) for operand in flat) else types_of(body.input, flat)
    for expression, operands in reversed(watched):
        own = None
        if types is not None:
            own, types = types[len(types) - len(operands) :], types[: len(types) - len(operands)]
        _judge(expression, own)


def _operands(expression: Any) -> list[Any]:
    """The operands whose types decide, [] when nothing depends on types here."""
    if expression.HasField("cast"):
        name = expression.cast.type_str.lower()
        to_text = name in _TEXT_TYPES or expression.cast.type.WhichOneof("kind") == "string"
        return [expression.cast.expr] if to_text else []
    if not expression.HasField("unresolved_function"):
        return []
    function = expression.unresolved_function
    name = function.function_name.lower()
    if name in REFUSED:
        raise EngineRefused(f"function {name}()", REFUSED[name])
    if name == "split" and len(function.arguments) > 1 and _is_literal(function.arguments[1], ""):
        raise EngineRefused("split() with an empty pattern")
    if (
        name in ("extract", "date_part", "datepart")
        and function.arguments
        and str(function.arguments[0].literal.string).lower() in ("dow", "dayofweek_iso", "dow_iso")
    ):
        raise EngineRefused("extract(dow)")
    if name in ("current_database", "current_schema", "current_catalog"):
        from awsglue._runtime import engine

        engine.get_or_create_session()._mastic.check_current_database()  # type: ignore[attr-defined]
        return []
    if name in CAST_TO:
        _wrap_cast(expression, CAST_TO[name])
        return []
    if name in ("/", "*", "-", "%") or name in REFUSED_WITH or name in TEXT_OF_ARGUMENTS:
        return list(function.arguments)
    return []


def _judge(expression: Any, types: list[Any] | None) -> None:
    if types is None:
        return
    names = [item.simpleString() for item in types]
    if expression.HasField("cast"):
        if names[0] in ("double", "float"):
            _as_java_text(expression, names[0])
        return
    function = expression.unresolved_function
    name = function.function_name.lower()
    if name in ("/", "*", "%") and len(types) == 2:
        check_arithmetic(name, types)
    elif name == "-" and names == ["date", "date"]:
        raise EngineRefused("date minus date", "use datediff()")
    elif name in REFUSED_WITH and any(REFUSED_WITH[name] in item for item in names):
        raise EngineRefused(f"{name}() of {REFUSED_WITH[name]} values")
    elif name in TEXT_OF_ARGUMENTS:
        for argument, item in zip(function.arguments, names, strict=True):
            if item in ("double", "float") and name not in ("format_string", "printf"):
                _as_java_text_of(argument, item)


def check_arithmetic(operator: str, types: list[Any]) -> None:
    """Raise EngineRefused when decimal arithmetic gives another precision and scale than Spark's."""
    from pyspark.sql import types as t

    if any(isinstance(item, (t.DoubleType, t.FloatType, t.StringType)) for item in types):
        return
    if not any(isinstance(item, t.DecimalType) for item in types):
        return
    pairs = [_as_decimal(item) for item in types]
    if None in pairs:
        return
    if operator != "*":
        raise EngineRefused(
            "decimal division" if operator == "/" else "decimal remainder",
            "the result would have another scale",
        )
    (p1, _), (p2, _) = pairs  # type: ignore[misc]
    if p1 + p2 + 1 > 38:
        raise EngineRefused("decimal multiplication beyond 38 digits", "the result would have another scale")


def _as_decimal(kind: Any) -> tuple[int, int] | None:
    from pyspark.sql import types as t

    if isinstance(kind, t.DecimalType):
        return kind.precision, kind.scale
    sizes = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
    name = kind.simpleString()
    return (sizes[name], 0) if name in sizes else None


def _is_literal(expression: Any, text: str) -> bool:
    return (
        expression.HasField("literal")
        and expression.literal.HasField("string")
        and (expression.literal.string == text)
    )


def _has_lambda(expression: Any) -> bool:
    return b"lambda" in expression.SerializeToString() or any(
        field.name in ("unresolved_named_lambda_variable", "lambda_function")
        for field, _ in expression.ListFields()
    )


def _wrap_cast(expression: Any, type_name: str) -> None:
    inner = proto.Expression()
    inner.CopyFrom(expression)
    expression.CopyFrom(plans.cast(inner, type_name))


def _as_java_text(expression: Any, type_name: str) -> None:
    inner = proto.Expression()
    inner.CopyFrom(expression.cast.expr)
    expression.CopyFrom(_java_text(inner, type_name))


def _as_java_text_of(argument: Any, type_name: str) -> None:
    inner = proto.Expression()
    inner.CopyFrom(argument)
    argument.CopyFrom(_java_text(inner, type_name))


def _java_text(inner: Any, type_name: str) -> Any:
    """Double.toString of a column, by a function in Python."""
    from pyspark.sql.connect import functions as fn
    from pyspark.sql.types import StringType

    from awsglue._runtime import engine
    from awsglue._runtime.io import texts

    convert = texts.java_double if type_name == "double" else texts.java_float
    function = fn.udf(lambda value: None if value is None else convert(value), StringType())
    client = engine.get_or_create_session().client  # type: ignore[attr-defined]
    made = function(fn.lit(None).cast(type_name)).to_plan(client)
    made.common_inline_user_defined_function.arguments[0].CopyFrom(inner)
    return made
