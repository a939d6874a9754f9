"""The revisions make the schema that the code works with, on both databases."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from mastic.store import migrate, schema
from mastic.store.engine import Store


def test_revisions_make_the_present_schema(store_url: str) -> None:
    store = Store(store_url)
    assert migrate.upgrade(store) == (None, migrate.head())
    assert migrate.upgrade(store) == (migrate.head(), migrate.head())
    with store.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.load())
    store.close()
    assert differences == []


def test_an_empty_embedded_store_is_what_the_revisions_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dump(name: str) -> list[str]:
        store = Store(f"sqlite:///{tmp_path}/{name}.db")
        assert migrate.upgrade(store) == (None, migrate.head())
        store.close()
        with contextlib.closing(sqlite3.connect(tmp_path / f"{name}.db")) as connection:
            return sorted("".join(statement.split()) for statement in connection.iterdump())

    at_once = dump("once")
    monkeypatch.setattr(migrate, "_make", lambda connection: migrate._by_revisions(connection))
    assert dump("revisions") == at_once
    assert len(at_once) > 100


def test_servers_that_start_together_take_turns(store_url: str) -> None:
    """Each finds the schema, whoever made it."""
    stores = [Store(store_url) for _ in range(3)]
    found: list[tuple[str | None, str]] = []
    threads = [threading.Thread(target=lambda s=s: found.append(migrate.upgrade(s))) for s in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    head = migrate.head()
    assert sorted(found, key=str) == sorted([(None, head), (head, head), (head, head)], key=str)
