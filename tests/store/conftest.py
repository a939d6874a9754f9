"""The store under test, on SQLite and on a real PostgreSQL server that the test session starts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.catalog.databases import Databases
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.partition_lists import PartitionLists
from mastic.glue.catalog.partitions import Partitions
from mastic.glue.catalog.sweeping import Sweeper
from mastic.glue.catalog.tables import Tables
from mastic.glue.catalog.versions import TableVersions
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.store.engine import Store
from mastic.wire.dispatch import Dispatcher, Registry
from tests.postgres import cleared, database, postgresql

__all__ = ["postgresql"]


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture(scope="session")
def _file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded store with all tables, closed: a copy of it costs a tenth of making them."""
    path = tmp_path_factory.mktemp("tables") / "store.db"
    _make(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _shared(postgresql: int) -> Iterator[str]:
    """A database with all tables, for one test after the other: a template would be as dear as making them."""
    with database(postgresql) as url:
        _make(url)
        yield url


def _make(url: str) -> None:
    made = Store(url)
    made.create_all()
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store with all tables."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("_file"), tmp_path / "store.db")
        url = f"sqlite:///{tmp_path}/store.db"
    else:
        url = request.getfixturevalue("_shared")
        cleared(url)
    made = Store(url)
    yield made
    retire(made)


def retire(store: Store) -> None:
    """Close a store for good: what a test may have left running does not reach the next one's database."""
    event.listen(store.engine, "do_connect", _over)
    store.close()


def _over(*_: Any) -> None:
    raise RuntimeError("the test of this store is over")


class Catalog:
    """The Data Catalog's operations on a store, called as the wire calls them but without a wire."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = ManualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        self.pager = Pager("00" * 32)
        self.sweeper = Sweeper(store=store, clock=self.clock)
        registry = Registry()
        changing: dict[str, Any] = {
            "store": store,
            "clock": self.clock,
            "events": Events(ids=Ids(), wanted=lambda tx, scope: True),
        }
        registry.add("glue", Databases(pager=self.pager, sweeper=self.sweeper, **changing))
        registry.add("glue", Tables(pager=self.pager, sweeper=self.sweeper, **changing))
        registry.add("glue", TableVersions(store=store, pager=self.pager))
        registry.add("glue", Partitions(**changing))
        registry.add("glue", PartitionLists(store=store, pager=self.pager))
        self.dispatcher = Dispatcher(registry)

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        """Call an operation; raises ServiceError."""
        return self.dispatcher.invoke(Context(operation=operation), "glue", operation, request)

    def pages(self, operation: str, member: str, **request: Any) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        token = None
        while True:
            reply = self(operation, **request, **({"NextToken": token} if token else {}))
            found += reply[member]
            token = reply.get("NextToken")
            if not token:
                return found

    def refusal(self, operation: str, **request: Any) -> ServiceError:
        """The error that the operation ends with."""
        with pytest.raises(ServiceError) as raised:
            self(operation, **request)
        return raised.value


@pytest.fixture
def catalog(store: Store) -> Catalog:
    """The catalog on both databases."""
    return Catalog(store)
