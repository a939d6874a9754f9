"""Versioning and object lock: the bucket's settings, retention and legal hold. Owns columns of ``buckets``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mastic.aws.s3.buckets import held
from mastic.aws.s3.requests import key_of
from mastic.context import Context
from mastic.objects.errors import refused
from mastic.objects.local import LocalObjects
from mastic.store import buckets
from mastic.store.buckets import Bucket
from mastic.store.objects import ObjectVersion


class Versioning:
    """Handlers."""

    def __init__(self, *, objects: LocalObjects) -> None:
        self._objects = objects
        self._store = objects.store

    def get_bucket_versioning(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Enabled, Suspended, or nothing when it never was enabled."""
        with self._store.read() as tx:
            return {"Status": held(tx, request).versioning}

    def put_bucket_versioning(self, context: Context, request: dict[str, Any]) -> None:
        """Enable or suspend versioning."""
        given = request["VersioningConfiguration"]
        if given.get("Status") not in ("Enabled", "Suspended"):
            raise refused("MalformedXML")
        if given.get("MFADelete") == "Enabled":
            raise refused("NotImplemented", "MFA delete is not implemented by Mastic")
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            if bucket.lock and given["Status"] == "Suspended":
                raise refused(
                    "InvalidBucketState",
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be "
                    "changed.",
                )
            buckets.change(tx, bucket, versioning=given["Status"])

    def get_object_lock_configuration(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The lock. Raises ObjectLockConfigurationNotFoundError."""
        with self._store.read() as tx:
            bucket = held(tx, request)
        if not bucket.lock:
            raise refused("ObjectLockConfigurationNotFoundError", BucketName=bucket.name)
        return {"ObjectLockConfiguration": bucket.lock}

    def put_object_lock_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Turn the lock on, with or without a default retention."""
        given = request.get("ObjectLockConfiguration") or {}
        rule = (given.get("Rule") or {}).get("DefaultRetention")
        if given.get("ObjectLockEnabled") != "Enabled":
            raise refused("MalformedXML")
        if rule is not None and (bool(rule.get("Days")) == bool(rule.get("Years")) or not rule.get("Mode")):
            raise refused("MalformedXML")
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            if bucket.versioning != "Enabled":
                raise refused(
                    "InvalidBucketState",
                    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                )
            buckets.change(tx, bucket, lock=given)

    def get_object_retention(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The version's retention. Raises NoSuchObjectLockConfiguration."""
        lock = self._lock_of(request)
        if not lock.get("mode"):
            raise refused("NoSuchObjectLockConfiguration")
        return {
            "Retention": {"Mode": lock["mode"], "RetainUntilDate": datetime.fromtimestamp(lock["until"], UTC)}
        }

    def put_object_retention(self, context: Context, request: dict[str, Any]) -> None:
        """Set the version's retention; COMPLIANCE can only be lengthened, GOVERNANCE needs the bypass."""
        given = request.get("Retention") or {}
        mode, until = given.get("Mode"), given.get("RetainUntilDate")
        now = self._objects.clock.now()
        if (mode is None) != (until is None):
            raise refused("MalformedXML")
        if until is not None and until <= now:
            raise refused("InvalidArgument", "The retain until date must be in the future!")

        def decide(bucket: Bucket, found: ObjectVersion) -> dict[str, Any]:
            _lockable(bucket)
            lock = dict(found.lock or {})
            if lock.get("until") and lock["until"] > now.timestamp():
                shorter = until is None or until.timestamp() < lock["until"] or mode != lock["mode"]
                bypass = lock["mode"] == "GOVERNANCE" and request.get("BypassGovernanceRetention")
                if shorter and not bypass:
                    raise refused("AccessDenied", "Access Denied because object protected by object lock.")
            lock.pop("mode", None)
            lock.pop("until", None)
            if mode is not None and until is not None:
                lock |= {"mode": mode, "until": until.timestamp()}
            return {"lock": lock or None}

        self._objects.change(request["Bucket"], key_of(request), request.get("VersionId"), decide)

    def get_object_legal_hold(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The version's legal hold. Raises NoSuchObjectLockConfiguration."""
        lock = self._lock_of(request)
        if not lock.get("hold"):
            raise refused("NoSuchObjectLockConfiguration")
        return {"LegalHold": {"Status": lock["hold"]}}

    def put_object_legal_hold(self, context: Context, request: dict[str, Any]) -> None:
        """Set or lift the version's legal hold."""
        status = (request.get("LegalHold") or {}).get("Status")
        if status is None:
            raise refused("MalformedXML")

        def decide(bucket: Bucket, found: ObjectVersion) -> dict[str, Any]:
            _lockable(bucket)
            return {"lock": {**(found.lock or {}), "hold": status}}

        self._objects.change(request["Bucket"], key_of(request), request.get("VersionId"), decide)

    def _lock_of(self, request: dict[str, Any]) -> Mapping[str, Any]:
        bucket, found = self._objects.locate(request["Bucket"], key_of(request), request.get("VersionId"))
        _lockable(bucket)
        if found.delete_marker:
            raise refused("MethodNotAllowed")
        return found.lock or {}


def _lockable(bucket: Bucket) -> None:
    if not bucket.lock:
        raise refused("InvalidRequest", "Bucket is missing Object Lock Configuration")
