"""Glue types as an engine carries them: DDL, Spark types, and expressions that turn one into another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g

if TYPE_CHECKING:
    from pyspark.sql import types as spark_types

_ATOMIC_DDL: dict[type[g.DataType], str] = {
    g.BinaryType: "binary",
    g.BooleanType: "boolean",
    g.ByteType: "tinyint",
    g.DateType: "date",
    g.DoubleType: "double",
    g.EnumType: "string",
    g.EntityType: "string",
    g.FloatType: "float",
    g.IntegerType: "int",
    g.LongType: "bigint",
    g.ShortType: "smallint",
    g.StringType: "string",
    g.TimestampType: "timestamp",
    g.TimestampNTZType: "timestamp_ntz",
    # Nothing is known about the values because there are none: files cannot hold "void", so strings carry the nulls.
    g.NullType: "string",
    g.UnknownType: "string",
}

_NAMED: dict[str, type[g.DataType]] = {
    "string": g.StringType,
    "varchar": g.StringType,
    "char": g.StringType,
    "int": g.IntegerType,
    "integer": g.IntegerType,
    "long": g.LongType,
    "bigint": g.LongType,
    "double": g.DoubleType,
    "float": g.FloatType,
    "real": g.FloatType,
    "short": g.ShortType,
    "smallint": g.ShortType,
    "byte": g.ByteType,
    "tinyint": g.ByteType,
    "boolean": g.BooleanType,
    "bool": g.BooleanType,
    "date": g.DateType,
    "timestamp": g.TimestampType,
    "timestamp_ntz": g.TimestampNTZType,
    "timestampntz": g.TimestampNTZType,
    "binary": g.BinaryType,
    "null": g.NullType,
    "void": g.NullType,
}


class TypeNameError(ValueError):
    """The text is not the name of a type."""


def quote(*parts: str) -> str:
    """A name as SQL writes it, behind the names that qualify it."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def literal(text: str) -> str:
    """A string literal in SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def ddl(kind: g.DataType) -> str:
    """The SQL type that carries `kind`."""
    if isinstance(kind, g.DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, g.ArrayType | g.SetType):
        return f"array<{ddl(kind.elementType)}>"
    if isinstance(kind, g.MapType):
        return f"map<string,{ddl(kind.valueType)}>"
    if isinstance(kind, g.StructType):
        return (
            "struct<" + ",".join(f"{quote(field.name)}:{ddl(field.dataType)}" for field in kind.fields) + ">"
        )
    if isinstance(kind, g.ChoiceType):
        return (
            "struct<"
            + ",".join(f"{quote(name)}:{ddl(choice)}" for name, choice in kind.choices.items())
            + ">"
        )
    return _ATOMIC_DDL[type(kind)]


def parse_type(text: str) -> g.DataType:
    """A type by the name Glue, Hive or Spark gives it. Raises TypeNameError."""
    kind, rest = _parse_type(text.strip())
    if rest.strip():
        raise TypeNameError(f"unknown type {text!r}")
    return kind


_BARE_DECIMAL = re.compile(r"(?<![`\w])(decimal|numeric|dec)\b(?!\s*[(:`])", re.IGNORECASE)


def script_type(text: str) -> g.DataType:
    """A type as a script names it in a mapping or a choice: there a plain decimal is Glue's own, of 10 digits and 2
    after the point, where Hive's and Spark's has none. Raises TypeNameError."""
    return parse_type(_BARE_DECIMAL.sub(r"\1(10,2)", text))


_WORD = re.compile(r"\s*([A-Za-z_]+)\s*")


def _parse_type(text: str) -> tuple[g.DataType, str]:
    match = _WORD.match(text)
    if not match:
        raise TypeNameError(f"unknown type {text!r}")
    word, rest = match.group(1).lower(), text[match.end() :]
    if word in ("decimal", "numeric", "dec"):
        sizes = re.match(r"\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\)", rest)
        if not sizes:
            return g.DecimalType(10, 0), rest
        return g.DecimalType(int(sizes.group(1)), int(sizes.group(2) or 0)), rest[sizes.end() :]
    if word in ("varchar", "char"):
        sizes = re.match(r"\(\s*\d+\s*\)", rest)
        return g.StringType(), rest[sizes.end() :] if sizes else rest
    if word in ("array", "set"):
        if not rest.startswith("<"):
            return g.ArrayType(), rest
        element, rest = _parse_type(rest[1:])
        return g.ArrayType(element), _closed(rest, text)
    if word == "map":
        if not rest.startswith("<"):
            return g.MapType(), rest
        _, rest = _parse_type(rest[1:])
        value, rest = _parse_type(rest.lstrip().removeprefix(","))
        return g.MapType(value), _closed(rest, text)
    if word == "struct":
        return _parse_struct(rest, text)
    if word == "double" and rest.startswith("precision"):
        rest = rest[len("precision") :]
    if word not in _NAMED:
        raise TypeNameError(f"unknown type {text!r}")
    return _NAMED[word](), rest


def _closed(rest: str, text: str) -> str:
    rest = rest.lstrip()
    if not rest.startswith(">"):
        raise TypeNameError(f"unknown type {text!r}: '>' is missing")
    return rest[1:]


def _parse_struct(rest: str, text: str) -> tuple[g.DataType, str]:
    if not rest.startswith("<"):
        return g.StructType(), rest
    rest = rest[1:].lstrip()
    fields: list[g.Field] = []
    while not rest.startswith(">"):
        name = re.match(r"\s*(?:`((?:[^`]|``)+)`|([^:,<>\s]+))\s*[:\s]\s*", rest)
        if not name:
            raise TypeNameError(f"unknown type {text!r}")
        kind, rest = _parse_type(rest[name.end() :])
        fields.append(g.Field((name.group(1) or "").replace("``", "`") or name.group(2), kind))
        rest = re.sub(r"^\s*comment\s+'[^']*'", "", rest, flags=re.IGNORECASE).lstrip()
        if rest.startswith(","):
            rest = rest[1:].lstrip()
        elif not rest.startswith(">"):
            raise TypeNameError(f"unknown type {text!r}")
    return g.StructType(fields), rest[1:]


def from_spark(kind: Any) -> g.DataType:
    """The Glue type of a Spark type."""
    name = kind.typeName()
    if name == "struct":
        return g.StructType([g.Field(field.name, from_spark(field.dataType)) for field in kind.fields])
    if name == "array":
        return g.ArrayType(from_spark(kind.elementType))
    if name == "map":
        return g.MapType(from_spark(kind.valueType))
    if name == "decimal":
        return g.DecimalType(kind.precision, kind.scale)
    base = name.split("(")[0].split(" ")[0].lower()
    if base == "interval":
        return g.StringType()
    if base not in _NAMED:
        raise TypeNameError(f"a column of type {kind.simpleString()} cannot be in a DynamicFrame")
    return _NAMED[base]()


def to_spark(kind: g.DataType) -> spark_types.DataType:
    """The Spark type that carries a Glue type."""
    from pyspark.sql import types as t

    if isinstance(kind, g.StructType):
        return t.StructType(
            [t.StructField(field.name, to_spark(field.dataType), True) for field in kind.fields]
        )
    if isinstance(kind, g.ChoiceType):
        return t.StructType(
            [t.StructField(name, to_spark(choice), True) for name, choice in kind.choices.items()]
        )
    if isinstance(kind, g.ArrayType | g.SetType):
        return t.ArrayType(to_spark(kind.elementType), True)
    if isinstance(kind, g.MapType):
        return t.MapType(t.StringType(), to_spark(kind.valueType), True)
    if isinstance(kind, g.DecimalType):
        return t.DecimalType(kind.precision, kind.scale)
    simple: dict[str, Any] = {
        "string": t.StringType,
        "int": t.IntegerType,
        "bigint": t.LongType,
        "double": t.DoubleType,
        "float": t.FloatType,
        "smallint": t.ShortType,
        "tinyint": t.ByteType,
        "boolean": t.BooleanType,
        "date": t.DateType,
        "timestamp": t.TimestampType,
        "timestamp_ntz": t.TimestampNTZType,
        "binary": t.BinaryType,
    }
    return simple[ddl(kind)]()


def null(kind: g.DataType) -> str:
    """A null of this type."""
    return f"cast(null as {ddl(kind)})"


def member(expression: str, name: str) -> str:
    """A field of a struct; null when the struct is null.

    The guard is needed: an engine may keep values below a null struct and would otherwise show them.
    """
    return f"if({expression} is null, null, {expression}.{quote(name)})"


def struct(parts: list[tuple[str, str]]) -> str:
    """A struct of (name, expression) pairs."""
    return "named_struct(" + ", ".join(f"{literal(name)}, {value}" for name, value in parts) + ")"


def variable(depth: int) -> str:
    """A lambda variable that cannot clash with a column."""
    return f"glue_element_{depth}"


def wrap(expression: str, kind: g.DataType, choice: g.ChoiceType) -> str:
    """A value of one of the choice's types as the choice's carrier."""
    chosen = kind.typeName()
    parts = []
    for name, option in choice.choices.items():
        value = convert(expression, kind, option) if name == chosen else null(option)
        parts.append((name, value))
    return f"if({expression} is null, null, {struct(parts)})"


def convert(expression: str, source: g.DataType, target: g.DataType, depth: int = 0) -> str:
    """A carrier of `source` as a carrier of `target`, where target is what mergeDataTypes made of source and others."""
    if source == target:
        return expression
    if isinstance(source, g.NullType | g.UnknownType):
        return null(target)
    if isinstance(target, g.ChoiceType):
        if not isinstance(source, g.ChoiceType):
            return wrap(expression, source, target)
        parts = [
            (
                name,
                convert(member(expression, name), source.choices[name], option, depth)
                if name in source.choices
                else null(option),
            )
            for name, option in target.choices.items()
        ]
        return f"if({expression} is null, null, {struct(parts)})"
    if isinstance(source, g.StructType) and isinstance(target, g.StructType):
        own = source.field_map
        parts = [
            (
                field.name,
                convert(member(expression, field.name), own[field.name].dataType, field.dataType, depth)
                if field.name in own
                else null(field.dataType),
            )
            for field in target.fields
        ]
        return f"if({expression} is null, null, {struct(parts)})"
    if isinstance(source, g.ArrayType | g.SetType) and isinstance(target, g.ArrayType | g.SetType):
        element = variable(depth)
        inner = convert(element, source.elementType, target.elementType, depth + 1)
        return expression if inner == element else f"transform({expression}, {element} -> {inner})"
    if isinstance(source, g.MapType) and isinstance(target, g.MapType):
        return _convert_map(expression, source, target, depth)
    return f"try_cast({expression} as {ddl(target)})"


def _convert_map(expression: str, source: g.MapType, target: g.MapType, depth: int) -> str:
    entry = variable(depth)
    value = convert(f"{entry}.value", source.valueType, target.valueType, depth + 1)
    pairs = (
        f"transform(map_entries({expression}), {entry} -> named_struct('key', {entry}.key, 'value', {value}))"
    )
    return f"map_from_entries({pairs})"


def columns(expressions: list[tuple[str, str]]) -> list[str]:
    """(name, expression) pairs as select items."""
    return [f"{expression} as {quote(name)}" for name, expression in expressions]
