"""What is remembered is what a read would find."""

from __future__ import annotations

import contextlib
import threading

import pytest
from sqlalchemy import Connection

from mastic.store import engine, settings, sqlite, tags
from mastic.store.engine import Store
from mastic.store.recall import Recall


def put(store: Store, value: object) -> None:
    with store.write() as tx:
        settings.put(tx, "x", value)


def test_a_commit_is_seen_at_once(store: Store) -> None:
    recall = Recall(store, settings.settings)
    assert recall.get("x", lambda tx: settings.get(tx, "x")) is None
    for value in range(50):
        put(store, value)
        assert recall.get("x", lambda tx: settings.get(tx, "x")) == value
        assert recall.get("x", lambda tx: settings.get(tx, "x")) == value
    assert recall.get("x", lambda tx: settings.get(tx, "x")) == 49


def test_what_is_known_is_not_read_again(store: Store) -> None:
    recall = Recall(store, settings.settings)
    reads: list[int] = []

    def load(tx: Connection) -> int:
        reads.append(1)
        return 7

    assert [recall.get("k", load) for _ in range(3)] == [7, 7, 7]
    assert len(reads) == (1 if store.dialect == "sqlite" else 3)


def test_failures_are_not_remembered(store: Store) -> None:
    recall = Recall(store, settings.settings)

    def fail(tx: Connection) -> int:
        raise LookupError

    with pytest.raises(LookupError):
        recall.get("k", fail)
    assert recall.get("k", lambda tx: 1) == 1


def test_readers_never_see_the_past_of_their_own_writes(store: Store) -> None:
    recall = Recall(store, settings.settings)
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


def test_only_changes_of_its_tables_are_forgotten(store: Store) -> None:
    recall = Recall(store, settings.settings)
    reads: list[int] = []

    def load(tx: Connection) -> object:
        reads.append(1)
        return settings.get(tx, "x")

    put(store, 1)
    assert recall.get("x", load) == 1
    with store.write() as tx:
        tags.put(tx, "123456789012:us-east-1", "arn:aws:glue:us-east-1:123456789012:job/a", {"a": "b"})
    assert recall.get("x", load) == 1
    assert len(reads) == (1 if store.dialect == "sqlite" else 2)
    put(store, 2)
    assert recall.get("x", load) == 2


def test_within_a_transaction_its_own_changes_are_seen_and_what_is_taken_back_is_not_remembered(
    store: Store,
) -> None:
    recall = Recall(store, settings.settings)

    def find(tx: Connection) -> object:
        return recall.within(tx, "x", lambda tx: settings.get(tx, "x"))

    put(store, 1)
    with store.write() as tx:
        assert find(tx) == 1
        settings.put(tx, "x", 2)
        assert find(tx) == 2
    with store.write() as tx:
        assert find(tx) == 2
    with contextlib.suppress(LookupError), store.write() as tx:
        settings.put(tx, "x", 3)
        assert find(tx) == 3
        raise LookupError
    with store.write() as tx:
        assert find(tx) == 2
    with store.read() as tx:
        put(store, 4)
        # A snapshot is not taken for what is so now, nor is what it saw remembered as that.
        find(tx)
    with store.write() as tx:
        assert find(tx) == 4


def test_what_a_reader_has_seen_is_not_denied_while_its_writer_waits_for_the_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.dialect != "sqlite":
        pytest.skip("on PostgreSQL every fact is read")
    recall = Recall(store, settings.settings)
    syncing, released = threading.Event(), threading.Event()

    def slow_disk(_file: int) -> None:
        syncing.set()
        released.wait(60)

    put(store, 1)
    assert recall.get("x", lambda tx: settings.get(tx, "x")) == 1
    monkeypatch.setattr(sqlite, "_sync", slow_disk)
    writer = threading.Thread(target=put, args=(store, 2))
    writer.start()
    try:
        assert syncing.wait(60)
        with store.read() as tx:
            assert settings.get(tx, "x") == 2
        assert recall.get("x", lambda tx: settings.get(tx, "x")) == 2
    finally:
        released.set()
        writer.join()
    assert recall.get("x", lambda tx: settings.get(tx, "x")) == 2


def test_writers_of_one_commit_see_each_other(store: Store) -> None:
    """Each adds one to what it finds: one that is missed is missing in the end."""
    recall = Recall(store, settings.settings)
    put(store, 0)
    hold = "settings.x"

    def add(often: int) -> None:
        for number in range(often):
            try:
                with store.write() as tx:
                    engine.hold(tx, hold, alone=True)
                    found = recall.within(tx, "x", lambda tx: settings.get(tx, "x"))
                    settings.put(tx, "x", found + 1)
                    if number % 3 == 2:
                        raise LookupError
            except LookupError:
                continue

    writers = [threading.Thread(target=add, args=(30,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with store.write() as tx:
        assert recall.within(tx, "x", lambda tx: settings.get(tx, "x")) == 80
