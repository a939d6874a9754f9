"""Objects in an outside S3 (AWS, MinIO and the like). Owns a client."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from mastic.errors import ServiceError
from mastic.objects.base import Listing, ObjectInfo, PathSegment
from mastic.objects.errors import refused

# From this size on a body goes up in parts, which lets it be of any length.
PART = 16 * 1024 * 1024
READ_AHEAD = 1024 * 1024
# Calls without a modelled body for 404 (HEAD) tell only the status.
_BARE = {"404": "NoSuchKey", "403": "AccessDenied", "412": "PreconditionFailed", "416": "InvalidRange"}


class RemoteObjects:
    """Implements ``base.Objects`` by boto3. Credentials come from boto3's own chain unless given."""

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        access_key: str = "",
        secret_key: str = "",
        path_style: bool = True,
    ) -> None:
        import boto3
        from botocore.config import Config

        style = {"addressing_style": "path" if path_style else "auto"}
        # boto3 and botocore come without types.
        client: Any = boto3.client
        settings: Any = Config
        self._client: Any = client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=region,
            aws_access_key_id=access_key or None,
            aws_secret_access_key=secret_key or None,
            config=settings(s3=style, retries={"mode": "standard", "total_max_attempts": 5}),
        )

    def stat(self, bucket: str, key: str) -> ObjectInfo:
        """See ``base.Objects``."""
        with _translated():
            found = self._client.head_object(Bucket=bucket, Key=key)
        return ObjectInfo(
            bucket=bucket,
            key=key,
            size=found["ContentLength"],
            etag=found["ETag"].strip('"'),
            modified=found["LastModified"],
            version_id=found.get("VersionId"),
            storage_class=found.get("StorageClass", "STANDARD"),
            content_type=found.get("ContentType", ""),
            metadata=found.get("Metadata", {}),
        )

    def read(self, bucket: str, key: str, range: tuple[int, int] | None = None) -> bytes:
        """See ``base.Objects``."""
        if range is not None and range[0] == range[1]:
            return b""
        asked = {} if range is None else {"Range": f"bytes={range[0]}-{range[1] - 1}"}
        with _translated():
            data: bytes = self._client.get_object(Bucket=bucket, Key=key, **asked)["Body"].read()
        return data

    def open(self, bucket: str, key: str) -> BinaryIO:
        """See ``base.Objects``. Reads by ranges, all of one version of the bytes."""
        found = self.stat(bucket, key)
        return io.BufferedReader(_Reader(self._client, found), READ_AHEAD)

    def list(
        self, bucket: str, prefix: str = "", delimiter: str = "", start_after: str = "", limit: int = 1000
    ) -> Listing:
        """See ``base.Objects``."""
        with _translated():
            # Version 1: its marker may be a common prefix, as ``next_start`` is.
            page = self._client.list_objects(
                Bucket=bucket, Prefix=prefix, Delimiter=delimiter, Marker=start_after, MaxKeys=limit
            )
        found = tuple(
            ObjectInfo(
                bucket=bucket,
                key=item["Key"],
                size=item["Size"],
                etag=item["ETag"].strip('"'),
                modified=item["LastModified"],
                storage_class=item.get("StorageClass", "STANDARD"),
            )
            for item in page.get("Contents", ())
        )
        prefixes = tuple(item["Prefix"] for item in page.get("CommonPrefixes", ()))
        following = None
        if page["IsTruncated"]:
            last = max([item.key for item in found[-1:]] + list(prefixes[-1:]))
            following = page.get("NextMarker") or last
        return Listing(objects=found, prefixes=prefixes, next_start=following)

    def walk(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """See ``base.Objects``."""
        after: str | None = ""
        while after is not None:
            page = self.list(bucket, prefix, "", after)
            yield from page.objects
            after = page.next_start

    def put(
        self,
        bucket: str,
        key: str,
        data: bytes | BinaryIO | Path,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str = "",
        encryption: Mapping[str, str] | None = None,
    ) -> ObjectInfo:
        """See ``base.Objects``."""
        said: dict[str, Any] = {
            "ContentType": content_type or "binary/octet-stream",
            "Metadata": dict(metadata or {}),
            **(encryption or {}),
        }
        asked: dict[str, Any] = {"IfNoneMatch": "*"} if if_none_match else {}
        asked |= {"IfMatch": if_match} if if_match else {}
        with _translated():
            if isinstance(data, bytes):
                self._client.put_object(Bucket=bucket, Key=key, Body=data, **said, **asked)
            elif isinstance(data, Path):
                with data.open("rb") as source:
                    self._stream(bucket, key, source, said, asked)
            else:
                self._stream(bucket, key, data, said, asked)
        return self.stat(bucket, key)

    def _stream(
        self, bucket: str, key: str, source: BinaryIO, said: dict[str, Any], asked: dict[str, Any]
    ) -> None:
        first = _exactly(source, PART)
        if len(first) < PART:
            self._client.put_object(Bucket=bucket, Key=key, Body=first, **said, **asked)
            return
        where = {"Bucket": bucket, "Key": key}
        upload = self._client.create_multipart_upload(**where, **said)["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            piece = first
            while piece:
                number = len(parts) + 1
                done = self._client.upload_part(**where, UploadId=upload, PartNumber=number, Body=piece)
                sums = {name: value for name, value in done.items() if name.startswith("Checksum")}
                parts.append({"PartNumber": number, "ETag": done["ETag"], **sums})
                piece = _exactly(source, PART)
            self._client.complete_multipart_upload(
                **where, UploadId=upload, MultipartUpload={"Parts": parts}, **asked
            )
        except BaseException:
            self._client.abort_multipart_upload(**where, UploadId=upload)
            raise

    def delete(self, bucket: str, key: str) -> None:
        """See ``base.Objects``."""
        with _translated():
            self._client.delete_object(Bucket=bucket, Key=key)

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """See ``base.Objects``."""
        count = 0
        while found := self.list(bucket, prefix).objects:
            with _translated():
                done = self._client.delete_objects(
                    Bucket=bucket, Delete={"Objects": [{"Key": item.key} for item in found], "Quiet": True}
                )
            for error in done.get("Errors", ()):
                raise ServiceError(error["Code"], error["Message"])
            count += len(found)
        return count

    def local_paths(self, bucket: str, key: str, *, seconds: float = 900) -> tuple[PathSegment, ...] | None:
        """None: the bytes are elsewhere."""
        return None

    def bucket_exists(self, bucket: str) -> bool:
        """See ``base.Objects``."""
        try:
            with _translated():
                self._client.head_bucket(Bucket=bucket)
        except ServiceError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                return False
            raise
        return True

    def create_bucket(self, bucket: str, *, region: str) -> None:
        """See ``base.Objects``."""
        if self.bucket_exists(bucket):
            return
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with _translated():
            self._client.create_bucket(Bucket=bucket, **place)


def _exactly(source: BinaryIO, size: int) -> bytes:
    parts = []
    while size > 0 and (piece := source.read(size)):
        parts.append(piece)
        size -= len(piece)
    return b"".join(parts)


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the outside S3 as our own."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        code = _BARE.get(told.get("Code", ""), told.get("Code", "InternalError"))
        raise ServiceError(code, told.get("Message", str(error)), status=status) from error
    except BotoCoreError as error:
        raise ServiceError(
            "ServiceUnavailable", f"The outside S3 does not answer: {error}", status=503
        ) from error


class _Reader(io.RawIOBase):
    def __init__(self, client: Any, found: ObjectInfo) -> None:
        self._client = client
        self._found = found
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._found.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._found.size - self._position)
        if wanted <= 0:
            return 0
        last = self._position + wanted - 1
        with _translated():
            reply = self._client.get_object(
                Bucket=self._found.bucket,
                Key=self._found.key,
                Range=f"bytes={self._position}-{last}",
                IfMatch=f'"{self._found.etag}"',
            )
            data = reply["Body"].read()
        if len(data) != wanted:
            raise refused("IncompleteBody", "The outside S3 sent fewer bytes than it was asked for")
        view[:wanted] = data
        self._position += wanted
        return wanted
