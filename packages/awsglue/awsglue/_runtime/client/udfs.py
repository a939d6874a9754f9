"""What functions in Python are given and what becomes of their answers, as in Spark. Owns no state.

They are given moments without a zone (the engine's are of UTC) and None for null structs (the engine gives rows of
nulls). Maps that they answer have their entries in the order of Java's hash maps, numbers beyond 64 bits are null, and
so are truth values that should be numbers. Texts made of other values are Java's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from awsglue._runtime.client import map_order
from awsglue._runtime.io.texts import java_double

# PythonEvalType.SQL_BATCHED_UDF: a call for each row, whose arguments are Python's own values.
BY_ROW = 100
# What the last argument begins with when it says which structs are null.
MARK = "\x00null structs "
_BEYOND = 2**63
# What is in the names of types whose values are converted.
_CONVERTED = ("map", "int", "long", "short", "byte", "string", "double", "float", "real")
Converter = Callable[[Any], Any]


class StrangeAnswer(ValueError):
    """A value of whose kind Spark makes something else, or takes none: the statement is refused."""


def install() -> None:
    """Patch the Connect client's functions."""
    from pyspark.sql.connect.expressions import PythonUDF

    original = PythonUDF.__init__

    def init(self: Any, output_type: Any, eval_type: int, func: Callable[..., Any], python_ver: str) -> None:
        ours = str(getattr(func, "__module__", "")).startswith("awsglue.")
        given = (
            given_plainly(func, answered(_told(output_type))) if eval_type == BY_ROW and not ours else func
        )
        original(self, output_type, eval_type, given, python_ver)

    PythonUDF.__init__ = init  # type: ignore[method-assign]


def given_plainly(function: Callable[..., Any], converted: Converter | None = None) -> Callable[..., Any]:
    """The function, given moments without a zone and None for null structs; its answers converted."""

    def call(*arguments: Any, **named: Any) -> Any:
        given = [plain(each) for each in arguments]
        if given and type(given[-1]) is str and given[-1].startswith(MARK):
            told = given.pop()
            given = without_null_structs(given, told)
        found = function(*given, **{key: plain(each) for key, each in named.items()})
        return found if converted is None else converted(found)

    return call


def without_null_structs(arguments: list[Any], told: str) -> list[Any]:
    """The arguments with None in the places that are told: paths of numbers, then a 1 or 0 for each."""
    paths, _, flags = told.removeprefix(MARK).partition("|")
    for path, flag in zip(paths.split(","), flags, strict=True):
        if flag == "1":
            arguments = _without(arguments, [int(step) for step in path.split(".")])
    return arguments


def _without(holder: Any, path: list[int]) -> Any:
    """The row or list with None at this place."""
    if holder is None:
        return None
    items = list(holder)
    items[path[0]] = None if len(path) == 1 else _without(items[path[0]], path[1:])
    if not hasattr(holder, "__fields__"):
        return items
    made = type(holder)(*items)
    made.__fields__ = holder.__fields__
    return made


def _told(kind: Any) -> Any:
    """The type that a function answers; one that was given as text is read."""
    from pyspark.sql.types import StringType

    # Of a type that is still a text there are several classes, by the client's version.
    kind = getattr(kind, "data_type_string", kind)
    if not isinstance(kind, str):
        return kind
    if kind.lower() == "string":
        return StringType()
    if not any(word in kind.lower() for word in _CONVERTED):
        return None
    from awsglue._runtime import engine

    return engine.services().parse_ddl(kind)


def answered(kind: Any) -> Converter | None:
    """What makes Spark's value of an answer of this type; None where nothing has to be made."""
    from pyspark.sql.types import (
        ArrayType,
        DoubleType,
        FloatType,
        IntegralType,
        MapType,
        StringType,
        StructType,
    )

    if isinstance(kind, IntegralType):
        return within_64_bits
    if isinstance(kind, DoubleType | FloatType):
        return without_numpy
    if isinstance(kind, StringType):
        return java_text
    if isinstance(kind, ArrayType):
        return _each(answered(kind.elementType))
    if isinstance(kind, MapType):
        return _mapped(answered(kind.keyType), answered(kind.valueType))
    if isinstance(kind, StructType):
        return _fielded([answered(field.dataType) for field in kind.fields], kind.names)
    return None


def within_64_bits(value: Any) -> Any:
    """The value; None for a whole number that Java's have no place for, and for what is none."""
    if type(value) is int:
        return value if -_BEYOND <= value < _BEYOND else None
    return None if type(value) is bool else without_numpy(value)


def without_numpy(value: Any) -> Any:
    """The value. Raises StrangeAnswer for one of NumPy's, which Spark's workers cannot send."""
    if type(value).__module__ == "numpy":
        raise StrangeAnswer(f"a value of type numpy.{type(value).__name__}")
    return value


def java_text(value: Any) -> Any:
    """A text, or one made of a number. Raises StrangeAnswer for other values: Spark writes Java's own."""
    if value is None or type(value) in (str, bool, int, Decimal):
        return value
    if type(value) is float:
        return java_double(value)
    raise StrangeAnswer(f"a text made of a value of type {type(value).__name__}")


def _each(converted: Converter | None) -> Converter | None:
    if converted is None:
        return None

    def each(value: Any) -> Any:
        return (
            [converted(item) for item in value] if isinstance(value, (list, tuple)) else without_numpy(value)
        )

    return each


def _mapped(key: Converter | None, item: Converter | None) -> Converter:
    def mapped(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        keys = list(value)
        if all(type(each) in (str, int, bool) for each in keys):
            keys = [keys[at] for at in map_order.order(keys)]
        return {
            (each if key is None else key(each)): (value[each] if item is None else item(value[each]))
            for each in keys
        }

    return mapped


def _fielded(converters: list[Converter | None], names: list[str]) -> Converter | None:
    if not any(converters):
        return None

    def fielded(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: each
                if (made := dict(zip(names, converters, strict=True)).get(name)) is None
                else made(each)
                for name, each in value.items()
            }
        if not isinstance(value, tuple) or len(value) != len(converters):
            return value
        items = [each if made is None else made(each) for each, made in zip(value, converters, strict=True)]
        if not hasattr(value, "__fields__"):
            return tuple(items)
        row = type(value)(*items)
        row.__fields__ = value.__fields__
        return row

    return fielded


def plain(value: Any) -> Any:
    """The value with moments of the machine's own zone in place of those with one."""
    kind = type(value)
    if kind is datetime:
        return value if value.tzinfo is None else value.astimezone().replace(tzinfo=None)
    if kind is list:
        return [plain(each) for each in value]
    if kind is dict:
        return {plain(key): plain(each) for key, each in value.items()}
    if hasattr(value, "__fields__"):
        made = kind(*[plain(each) for each in value])
        made.__fields__ = value.__fields__
        return made
    return value
