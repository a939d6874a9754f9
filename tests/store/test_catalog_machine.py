"""Any sequence of catalog calls leaves what a plain model of the catalog says, on both databases.

Restarts come in between, and lists that are read page by page while the catalog changes under them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mastic.errors import ServiceError
from mastic.store.engine import Store
from tests.store.conftest import Catalog

DATABASES = st.sampled_from(["a", "B"])
TABLES = st.sampled_from(["t", "T", "u_1", "v"])
VALUES = st.sampled_from(["1", "2", "03", "10", "x"])
TEXTS = st.sampled_from(["", "one", "two"])
KEYS = [{"Name": "n", "Type": "int"}]


class Model:
    """What the catalog holds: databases of tables, each a list of versions and a dictionary of partitions."""

    def __init__(self) -> None:
        self.databases: dict[str, dict[str, dict[str, Any]]] = {}

    def table(self, database: str, table: str) -> dict[str, Any] | None:
        return self.databases.get(database.lower(), {}).get(table.lower())


@dataclass(kw_only=True)
class Listing:
    """A list under way: what it showed, what was there all the time, what was there at any time."""

    operation: str
    at: dict[str, str]
    place: tuple[str, str]
    token: str | None = None
    seen: list[str] = field(default_factory=list)
    always: set[str]
    ever: set[str]


class Installation:
    """A catalog that can be started anew on what it stored."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.catalog = Catalog(Store(url))
        self.catalog.store.create_all()

    def restart(self) -> None:
        self.catalog.store.close()
        self.catalog = Catalog(Store(self.url))


class CatalogMachine(RuleBasedStateMachine):
    """Calls the catalog and the model alike. The test's subclass brings the installation."""

    installation: Installation
    examples: Iterator[int]

    @property
    def catalog(self) -> Catalog:
        return self.installation.catalog

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.listings: list[Listing] = []
        # Every example has databases of its own.
        self.prefix = f"m{next(self.examples)}_"

    def call(self, operation: str, **request: Any) -> dict[str, Any] | str:
        """The reply, or the code of the error."""
        try:
            return self.catalog(operation, **request)
        except ServiceError as error:
            return error.code

    @rule(database=DATABASES)
    def create_database(self, database: str) -> None:
        reply = self.call("CreateDatabase", DatabaseInput={"Name": self.prefix + database})
        known = database.lower() in self.model.databases
        assert reply == ("AlreadyExistsException" if known else {})
        self.model.databases.setdefault(database.lower(), {})

    @rule(database=DATABASES)
    def delete_database(self, database: str) -> None:
        reply = self.call("DeleteDatabase", Name=self.prefix + database)
        gone = self.model.databases.pop(database.lower(), None)
        assert reply == ("EntityNotFoundException" if gone is None else {})

    @rule(database=DATABASES, table=TABLES, text=TEXTS)
    def create_table(self, database: str, table: str, text: str) -> None:
        given = {"Name": table, "Description": text, "PartitionKeys": KEYS}
        reply = self.call("CreateTable", DatabaseName=self.prefix + database, TableInput=given)
        tables = self.model.databases.get(database.lower())
        if tables is None:
            assert reply == "EntityNotFoundException"
        elif table.lower() in tables:
            assert reply == "AlreadyExistsException"
        else:
            assert reply == {}
            tables[table.lower()] = {"versions": {0: text}, "current": 0, "partitions": {}}

    @rule(
        database=DATABASES,
        table=TABLES,
        text=TEXTS,
        skip=st.booleans(),
        version=st.none() | st.integers(0, 2),
    )
    def update_table(self, database: str, table: str, text: str, skip: bool, version: int | None) -> None:
        given = {"Name": table, "Description": text, "PartitionKeys": KEYS}
        more = {} if version is None else {"VersionId": str(version)}
        reply = self.call(
            "UpdateTable", DatabaseName=self.prefix + database, TableInput=given, SkipArchive=skip, **more
        )
        found = self.model.table(database, table)
        if found is None:
            assert reply == "EntityNotFoundException"
            return
        known = found
        if version not in (None, known["current"]):
            assert reply == "ConcurrentModificationException"
            return
        assert reply == {}
        if skip:
            del known["versions"][known["current"]]
        known["current"] += 1
        known["versions"][known["current"]] = text

    @rule(database=DATABASES, table=TABLES)
    def delete_table(self, database: str, table: str) -> None:
        reply = self.call("DeleteTable", DatabaseName=self.prefix + database, Name=table)
        gone = self.model.databases.get(database.lower(), {}).pop(table.lower(), None)
        assert reply == ("EntityNotFoundException" if gone is None else {})

    @rule(database=DATABASES, table=TABLES, values=st.lists(VALUES, min_size=1, max_size=4), text=TEXTS)
    def create_partitions(self, database: str, table: str, values: list[str], text: str) -> None:
        items = [{"Values": [value], "Parameters": {"text": text}} for value in values]
        reply = self.call(
            "BatchCreatePartition",
            DatabaseName=self.prefix + database,
            TableName=table,
            PartitionInputList=items,
        )
        found = self.model.table(database, table)
        if found is None:
            assert reply == "EntityNotFoundException"
            return
        known = found["partitions"]
        refused = []
        for value in values:
            if value in known:
                refused.append([value])
            else:
                known[value] = text
        assert isinstance(reply, dict)
        assert [e["PartitionValues"] for e in reply["Errors"]] == refused

    @rule(database=DATABASES, table=TABLES, old=VALUES, new=VALUES, text=TEXTS)
    def update_partition(self, database: str, table: str, old: str, new: str, text: str) -> None:
        reply = self.call(
            "UpdatePartition",
            DatabaseName=self.prefix + database,
            TableName=table,
            PartitionValueList=[old],
            PartitionInput={"Values": [new], "Parameters": {"text": text}},
        )
        found = self.model.table(database, table)
        if found is None:
            assert reply == "EntityNotFoundException"
            return
        known = found["partitions"]
        if new != old and new in known:
            assert reply == "AlreadyExistsException"
        elif old not in known:
            assert reply == "EntityNotFoundException"
        else:
            assert reply == {}
            del known[old]
            known[new] = text

    @rule(database=DATABASES, table=TABLES, value=VALUES)
    def delete_partition(self, database: str, table: str, value: str) -> None:
        reply = self.call(
            "DeletePartition",
            DatabaseName=self.prefix + database,
            TableName=table,
            PartitionValues=[value],
        )
        found = self.model.table(database, table)
        gone = found["partitions"].pop(value, None) if found else None
        assert reply == ("EntityNotFoundException" if gone is None else {})

    @rule(database=DATABASES, table=TABLES, number=st.integers(-1, 12))
    def get_partitions(self, database: str, table: str, number: int) -> None:
        at = {"DatabaseName": self.prefix + database, "TableName": table}
        reply = self.call("GetPartitions", **at, Expression=f"n >= {number}")
        found = self.model.table(database, table)
        if found is None:
            assert reply == "EntityNotFoundException"
            return
        known = found["partitions"]
        assert isinstance(reply, dict)
        listed = {p["Values"][0]: p["Parameters"]["text"] for p in reply["Partitions"]}
        assert listed == {v: t for v, t in known.items() if v.isdecimal() and int(v) >= number}

    @rule()
    def restart(self) -> None:
        self.installation.restart()

    def names(self, operation: str, place: tuple[str, str]) -> set[str]:
        """What a list of the model's would show now."""
        database, table = place
        if operation == "GetTables":
            return set(self.model.databases.get(database, {}))
        return set((self.model.table(database, table) or {"partitions": ()})["partitions"])

    @rule(database=DATABASES, table=TABLES, partitions=st.booleans(), size=st.integers(1, 2))
    def begin_a_list(self, database: str, table: str, partitions: bool, size: int) -> None:
        operation = "GetPartitions" if partitions else "GetTables"
        at: dict[str, Any] = {"DatabaseName": self.prefix + database, "MaxResults": size}
        place = (database.lower(), table.lower() if partitions else "")
        if partitions:
            at["TableName"] = table
        names = self.names(operation, place)
        listing = Listing(operation=operation, at=at, place=place, always=set(names), ever=set(names))
        if self.turn_page(listing):
            self.listings.append(listing)

    @rule(number=st.integers(0, 5))
    def go_on_with_a_list(self, number: int) -> None:
        if self.listings:
            listing = self.listings.pop(number % len(self.listings))
            if self.turn_page(listing):
                self.listings.append(listing)

    def turn_page(self, listing: Listing) -> bool:
        """Read one page; whether there are more."""
        token = {"NextToken": listing.token} if listing.token else {}
        reply = self.call(listing.operation, **listing.at, **token)
        if isinstance(reply, str):
            # What was listed is gone, or another of its name has taken its place.
            assert reply in ("EntityNotFoundException", "InvalidInputException")
            return False
        if listing.operation == "GetTables":
            listing.seen += [table["Name"] for table in reply["TableList"]]
        else:
            listing.seen += [partition["Values"][0] for partition in reply["Partitions"]]
        listing.token = reply.get("NextToken")
        assert len(set(listing.seen)) == len(listing.seen)
        assert set(listing.seen) <= listing.ever
        if listing.token is None:
            assert listing.always <= set(listing.seen)
        return listing.token is not None

    @invariant()
    def lists_know_what_changed(self) -> None:
        for listing in self.listings:
            names = self.names(listing.operation, listing.place)
            listing.always &= names
            listing.ever |= names

    @invariant()
    def everything_is_there(self) -> None:
        for database, tables in self.model.databases.items():
            at = {"DatabaseName": self.prefix + database}
            listed = self.catalog.pages("GetTables", "TableList", **at, MaxResults=2)
            assert [t["Name"] for t in listed] == sorted(tables)
            for found in listed:
                known = tables[found["Name"]]
                assert found["VersionId"] == str(known["current"])
                versions = self.catalog.pages(
                    "GetTableVersions", "TableVersions", **at, TableName=found["Name"], MaxResults=1
                )
                assert [(int(v["VersionId"]), v["Table"]["Description"]) for v in versions] == sorted(
                    known["versions"].items(), reverse=True
                )
                partitions = self.catalog.pages(
                    "GetPartitions", "Partitions", **at, TableName=found["Name"], MaxResults=2
                )
                assert {p["Values"][0]: p["Parameters"]["text"] for p in partitions} == known["partitions"]


def test_the_catalog_does_what_its_model_does(store_url: str) -> None:
    installation = Installation(store_url)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        type("Machine", (CatalogMachine,), {"installation": installation, "examples": itertools.count()}),
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    installation.catalog.store.close()
