"""Deletes the files of tables that were dropped with ``purgeRequested``: a durable task, begun with the drop.

Owns the queue ``iceberg.purge``. What goes is what the metadata names below the table's own places, and nothing
beside it: data and delete files, manifests, statistics, earlier metadata, and the metadata itself last, so that a
purge that was cut short can be done again. Files that a table only took in from elsewhere stay, and so does
everything while another table of the catalog lies at the same place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.glue.catalog.iceberg_metadata import MetadataFiles, Unreadable, metadata_location, parsed
from mastic.glue.catalog.optimizers import neighbours, reachable
from mastic.objects.base import Objects, split_url
from mastic.objects.errors import passing
from mastic.store import tasks
from mastic.store.catalog_tables import TableRow
from mastic.store.engine import Store

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.snapshots import Snapshot

QUEUE = "iceberg.purge"
# The properties by which a table's files are kept apart from its location.
PLACES = ("write.data.path", "write.metadata.path", "write.object-storage.path", "write.folder-storage.path")


class Purges:
    """``order`` is called in the transaction that drops the table, ``handle`` is the worker's part."""

    def __init__(self, *, store: Store, objects: Objects, files: MetadataFiles, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._files = files
        self._clock = clock
        self._log = structlog.get_logger("mastic.iceberg")

    def order(self, tx: Connection, row: TableRow) -> None:
        """The table's files are to go."""
        location = metadata_location(row.body)
        if location is not None:
            tasks.put(tx, QUEUE, f"{row.id}", {"metadata": location}, not_before=self._clock.now())

    def handle(self, task: tasks.Task) -> None:
        """Delete the files of one table."""
        location = task.payload["metadata"]
        try:
            document = self._files.load(location)
            metadata = parsed(document, location)
        except Unreadable as error:
            # Nothing that trying again would help. (What may pass, the worker tries again.)
            self._log.warning("nothing left to purge", metadata=location, reason=error.message)
            return
        others = neighbours.overlapping(self._store, int(task.key), reachable.roots(metadata))
        if others:
            # One table may be registered under several names: its files stay while any of them does.
            self._log.warning("not purged, for other tables lie there", metadata=location, tables=others)
            return
        own = _places(document)
        for path in self._paths(metadata):
            if path.partition("://")[2].startswith(own):
                self._delete(path)
        self._delete(location)

    def _paths(self, metadata: TableMetadata) -> Iterator[str]:
        # Iceberg's own word for files that other tables may share.
        with_data = str(metadata.properties.get("gc.enabled", "true")).lower() != "false"
        manifests: dict[str, None] = {}
        for snapshot in metadata.snapshots:
            for manifest in self._manifests(snapshot):
                if manifest.manifest_path not in manifests and with_data:
                    yield from self._entries(manifest)
                manifests[manifest.manifest_path] = None
        yield from manifests
        yield from (s.manifest_list for s in metadata.snapshots if s.manifest_list)
        yield from (s.statistics_path for s in (*metadata.statistics, *metadata.partition_statistics))
        yield from (entry.metadata_file for entry in metadata.metadata_log)

    def _manifests(self, snapshot: Snapshot) -> list[ManifestFile]:
        from mastic.glue.catalog.iceberg_io import ObjectsFileIO

        try:
            return snapshot.manifests(ObjectsFileIO(self._objects))
        except FileNotFoundError:
            # An earlier attempt came this far.
            return []

    def _entries(self, manifest: ManifestFile) -> Iterator[str]:
        from mastic.glue.catalog.iceberg_io import ObjectsFileIO

        try:
            found = manifest.fetch_manifest_entry(ObjectsFileIO(self._objects), discard_deleted=False)
        except FileNotFoundError:
            return
        yield from (entry.data_file.file_path for entry in found)

    def _delete(self, path: str) -> None:
        try:
            self._objects.delete(*split_url(path))
        except (ServiceError, ValueError) as error:
            if isinstance(error, ServiceError) and passing(error):
                raise
            # Such as a file in a bucket that is gone: nothing that trying again would help.
            self._log.warning("not purged", path=path, reason=str(error))


def _places(document: dict[str, Any]) -> tuple[str, ...]:
    """Where the table's own files are, without schemes: s3 and s3a are one place."""
    properties = document.get("properties") or {}
    found = [document["location"], *(properties[name] for name in PLACES if properties.get(name))]
    return tuple(f"{str(place).partition('://')[2].rstrip('/')}/" for place in found)
