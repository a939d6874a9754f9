"""Entries that point at metadata: swaps, renames and drops on both databases, with writers in each other's way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.catalog.catalogs import Catalogs
from mastic.glue.catalog.databases import Databases
from mastic.glue.catalog.entries import Entries, Lost, Swap
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.sweeping import Sweeper
from mastic.ids import Ids
from mastic.store import catalog_databases

if TYPE_CHECKING:
    from tests.store.conftest import Catalog

CONTEXT = Context(service="glue")
ACCOUNT = CONTEXT.account_id


@pytest.fixture
def entries(catalog: Catalog) -> Entries:
    catalog("CreateDatabase", DatabaseInput={"Name": "db"})
    lasting: dict[str, Any] = {"store": catalog.store, "clock": catalog.clock}
    return Entries(
        events=Events(ids=Ids(), wanted=lambda tx, scope: False), sweeper=Sweeper(**lasting), **lasting
    )


def anything(body: dict[str, Any]) -> bool:
    return True


def make(entries: Entries, name: str, **body: Any) -> None:
    swap = Swap(database="db", name=name, body={"Name": name, **body}, seen=None)
    entries.swap(CONTEXT, ACCOUNT, [swap])


def count(entries: Entries, name: str) -> int:
    row = entries.find(CONTEXT, ACCOUNT, "db", name)
    assert row is not None
    return int(row.body["Retention"])


def at_once(*work: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def run(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures, failures


def test_no_swap_is_lost_among_swaps_and_updates(catalog: Catalog, entries: Entries) -> None:
    for name in ("a", "b"):
        make(entries, name, Retention=0)
    each = 12

    def swaps(names: list[str]) -> None:
        """Both tables or none, named in one order or the other."""
        for _ in range(each):
            while True:
                rows = [entries.find(CONTEXT, ACCOUNT, "db", name) for name in names]
                changes = [
                    Swap(
                        database="db",
                        name=row.name,
                        body={**row.body, "Retention": row.body["Retention"] + 1},
                        seen=row,
                    )
                    for row in rows
                    if row is not None
                ]
                try:
                    entries.swap(CONTEXT, ACCOUNT, changes)
                    break
                except Lost:
                    continue

    def updates() -> None:
        for _ in range(each):
            while True:
                table = catalog("GetTable", DatabaseName="db", Name="a")["Table"]
                body = {"Name": "a", "Retention": table["Retention"] + 1}
                try:
                    catalog(
                        "UpdateTable",
                        DatabaseName="db",
                        TableInput=body,
                        VersionId=table["VersionId"],
                        SkipArchive=True,
                    )
                    break
                except ServiceError as error:
                    if error.code != "ConcurrentModificationException":
                        raise

    at_once(lambda: swaps(["a", "b"]), lambda: swaps(["b", "a"]), updates)
    assert (count(entries, "a"), count(entries, "b")) == (3 * each, 2 * each)


def test_many_swaps_are_one(entries: Entries) -> None:
    make(entries, "a", Retention=0)
    make(entries, "b", Retention=0)
    seen = [entries.find(CONTEXT, ACCOUNT, "db", name) for name in ("a", "b")]
    make_one = [
        Swap(database="db", name=row.name, body={**row.body, "Retention": 1}, seen=row) for row in seen if row
    ]
    entries.swap(CONTEXT, ACCOUNT, make_one[1:])
    with pytest.raises(Lost):
        entries.swap(CONTEXT, ACCOUNT, make_one)
    created = Swap(database="db", name="b", body={"Name": "b"}, seen=None)
    with pytest.raises(ServiceError, match="already exists"):
        entries.swap(CONTEXT, ACCOUNT, [make_one[0], created])
    nowhere = Swap(database="none", name="c", body={"Name": "c"}, seen=None)
    with pytest.raises(ServiceError, match="not found"):
        entries.swap(CONTEXT, ACCOUNT, [make_one[0], nowhere])
    assert count(entries, "a") == 0


def test_a_table_made_anew_is_another(entries: Entries) -> None:
    make(entries, "a", Retention=1)
    seen = entries.find(CONTEXT, ACCOUNT, "db", "a")
    assert entries.drop(CONTEXT, ACCOUNT, "db", "a", wanted=anything)
    make(entries, "a", Retention=2)
    with pytest.raises(Lost):
        entries.swap(CONTEXT, ACCOUNT, [Swap(database="db", name="a", body={"Name": "a"}, seen=seen)])
    assert count(entries, "a") == 2


def test_only_what_is_wanted_is_renamed_and_dropped(catalog: Catalog, entries: Entries) -> None:
    make(entries, "a", Retention=1)
    make(entries, "b")
    catalog("CreateDatabase", DatabaseInput={"Name": "other"})

    def never(body: dict[str, Any]) -> bool:
        return False

    assert not entries.rename(CONTEXT, ACCOUNT, ("db", "a"), ("db", "z"), wanted=never)
    assert not entries.drop(CONTEXT, ACCOUNT, "db", "a", wanted=never)
    with pytest.raises(ServiceError, match="already exists"):
        entries.rename(CONTEXT, ACCOUNT, ("db", "a"), ("db", "B"), wanted=anything)
    with pytest.raises(ServiceError, match="not found"):
        entries.rename(CONTEXT, ACCOUNT, ("db", "a"), ("none", "a"), wanted=anything)
    assert entries.rename(CONTEXT, ACCOUNT, ("db", "A"), ("Other", "Z"), wanted=anything)
    moved = catalog("GetTable", DatabaseName="other", Name="z")["Table"]
    assert (moved["Name"], moved["Retention"]) == ("z", 1)
    assert entries.names(CONTEXT, ACCOUNT, "db", wanted=anything) == ["b"]


def test_an_empty_database_is_dropped_only_while_it_is_empty(catalog: Catalog, entries: Entries) -> None:
    databases = Databases(
        store=catalog.store,
        clock=catalog.clock,
        pager=catalog.pager,
        events=Events(ids=Ids(), wanted=lambda tx, scope: False),
        sweeper=catalog.sweeper,
    )
    for _ in range(10):
        catalog("CreateDatabase", DatabaseInput={"Name": "race"})
        outcome: dict[str, Any] = {}

        def fill(outcome: dict[str, Any] = outcome) -> None:
            try:
                swap = Swap(database="race", name="t", body={"Name": "t"}, seen=None)
                entries.swap(CONTEXT, ACCOUNT, [swap])
                outcome["filled"] = True
            except ServiceError as error:
                if error.code != "EntityNotFoundException":
                    raise
                outcome["filled"] = False

        def empty(outcome: dict[str, Any] = outcome) -> None:
            outcome["dropped"] = databases.drop(CONTEXT, {"Name": "race"}, only_empty=True)

        at_once(fill, empty)
        assert outcome["filled"] != outcome["dropped"], outcome
        if not outcome["dropped"]:
            catalog("DeleteDatabase", Name="race")


def test_links_lead_to_their_tables(catalog: Catalog, entries: Entries) -> None:
    make(entries, "a", Retention=5)
    catalog("CreateDatabase", DatabaseInput={"Name": "links"})
    target = {"CatalogId": ACCOUNT, "DatabaseName": "db", "Name": "a"}
    catalog("CreateTable", DatabaseName="links", TableInput={"Name": "l", "TargetTable": target})
    found = entries.find(CONTEXT, ACCOUNT, "links", "l")
    assert found is not None
    assert found.body["Retention"] == 5
    itself = {"CatalogId": ACCOUNT, "DatabaseName": "links", "Name": "loop"}
    catalog("CreateTable", DatabaseName="links", TableInput={"Name": "loop", "TargetTable": itself})
    with pytest.raises(ServiceError, match="itself"):
        entries.find(CONTEXT, ACCOUNT, "links", "loop")


def test_links_lead_into_the_region_that_they_name(catalog: Catalog, entries: Entries) -> None:
    """Not to a table that happens to have the same name here."""
    make(entries, "a", Retention=1)
    there = replace(CONTEXT, region="eu-west-1")
    for operation, request in (
        ("CreateDatabase", {"DatabaseInput": {"Name": "db"}}),
        ("CreateTable", {"DatabaseName": "db", "TableInput": {"Name": "a", "Retention": 2}}),
    ):
        catalog.dispatcher.invoke(replace(there, operation=operation), "glue", operation, request)
    target = {"CatalogId": ACCOUNT, "DatabaseName": "db", "Name": "a", "Region": "eu-west-1"}
    catalog("CreateTable", DatabaseName="db", TableInput={"Name": "l", "TargetTable": target})
    assert count(entries, "l") == 2


def test_a_table_is_renamed_only_as_it_was_seen(catalog: Catalog, entries: Entries) -> None:
    make(entries, "a", Retention=1)
    seen = entries.find(CONTEXT, ACCOUNT, "db", "a")
    assert seen is not None
    catalog("UpdateTable", DatabaseName="db", TableInput={"Name": "a", "Retention": 2})
    with pytest.raises(Lost):
        entries.rename(CONTEXT, ACCOUNT, ("db", "a"), ("db", "z"), wanted=anything, version=seen.version)
    assert count(entries, "a") == 2
    now = entries.find(CONTEXT, ACCOUNT, "db", "a")
    assert now is not None
    assert entries.rename(CONTEXT, ACCOUNT, ("db", "a"), ("db", "z"), wanted=anything, version=now.version)


def test_swaps_that_come_by_different_links_do_not_wait_for_each_other_for_ever(
    catalog: Catalog, entries: Entries
) -> None:
    """Two clients change the same two tables, and the names by which they know them are in opposite orders."""
    for name, link in (("x", "link2"), ("y", "link1")):
        catalog("CreateDatabase", DatabaseInput={"Name": name})
        target = {"CatalogId": ACCOUNT, "DatabaseName": name}
        catalog("CreateDatabase", DatabaseInput={"Name": link, "TargetDatabase": target})
        body = {"Name": "t", "Retention": 0}
        entries.swap(CONTEXT, ACCOUNT, [Swap(database=name, name="t", body=body, seen=None)])
    each = 25

    def swaps(databases: list[str]) -> None:
        done = 0
        while done < each:
            changes = []
            for database in databases:
                row = entries.find(CONTEXT, ACCOUNT, database, "t")
                assert row is not None
                body = {**row.body, "Retention": row.body["Retention"] + 1}
                changes.append(Swap(database=database, name="t", body=body, seen=row))
            try:
                entries.swap(CONTEXT, ACCOUNT, changes)
                done += 1
            except Lost:
                pass

    at_once(lambda: swaps(["x", "y"]), lambda: swaps(["link1", "link2"]))
    for database in ("x", "y"):
        row = entries.find(CONTEXT, ACCOUNT, database, "t")
        assert row is not None
        assert row.body["Retention"] == 2 * each


def test_a_swap_in_a_database_that_is_gone_is_lost(catalog: Catalog, entries: Entries) -> None:
    make(entries, "t")
    row = entries.find(CONTEXT, ACCOUNT, "db", "t")
    assert row is not None
    catalog("DeleteDatabase", Name="db")
    catalog("CreateDatabase", DatabaseInput={"Name": "db"})
    with pytest.raises(Lost):
        entries.swap(CONTEXT, ACCOUNT, [Swap(database="db", name="t", body=row.body, seen=row)])


def test_a_catalog_that_is_being_filled_is_not_deleted(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasting: dict[str, Any] = {"store": catalog.store, "clock": catalog.clock}
    catalogs = Catalogs(pager=catalog.pager, **lasting)
    catalogs.create_catalog(CONTEXT, {"Name": "sub", "CatalogInput": {}})
    outcome: list[str] = []
    filled = threading.Event()

    def fill() -> None:
        try:
            catalog("CreateDatabase", CatalogId="sub", DatabaseInput={"Name": "d"})
            outcome.append("created")
        except ServiceError as error:
            outcome.append(error.code)
        filled.set()

    writer = threading.Thread(target=fill)
    look = catalog_databases.any_in

    def slowly(tx: Any, key: str) -> bool:
        found = look(tx, key)
        writer.start()
        filled.wait(1)  # comes in between, if anything lets it
        return found

    monkeypatch.setattr(catalog_databases, "any_in", slowly)
    catalogs.delete_catalog(CONTEXT, {"CatalogId": "sub"})
    writer.join(60)
    assert outcome == ["EntityNotFoundException"]
