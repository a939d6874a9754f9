"""The Hive Metastore's door and the table optimizers with PostgreSQL beneath them.

All of their tests run so with MASTIC_TEST_STORE=postgresql; here is what always runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hive_metastore import ttypes

from tests.api.hive import HiveServer, partition, table
from tests.api.test_table_optimizers import content, create, optimize, rows
from tests.postgres import database

pytestmark = pytest.mark.xdist_group("catalog-postgres")


@pytest.fixture(scope="module")
def server(postgresql: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HiveServer]:
    place: Path = tmp_path_factory.mktemp("postgres")
    with database(postgresql) as url:
        settings = {"MASTIC_DATABASE_URL": url, "MASTIC_OBJECTS_DIR": str(place / "objects")}
        running = HiveServer(place / "data", settings)
        running.start()
        running.client("s3").create_bucket(Bucket="warehouse")
        yield running
        running.stop()


def test_the_metastore(server: HiveServer, name: str) -> None:
    glue: Any = server.client("glue")
    with server.metastore() as hive:
        hive.create_database(ttypes.Database(name=name, locationUri=f"s3://warehouse/{name}.db"))
        hive.create_table(table(name, "t", keys=[("y", "int"), ("s", "string")]))
        assert (
            hive.add_partitions([partition(name, "t", str(y), s) for y in (1, 2) for s in ("a_b", "ab")]) == 4
        )
        for text, count in (("y = 2", 2), ("s like '.*_b'", 2), ("y > 1 and s like 'a_.*'", 1)):
            assert hive.get_num_partitions_by_filter(name, "t", text) == count
        server.client("s3").put_object(Bucket="warehouse", Key=f"{name}.db/t/y=1/s=ab/x", Body=b"x")
        new = hive.get_table(name, "t")
        new.tableName = "u"
        hive.alter_table(name, "t", new)
        assert [p["StorageDescriptor"]["Location"] for p in glue.get_partitions(
            DatabaseName=name, TableName="u", Expression="y = 1 AND s = 'ab'"
        )["Partitions"]] == [f"s3://warehouse/{name}.db/u/y=1/s=ab"]  # fmt: skip
        lock = hive.lock(ttypes.LockRequest(
            component=[ttypes.LockComponent(type=ttypes.LockType.EXCLUSIVE, level=ttypes.LockLevel.TABLE,
                                            dbname=name, tablename="u")],
            user="me", hostname="here",
        ))  # fmt: skip
        assert lock.state == ttypes.LockState.ACQUIRED
        hive.unlock(ttypes.UnlockRequest(lockid=lock.lockid))
        hive.drop_table(name, "u", True)
        assert hive.get_all_tables(name) == []


def test_the_optimizers(server: HiveServer, name: str) -> None:
    made = create(server, name)
    for number in range(3):
        made.append(rows(number))
    before = content(made)
    run = optimize(server, name, "compaction", compaction={"strategy": "binpack", "minInputFiles": 2})[0]
    assert run["eventType"] == "completed", run
    assert run["compactionMetrics"]["IcebergMetrics"]["NumberOfFilesCompacted"] == 3
    run = optimize(server, name, "orphan_file_deletion", orphanFileDeletion={})[0]
    assert run["eventType"] == "completed", run
    run = optimize(server, name, "retention", retention={})[0]
    assert run["eventType"] == "completed", run
    assert content(made) == before
