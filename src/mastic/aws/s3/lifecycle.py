"""Lifecycle: the rules of a bucket, and doing what they say. Owns rows of ``bucket_configurations``.

What is due for a version is decided by pure functions; ``Reaper`` walks the buckets that have rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mastic.aws.s3.buckets import held
from mastic.context import Context
from mastic.ids import Ids
from mastic.objects.errors import refused
from mastic.objects.local import LocalObjects
from mastic.objects.versions import Conditions, Origin
from mastic.store import buckets, objects, uploads
from mastic.store.buckets import Bucket
from mastic.store.engine import Store
from mastic.store.objects import ObjectVersion

KIND = "lifecycle"
BATCH = 500
_DEFAULT_SIZE = "all_storage_classes_128K"
SMALL = 128 * 1024


class Lifecycle:
    """Handlers."""

    def __init__(self, *, store: Store, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    def get_bucket_lifecycle_configuration(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The rules. Raises NoSuchLifecycleConfiguration."""
        with self._store.read() as tx:
            bucket = held(tx, request)
            found = buckets.configuration(tx, bucket, KIND)
        if found is None:
            raise refused("NoSuchLifecycleConfiguration", BucketName=bucket.name)
        return {"Rules": _with_dates(found["Rules"]), "TransitionDefaultMinimumObjectSize": found["size"]}

    def put_bucket_lifecycle_configuration(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Replace the rules."""
        rules = (request.get("LifecycleConfiguration") or {}).get("Rules") or []
        if not 0 < len(rules) <= 1000:
            raise refused("MalformedXML")
        kept = [{**rule, "ID": rule.get("ID") or self._ids.uuid()} for rule in rules]
        for rule in kept:
            check(rule)
        if len({rule["ID"] for rule in kept}) != len(kept):
            raise refused("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
        size = request.get("TransitionDefaultMinimumObjectSize") or _DEFAULT_SIZE
        with self._store.write() as tx:
            buckets.configure(tx, held(tx, request, lock="update"), KIND, {"Rules": kept, "size": size})
        return {"TransitionDefaultMinimumObjectSize": size}

    def delete_bucket_lifecycle(self, context: Context, request: dict[str, Any]) -> None:
        """Remove the rules."""
        with self._store.write() as tx:
            buckets.unconfigure(tx, held(tx, request, lock="update"), KIND)


def check(rule: Mapping[str, Any]) -> None:
    """Raise InvalidArgument or MalformedXML for a rule that S3 would not take."""
    if len(rule["ID"]) > 255:
        raise refused("InvalidArgument", "ID length should not exceed allowed limit of 255")
    actions = (
        "Expiration",
        "Transitions",
        "NoncurrentVersionTransitions",
        "NoncurrentVersionExpiration",
        "AbortIncompleteMultipartUpload",
    )
    if not any(rule.get(name) for name in actions):
        raise refused("InvalidRequest", "At least one action needs to be specified in a rule")
    if rule.get("Filter") is not None and rule.get("Prefix") is not None:
        raise refused("MalformedXML")
    expiration = rule.get("Expiration") or {}
    if sum(expiration.get(name) is not None for name in ("Days", "Date", "ExpiredObjectDeleteMarker")) > 1:
        raise refused("MalformedXML")
    if expiration.get("Days") is not None and expiration["Days"] < 1:
        raise refused("InvalidArgument", "'Days' for Expiration action must be a positive integer")
    for action in [expiration, *(rule.get("Transitions") or ())]:
        date = action.get("Date")
        if isinstance(date, datetime) and date != date.replace(hour=0, minute=0, second=0, microsecond=0):
            raise refused("InvalidArgument", "'Date' must be at midnight GMT")


def _with_dates(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stored rules with their dates as instants again."""

    def revive(action: Mapping[str, Any]) -> dict[str, Any]:
        if action.get("Date") is None:
            return dict(action)
        return {**action, "Date": datetime.fromtimestamp(action["Date"], UTC)}

    out = []
    for rule in rules:
        told = dict(rule)
        if rule.get("Expiration"):
            told["Expiration"] = revive(rule["Expiration"])
        if rule.get("Transitions"):
            told["Transitions"] = [revive(action) for action in rule["Transitions"]]
        out.append(told)
    return out


# -- what is due -------------------------------------------------------------------------------------


def selects(rule: Mapping[str, Any], found: ObjectVersion) -> bool:
    """Whether an enabled rule is about this version's key, tags and size."""
    if rule.get("Status") != "Enabled":
        return False
    chosen = rule.get("Filter") or {}
    chosen = chosen.get("And") or chosen
    tags = [chosen["Tag"]] if chosen.get("Tag") else chosen.get("Tags") or []
    if not found.key.startswith(chosen.get("Prefix") or rule.get("Prefix") or ""):
        return False
    if any((found.tags or {}).get(tag["Key"]) != tag.get("Value", "") for tag in tags):
        return False
    above, below = chosen.get("ObjectSizeGreaterThan"), chosen.get("ObjectSizeLessThan")
    return (above is None or found.size > above) and (below is None or found.size < below)


def midnight_after(since: datetime, days: int) -> datetime:
    """When an action of so many days falls due: the midnight after they have passed."""
    due = since + timedelta(days=days)
    start = due.replace(hour=0, minute=0, second=0, microsecond=0)
    return start if start == due else start + timedelta(days=1)


def _passed(action: Mapping[str, Any], since: datetime, now: datetime) -> bool:
    if action.get("Date") is not None:
        return bool(now.timestamp() >= action["Date"])
    return action.get("Days") is not None and now >= midnight_after(since, action["Days"])


def expired(rules: list[Mapping[str, Any]], found: ObjectVersion, now: datetime) -> bool:
    """Whether the current version is to be removed."""
    return any(
        _passed(rule.get("Expiration") or {}, found.modified, now) for rule in rules if selects(rule, found)
    )


def noncurrent_expired(
    rules: list[Mapping[str, Any]], found: ObjectVersion, *, since: datetime, newer: int, now: datetime
) -> bool:
    """Whether a version that was superseded at ``since``, with ``newer`` noncurrent ones above it, is to go."""
    for rule in rules:
        action = rule.get("NoncurrentVersionExpiration")
        if not action or not selects(rule, found) or newer < (action.get("NewerNoncurrentVersions") or 0):
            continue
        if now >= midnight_after(since, action["NoncurrentDays"]):
            return True
    return False


def storage_class(
    rules: list[Mapping[str, Any]], found: ObjectVersion, size: str, now: datetime
) -> str | None:
    """The storage class that the current version is to move to, or None."""
    if size == _DEFAULT_SIZE and found.size < SMALL:
        return None
    due = [
        (action.get("Days") or 0, action["StorageClass"])
        for rule in rules
        if selects(rule, found)
        for action in rule.get("Transitions") or ()
        if _passed(action, found.modified, now)
    ]
    chosen = max(due)[1] if due else None
    return chosen if chosen != found.storage_class else None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    bucket: Bucket
    rules: list[Mapping[str, Any]]
    size: str


class Reaper:
    """Does what is due in every bucket with rules; call it now and then."""

    def __init__(self, *, objects: LocalObjects) -> None:
        self._objects = objects
        self._store = objects.store

    def __call__(self) -> None:
        """One round."""
        with self._store.read() as tx:
            configured = buckets.with_configuration(tx, KIND)
        for bucket, body in configured:
            job = _Job(bucket=bucket, rules=body["Rules"], size=body["size"])
            self._objects_of(job)
            self._uploads_of(job)

    def _objects_of(self, job: _Job) -> None:
        after: tuple[str, int | None] = ("", None)
        previous: ObjectVersion | None = None
        newer = 0
        while True:
            with self._store.read() as tx:
                page = objects.version_page(tx, job.bucket, after[0], after[1], None, BATCH)
            for found in page:
                same = previous is not None and previous.key == found.key
                newer = newer + 1 if same and previous is not None and not previous.latest else 0
                self._one(job, found, previous if same else None, newer)
                previous = found
            if len(page) < BATCH:
                return
            after = (page[-1].key, page[-1].sequence)

    def _one(self, job: _Job, found: ObjectVersion, above: ObjectVersion | None, newer: int) -> None:
        now = self._objects.clock.now()
        if found.latest and found.delete_marker:
            self._lone_marker(job, found)
        elif found.latest:
            if expired(job.rules, found, now):
                self._expire(job, found)
                return
            chosen = storage_class(job.rules, found, job.size, now)
            if chosen is not None:
                self._objects.change(
                    job.bucket.name, found.key, found.version_id, lambda _b, _v: {"storage_class": chosen}
                )
        elif above is not None and noncurrent_expired(
            job.rules, found, since=above.modified, newer=newer, now=now
        ):
            self._objects.remove(
                job.bucket.name, found.key, found.version_id, conditions=Conditions(),
                origin=Origin(event="LifecycleExpiration:Delete"),
            )  # fmt: skip

    def _expire(self, job: _Job, found: ObjectVersion) -> None:
        """Remove the current version, unless it was overwritten since it was looked at."""
        self._objects.remove(
            job.bucket.name, found.key, conditions=Conditions(if_match=found.etag),
            origin=Origin(event="LifecycleExpiration:Delete"),
        )  # fmt: skip

    def _lone_marker(self, job: _Job, found: ObjectVersion) -> None:
        wanted = any(
            (rule.get("Expiration") or {}).get("ExpiredObjectDeleteMarker") and selects(rule, found)
            for rule in job.rules
        )
        if not wanted:
            return

        def run(tx: Connection) -> None:
            versions = objects.version_page(tx, job.bucket, found.key, None, found.key + "\x01", 2)
            if [v.version_id for v in versions] == [found.version_id]:
                objects.remove(tx, job.bucket, found, self._objects.clock.now())

        self._objects.transact(run)

    def _uploads_of(self, job: _Job) -> None:
        now = self._objects.clock.now()
        with self._store.read() as tx:
            under_way = [u for u in uploads.of_bucket(tx, job.bucket) if u.state == uploads.OPEN]
        for upload in under_way:
            stand_in = ObjectVersion(key=upload.key, version_id="", sequence=0, modified=upload.initiated)
            for rule in job.rules:
                days = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
                if days and selects(rule, stand_in) and now >= midnight_after(upload.initiated, days):
                    with self._store.write() as tx:
                        objects.discard(tx, uploads.remove(tx, upload), now)
                    break
