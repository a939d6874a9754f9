"""Compaction: small data files, and files with rows deleted from them, become files of the table's target size.

The rows stay the same, and the snapshot says ``replace``. What was read may not have changed until the commit: a
commit that was overtaken is made again on the newer table if every input is still live with the same deletes, and
otherwise what was written is thrown away and the table is looked at again. So no row is lost and none comes back.
Owns no state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, _read_all_delete_files
from pyiceberg.manifest import DataFile, FileFormat
from pyiceberg.table import FileScanTask
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update.snapshot import _OverwriteFiles
from pyiceberg.typedef import EMPTY_DICT, Record

from mastic.glue.catalog.attempts import Overtaken, again
from mastic.glue.catalog.optimizers import ordering, reachable, writing
from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.optimizers.opening import Conflict, Gone, Opened, Tables
from mastic.glue.catalog.task_runs import Halted, TaskFailed

TARGET = 512 * 1024 * 1024
# A file is small below this share of the target.
SMALL = 0.75
ORDERED = ("sort", "z-order")
MIN_INPUT_FILES, DELETE_FILE_THRESHOLD = 100, 1
# What is sorted is held in memory: so much of it, as it is on disk.
MOST_SORTED = 128 * 1024 * 1024
# Bins whose files are committed together.
_TOGETHER = 10
_MOST_COMMITS, _MOST_PLANS = 50, 10


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Files that become one. ``partition`` is theirs."""

    partition: Record
    tasks: tuple[FileScanTask, ...]

    @property
    def paths(self) -> list[str]:
        """Where the files are."""
        return [task.file.file_path for task in self.tasks]


@dataclass(kw_only=True)
class Done:
    """What was compacted so far."""

    files: int = 0
    bytes: int = 0
    runs: bool = False


class Outdated(Overtaken):
    """The inputs of a rewrite have changed; what was written for it was thrown away."""


class _Rewrite(_OverwriteFiles):
    """Replaces files by others with the same rows."""

    def _summary(self, snapshot_properties: dict[str, str] = EMPTY_DICT) -> Summary:
        made = super()._summary(snapshot_properties)
        return Summary(operation=Operation.REPLACE, **made.additional_properties)


def check_table(opened: Opened, strategy: str) -> None:
    """Raise TaskFailed for a table that cannot be compacted as asked."""
    metadata = opened.metadata
    if metadata.format_version > 2:
        raise TaskFailed(f"Compaction of tables of format version {metadata.format_version} is not supported")
    if metadata.properties.get("write.format.default", "parquet").lower() != "parquet":
        raise TaskFailed(
            "Compaction writes Parquet files; the table's write.format.default is another format"
        )
    if strategy in ORDERED:
        ordering.check(opened, strategy)


def plan(opened: Opened, *, min_input_files: int, delete_threshold: int, strategy: str) -> list[Bin]:
    """What is worth rewriting: Parquet files, within partitions of the present spec."""
    try:
        tasks = list(opened.table.scan().plan_files())
    except ValueError as error:
        raise TaskFailed(str(error).partition(": http")[0]) from error
    target = reachable.number(opened.metadata, "write.target-file-size-bytes") or TARGET
    size = min(target, MOST_SORTED) if strategy in ORDERED else target
    groups: dict[Record, list[FileScanTask]] = defaultdict(list)
    for task in tasks:
        deletes = len(task.delete_files) >= delete_threshold
        if task.file.file_format != FileFormat.PARQUET:
            continue
        if task.file.spec_id == opened.metadata.default_spec_id and (
            deletes or task.file.file_size_in_bytes < SMALL * size
        ):
            groups[task.file.partition].append(task)
    bins = []
    for partition, group in groups.items():
        deleted = [task for task in group if len(task.delete_files) >= delete_threshold]
        chosen = group if len(group) >= min_input_files else deleted
        bins += [Bin(partition=partition, tasks=tuple(some)) for some in _packed(chosen, size)]
    return [one for one in bins if len(one.tasks) > 1 or one.tasks[0].delete_files]


def _packed(tasks: Sequence[FileScanTask], target: int) -> Iterator[list[FileScanTask]]:
    """Bins of about the target size, the largest files first."""
    room: list[tuple[int, list[FileScanTask]]] = []
    for task in sorted(tasks, key=lambda t: (-t.file.file_size_in_bytes, t.file.file_path)):
        size = task.file.file_size_in_bytes
        for number, (used, bin) in enumerate(room):
            if used + size <= target:
                bin.append(task)
                room[number] = (used + size, bin)
                break
        else:
            room.append((size, [task]))
    return (bin for _, bin in room)


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """Compacts one table. ``check`` raises when the work is to end; ``begin`` is called before the first rewrite."""

    tables: Tables
    files: TableFiles
    table_id: int
    strategy: str
    min_input_files: int
    delete_threshold: int
    check: Callable[[], None]
    begin: Callable[[], None]

    def run(self) -> tuple[Done, int]:
        """What was done, and the version of the table that needed nothing more. Raises TaskFailed, Gone."""
        done = Done()
        overtaken = f"The table was changed during each of {_MOST_PLANS} attempts to compact it"
        version = again(_MOST_PLANS, lambda: self._until_compact(done), TaskFailed(overtaken), by=Outdated)
        return done, version

    def _until_compact(self, done: Done) -> int:
        """Plan and rewrite until there is nothing to do; the version of the table then. Raises Outdated."""
        while True:
            opened = self.tables.open(self.table_id, self.files)
            check_table(opened, self.strategy)
            bins = plan(
                opened,
                min_input_files=self.min_input_files,
                delete_threshold=self.delete_threshold,
                strategy=self.strategy,
            )
            if not bins:
                return opened.version
            if not done.runs:
                self.begin()
                done.runs = True
            for start in range(0, len(bins), _TOGETHER):
                opened = self._together(opened, bins[start : start + _TOGETHER], done)

    def _together(self, opened: Opened, bins: Sequence[Bin], done: Done) -> Opened:
        written: list[DataFile] = []
        try:
            for one in bins:
                self.check()
                written += self._rewritten(opened, one)
            self._commit(opened, bins, written)
        except (Overtaken, TaskFailed, Halted, Gone):
            # Each of these says that nothing was committed. Whatever else happens leaves the files where they are.
            self._discard(written)
            raise
        done.files += sum(len(one.tasks) for one in bins)
        done.bytes += sum(task.file.file_size_in_bytes for one in bins for task in one.tasks)
        return self.tables.open(self.table_id, self.files)

    # -- writing ---------------------------------------------------------------------------------------

    def _rewritten(self, opened: Opened, one: Bin) -> list[DataFile]:
        """The file that takes the bin's place; none when no row is left."""
        order = opened.metadata.default_sort_order_id if self.strategy == "sort" else None
        pieces = self._pieces(opened, one)
        made = writing.write(
            self.files, opened.table.metadata, pieces, partition=one.partition, sort_order=order
        )
        self.files.release(one.paths)
        try:
            _check_rows(one, made.record_count if made is not None else 0)
        except TaskFailed:
            self._discard([made] if made is not None else [])
            raise
        return [made] if made is not None else []

    def _pieces(self, opened: Opened, one: Bin) -> Iterator[pa.Table]:
        """The bin's rows in tables of the size of a row group, or one sorted table."""
        shaped = writing.shaped(opened.table.metadata, self._batches(opened, one))
        if self.strategy not in ORDERED:
            yield from writing.row_groups(shaped)
            return
        held = list(shaped)
        if held:
            yield ordering.ordered(opened, self.strategy, pa.concat_tables(held))

    def _batches(self, opened: Opened, one: Bin) -> Iterator[pa.RecordBatch]:
        metadata = opened.table.metadata
        scan = ArrowScan(metadata, self.files, metadata.schema(), AlwaysTrue())
        deletes = _read_all_delete_files(self.files, one.tasks)
        # One file after the other: PyIceberg's own order of things holds all of them in memory.
        for batch in scan._record_batches_from_scan_tasks_and_deletes(one.tasks, deletes):
            self.check()
            yield batch

    # -- committing ------------------------------------------------------------------------------------

    def _commit(self, opened: Opened, bins: Sequence[Bin], written: list[DataFile]) -> None:
        """Raises Outdated. An exception that is none of this module's leaves open whether the commit was made."""
        inputs = {task.file.file_path: _deletes(task) for one in bins for task in one.tasks}

        def attempt() -> None:
            self.check()
            now = self._still(opened, inputs)
            producer = _Rewrite(Operation.OVERWRITE, now.table.transaction(), self.files)
            for one in bins:
                for task in one.tasks:
                    producer.delete_data_file(task.file)
            for file in written:
                producer.append_data_file(file)
            self.tables.produce(now, producer)

        again(_MOST_COMMITS, attempt, Outdated(), by=Conflict)

    def _still(self, before: Opened, inputs: dict[str, frozenset[str]]) -> Opened:
        """The table as it is now, if the rewrite holds for it. Raises Outdated."""
        opened = self.tables.open(self.table_id, self.files)
        try:
            live = {t.file.file_path: _deletes(t) for t in opened.table.scan().plan_files()}
        except ValueError as error:
            # Deletes of a kind that cannot be read have come: the next plan says so.
            raise Outdated from error
        same_spec = opened.metadata.default_spec_id == before.metadata.default_spec_id
        if not same_spec or any(live.get(path) != deletes for path, deletes in inputs.items()):
            raise Outdated
        return opened

    def _discard(self, written: Sequence[DataFile]) -> None:
        for file in written:
            self.files.delete(file.file_path)


def _deletes(task: FileScanTask) -> frozenset[str]:
    return frozenset(file.file_path for file in task.delete_files)


def _check_rows(one: Bin, rows: int) -> None:
    """What was read must be what the metadata says: a file that is not whole must not replace a good one."""
    said = sum(task.file.record_count for task in one.tasks)
    if rows > said or (rows != said and not any(task.delete_files for task in one.tasks)):
        raise TaskFailed(
            f"{rows} rows were read where the table's metadata speaks of {said}; nothing was changed"
        )
