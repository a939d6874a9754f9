"""kill -9 under load: what was answered stays whole, what was not answered is whole or not there at all."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

MIB = 1024 * 1024


def content(key: str) -> bytes:
    """Bytes that only this key has, of sizes from none to some megabytes."""
    number = int(hashlib.md5(key.encode()).hexdigest()[:6], 16)
    size = (0, 1, 1024, 70_000, 3 * MIB)[number % 5]
    return (hashlib.sha256(key.encode()).digest() * (size // 32 + 1))[:size]


def blob_files(server: Any) -> int:
    return sum(len(files) for _, _, files in os.walk(Path(server.data_dir) / "objects" / "blobs"))


def half_made(server: Any) -> list[str]:
    """Files that nobody has finished, of any server."""
    found = os.walk(Path(server.data_dir) / "objects" / "incoming")
    return [f"{folder}/{name}" for folder, _, names in found for name in names]


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 240
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_answered_writes_survive_kill(own_server: Any) -> None:
    setup = own_server.client("s3")
    setup.create_bucket(Bucket="kept")
    acknowledged: list[str] = []
    sent: list[str] = []
    stop = threading.Event()

    def write(thread: int) -> None:
        client = own_server.client("s3", connect_timeout=120, read_timeout=120)
        number = 0
        while not stop.is_set():
            key = f"{thread}/{number}"
            number += 1
            sent.append(key)
            try:
                client.put_object(Bucket="kept", Key=key, Body=content(key))
            except (ClientError, BotoCoreError):
                return
            acknowledged.append(key)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    deadline = time.monotonic() + 240
    while len(acknowledged) < 60 and time.monotonic() < deadline:
        time.sleep(0.01)
    own_server.kill()
    stop.set()
    for writer in writers:
        writer.join()
    assert len(acknowledged) >= 60
    own_server.restart()
    client = own_server.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="kept")
    listed = {item["Key"] for page in pages for item in page.get("Contents", ())}
    assert set(acknowledged) <= listed <= set(sent)
    for key in listed:
        found = client.get_object(Bucket="kept", Key=key)["Body"].read()
        assert found == content(key), key
    # The orphans of the crash are swept.
    expected = sum(1 for key in listed if content(key))
    until(lambda: (blob_files(own_server), half_made(own_server)) == (expected, []))


def test_configuration_and_uploads_survive_kill(own_server: Any) -> None:
    client = own_server.client("s3")
    client.create_bucket(Bucket="kept")
    client.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    client.put_bucket_tagging(Bucket="kept", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    one = client.put_object(Bucket="kept", Key="k", Body=b"1")["VersionId"]
    client.put_object(Bucket="kept", Key="k", Body=b"2")
    where = {"Bucket": "kept", "Key": "big"}
    upload = client.create_multipart_upload(**where)["UploadId"]
    part = client.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"p" * MIB)
    own_server.kill()
    own_server.restart()
    client = own_server.client("s3")
    assert client.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
    assert client.get_bucket_tagging(Bucket="kept")["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert client.get_object(Bucket="kept", Key="k", VersionId=one)["Body"].read() == b"1"
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert client.get_object(**where)["Body"].read() == b"p" * MIB


@pytest.mark.parametrize("announced", [True, False])
def test_an_upload_that_breaks_off_leaves_nothing(own_server: Any, announced: bool) -> None:
    import socket

    client = own_server.client("s3")
    client.create_bucket(Bucket="kept")
    client.put_object(Bucket="kept", Key="k", Body=b"before")
    framing = "Content-Length: 5000000" if announced else "Transfer-Encoding: chunked"
    with socket.create_connection(("127.0.0.1", own_server.port)) as connection:
        head = f"PUT /kept/k HTTP/1.1\r\nHost: localhost\r\n{framing}\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\r\n"
        connection.sendall(head.encode() + (b"x" * 200_000 if announced else b"30d40\r\n" + b"x" * 200_000))
        until(lambda: half_made(own_server))
    until(lambda: not half_made(own_server))
    assert client.get_object(Bucket="kept", Key="k")["Body"].read() == b"before"
    assert blob_files(own_server) == 1
