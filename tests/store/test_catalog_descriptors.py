"""Shared descriptors that no partition has any more go, and never one that a partition has come to have meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from mastic.store import catalog_descriptors, catalog_partitions

if TYPE_CHECKING:
    from tests.store.conftest import Catalog

AT = {"DatabaseName": "db", "TableName": "t"}


def partition(value: str, shared: str) -> dict[str, Any]:
    return {"Values": [value], "StorageDescriptor": {"InputFormat": shared, "Location": f"s3://b/{value}"}}


def make(catalog: Catalog, *shared: str) -> None:
    """A partition for each of ``shared``: 0, 1, …"""
    catalog("CreateDatabase", DatabaseInput={"Name": "db"})
    table = {"Name": "t", "PartitionKeys": [{"Name": "k", "Type": "int"}]}
    catalog("CreateTable", DatabaseName="db", TableInput=table)
    for number, one in enumerate(shared):
        catalog("CreatePartition", **AT, PartitionInput=partition(str(number), one))


def formats(catalog: Catalog) -> list[str]:
    return [p["StorageDescriptor"]["InputFormat"] for p in catalog("GetPartitions", **AT)["Partitions"]]


def stored(catalog: Catalog) -> int:
    with catalog.store.read() as tx:
        return int(tx.execute(select(func.count()).select_from(catalog_partitions.descriptors)).scalar_one())


def unused(catalog: Catalog) -> tuple[int, list[int]]:
    with catalog.store.read() as tx:
        (table_id,) = catalog_descriptors.tables_with(tx, 1)
        return table_id, catalog_descriptors.unused(tx, table_id, 0, 100)


def test_what_changed_and_deleted_partitions_had_is_forgotten(catalog: Catalog) -> None:
    make(catalog, "a", "b", "c", "d")
    catalog("UpdatePartition", **AT, PartitionValueList=["1"], PartitionInput=partition("1", "a"))
    catalog("DeletePartition", **AT, PartitionValues=["3"])
    assert stored(catalog) == 4
    catalog.sweeper.forget_descriptors(5)
    assert stored(catalog) == 4
    catalog.sweeper.forget_descriptors(1)
    assert stored(catalog) == 2
    assert formats(catalog) == ["a", "a", "c"]
    catalog("CreatePartition", **AT, PartitionInput=partition("5", "d"))
    assert formats(catalog) == ["a", "a", "c", "d"]


def test_one_that_comes_into_use_before_it_is_set_aside_stays(catalog: Catalog) -> None:
    make(catalog, "a", "b")
    catalog("DeletePartition", **AT, PartitionValues=["1"])
    table_id, ids = unused(catalog)
    assert len(ids) == 1
    catalog("CreatePartition", **AT, PartitionInput=partition("2", "b"))
    with catalog.store.write() as tx:
        catalog_descriptors.set_aside(tx, table_id, ids)
    assert unused(catalog) == (table_id, [])
    catalog("CreatePartition", **AT, PartitionInput=partition("3", "b"))
    catalog.sweeper.forget_descriptors(1)
    assert formats(catalog) == ["a", "b", "b"]


def test_one_that_was_set_aside_comes_into_no_use(catalog: Catalog) -> None:
    make(catalog, "a", "b")
    catalog("DeletePartition", **AT, PartitionValues=["1"])
    table_id, ids = unused(catalog)
    with catalog.store.write() as tx:
        catalog_descriptors.set_aside(tx, table_id, ids)
    catalog("CreatePartition", **AT, PartitionInput=partition("2", "b"))
    assert unused(catalog) == (table_id, ids)
    with catalog.store.write() as tx:
        catalog_descriptors.remove(tx, ids)
    assert formats(catalog) == ["a", "b"]
    assert stored(catalog) == 2
