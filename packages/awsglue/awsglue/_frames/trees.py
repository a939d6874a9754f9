"""Rewriting a schema's tree and, along with it, the expressions that carry it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from awsglue import gluetypes as g
from awsglue._frames.encoding import member, quote, struct, variable
from awsglue._frames.paths import ELEMENT

Steps = tuple[str, ...]
# Gives the new type and expression of the node at a path, or None to leave the node out.
Change = Callable[[g.DataType, str], "tuple[g.DataType, str] | None"]


def find(schema: g.DataType, steps: Steps) -> g.DataType | None:
    """The type at a path, or None when there is no such field."""
    kind: g.DataType = schema
    for step in steps:
        if step == ELEMENT:
            if not isinstance(kind, g.ArrayType | g.SetType):
                return None
            kind = kind.elementType
        elif isinstance(kind, g.StructType) and step in kind.field_map:
            kind = kind.field_map[step].dataType
        else:
            return None
    return kind


def fold(schema: g.StructType, steps: Steps) -> Steps | None:
    """The path as the schema spells it, when names differ in case only; None when there is no such field."""
    kind: g.DataType = schema
    spelt: list[str] = []
    for step in steps:
        if step == ELEMENT and isinstance(kind, g.ArrayType | g.SetType):
            kind = kind.elementType
            spelt.append(step)
            continue
        if not isinstance(kind, g.StructType):
            return None
        names = kind.field_map
        name = step if step in names else next((one for one in names if one.lower() == step.lower()), None)
        if name is None:
            return None
        spelt.append(name)
        kind = names[name].dataType
    return tuple(spelt)


def reach(steps: Steps) -> str:
    """The expression of the field at a path without array elements; null when a struct on the way is null."""
    expression = quote(steps[0])
    for step in steps[1:]:
        expression = member(expression, step)
    return expression


def change(schema: g.StructType, changes: dict[Steps, Change]) -> list[tuple[g.Field, str]]:
    """Top-level (field, expression) pairs after applying each change to the node at its path."""
    parts = []
    for field in schema.fields:
        result = _change(field.dataType, quote(field.name), _under(changes, field.name), 0)
        if result is not None:
            parts.append((g.Field(field.name, result[0], field.properties), result[1]))
    return parts


def _under(changes: dict[Steps, Change], step: str) -> dict[Steps, Change]:
    return {steps[1:]: how for steps, how in changes.items() if steps and steps[0] == step}


def _change(
    kind: g.DataType, expression: str, changes: dict[Steps, Change], depth: int
) -> tuple[g.DataType, str] | None:
    if not changes:
        return kind, expression
    if () in changes:
        return changes[()](kind, expression)
    if isinstance(kind, g.StructType):
        parts, fields = [], []
        for field in kind.fields:
            result = _change(
                field.dataType, member(expression, field.name), _under(changes, field.name), depth
            )
            if result is not None:
                fields.append(g.Field(field.name, result[0], field.properties))
                parts.append((field.name, result[1]))
        if fields == kind.fields and all(value == member(expression, name) for name, value in parts):
            return kind, expression
        if not fields:
            return None
        return g.StructType(fields), f"if({expression} is null, null, {struct(parts)})"
    if isinstance(kind, g.ArrayType | g.SetType):
        element = variable(depth)
        inner = _change(kind.elementType, element, _under(changes, ELEMENT), depth + 1)
        if inner is None:
            return None
        if inner[1] == element:
            # The elements stay; what they are taken for may be another type.
            return type(kind)(inner[0]), expression
        return type(kind)(inner[0]), f"transform({expression}, {element} -> {inner[1]})"
    return kind, expression


def drop(schema: g.StructType, paths: Iterable[Steps]) -> list[tuple[g.Field, str]]:
    """Without the fields at these paths; a struct that loses all of its fields goes too."""
    return change(schema, {steps: lambda kind, expression: None for steps in paths})


def select(schema: g.StructType, paths: Iterable[Steps]) -> list[tuple[g.Field, str]]:
    """Only the fields at these paths, nested ones within their structs, in the order first named."""
    wanted = [steps for steps in paths if find(schema, steps) is not None]
    order = list(dict.fromkeys(steps[0] for steps in wanted))
    names = schema.field_map
    parts = []
    for name in order:
        field = names[name]
        kept = [steps[1:] for steps in wanted if steps[0] == name]
        result = _keep(field.dataType, quote(name), kept, 0)
        parts.append((g.Field(name, result[0], field.properties), result[1]))
    return parts


def _keep(kind: g.DataType, expression: str, paths: list[Steps], depth: int) -> tuple[g.DataType, str]:
    if () in paths:
        return kind, expression
    if isinstance(kind, g.StructType):
        fields, parts = [], []
        for name in dict.fromkeys(steps[0] for steps in paths):
            below = [steps[1:] for steps in paths if steps[0] == name]
            result = _keep(kind.field_map[name].dataType, member(expression, name), below, depth)
            fields.append(g.Field(name, result[0]))
            parts.append((name, result[1]))
        return g.StructType(fields), f"if({expression} is null, null, {struct(parts)})"
    assert isinstance(kind, g.ArrayType | g.SetType)
    element = variable(depth)
    inner = _keep(kind.elementType, element, [steps[1:] for steps in paths], depth + 1)
    return type(kind)(inner[0]), f"transform({expression}, {element} -> {inner[1]})"


class Placement:
    """Builds a tree of target fields from (path, type, expression), merging those that share a struct."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[g.DataType, str] | Placement] = {}

    def put(self, steps: Steps, kind: g.DataType, expression: str) -> None:
        """Place a value; a later value at the same path wins."""
        if len(steps) == 1:
            self._fields[steps[0]] = (kind, expression)
            return
        inner = self._fields.get(steps[0])
        if not isinstance(inner, Placement):
            inner = Placement()
            self._fields[steps[0]] = inner
        inner.put(steps[1:], kind, expression)

    def parts(self) -> list[tuple[g.Field, str]]:
        """The (field, expression) pairs at the top."""
        made = []
        for name, value in self._fields.items():
            if isinstance(value, Placement):
                inner = value.parts()
                kind: g.DataType = g.StructType([field for field, _ in inner])
                made.append((g.Field(name, kind), struct([(field.name, part) for field, part in inner])))
            else:
                made.append((g.Field(name, value[0]), value[1]))
        return made
