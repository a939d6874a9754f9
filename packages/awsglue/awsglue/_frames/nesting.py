"""Flattening: structs to dotted names, arrays to tables of their own joined by a generated key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._frames.encoding import columns, member, quote

KEY = "glue_record_number"


@dataclass(frozen=True, kw_only=True)
class Pivot:
    """An array column to be moved to a table of its own."""

    column: str
    expression: str
    kind: g.DataType


def flatten(schema: g.StructType) -> tuple[list[tuple[g.Field, str]], list[Pivot]]:
    """Top-level parts with structs opened to dotted names, and the arrays and maps met on the way."""
    parts: list[tuple[g.Field, str]] = []
    pivots: list[Pivot] = []
    for field in schema.fields:
        _flatten(field.name, field.dataType, quote(field.name), parts, pivots)
    _check_names([field.name for field, _ in parts])
    return parts, pivots


def _check_names(names: list[str]) -> None:
    """Raise ValueError where two fields come to one name: one of them would be lost."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"several fields would be named {', '.join(twice)}: rename those before they are opened"
        )


def _flatten(
    name: str, kind: g.DataType, expression: str, parts: list[tuple[g.Field, str]], pivots: list[Pivot]
) -> None:
    if isinstance(kind, g.StructType):
        for field in kind.fields:
            _flatten(f"{name}.{field.name}", field.dataType, member(expression, field.name), parts, pivots)
    elif isinstance(kind, g.ArrayType | g.SetType | g.MapType):
        pivots.append(Pivot(column=name, expression=expression, kind=kind))
        key = f"if({expression} is null, null, {quote(KEY)})"
        parts.append((g.Field(name, g.LongType()), key))
    else:
        parts.append((g.Field(name, kind), expression))


def numbered(frame: Encoded) -> Encoded:
    """The frame with a number per record, the join key of its arrays.

    The rows are written down first: an engine may number them differently each time it computes them.
    """
    from awsglue._frames.staging import settle

    parts = [*columns([(field.name, quote(field.name)) for field in frame.schema.fields])]
    df = frame.df.selectExpr(*parts, f"monotonically_increasing_id() + 1 as {quote(KEY)}")
    schema = g.StructType([*frame.schema.fields, g.Field(KEY, g.LongType())])
    return settle(Encoded(df=df, schema=schema))


def unnest(frame: Encoded) -> Encoded:
    """Structs opened; an array column holds its generated key."""
    parts, pivots = flatten(frame.schema)
    if not pivots:
        return frame.select(parts)
    return numbered(frame).select(parts)


def opened(frame: Encoded) -> Encoded:
    """Structs opened, and they alone."""
    parts = list(_open(frame.schema))
    _check_names([field.name for field, _ in parts])
    return frame.select(parts)


def _open(kind: g.StructType, above: str = "", held: str = "") -> Iterator[tuple[g.Field, str]]:
    for field in kind.fields:
        name = f"{above}.{field.name}" if above else field.name
        expression = member(held, field.name) if held else quote(field.name)
        if isinstance(field.dataType, g.StructType):
            yield from _open(field.dataType, name, expression)
        else:
            yield g.Field(name, field.dataType), expression


def relationalize(frame: Encoded, root: str) -> dict[str, Encoded]:
    """The root table and one table per array, by name."""
    tables: dict[str, Encoded] = {}
    _relate(frame, root, root, tables)
    return tables


def _relate(frame: Encoded, name: str, root: str, tables: dict[str, Encoded]) -> None:
    parts, pivots = flatten(frame.schema)
    if not pivots:
        tables[name] = frame.select(parts)
        return
    base = numbered(frame)
    tables[name] = base.select(parts)
    for pivot in pivots:
        # A nested array's column has the whole way down in its name already: root_items.val.tags
        _relate(_child(base, pivot), f"{root}_{pivot.column}", root, tables)


def _child(base: Encoded, pivot: Pivot) -> Encoded:
    """One row per element: id (the key in the parent), index, and the element under `<column>.val`."""
    source = pivot.expression
    kind = pivot.kind
    if isinstance(kind, g.MapType):
        source = f"map_entries({source})"
        element: g.DataType = g.StructType([g.Field("key", g.StringType()), g.Field("value", kind.valueType)])
    else:
        assert isinstance(kind, g.ArrayType | g.SetType)
        element = kind.elementType
    held = base.df.selectExpr(f"{quote(KEY)} as id", f"{source} as elements")
    exploded = held.selectExpr("id", "posexplode(elements) as (index, element)")
    field = g.Field(f"{pivot.column}.val", element)
    schema = g.StructType([g.Field("id", g.LongType()), g.Field("index", g.IntegerType()), field])
    return Encoded(df=exploded.selectExpr("id", "index", f"element as {quote(field.name)}"), schema=schema)
