"""Records over a batch's columns, whose values are fetched when they are asked for.

Most functions look at few fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._frames.records import DynamicRecord, decoded, simple, wrapped

if TYPE_CHECKING:
    import pyarrow as pa

_set = object.__setattr__


class BatchColumns:
    """The columns of one batch as Python values, each converted on first use."""

    def __init__(self, batch: pa.RecordBatch, schema: g.StructType) -> None:
        self._batch = batch
        self._kinds = {field.name: (index, field.dataType) for index, field in enumerate(schema.fields)}
        self._values: dict[str, list[Any]] = {}
        self.names = list(self._kinds)

    def __contains__(self, name: object) -> bool:
        return name in self._kinds

    def get(self, name: Any) -> list[Any]:
        """All values of a column. Raises KeyError."""
        found = self._values.get(name)
        if found is None:
            index, kind = self._kinds[name]
            found = self._batch.column(index).to_pylist()
            if not simple(kind):
                found = [decoded(value, kind) for value in found]
            self._values[name] = found
        return found


class LazyRecord(DynamicRecord):
    """A record of a batch. Anything that needs all fields, or changes them, fetches them all first."""

    __slots__ = ("_columns", "_row")

    def __init__(self, columns: BatchColumns, row: int) -> None:
        _set(self, "_columns", columns)
        _set(self, "_row", row)

    def __missing__(self, name: Any) -> Any:
        columns = self._columns
        if columns is None:
            raise KeyError(name)
        value = columns.get(name)[self._row]
        if isinstance(value, dict | list):
            value = wrapped(value)
        dict.__setitem__(self, name, value)
        return value

    def fill(self) -> None:
        """Fetch all fields, in the schema's order, keeping those that were handed out already."""
        columns = self._columns
        if columns is None:
            return
        values = {name: self[name] for name in columns.names}
        _set(self, "_columns", None)
        dict.clear(self)
        dict.update(self, values)

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or (self._columns is not None and name in self._columns)

    def get(self, name: Any, default: Any = None) -> Any:
        # dict.get does not know __missing__.
        return self[name] if name in self else default  # noqa: SIM401

    def __setitem__(self, name: Any, value: Any) -> None:
        self.fill()
        super().__setitem__(name, value)

    def __delitem__(self, name: Any) -> None:
        self.fill()
        super().__delitem__(name)

    def __iter__(self) -> Iterator[Any]:
        self.fill()
        return super().__iter__()

    def __len__(self) -> int:
        self.fill()
        return super().__len__()

    def __bool__(self) -> bool:
        return len(self) > 0

    def __eq__(self, other: object) -> bool:
        self.fill()
        return dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        self.fill()
        return super().__repr__()

    def __or__(self, other: Any) -> Any:
        self.fill()
        return super().__or__(other)

    def __ror__(self, other: Any) -> Any:
        self.fill()
        return super().__ror__(other)

    def __reversed__(self) -> Any:
        self.fill()
        return super().__reversed__()

    def keys(self) -> Any:
        self.fill()
        return super().keys()

    def values(self) -> Any:
        self.fill()
        return super().values()

    def items(self) -> Any:
        self.fill()
        return super().items()

    def pop(self, *args: Any) -> Any:
        self.fill()
        return super().pop(*args)

    def popitem(self) -> Any:
        self.fill()
        return super().popitem()

    def clear(self) -> None:
        self.fill()
        super().clear()

    def copy(self) -> DynamicRecord:
        self.fill()
        return DynamicRecord(dict(self))

    def __copy__(self) -> DynamicRecord:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> DynamicRecord:
        import copy

        self.fill()
        return DynamicRecord({name: copy.deepcopy(value, memo) for name, value in dict.items(self)})

    def __reduce__(self) -> Any:
        self.fill()
        return (DynamicRecord, (dict(self.items()),))


def records_of(batch: pa.RecordBatch, schema: g.StructType) -> Iterator[DynamicRecord]:
    """The rows of a batch as records; fields that are null are there with None."""
    columns = BatchColumns(batch, schema)
    for row in range(batch.num_rows):
        yield LazyRecord(columns, row)
