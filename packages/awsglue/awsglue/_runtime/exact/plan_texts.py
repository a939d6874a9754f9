"""Doubles of a plan as texts: Java writes them otherwise than the engine. Owns no state."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect import proto


def as_java_text(expression: Any, type_name: str) -> None:
    """A cast of a double to text, as Java writes it."""
    inner = proto.Expression()
    inner.CopyFrom(expression.cast.expr)
    expression.CopyFrom(_java_text(inner, type_name))


def as_java_text_of(argument: Any, type_name: str) -> None:
    """A double that becomes text, as Java writes it."""
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
