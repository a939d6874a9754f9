"""A lease has one holder at a time, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mastic.store import leases
from mastic.store.engine import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)


def test_a_lease_has_one_holder_until_it_runs_out(store: Store) -> None:
    with store.write() as tx:
        assert leases.acquire(tx, "reactor", "one", NOW, SOON)
        assert not leases.acquire(tx, "reactor", "two", NOW, SOON)
        assert leases.acquire(tx, "reactor", "one", NOW, SOON)
        assert leases.acquire(tx, "reactor", "two", SOON, SOON + timedelta(seconds=30))
        assert not leases.acquire(tx, "reactor", "one", SOON, SOON + timedelta(seconds=30))
