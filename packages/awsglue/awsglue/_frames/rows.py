"""Transforms over whole rows: join, split, merge by key, union."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames import paths
from awsglue._frames.body import Encoded
from awsglue._frames.encoding import columns, literal, member, quote
from awsglue._frames.trees import Steps, find, reach

_OPERATORS = {">": ">", "<": "<", ">=": ">=", "<=": "<=", "=": "=", "==": "=", "!=": "<>"}


_NUMBERS = (int, float, decimal.Decimal)
_COMPARABLE: dict[type[g.DataType], tuple[type, ...]] = {
    **dict.fromkeys((g.ByteType, g.ShortType, g.IntegerType, g.LongType), _NUMBERS),
    **dict.fromkeys((g.FloatType, g.DoubleType, g.DecimalType), _NUMBERS),
    **dict.fromkeys((g.DateType, g.TimestampType, g.TimestampNTZType), (dt.date,)),
    g.BooleanType: (bool,),
    g.StringType: (str,),
}


def union(first: Encoded, second: Encoded) -> Encoded:
    """All rows of both, under the merged schema."""
    schema = g.mergeDataTypes(first.schema, second.schema)
    assert isinstance(schema, g.StructType)
    return Encoded(df=first.widened(schema).df.union(second.widened(schema).df), schema=schema)


def key_expressions(frame: Encoded, keys: list[Steps], what: str) -> list[str]:
    """The expressions of key fields. Raises ValueError when one is not there."""
    for steps in keys:
        if find(frame.schema, steps) is None:
            raise ValueError(f"{what}: field {paths.text(steps)} is not in the frame")
    return [reach(steps) for steps in keys]


def join(left: Encoded, right: Encoded, keys1: list[Steps], keys2: list[Steps]) -> Encoded:
    """Inner equi-join. Names of the right frame that the left one has too get a leading dot."""
    if len(keys1) != len(keys2) or not keys1:
        raise ValueError(f"Join needs as many keys on both sides: {len(keys1)} and {len(keys2)} were given")
    if not left.schema.fields or not right.schema.fields:
        # A source without (new) files has no fields, and no records to join.
        other = left if left.schema.fields else right
        return Encoded(df=other.df.where("false"), schema=other.schema)
    on1 = key_expressions(left, keys1, "Join")
    on2 = key_expressions(right, keys2, "Join")
    first = [*_positions(left, "l"), *(f"{key} as lk{i}" for i, key in enumerate(on1))]
    second = [*_positions(right, "r"), *(f"{key} as rk{i}" for i, key in enumerate(on2))]
    a, b = left.df.selectExpr(*first), right.df.selectExpr(*second)
    condition = a["lk0"] == b["rk0"]
    for i in range(1, len(keys1)):
        condition = condition & (a[f"lk{i}"] == b[f"rk{i}"])
    names = [field.name for field in left.schema.fields]
    fields = list(left.schema.fields)
    for field in right.schema.fields:
        name = field.name
        while name in names:
            name = "." + name
        names.append(name)
        fields.append(g.Field(name, field.dataType))
    carriers = [f"l{i}" for i in range(len(left.schema.fields))] + [
        f"r{i}" for i in range(len(right.schema.fields))
    ]
    joined = a.join(b, condition, "inner").selectExpr(*columns(list(zip(names, carriers, strict=True))))
    return Encoded(df=joined, schema=g.StructType(fields))


def _positions(frame: Encoded, prefix: str) -> list[str]:
    return columns([(f"{prefix}{i}", quote(field.name)) for i, field in enumerate(frame.schema.fields)])


def comparison(frame: Encoded, conditions: dict[str, dict[str, Any]]) -> str:
    """{path: {operator: value}} as one SQL condition that is never null. Raises ValueError."""
    parts = []
    for path, tests in conditions.items():
        steps = paths.parse_name(path)
        kind = find(frame.schema, steps)
        if kind is None and not frame.schema.fields:
            return "false"
        if kind is None:
            raise ValueError(f"SplitRows: field {path} is not in the frame")
        expression = reach(steps)
        for operator, value in tests.items():
            if operator not in _OPERATORS:
                raise ValueError(
                    f"SplitRows: unknown operator {operator!r}; it is one of {', '.join(_OPERATORS)}"
                )
            tests_of = _compared(kind, expression, _OPERATORS[operator], value)
            parts.append(f"coalesce({', '.join([*tests_of, 'false'])})")
    return " and ".join(parts) or "true"


def _compared(kind: g.DataType, expression: str, sign: str, value: Any) -> list[str]:
    """The comparison; of a choice those with its types that can be compared to the value: at most one is set."""
    if not isinstance(kind, g.ChoiceType):
        return [f"{expression} {sign} {sql_value(value)}"]
    return [
        f"{member(expression, name)} {sign} {sql_value(value)}"
        for name, option in kind.choices.items()
        if isinstance(value, _COMPARABLE.get(type(option), ()))
        and isinstance(value, bool) == (name == "boolean")
    ]


def sql_value(value: Any) -> str:
    """A Python value as an SQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"cast({literal(repr(value))} as double)"
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return f"timestamp {literal(value.isoformat(sep=' '))}"
    if isinstance(value, dt.date):
        return f"date {literal(value.isoformat())}"
    return literal(str(value))


def merge_by_keys(source: Encoded, stage: Encoded, keys: list[Steps]) -> Encoded:
    """Source rows without a staged row of the same key, and all staged rows."""
    if not source.schema.fields or not stage.schema.fields:
        return source if source.schema.fields else stage
    on1 = key_expressions(source, keys, "mergeDynamicFrame")
    on2 = key_expressions(stage, keys, "mergeDynamicFrame")
    names = [f"k{i}" for i in range(len(keys))]
    a = source.df.selectExpr(
        *_positions(source, "l"), *(f"{key} as {name}" for key, name in zip(on1, names, strict=True))
    )
    staged = [f"s{name}" for name in names]
    b = stage.df.selectExpr(*(f"{key} as {name}" for key, name in zip(on2, staged, strict=True))).distinct()
    condition = a["k0"] == b["sk0"]
    for i in range(1, len(keys)):
        condition = condition & (a[f"k{i}"] == b[f"sk{i}"])
    left = a.join(b, condition, "left_anti")
    back = left.selectExpr(*columns([(field.name, f"l{i}") for i, field in enumerate(source.schema.fields)]))
    return union(Encoded(df=back, schema=source.schema), stage)


def rename(frame: Encoded, old: Steps, new: Steps) -> Encoded:
    """A field under another full path: in place when it stays in its struct, else moved."""
    from awsglue._frames.trees import Placement, drop

    kind = find(frame.schema, old)
    if kind is None or old == new:
        return frame
    if len(old) == len(new) == 1:
        return frame.select(
            [
                (g.Field(new[0] if field.name == old[0] else field.name, field.dataType), quote(field.name))
                for field in frame.schema.fields
                if field.name != new[0]
            ]
        )
    placement = Placement()
    for path, leaf in leaves(frame.schema):
        if path[: len(old)] == old:
            placement.put((*new, *path[len(old) :]), leaf, reach(path))
        elif path[: len(new)] != new:
            placement.put(path, leaf, reach(path))
    touched = {old[0], new[0]}
    moved = {field.name: (field, expression) for field, expression in placement.parts()}
    whole = {field.name: (field, expression) for field, expression in drop(frame.schema, [])}
    order = [field.name for field, _ in placement.parts()]
    return frame.select(
        [moved[name] if name in touched or name not in whole else whole[name] for name in order]
    )


def leaves(schema: g.StructType, above: Steps = ()) -> list[tuple[Steps, g.DataType]]:
    """Every field that is not a struct, with its path."""
    found: list[tuple[Steps, g.DataType]] = []
    for field in schema.fields:
        path = (*above, field.name)
        if isinstance(field.dataType, g.StructType) and field.dataType.fields:
            found += leaves(field.dataType, path)
        else:
            found.append((path, field.dataType))
    return found
