"""How the types of records merge into the type of a frame. Nothing widens: int and long make a choice."""

from __future__ import annotations

from typing import Any

from awsglue import gluetypes as g

_TIMES = (g.TimestampType, g.TimestampNTZType)


def merged(first: g.DataType, second: g.DataType) -> g.DataType:
    """The type that holds values of both: the same kind merges part by part, different kinds become a choice."""
    if isinstance(first, g.NullType | g.UnknownType):
        return second if not isinstance(second, g.UnknownType) else first
    if isinstance(second, g.NullType | g.UnknownType):
        return first
    if isinstance(first, g.ChoiceType) or isinstance(second, g.ChoiceType):
        return g._make_choice(first, second)
    if type(first) is not type(second):
        if isinstance(first, _TIMES) and isinstance(second, _TIMES):
            # Files may leave the zone out, the catalog never does: both are what Glue calls a timestamp.
            return g.TimestampType()
        return g._make_choice(first, second)
    if first is second:
        return first
    return _merge_same_kind(first, second)


def _merge_same_kind(first: g.DataType, second: Any) -> g.DataType:
    if isinstance(first, g.StructType):
        others = second.field_map
        fields = [
            g.Field(field.name, merged(field.dataType, others[field.name].dataType), field.properties)
            if field.name in others
            else field
            for field in first.fields
        ]
        own = first.field_map
        fields += [field for field in second.fields if field.name not in own]
        return g.StructType(fields, first.properties)
    if isinstance(first, g.ArrayType | g.SetType):
        return type(first)(merged(first.elementType, second.elementType), first.properties)
    if isinstance(first, g.MapType):
        return g.MapType(merged(first.valueType, second.valueType), first.properties)
    if isinstance(first, g.EnumType):
        added = [option for option in second.options if option not in first.options]
        return g.EnumType(first.options + added, first.properties)
    if isinstance(first, g.DecimalType):
        # Both must fit: the larger scale, and room for the larger number of digits before the point.
        scale = max(first.scale, second.scale)
        whole = max(first.precision - first.scale, second.precision - second.scale)
        return g.DecimalType(min(38, whole + scale), scale, first.properties)
    return first
