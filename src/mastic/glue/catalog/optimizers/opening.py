"""Opens Iceberg tables of the catalog for work on them, and commits what was done.

A commit writes a metadata file and then points the catalog's entry at it, naming the entry's version that it was made
from: a commit that was overtaken changes nothing. Owns no state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableRequirement, TableUpdate, update_table_metadata

from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.catalog import iceberg_metadata
from mastic.glue.catalog.attempts import Overtaken
from mastic.glue.catalog.entries import Entries, Lost, Swap
from mastic.glue.catalog.iceberg_metadata import MetadataFiles
from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.task_runs import TaskFailed
from mastic.store import catalog_upkeep
from mastic.store.catalog_upkeep import Located
from mastic.store.engine import Store


class Conflict(Overtaken):
    """The table was changed by somebody else since it was opened; nothing was committed."""


class Gone(Exception):
    """The table does not exist any more."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A table as it was when it was opened: ``table`` reads and plans, ``metadata`` is what its file says."""

    found: Located
    location: str
    metadata: TableMetadata
    table: Table

    @property
    def version(self) -> int:
        """The version of the catalog's entry."""
        return self.found.row.version


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Opens and commits on behalf of one caller."""

    store: Store
    entries: Entries
    metadata_files: MetadataFiles
    context: Context

    def open(self, table_id: int, files: TableFiles) -> Opened:
        """The table as it is now. Raises Gone, TaskFailed for one that is no Iceberg table or cannot be read."""
        with self.store.read() as tx:
            found = catalog_upkeep.locate(tx, table_id)
        if found is None:
            raise Gone
        location = iceberg_metadata.metadata_location(found.row.body)
        if location is None:
            raise TaskFailed(f"Table {found.row.name} is not an Iceberg table")
        try:
            metadata = self.metadata_files.table(location)
        except ServiceError as error:
            raise TaskFailed(error.message) from None
        table = Table(
            identifier=(found.database, found.row.name),
            metadata=_harmless(metadata),
            metadata_location=location,
            io=files,
            catalog=NoopCatalog("catalog"),
        )
        return Opened(found=found, location=location, metadata=metadata, table=table)

    def commit(
        self, opened: Opened, updates: tuple[TableUpdate, ...], requirements: tuple[TableRequirement, ...]
    ) -> None:
        """Raises Conflict when the table has changed since it was opened, TaskFailed when it cannot be changed so."""
        try:
            for requirement in requirements:
                requirement.validate(opened.metadata)
        except CommitFailedException as error:
            raise Conflict from error
        try:
            changed = update_table_metadata(opened.metadata, updates, metadata_location=opened.location)
        except ValueError as error:
            # A property that is not what it has to be.
            raise TaskFailed(f"The table's metadata cannot be changed: {error}") from error
        self._point(
            opened.found, changed, iceberg_metadata.following(opened.location), previous=opened.location
        )

    def produce(self, opened: Opened, producer: Any) -> None:
        """Commit the snapshot that a producer of PyIceberg's makes. Raises as ``commit``, and leaves no file then."""
        updates, requirements = producer._commit()
        try:
            self.commit(opened, updates, requirements)
        except (Conflict, TaskFailed):
            producer._clean_all_uncommitted()
            raise

    def create(self, found: Located, metadata: TableMetadata) -> None:
        """Give an entry that has none its first metadata. Raises Conflict."""
        self._point(found, metadata, 0, previous=None)

    def _point(self, found: Located, metadata: TableMetadata, number: int, *, previous: str | None) -> None:
        document = iceberg_metadata.document_of(metadata)
        location = self.metadata_files.store(document, base=metadata.location, number=number)
        row = found.row
        body = iceberg_metadata.table_input(row.name, metadata, location, row.body, previous=previous)
        swap = Swap(database=found.database, name=row.name, body=body, seen=row)
        try:
            self.entries.swap(self.context, found.catalog_id, [swap])
        except (Lost, ServiceError) as error:
            # Refused means not done: nothing points at the file. (Any other failure leaves it: it may be in use.)
            self.metadata_files.discard(location)
            if isinstance(error, Lost) or error.code == "EntityNotFoundException":
                raise Conflict from error
            raise


def _harmless(metadata: TableMetadata) -> TableMetadata:
    """The same without properties by which a table would choose classes that PyIceberg loads."""
    kept = {k: v for k, v in metadata.properties.items() if not k.startswith(("write.py-", "py-"))}
    return metadata.model_copy(update={"properties": kept})
