"""Other tables, and partitions of other tables, among the files of one whose orphans are to be deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mastic.glue.catalog.optimizers import neighbours, orphans
from mastic.glue.catalog.optimizers.orphans import OrphanFileDeletion
from mastic.glue.catalog.task_runs import TaskFailed
from mastic.store.engine import Store
from tests.store.conftest import Catalog
from tests.store.test_optimizer_histories import World, world


def below(location: str, **more: Any) -> dict[str, Any]:
    return {"Name": "other", "StorageDescriptor": {"Location": location}, **more}


def a_table(made: World) -> None:
    made.catalog("CreateTable", DatabaseName="d", TableInput=below("s3a://b/t/data/other"))


def a_moved_table(made: World) -> None:
    made.catalog("CreateTable", DatabaseName="d", TableInput=below("s3://b/far"))
    made.catalog("UpdateTable", DatabaseName="d", TableInput=below("s3://b/t/data/other/"))


def a_partition(made: World) -> None:
    keys = [{"Name": "y", "Type": "int"}]
    made.catalog("CreateTable", DatabaseName="d", TableInput=below("s3://b/far", PartitionKeys=keys))
    one = {"Values": ["1"], "StorageDescriptor": {"Location": "s3n://b/t/data/other/y=1"}}
    made.catalog("BatchCreatePartition", DatabaseName="d", TableName="other", PartitionInputList=[one])


@pytest.mark.parametrize("come", [a_table, a_moved_table, a_partition])
@pytest.mark.parametrize("when", ["before", "meanwhile", "between batches"])
def test_files_of_a_table_that_has_come_stay(
    monkeypatch: pytest.MonkeyPatch, come: Callable[[World], None], when: str
) -> None:
    monkeypatch.setattr(orphans, "_BATCH", 1)
    with world(partitioned=False, monkeypatch=monkeypatch) as made:
        for name in "ab":
            made.objects.put("b", f"t/data/{name}.parquet", b"an orphan")
        made.objects.put("b", "t/data/other/y=1/theirs.parquet", b"not ours")
        made.clock.advance(days=4)
        # While the old files are looked for; or after the first was deleted.
        at = {"before": 0, "meanwhile": 1, "between batches": 6}[when]
        calls = 0

        def check() -> None:
            nonlocal calls
            calls += 1
            if calls == at:
                come(made)

        if not at:
            come(made)
        deletion = OrphanFileDeletion(
            tables=made.tables,
            files=made.files,
            table_id=made.table_id,
            days=3,
            location=None,
            now=made.clock.now() + timedelta(seconds=1),
            check=check,
        )
        with pytest.raises(TaskFailed, match=r"d\.other"):
            deletion.run()
        left = {key for _, key in made.listed()}
        assert "t/data/other/y=1/theirs.parquet" in left
        assert ("t/data/a.parquet" in left) == (when != "between batches")


def test_partitions_are_found_wherever_and_however_they_are_kept(store: Store) -> None:
    catalog = Catalog(store)
    catalog("CreateDatabase", DatabaseInput={"Name": "d"})
    keys = [{"Name": "y", "Type": "string"}]
    locations = {
        "within": "s3a://b/own/x", "around": "s3://b/o", "same": "s3://b/own", "slash": "s3://b/own/",
        "beside": "s3://b/owner/x", "else": "s3://c/own/x", "bucket": "s3://b", "disk": "file:/own/x", "none": None,
    }  # fmt: skip
    for name, location in locations.items():
        catalog("CreateTable", DatabaseName="d", TableInput={"Name": name, "PartitionKeys": keys})
        one: dict[str, Any] = {
            "Values": ["1"],
            "StorageDescriptor": {"Location": location} if location else {},
        }
        catalog("BatchCreatePartition", DatabaseName="d", TableName=name, PartitionInputList=[one])
    found = neighbours.overlapping(store, 0, [("b", "own/")])
    assert found == "d.same, d.slash, d.within"
    assert neighbours.overlapping(store, 0, [("b", "o/own/")]) == "d.around"
    # A database that is gone has no tables any more.
    catalog("DeleteDatabase", Name="d")
    assert neighbours.overlapping(store, 0, [("b", "own/")]) == ""
