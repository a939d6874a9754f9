"""Writes rows as data files of an Iceberg table. Owns no state."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyiceberg.io.fileformat import FileFormatFactory
from pyiceberg.io.pyarrow import _to_requested_schema, schema_to_pyarrow
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import sanitize_column_names
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import Record

from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.task_runs import TaskFailed

_ROW_GROUP_BYTES = 64 * 1024 * 1024
_PARQUET = FileFormatFactory.get(FileFormat.PARQUET)


def shaped(metadata: TableMetadata, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Rows of the table's schema as its data files hold them, with the fields' ids."""
    schema = metadata.schema()
    file_schema = sanitize_column_names(schema)
    target = schema_to_pyarrow(file_schema, include_field_ids=True)
    for batch in batches:
        made = _to_requested_schema(file_schema, schema, batch, include_field_ids=True, format_model=_PARQUET)
        # Batches of one schema may still differ in how long their texts can be.
        yield pa.Table.from_batches([made]).cast(target)


def row_groups(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of the size of a row group."""
    held: list[pa.Table] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += piece.nbytes
        if size >= _ROW_GROUP_BYTES:
            yield pa.concat_tables(held)
            held, size = [], 0
    if held:
        yield pa.concat_tables(held)


class NewFile:
    """One data file under way, in the table's present partition spec. Raises TaskFailed for senseless properties."""

    def __init__(
        self,
        files: TableFiles,
        metadata: TableMetadata,
        *,
        partition: Record,
        sort_order: int | None = None,
    ) -> None:
        self._metadata = metadata
        self._partition = partition
        self._sort_order = sort_order
        file_schema = sanitize_column_names(metadata.schema())
        try:
            self._output = files.new_output(_location(metadata, partition))
            self._writer = _PARQUET.create_writer(self._output, file_schema, metadata.properties)
        except ValueError as error:
            # A property that is not what it has to be.
            raise TaskFailed(f"The table cannot be written: {error}") from error
        self._rows = 0

    def add(self, piece: pa.Table) -> None:
        """Write some rows."""
        self._writer.write(piece)
        self._rows += piece.num_rows

    def abandon(self) -> None:
        """Whoever closes the stream, half a file must not become an object."""
        self._output.abandoned = True

    def close(self) -> DataFile | None:
        """The file; None when it got no row."""
        if not self._rows:
            return None
        return DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=self._output.location,
            file_format=FileFormat.PARQUET,
            partition=self._partition,
            sort_order_id=self._sort_order,
            spec_id=self._metadata.default_spec_id,
            equality_ids=None,
            key_metadata=None,
            **self._writer.close().to_serialized_dict(),
            # Known once the writer is closed.
            file_size_in_bytes=len(self._output),
        )


def write(
    files: TableFiles,
    metadata: TableMetadata,
    pieces: Iterable[pa.Table],
    *,
    partition: Record,
    sort_order: int | None = None,
) -> DataFile | None:
    """One data file of these rows, in the table's present partition spec; None when there is no row.

    Raises TaskFailed for properties that say nothing sensible.
    """
    made = NewFile(files, metadata, partition=partition, sort_order=sort_order)
    try:
        for piece in pieces:
            made.add(piece)
    except BaseException:
        made.abandon()
        raise
    return made.close()


def _location(metadata: TableMetadata, partition: Record) -> str:
    provider = load_location_provider(metadata.location, metadata.properties)
    name = f"00000-0-{uuid.uuid4()}.parquet"
    spec = metadata.spec()
    hashed = metadata.properties.get("write.object-storage.enabled", "").lower() == "true"
    if spec.is_unpartitioned() or hashed:
        return provider.new_data_location(name)
    return f"{provider.data_path}/{spec.partition_to_path(partition, metadata.schema())}/{name}"
