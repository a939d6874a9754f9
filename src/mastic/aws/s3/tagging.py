"""Tags of buckets and of object versions. Owns no state but those."""

from __future__ import annotations

from typing import Any

from mastic.aws.s3.buckets import held
from mastic.aws.s3.replies import version_of
from mastic.aws.s3.requests import key_of, origin, owned, tags
from mastic.context import Context
from mastic.objects.errors import refused
from mastic.objects.local import LocalObjects
from mastic.store import buckets


class Tagging:
    """Handlers."""

    def __init__(self, *, objects: LocalObjects) -> None:
        self._objects = objects
        self._store = objects.store

    def get_bucket_tagging(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The bucket's tags. Raises NoSuchTagSet."""
        with self._store.read() as tx:
            bucket = held(tx, request)
            found = buckets.configuration(tx, bucket, "tagging")
        if not found:
            raise refused("NoSuchTagSet", BucketName=bucket.name)
        return {"TagSet": _told(found)}

    def put_bucket_tagging(self, context: Context, request: dict[str, Any]) -> None:
        """Replace the bucket's tags."""
        given = tags(request["Tagging"].get("TagSet") or (), most=50)
        with self._store.write() as tx:
            buckets.configure(tx, held(tx, request, lock="update"), "tagging", given)

    def delete_bucket_tagging(self, context: Context, request: dict[str, Any]) -> None:
        """Remove the bucket's tags."""
        with self._store.write() as tx:
            buckets.unconfigure(tx, held(tx, request, lock="update"), "tagging")

    def get_object_tagging(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The version's tags; an empty set when there are none."""
        bucket, found = self._objects.locate(request["Bucket"], key_of(request), request.get("VersionId"))
        owned(bucket, request)
        if found.delete_marker:
            raise refused("MethodNotAllowed", Method="GET", ResourceType="DeleteMarker")
        return {"TagSet": _told(found.tags or {}), "VersionId": version_of(bucket, found)}

    def put_object_tagging(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Replace the version's tags."""
        given = tags(request["Tagging"].get("TagSet") or (), most=10)
        return self._change(context, request, given or None, "ObjectTagging:Put")

    def delete_object_tagging(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Remove the version's tags."""
        return self._change(context, request, None, "ObjectTagging:Delete")

    def _change(
        self, context: Context, request: dict[str, Any], given: dict[str, str] | None, event: str
    ) -> dict[str, Any]:
        def decide(bucket: Any, _: Any) -> dict[str, Any]:
            owned(bucket, request)
            return {"tags": given}

        bucket, found = self._objects.change(
            request["Bucket"],
            key_of(request),
            request.get("VersionId"),
            decide,
            origin=origin(context, event),
        )
        return {"VersionId": version_of(bucket, found)}


def _told(found: dict[str, str] | Any) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in found.items()]
