"""Null structs among the arguments of functions in Python: one more argument says where they are. Owns no state.

The engine gives such a function a row of nulls. Null structs in arrays and maps make the plan fail, which is a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime.client.udfs import BY_ROW, MARK
from awsglue._runtime.exact.makers import PlanMaker
from awsglue._runtime.failures import EngineRefused


def arguments(expression: Any) -> list[Any]:
    """The arguments of a function in Python that is called row by row; [] for all else."""
    if not expression.HasField("common_inline_user_defined_function"):
        return []
    function = expression.common_inline_user_defined_function
    return list(function.arguments) if function.python_udf.eval_type == BY_ROW else []


def tell(expression: Any, kinds: list[Any]) -> None:
    """Add the argument that tells of null structs, where arguments of these types may have some."""
    given = expression.common_inline_user_defined_function.arguments
    maker = PlanMaker()
    found = [
        (path, flag)
        for at, (argument, kind) in enumerate(zip(given, kinds, strict=True))
        for path, flag in _flags(str(at), argument, kind, maker)
    ]
    if not found:
        return
    if any(argument.HasField("named_argument_expression") for argument in given):
        raise EngineRefused("structs among named arguments of a function in Python")
    paths = ",".join(path for path, _ in found)
    text = maker.call("concat", maker.literal(f"{MARK}{paths}|"), *(flag for _, flag in found))
    given.add().CopyFrom(text)


def _flags(path: str, value: Any, kind: Any, maker: PlanMaker) -> Iterator[tuple[str, Any]]:
    """(path, '1' or '0') of what may be a null struct in a value of this type."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    if isinstance(kind, StructType):
        yield path, _flag(maker.call("isnull", value), maker)
        for at, field in enumerate(kind.fields):
            yield from _flags(f"{path}.{at}", _member(value, field.name, maker), field.dataType, maker)
    elif isinstance(kind, MapType):
        yield from _flags(path, maker.call("map_values", value), ArrayType(kind.valueType), maker)
    elif isinstance(kind, ArrayType) and _has_struct(kind.elementType):
        held = kind.elementType
        if not isinstance(held, StructType) or any(_has_struct(field.dataType) for field in held.fields):
            raise EngineRefused("structs so deep in what a function in Python is given")
        none = maker.call("concat", maker.literal("?"), maker.cast(maker.call("size", value), "string"))
        failing = maker.cast(maker.cast(none, "bigint"), "string")
        yield path, maker.when(_holds_null(value), failing, maker.literal("0"))


def _flag(condition: Any, maker: PlanMaker) -> Any:
    return maker.when(condition, maker.literal("1"), maker.literal("0"))


def _member(value: Any, name: str, maker: PlanMaker) -> Any:
    from pyspark.sql.connect import proto

    made = proto.Expression()
    made.unresolved_extract_value.child.CopyFrom(value)
    made.unresolved_extract_value.extraction.literal.string = name
    return made


def _holds_null(array: Any) -> Any:
    """exists(array, x -> x IS NULL)"""
    from pyspark.sql.connect import proto

    made = proto.Expression()
    made.unresolved_function.function_name = "exists"
    made.unresolved_function.arguments.append(array)
    test = made.unresolved_function.arguments.add().lambda_function
    test.arguments.add().name_parts.append("__mastic_held")
    test.function.unresolved_function.function_name = "isnull"
    variable = test.function.unresolved_function.arguments.add().unresolved_named_lambda_variable
    variable.name_parts.append("__mastic_held")
    return made


def _has_struct(kind: Any) -> bool:
    return "struct<" in kind.simpleString()
