"""DynamoDB's typed JSON ({"S": "x"}, {"N": "1"}, …) without its type descriptors."""

from __future__ import annotations

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._frames.casts import cast
from awsglue._frames.encoding import member, quote, struct, variable

_SCALARS = {"S", "N", "BOOL", "B", "NULL"}
_SETS = {"SS", "NS", "BS"}
_DESCRIPTORS = _SCALARS | _SETS | {"M", "L"}


def unnested(frame: Encoded) -> Encoded:
    """Descriptors stripped, then structs opened to dotted names; lists stay lists."""
    from awsglue._frames.nesting import opened

    return opened(simplified(frame))


def simplified(frame: Encoded) -> Encoded:
    """Descriptors stripped. An export's `Item` column becomes the record."""
    schema, expressions = frame.schema, {field.name: quote(field.name) for field in frame.schema.fields}
    item = schema.field_map.get("Item")
    fields = list(schema.fields)
    if item is not None and isinstance(item.dataType, g.StructType):
        fields = list(item.dataType.fields)
        expressions = {field.name: member(quote("Item"), field.name) for field in fields}
    parts = []
    for field in fields:
        kind, expression = _plain(field.dataType, expressions[field.name], 0)
        parts.append((g.Field(field.name, kind), expression))
    return frame.select(parts)


def _plain(kind: g.DataType, expression: str, depth: int) -> tuple[g.DataType, str]:
    if (
        not isinstance(kind, g.StructType)
        or not kind.fields
        or not {field.name for field in kind.fields} <= _DESCRIPTORS
    ):
        return kind, expression
    options = [
        _described(field, member(expression, field.name), depth)
        for field in kind.fields
        if field.name != "NULL"
    ]
    if not options:
        return g.NullType(), "cast(null as string)"
    merged: g.DataType = g.NullType()
    for option, _ in options:
        merged = g.mergeDataTypes(merged, option)
    if not isinstance(merged, g.ChoiceType):
        values = [cast(value, option, merged, depth) for option, value in options]
        return merged, values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"
    from awsglue._frames.encoding import wrap

    return merged, f"coalesce({', '.join(wrap(value, option, merged) for option, value in options)})"


def _described(field: g.Field, expression: str, depth: int) -> tuple[g.DataType, str]:
    """One descriptor's value and its plain type. Numbers stay the text that DynamoDB wrote."""
    kind = field.dataType
    if field.name == "M" and isinstance(kind, g.StructType):
        inner = [
            (one.name, *_plain(one.dataType, member(expression, one.name), depth)) for one in kind.fields
        ]
        fields = [g.Field(name, part) for name, part, _ in inner]
        made = struct([(name, value) for name, _, value in inner])
        return g.StructType(fields), f"if({expression} is null, null, {made})"
    if field.name == "L" and isinstance(kind, g.ArrayType):
        element = variable(depth)
        part, value = _plain(kind.elementType, element, depth + 1)
        return g.ArrayType(
            part
        ), expression if value == element else f"transform({expression}, {element} -> {value})"
    return kind, expression
