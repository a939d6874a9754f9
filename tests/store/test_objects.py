"""Objects on disk over both databases: versions, order, conditions, garbage, lifecycle."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastic.aws.s3.lifecycle import Reaper
from mastic.clock import ManualClock
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.objects import garbage
from mastic.objects.blobs import Blobs
from mastic.objects.local import LocalObjects
from mastic.objects.versions import Conditions, Origin
from mastic.store import buckets, objects, outbox
from mastic.store.engine import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def shelf(store: Store, tmp_path: Path) -> Iterator[LocalObjects]:
    made = LocalObjects(
        store=store,
        blobs=Blobs(tmp_path / "objects"),
        clock=ManualClock(NOON),
        ids=Ids(),
        account="123456789012",
    )
    made.create_bucket("bkt", region="us-east-1")
    yield made
    made.blobs.close()


def set_up(shelf: LocalObjects, **values: Any) -> None:
    with shelf.store.write() as tx:
        found = buckets.find(tx, "bkt")
        assert found is not None
        buckets.change(tx, found, **values)


def versions(shelf: LocalObjects, key: str) -> list[tuple[str, bool, bool]]:
    with shelf.store.read() as tx:
        found = buckets.find(tx, "bkt")
        assert found is not None
        rows = objects.version_page(tx, found, key, None, key + "\x01", 100)
    return [(v.version_id, v.latest, v.delete_marker) for v in rows]


def blob_count(shelf: LocalObjects) -> int:
    return len(list(shelf.blobs.older_than(time.time() + 60)))


def collect(shelf: LocalObjects) -> int:
    return garbage.collect(shelf.store, shelf.blobs, shelf.clock.now(), grace=timedelta(seconds=-1))


def test_put_read_delete(shelf: LocalObjects, tmp_path: Path) -> None:
    made = shelf.put("bkt", "a/b", b"hello", content_type="text/plain", metadata={"m": "1"})
    assert (made.size, made.etag) == (5, "5d41402abc4b2a76b9719d911017c592")
    found = shelf.stat("bkt", "a/b")
    assert (found.content_type, found.metadata, found.modified) == ("text/plain", {"m": "1"}, NOON)
    assert shelf.read("bkt", "a/b") == b"hello"
    assert shelf.read("bkt", "a/b", (1, 3)) == b"el"
    assert shelf.read("bkt", "a/b", (3, 99)) == b"lo"
    source = tmp_path / "file"
    source.write_bytes(b"from a file")
    shelf.put("bkt", "file", source)
    shelf.put("bkt", "stream", io.BytesIO(b"from a stream"))
    assert shelf.read("bkt", "file") + shelf.read("bkt", "stream") == b"from a filefrom a stream"
    (segment,) = shelf.local_paths("bkt", "file") or ()
    assert segment.path.read_bytes()[segment.offset : segment.offset + segment.size] == b"from a file"
    shelf.delete("bkt", "a/b")
    shelf.delete("bkt", "a/b")
    with pytest.raises(ServiceError, match="NoSuchKey"):
        shelf.read("bkt", "a/b")
    with pytest.raises(ServiceError, match="NoSuchBucket"):
        shelf.put("other", "a", b"")
    assert shelf.delete_prefix("bkt", "") == 2


def test_an_open_object_can_be_sought(shelf: LocalObjects) -> None:
    data = bytes(range(256)) * 5000
    shelf.put("bkt", "k", data)
    with shelf.open("bkt", "k") as reader:
        assert reader.seek(-10, io.SEEK_END) == len(data) - 10
        assert reader.read() == data[-10:]
        reader.seek(1000)
        assert reader.read(100) == data[1000:1100]
        # Whoever has it open is not disturbed by its end.
        shelf.delete("bkt", "k")
        collect(shelf)
        reader.seek(0)
        assert reader.read() == data


def test_conditions(shelf: LocalObjects) -> None:
    first = shelf.put("bkt", "k", b"1", if_none_match=True)
    with pytest.raises(ServiceError, match="PreconditionFailed"):
        shelf.put("bkt", "k", b"2", if_none_match=True)
    shelf.put("bkt", "k", b"2", if_match=first.etag)
    with pytest.raises(ServiceError, match="PreconditionFailed"):
        shelf.put("bkt", "k", b"3", if_match=first.etag)
    assert shelf.read("bkt", "k") == b"2"
    # What was refused left no bytes behind.
    collect(shelf)
    assert blob_count(shelf) == 1


def test_one_winner_among_threads(shelf: LocalObjects) -> None:
    outcome: list[str] = []

    def create(number: int) -> None:
        try:
            shelf.put("bkt", "k", str(number).encode(), if_none_match=True)
            outcome.append("won")
        except ServiceError as error:
            outcome.append(error.code)

    threads = [threading.Thread(target=create, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["PreconditionFailed"] * 11 + ["won"]


def test_many_overwriters(shelf: LocalObjects) -> None:
    def overwrite(number: int) -> None:
        for turn in range(5):
            shelf.put("bkt", "k", f"{number}-{turn}".encode())

    threads = [threading.Thread(target=overwrite, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions(shelf, "k") == [("null", True, False)]
    collect(shelf)
    assert blob_count(shelf) == 1


def test_versions_and_markers(shelf: LocalObjects) -> None:
    shelf.put("bkt", "k", b"0")
    set_up(shelf, versioning="Enabled")
    one = shelf.put("bkt", "k", b"1").version_id
    shelf.delete("bkt", "k")
    marker = versions(shelf, "k")[0]
    assert marker[1:] == (True, True)
    assert versions(shelf, "k")[1:] == [(one, False, False), ("null", False, False)]
    gone = shelf.remove(
        "bkt", "k", marker[0], conditions=Conditions(), origin=Origin(event="ObjectRemoved:Delete")
    )
    assert gone.marker
    assert versions(shelf, "k")[0] == (one, True, False)
    set_up(shelf, versioning="Suspended")
    shelf.put("bkt", "k", b"null again")
    assert [v[0] for v in versions(shelf, "k")] == ["null", one]
    assert shelf.read("bkt", "k") == b"null again"


def test_sequences_grow_though_time_stands_still(shelf: LocalObjects) -> None:
    set_up(shelf, events=True)
    for number in range(3):
        shelf.put("bkt", "k", str(number).encode())
    shelf.delete("bkt", "k")
    with shelf.store.read() as tx:
        events = [event.payload for event in outbox.due(tx, NOON + timedelta(days=1), 100)]
    assert [e["event_name"] for e in events] == ["ObjectCreated:Put"] * 3 + ["ObjectRemoved:Delete"]
    puts = [e["sequencer"] for e in events[:3]]
    assert puts == sorted(set(puts))


def test_without_listeners_there_are_no_events(shelf: LocalObjects) -> None:
    shelf.put("bkt", "k", b"x")
    with shelf.store.read() as tx:
        assert outbox.due(tx, NOON + timedelta(days=1), 100) == []


KEYS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=6)
FEW = st.text("ab/é\U0001f600￿", min_size=1, max_size=5)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(KEYS | FEW, max_size=12),
    prefix=st.sampled_from(["", "a", "a/", "é"]),
    delimiter=st.sampled_from(["", "/", "b"]),
    limit=st.integers(1, 5),
)
def test_listing_is_what_s3_says_it_is(
    shelf: LocalObjects, keys: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    shelf.delete_prefix("bkt", "")
    for key in keys:
        shelf.put("bkt", key, b"")
    own, common = [], []
    for key in sorted((k for k in keys if k.startswith(prefix)), key=str.encode):
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            own.append(key)
        elif key[: at + 1] not in common:
            common.append(key[: at + 1])
    found: list[str] = []
    rolled: list[str] = []
    after: str | None = ""
    while after is not None:
        page = shelf.list("bkt", prefix, delimiter, after, limit)
        assert len(page.objects) + len(page.prefixes) <= limit
        found += [o.key for o in page.objects]
        rolled += page.prefixes
        after = page.next_start
    assert (found, rolled) == (own, common)


def test_garbage_goes_and_what_is_being_read_stays(shelf: LocalObjects, tmp_path: Path) -> None:
    shelf.put("bkt", "k", b"one")
    shelf.put("bkt", "k", b"two")
    assert blob_count(shelf) == 2
    shelf.local_paths("bkt", "k", seconds=3600)
    shelf.delete("bkt", "k")
    # The one that somebody is about to open stays, until another server that knows of no reader takes over.
    assert collect(shelf) == 1
    assert blob_count(shelf) == 1
    shelf.blobs.close()
    shelf.blobs = Blobs(tmp_path / "objects")
    assert collect(shelf) == 1
    assert blob_count(shelf) == 0


def test_orphans_are_swept(shelf: LocalObjects) -> None:
    shelf.put("bkt", "k", b"kept")
    shelf.blobs.write([b"orphan"])
    assert garbage.sweep(shelf.store, shelf.blobs, time.time() - 60) == 0
    assert garbage.sweep(shelf.store, shelf.blobs, time.time() + 60) == 1
    assert shelf.read("bkt", "k") == b"kept"


def test_servers_that_share_blobs_leave_each_other_theirs(shelf: LocalObjects, tmp_path: Path) -> None:
    """A server that starts ends neither what another is writing nor what another has just written."""
    one = Blobs(tmp_path / "shared", server="one")

    def pieces() -> Iterator[bytes]:
        yield b"half"
        Blobs(tmp_path / "shared", server="two").close()
        yield b" and half"

    written = one.write(pieces())
    assert one.read(written.id, 0, written.size) == b"half and half"
    clock, started = shelf.clock, time.time() + 3600
    garbage.BlobJanitor(store=shelf.store, blobs=one, clock=clock, started=started, shared=True)()
    assert one.path(written.id).exists()
    garbage.BlobJanitor(store=shelf.store, blobs=one, clock=clock, started=started + 86_400, shared=True)()
    assert not one.path(written.id).exists()
    one.close()


def test_blobs_that_go_while_they_are_listed(tmp_path: Path) -> None:
    """As when several servers tidy the same directory."""
    blobs = Blobs(tmp_path)
    shard = tmp_path / "blobs" / "00"
    for number in range(3):
        (shard / f"00{number}").write_bytes(b"x")
    listed = blobs.older_than(time.time() + 60)
    first = next(listed)
    for other in shard.iterdir():
        if other.name != first:
            other.unlink()
    assert list(listed) == []
    blobs.close()


def test_what_a_lost_server_left_half_written_goes(tmp_path: Path) -> None:
    mine, lost = (Blobs(tmp_path / "shared", server=name) for name in ("mine", "lost"))
    for server in ("mine", "lost"):
        (tmp_path / "shared" / "incoming" / server / "half").write_bytes(b"x")
    assert mine.remove_abandoned(time.time() - 60) == 0
    assert mine.remove_abandoned(time.time() + 60) == 1
    assert [p.parent.name for p in (tmp_path / "shared" / "incoming").glob("*/*")] == ["mine"]
    mine.close()
    lost.close()


def test_shared_blobs_wait_longer_and_are_not_read_by_path(store: Store, tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    shared = LocalObjects(
        store=store, blobs=Blobs(tmp_path / "shared"), clock=clock, ids=Ids(), account="123456789012", shared=True,
    )  # fmt: skip
    shared.create_bucket("bkt", region="us-east-1")
    shared.put("bkt", "k", b"1")
    assert shared.local_paths("bkt", "k") is None
    shared.delete("bkt", "k")
    janitor = garbage.BlobJanitor(store=store, blobs=shared.blobs, clock=clock, started=0.0, shared=True)
    counts = []
    for minutes in (1, 60):
        clock.advance(seconds=60 * minutes)
        janitor()
        counts.append(len(list((tmp_path / "shared" / "blobs").glob("*/*"))))
    assert counts == [1, 0]
    shared.blobs.close()


def lifecycle(shelf: LocalObjects, *rules: dict[str, Any]) -> None:
    with shelf.store.write() as tx:
        found = buckets.find(tx, "bkt")
        assert found is not None
        body = {
            "Rules": [{"ID": "r", "Status": "Enabled", **r} for r in rules],
            "size": "varies_by_storage_class",
        }
        buckets.configure(tx, found, "lifecycle", body)


def reap(shelf: LocalObjects, **later: float) -> None:
    assert isinstance(shelf.clock, ManualClock)
    shelf.clock.advance(**later)
    Reaper(objects=shelf)()


def test_objects_expire(shelf: LocalObjects) -> None:
    for key in ("logs/a", "data/a"):
        shelf.put("bkt", key, b"x")
    lifecycle(shelf, {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}})
    reap(shelf, days=1)
    assert [o.key for o in shelf.walk("bkt")] == ["data/a", "logs/a"]  # until the midnight after a whole day
    reap(shelf, hours=12)
    assert [o.key for o in shelf.walk("bkt")] == ["data/a"]


def test_noncurrent_versions_and_lone_markers_expire(shelf: LocalObjects) -> None:
    set_up(shelf, versioning="Enabled")
    lifecycle(
        shelf,
        {"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}},
        {"Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    )
    ids = [shelf.put("bkt", "k", str(n).encode()).version_id for n in range(4)]
    reap(shelf, days=2)
    assert [v[0] for v in versions(shelf, "k")] == [ids[3], ids[2]]
    shelf.delete("bkt", "gone")
    reap(shelf, seconds=1)
    assert versions(shelf, "gone") == []


def test_transitions(shelf: LocalObjects) -> None:
    shelf.put("bkt", "k", b"x")
    lifecycle(shelf, {"Filter": {}, "Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]})
    reap(shelf, days=2)
    assert shelf.stat("bkt", "k").storage_class == "STANDARD_IA"
