"""A schema as printSchema shows it."""

from __future__ import annotations

from collections.abc import Iterator

from awsglue import gluetypes as g


def tree_lines(struct: g.StructType, prefix: str) -> Iterator[str]:
    for field in struct.fields:
        yield from _tree_entry(field.name, field.dataType, prefix)


def _tree_entry(name: str, kind: g.DataType, prefix: str) -> Iterator[str]:
    label = kind.typeName()
    if isinstance(kind, g.DecimalType):
        label = f"decimal({kind.precision},{kind.scale})"
    yield f"{prefix}{name}: {label}\n"
    yield from _tree_parts(kind, "|    " + prefix)


def _tree_parts(kind: g.DataType, inner: str) -> Iterator[str]:
    if isinstance(kind, g.StructType):
        yield from tree_lines(kind, inner)
    elif isinstance(kind, g.ArrayType | g.SetType):
        yield from _tree_entry("element", kind.elementType, inner)
    elif isinstance(kind, g.MapType):
        yield f"{inner}keyType: string\n"
        yield from _tree_entry("valueType", kind.valueType, inner)
    elif isinstance(kind, g.ChoiceType):
        for choice in kind.choices.values():
            yield f"{inner}{choice.typeName()}\n"
            yield from _tree_parts(choice, "|    " + inner)
