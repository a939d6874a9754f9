"""Data against the types that a catalog declares: what fits takes the declared type, what does not makes a choice."""

from __future__ import annotations

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._frames.casts import cast
from awsglue._frames.encoding import member, null, quote, struct, variable


def typed(frame: Encoded, declared: g.StructType, keys: list[str], *, texts: bool) -> Encoded:
    """The frame with partition keys cast to their types, and, for text formats, with the declared column types."""
    wanted = {field.name.lower(): field.dataType for field in declared.fields}
    lowered = {key.lower() for key in keys}
    candidates = []
    for field in frame.schema.fields:
        kind = wanted.get(field.name.lower())
        if kind is None or not isinstance(field.dataType, g.StringType) or isinstance(kind, g.StringType):
            continue
        if field.name.lower() in lowered or (texts and isinstance(kind, g.AtomicType)):
            candidates.append((field.name, kind))
    misfits = _misfits(frame, [(name, kind) for name, kind in candidates if name.lower() not in lowered])
    parts = []
    chosen = dict(candidates)
    for field in frame.schema.fields:
        kind = chosen.get(field.name)
        expression = quote(field.name)
        if kind is None:
            parts.append((field, expression))
        elif field.name in misfits:
            choice = g.ChoiceType([kind, g.StringType()])
            parts.append((g.Field(field.name, choice), _either(expression, kind, choice)))
        else:
            parts.append((g.Field(field.name, kind), cast(expression, field.dataType, kind)))
    return frame.select(parts)


def as_given(frame: Encoded, text: str) -> Encoded:
    """The frame under the schema that the format option withSchema gives (JSON of a StructType): its columns only.

    Values are as `as_wanted` makes them. Raises ValueError for text that is no schema.
    """
    given = given_schema(text)
    if not isinstance(given, g.StructType):
        raise ValueError("withSchema is not the JSON of a StructType")
    here = {field.name: field.dataType for field in frame.schema.fields}
    return frame.select(
        [
            (field, as_wanted(quote(field.name), here.get(field.name, g.NullType()), field.dataType))
            for field in given.fields
        ]
    )


def given_schema(text: str) -> g.DataType:
    """The type that the option withSchema gives. Raises ValueError."""
    try:
        return g._deserialize_json_string(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"withSchema is not the JSON of a schema: {error}") from None


def as_wanted(expression: str, kind: g.DataType, wanted: g.DataType, depth: int = 0) -> str:
    """A value cast, null where it cannot be; one value where an array is wanted is an array of one, at any depth."""
    lists = (g.ArrayType, g.SetType)
    if kind == wanted:
        return expression
    if isinstance(kind, g.NullType):
        return null(wanted)
    if isinstance(kind, g.StructType) and isinstance(wanted, g.StructType):
        own = {field.name: field.dataType for field in kind.fields}
        parts = [
            (
                field.name,
                as_wanted(member(expression, field.name), own[field.name], field.dataType, depth)
                if field.name in own
                else null(field.dataType),
            )
            for field in wanted.fields
        ]
        return f"if({expression} is null, null, {struct(parts)})"
    if isinstance(kind, lists) and isinstance(wanted, lists):
        element = variable(depth)
        inner = as_wanted(element, kind.elementType, wanted.elementType, depth + 1)
        return f"transform({expression}, {element} -> {inner})"
    if isinstance(kind, g.ChoiceType):
        options = [
            as_wanted(member(expression, name), one, wanted, depth) for name, one in kind.choices.items()
        ]
        return f"coalesce({', '.join(options)})"
    if not isinstance(wanted, lists):
        return cast(expression, kind, wanted, depth)
    one = as_wanted(expression, kind, wanted.elementType, depth)
    return f"if({expression} is null, null, array({one}))"


def _misfits(frame: Encoded, columns: list[tuple[str, g.DataType]]) -> set[str]:
    """The columns with a value, other than an empty one, that is not of the declared type: one pass over the data."""
    if not columns:
        return set()
    tests = [
        f"max(if({_misfit(quote(name), kind)}, 1, 0)) as m{position}"
        for position, (name, kind) in enumerate(columns)
    ]
    (row,) = frame.df.selectExpr(*tests).collect()
    return {name for position, (name, _) in enumerate(columns) if row[position] == 1}


def _misfit(expression: str, kind: g.DataType) -> str:
    return f"{expression} is not null and {expression} <> '' and {cast(expression, g.StringType(), kind)} is null"


def _either(expression: str, kind: g.DataType, choice: g.ChoiceType) -> str:
    name = kind.typeName()
    value = cast(expression, g.StringType(), kind)
    as_kind = struct(
        [(option, value if option == name else null(one)) for option, one in choice.choices.items()]
    )
    as_text = struct(
        [(option, expression if option == "string" else null(one)) for option, one in choice.choices.items()]
    )
    nothing = f"{expression} is null or {expression} = ''"
    return f"case when {nothing} then null when {value} is not null then {as_kind} else {as_text} end"
