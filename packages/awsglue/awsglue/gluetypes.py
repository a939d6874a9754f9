"""Glue's own type system: what a DynamicFrame's schema is made of, and how the types of records merge.

Unlike Spark's types these know `ChoiceType`: a field whose records do not agree on a type keeps all of them, side by
side, until `resolveChoice` decides. Types of different kinds never widen into each other (int and long make a choice).
The module holds no state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

__all__ = [
    "ArrayType",
    "AtomicType",
    "BinaryType",
    "BooleanType",
    "ByteType",
    "ChoiceType",
    "DataType",
    "DateType",
    "DecimalType",
    "DoubleType",
    "EntityType",
    "EnumType",
    "Field",
    "FloatType",
    "IntegerType",
    "LongType",
    "MapType",
    "NullType",
    "SetType",
    "ShortType",
    "StringType",
    "StructType",
    "TimestampNTZType",
    "TimestampType",
    "UnknownType",
    "mergeDataTypes",
]


class DataType:
    """Any Glue type. `properties` are free key/value pairs that travel with the type."""

    def __init__(self, properties: dict[str, Any] | None = None) -> None:
        self.properties: dict[str, Any] = dict(properties or {})

    @classmethod
    def typeName(cls) -> str:
        """The type's lower-case name: the class name without "Type"."""
        return cls.__name__.removesuffix("Type").lower()

    def jsonValue(self) -> dict[str, Any]:
        """The type as Glue writes it in JSON."""
        return {"dataType": self.typeName(), "properties": self.properties}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> DataType:
        """The type written in `value` (see jsonValue)."""
        return cls(value.get("properties", {}))

    def _key(self) -> tuple[Any, ...]:
        return ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._key() == other._key()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self).__name__, str(self._key())))

    def __repr__(self) -> str:
        arguments = ", ".join(repr(part) for part in self._key())
        return f"{type(self).__name__}({arguments})"


class AtomicType(DataType):
    """A type without parts."""


class BinaryType(AtomicType):
    pass


class BooleanType(AtomicType):
    pass


class ByteType(AtomicType):
    pass


class DateType(AtomicType):
    pass


class DecimalType(AtomicType):
    """Exact number with `precision` digits, `scale` of them behind the point."""

    def __init__(self, precision: int = 10, scale: int = 2, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.precision = precision
        self.scale = scale

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "precision": self.precision, "scale": self.scale}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> DecimalType:
        return cls(int(value.get("precision", 10)), int(value.get("scale", 2)), value.get("properties", {}))

    def _key(self) -> tuple[Any, ...]:
        return (self.precision, self.scale)


class DoubleType(AtomicType):
    pass


class EnumType(AtomicType):
    """One of a fixed set of strings."""

    def __init__(self, options: Iterable[str], properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.options = list(options)

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "options": self.options}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> EnumType:
        return cls(value.get("options", []), value.get("properties", {}))

    def _key(self) -> tuple[Any, ...]:
        return tuple(sorted(self.options))


class FloatType(AtomicType):
    pass


class IntegerType(AtomicType):
    @classmethod
    def typeName(cls) -> str:
        return "int"


class LongType(AtomicType):
    pass


class NullType(AtomicType):
    pass


class ShortType(AtomicType):
    pass


class StringType(AtomicType):
    pass


class TimestampType(AtomicType):
    pass


class TimestampNTZType(AtomicType):
    pass


class UnknownType(AtomicType):
    pass


class _Elements(DataType):
    """A type of many elements of one type."""

    def __init__(self, elementType: DataType | None = None, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.elementType: DataType = UnknownType() if elementType is None else elementType

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "elementType": self.elementType.jsonValue()}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> _Elements:
        return cls(_deserialize_json(value["elementType"]), value.get("properties", {}))

    def _key(self) -> tuple[Any, ...]:
        return (self.elementType,)


class ArrayType(_Elements):
    pass


class SetType(_Elements):
    pass


class MapType(DataType):
    """String keys to values of one type."""

    def __init__(self, valueType: DataType | None = None, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.valueType: DataType = UnknownType() if valueType is None else valueType

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "valueType": self.valueType.jsonValue()}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> MapType:
        return cls(_deserialize_json(value["valueType"]), value.get("properties", {}))

    def _key(self) -> tuple[Any, ...]:
        return (self.valueType,)


class ChoiceType(DataType):
    """Several types at once, at most one per kind, kept in the order of their names."""

    def __init__(self, choices: Iterable[DataType] = (), properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.choices: dict[str, DataType] = {}
        for choice in choices:
            self.add(choice)

    def add(self, new: DataType) -> None:
        """Add a type; one of a kind that is there already is merged into it."""
        if isinstance(new, ChoiceType):
            for choice in new.choices.values():
                self.add(choice)
            return
        if isinstance(new, NullType | UnknownType):
            return
        kind = new.typeName()
        old = self.choices.get(kind)
        self.choices[kind] = new if old is None else mergeDataTypes(old, new)
        self.choices = dict(sorted(self.choices.items()))

    def merge(self, new_choices: Iterable[DataType]) -> None:
        """Add several types."""
        for choice in new_choices:
            self.add(choice)

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "choices": [choice.jsonValue() for choice in self.choices.values()]}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> ChoiceType:
        return cls([_deserialize_json(choice) for choice in value["choices"]], value.get("properties", {}))

    def _key(self) -> tuple[Any, ...]:
        return tuple(self.choices.values())


class Field:
    """A named member of a struct."""

    def __init__(self, name: str, dataType: DataType, properties: dict[str, Any] | None = None) -> None:
        self.name = name
        self.dataType = dataType
        self.properties: dict[str, Any] = dict(properties or {})

    def jsonValue(self) -> dict[str, Any]:
        return {"name": self.name, "container": self.dataType.jsonValue(), "properties": self.properties}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> Field:
        return cls(value["name"], _deserialize_json(value["container"]), value.get("properties", {}))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and (self.name, self.dataType) == (other.name, other.dataType)

    def __hash__(self) -> int:
        return hash((self.name, self.dataType))

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.dataType!r})"


class StructType(DataType):
    """Named fields in order."""

    def __init__(self, fields: Iterable[Field] = (), properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.fields: list[Field] = list(fields)

    @property
    def field_map(self) -> dict[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.fields}

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def add(self, field: Field) -> StructType:
        """Add a field at the end."""
        self.fields.append(field)
        return self

    def hasField(self, field: Field | str) -> bool:
        """Whether a field of this name is here."""
        return (field.name if isinstance(field, Field) else field) in self.field_map

    def getField(self, field: str) -> Field:
        """The field of this name. Raises KeyError."""
        return self.field_map[field]

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "fields": [field.jsonValue() for field in self.fields]}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> StructType:
        return cls([Field.fromJsonValue(field) for field in value["fields"]], value.get("properties", {}))

    def _key(self) -> tuple[Any, ...]:
        return tuple(self.fields)

    def treeString(self) -> str:
        """The schema as `printSchema` shows it."""
        from awsglue._frames.schematree import tree_lines

        return "root\n" + "".join(tree_lines(self, "|-- "))


class EntityType(DataType):
    """A type found by entity detection, over the type that carries it."""

    base: ClassVar[str] = "entity"

    def __init__(self, entity: str = "", properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.entity = entity

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "entity": self.entity}

    @classmethod
    def fromJsonValue(cls, value: dict[str, Any]) -> EntityType:
        return cls(value.get("entity", ""), value.get("properties", {}))

    def _key(self) -> tuple[Any, ...]:
        return (self.entity,)


_CONCRETE: tuple[type[DataType], ...] = (
    ArrayType,
    BinaryType,
    BooleanType,
    ByteType,
    ChoiceType,
    DateType,
    DecimalType,
    DoubleType,
    EntityType,
    EnumType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    NullType,
    SetType,
    ShortType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
    UnknownType,
)


def _deserialize_json(value: dict[str, Any]) -> DataType:
    kind = value.get("dataType")
    for concrete in _CONCRETE:
        if concrete.typeName() == kind:
            return concrete.fromJsonValue(value)
    raise ValueError(f"Could not parse datatype: {kind}")


def _deserialize_json_string(text: str) -> DataType:
    return _deserialize_json(json.loads(text))


def _serialize_schema(schema: DataType) -> str:
    return json.dumps(schema.jsonValue())


def _make_choice(first: DataType, second: DataType) -> ChoiceType:
    return ChoiceType([first, second])


def _create_dynamic_record(value: Any) -> Any:
    from awsglue._frames.records import DynamicRecord

    return DynamicRecord(value) if isinstance(value, dict) else value


def _revert_to_dict(value: Any) -> Any:
    from awsglue._frames.records import plain

    return plain(value)


def mergeDataTypes(first: DataType, second: DataType) -> DataType:
    """The type that holds values of both: the same kind merges part by part, different kinds become a choice."""
    from awsglue._frames.merging import merged

    return merged(first, second)
