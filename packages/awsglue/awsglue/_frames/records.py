"""Records in Python: what user functions see, what types their values have, and how values become Arrow columns."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g

if TYPE_CHECKING:
    import pyarrow as pa

_INT = (-(2**31), 2**31 - 1)
_LONG = (-(2**63), 2**63 - 1)
_RANGES: dict[type[g.DataType], tuple[int, int]] = {
    g.ByteType: (-128, 127),
    g.ShortType: (-(2**15), 2**15 - 1),
    g.IntegerType: _INT,
    g.LongType: _LONG,
}


class DynamicRecord(dict):  # type: ignore[type-arg]
    """One record: a dictionary whose items are attributes too. Structs within it are DynamicRecords as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def __setitem__(self, name: Any, value: Any) -> None:
        super().__setitem__(name, wrapped(value))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def setdefault(self, name: Any, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def copy(self) -> DynamicRecord:
        return DynamicRecord(self)

    def __reduce__(self) -> Any:
        return (DynamicRecord, (dict(self),))


def wrapped(value: Any) -> Any:
    """Dictionaries as DynamicRecords, at any depth of lists."""
    if isinstance(value, DynamicRecord):
        return value
    if isinstance(value, Mapping):
        return DynamicRecord(value)
    if isinstance(value, list):
        return [wrapped(one) for one in value]
    return value


def plain(value: Any) -> Any:
    """DynamicRecords as plain dictionaries."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def type_of(value: Any, hint: g.DataType | None = None) -> g.DataType:
    """The Glue type of a Python value. `hint`, the type this field had before, is kept where the value fits it."""
    if value is None:
        return g.NullType()
    if isinstance(hint, g.ChoiceType):
        return _type_in_choice(value, hint)
    if isinstance(value, bool):
        return g.BooleanType()
    if isinstance(value, int):
        return _type_of_int(value, hint)
    if isinstance(value, float):
        return g.FloatType() if isinstance(hint, g.FloatType) else g.DoubleType()
    if isinstance(value, str):
        return g.StringType()
    if isinstance(value, Mapping):
        if isinstance(hint, g.MapType):
            return g.MapType(merged(type_of(one, hint.valueType) for one in value.values()))
        if not value:
            # An object without members tells nothing of what it is; no file format holds a struct without fields.
            return g.NullType()
        hints = hint.field_map if isinstance(hint, g.StructType) else {}
        return g.StructType(
            [
                g.Field(str(name), type_of(one, hints[name].dataType if name in hints else None))
                for name, one in value.items()
            ]
        )
    if isinstance(value, list | tuple | set):
        inner = hint.elementType if isinstance(hint, g.ArrayType | g.SetType) else None
        return g.ArrayType(merged(type_of(one, inner) for one in value))
    return _type_of_other(value, hint)


def _type_of_int(value: int, hint: g.DataType | None) -> g.DataType:
    limits = _RANGES.get(type(hint)) if hint is not None else None
    if limits and limits[0] <= value <= limits[1]:
        return hint  # type: ignore[return-value]
    if _INT[0] <= value <= _INT[1]:
        return g.IntegerType()
    if _LONG[0] <= value <= _LONG[1]:
        return g.LongType()
    return g.DecimalType(38, 0)


def _type_of_other(value: Any, hint: g.DataType | None) -> g.DataType:
    if isinstance(value, decimal.Decimal):
        if isinstance(hint, g.DecimalType):
            return hint
        _, digits, exponent = value.as_tuple()
        scale = max(0, -exponent) if isinstance(exponent, int) else 0
        return g.DecimalType(min(38, max(len(digits), scale, 1)), min(scale, 38))
    if isinstance(value, dt.datetime):
        return hint if isinstance(hint, g.TimestampNTZType) else g.TimestampType()
    if isinstance(value, dt.date):
        return g.DateType()
    if isinstance(value, bytes | bytearray | memoryview):
        return g.BinaryType()
    if hasattr(value, "item") and callable(value.item):
        return type_of(value.item(), hint)
    raise TypeError(f"a DynamicRecord cannot hold a value of type {type(value).__name__}")


def _type_in_choice(value: Any, hint: g.ChoiceType) -> g.DataType:
    for option in hint.choices.values():
        if value == {} and isinstance(option, g.StructType):
            return option
        found = type_of(value, option)
        if found.typeName() == option.typeName():
            return found
    return type_of(value)


def signature(value: Any) -> Any:
    """A cheap key that is equal only for values that type_of gives the same type, whatever the hint."""
    kind = type(value)
    if kind is int:
        for mark, (low, high) in enumerate(_RANGES.values()):
            if low <= value <= high:
                return mark
        return "wide"
    if isinstance(value, Mapping):
        return tuple((name, signature(one)) for name, one in value.items())
    if isinstance(value, list | tuple | set):
        return ("[", tuple(dict.fromkeys(signature(one) for one in value)))
    if kind is decimal.Decimal:
        _, digits, exponent = value.as_tuple()
        return (kind, len(digits), exponent)
    return kind


def merged(kinds: Iterator[g.DataType] | Any) -> g.DataType:
    """The merge of several types; unknown when there are none."""
    result: g.DataType = g.UnknownType()
    for kind in kinds:
        result = g.mergeDataTypes(result, kind)
    return result


def arrow_type(kind: g.DataType) -> pa.DataType:
    """The Arrow type of a Glue type's carrier."""
    import pyarrow as pa

    if isinstance(kind, g.StructType):
        return pa.struct([pa.field(field.name, arrow_type(field.dataType)) for field in kind.fields])
    if isinstance(kind, g.ChoiceType):
        return pa.struct([pa.field(name, arrow_type(choice)) for name, choice in kind.choices.items()])
    if isinstance(kind, g.ArrayType | g.SetType):
        return pa.list_(arrow_type(kind.elementType))
    if isinstance(kind, g.MapType):
        return pa.map_(pa.string(), arrow_type(kind.valueType))
    if isinstance(kind, g.DecimalType):
        return pa.decimal128(kind.precision, kind.scale)
    simple: dict[type[g.DataType], pa.DataType] = {
        g.BinaryType: pa.binary(),
        g.BooleanType: pa.bool_(),
        g.ByteType: pa.int8(),
        g.DateType: pa.date32(),
        g.DoubleType: pa.float64(),
        g.FloatType: pa.float32(),
        g.IntegerType: pa.int32(),
        g.LongType: pa.int64(),
        g.ShortType: pa.int16(),
        g.TimestampType: pa.timestamp("us", tz="UTC"),
        g.TimestampNTZType: pa.timestamp("us"),
    }
    return simple.get(type(kind), pa.string())


def arrow_array(values: list[Any], kind: g.DataType) -> pa.Array:
    """Python values as the carrier of `kind`."""
    import pyarrow as pa

    if isinstance(kind, g.ChoiceType):
        return _choice_array(values, kind)
    if isinstance(kind, g.StructType):
        children = [
            arrow_array([None if one is None else one.get(field.name) for one in values], field.dataType)
            for field in kind.fields
        ]
        mask = pa.array([one is None for one in values], type=pa.bool_())
        fields = [pa.field(field.name, arrow_type(field.dataType)) for field in kind.fields]
        return (
            pa.StructArray.from_arrays(children, fields=fields, mask=mask)
            if children
            else pa.nulls(len(values), pa.struct([]))
        )
    if isinstance(kind, g.ArrayType | g.SetType):
        return _list_array(values, kind.elementType)
    if isinstance(kind, g.MapType):
        pairs = [None if one is None else list(one.items()) for one in values]
        if isinstance(kind.valueType, g.AtomicType):
            return pa.array(pairs, type=arrow_type(kind))
        keys = pa.array([str(name) for one in pairs if one for name, _ in one], type=pa.string())
        held = arrow_array([item for one in pairs if one for _, item in one], kind.valueType)
        return pa.MapArray.from_arrays(_offsets(pairs), keys, held)
    if {} in values:
        values = [None if one == {} else one for one in values]
    if isinstance(kind, g.DecimalType):
        context = decimal.Context(prec=38)
        unit = decimal.Decimal(1).scaleb(-kind.scale)
        values = [
            None if one is None else decimal.Decimal(one).quantize(unit, context=context) for one in values
        ]
    elif isinstance(kind, g.TimestampType):
        values = [_aware(one) for one in values]
    elif isinstance(kind, g.BinaryType):
        values = [None if one is None else bytes(one) for one in values]
    elif isinstance(kind, g.NullType | g.UnknownType):
        return pa.nulls(len(values), pa.string())
    return pa.array(values, type=arrow_type(kind))


def _offsets(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    offsets: list[int | None] = []
    position = 0
    for one in values:
        # Arrow marks a null list by a null offset.
        offsets.append(None if one is None else position)
        position += len(one) if one is not None else 0
    return pa.array([*offsets, position], type=pa.int32())


def _list_array(values: list[Any], element: g.DataType) -> pa.Array:
    import pyarrow as pa

    held = arrow_array([item for one in values if one is not None for item in one], element)
    return pa.ListArray.from_arrays(_offsets(values), held)


def _choice_array(values: list[Any], kind: g.ChoiceType) -> pa.Array:
    import pyarrow as pa

    names = [None if one is None else type_of(one, kind).typeName() for one in values]
    children = [
        arrow_array(
            [one if name == option else None for one, name in zip(values, names, strict=True)], choice
        )
        for option, choice in kind.choices.items()
    ]
    fields = [pa.field(option, arrow_type(choice)) for option, choice in kind.choices.items()]
    return pa.StructArray.from_arrays(
        children, fields=fields, mask=pa.array([one is None for one in values], type=pa.bool_())
    )


def _aware(value: Any) -> Any:
    """A naive datetime of a user function is UTC: Glue's sessions run in UTC."""
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    return value


def arrow_batch(records: list[dict[str, Any]], schema: g.StructType) -> pa.RecordBatch:
    """Records as one batch of columns c0, c1, … in the schema's order."""
    import pyarrow as pa

    arrays = [
        arrow_array([one.get(field.name) for one in records], field.dataType) for field in schema.fields
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[f"c{index}" for index in range(len(arrays))])


def decoded(value: Any, kind: g.DataType) -> Any:
    """A value out of a carrier as the user sees it: a choice is its value, structs are dictionaries."""
    if value is None:
        return None
    if isinstance(kind, g.ChoiceType):
        for name, option in kind.choices.items():
            held = value.get(name)
            if held is not None:
                return decoded(held, option)
        return None
    if isinstance(kind, g.StructType):
        return {field.name: decoded(value.get(field.name), field.dataType) for field in kind.fields}
    if isinstance(kind, g.ArrayType | g.SetType):
        if isinstance(kind.elementType, g.AtomicType):
            return list(value)
        return [decoded(one, kind.elementType) for one in value]
    if isinstance(kind, g.MapType):
        items = value.items() if isinstance(value, dict) else value
        return {name: decoded(one, kind.valueType) for name, one in items}
    if isinstance(kind, g.TimestampType) and isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


def simple(kind: g.DataType) -> bool:
    """Whether a carrier's Python value is the user's value as it stands."""
    if isinstance(kind, g.ArrayType | g.SetType):
        return simple(kind.elementType)
    return isinstance(kind, g.AtomicType) and not isinstance(kind, g.TimestampType)
