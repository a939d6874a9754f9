"""Objects and local files behind one small surface: list, open, put, delete. Paths are URIs as Spark writes them.

Owns the S3 clients of this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import quote, urlsplit

from awsglue._runtime.io import access

S3_SCHEMES = ("s3", "s3a", "s3n")
_SLASHES = re.compile("/{2,}")
UPLOADS = 8
# How often a conditional write is tried again while another one is under way.
CONTESTED = 20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file: where it is, how large, how old."""

    path: str
    size: int
    modified: datetime
    # As S3 lists it; local files have none.
    storage_class: str = ""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Storage:
    """Files on S3 (at the endpoint of the environment) and on the local disk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None
        self._arrow: Any = None

    @property
    def s3(self) -> Any:
        with self._lock:
            if self._client is None:
                import boto3
                from botocore.config import Config

                self._client = boto3.client("s3", config=Config(max_pool_connections=32))
            return self._client

    @property
    def arrow_s3(self) -> Any:
        with self._lock:
            if self._arrow is None:
                self._arrow = _arrow_filesystem()
            return self._arrow

    def entries(self, path: str, *, recursive: bool = True) -> Iterator[Entry]:
        """Every file under this folder, or the one file that it names, in path order."""
        scheme, bucket, key = split(path)
        if scheme in S3_SCHEMES:
            yield from self._s3_entries(scheme, bucket, key)
        else:
            yield from _local_entries(key, recursive)

    def _s3_entries(self, scheme: str, bucket: str, key: str) -> Iterator[Entry]:
        key = key.strip("/")
        folder = f"{key}/" if key else ""
        if key:
            single = self.head(f"{scheme}://{bucket}/{key}")
            if single is not None:
                yield single
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/") and not item["Key"].endswith("_$folder$"):
                    yield Entry(
                        path=f"{scheme}://{bucket}/{item['Key']}",
                        size=item["Size"],
                        modified=item["LastModified"],
                        storage_class=item.get("StorageClass") or "STANDARD",
                    )

    def head(self, path: str) -> Entry | None:
        """The file at exactly this path, or None."""
        scheme, bucket, key = split(path)
        if scheme not in S3_SCHEMES:
            return _local_entry(key) if os.path.isfile(key) else None
        from botocore.exceptions import ClientError

        try:
            reply = self.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
        return Entry(path=path, size=reply["ContentLength"], modified=reply["LastModified"])

    def folder_exists(self, path: str) -> bool:
        """Whether anything (also a folder marker) is at or under this path."""
        scheme, bucket, key = split(path)
        if scheme not in S3_SCHEMES:
            return os.path.exists(key)
        key = key.strip("/")
        prefix = f"{key}/" if key else ""
        reply = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        if reply.get("KeyCount"):
            return True
        return not key or self.head(f"{scheme}://{bucket}/{key}") is not None

    def children(self, path: str) -> list[str]:
        """Names of the files and folders directly under this folder (for globs)."""
        scheme, bucket, key = split(path)
        if scheme not in S3_SCHEMES:
            return sorted(os.listdir(key)) if os.path.isdir(key) else []
        key = key.strip("/")
        prefix = f"{key}/" if key else ""
        names: set[str] = set()
        for page in self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, Delimiter="/"
        ):
            names.update(item["Prefix"][len(prefix) :].rstrip("/") for item in page.get("CommonPrefixes", ()))
            names.update(item["Key"][len(prefix) :] for item in page.get("Contents", ()))
        return sorted(name for name in names if name and "/" not in name)

    def open(self, path: str) -> IO[bytes]:
        """A stream of the file's bytes."""
        scheme, bucket, key = split(path)
        if scheme not in S3_SCHEMES:
            return open(key, "rb")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"]  # type: ignore[no-any-return]

    def open_arrow(self, path: str) -> Any:
        """A seekable pyarrow file (Parquet footers and pages)."""
        import pyarrow.fs as fs

        scheme, bucket, key = split(path)
        if scheme in S3_SCHEMES:
            return self.arrow_s3.open_input_file(f"{bucket}/{key}")
        return fs.LocalFileSystem().open_input_file(key)

    def read(self, path: str) -> bytes:
        with self.open(path) as stream:
            return stream.read()

    def put(self, path: str, body: bytes) -> None:
        scheme, bucket, key = split(path)
        if scheme in S3_SCHEMES:
            self.s3.put_object(Bucket=bucket, Key=key, Body=body, **encryption())
            return
        os.makedirs(os.path.dirname(key), exist_ok=True)
        with open(key, "wb") as file:
            file.write(body)

    def put_new(self, path: str, body: bytes) -> bool:
        """Write a file that must not be there yet; False when it is. Of several writers at once one gets True."""
        scheme, bucket, key = split(path)
        if scheme in S3_SCHEMES:
            return self._put_new_object(bucket, key, body)
        os.makedirs(os.path.dirname(key), exist_ok=True)
        staged = f"{key}.{uuid.uuid4().hex}.tmp"
        with open(staged, "wb") as file:
            file.write(body)
        try:
            os.link(staged, key)
        except FileExistsError:
            return False
        finally:
            os.unlink(staged)
        return True

    def _put_new_object(self, bucket: str, key: str, body: bytes) -> bool:
        from botocore.exceptions import ClientError

        for _ in range(CONTESTED):
            try:
                self.s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", **encryption())
                return True
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in ("PreconditionFailed", "412"):
                    # It may be ours: the answer to the first attempt can have been lost.
                    return bool(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body)
                if code != "ConditionalRequestConflict":
                    raise
        raise OSError(f"s3://{bucket}/{key}: others write it again and again")

    def swap(self, path: str, former: bytes, body: bytes) -> bool:
        """Write a file in place of one that holds `former`, at once; False when it holds something else, or is gone."""
        from botocore.exceptions import ClientError

        scheme, bucket, key = split(path)
        if scheme not in S3_SCHEMES:
            return _swap_local(key, former, body)
        try:
            found = self.s3.get_object(Bucket=bucket, Key=key)
            if found["Body"].read() != former:
                return False
            self.s3.put_object(Bucket=bucket, Key=key, Body=body, IfMatch=found["ETag"], **encryption())
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("PreconditionFailed", "412"):
                # It may be ours: the answer to the first attempt can have been lost.
                return bool(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body)
            if code not in ("ConditionalRequestConflict", "NoSuchKey", "404"):
                raise
            return False
        return True

    def publish(self, staged: list[tuple[str, str]]) -> None:
        """Move local files to their targets, several at a time: [(local file, target path)]."""
        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(self._publish_one, staged))

    def _publish_one(self, pair: tuple[str, str]) -> None:
        local, target = pair
        scheme, bucket, key = split(target)
        if scheme in S3_SCHEMES:
            self.s3.upload_file(local, bucket, key, ExtraArgs=encryption())
            os.unlink(local)
            return
        os.makedirs(os.path.dirname(key), exist_ok=True)
        shutil.move(local, key)

    def delete(self, paths: list[str]) -> None:
        """Delete these files; S3 in batches of a thousand. Raises OSError naming what could not be deleted."""
        buckets: dict[str, list[str]] = {}
        for path in paths:
            scheme, bucket, key = split(path)
            if scheme in S3_SCHEMES:
                buckets.setdefault(bucket, []).append(key)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(key)
        for bucket, keys in buckets.items():
            for start in range(0, len(keys), 1000):
                objects = [{"Key": key} for key in keys[start : start + 1000]]
                reply = self.s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                if reply.get("Errors"):
                    raise OSError(f"objects could not be deleted: {reply['Errors'][:3]}")

    def delete_folder(self, path: str) -> None:
        """Delete everything under this folder, markers too."""
        scheme, bucket, key = split(path)
        if scheme not in S3_SCHEMES:
            if os.path.isdir(key):
                shutil.rmtree(key)
            return
        prefix = key.strip("/") + "/" if key.strip("/") else ""
        keys: list[str] = []
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            keys += [f"s3://{bucket}/{item['Key']}" for item in page.get("Contents", ())]
        self.delete(keys)


def encryption() -> dict[str, str]:
    """How objects are to be encrypted, as PutObject is told it: what the job's security configuration asks for."""
    asked: dict[str, str] = json.loads(os.environ.get("MASTIC_S3_ENCRYPTION") or "{}")
    return asked


def object_store() -> dict[str, str]:
    """How a library made with Rust's object_store reaches S3: the region, endpoint and credentials of this process."""
    options = {"aws_region": access.region()}
    endpoint = access.s3_endpoint()
    if endpoint:
        options |= {"aws_endpoint_url": endpoint, "aws_virtual_hosted_style_request": "false"}
        options["aws_allow_http"] = "true" if endpoint.startswith("http://") else "false"
    if (keys := access.keys()) is not None:
        options |= {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
        if keys.token:
            options["aws_session_token"] = keys.token
    return options


def split(path: str) -> tuple[str, str, str]:
    """(scheme, bucket, key) of a URI; a local path is ("file", "", absolute path)."""
    if "://" not in path:
        bare = path.removeprefix("file:")
        return "file", "", os.path.abspath(bare)
    scheme, _, rest = path.partition("://")
    scheme = scheme.lower()
    if scheme == "file":
        return "file", "", "/" + rest.lstrip("/")
    bucket, _, key = rest.partition("/")
    return scheme, bucket, key


def tidy(path: str) -> str:
    """The path as Hadoop understands it: several slashes are one, so `s3://bucket/a//b` is a/b."""
    scheme, slashes, rest = path.partition("://")
    return scheme + slashes + _SLASHES.sub("/", rest) if slashes else _SLASHES.sub("/", path)


def shown(path: str) -> str:
    """The path as Spark prints it (input_file_name, error messages): URL-encoded, local files with three slashes."""
    scheme, bucket, key = split(path)
    if scheme == "file":
        return "file://" + quote(key, safe="/=:+,@!$&'()*;~-._")
    return f"{scheme}://{bucket}/" + quote(key, safe="/=:+,@!$&'()*;~-._")


def join(folder: str, name: str) -> str:
    return folder.rstrip("/") + "/" + name


def _local_entry(path: str) -> Entry:
    info = os.stat(path)
    return Entry(path=path, size=info.st_size, modified=datetime.fromtimestamp(info.st_mtime, UTC))


def _swap_local(path: str, former: bytes, body: bytes) -> bool:
    if not os.path.isfile(path):
        return False
    staged = f"{path}.{uuid.uuid4().hex}.tmp"
    with open(staged, "wb") as file:
        file.write(body)
    try:
        with open(path, "rb") as file:
            if file.read() != former:
                return False
        os.replace(staged, path)
    except FileNotFoundError:
        return False
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)
    return True


def _local_entries(path: str, recursive: bool) -> Iterator[Entry]:
    if os.path.isfile(path):
        yield _local_entry(path)
        return
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            if not (name.startswith(".") and name.endswith(".crc")):
                # A file that another process has removed since is not there.
                with contextlib.suppress(FileNotFoundError):
                    yield _local_entry(os.path.join(folder, name))
        if not recursive:
            return


def arrow_retries() -> Any:
    """How often Arrow asks again: as often as the clients of boto3 do in this process."""
    import pyarrow.fs as fs

    return fs.AwsStandardS3RetryStrategy(max_attempts=int(os.environ.get("AWS_MAX_ATTEMPTS") or 5))


def _arrow_filesystem() -> Any:
    import pyarrow.fs as fs

    # Without one, Arrow asks the bucket for its region.
    options: dict[str, Any] = {"region": access.region("")}
    if endpoint := access.s3_endpoint():
        parts = urlsplit(endpoint)
        options |= {"endpoint_override": parts.netloc, "scheme": parts.scheme}
    if (keys := access.keys()) is not None:
        options |= {
            "access_key": keys.access_key,
            "secret_key": keys.secret_key,
            "session_token": keys.token,
        }
    return fs.S3FileSystem(
        retry_strategy=arrow_retries(), **{key: value for key, value in options.items() if value}
    )
