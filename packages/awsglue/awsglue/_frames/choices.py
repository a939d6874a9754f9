"""resolveChoice: what becomes of fields whose records disagree on the type."""

from __future__ import annotations

from awsglue import gluetypes as g
from awsglue._frames import paths
from awsglue._frames.body import Encoded
from awsglue._frames.casts import cast, completed
from awsglue._frames.encoding import member, script_type
from awsglue._frames.trees import Change, Steps, change, find

_ACTIONS = ("make_struct", "make_cols", "KeepAsStruct", "keepasstruct", "KeepAsCols")


class ChoiceActionError(ValueError):
    """The action is not one of Glue's."""


def check_action(action: str) -> None:
    """Raises ChoiceActionError for what is no action."""
    if action in _ACTIONS:
        return
    name, colon, kind = action.partition(":")
    if name not in ("cast", "project") or not colon or not kind:
        raise ChoiceActionError(
            f"Invalid choice action {action!r}: use cast:type, project:type, make_cols, make_struct, KeepAsStruct"
        )
    script_type(kind)


def resolve_specs(frame: Encoded, specs: list[tuple[str, str]]) -> Encoded:
    """Each (path, action) applied to the field at its path; paths that are not there are left out."""
    for path, action in specs:
        check_action(action)
        frame = _resolve(frame, paths.parse_name(path), action)
    return frame


def resolve_all(frame: Encoded, action: str) -> Encoded:
    """One action for every choice in the frame, the inner ones first."""
    check_action(action)
    for steps in choice_paths(frame.schema):
        frame = _resolve(frame, steps, action)
    return frame


def choice_paths(kind: g.DataType, steps: Steps = ()) -> list[Steps]:
    """The paths of all choices that a path can name, deepest first."""
    found: list[Steps] = []
    if isinstance(kind, g.StructType):
        for field in kind.fields:
            found += choice_paths(field.dataType, (*steps, field.name))
    elif isinstance(kind, g.ArrayType | g.SetType):
        found += choice_paths(kind.elementType, (*steps, paths.ELEMENT))
    elif isinstance(kind, g.ChoiceType):
        found.append(steps)
    return found


def _resolve(frame: Encoded, steps: Steps, action: str) -> Encoded:
    kind = find(frame.schema, steps)
    if kind is None:
        return frame
    name, _, target = action.partition(":")
    if name in ("cast", "project"):
        wanted = script_type(target)
        return frame.select(change(frame.schema, {steps: _cast_to(wanted)}))
    if not isinstance(kind, g.ChoiceType):
        return frame
    if name in ("make_struct", "KeepAsStruct", "keepasstruct"):
        return frame.select(change(frame.schema, {steps: _as_struct}))
    return _make_cols(frame, steps, kind)


def _cast_to(wanted: g.DataType) -> Change:
    def to(kind: g.DataType, expression: str) -> tuple[g.DataType, str]:
        target = completed(wanted, kind)
        return target, cast(expression, kind, target)

    return to


def _as_struct(kind: g.DataType, expression: str) -> tuple[g.DataType, str]:
    """The carrier of a choice is that struct already."""
    assert isinstance(kind, g.ChoiceType)
    return g.StructType([g.Field(name, choice) for name, choice in kind.choices.items()]), expression


def _make_cols(frame: Encoded, steps: Steps, kind: g.ChoiceType) -> Encoded:
    """The choice `c` becomes c_int, c_string, … in the struct (or at the top) where it was."""
    name = steps[-1]
    if name == paths.ELEMENT:
        raise ChoiceActionError("make_cols needs a field with a name: array elements have none")
    made = [(f"{name}_{option}", choice) for option, choice in kind.choices.items()]
    if len(steps) == 1:
        parts = []
        for field, expression in change(frame.schema, {}):
            if field.name == name:
                parts += [
                    (g.Field(new, choice), member(expression, option))
                    for (new, choice), option in zip(made, kind.choices, strict=True)
                ]
            else:
                parts.append((field, expression))
        return frame.select(parts)
    return frame.select(change(frame.schema, {steps[:-1]: _spread(name, made, list(kind.choices))}))


def _spread(name: str, made: list[tuple[str, g.DataType]], options: list[str]) -> Change:
    from awsglue._frames.encoding import struct

    def to(kind: g.DataType, expression: str) -> tuple[g.DataType, str]:
        assert isinstance(kind, g.StructType)
        fields: list[g.Field] = []
        parts: list[tuple[str, str]] = []
        for field in kind.fields:
            value = member(expression, field.name)
            if field.name != name:
                fields.append(field)
                parts.append((field.name, value))
                continue
            for (new, choice), option in zip(made, options, strict=True):
                fields.append(g.Field(new, choice))
                parts.append((new, member(value, option)))
        return g.StructType(fields), f"if({expression} is null, null, {struct(parts)})"

    return to


def match_types(frame: Encoded, catalog: g.StructType) -> Encoded:
    """match_catalog: every field that the catalog knows gets the catalog's type."""
    known = {field.name.lower(): field.dataType for field in catalog.fields}
    changes: dict[Steps, Change] = {}
    for field in frame.schema.fields:
        wanted = known.get(field.name.lower())
        if wanted is not None:
            changes[(field.name,)] = _cast_to(wanted)
    return frame.select(change(frame.schema, changes))
