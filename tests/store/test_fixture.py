"""The store fixture itself: both databases are empty and real, whatever the test before left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mastic.store import schema, settings, tasks
from mastic.store.engine import Store
from tests.postgres import cleared
from tests.store.conftest import retire


def test_a_fact_is_read_back(store: Store) -> None:
    with store.write() as tx:
        settings.put(tx, "a", {"b": 1})
    with store.read() as tx:
        assert settings.get(tx, "a") == {"b": 1}


def test_each_test_has_its_own(store: Store) -> None:
    with store.read() as tx:
        assert settings.get(tx, "a") is None


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_database_that_was_used_is_as_new(store: Store) -> None:
    """Even where somebody is still at it."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(2):
        with store.write() as tx:
            settings.put(tx, "a", 1)
            tasks.put(tx, "q", "k", {}, not_before=now)
            (task,) = tasks.lease(tx, "q", "me", now, now, 1)
            assert task.id == 1
        late = store.engine.connect()
        late.execute(tasks.tasks.delete())
        cleared(store.url)
        with store.read() as tx:
            counts = {
                table.name: len(tx.execute(table.select()).all()) for table in schema.load().sorted_tables
            }
        assert set(counts.values()) == {0}
        late.invalidate()
        late.close()


def test_a_store_that_was_retired_reaches_nothing(store_url: str) -> None:
    """Even from a thread that goes on."""
    made = Store(store_url)
    made.create_all()
    retire(made)
    with pytest.raises(RuntimeError, match="is over"), made.write() as tx:
        settings.put(tx, "a", 1)
