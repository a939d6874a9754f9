"""The Iceberg schema of a table's Hive columns: ``array<struct<a:int>>`` and its like. Owns no state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType

_PRIMITIVES = {
    "boolean": "boolean", "tinyint": "int", "smallint": "int", "int": "int", "integer": "int", "bigint": "long",
    "long": "long", "float": "float", "double": "double", "date": "date", "timestamp": "timestamp",
    "string": "string", "binary": "binary",
}  # fmt: skip
_TOKEN = re.compile(r"\s*([<>,:()]|[^<>,:()\s]+)")
DEEPEST = 50


def schema_of(columns: Sequence[dict[str, Any]]) -> Schema:
    """The schema with fresh ids, all columns optional. Raises ValueError for a type that Iceberg does not have."""
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.schema import Schema, assign_fresh_schema_ids
    from pyiceberg.types import NestedField

    numbers = _numbers()
    fields = []
    for column in columns:
        try:
            found = _Types(column.get("Type") or "string", numbers).whole()
        except (ValueError, ValidationError) as error:
            raise ValueError(f"column {column['Name']}: {error}") from None
        fields.append(
            NestedField(next(numbers), column["Name"], found, required=False, doc=column.get("Comment"))
        )
    return assign_fresh_schema_ids(Schema(*fields))


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


class _Types:
    """Reads one type. ``numbers`` gives the ids of what is inside it."""

    def __init__(self, text: str, numbers: Iterator[int]) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._numbers = numbers
        self._next = 0

    def whole(self) -> IcebergType:
        found = self._type(0)
        if self._next < len(self._tokens):
            raise self._refusal()
        return found

    def _type(self, depth: int) -> IcebergType:
        from pyiceberg.types import DecimalType, ListType, MapType, StringType

        if depth > DEEPEST:
            raise self._refusal()
        name = self._take().lower()
        match name:
            case "struct":
                return self._struct(depth)
            case "array":
                self._take("<")
                element = self._type(depth + 1)
                self._take(">")
                return ListType(next(self._numbers), element, element_required=False)
            case "map":
                self._take("<")
                key = self._type(depth + 1)
                self._take(",")
                value = self._type(depth + 1)
                self._take(">")
                return MapType(next(self._numbers), key, next(self._numbers), value, value_required=False)
            case "decimal":
                arguments = self._arguments() or [10]
                return DecimalType(arguments[0], arguments[1] if len(arguments) > 1 else 0)
            case "char" | "varchar":
                self._arguments()
                return StringType()
        return self._primitive(name)

    def _primitive(self, name: str) -> IcebergType:
        from pydantic import TypeAdapter
        from pyiceberg.types import IcebergType

        if name not in _PRIMITIVES:
            raise self._refusal()
        return TypeAdapter(IcebergType).validate_python(_PRIMITIVES[name])

    def _struct(self, depth: int) -> IcebergType:
        from pyiceberg.types import NestedField, StructType

        self._take("<")
        fields = []
        while True:
            name = self._take()
            self._take(":")
            fields.append(NestedField(next(self._numbers), name, self._type(depth + 1), required=False))
            if self._peek() != ",":
                break
            self._take(",")
        self._take(">")
        return StructType(*fields)

    def _arguments(self) -> list[int]:
        if self._peek() != "(":
            return []
        self._take("(")
        found = [int(self._take())]
        while self._peek() == ",":
            self._take(",")
            found.append(int(self._take()))
        self._take(")")
        return found

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, wanted: str | None = None) -> str:
        token = self._peek()
        if not token or (wanted is not None and token != wanted):
            raise self._refusal()
        self._next += 1
        return token

    def _refusal(self) -> ValueError:
        return ValueError(f"Iceberg has no type '{self._text}'")
