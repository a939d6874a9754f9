"""Objects: put, get, head. Owns no state; bytes and versions are ``objects.local``'s."""

from __future__ import annotations

from typing import Any

from mastic.aws.s3 import acls, replies
from mastic.aws.s3.requests import (
    conditions,
    content,
    header_tags,
    key_of,
    origin,
    owned,
    retention,
    storage_class,
)
from mastic.context import Context
from mastic.objects.digests import DEFAULT, FULL_OBJECT, md5_hex
from mastic.objects.errors import no_such_key, refused
from mastic.objects.local import EMPTY_MD5, LocalObjects
from mastic.objects.versions import Conditions, Draft
from mastic.store.buckets import Bucket
from mastic.store.objects import ObjectVersion, Segment
from mastic.wire.dispatch import Body, Response

LARGEST_PUT = 5 * 1024**3
# A body above this size is only taken in after bucket and conditions have been looked at.
LOOK_FIRST = 1024 * 1024
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


class Objects:
    """Handlers."""

    def __init__(self, *, objects: LocalObjects) -> None:
        self._objects = objects

    def put_object(self, context: Context, request: dict[str, Any]) -> Any:
        """Write the body; it is durable when this returns, and nothing is there when it raises."""
        if request.get("WriteOffsetBytes") is not None:
            raise refused("NotImplemented", Header="x-amz-write-offset-bytes")
        body, asked = received(request), conditions(request)
        key = key_of(request)
        said = content(request)
        acl = acls.of_request(request, context)
        tags, lock = header_tags(request), retention(request, self._objects.clock.now())
        if body is None or body.length is None or body.length > LOOK_FIRST or asked != Conditions():
            self._look(request, key, asked)
        with self._objects.staged(body if body is not None else ()) as blob:
            size = blob.size if blob else 0
            draft = Draft(
                key=key,
                size=size,
                etag=md5_hex(body.checksums["MD5"]) if body is not None else EMPTY_MD5,
                segments=[Segment(blob=blob.id, size=size)] if blob else [],
                checksum=_checksum(body),
                storage_class=storage_class(request),
                content=said,
                tags=tags,
                acl=acl,
                lock=lock,
            )
            home, made = self._objects.commit(
                request["Bucket"],
                draft,
                conditions=asked,
                origin=origin(context, "ObjectCreated:Put"),
                check=lambda bucket: _allowed(bucket, request, acl, lock),
            )
        return replies.written(home, made)

    def get_object(self, context: Context, request: dict[str, Any]) -> Any:
        """The object's bytes, or the range or part of them that was asked for."""
        home, found = self._readable(request)
        if found.storage_class in ARCHIVED and not self._restored(found):
            raise refused("InvalidObjectState", StorageClass=found.storage_class)
        return self._answer(home, found, request, with_body=True)

    def head_object(self, context: Context, request: dict[str, Any]) -> Any:
        """The object's headers."""
        home, found = self._readable(request)
        return self._answer(home, found, request, with_body=False)

    def _answer(
        self, home: Bucket, found: ObjectVersion, request: dict[str, Any], *, with_body: bool
    ) -> Response:
        if replies.unmodified(found, request):
            return replies.not_modified(home, found)
        number = request.get("PartNumber")
        if number is not None and request.get("Range"):
            raise refused("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
        pieces: list[Segment] = []
        if with_body or number is not None:
            pieces = self._objects.segments(home, found)
        if number is not None:
            covered = replies.part_extent(found, pieces, number)
        else:
            covered = replies.extent(found, request.get("Range"))
        told = replies.described(home, found, request)
        told.update(replies.ranged(found, covered))
        told.update(replies.told_checksum(found, covered, request))
        if number is not None:
            told["PartsCount"] = found.part_count
        if with_body:
            told["Body"] = replies.body(self._objects, pieces, covered)
        return Response(told, status=206 if covered.partial else 200)

    def _readable(self, request: dict[str, Any]) -> tuple[Bucket, ObjectVersion]:
        """The version asked for. Raises NoSuchKey or MethodNotAllowed for delete markers."""
        version_id = request.get("VersionId")
        home, found = self._objects.locate(request["Bucket"], key_of(request), version_id)
        owned(home, request)
        if found.delete_marker:
            headers = {"x-amz-delete-marker": "true", "x-amz-version-id": found.version_id}
            if version_id is None:
                raise no_such_key(found.key, headers=headers)
            stamp = found.modified.strftime("%a, %d %b %Y %H:%M:%S GMT")
            headers |= {"Allow": "DELETE", "Last-Modified": stamp}
            raise refused("MethodNotAllowed", Method="GET", ResourceType="DeleteMarker", headers=headers)
        return home, found

    def _restored(self, found: ObjectVersion) -> bool:
        until = found.content.get("restored_until")
        return until is not None and until > self._objects.clock.now().timestamp()

    def _look(self, request: dict[str, Any], key: str, asked: Conditions) -> None:
        """Refuse early what would be refused after the upload; the transaction judges again."""
        home, current = self._objects.glance(request["Bucket"], key)
        owned(home, request)
        asked.check_write(key, current)


def received(request: dict[str, Any]) -> Body | None:
    """The request's body with the digests that S3 keeps asked for. Raises EntityTooLarge, InvalidRequest."""
    body: Body | None = request.get("Body")
    if body is None:
        return None
    if body.length is not None and body.length > LARGEST_PUT:
        raise refused("EntityTooLarge", ProposedSize=body.length, MaxSizeAllowed=LARGEST_PUT)
    if body.sent is None and request.get("ChecksumAlgorithm"):
        raise refused(
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
            "headers were found.",
        )
    body.compute("MD5")
    if body.sent is None:
        body.compute(DEFAULT)
    return body


def _checksum(body: Body | None) -> dict[str, str]:
    algorithm = (body.sent if body is not None else None) or DEFAULT
    value = body.checksums[algorithm] if body is not None else "AAAAAAAAAAA="
    return {"algorithm": algorithm, "type": FULL_OBJECT, "value": value}


def _allowed(bucket: Bucket, request: dict[str, Any], acl: Any, lock: Any) -> None:
    """Refuse what this bucket does not take."""
    owned(bucket, request)
    acls.allowed(bucket, acl)
    locks_allowed(bucket, lock)


def locks_allowed(bucket: Bucket, lock: Any) -> None:
    """Raise InvalidRequest for a lock in a bucket that has no object lock."""
    if lock and not bucket.lock:
        raise refused("InvalidRequest", "Bucket is missing Object Lock Configuration")
