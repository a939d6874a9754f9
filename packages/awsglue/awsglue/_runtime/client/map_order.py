"""The order of a map's entries that come from Python: Spark takes dicts through Java's hash maps. Pure functions.

Keys that are texts, whole numbers or booleans; of others the order stays Python's.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

_LEAST = 16


def ordered_table(table: Any) -> Any:
    """The Arrow table with the entries of its columns' maps, at any depth, in Spark's order."""
    import pyarrow as pa

    if not any(_has_map(field.type) for field in table.schema):
        return table
    columns = [
        pa.chunked_array([_within(c) for c in column.chunks], column.type)
        if _has_map(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, schema=table.schema)


def _has_map(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_map(kind) or (
        pa.types.is_nested(kind) and any(_has_map(kind.field(at).type) for at in range(kind.num_fields))
    )


def _within(array: Any) -> Any:
    """The array with the entries of the maps in it in Spark's order."""
    import pyarrow as pa

    kind = array.type
    if not _has_map(kind) or array.offset:
        return array
    nulls = array.is_null() if array.null_count else None
    if pa.types.is_map(kind):
        inner = pa.MapArray.from_arrays(
            array.offsets, array.keys, _within(array.items), type=kind, mask=nulls
        )
        return _ordered(inner)
    if pa.types.is_struct(kind):
        members = [_within(array.field(at)) for at in range(kind.num_fields)]
        return pa.StructArray.from_arrays(members, fields=list(kind), mask=nulls)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return type(array).from_arrays(array.offsets, _within(array.values), type=kind, mask=nulls)
    return array


def order(keys: list[Any]) -> list[int]:
    """The places of these keys in the order in which Spark has them."""
    hashes = [_spread(_hash(key)) for key in keys]
    # They are put into one map from the last on, and from it into another that has just their size.
    grown = _LEAST
    while len(keys) > grown * 3 // 4:
        grown *= 2
    first = sorted(range(len(keys) - 1, -1, -1), key=lambda at: hashes[at] & (grown - 1))
    wanted, size = int(len(keys) / 0.75 + 1), 1
    while size < wanted:
        size *= 2
    return sorted(first, key=lambda at: hashes[at] & (size - 1))


def _ordered(array: Any) -> Any:
    import pyarrow as pa

    kind = array.type.key_type
    if not (pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return array
    offsets, keys = array.offsets.to_pylist(), array.keys.to_pylist()
    # The keys of an array that is a slice are all of them, from the beginning.
    taken = list(range(len(keys)))
    for begin, end in pairwise(offsets):
        if end - begin > 1:
            taken[begin:end] = [begin + at for at in order(keys[begin:end])]
    if taken == list(range(len(keys))) or array.offset:
        return array
    places = pa.array(taken, type=pa.int64())
    nulls = array.is_null() if array.null_count else None
    return pa.MapArray.from_arrays(
        array.offsets, array.keys.take(places), array.items.take(places), type=array.type, mask=nulls
    )


def _hash(key: Any) -> int:
    """Java's hash code, of 32 bits without a sign."""
    if isinstance(key, bool):
        return 1231 if key else 1237
    if isinstance(key, int):
        return (
            key & 0xFFFFFFFF if -(2**31) <= key < 2**31 else (key ^ ((key & (2**64 - 1)) >> 32)) & 0xFFFFFFFF
        )
    found = 0
    units = str(key).encode("utf-16-be", "surrogatepass")
    for at in range(0, len(units), 2):
        found = (31 * found + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    return found


def _spread(code: int) -> int:
    return code ^ (code >> 16)
