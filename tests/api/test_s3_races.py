"""Writers that race for one key: of conditional ones exactly one wins, and nothing is lost or torn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

WRITERS = 8


@pytest.fixture
def bucket(server: Any, name: str) -> str:
    server.client("s3").create_bucket(Bucket=name)
    return name


def race(server: Any, act: Callable[[Any, int], Any]) -> list[Any]:
    """Every writer's result or error code; all start together."""
    results: list[Any] = [None] * WRITERS
    barrier = threading.Barrier(WRITERS)
    clients = [server.client("s3") for _ in range(WRITERS)]

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = act(clients[number], number)
        except ClientError as error:
            results[number] = error.response["Error"]["Code"]

    threads = [threading.Thread(target=run, args=(n,)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("versioned", [False, True])
def test_one_creator(server: Any, bucket: str, versioned: bool) -> None:
    s3 = server.client("s3")
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "b", "c"):

        def create(client: Any, number: int, key: str = key) -> int:
            client.put_object(Bucket=bucket, Key=key, Body=str(number).encode(), IfNoneMatch="*")
            return number

        results = race(server, create)
        winners = [r for r in results if isinstance(r, int)]
        assert len(winners) == 1
        assert set(results) == {winners[0], "PreconditionFailed"}
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == str(winners[0]).encode()
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 3


def test_compare_and_swap_counts_right(server: Any, bucket: str) -> None:
    server.client("s3").put_object(Bucket=bucket, Key="counter", Body=b"0")
    each = 4

    def increment(client: Any, _: int) -> int:
        done = 0
        while done < each:
            found = client.get_object(Bucket=bucket, Key="counter")
            value = int(found["Body"].read())
            try:
                client.put_object(
                    Bucket=bucket, Key="counter", Body=str(value + 1).encode(), IfMatch=found["ETag"]
                )
                done += 1
            except ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise
        return done

    assert race(server, increment) == [each] * WRITERS
    value = server.client("s3").get_object(Bucket=bucket, Key="counter")["Body"].read()
    assert int(value) == each * WRITERS


def test_one_deleter(server: Any, bucket: str) -> None:
    tag = server.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    results = race(server, lambda c, _: c.delete_object(Bucket=bucket, Key="k", IfMatch=tag) and "deleted")
    assert sorted(results) == ["PreconditionFailed"] * (WRITERS - 1) + ["deleted"]


def test_one_copier_and_one_completer(server: Any, bucket: str) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    source = {"Bucket": bucket, "Key": "source"}
    results = race(
        server,
        lambda c, _: c.copy_object(Bucket=bucket, Key="copy", CopySource=source, IfNoneMatch="*") and "done",
    )
    assert sorted(results) == ["PreconditionFailed"] * (WRITERS - 1) + ["done"]

    def complete(client: Any, _: int) -> str:
        where = {"Bucket": bucket, "Key": "made"}
        upload = client.create_multipart_upload(**where)["UploadId"]
        done = client.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"x")
        parts = [{"PartNumber": 1, "ETag": done["ETag"], "ChecksumCRC32": done["ChecksumCRC32"]}]
        client.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )
        return "done"

    assert sorted(race(server, complete)) == ["PreconditionFailed"] * (WRITERS - 1) + ["done"]


def test_unconditional_writers_leave_every_version(server: Any, bucket: str) -> None:
    s3 = server.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    results = race(
        server, lambda c, n: c.put_object(Bucket=bucket, Key="k", Body=str(n).encode())["VersionId"]
    )
    found = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert sorted(v["VersionId"] for v in found) == sorted(results)
    assert [v["IsLatest"] for v in found] == [True] + [False] * (WRITERS - 1)
    bodies = {s3.get_object(Bucket=bucket, Key="k", VersionId=v)["Body"].read() for v in results}
    assert bodies == {str(n).encode() for n in range(WRITERS)}


def test_bucket_is_made_and_deleted_under_writers(server: Any, bucket: str) -> None:
    def act(client: Any, number: int) -> str:
        if number == 0:
            client.delete_bucket(Bucket=bucket)
            return "deleted"
        client.put_object(Bucket=bucket, Key=str(number), Body=b"x")
        return "put"

    results = race(server, act)
    # Either the bucket went first and every write was refused, or it was not empty.
    if "deleted" in results:
        assert set(results) == {"deleted", "NoSuchBucket"}
    else:
        assert results == ["BucketNotEmpty"] + ["put"] * (WRITERS - 1)
