"""Rows into the data files of their partitions. Owns no state.

A partition's values are reckoned value by value with PyIceberg's transforms, once for each value that occurs, in the
form in which manifests keep them: days since 1970 for dates, microseconds for timestamps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import Record

from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.optimizers.writing import NewFile, row_groups


class TooManyPartitions(Exception):
    """The rows belong to more partitions than are to be written at once."""


def write_partitioned(
    files: TableFiles, metadata: TableMetadata, pieces: Iterable[pa.Table], *, most: int
) -> list[DataFile]:
    """A data file for each partition that gets rows. ``pieces`` are as ``writing.shaped`` makes them.

    Raises TooManyPartitions; then, and upon any other exception, no file is left.
    """
    under_way: dict[Record, NewFile] = {}
    done: list[DataFile] = []
    try:
        for piece in row_groups(pieces):
            for partition, rows in _split(metadata, piece):
                if partition not in under_way:
                    if len(under_way) >= most:
                        raise TooManyPartitions
                    under_way[partition] = NewFile(files, metadata, partition=partition)
                under_way[partition].add(rows)
        for one in under_way.values():
            made = one.close()
            if made is not None:
                done.append(made)
    except BaseException:
        for one in under_way.values():
            one.abandon()
        for made in done:
            files.delete(made.file_path)
        raise
    return done


def _split(metadata: TableMetadata, piece: pa.Table) -> Iterator[tuple[Record, pa.Table]]:
    spec, schema = metadata.spec(), metadata.schema()
    if spec.is_unpartitioned():
        yield Record(), piece
        return
    values = [_values(field.transform, schema, field.source_id, piece) for field in spec.fields]
    # Rows of one partition get one number: the place of its values in the order in which they first come.
    numbers: dict[tuple[Any, ...], int] = {}
    rows = [numbers.setdefault(row, len(numbers)) for row in zip(*values, strict=True)]
    mark = pa.array(rows, type=pa.int32())
    for partition, number in numbers.items():
        yield (
            Record(*partition),
            piece.filter(pc.call_function("equal", [mark, pa.scalar(number, pa.int32())])),
        )


def _values(transform: Any, schema: Schema, source: int, piece: pa.Table) -> list[Any]:
    """The partition value of each row."""
    kind = schema.find_type(source)
    place = [field.field_id for field in schema.fields].index(source)
    column = piece.column(place).combine_chunks()
    encoded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    of = transform.transform(kind)
    known = [of(value) for value in _physical(encoded.dictionary).to_pylist()]
    return [None if index is None else known[index] for index in encoded.indices.to_pylist()]


def _physical(values: pa.Array) -> pa.Array:
    if pa.types.is_date32(values.type):
        return values.cast(pa.int32())
    if pa.types.is_timestamp(values.type) or pa.types.is_time64(values.type):
        return values.cast(pa.int64())
    return values
