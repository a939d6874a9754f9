"""A read that has been planned but not done: its files, its schema, and how to bring its rows to an engine.

A scan is made when the script calls `load` (paths are checked and the schema is known then, as in Spark) and read
when an action needs it. Text formats are parsed by us and spooled once to Parquet in the scratch folder; Parquet
itself can be read by the engine. Owns its spool file.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from awsglue._runtime.io import partitions
from awsglue._runtime.io.listing import DataFile
from awsglue._runtime.io.storage import shown

# Columns that a plan may ask for besides the schema; they never show unless asked for.
FILE_NAME = "__mastic_file_name"
HIDDEN = (
    FILE_NAME,
    "__mastic_file_path",
    "__mastic_file_simple_name",
    "__mastic_file_size",
    "__mastic_file_block_start",
    "__mastic_file_block_length",
    "__mastic_file_modification_time",
)
SPOOL_ROWS = 1 << 17


@dataclass(kw_only=True, eq=False)
class Scan:
    """One planned read."""

    format: str
    files: list[DataFile]
    data_schema: Any
    partition_schema: Any
    # (file, data schema) -> record batches in that schema
    read: Callable[[DataFile, Any], Iterator[Any]]
    scratch: str
    roots: list[str] = field(default_factory=list)
    native: bool = False
    # Whether the script has persisted a frame of it; a file of it that has been deleted since.
    kept: bool = False
    gone: str = ""
    # Whether the files are such that the engine reads them as this schema says (asked once, when rows are needed).
    fits: Callable[[], bool] | None = None
    # (file, data schema, wanted columns) -> record batches of just these columns, where a format can do that
    choose: Callable[[DataFile, Any, list[Any]], Iterator[Any]] | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _spools: dict[tuple[bool, tuple[str, ...] | None], str] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    @property
    def schema(self) -> Any:
        """StructType of what the script sees: data columns, then partition columns (which win on equal names)."""
        from pyspark.sql.types import StructType

        by_name = {item.name.lower(): item for item in self.partition_schema.fields}
        fields = [by_name.pop(item.name.lower(), item) for item in self.data_schema.fields]
        fields += [item for item in self.partition_schema.fields if item.name.lower() in by_name]
        return StructType(fields)

    @property
    def file_schema(self) -> Any:
        """StructType of what is read from the files themselves."""
        from pyspark.sql.types import StructType

        partition_names = {item.name.lower() for item in self.partition_schema.fields}
        return StructType(
            [item for item in self.data_schema.fields if item.name.lower() not in partition_names]
        )

    def readable_natively(self) -> bool:
        """Whether the engine itself may read the files."""
        if self.native and self.fits is not None:
            self.native, self.fits = self.fits(), None
        return self.native

    def batches(self, *, hidden: bool = False) -> Iterator[Any]:
        """All rows: schema columns, then the hidden ones if asked, as record batches."""
        from awsglue._runtime.io.arrow_types import arrow_schema

        target = arrow_schema(self.schema)
        for file in self.files:
            constants = self.constants(file)
            for batch in self.read(file, self.file_schema):
                yield _assemble(batch, target, constants, file if hidden else None)

    def chosen(self, wanted: list[Any]) -> Iterator[Any]:
        """All rows of the wanted columns (csv_columns.Wanted), none a partition column; `choose` must be there."""
        assert self.choose is not None
        for file in self.files:
            yield from self.choose(file, self.file_schema, wanted)

    def constants(self, file: DataFile) -> dict[str, Any]:
        """The partition values of a file, typed, by lower-case name."""
        given = {name.lower(): value for name, value in file.partition}
        return {
            item.name.lower(): partitions.convert(given.get(item.name.lower()), item.dataType)
            for item in self.partition_schema.fields
        }

    def spool(self, *, hidden: bool = False, names: tuple[str, ...] | None = None) -> str:
        """A local Parquet file with all rows of these columns (None: all of the schema), and the hidden ones if asked.

        Written once for each choice of columns.
        """
        if self.choose is None or hidden or self.partition_schema.fields:
            names = None
        with self._lock:
            # One that has more serves as well.
            for key in ((hidden, names), (hidden, None), (True, None)):
                if key in self._spools:
                    return self._spools[key]
            self._spools[hidden, names] = self._write_spool(hidden, names)
            return self._spools[hidden, names]

    def forget(self) -> None:
        """Remove the spool files: nothing will read this scan any more (a batch of a stream that is over)."""
        with self._lock:
            for path in self._spools.values():
                os.unlink(path)
            self._spools.clear()

    def _write_spool(self, hidden: bool, names: tuple[str, ...] | None) -> str:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from awsglue._runtime.io.arrow_types import arrow_schema

        folder = os.path.join(self.scratch, "spool")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"{self.id}-{len(self._spools)}.parquet")
        schema = arrow_schema(self.schema)
        if names is not None:
            schema = pa.schema([schema.field(name) for name in names])
        if hidden:
            schema = pa.schema([*schema, *hidden_fields()])
        repeated = list(HIDDEN) if hidden else False
        batches = self.batches(hidden=hidden) if names is None else self._only(names)
        with pq.ParquetWriter(
            path + ".tmp", schema, compression="lz4", use_dictionary=repeated, write_statistics=False
        ) as writer:
            held: list[Any] = []
            rows = 0
            for batch in batches:
                held.append(batch)
                rows += batch.num_rows
                if rows >= SPOOL_ROWS:
                    writer.write_table(pa.Table.from_batches(held, schema), row_group_size=SPOOL_ROWS)
                    held, rows = [], 0
            writer.write_table(pa.Table.from_batches(held, schema))
        os.replace(path + ".tmp", path)
        return path

    def _only(self, names: tuple[str, ...]) -> Iterator[Any]:
        """All rows of these columns."""
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import arrow_schema
        from awsglue._runtime.io.csv_columns import Wanted

        whole = arrow_schema(self.schema)
        target = pa.schema([whole.field(name) for name in names])
        for batch in self.chosen([Wanted(name=name, source=name) for name in names]):
            yield pa.RecordBatch.from_arrays(batch.columns, schema=target)


def memory(schema: Any, batches: Iterator[Any], scratch: str) -> Scan:
    """A Scan of record batches. They come only once: its first spool must have all that may be asked for."""
    from pyspark.sql.types import StructType

    held = iter(batches)
    return Scan(
        format="memory",
        files=[DataFile(path="memory", size=0, modified=datetime.fromtimestamp(0, UTC))],
        data_schema=schema,
        partition_schema=StructType([]),
        read=lambda file, wanted: held,
        scratch=scratch,
    )


def hidden_fields() -> list[Any]:
    """Arrow fields of the hidden columns."""
    import pyarrow as pa

    kinds = {
        "__mastic_file_size": pa.int64(),
        "__mastic_file_block_start": pa.int64(),
        "__mastic_file_block_length": pa.int64(),
        "__mastic_file_modification_time": pa.timestamp("us", "UTC"),
    }
    return [pa.field(name, kinds.get(name, pa.string()), False) for name in HIDDEN]


def hidden_values(file: DataFile) -> list[Any]:
    """The hidden columns' values for a file, in the order of HIDDEN."""
    from urllib.parse import quote

    path = shown(file.path)
    name = quote(file.path.rsplit("/", 1)[-1], safe="=:+,@!$&'()*;~-._")
    return [path, path, name, file.size, 0, file.size, file.modified]


def _assemble(batch: Any, target: Any, constants: dict[str, Any], file: DataFile | None) -> Any:
    import pyarrow as pa

    present = {name.lower(): position for position, name in enumerate(batch.schema.names)}
    columns = []
    for item in target:
        key = item.name.lower()
        if key in constants:
            columns.append(_repeat(constants[key], item.type, batch.num_rows))
        else:
            column = batch.column(present[key])
            columns.append(column if column.type == item.type else column.cast(item.type))
    if file is None:
        return pa.RecordBatch.from_arrays(columns, schema=target)
    for item, value in zip(hidden_fields(), hidden_values(file), strict=True):
        columns.append(_repeat(value, item.type, batch.num_rows))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema([*target, *hidden_fields()]))


def _repeat(value: Any, kind: Any, count: int) -> Any:
    import pyarrow as pa

    if value is None:
        return pa.nulls(count, kind)
    return pa.repeat(pa.scalar(value, kind), count)
