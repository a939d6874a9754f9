"""Partitions that a statement names are added and dropped together, or not at all."""

from __future__ import annotations

import pytest

from tests.api.test_athena import Workspace
from tests.conftest import Server


@pytest.fixture
def work(server: Server, name: str) -> Workspace:
    made = Workspace(server, name)
    made.ask(
        f"CREATE EXTERNAL TABLE p (id int) PARTITIONED BY (dt string) STORED AS PARQUET LOCATION 's3://{name}/p/'"
    )
    made.ask("ALTER TABLE p ADD PARTITION (dt='b')")
    return made


def names(work: Workspace) -> list[str | None]:
    return [row[0] for row in work.ask("SHOW PARTITIONS p")]


def test_one_that_exists_keeps_the_others_from_being_added(work: Workspace) -> None:
    two = "ALTER TABLE p ADD {} PARTITION (dt='a') PARTITION (dt='b')"
    assert "AlreadyExistsException" in work.failure(two.format(""))
    assert names(work) == ["dt=b"]
    work.ask(two.format("IF NOT EXISTS"))
    assert names(work) == ["dt=a", "dt=b"]


def test_one_that_does_not_exist_keeps_the_others_from_being_dropped(work: Workspace) -> None:
    two = "ALTER TABLE p DROP {} PARTITION (dt='b'), PARTITION (dt='c')"
    assert "Partition not found: ['c']" in work.failure(two.format(""))
    assert names(work) == ["dt=b"]
    work.ask(two.format("IF EXISTS"))
    assert names(work) == []
