"""Chosen columns of a CSV file, cast to numbers and dates in the same pass that parses them. Owns no state.

pyarrow's conversion of a field gives what Spark's cast of the same text gives wherever it succeeds, but for two things
that are looked for: hexadecimal integers, and doubles that are not finite. A chunk with one of these, or with a field
that pyarrow refuses, is read as text and cast value by value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.io import decoding
from awsglue._runtime.io.csv_blocks import (
    Block,
    blocks,
    from_rows,
    list_rows,
    may_be_plain,
    plain_block,
    plain_table,
    whole_lines,
)
from awsglue._runtime.io.csv_options import CsvOptions
from awsglue._runtime.io.csv_values import Converter, Formats
from awsglue._runtime.io.text_casts import cast_column
from awsglue._runtime.io.threads import side_by_side

# The tried ones have no place for a point: that is TRY_CAST.
TRIED = "try_"
CASTS = frozenset({"int", "bigint", "double", "date", "try_int", "try_bigint"})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A column to be delivered: of which column of the file, and what its text is cast to ("" for nothing)."""

    name: str
    source: str
    cast: str = ""


def arrow_of_cast(name: str) -> Any:
    """The Arrow type of one of CASTS."""
    import pyarrow as pa

    return {"int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(), "date": pa.date32()}[
        name.removeprefix(TRIED)
    ]


class ChosenColumns:
    """The chosen columns of files of one schema. The reader's mode is PERMISSIVE, without a column for bad records."""

    def __init__(self, options: CsvOptions, schema: Any, wanted: list[Wanted]) -> None:
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import arrow_type

        self._options = options
        self._width = len(schema.fields)
        self._wanted = wanted
        places = {item.name.lower(): position for position, item in enumerate(schema.fields)}
        self._places = [places[item.source.lower()] for item in wanted]
        kinds = [schema.fields[place].dataType for place in self._places]
        formats = Formats(options)
        self._converters = [Converter(kind, arrow_type(kind), options, formats) for kind in kinds]
        # A column is parsed once, however often it is wanted.
        self._plain = len(set(self._places)) == len(self._places) and bool(wanted)
        self._plain = self._plain and not options.null_value
        self._plain = self._plain and all(kind.simpleString() == "string" for kind in kinds)
        self._types = {
            place: arrow_of_cast(item.cast) if item.cast else pa.string()
            for place, item in zip(self._places, wanted, strict=True)
        }
        self._integers = any(item.cast.endswith("int") for item in wanted)

    def batches(self, pieces: Iterator[bytes]) -> Iterator[Any]:
        """Record batches with the wanted columns of one file."""
        options, width = self._options, self._width
        if not may_be_plain(options):
            for block in blocks(pieces, options, width, header=options.header):
                yield self._of_block(block)
            return
        for made in side_by_side(self._of_chunk, whole_lines(pieces, options.header)):
            yield from made

    def _of_chunk(self, chunk: bytes) -> list[Any]:
        quick = self._quickly(chunk)
        if quick is not None:
            return [quick]
        plain = plain_block(chunk, self._options, self._width)
        if plain is not None:
            return [self._of_block(plain)]
        pieces = from_rows(list_rows(iter([chunk]), self._options), self._options, self._width)
        return [self._of_block(block) for block in pieces]

    def _quickly(self, chunk: bytes) -> Any:
        import pyarrow as pa

        if not self._plain or (self._integers and _may_be_hexadecimal(chunk)):
            return None
        table = plain_table(chunk, self._options, self._width, self._types)
        if table is None:
            return None
        columns = [column.combine_chunks() for column in table.columns]
        if not all(_finite(column) for column in columns):
            return None
        return pa.RecordBatch.from_arrays(columns, names=[item.name for item in self._wanted])

    def _of_block(self, block: Block) -> Any:
        import pyarrow as pa

        columns = []
        for item, place, converter in zip(self._wanted, self._places, self._converters, strict=True):
            column, _ = converter.convert(block.columns[place])
            columns.append(cast_column(column, item.cast) if item.cast else column)
        return pa.RecordBatch.from_arrays(columns, names=[item.name for item in self._wanted])


def chosen(reader: Any, file: Any, schema: Any, wanted: list[Wanted]) -> Iterator[Any]:
    """The wanted columns of one file, read by this CsvReader."""
    columns = ChosenColumns(reader.options, schema, wanted)
    with reader.storage.open(file.path) as stream:
        yield from columns.batches(decoding.decompressed(stream, file.path))


def _may_be_hexadecimal(chunk: bytes) -> bool:
    """Whether 0x or 0X is anywhere: pairs of bytes are compared at even places, then at odd ones."""
    import numpy as np

    if b"x" not in chunk and b"X" not in chunk:
        return False
    for start in (0, 1):
        pairs = np.frombuffer(chunk, "<u2", (len(chunk) - start) // 2, start)
        if ((pairs | 0x2000) == 0x7830).any():
            return True
    return False


def _finite(column: Any) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_floating(column.type):
        return True
    return bool(pc.all(pc.is_finite(column), min_count=0).as_py())
