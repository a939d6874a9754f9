"""Iceberg tables that statements change: opened as they are, committed through the catalog's own operations.

A commit writes a metadata file and points the catalog's entry at it with UpdateTable, naming the version of the entry
that it was made from, so that whoever was overtaken changes nothing. Owns no state.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update import update_table_metadata
from pyiceberg.table.update.snapshot import _FastAppendFiles

from mastic.athena.definitions import TABLE_INPUT
from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.session import Session
from mastic.errors import ServiceError
from mastic.glue.catalog import iceberg_metadata
from mastic.glue.catalog.attempts import Overtaken
from mastic.glue.catalog.iceberg_metadata import MetadataFiles
from mastic.glue.catalog.optimizers.files import TableFiles


class Changed(Overtaken):
    """The table was changed by somebody else since it was opened; nothing was committed."""


OVERTAKEN = QueryFailure(
    "ICEBERG_COMMIT_ERROR: Failed to commit the transaction during write: other writers came first each time",
    kind=1200,
    retryable=True,
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A table as it was when it was opened. ``entry`` is the catalog's."""

    entry: dict[str, Any]
    location: str
    metadata: TableMetadata
    table: Table

    @property
    def columns(self) -> list[str]:
        """The columns' names as queries know them."""
        return [field.name.lower() for field in self.metadata.schema().fields]


@dataclass(frozen=True, kw_only=True)
class Commits:
    """Opens and commits the tables of one statement. ``noting`` stands around the change of the catalog alone."""

    session: Session
    files: TableFiles
    metadata_files: MetadataFiles
    noting: Callable[[], AbstractContextManager[None]] = nullcontext

    def open(self, database: str, name: str) -> Target:
        """The table as it is now. Raises QueryFailure for one that cannot be written here."""
        entry = self.session.catalog.need_table(self.session.context, database, name)
        location = iceberg_metadata.metadata_location(entry)
        if location is None:
            raise QueryFailure("ICEBERG_INVALID_METADATA: the table has no metadata_location")
        try:
            metadata = self.metadata_files.table(location)
        except ServiceError as error:
            raise QueryFailure(f"ICEBERG_INVALID_METADATA: {error.message}") from None
        if metadata.format_version > 2:
            raise not_supported(f"writing Iceberg tables of format version {metadata.format_version}")
        if metadata.properties.get("write.format.default", "parquet").lower() != "parquet":
            raise not_supported("writing Iceberg data files of another format than Parquet")
        folded = [field.name.lower() for field in metadata.schema().fields]
        if len({*folded}) < len(folded):
            raise not_supported("writing tables whose columns' names differ in letter case alone")
        return Target(
            entry=entry, location=location, metadata=metadata, table=self.table(entry, location, metadata)
        )

    def table(self, entry: dict[str, Any], location: str, metadata: TableMetadata) -> Table:
        """PyIceberg's table, without properties by which a table would choose classes that PyIceberg loads."""
        kept = {k: v for k, v in metadata.properties.items() if not k.startswith(("write.py-", "py-"))}
        return Table(
            identifier=(entry["DatabaseName"], entry["Name"]),
            metadata=metadata.model_copy(update={"properties": kept}),
            metadata_location=location,
            io=self.files,
            catalog=NoopCatalog("catalog"),
        )

    def produce(self, target: Target, producer: Any) -> None:
        """Commit the snapshot of one of PyIceberg's producers. Raises Changed, and leaves no file then."""
        updates, _ = producer._commit()
        try:
            self.update(
                target, update_table_metadata(target.metadata, updates, metadata_location=target.location)
            )
        except (Changed, QueryFailure):
            producer._clean_all_uncommitted()
            raise

    def update(self, target: Target, metadata: TableMetadata) -> None:
        """Point the table at this metadata. Raises Changed, QueryFailure."""
        body = {k: v for k, v in target.entry.items() if k in TABLE_INPUT}
        number = iceberg_metadata.following(target.location)
        location = self.stored(metadata, number)
        given = iceberg_metadata.table_input(body["Name"], metadata, location, body, previous=target.location)
        try:
            with self.noting():
                self.session.catalog.call(
                    self.session.context,
                    "UpdateTable",
                    DatabaseName=target.entry["DatabaseName"],
                    TableInput=given,
                    VersionId=target.entry["VersionId"],
                    SkipArchive=True,
                )
        except ServiceError as error:
            # Refused means not done: nothing points at the file.
            self.metadata_files.discard(location)
            if error.code in ("ConcurrentModificationException", "EntityNotFoundException"):
                raise Changed from error
            raise QueryFailure(f"ICEBERG_COMMIT_ERROR: {error.message}", kind=1200) from error

    def create(self, entry: dict[str, Any], metadata: TableMetadata) -> None:
        """Make the table. ``entry`` has its DatabaseName and its Name. Raises ServiceError as CreateTable does."""
        location = self.stored(metadata, 0)
        body = {k: v for k, v in entry.items() if k in TABLE_INPUT}
        given = iceberg_metadata.table_input(entry["Name"], metadata, location, body, previous=None)
        try:
            with self.noting():
                self.session.catalog.call(
                    self.session.context, "CreateTable", DatabaseName=entry["DatabaseName"], TableInput=given
                )
        except ServiceError:
            self.metadata_files.discard(location)
            raise

    def create_with(self, entry: dict[str, Any], metadata: TableMetadata, made: list[DataFile]) -> None:
        """Make the table with these files as its first snapshot."""
        producer = _FastAppendFiles(
            Operation.APPEND, self.table(entry, "", metadata).transaction(), self.files
        )
        for file in made:
            producer.append_data_file(file)
        updates, _ = producer._commit() if made else ((), ())
        try:
            self.create(entry, update_table_metadata(metadata, updates))
        except (ServiceError, QueryFailure) as error:
            producer._clean_all_uncommitted()
            if not isinstance(error, ServiceError):
                raise
            code = (
                "TABLE_ALREADY_EXISTS" if error.code == "AlreadyExistsException" else "ICEBERG_CATALOG_ERROR"
            )
            raise QueryFailure(f"{code}: {error.message}", kind=1102) from error

    def stored(self, metadata: TableMetadata, number: int) -> str:
        """The metadata in a file; returns where. Raises QueryFailure."""
        document = iceberg_metadata.document_of(metadata)
        try:
            return self.metadata_files.store(document, base=metadata.location, number=number)
        except ServiceError as error:
            raise QueryFailure(f"ICEBERG_FILESYSTEM_ERROR: {error.message}", kind=1200) from None
