"""Snapshot retention: old snapshots leave the table's metadata, and then the files that none of the others needs.

The commit comes first. The files to delete are reckoned against the table as it is after that, so that nothing that a
snapshot, branch or tag still needs is ever deleted, whoever has committed meanwhile; of files outside of the table's
own places, none is deleted at all. A run that ends between the two leaves files to the orphan file deletion.
Owns no state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import SnapshotRefType
from pyiceberg.table.snapshots import ancestors_of
from pyiceberg.table.update import (
    AssertTableUUID,
    RemovePartitionStatisticsUpdate,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    TableUpdate,
)

from mastic.glue.catalog.attempts import again
from mastic.glue.catalog.optimizers import neighbours, reachable
from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.optimizers.opening import Opened, Tables
from mastic.glue.catalog.task_runs import TaskFailed

DAYS, KEPT = 5, 1
_MOST_COMMITS = 50


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is kept: snapshots younger than ``age``, and so many of each branch at least."""

    age: timedelta
    keep: int


@dataclass(kw_only=True)
class Deleted:
    """How many files are gone."""

    data: int = 0
    manifests: int = 0
    lists: int = 0


def policy(metadata: TableMetadata, days: int | None, keep: int | None) -> Policy:
    """What is asked for; else what the table's own properties say; else AWS's defaults. Raises TaskFailed."""
    span = timedelta(days=DAYS if days is None else days)
    if days is None:
        age = reachable.number(metadata, "history.expire.max-snapshot-age-ms")
        span = span if age is None else timedelta(milliseconds=age)
    if keep is None:
        least = reachable.number(metadata, "history.expire.min-snapshots-to-keep")
        keep = KEPT if least is None else least
    return Policy(age=span, keep=keep)


def expired(metadata: TableMetadata, wanted: Policy, now: datetime) -> tuple[set[int], list[str]]:
    """The snapshots and the branches and tags that the policy does not keep. The current snapshot is always kept."""
    moment = _milliseconds(now)
    kept: set[int] = set()
    gone: list[str] = []
    of_refs: set[int] = set()
    for name, ref in metadata.refs.items():
        head = metadata.snapshot_by_id(ref.snapshot_id)
        if head is None:
            continue
        if (
            name != "main"
            and ref.max_ref_age_ms is not None
            and moment - head.timestamp_ms > ref.max_ref_age_ms
        ):
            gone.append(name)
            continue
        kept.add(head.snapshot_id)
        of_refs.add(head.snapshot_id)
        if ref.snapshot_ref_type != SnapshotRefType.BRANCH:
            continue
        age = ref.max_snapshot_age_ms
        oldest = moment - (int(wanted.age.total_seconds() * 1000) if age is None else age)
        least = max(1, wanted.keep if ref.min_snapshots_to_keep is None else ref.min_snapshots_to_keep)
        chain = True
        for number, snapshot in enumerate(ancestors_of(head, metadata)):
            of_refs.add(snapshot.snapshot_id)
            chain = chain and (number < least or snapshot.timestamp_ms >= oldest)
            if chain:
                kept.add(snapshot.snapshot_id)
    # What belongs to no branch any more, as after a rollback, has its age alone.
    youngest = moment - int(wanted.age.total_seconds() * 1000)
    kept |= {
        s.snapshot_id
        for s in metadata.snapshots
        if s.snapshot_id not in of_refs and s.timestamp_ms >= youngest
    }
    if metadata.current_snapshot_id is not None:
        kept.add(metadata.current_snapshot_id)
    return {s.snapshot_id for s in metadata.snapshots} - kept, gone


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Expires the snapshots of one table."""

    tables: Tables
    files: TableFiles
    table_id: int
    days: int | None
    keep: int | None
    clean: bool
    now: datetime
    check: Callable[[], None]

    def run(self) -> tuple[Deleted, int]:
        """What was deleted, and the version of the table after it. Raises TaskFailed, Gone."""
        overtaken = f"The table was changed during each of {_MOST_COMMITS} attempts to expire its snapshots"
        opened, snapshots = again(_MOST_COMMITS, self._expire, TaskFailed(overtaken))
        return self._cleaned(opened, snapshots) if snapshots is not None else (Deleted(), opened.version)

    def _expire(self) -> tuple[Opened, set[int] | None]:
        """The table before it, and the snapshots that have gone; None when nothing is to go. Raises Conflict."""
        self.check()
        opened = self.tables.open(self.table_id, self.files)
        if not reachable.may_delete(opened.metadata):
            raise TaskFailed("The table forbids the deletion of its files (gc.enabled is false)")
        others = neighbours.sharing(self.tables.store, self.table_id, reachable.roots(opened.metadata))
        if self.clean and others:
            raise TaskFailed(f"Other tables may need the same files: {others}; nothing was expired")
        wanted = policy(opened.metadata, self.days, self.keep)
        snapshots, refs = expired(opened.metadata, wanted, self.now)
        if not snapshots and not refs:
            return opened, None
        self.tables.commit(opened, _updates(opened.metadata, snapshots, refs), _unchanged(opened))
        return opened, snapshots

    def _cleaned(self, before: Opened, snapshots: set[int]) -> tuple[Deleted, int]:
        """Delete what only the expired snapshots needed. ``before`` still knows them."""
        after = self.tables.open(self.table_id, self.files)
        deleted = Deleted()
        if not self.clean:
            return deleted, after.version
        needed = reachable.of_table(self.files, after.metadata, after.location)
        removed = [s for s in before.metadata.snapshots if s.snapshot_id in snapshots]
        left = reachable.of_snapshots(self.files, removed, besides=needed)
        statistics = [
            file.statistics_path
            for file in (*before.metadata.statistics, *before.metadata.partition_statistics)
            if file.snapshot_id in snapshots
        ]
        own = reachable.roots(after.metadata)

        def delete(locations: list[str]) -> int:
            count = 0
            for location in locations:
                where = reachable.place(location)
                if where not in needed and reachable.within(where, own):
                    self.files.delete(location)
                    count += 1
            return count

        # Data first: as long as a manifest is there, what it names can be found again.
        deleted.data = delete(list(left.data.values()))
        deleted.manifests = delete(list(left.manifests.values()))
        deleted.lists = delete(list(left.lists.values()))
        delete(statistics)
        return deleted, after.version


def _updates(metadata: TableMetadata, snapshots: set[int], refs: list[str]) -> tuple[TableUpdate, ...]:
    updates: list[TableUpdate] = [RemoveSnapshotRefUpdate.model_validate({"ref-name": name}) for name in refs]
    updates += [
        RemovePartitionStatisticsUpdate.model_validate({"snapshot-id": file.snapshot_id})
        for file in metadata.partition_statistics
        if file.snapshot_id in snapshots
    ]
    if snapshots:
        updates.append(RemoveSnapshotsUpdate.model_validate({"snapshot-ids": sorted(snapshots)}))
    return tuple(updates)


def _unchanged(opened: Opened) -> tuple[AssertTableUUID, ...]:
    return (AssertTableUUID(uuid=opened.metadata.table_uuid),)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
