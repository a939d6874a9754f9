"""Writers of the embedded store that share one COMMIT: none is told of success that did not come."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mastic.status import Status
from mastic.store import sqlite
from mastic.store.engine import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path / 'mastic.db'}")
    with made.write() as tx:
        tx.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, body BLOB)"))
    yield made
    made.close()


def test_a_full_disk_fails_every_writer_of_the_group(store: Store) -> None:
    """SQLite then rolls the transaction back as a whole, with what earlier members wrote."""
    failures: dict[str, BaseException] = {}
    first_wrote = threading.Event()
    second_waits = threading.Event()

    def first() -> None:
        try:
            with store.write() as tx:
                tx.execute(text("INSERT INTO notes VALUES (1, x'00')"))
                first_wrote.set()
                assert second_waits.wait(120)
                group = store._group
                assert group is not None
                while not group._waiting:
                    second_waits.wait(0.01)
        except (OperationalError, RuntimeError) as error:
            failures["first"] = error

    def second() -> None:
        assert first_wrote.wait(120)
        second_waits.set()
        try:
            with store.write() as tx:
                tx.execute(text("PRAGMA max_page_count = 20"))
                tx.execute(text("INSERT INTO notes VALUES (2, zeroblob(200000))"))
        except (OperationalError, RuntimeError) as error:
            failures["second"] = error

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    with store.read() as tx:
        kept = list(tx.execute(text("SELECT id FROM notes")).scalars())
    assert kept == []
    assert set(failures) == {"first", "second"}
    assert isinstance(failures["second"], OperationalError)

    # The next writer begins anew.
    with store.write() as tx:
        tx.execute(text("INSERT INTO notes VALUES (3, x'00')"))
    with store.read() as tx:
        assert list(tx.execute(text("SELECT id FROM notes")).scalars()) == [3]


def test_a_failing_member_leaves_the_others(store: Store) -> None:
    def failing() -> None:
        with store.write() as tx:
            tx.execute(text("INSERT INTO notes VALUES (1, x'00')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    with store.write() as tx:
        tx.execute(text("INSERT INTO notes VALUES (2, x'00')"))
    with store.read() as tx:
        assert list(tx.execute(text("SELECT id FROM notes")).scalars()) == [2]


def test_the_log_is_synced_before_the_answer_or_soon_after(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Event()
    real = sqlite._sync

    def sync(file: int) -> None:
        real(file)
        synced.set()

    monkeypatch.setattr(sqlite, "_sync", sync)
    with store.write() as tx:
        tx.execute(text("INSERT INTO notes VALUES (1, x'00')"))
        assert not synced.is_set()
    assert synced.is_set()
    synced.clear()
    with store.write(soon=True) as tx:
        tx.execute(text("INSERT INTO notes VALUES (2, x'00')"))
    assert synced.wait(30)


@pytest.mark.parametrize("soon", [False, True])
def test_after_a_failed_sync_nothing_is_promised_until_the_next_start(
    store: Store, monkeypatch: pytest.MonkeyPatch, soon: bool
) -> None:
    tried = threading.Event()

    def sync(file: int) -> None:
        tried.set()
        raise OSError("the disk is gone")

    assert Status(store)._health()[0] == 200
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_sync", sync)
        with (
            contextlib.nullcontext() if soon else pytest.raises(sqlite.DiskFailed, match="disk is gone"),
            store.write(soon=soon) as tx,
        ):
            tx.execute(text("INSERT INTO notes VALUES (1, x'00')"))
        assert tried.wait(60)
    # A later sync may succeed for what the kernel has forgotten: it is not believed.
    deadline = time.monotonic() + 60
    while not store.failure and time.monotonic() < deadline:
        time.sleep(0.01)
    for again in (False, True):
        with pytest.raises(sqlite.DiskFailed, match="disk is gone"), store.write(soon=again) as tx:
            tx.execute(text("INSERT INTO notes VALUES (2, x'00')"))
    with store.read() as tx:
        assert list(tx.execute(text("SELECT id FROM notes")).scalars()) == [1]
    status, told = Status(store)._health()
    assert status == 503
    assert "the disk is gone" in told["store"]
    store.close()
    anew = Store(store.url)
    with anew.write() as tx:
        tx.execute(text("INSERT INTO notes VALUES (2, x'00')"))
    with anew.read() as tx:
        assert list(tx.execute(text("SELECT id FROM notes")).scalars()) == [1, 2]
    assert Status(anew)._health()[0] == 200
    anew.close()


def test_what_was_committed_before_a_connection_is_given_up_is_synced_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that has committed, and does not wait for its sync yet, must not be told of one that never was."""
    (tmp_path / "mastic.db-wal").write_bytes(b"commit")
    synced: list[int] = []
    monkeypatch.setattr(sqlite, "_sync", synced.append)
    log = sqlite.LogSync(str(tmp_path / "mastic.db"))
    number = log.committed()
    log.forget()
    assert len(synced) == 1
    log.wait(number)
    assert len(synced) == 1


def test_a_log_that_cannot_be_synced_leaves_no_connection_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(file: int) -> None:
        raise OSError("the disk is gone")

    group = store._group
    assert group is not None
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_sync", sync)
        with store.write(soon=True) as tx:
            tx.execute(text("INSERT INTO notes VALUES (1, x'00')"))
        with group._pen:
            group._hang_up()
    assert group._connection is None
    with pytest.raises(sqlite.DiskFailed), store.write() as tx:
        tx.execute(text("INSERT INTO notes VALUES (2, x'00')"))
