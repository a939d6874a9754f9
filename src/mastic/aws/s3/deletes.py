"""Deleting objects, one or many. Owns no state."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.aws.s3.buckets import held
from mastic.aws.s3.requests import etag, key_of, origin
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.objects.errors import refused
from mastic.objects.local import LocalObjects
from mastic.objects.versions import Conditions, Removal

MOST = 1000
EVENT = "ObjectRemoved:Delete"


class Deletes:
    """Handlers."""

    def __init__(self, *, objects: LocalObjects) -> None:
        self._objects = objects

    def delete_object(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the object, lay a delete marker over it, or delete one version."""
        key = key_of(request)
        asked = Conditions(
            if_match=etag(request["IfMatch"]) if request.get("IfMatch") else None,
            if_size=request.get("IfMatchSize"),
            if_modified=request.get("IfMatchLastModifiedTime"),
        )

        def run(tx: Connection) -> Removal:
            held(tx, request)
            return self._objects.remove_in(
                tx, request["Bucket"], key, request.get("VersionId"), conditions=asked,
                origin=origin(context, EVENT), bypass=bool(request.get("BypassGovernanceRetention")),
            )  # fmt: skip

        done = self._objects.transact(run)
        return {"VersionId": done.version_id, "DeleteMarker": True if done.marker else None}

    def delete_objects(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete up to a thousand keys or versions in one transaction; each succeeds or fails for itself."""
        given = request["Delete"].get("Objects") or []
        if not 0 < len(given) <= MOST:
            raise refused("MalformedXML")
        bypass = bool(request.get("BypassGovernanceRetention"))

        def run(tx: Connection) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
            held(tx, request)
            deleted, errors = [], []
            for item in given:
                try:
                    done = self._delete(tx, context, request["Bucket"], item, bypass)
                except ServiceError as error:
                    told = {"Key": item["Key"], "VersionId": item.get("VersionId")}
                    errors.append({**told, "Code": error.code, "Message": error.message})
                else:
                    deleted.append(_told(item, done))
            return deleted, errors

        deleted, errors = self._objects.transact(run)
        return {"Deleted": [] if request["Delete"].get("Quiet") else deleted, "Errors": errors}

    def _delete(
        self, tx: Connection, context: Context, bucket: str, item: dict[str, Any], bypass: bool
    ) -> Removal:
        asked = Conditions(
            if_match=etag(item["ETag"]) if item.get("ETag") else None,
            if_size=item.get("Size"),
            if_modified=item.get("LastModifiedTime"),
        )
        return self._objects.remove_in(
            tx, bucket, key_of(item), item.get("VersionId") or None, conditions=asked,
            origin=origin(context, EVENT), bypass=bypass,
        )  # fmt: skip


def _told(item: dict[str, Any], done: Removal) -> dict[str, Any]:
    return {
        "Key": item["Key"],
        "VersionId": item.get("VersionId") or None,
        "DeleteMarker": True if done.marker else None,
        "DeleteMarkerVersionId": done.version_id if done.marker else None,
    }
