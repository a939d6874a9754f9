"""Clients at the same time, with a restart in between: no update is lost, nothing appears that nobody made.

On PostgreSQL the clients are spread over two servers' stores.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from time import sleep
from typing import Any

import pytest
from sqlalchemy import text

from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.catalog import lookup
from mastic.store import catalog_statistics, tags
from mastic.store.engine import Store
from tests.store.conftest import Catalog

CLIENTS = 4
CALLS = 30
DB = "db"
KEPT = [str(n) for n in range(100, 107)]
TABLES = ["a", "b", "c"]
VALUES = [str(n) for n in range(6)]
AT = {"DatabaseName": DB, "TableName": "parts"}
EXPECTED = {"AlreadyExistsException", "EntityNotFoundException", "ConcurrentModificationException"}


class Client:
    """Makes random calls and remembers what each has done to the number of things of a name."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self.catalog = catalog
        self.chance = random.Random(seed)
        self.tables: Counter[str] = Counter()
        self.partitions: Counter[str] = Counter()
        self.counted = 0
        self.problems: list[str] = []

    def run(self) -> None:
        steps = (
            self.make_table, self.drop_table, self.count, self.count, self.add, self.add, self.remove, self.rename,
            self.read_all,
        )  # fmt: skip
        for _ in range(CALLS):
            step = self.chance.choice(steps)
            try:
                step()
            except ServiceError as error:
                if error.code not in EXPECTED:
                    self.problems.append(f"{step.__name__}: {error}")
            except Exception as error:  # noqa: BLE001 - a thread's failure is the test's to tell
                self.problems.append(f"{step.__name__}: {error!r}")

    def make_table(self) -> None:
        name = self.chance.choice(TABLES)
        self.catalog("CreateTable", DatabaseName=DB, TableInput={"Name": name})
        self.tables[name] += 1

    def drop_table(self) -> None:
        name = self.chance.choice(TABLES)
        if self.chance.random() < 0.5:
            self.catalog("DeleteTable", DatabaseName=DB, Name=name)
        elif self.catalog("BatchDeleteTable", DatabaseName=DB, TablesToDelete=[name])["Errors"]:
            return
        self.tables[name] -= 1

    def count(self) -> None:
        """Add one to what the table says, if it is still what was read."""
        seen = self.catalog("GetTable", DatabaseName=DB, Name="counter")["Table"]
        changed = {"Name": "counter", "Parameters": {"n": str(int(seen["Parameters"]["n"]) + 1)}}
        self.catalog("UpdateTable", DatabaseName=DB, TableInput=changed, VersionId=seen["VersionId"])
        self.counted += 1

    def add(self) -> None:
        values = self.chance.sample(VALUES, 3)
        items = [{"Values": [value]} for value in values]
        errors = self.catalog("BatchCreatePartition", **AT, PartitionInputList=items)["Errors"]
        there = {error["PartitionValues"][0] for error in errors}
        self.partitions.update(value for value in values if value not in there)

    def remove(self) -> None:
        value = self.chance.choice(VALUES)
        self.catalog("DeletePartition", **AT, PartitionValues=[value])
        self.partitions[value] -= 1

    def rename(self) -> None:
        old, new = self.chance.sample(VALUES, 2)
        self.catalog("UpdatePartition", **AT, PartitionValueList=[old], PartitionInput={"Values": [new]})
        self.partitions[old] -= 1
        self.partitions[new] += 1

    def read_all(self) -> None:
        """What nobody touches is in every list once, whatever happens around it."""
        size = self.chance.randint(1, 4)
        seen = [
            p["Values"][0] for p in self.catalog.pages("GetPartitions", "Partitions", **AT, MaxResults=size)
        ]
        if len(set(seen)) < len(seen) or not set(KEPT) <= set(seen) <= {*KEPT, *VALUES}:
            self.problems.append(f"a list of {seen}")


def together(clients: list[Client]) -> None:
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def opened(url: str) -> list[Catalog]:
    stores = [Store(url) for _ in range(1 if url.startswith("sqlite") else 2)]
    return [Catalog(store) for store in stores]


def closed(catalogs: list[Catalog]) -> None:
    for catalog in catalogs:
        catalog.store.close()


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_between_clients(store_url: str, seed: int) -> None:
    catalogs = opened(store_url)
    first = catalogs[0]
    first.store.create_all()
    first("CreateDatabase", DatabaseInput={"Name": DB})
    first("CreateTable", DatabaseName=DB, TableInput={"Name": "counter", "Parameters": {"n": "0"}})
    keys = [{"Name": "n", "Type": "int"}]
    first("CreateTable", DatabaseName=DB, TableInput={"Name": "parts", "PartitionKeys": keys})
    first("BatchCreatePartition", **AT, PartitionInputList=[{"Values": [value]} for value in KEPT])

    clients = [Client(catalogs[n % len(catalogs)], seed * 100 + n) for n in range(CLIENTS)]
    together(clients)
    begun = first("GetPartitions", **AT, MaxResults=3)
    closed(catalogs)
    catalogs = opened(store_url)
    for n, client in enumerate(clients):
        client.catalog = catalogs[n % len(catalogs)]
    together(clients)
    assert [problem for client in clients for problem in client.problems] == []

    first = catalogs[0]
    # A list that was begun before the restart, and before all that happened since, goes on where it was.
    rest = first.pages("GetPartitions", "Partitions", **AT, MaxResults=100, NextToken=begun["NextToken"])
    seen = [p["Values"][0] for p in (*begun["Partitions"], *rest)]
    assert set(KEPT) <= set(seen)

    counted = sum(client.counted for client in clients)
    counter: dict[str, Any] = first("GetTable", DatabaseName=DB, Name="counter")["Table"]
    assert (counter["Parameters"]["n"], counter["VersionId"]) == (str(counted), str(counted))
    versions = first.pages(
        "GetTableVersions", "TableVersions", DatabaseName=DB, TableName="counter", MaxResults=7
    )
    assert [int(version["VersionId"]) for version in versions] == list(range(counted, -1, -1))

    tables, partitions = Counter[str](), Counter[str]()
    for client in clients:
        tables.update(client.tables)
        partitions.update(client.partitions)
    listed = {table["Name"] for table in first.pages("GetTables", "TableList", DatabaseName=DB)}
    assert {name: int(name in listed) for name in TABLES} == {name: tables[name] for name in TABLES}
    found = {p["Values"][0] for p in first.pages("GetPartitions", "Partitions", **AT)}
    assert {value: int(value in found) for value in VALUES} == {value: partitions[value] for value in VALUES}
    closed(catalogs)


@pytest.mark.parametrize("operation", ["BatchCreatePartition", "BatchUpdatePartition"])
def test_the_same_partitions_are_written_in_opposite_orders_at_once(catalog: Catalog, operation: str) -> None:
    """Writers that wait for each other's rows would wait for ever, and one of them would fail."""
    catalog("CreateDatabase", DatabaseInput={"Name": "order"})
    keys = [{"Name": "n", "Type": "int"}]
    catalog("CreateTable", DatabaseName="order", TableInput={"Name": "t", "PartitionKeys": keys})
    at = {"DatabaseName": "order", "TableName": "t"}
    failures: list[BaseException] = []

    def write(given: list[dict[str, Any]]) -> None:
        entries = [{"PartitionValueList": one["Values"], "PartitionInput": one} for one in given]
        changes = {"BatchCreatePartition": {"PartitionInputList": given}}
        try:
            catalog(operation, **at, **changes.get(operation, {"Entries": entries}))
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    for start in range(0, 1500, 100):
        given = [{"Values": [str(number)]} for number in range(start, start + 100)]
        if operation == "BatchUpdatePartition":
            catalog("BatchCreatePartition", **at, PartitionInputList=given)
        threads = [threading.Thread(target=write, args=(some,)) for some in (given, given[::-1]) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not failures, failures[0]
    assert len(catalog.pages("GetPartitions", "Partitions", **at, MaxResults=1000)) == 1500


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("BatchDeletePartition", {"PartitionsToDelete": [{"Values": ["1"]}, {"Values": ["2"]}]}),
        ("UpdatePartition", {"PartitionValueList": ["1"], "PartitionInput": {"Values": ["3"]}}),
    ],
)
def test_what_could_wait_for_who_waits_for_it_goes_alone(
    catalog: Catalog, operation: str, request_: dict[str, Any]
) -> None:
    """It holds the rows of two partitions, in an order that is not everybody's."""
    if catalog.store.dialect != "postgresql":
        pytest.skip("SQLite's writers are alone anyway")
    catalog("CreateDatabase", DatabaseInput={"Name": "alone"})
    keys = [{"Name": "n", "Type": "int"}]
    catalog("CreateTable", DatabaseName="alone", TableInput={"Name": "t", "PartitionKeys": keys})
    at = {"DatabaseName": "alone", "TableName": "t"}
    catalog("BatchCreatePartition", **at, PartitionInputList=[{"Values": [n]} for n in "12"])
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    change = threading.Thread(target=lambda: catalog(operation, **at, **request_))
    with catalog.store.write() as tx:
        lookup.table(tx, Context(operation=operation), at, hold="fill")
        change.start()
        waits = False
        while change.is_alive() and not waits:
            with catalog.store.read() as other:
                waits = bool(other.execute(waiting).scalar_one())
            sleep(0.01)
    change.join(60)
    assert waits
    left = [p["Values"] for p in catalog.pages("GetPartitions", "Partitions", **at)]
    assert left == ([] if operation == "BatchDeletePartition" else [["2"], ["3"]])


@pytest.mark.parametrize("kind", ["statistics", "tags"])
def test_the_same_rows_are_written_in_opposite_orders_at_once(store: Store, kind: str) -> None:
    failures: list[BaseException] = []

    def write(names: list[str]) -> None:
        try:
            with store.write(catalog="123456789012:us-east-1") as tx:
                if kind == "tags":
                    tags.put(tx, "s", "arn", dict.fromkeys(names, "v"))
                else:
                    catalog_statistics.put(tx, 1, 0, {name: {} for name in names})
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    for start in range(10):
        names = [f"{start} {n}" for n in range(100)]
        threads = [threading.Thread(target=write, args=(some,)) for some in (names, names[::-1]) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not failures, failures[0]
