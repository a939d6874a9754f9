"""Objects in an outside S3, for which a second server stands: the same interface, the same behaviour."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from mastic.errors import ServiceError
from mastic.objects.base import Objects, split_url
from mastic.objects.remote import PART, RemoteObjects


@pytest.fixture
def outside(server: Any) -> Objects:
    return RemoteObjects(endpoint=server.endpoint, region="us-east-1", access_key="test", secret_key="test")


@pytest.fixture
def bucket(outside: Objects, name: str) -> str:
    assert not outside.bucket_exists(name)
    outside.create_bucket(name, region="us-east-1")
    outside.create_bucket(name, region="us-east-1")
    assert outside.bucket_exists(name)
    return name


def code(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ServiceError) as raised:
        call(*arguments, **named)
    return raised.value.code


def test_put_read_delete(outside: Objects, bucket: str, tmp_path: Path) -> None:
    made = outside.put(bucket, "a/b", b"hello", content_type="text/plain", metadata={"m": "1"})
    assert (made.size, made.etag) == (5, "5d41402abc4b2a76b9719d911017c592")
    found = outside.stat(bucket, "a/b")
    assert (found.content_type, found.metadata) == ("text/plain", {"m": "1"})
    assert outside.read(bucket, "a/b") == b"hello"
    assert outside.read(bucket, "a/b", (1, 3)) == b"el"
    assert outside.local_paths(bucket, "a/b") is None
    (tmp_path / "file").write_bytes(b"from a file")
    outside.put(bucket, "file", tmp_path / "file")
    assert outside.read(bucket, "file") == b"from a file"
    outside.delete(bucket, "a/b")
    outside.delete(bucket, "a/b")
    assert code(outside.read, bucket, "a/b") == "NoSuchKey"
    assert code(outside.stat, bucket, "a/b") == "NoSuchKey"
    assert code(outside.read, bucket + "x", "a/b") == "NoSuchBucket"


def test_streams_go_up_in_parts_and_come_down_in_ranges(outside: Objects, bucket: str) -> None:
    data = bytes(range(256)) * ((PART + 1_000_000) // 256)
    made = outside.put(bucket, "big", io.BytesIO(data))
    assert (made.size, made.etag[-2:]) == (len(data), "-2")
    with outside.open(bucket, "big") as reader:
        assert reader.seek(-7, io.SEEK_END) == len(data) - 7
        assert reader.read() == data[-7:]
        reader.seek(PART - 3)
        assert reader.read(6) == data[PART - 3 : PART + 3]


def test_a_change_under_an_open_reader_is_seen(outside: Objects, bucket: str) -> None:
    outside.put(bucket, "k", b"a" * 3_000_000)
    with outside.open(bucket, "k") as reader:
        assert reader.read(1) == b"a"
        outside.put(bucket, "k", b"b" * 3_000_000)
        reader.seek(2_500_000)
        assert code(reader.read, 1) == "PreconditionFailed"


def test_conditions(outside: Objects, bucket: str) -> None:
    first = outside.put(bucket, "k", b"1", if_none_match=True)
    assert code(outside.put, bucket, "k", b"2", if_none_match=True) == "PreconditionFailed"
    outside.put(bucket, "k", b"2", if_match=first.etag)
    assert code(outside.put, bucket, "k", b"3", if_match=first.etag) == "PreconditionFailed"


def test_listing(outside: Objects, bucket: str) -> None:
    keys = ["a", "a/1", "a/2", "b/1", "ä"]
    for key in keys:
        outside.put(bucket, key, b"")
    assert [o.key for o in outside.walk(bucket)] == keys
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = outside.list(bucket, "", "/", after, 1)
        found += [o.key for o in page.objects] + list(page.prefixes)
        after = page.next_start
    assert found == ["a", "a/", "b/", "ä"]
    assert outside.delete_prefix(bucket, "a/") == 2
    assert [o.key for o in outside.walk(bucket)] == ["a", "b/1", "ä"]


def test_urls() -> None:
    assert split_url("s3://bkt/a/b") == ("bkt", "a/b")
    assert split_url("s3a://bkt") == ("bkt", "")
    for wrong in ("bkt/a", "http://bkt/a", "s3:///a"):
        with pytest.raises(ValueError, match="not an S3 URL"):
            split_url(wrong)
