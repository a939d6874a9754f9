"""Table optimizers against random histories.

Whatever happens before, between and during their work, every snapshot that is left reads the rows that it had, and
every file that is left is one that the table knows, or young.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.refs import SnapshotRefType
from pyiceberg.table.snapshots import Operation, ancestors_of
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.glue.catalog import iceberg_metadata
from mastic.glue.catalog.entries import Entries
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.iceberg_metadata import MetadataFiles
from mastic.glue.catalog.optimizers import reachable
from mastic.glue.catalog.optimizers.compaction import Compaction
from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.optimizers.opening import Conflict, Gone, Opened, Tables
from mastic.glue.catalog.optimizers.orphans import OrphanFileDeletion
from mastic.glue.catalog.optimizers.retention import Retention
from mastic.ids import Ids
from mastic.objects.blobs import Blobs
from mastic.objects.local import LocalObjects
from mastic.store.engine import Store
from tests.store.conftest import Catalog

SCHEMA = Schema(NestedField(1, "n", LongType()), NestedField(2, "g", LongType()))
SPEC = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "g"))
ROOT = "t/"


class _Deletes(ManifestWriterV2):
    """A manifest of delete files, which PyIceberg itself does not write."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _AddDeletes(_FastAppendFiles):
    """Adds one file of position deletes."""

    deletes: DataFile

    def _process_manifests(self, manifests: list[Any]) -> list[Any]:
        spec = self._transaction.table_metadata.spec()
        path = self.new_manifest_output()
        with _Deletes(spec, self.schema(), path, self._snapshot_id, self._compression) as writer:
            writer.add(
                ManifestEntry.from_args(
                    status=ManifestEntryStatus.ADDED, snapshot_id=self._snapshot_id, data_file=self.deletes
                )
            )
        return [writer.to_manifest_file(), *manifests]


class _Door(NoopCatalog):
    """PyIceberg's way to the catalog under test, for the writers beside the optimizers."""

    def __init__(self, world: World) -> None:
        super().__init__("test")
        self._world = world

    def load_table(self, identifier: Any) -> Table:
        return self._world.table()

    def commit_table(self, table: Table, requirements: Any, updates: Any) -> CommitTableResponse:
        opened = self._world.opened()
        if opened.location != table.metadata_location:
            raise CommitFailedException("overtaken")
        try:
            self._world.tables.commit(opened, updates, requirements)
        except Conflict as conflict:
            raise CommitFailedException("overtaken") from conflict
        now = self._world.opened()
        return CommitTableResponse.model_construct(metadata=now.metadata, metadata_location=now.location)


class World:
    """A catalog, an object store and one table, with a model of what each snapshot holds."""

    def __init__(self, directory: Path, *, partitioned: bool) -> None:
        self.store = Store(f"sqlite:///{directory / 'store.db'}")
        self.store.create_all()
        self.catalog = Catalog(self.store)
        self.clock = ManualClock(datetime.now(UTC))
        self.objects = LocalObjects(
            store=self.store,
            blobs=Blobs(directory / "objects"),
            clock=self.clock,
            ids=Ids(),
            account="123456789012",
        )
        self.objects.create_bucket("b", region="us-east-1")
        self.files = TableFiles(self.objects, directory / "scratch")
        self.tables = Tables(
            store=self.store,
            entries=Entries(
                store=self.store,
                clock=self.clock,
                events=Events(ids=Ids(), wanted=lambda tx, scope: False),
                sweeper=self.catalog.sweeper,
            ),
            metadata_files=MetadataFiles(objects=self.objects, ids=Ids()),
            context=Context(),
        )
        spec = SPEC if partitioned else PartitionSpec()
        made = new_table_metadata(
            SCHEMA,
            spec,
            UNSORTED_SORT_ORDER,
            "s3://b/t",
            {"format-version": "2", "commit.retry.num-retries": "9"},
        )
        document = iceberg_metadata.document_of(made)
        location = self.tables.metadata_files.store(document, base="s3://b/t", number=0)
        self.catalog("CreateDatabase", DatabaseInput={"Name": "d"})
        body = iceberg_metadata.table_input("t", made, location, {}, previous=None)
        self.catalog("CreateTable", DatabaseName="d", TableInput=body)
        self.table_id = 1
        self.next = 0
        self.rows: list[tuple[int, int]] = []
        self.snapshots: dict[int, list[tuple[int, int]]] = {}
        self.strays = 0

    def close(self) -> None:
        self.files.close()
        self.objects.blobs.close()
        self.store.close()

    def opened(self) -> Opened:
        return self.tables.open(self.table_id, self.files)

    def table(self) -> Table:
        found = self.opened().table
        found.catalog = _Door(self)
        return found

    def head(self) -> int | None:
        return self.opened().metadata.current_snapshot_id

    # -- writers -------------------------------------------------------------------------------------

    def append(self, count: int) -> None:
        new = [(self.next + i, (self.next + i) % 3) for i in range(count)]
        self.next += count
        self.table().append(_arrow(new))
        self._now_holds([*self.rows, *new])

    def delete(self, modulus: int) -> None:
        """Copy on write."""
        gone = {n for n, _ in self.rows if n % modulus == 0}
        if gone:
            self.table().delete(f"n in ({', '.join(map(str, sorted(gone)))})")
            self._now_holds([row for row in self.rows if row[0] not in gone])

    def delete_positions(self, which: int) -> None:
        """Merge on read: the first row of a data file goes by a file of position deletes."""
        table = self.table()
        tasks = sorted(table.scan().plan_files(), key=lambda t: t.file.file_path)
        tasks = [t for t in tasks if not t.delete_files]
        if not tasks:
            return
        file = tasks[which % len(tasks)].file
        first = pq.read_table(self.files._fetch(file.file_path)).to_pylist()[0]
        location = f"s3://b/t/data/{uuid.uuid4()}-deletes.parquet"
        fields = [
            pa.field("file_path", pa.string(), metadata={"PARQUET:field_id": "2147483546"}),
            pa.field("pos", pa.int64(), metadata={"PARQUET:field_id": "2147483545"}),
        ]
        rows = pa.table({"file_path": [file.file_path], "pos": [0]}, schema=pa.schema(fields))
        output = self.files.new_output(location)
        with output.create() as sink:
            pq.write_table(rows, sink)
        deletes = DataFile.from_args(
            content=DataFileContent.POSITION_DELETES,
            file_path=location,
            file_format=FileFormat.PARQUET,
            partition=file.partition,
            record_count=1,
            file_size_in_bytes=len(output),
            spec_id=file.spec_id,
            # Of this file alone, as the bounds say.
            lower_bounds={2147483546: file.file_path.encode()},
            upper_bounds={2147483546: file.file_path.encode()},
        )
        transaction = table.transaction()
        producer = _AddDeletes(Operation.DELETE, transaction, self.files)
        producer.deletes = deletes
        producer.commit()
        transaction.commit_transaction()
        self._now_holds([row for row in self.rows if row[0] != first["n"]])

    def overwrite(self, count: int) -> None:
        new = [(self.next + i, 1) for i in range(count)]
        self.next += count
        self.table().overwrite(_arrow(new))
        self._now_holds(new)

    def tag(self, name: str) -> None:
        if self.head() is not None and name not in self.opened().metadata.refs:
            self.table().manage_snapshots().create_tag(self.head(), name).commit()

    def branch(self, name: str) -> None:
        if self.head() is not None and name not in self.opened().metadata.refs:
            self.table().manage_snapshots().create_branch(self.head(), name).commit()

    def rollback(self, steps: int) -> None:
        known = [s.snapshot_id for s in self.opened().metadata.snapshots]
        if known:
            chosen = known[-1 - steps % len(known)]
            self.table().manage_snapshots().set_current_snapshot(chosen).commit()
            self.rows = list(self.snapshots[chosen])

    def stray(self) -> None:
        self.strays += 1
        self.objects.put("b", f"t/data/stray-{self.strays}", b"?")

    def _now_holds(self, rows: list[tuple[int, int]]) -> None:
        self.rows = rows
        head = self.head()
        assert head is not None
        self.note(rows)
        self.snapshots[head] = sorted(rows)

    def note(self, rows: list[tuple[int, int]]) -> None:
        """Snapshots that are not in the model hold what was current when they were made: a delete is two, say."""
        metadata = self.opened().metadata
        for snapshot in metadata.snapshots:
            if (
                snapshot.snapshot_id not in self.snapshots
                and snapshot.snapshot_id != metadata.current_snapshot_id
            ):
                self.snapshots[snapshot.snapshot_id] = _rows(self.table(), snapshot.snapshot_id)

    # -- optimizers ----------------------------------------------------------------------------------

    def compact(self, beside: Any = None) -> None:
        known = set(self.snapshots)
        Compaction(
            tables=self.tables,
            files=self.files,
            table_id=self.table_id,
            strategy="binpack",
            min_input_files=2,
            delete_threshold=1,
            check=_once(beside),
            begin=lambda: None,
        ).run()
        metadata = self.opened().metadata
        for snapshot in metadata.snapshots:
            if snapshot.snapshot_id not in known and snapshot.snapshot_id not in self.snapshots:
                # The rows of its parent, whoever made that.
                parent = snapshot.parent_snapshot_id
                assert parent is not None
                self.snapshots[snapshot.snapshot_id] = self.snapshots[parent]
        partitions = [str(t.file.partition) for t in self.table().scan().plan_files()]
        assert len(set(partitions)) == len(partitions), "what is small was compacted"

    def retain(self, days: int, keep: int, clean: bool, beside: Any = None) -> None:
        before, now = self.opened().metadata, self.clock.now()
        Retention(
            tables=self.tables,
            files=self.files,
            table_id=self.table_id,
            days=days,
            keep=keep,
            clean=clean,
            now=now,
            check=_once(beside),
        ).run()
        after = self.opened().metadata
        left = {snapshot.snapshot_id for snapshot in after.snapshots}
        assert set(before.refs) <= set(after.refs), "branches and tags stay"
        oldest = (now - timedelta(days=days)).timestamp() * 1000
        assert {s.snapshot_id for s in before.snapshots if s.timestamp_ms >= oldest} <= left, "the young stay"
        for name, ref in before.refs.items():
            head = before.snapshot_by_id(ref.snapshot_id)
            assert head is not None
            if name == "main" and beside is not None:
                continue
            kept = keep if ref.snapshot_ref_type == SnapshotRefType.BRANCH else 1
            assert {s.snapshot_id for s in islice(ancestors_of(head, before), kept)} <= left, "so many stay"

    def orphans(self, beside: Any = None) -> None:
        OrphanFileDeletion(
            tables=self.tables,
            files=self.files,
            table_id=self.table_id,
            days=3,
            location=None,
            now=self.clock.now(),
            check=_once(beside),
        ).run()

    # -- what must hold ------------------------------------------------------------------------------

    def check(self) -> None:
        self.files.release(list(self.files._local))
        opened = self.opened()
        table = self.table()
        assert _rows(table, None) == sorted(self.rows)
        for snapshot in opened.metadata.snapshots:
            assert _rows(table, snapshot.snapshot_id) == self.snapshots[snapshot.snapshot_id]
        for ref in opened.metadata.refs.values():
            assert opened.metadata.snapshot_by_id(ref.snapshot_id) is not None

    def listed(self) -> set[tuple[str, str]]:
        return {("b", info.key) for info in self.objects.walk("b", ROOT)}

    def needed(self) -> set[tuple[str, str]]:
        opened = self.opened()
        found = reachable.of_table(self.files, opened.metadata, opened.location)
        return {*found.lists, *found.manifests, *found.data, *found.others}


def _arrow(rows: list[tuple[int, int]]) -> pa.Table:
    return pa.table(
        {"n": pa.array([n for n, _ in rows], pa.int64()), "g": pa.array([g for _, g in rows], pa.int64())}
    )


def _rows(table: Table, snapshot: int | None) -> list[tuple[int, int]]:
    if snapshot is None and table.current_snapshot() is None:
        return []
    found = table.scan(snapshot_id=snapshot).to_arrow()
    return sorted((row["n"], row["g"]) for row in found.to_pylist())


def _once(act: Any) -> Any:
    """A check that lets something else happen, the first time that it is called."""
    waiting = [act] if act is not None else []

    def check() -> None:
        if waiting:
            waiting.pop()()

    return check


WRITES = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 4)),
    st.tuples(st.just("append"), st.integers(1, 4)),
    st.tuples(st.just("delete"), st.integers(1, 4)),
    st.tuples(st.just("delete_positions"), st.integers(0, 5)),
    st.tuples(st.just("overwrite"), st.integers(1, 3)),
)
STEPS = st.one_of(
    WRITES,
    st.tuples(st.just("tag"), st.sampled_from("xy")),
    st.tuples(st.just("branch"), st.sampled_from("vw")),
    st.tuples(st.just("rollback"), st.integers(0, 3)),
    st.tuples(st.just("stray")),
    st.tuples(st.just("wait")),
    st.tuples(st.just("compact"), st.none() | WRITES),
    st.tuples(st.just("compact"), st.none() | WRITES),
    st.tuples(st.just("retain"), st.integers(0, 2), st.integers(1, 3), st.booleans(), st.none() | WRITES),
    st.tuples(st.just("orphans"), st.none() | WRITES),
)


@contextmanager
def world(*, partitioned: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as directory, monkeypatch.context() as patch:
        made = World(Path(directory), partitioned=partitioned)
        # PyIceberg dates its snapshots by the machine's clock; here it is the test's that moves.
        clock = type("Clock", (), {"time": lambda self: made.clock.now().timestamp(), "sleep": time.sleep})()
        patch.setattr("pyiceberg.table.snapshots.time", clock)
        try:
            yield made
        finally:
            made.close()


def play(made: World, step: tuple[Any, ...]) -> None:
    name, *arguments = step

    def beside(write: Any) -> Any:
        return None if write is None else lambda: play(made, write)

    match name:
        case "wait":
            made.clock.advance(days=1, hours=1)
        case "compact" | "orphans":
            getattr(made, name)(beside(arguments[0]))
        case "retain":
            made.retain(*arguments[:3], beside(arguments[3]))
        case _:
            made.clock.advance(seconds=1)
            getattr(made, name)(*arguments)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(partitioned=st.booleans(), history=st.lists(STEPS, min_size=4, max_size=14))
def test_no_history_loses_a_row_or_a_file_that_is_needed(
    monkeypatch: pytest.MonkeyPatch, partitioned: bool, history: list[tuple[Any, ...]]
) -> None:
    with world(partitioned=partitioned, monkeypatch=monkeypatch) as made:
        for step in history:
            play(made, step)
            made.check()
        # After the time of retention, everything that the table does not know is gone and nothing else.
        made.clock.advance(days=4)
        made.retain(1, 1, True)
        made.orphans()
        made.check()
        assert made.listed() == made.needed()


def test_deleted_rows_do_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(partitioned=False, monkeypatch=monkeypatch) as made:
        made.append(3)
        made.append(3)
        made.delete_positions(0)
        made.check()
        # While the first file is being rewritten without its first row, its neighbour loses one too.
        made.compact(lambda: made.delete_positions(0))
        made.check()
        assert len(made.rows) == 4
        assert not [t for t in made.table().scan().plan_files() if t.delete_files]


def test_what_was_overwritten_meanwhile_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(partitioned=True, monkeypatch=monkeypatch) as made:
        for _ in range(3):
            made.append(2)
        before = made.listed()
        made.compact(lambda: made.overwrite(1))
        made.check()
        assert len(made.rows) == 1
        # What was written for nothing was taken back.
        assert made.listed() - before <= made.needed()


def test_a_file_that_has_lost_rows_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    from mastic.glue.catalog.task_runs import TaskFailed

    with world(partitioned=False, monkeypatch=monkeypatch) as made:
        made.append(3)
        made.append(2)
        victim = sorted(t.file.file_path for t in made.table().scan().plan_files())[0]
        key = victim.removeprefix("s3://b/")
        shorter = pq.read_table(made.files._fetch(victim)).slice(1)
        sink = pa.BufferOutputStream()
        pq.write_table(shorter, sink)
        made.objects.put("b", key, sink.getvalue().to_pybytes())
        location = made.opened().location
        with pytest.raises(TaskFailed, match="metadata speaks of 5"):
            made.compact()
        assert made.opened().location == location


def test_a_table_made_anew_under_the_same_name_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(partitioned=False, monkeypatch=monkeypatch) as made:
        made.append(2)
        made.append(2)
        opened = made.opened()
        fresh = {
            "Name": "t",
            "Parameters": {"table_type": "ICEBERG", "metadata_location": "s3://b/other.json"},
        }

        def anew() -> None:
            made.catalog("DeleteTable", DatabaseName="d", Name="t")
            made.catalog("CreateTable", DatabaseName="d", TableInput=fresh)
            for _ in range(opened.version):
                made.catalog("UpdateTable", DatabaseName="d", TableInput=fresh)

        with pytest.raises(Gone):
            made.compact(anew)
        found = made.catalog("GetTable", DatabaseName="d", Name="t")["Table"]
        assert found["VersionId"] == str(opened.version)
        assert found["Parameters"] == fresh["Parameters"]
