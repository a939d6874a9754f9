"""Table optimizers on Iceberg tables with real data: what they rewrite and delete, and what they leave alone."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import NullOrder, SortDirection, SortField, SortOrder
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

if TYPE_CHECKING:
    from tests.conftest import Server

ROLE = "arn:aws:iam::123456789012:role/optimizer"
ACCOUNT = "123456789012"
SCHEMA = Schema(NestedField(1, "n", LongType()), NestedField(2, "word", StringType()))
BY_WORD = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "word"))


def iceberg(server: Server) -> GlueCatalog:
    access = {
        "access-key-id": "test",
        "secret-access-key": "test",
        "region": "us-east-1",
        "endpoint": server.endpoint,
    }
    return GlueCatalog("g", **{f"{s}.{k}": v for s in ("glue", "s3") for k, v in access.items()})


def create(server: Server, name: str, **more: Any) -> Any:
    server.client("s3").create_bucket(Bucket=name)
    server.client("glue").create_database(DatabaseInput={"Name": name})
    properties = {
        "commit.retry.num-retries": "50",
        "commit.retry.min-wait-ms": "10",
        **more.pop("properties", {}),
    }
    return iceberg(server).create_table(
        (name, "t"), SCHEMA, location=f"s3://{name}/t", properties=properties, **more
    )


def rows(*numbers: int, word: str = "x") -> pa.Table:
    return pa.table({"n": pa.array(numbers, pa.int64()), "word": [word] * len(numbers)})


def content(table: Any) -> list[tuple[int, str]]:
    found = table.refresh().scan().to_arrow().to_pylist()
    return sorted((row["n"], row["word"]) for row in found)


def place(name: str, kind: str) -> dict[str, Any]:
    return {"CatalogId": ACCOUNT, "DatabaseName": name, "TableName": "t", "Type": kind}


def configuration(**section: Any) -> dict[str, Any]:
    made = {"roleArn": ROLE, "enabled": True}
    return {
        **made,
        **{f"{kind}Configuration": {"icebergConfiguration": one} for kind, one in section.items()},
    }


def optimize(server: Server, name: str, kind: str, runs: int = 1, **section: Any) -> list[dict[str, Any]]:
    """Create an optimizer and wait until it has ended so many runs; newest first."""
    glue = server.client("glue")
    glue.create_table_optimizer(**place(name, kind), TableOptimizerConfiguration=configuration(**section))
    return ended(glue, name, kind, runs)


def ended(glue: Any, name: str, kind: str, runs: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        listed = glue.list_table_optimizer_runs(**place(name, kind))["TableOptimizerRuns"]
        if sum(run["eventType"] in ("completed", "failed") for run in listed) >= runs:
            return list(listed)
        time.sleep(0.1)
    raise AssertionError(f"no {runs} runs: {listed}")


def objects(server: Server, name: str) -> set[str]:
    pages = server.client("s3").get_paginator("list_objects_v2").paginate(Bucket=name)
    return {one["Key"] for page in pages for one in page.get("Contents", ())}


# -- compaction ----------------------------------------------------------------------------------------


def test_small_files_become_one_and_the_rows_stay(server: Server, name: str) -> None:
    table = create(server, name)
    for i in range(6):
        table.append(rows(i, i + 10))
    before = content(table)
    run = optimize(server, name, "compaction", compaction={"strategy": "binpack", "minInputFiles": 5})[0]
    assert run["eventType"] == "completed", run
    metrics = run["compactionMetrics"]["IcebergMetrics"]
    assert metrics["NumberOfFilesCompacted"] == 6
    assert metrics["NumberOfBytesCompacted"] > 0
    assert run["metrics"]["NumberOfFilesCompacted"] == "6"
    assert run["compactionStrategy"] == "binpack"
    assert content(table) == before
    snapshot = table.current_snapshot()
    assert snapshot.summary.operation.value == "replace"
    assert (snapshot.summary["total-data-files"], snapshot.summary["total-records"]) == ("1", "12")
    assert len(list(table.scan().plan_files())) == 1
    # The past is still there.
    first = table.snapshots()[0].snapshot_id
    assert table.scan(snapshot_id=first).to_arrow().num_rows == 2


def test_partitions_are_compacted_by_themselves(server: Server, name: str) -> None:
    table = create(server, name, partition_spec=BY_WORD)
    for i in range(3):
        table.append(pa.concat_tables([rows(i, word="a/b"), rows(i, word="c")]))
    table.append(rows(9, word="alone"))
    before = content(table)
    optimize(server, name, "compaction", compaction={"strategy": "binpack", "minInputFiles": 2})
    assert content(table) == before
    files = table.inspect.files().to_pylist()
    assert sorted(f["partition"]["word"] for f in files) == ["a/b", "alone", "c"]
    assert table.scan(row_filter="word == 'c'").to_arrow().num_rows == 3


def test_a_change_of_the_table_wakes_the_optimizer(server: Server, name: str) -> None:
    table = create(server, name)
    glue = server.client("glue")
    glue.create_table_optimizer(
        **place(name, "compaction"),
        TableOptimizerConfiguration=configuration(compaction={"strategy": "binpack", "minInputFiles": 3}),
    )
    table.append(rows(1))
    table.append(rows(2))
    assert glue.list_table_optimizer_runs(**place(name, "compaction"))["TableOptimizerRuns"] == []
    table.append(rows(3))
    assert ended(glue, name, "compaction", 1)[0]["eventType"] == "completed"
    assert len(list(table.refresh().scan().plan_files())) == 1
    shown = glue.get_table_optimizer(**place(name, "compaction"))["TableOptimizer"]
    assert shown["lastRun"]["eventType"] == "completed"


def test_sorted_compaction(server: Server, name: str) -> None:
    order = SortOrder(SortField(1, IdentityTransform(), SortDirection.DESC, NullOrder.NULLS_LAST))
    table = create(server, name, sort_order=order)
    for numbers in ((3, 1), (5,), (2, 4)):
        table.append(rows(*numbers))
    run = optimize(server, name, "compaction", compaction={"strategy": "sort", "minInputFiles": 2})[0]
    assert (run["eventType"], run["compactionStrategy"]) == ("completed", "sort")
    assert table.refresh().scan().to_arrow()["n"].to_pylist() == [5, 4, 3, 2, 1]
    assert [t.file.sort_order_id for t in table.scan().plan_files()] == [1]


def test_compaction_along_a_curve_through_several_columns(server: Server, name: str) -> None:
    ascending = [
        SortField(field, IdentityTransform(), SortDirection.ASC, NullOrder.NULLS_FIRST) for field in (1, 2)
    ]
    table = create(server, name, sort_order=SortOrder(*ascending))
    for numbers in ((3, 1), (5,), (2, 4)):
        table.append(rows(*numbers))
    run = optimize(server, name, "compaction", compaction={"strategy": "z-order", "minInputFiles": 2})[0]
    assert (run["eventType"], run["compactionStrategy"]) == ("completed", "z-order")
    assert sorted(table.refresh().scan().to_arrow()["n"].to_pylist()) == [1, 2, 3, 4, 5]
    # The rows are in no order of one column after the other: the file does not say that they are.
    assert [t.file.sort_order_id for t in table.scan().plan_files()] == [None]


def test_compaction_beside_writers_loses_no_row(server: Server, name: str) -> None:
    create(server, name)
    glue = server.client("glue")
    glue.create_table_optimizer(
        **place(name, "compaction"),
        TableOptimizerConfiguration=configuration(compaction={"strategy": "binpack", "minInputFiles": 2}),
    )

    def write(start: int) -> None:
        table = iceberg(server).load_table((name, "t"))
        for i in range(start, start + 8):
            table.append(rows(i))

    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    table = iceberg(server).load_table((name, "t"))
    expected = sorted((i, "x") for start in (0, 100) for i in range(start, start + 8))
    assert content(table) == expected
    deadline = time.monotonic() + 200
    while len(list(table.refresh().scan().plan_files())) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert content(table) == expected
    runs = glue.list_table_optimizer_runs(**place(name, "compaction"))["TableOptimizerRuns"]
    assert {run["eventType"] for run in runs} <= {"completed", "in_progress"}


def test_a_run_whose_server_is_killed_is_taken_up_again(own_server: Server, name: str) -> None:
    table = create(own_server, name)
    for i in range(12):
        table.append(rows(i))
    before = content(table)
    glue = own_server.client("glue")
    glue.create_table_optimizer(
        **place(name, "compaction"),
        TableOptimizerConfiguration=configuration(compaction={"strategy": "binpack", "minInputFiles": 2}),
    )
    own_server.kill()
    own_server.restart()
    assert [run["eventType"] for run in ended(glue, name, "compaction", 1)] == ["completed"]
    assert content(table) == before
    assert len(list(table.scan().plan_files())) == 1


# -- retention -----------------------------------------------------------------------------------------


def test_retention_deletes_what_only_old_snapshots_need(server: Server, name: str) -> None:
    table = create(server, name)
    table.append(rows(1))
    table.append(rows(2))
    tagged = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_tag(tagged, "keep").commit()
    table.overwrite(rows(3))
    table.overwrite(rows(4))
    run = optimize(
        server,
        name,
        "retention",
        retention={
            "snapshotRetentionPeriodInDays": 0,
            "numberOfSnapshotsToRetain": 1,
            "cleanExpiredFiles": True,
        },
    )[0]
    assert run["eventType"] == "completed", run
    metrics = run["retentionMetrics"]["IcebergMetrics"]
    assert metrics["NumberOfDataFilesDeleted"] == 1
    assert metrics["NumberOfManifestListsDeleted"] >= 2
    assert content(table) == [(4, "x")]
    assert {s.snapshot_id for s in table.snapshots()} == {tagged, table.current_snapshot().snapshot_id}
    # Time travel to the tag still works: its files are all there.
    assert sorted(table.scan(snapshot_id=tagged).to_arrow()["n"].to_pylist()) == [1, 2]


def test_retention_without_cleaning_leaves_the_files(server: Server, name: str) -> None:
    table = create(server, name)
    table.append(rows(1))
    table.overwrite(rows(2))
    before = objects(server, name)
    run = optimize(
        server,
        name,
        "retention",
        retention={
            "snapshotRetentionPeriodInDays": 0,
            "numberOfSnapshotsToRetain": 1,
            "cleanExpiredFiles": False,
        },
    )[0]
    assert run["retentionMetrics"]["IcebergMetrics"]["NumberOfDataFilesDeleted"] == 0
    assert len(table.refresh().snapshots()) == 1
    assert before <= objects(server, name)


def test_young_snapshots_stay(server: Server, name: str) -> None:
    table = create(server, name)
    table.append(rows(1))
    table.append(rows(2))
    run = optimize(server, name, "retention", retention={})[0]
    assert run["eventType"] == "completed"
    assert len(table.refresh().snapshots()) == 2


def test_a_table_may_forbid_it(server: Server, name: str) -> None:
    table = create(server, name, properties={"gc.enabled": "false"})
    table.append(rows(1))
    table.append(rows(2))
    run = optimize(server, name, "retention", retention={"snapshotRetentionPeriodInDays": 0})[0]
    assert run["eventType"] == "failed"
    assert "gc.enabled" in run["error"]
    assert len(table.refresh().snapshots()) == 2


def test_a_table_that_is_registered_twice_keeps_its_files(server: Server, name: str) -> None:
    table = create(server, name)
    table.append(rows(1))
    table.overwrite(rows(2))
    other = iceberg(server).register_table((name, "twin"), table.metadata_location)
    run = optimize(server, name, "retention", retention={"snapshotRetentionPeriodInDays": 0})[0]
    assert run["eventType"] == "failed"
    assert f"{name}.twin" in run["error"]
    assert other.scan(snapshot_id=other.snapshots()[0].snapshot_id).to_arrow().num_rows == 1


# -- orphan files --------------------------------------------------------------------------------------


def test_young_files_and_referenced_ones_stay(server: Server, name: str) -> None:
    table = create(server, name)
    table.append(rows(1))
    server.client("s3").put_object(Bucket=name, Key="t/data/stray.parquet", Body=b"stray")
    before = objects(server, name)
    run = optimize(
        server, name, "orphan_file_deletion", orphanFileDeletion={"orphanFileRetentionPeriodInDays": 1}
    )[0]
    assert run["eventType"] == "completed", run
    assert run["orphanFileDeletionMetrics"]["IcebergMetrics"]["NumberOfOrphanFilesDeleted"] == 0
    assert objects(server, name) == before


def test_a_location_with_another_tables_files_is_refused(server: Server, name: str) -> None:
    create(server, name)
    iceberg(server).create_table((name, "other"), SCHEMA, location=f"s3://{name}/t/other")
    run = optimize(server, name, "orphan_file_deletion", orphanFileDeletion={})[0]
    assert run["eventType"] == "failed"
    assert f"{name}.other" in run["error"]


# -- the operations ------------------------------------------------------------------------------------


def test_optimizers_are_defined_shown_changed_and_deleted(server: Server, name: str) -> None:
    create(server, name)
    glue = server.client("glue")
    given = {**configuration(retention={"numberOfSnapshotsToRetain": 3}), "enabled": False}
    glue.create_table_optimizer(**place(name, "retention"), TableOptimizerConfiguration=given)
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_table_optimizer(**place(name, "retention"), TableOptimizerConfiguration=given)
    found = glue.get_table_optimizer(**place(name, "retention"))
    assert (found["CatalogId"], found["DatabaseName"], found["TableName"]) == (ACCOUNT, name, "t")
    assert found["TableOptimizer"] == {
        "type": "retention",
        "configuration": given,
        "configurationSource": "table",
    }
    given["retentionConfiguration"] = {"icebergConfiguration": {"numberOfSnapshotsToRetain": 7}}
    glue.update_table_optimizer(**place(name, "retention"), TableOptimizerConfiguration=given)
    entries = [
        {"catalogId": ACCOUNT, "databaseName": name, "tableName": "t", "type": kind}
        for kind in ("retention", "compaction")
    ]
    batch = glue.batch_get_table_optimizer(Entries=entries)
    assert [one["tableOptimizer"]["configuration"] for one in batch["TableOptimizers"]] == [given]
    assert [(f["type"], f["error"]["ErrorCode"]) for f in batch["Failures"]] == [
        ("compaction", "EntityNotFoundException")
    ]
    glue.delete_table_optimizer(**place(name, "retention"))
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_table_optimizer(**place(name, "retention"))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("compaction", {"enabled": True}),
        ("compaction", configuration(retention={})),
        ("retention", configuration(retention={"numberOfSnapshotsToRetain": 0})),
        ("retention", configuration(retention={"runRateInHours": 1})),
        ("orphan_file_deletion", configuration(orphanFileDeletion={"orphanFileRetentionPeriodInDays": 0})),
        ("orphan_file_deletion", configuration(orphanFileDeletion={"location": "s3://elsewhere/x"})),
    ],
)
def test_wrong_configurations_are_refused(
    server: Server, name: str, kind: str, given: dict[str, Any]
) -> None:
    create(server, name)
    with pytest.raises(ClientError) as refused:
        server.client("glue").create_table_optimizer(**place(name, kind), TableOptimizerConfiguration=given)
    assert refused.value.response["Error"]["Code"] == "InvalidInputException"


@pytest.mark.parametrize(
    ("kind", "section", "property"),
    [
        ("retention", {"retention": {}}, "history.expire.max-snapshot-age-ms"),
        ("retention", {"retention": {}}, "history.expire.min-snapshots-to-keep"),
        ("compaction", {"compaction": {"strategy": "binpack"}}, "write.target-file-size-bytes"),
        ("compaction", {"compaction": {"strategy": "binpack", "minInputFiles": 2}}, "write.parquet.page-row-limit"),
        (
            "compaction",
            {"compaction": {"strategy": "binpack", "minInputFiles": 2}},
            "write.metadata.previous-versions-max",
        ),
    ],
)  # fmt: skip
def test_a_property_that_is_no_number_is_what_the_run_complains_of(
    server: Server, name: str, kind: str, section: dict[str, Any], property: str
) -> None:
    table = create(server, name)
    for number in (1, 2):
        table.append(rows(number))
    before = objects(server, name)
    # As another writer of the table may have left it.
    glue, s3 = server.client("glue"), server.client("s3")
    shown = glue.get_table(DatabaseName=name, Name="t")["Table"]
    key = shown["Parameters"]["metadata_location"].removeprefix(f"s3://{name}/")
    metadata = json.loads(s3.get_object(Bucket=name, Key=key)["Body"].read())
    metadata["properties"][property] = "lots"
    s3.put_object(Bucket=name, Key=key, Body=json.dumps(metadata).encode())
    run = optimize(server, name, kind, **section)[0]
    assert run["eventType"] == "failed"
    assert "lots" in run["error"], run["error"]
    assert "Internal error" not in run["error"]
    assert objects(server, name) == before


def test_only_iceberg_tables_have_optimizers(server: Server, name: str) -> None:
    glue = server.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(DatabaseName=name, TableInput={"Name": "t"})
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.create_table_optimizer(**place(name, "compaction"), TableOptimizerConfiguration=configuration())
    missing = {**place(name, "compaction"), "TableName": "nope"}
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.create_table_optimizer(**missing, TableOptimizerConfiguration=configuration())
