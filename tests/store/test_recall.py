"""What is remembered is what a read would find."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection

from mastic.store import settings
from mastic.store.engine import Store
from mastic.store.recall import Recall


def put(store: Store, value: object) -> None:
    with store.write() as tx:
        settings.put(tx, "x", value)


def test_a_commit_is_seen_at_once(store: Store) -> None:
    recall = Recall(store)
    assert recall.get("x", lambda tx: settings.get(tx, "x")) is None
    for value in range(50):
        put(store, value)
        assert recall.get("x", lambda tx: settings.get(tx, "x")) == value
        assert recall.get("x", lambda tx: settings.get(tx, "x")) == value
    recall.close()
    assert recall.get("x", lambda tx: settings.get(tx, "x")) == 49
    recall.close()


def test_what_is_known_is_not_read_again(store: Store) -> None:
    recall = Recall(store)
    reads: list[int] = []

    def load(tx: Connection) -> int:
        reads.append(1)
        return 7

    assert [recall.get("k", load) for _ in range(3)] == [7, 7, 7]
    assert len(reads) == (1 if store.dialect == "sqlite" else 3)
    recall.close()


def test_failures_are_not_remembered(store: Store) -> None:
    recall = Recall(store)

    def fail(tx: Connection) -> int:
        raise LookupError

    with pytest.raises(LookupError):
        recall.get("k", fail)
    assert recall.get("k", lambda tx: 1) == 1
    recall.close()


def test_readers_never_see_the_past_of_their_own_writes(store: Store) -> None:
    recall = Recall(store)
    wrong: list[tuple[int, int]] = []
    latest = [0]
    put(store, 0)

    def read() -> None:
        for _ in range(150):
            floor = latest[0]
            found = recall.get("x", lambda tx: settings.get(tx, "x"))
            if found < floor:
                wrong.append((found, floor))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for value in range(1, 40):
        put(store, value)
        latest[0] = value
    for reader in readers:
        reader.join()
    assert wrong == []
    recall.close()
