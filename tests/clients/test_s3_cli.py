"""S3 by the AWS CLI, as people type it, and presigned URLs, as they pass them on."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest


def fetch(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_usual_commands(server: Any, name: str, tmp_path: Path) -> None:
    server.aws("s3", "mb", f"s3://{name}")
    tree = tmp_path / "tree"
    (tree / "sub dir").mkdir(parents=True)
    (tree / "a.csv").write_text("x,y\n1,2\n")
    (tree / "sub dir" / "ü.bin").write_bytes(b"\0" * 9_000_000)
    server.aws(
        "s3", "cp", "--recursive", str(tree), f"s3://{name}/collections-data/ingest_ts=2026-01-01T00:00:00/"
    )
    listed = server.aws("s3", "ls", "--recursive", f"s3://{name}/")
    assert "collections-data/ingest_ts=2026-01-01T00:00:00/sub dir/ü.bin" in listed
    assert "PRE collections-data/" in server.aws("s3", "ls", f"s3://{name}")
    back = tmp_path / "back"
    server.aws("s3", "sync", f"s3://{name}/collections-data/ingest_ts=2026-01-01T00:00:00", str(back))
    assert (back / "sub dir" / "ü.bin").read_bytes() == b"\0" * 9_000_000
    assert (back / "a.csv").read_text() == "x,y\n1,2\n"
    server.aws(
        "s3",
        "mv",
        f"s3://{name}/collections-data/ingest_ts=2026-01-01T00:00:00/a.csv",
        f"s3://{name}/moved.csv",
    )
    head = json.loads(server.aws("s3api", "head-object", "--bucket", name, "--key", "moved.csv"))
    assert (head["ContentLength"], head["ContentType"]) == (8, "text/csv")
    server.aws("s3", "rb", "--force", f"s3://{name}")
    assert name not in server.aws("s3", "ls")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls(server: Any, name: str, version: str) -> None:
    s3 = server.client("s3", signature_version=version)
    s3.create_bucket(Bucket=name)
    where = {"Bucket": name, "Key": "a b+ä"}
    put = s3.generate_presigned_url(
        "put_object", Params={**where, "ContentType": "text/plain"}, ExpiresIn=600
    )
    assert fetch(put, "PUT", b"hello", **{"Content-Type": "text/plain"})[0] == 200
    get = s3.generate_presigned_url(
        "get_object", Params={**where, "ResponseContentType": "x/y"}, ExpiresIn=600
    )
    assert fetch(get) == (200, b"hello")
    assert fetch(get, Range="bytes=1-2") == (206, b"el")
    brief = s3.generate_presigned_url("get_object", Params=where, ExpiresIn=1)
    time.sleep(2.1)
    status, body = fetch(brief)
    assert status == 403
    assert b"<Code>AccessDenied</Code>" in body
    assert b"Request has expired" in body


def test_virtual_hosts(server: Any, name: str) -> None:
    server.client("s3").create_bucket(Bucket=name)
    url = f"{server.endpoint}/dir/k"
    status, _ = fetch(url, "PUT", b"hello", Host=f"{name}.s3.localhost:{server.port}")
    assert status == 200
    assert fetch(f"{server.endpoint}/{name}/dir/k", Host=f"s3.localhost:{server.port}")[1] == b"hello"
    assert fetch(url, Host=f"{name}.localhost:{server.port}")[1] == b"hello"
    assert fetch(url, Host=f"{name}.s3.us-east-1.amazonaws.com")[1] == b"hello"
