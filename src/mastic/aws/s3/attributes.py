"""What else can be asked of an object: GetObjectAttributes, and RestoreObject. Owns no state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mastic.aws.s3 import replies
from mastic.aws.s3.objects import ARCHIVED
from mastic.aws.s3.requests import key_of, origin, owned
from mastic.context import Context
from mastic.objects.errors import no_such_key, refused
from mastic.objects.local import LocalObjects
from mastic.store.buckets import Bucket
from mastic.store.objects import ObjectVersion
from mastic.wire.dispatch import Response


class Attributes:
    """Handlers."""

    def __init__(self, *, objects: LocalObjects) -> None:
        self._objects = objects

    def get_object_attributes(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The attributes that were asked for; the parts of a multipart object page by number."""
        bucket, found = self._objects.locate(request["Bucket"], key_of(request), request.get("VersionId"))
        owned(bucket, request)
        if found.delete_marker:
            headers = {"x-amz-delete-marker": "true", "x-amz-version-id": found.version_id}
            if request.get("VersionId"):
                raise refused("MethodNotAllowed", headers=headers)
            raise no_such_key(found.key, headers=headers)
        asked = {part.strip() for text in request["ObjectAttributes"] for part in text.split(",")}
        out: dict[str, Any] = {
            "LastModified": replies.seconds(found.modified),
            "VersionId": replies.version_of(bucket, found),
        }
        if "ETag" in asked:
            out["ETag"] = found.etag
        if "Checksum" in asked:
            told = replies.checksums(found.checksum)
            out["Checksum"] = {name: value.split("-")[0] for name, value in told.items()} or None
        if "ObjectParts" in asked and found.part_count is not None:
            out["ObjectParts"] = self._parts(bucket, found, request)
        if "StorageClass" in asked:
            out["StorageClass"] = found.storage_class
        if "ObjectSize" in asked:
            out["ObjectSize"] = found.size
        return out

    def _parts(self, bucket: Bucket, found: ObjectVersion, request: dict[str, Any]) -> dict[str, Any]:
        limit = min(int(request.get("MaxParts", 1000)), 1000)
        after = int(request.get("PartNumberMarker", 0))
        pieces = self._objects.segments(bucket, found)
        # Parts are told one by one only where they were sent with checksums.
        rest = [p for p in pieces if p.part_number > after] if any(p.checksum for p in pieces) else []
        shown = rest[:limit]
        out: dict[str, Any] = {"TotalPartsCount": found.part_count}
        if rest or not pieces:
            out |= {
                "PartNumberMarker": after,
                "NextPartNumberMarker": shown[-1].part_number if shown else 0,
                "MaxParts": limit,
                "IsTruncated": len(rest) > limit,
                "Parts": [
                    {
                        "PartNumber": p.part_number,
                        "Size": p.size,
                        **{replies.checksum_member(a): v for a, v in (p.checksum or {}).items()},
                    }
                    for p in shown
                ],
            }
        return out

    def restore_object(self, context: Context, request: dict[str, Any]) -> Response:
        """Bring an archived object back for some days; the bytes never left, so it is there at once."""
        given = request.get("RestoreRequest") or {}
        if given.get("SelectParameters") or given.get("OutputLocation"):
            raise refused("NotImplemented", "Restoring with SELECT is not implemented by Mastic")
        days = given.get("Days")
        if not days or days < 1:
            raise refused("MalformedXML")
        until = self._objects.clock.now() + timedelta(days=days)
        before: list[bool] = []

        def decide(bucket: Bucket, found: ObjectVersion) -> dict[str, Any]:
            owned(bucket, request)
            if found.storage_class not in ARCHIVED:
                raise refused(
                    "InvalidObjectState", "Restore is not allowed for the object's current storage class",
                    StorageClass=found.storage_class,
                )  # fmt: skip
            before.append(found.content.get("restored_until") is not None)
            return {"content": {**found.content, "restored_until": until.timestamp()}}

        self._objects.change(
            request["Bucket"], key_of(request), request.get("VersionId"), decide,
            origin=origin(context, "ObjectRestore:Completed"),
        )  # fmt: skip
        return Response({}, status=200 if before[-1] else 202)
