"""What a table says of its files: which its snapshots need, which places are its own. Owns no state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mastic.glue.catalog.task_runs import TaskFailed
from mastic.objects.base import split_url

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.snapshots import Snapshot


def place(location: str) -> tuple[str, str]:
    """Bucket and key: one object whichever scheme (s3, s3a, s3n) its URL has. Raises ValueError."""
    return split_url(location)


@dataclass(kw_only=True)
class Reached:
    """Files by what they are, as (bucket, key) → the location that named them."""

    lists: dict[tuple[str, str], str] = field(default_factory=dict)
    manifests: dict[tuple[str, str], str] = field(default_factory=dict)
    data: dict[tuple[str, str], str] = field(default_factory=dict)
    others: dict[tuple[str, str], str] = field(default_factory=dict)

    def __contains__(self, where: object) -> bool:
        return where in self.lists or where in self.manifests or where in self.data or where in self.others


def of_snapshots(io: FileIO, snapshots: Iterable[Snapshot], *, besides: Reached | None = None) -> Reached:
    """Manifest lists, manifests, and the data and delete files that are live in them.

    Manifests in ``besides`` are not opened: what is in them is needed anyway.
    """
    found = Reached()
    for snapshot in snapshots:
        found.lists[place(snapshot.manifest_list)] = snapshot.manifest_list
        for manifest in snapshot.manifests(io):
            where = place(manifest.manifest_path)
            if where in found.manifests or (besides is not None and where in besides.manifests):
                continue
            found.manifests[where] = manifest.manifest_path
            _add_live(io, manifest, found)
    return found


def _add_live(io: FileIO, manifest: ManifestFile, found: Reached) -> None:
    for entry in manifest.fetch_manifest_entry(io, discard_deleted=True):
        file: Any = entry.data_file
        found.data[place(file.file_path)] = file.file_path


def of_table(io: FileIO, metadata: TableMetadata, location: str) -> Reached:
    """Everything that the table at ``location`` needs or remembers."""
    found = of_snapshots(io, metadata.snapshots)
    remembered = [location, *(entry.metadata_file for entry in metadata.metadata_log)]
    remembered += [file.statistics_path for file in metadata.statistics]
    remembered += [file.statistics_path for file in metadata.partition_statistics]
    found.others = {place(one): one for one in remembered}
    return found


def roots(metadata: TableMetadata) -> list[tuple[str, str]]:
    """The places that are the table's own, as (bucket, prefix that ends with a slash)."""
    properties = metadata.properties
    own = [metadata.location]
    own += [
        properties[k]
        for k in ("write.data.path", "write.metadata.path", "write.folder-storage.path")
        if k in properties
    ]
    found = []
    for location in own:
        bucket, key = place(location)
        if key.strip("/"):
            found.append((bucket, key.rstrip("/") + "/"))
    return found


def within(where: tuple[str, str], places: Iterable[tuple[str, str]]) -> bool:
    """Whether an object lies below one of the places."""
    return any(where[0] == bucket and where[1].startswith(prefix) for bucket, prefix in places)


def number(metadata: TableMetadata, name: str) -> int | None:
    """A property that is a number; None when it is not set. Raises TaskFailed for another value."""
    value = metadata.properties.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise TaskFailed(f"The table's property {name} must be a number, not {value[:100]!r}")
    return int(value)


def may_delete(metadata: TableMetadata) -> bool:
    """Whether the table lets anybody delete its files (``gc.enabled``)."""
    return metadata.properties.get("gc.enabled", "true").lower() != "false"
