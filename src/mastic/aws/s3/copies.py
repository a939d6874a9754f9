"""Copying objects. Bytes are shared between source and copy, never written again. Owns no state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection

from mastic.aws.s3 import acls, replies
from mastic.aws.s3.requests import (
    conditions,
    content,
    encryption,
    header_tags,
    key_of,
    origin,
    owned,
    retention,
    storage_class,
)
from mastic.context import Context
from mastic.objects.digests import DEFAULT, FULL_OBJECT, Hashing, md5_hex
from mastic.objects.errors import no_such_key, refused
from mastic.objects.local import ATTEMPTS, LocalObjects
from mastic.objects.versions import Draft
from mastic.store import objects as rows
from mastic.store.buckets import Bucket
from mastic.store.objects import ObjectVersion, Segment

LARGEST_COPY = 5 * 1024**3


def source_of(request: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """``CopySource`` → (bucket, key, version id). Raises InvalidArgument."""
    text = request["CopySource"]
    version_id = None
    if isinstance(text, Mapping):
        return text["Bucket"], text["Key"], text.get("VersionId")
    path, found, version = text.rpartition("?versionId=")
    if found:
        text, version_id = path, unquote(version)
        if not version_id:
            raise refused(
                "InvalidArgument", "Version id cannot be the empty string", ArgumentName="x-amz-copy-source"
            )
    bucket, slash, key = unquote(text).removeprefix("/").partition("/")
    if not bucket or not slash or not key:
        raise refused(
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
        )
    return bucket, key, version_id


def open_source(
    objects: LocalObjects, request: Mapping[str, Any]
) -> tuple[Bucket, ObjectVersion, list[Segment]]:
    """The version to copy from and its bytes, once its preconditions hold.

    Raises NoSuchBucket, NoSuchKey, InvalidRequest for a delete marker, PreconditionFailed, InvalidObjectState.
    """
    bucket, key, version_id = source_of(request)
    home, found = objects.locate(bucket, key, version_id)
    owned(home, request, "ExpectedSourceBucketOwner")
    if found.delete_marker:
        if version_id is None:
            raise no_such_key(key)
        raise refused(
            "InvalidRequest",
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        )
    if replies.unmodified(found, request, "CopySource"):
        raise refused("PreconditionFailed", Condition="x-amz-copy-source-If-None-Match")
    if found.storage_class in ("GLACIER", "DEEP_ARCHIVE") and replies.restored(found) is None:
        raise refused("InvalidObjectState", "Operation is not valid for the source object's storage class")
    if any(request.get(f"CopySourceSSECustomer{part}") for part in ("Algorithm", "Key", "KeyMD5")):
        raise refused("NotImplemented", "Encryption with customer-provided keys is not implemented by Mastic")
    return home, found, objects.segments(home, found)


class SourceChanged(Exception):
    """Between reading the source and committing the copy somebody replaced it: read again."""


def still_there(tx: Connection, home: Bucket, source: ObjectVersion) -> None:
    """Raise SourceChanged unless the row that was read is there yet.

    Only while a row refers to its blobs are they safe from the collector, so that a new row may share them.
    """
    now = rows.version(tx, home, source.key, source.version_id)
    if now is None or now.sequence != source.sequence:
        raise SourceChanged


class Copies:
    """Handlers."""

    def __init__(self, *, objects: LocalObjects) -> None:
        self._objects = objects

    def copy_object(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """A new version with the source's bytes; its metadata too, unless REPLACE was said."""
        for _ in range(ATTEMPTS):
            try:
                return self._copy(context, request)
            except SourceChanged:
                continue
        raise refused("OperationAborted")

    def _copy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        key, asked = key_of(request), conditions(request)
        source_home, source, pieces = open_source(self._objects, request)
        if source.size > LARGEST_COPY:
            raise refused(
                "InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy source: "
                f"{LARGEST_COPY}",
            )
        _refuse_idle(request, source_home, source)
        acl = acls.of_request(request, context)
        etag, checksum = self._digests(source, pieces, request.get("ChecksumAlgorithm"))
        draft = Draft(
            key=key,
            size=source.size,
            etag=etag,
            # Without part numbers: a copy is one piece, whatever its source was.
            segments=[Segment(blob=p.blob, start=p.start, size=p.size) for p in pieces],
            checksum=checksum,
            storage_class=storage_class(request),
            content=_content(request, source),
            tags=_tags(request, source),
            acl=acl,
            lock=retention(request, self._objects.clock.now()),
        )

        def check(bucket: Bucket) -> None:
            owned(bucket, request)
            acls.allowed(bucket, acl)

        def run(tx: Connection) -> tuple[Bucket, ObjectVersion]:
            still_there(tx, source_home, source)
            return self._objects.commit_in(
                tx, request["Bucket"], draft, conditions=asked, origin=origin(context, "ObjectCreated:Copy"),
                check=check,
            )  # fmt: skip

        home, made = self._objects.transact(run)
        return {
            "CopyObjectResult": {
                "ETag": replies.quoted(made.etag),
                "LastModified": replies.seconds(made.modified),
                **replies.checksums(made.checksum),
            },
            "CopySourceVersionId": replies.version_of(source_home, source),
            "VersionId": replies.version_of(home, made),
            **replies.encryption(made.content),
        }

    def _digests(
        self, source: ObjectVersion, pieces: list[Segment], algorithm: str | None
    ) -> tuple[str, dict[str, str]]:
        """The copy's ETag and checksum; the bytes are read only where the source's do not serve."""
        has = source.checksum or {}
        wanted = algorithm or has.get("algorithm") or DEFAULT
        if "-" not in source.etag and has.get("algorithm") == wanted and has.get("type") == FULL_OBJECT:
            return source.etag, dict(has)
        hashing = Hashing(self._objects.bytes_of(pieces), ("MD5", wanted))
        for _ in hashing:
            pass
        value = hashing.checksums[wanted]
        return md5_hex(hashing.checksums["MD5"]), {"algorithm": wanted, "type": FULL_OBJECT, "value": value}


def _refuse_idle(request: Mapping[str, Any], home: Bucket, source: ObjectVersion) -> None:
    """A copy onto itself must change something."""
    bucket, key, version_id = source_of(request)
    if (bucket, key) != (request["Bucket"], request["Key"]) or version_id is not None:
        return
    changes = ("StorageClass", "WebsiteRedirectLocation", "ServerSideEncryption", "ChecksumAlgorithm")
    if request.get("MetadataDirective") == "REPLACE" or any(request.get(name) for name in changes):
        return
    raise refused(
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without changing the "
        "object's metadata, storage class, website redirect location or encryption attributes.",
    )


def _content(request: Mapping[str, Any], source: ObjectVersion) -> dict[str, Any]:
    said = content(request)
    if request.get("MetadataDirective") == "REPLACE":
        return said
    kept = {name: source.content[name] for name in ("headers", "metadata") if name in source.content}
    chosen, redirect = encryption(request), said.get("redirect")
    return kept | ({"encryption": chosen} if chosen else {}) | ({"redirect": redirect} if redirect else {})


def _tags(request: Mapping[str, Any], source: ObjectVersion) -> Mapping[str, str] | None:
    return header_tags(request) if request.get("TaggingDirective") == "REPLACE" else source.tags
