"""Listing buckets, as boto3 uses it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = ["a", "a/1", "a/2", "a0", "b/c/1", "b/c/2", "b/d", "z", "ä/1", "ä/2", "\U0001f600", "￿"]


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    s3.create_bucket(Bucket="listed-bucket")
    for key in reversed(KEYS):
        s3.put_object(Bucket="listed-bucket", Key=key, Body=key.encode())
    return "listed-bucket"


def rolled(keys: list[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
    """What S3's documentation says a listing holds."""
    own, common = [], []
    for key in sorted((k for k in keys if k.startswith(prefix)), key=str.encode):
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            own.append(key)
        elif key[: at + len(delimiter)] not in common:
            common.append(key[: at + len(delimiter)])
    return own, common


@pytest.mark.parametrize("prefix", ["", "a", "a/", "b/", "b/c", "b/c/", "ä", "none"])
@pytest.mark.parametrize("delimiter", ["", "/", "c/", "0"])
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_pages_together_are_the_whole(s3: Any, bucket: str, prefix: str, delimiter: str, size: int) -> None:
    keys, prefixes = rolled(KEYS, prefix, delimiter)
    for operation in ("list_objects_v2", "list_objects"):
        pages = list(
            s3.get_paginator(operation).paginate(
                Bucket=bucket, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": size}
            )
        )
        assert [o["Key"] for p in pages for o in p.get("Contents", ())] == keys
        assert [c["Prefix"] for p in pages for c in p.get("CommonPrefixes", ())] == prefixes
        for page in pages:
            assert len(page.get("Contents", ())) + len(page.get("CommonPrefixes", ())) <= size
        assert [p["IsTruncated"] for p in pages] == [True] * (len(pages) - 1) + [False]


def test_what_a_listing_says(s3: Any, bucket: str) -> None:
    page = s3.list_objects_v2(Bucket=bucket, Prefix="a", MaxKeys=2, StartAfter="a", FetchOwner=True)
    assert [o["Key"] for o in page["Contents"]] == ["a/1", "a/2"]
    assert (page["KeyCount"], page["MaxKeys"], page["StartAfter"], page["Prefix"]) == (2, 2, "a", "a")
    first = page["Contents"][0]
    assert first["Size"] == 3
    assert first["StorageClass"] == "STANDARD"
    assert first["LastModified"].microsecond == 0
    assert len(first["Owner"]["ID"]) == 64
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0).get("Contents") is None


def test_start_after_a_missing_key(s3: Any, bucket: str) -> None:
    page = s3.list_objects_v2(Bucket=bucket, StartAfter="b/c/zzz")
    assert [o["Key"] for o in page["Contents"]] == ["b/d", "z", "ä/1", "ä/2", "￿", "\U0001f600"]


def test_garbage_tokens(s3: Any, bucket: str) -> None:
    for token in ("garbage", "QUFBQUFB", ""):
        with pytest.raises(ClientError) as raised:
            s3.list_objects_v2(Bucket=bucket, ContinuationToken=token)
        assert raised.value.response["Error"]["Code"] == "InvalidArgument"


def test_large_common_prefixes_are_stepped_over(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name)
    for folder in ("p1/", "p2/", "p3/"):
        for number in range(40):
            s3.put_object(Bucket=name, Key=f"{folder}{number:03d}", Body=b"")
    s3.put_object(Bucket=name, Key="p2x", Body=b"")
    page = s3.list_objects_v2(Bucket=name, Delimiter="/", MaxKeys=3)
    assert [c["Prefix"] for c in page["CommonPrefixes"]] == ["p1/", "p2/"]
    assert [o["Key"] for o in page["Contents"]] == ["p2x"]
    page = s3.list_objects_v2(Bucket=name, Delimiter="/", ContinuationToken=page["NextContinuationToken"])
    assert [c["Prefix"] for c in page["CommonPrefixes"]] == ["p3/"]
    assert page["IsTruncated"] is False


def test_listing_versions(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    expected = []
    for key in ("a", "b/1", "b/2", "c"):
        ids = [s3.put_object(Bucket=name, Key=key, Body=str(n).encode())["VersionId"] for n in range(3)]
        expected += [(key, version) for version in reversed(ids)]
    marker = s3.delete_object(Bucket=name, Key="c")["VersionId"]
    paginate = s3.get_paginator("list_object_versions").paginate
    for size in (1, 2, 5, 1000):
        pages = list(paginate(Bucket=name, PaginationConfig={"PageSize": size}))
        found = [(v["Key"], v["VersionId"]) for p in pages for v in p.get("Versions", ())]
        assert found == expected
        assert [m["VersionId"] for p in pages for m in p.get("DeleteMarkers", ())] == [marker]
        latest = {v["Key"] for p in pages for v in p.get("Versions", ()) if v["IsLatest"]}
        assert latest == {"a", "b/1", "b/2"}
    for size in (1, 3, 1000):
        pages = list(paginate(Bucket=name, Delimiter="/", PaginationConfig={"PageSize": size}))
        assert [c["Prefix"] for p in pages for c in p.get("CommonPrefixes", ())] == ["b/"]
        assert [v["Key"] for p in pages for v in p.get("Versions", ())] == ["a"] * 3 + ["c"] * 3
