"""The store fixture itself: both databases are empty and real."""

from __future__ import annotations

from mastic.store import settings
from mastic.store.engine import Store


def test_a_fact_is_read_back(store: Store) -> None:
    with store.write() as tx:
        settings.put(tx, "a", {"b": 1})
    with store.read() as tx:
        assert settings.get(tx, "a") == {"b": 1}


def test_each_test_has_its_own(store: Store) -> None:
    with store.read() as tx:
        assert settings.get(tx, "a") is None
