"""How a write or a delete changes a key's versions, and the event it leaves. Owns no state.

These rules run inside the caller's transaction. Conditions are judged there, against the row that the change
then names by its sequence, so of two writers racing for one key the database lets one through; the other's
``Duplicate`` or ``Stale`` makes the caller run the whole transaction again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mastic.objects.errors import no_such_key, refused
from mastic.store import objects, outbox
from mastic.store.buckets import Bucket
from mastic.store.objects import NULL_VERSION, ObjectVersion, Segment

TOPIC = "s3.object"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Preconditions of a write or delete. ``if_match`` is an ETag without quotes, or ``*``."""

    if_none_match: bool = False
    if_match: str | None = None
    if_size: int | None = None
    if_modified: datetime | None = None

    def check_write(self, key: str, current: ObjectVersion | None) -> None:
        """Raise PreconditionFailed, or NoSuchKey for If-Match where there is no object."""
        visible = current if current is not None and not current.delete_marker else None
        if self.if_none_match and visible is not None:
            raise refused("PreconditionFailed", Condition="If-None-Match")
        if self.if_match is not None:
            if visible is None:
                raise no_such_key(key)
            if self.if_match not in ("*", visible.etag):
                raise refused("PreconditionFailed", Condition="If-Match")

    def check_delete(self, current: ObjectVersion | None) -> None:
        """Raise PreconditionFailed."""
        if self.if_match is None and self.if_size is None and self.if_modified is None:
            return
        visible = current if current is not None and not current.delete_marker else None
        if self.if_match is not None and (visible is None or self.if_match not in ("*", visible.etag)):
            raise refused("PreconditionFailed", Condition="If-Match")
        if visible is not None and self.if_size not in (None, visible.size):
            raise refused("PreconditionFailed", Condition="x-amz-if-match-size")
        if visible is None or self.if_modified is None:
            return
        if self.if_modified != visible.modified.replace(microsecond=0):
            raise refused("PreconditionFailed", Condition="x-amz-if-match-last-modified-time")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Who caused a change, for the event: ``event`` is S3's name without the ``s3:``."""

    event: str
    principal: str = ""
    request_id: str = ""
    source_ip: str = "127.0.0.1"

    @property
    def family(self) -> str:
        """The event's first half: a removal is told as ObjectRemoved or as LifecycleExpiration."""
        return self.event.partition(":")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A version about to be written. ``segments`` has one entry without ``part_count`` for a plain object."""

    key: str
    size: int
    etag: str
    segments: Sequence[Segment] = ()
    part_count: int | None = None
    checksum: Mapping[str, str] | None = None
    storage_class: str = "STANDARD"
    content: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] | None = None
    acl: Any = None
    lock: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What a delete did. ``marker``: a delete marker was made or removed."""

    key: str
    version_id: str | None = None
    marker: bool = False
    made_marker: bool = False


def write(
    tx: Connection,
    bucket: Bucket,
    current: ObjectVersion | None,
    draft: Draft,
    *,
    conditions: Conditions,
    origin: Origin,
    now: datetime,
    new_id: str,
) -> ObjectVersion:
    """Make ``draft`` the latest version. ``current`` is the present one, read in this transaction."""
    conditions.check_write(draft.key, current)
    null = _null_version(tx, bucket, draft.key, current)
    plain = draft.part_count is None and len(draft.segments) == 1 and draft.segments[0].start == 0
    new = ObjectVersion(
        key=draft.key,
        version_id=new_id if bucket.versioning == "Enabled" else NULL_VERSION,
        sequence=_next(now, current, null),
        size=draft.size,
        etag=draft.etag,
        modified=now,
        storage_class=draft.storage_class,
        blob=draft.segments[0].blob if plain else None,
        part_count=draft.part_count,
        checksum=draft.checksum,
        content=_encrypted(bucket, draft.content),
        tags=draft.tags,
        acl=draft.acl,
        lock=draft.lock or _default_lock(bucket, now),
    )
    if current is not None and current is not null:
        objects.demote(tx, bucket, current)
    if null is not None:
        objects.remove(tx, bucket, null, now)
    objects.add(tx, bucket, new, () if plain else draft.segments)
    tell(tx, bucket, new, origin, now)
    return new


def remove(
    tx: Connection,
    bucket: Bucket,
    current: ObjectVersion | None,
    key: str,
    *,
    conditions: Conditions,
    origin: Origin,
    now: datetime,
    new_id: str,
) -> Removal:
    """Delete without a version id: drop the object, or lay a delete marker over it."""
    conditions.check_delete(current)
    if bucket.versioning is None:
        if current is None:
            return Removal(key=key)
        objects.remove(tx, bucket, current, now)
        tell(tx, bucket, current, origin, now, event=f"{origin.family}:Delete")
        return Removal(key=key)
    null = _null_version(tx, bucket, key, current)
    if null is not None:
        _refuse_locked(null, now, bypass=False)
    marker = ObjectVersion(
        key=key,
        version_id=new_id if bucket.versioning == "Enabled" else NULL_VERSION,
        sequence=_next(now, current, null),
        delete_marker=True,
        modified=now,
    )
    if current is not None and current is not null:
        objects.demote(tx, bucket, current)
    if null is not None:
        objects.remove(tx, bucket, null, now)
    objects.add(tx, bucket, marker)
    tell(tx, bucket, marker, origin, now, event=f"{origin.family}:DeleteMarkerCreated")
    return Removal(key=key, version_id=marker.version_id, marker=True, made_marker=True)


def remove_version(
    tx: Connection,
    bucket: Bucket,
    key: str,
    version_id: str,
    *,
    conditions: Conditions,
    origin: Origin,
    now: datetime,
    bypass: bool,
) -> Removal:
    """Delete one version for good; one that is not there is as good. Raises AccessDenied for a locked one."""
    found = objects.version(tx, bucket, key, version_id)
    conditions.check_delete(found)
    if found is None:
        return Removal(key=key, version_id=version_id)
    _refuse_locked(found, now, bypass=bypass)
    objects.remove(tx, bucket, found, now)
    if found.latest:
        objects.promote(tx, bucket, key)
    tell(tx, bucket, found, origin, now, event=f"{origin.family}:Delete")
    return Removal(key=key, version_id=version_id, marker=found.delete_marker)


def _null_version(
    tx: Connection, bucket: Bucket, key: str, current: ObjectVersion | None
) -> ObjectVersion | None:
    """The version a write without versioning replaces: identical to ``current`` when that is it."""
    if bucket.versioning == "Enabled":
        return None
    if current is None or current.version_id == NULL_VERSION:
        return current
    return objects.version(tx, bucket, key, NULL_VERSION)


def _next(now: datetime, *before: ObjectVersion | None) -> int:
    """A sequence above those of the key so far, and, for new keys, above any that was used long ago."""
    microseconds = int((now - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    return max(microseconds, *(v.sequence + 1 for v in before if v is not None), 0)


def _encrypted(bucket: Bucket, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The content with the bucket's default encryption, where the writer named none."""
    if bucket.encryption is None or content.get("encryption"):
        return content
    return {**content, "encryption": bucket.encryption}


def _default_lock(bucket: Bucket, now: datetime) -> Mapping[str, Any] | None:
    rule = ((bucket.lock or {}).get("Rule") or {}).get("DefaultRetention")
    if not rule:
        return None
    days = rule.get("Days") or rule.get("Years", 0) * 365
    return {"mode": rule["Mode"], "until": (now + timedelta(days=days)).timestamp()}


def _refuse_locked(found: ObjectVersion, now: datetime, *, bypass: bool) -> None:
    lock = found.lock or {}
    held = lock.get("hold") == "ON"
    retained = lock.get("until") is not None and lock["until"] > now.timestamp()
    if held or (retained and not (bypass and lock.get("mode") == "GOVERNANCE")):
        raise refused("AccessDenied", "Access Denied because object protected by object lock.")


def tell(
    tx: Connection, bucket: Bucket, changed: ObjectVersion, origin: Origin, now: datetime, *, event: str = ""
) -> None:
    """Write the event, where anybody wants the bucket's events."""
    if not bucket.events:
        return
    outbox.put(
        tx,
        TOPIC,
        {
            "bucket": bucket.name,
            "key": changed.key,
            "event_name": event or origin.event,
            "size": changed.size,
            "etag": changed.etag,
            "version_id": changed.version_id if bucket.versioning else None,
            "sequencer": f"00{changed.sequence:016X}",
            "event_time": now.timestamp(),
            "request_id": origin.request_id,
            "principal": origin.principal,
            "source_ip": origin.source_ip,
            "region": bucket.region,
            "account": bucket.account,
        },
        key=changed.key[:128],
    )
