"""Casting values as Glue does it: what cannot become the type becomes null, whatever it was before."""

from __future__ import annotations

from awsglue import gluetypes as g
from awsglue._frames.encoding import ddl, member, null, struct, variable

_NESTED = (g.StructType, g.ArrayType, g.SetType, g.MapType)


def cast(expression: str, source: g.DataType, target: g.DataType, depth: int = 0) -> str:
    """The value as `target`, null where it cannot be."""
    if source == target:
        return expression
    if isinstance(source, g.NullType | g.UnknownType):
        return null(target)
    if isinstance(source, g.ChoiceType):
        # At most one of them is set, so the first that gives a value gives the value.
        options = [
            cast(member(expression, name), kind, target, depth) for name, kind in source.choices.items()
        ]
        return options[0] if len(options) == 1 else f"coalesce({', '.join(options)})"
    if isinstance(source, g.StructType) and isinstance(target, g.StructType):
        return _struct(expression, source, target, depth)
    if isinstance(source, g.ArrayType | g.SetType) and isinstance(target, g.ArrayType | g.SetType):
        element = variable(depth)
        inner = cast(element, source.elementType, target.elementType, depth + 1)
        return f"transform({expression}, {element} -> {inner})"
    if isinstance(source, g.MapType) and isinstance(target, g.MapType):
        entry = variable(depth)
        value = cast(f"{entry}.value", source.valueType, target.valueType, depth + 1)
        made = f"transform(map_entries({expression}), {entry} -> named_struct('key', {entry}.key, 'value', {value}))"
        return f"map_from_entries({made})"
    if isinstance(target, g.StringType) and isinstance(source, _NESTED):
        return f"to_json({expression})"
    if isinstance(source, _NESTED) or isinstance(target, _NESTED) or _apart(source, target):
        return null(target)
    if isinstance(source, g.StringType) and isinstance(target, g.BooleanType):
        # Only the two words count; an engine's cast would also take "y", "1", "t".
        return f"case lower(trim({expression})) when 'true' then true when 'false' then false end"
    return f"try_cast({expression} as {ddl(target)})"


def _struct(expression: str, source: g.StructType, target: g.StructType, depth: int) -> str:
    own = source.field_map
    parts = [
        (
            field.name,
            cast(member(expression, field.name), own[field.name].dataType, field.dataType, depth)
            if field.name in own
            else null(field.dataType),
        )
        for field in target.fields
    ]
    return f"if({expression} is null, null, {struct(parts)})"


def _apart(source: g.DataType, target: g.DataType) -> bool:
    """Whether SQL has no cast from one to the other at all (asking for it is an error, not a null)."""
    numbers = (g.ByteType, g.ShortType, g.IntegerType, g.LongType, g.FloatType, g.DoubleType, g.DecimalType)
    times = (g.DateType, g.TimestampType, g.TimestampNTZType)
    if isinstance(source, g.DateType) and isinstance(target, (*numbers, g.BooleanType)):
        return True
    if isinstance(target, g.DateType) and isinstance(source, (*numbers, g.BooleanType)):
        return True
    if isinstance(source, g.BinaryType):
        return not isinstance(target, g.StringType | g.BinaryType)
    if isinstance(target, g.BinaryType):
        return not isinstance(source, g.StringType)
    return isinstance(source, g.BooleanType) and isinstance(target, times)


def completed(target: g.DataType, source: g.DataType) -> g.DataType:
    """A bare `struct`, `array` or `map` as a target means: as the source has it."""
    bare = (
        (isinstance(target, g.StructType) and not target.fields)
        or (isinstance(target, g.ArrayType | g.SetType) and isinstance(target.elementType, g.UnknownType))
        or (isinstance(target, g.MapType) and isinstance(target.valueType, g.UnknownType))
    )
    if not bare:
        return target
    if isinstance(source, g.ChoiceType):
        return source.choices.get(target.typeName(), g.NullType())
    return source if type(source) is type(target) else g.NullType()
