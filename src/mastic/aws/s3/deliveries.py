"""Carries a bucket's events to functions, queues, topics and EventBridge. Owns the task queue ``s3.notify``.

The receiver turns an outbox event into one task for each destination, in the transaction that takes the event
out; the worker hands a task over and tries again until it was accepted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import structlog
from sqlalchemy import Connection

from mastic.aws.s3.notifications import KIND, QUEUE, Destinations, matches, targets
from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import buckets, outbox, tasks

log = structlog.get_logger()

EVENTBRIDGE_TOPIC = "glue.event"
# Longer than any restart; a destination that stays away for so long loses the event, as in AWS.
GIVE_UP = timedelta(hours=24)

_DETAIL_TYPES = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "ObjectRestore:Completed": "Object Restore Completed",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl:Put": "Object ACL Updated",
    "LifecycleExpiration": "Object Deleted",
}
_REASONS = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
    "ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
    "LifecycleExpiration:Delete": "Lifecycle Expiration",
    "LifecycleExpiration:DeleteMarkerCreated": "Lifecycle Expiration",
}


class Deliveries:
    """``receive`` is the reactor's receiver of ``s3.object``; ``handle`` the worker's of ``s3.notify``."""

    def __init__(self, *, clock: Clock, ids: Ids, destinations: Destinations) -> None:
        self._clock = clock
        self._ids = ids
        self._destinations = destinations

    def receive(self, tx: Connection, event: outbox.Event) -> None:
        """Queue a delivery for every rule that wants the event."""
        happened = event.payload
        bucket = buckets.find(tx, happened["bucket"])
        configuration = None if bucket is None else buckets.configuration(tx, bucket, KIND)
        if bucket is None or not configuration:
            return
        for service, arn, rule in targets(configuration):
            if matches(rule, happened["event_name"], happened["key"]):
                document = {"Records": [record(happened, rule["Id"])]}
                self._queue(tx, service, arn, document, f"{event.id}:{rule['Id']}")
        if "EventBridgeConfiguration" in configuration:
            envelope = eventbridge(happened, event_id=self._ids.uuid())
            if envelope is not None:
                outbox.put(tx, EVENTBRIDGE_TOPIC, envelope, key=happened["key"][:128])

    def _queue(self, tx: Connection, service: str, arn: str, document: dict[str, Any], key: str) -> None:
        enqueue = self._destinations.enqueue(service)
        if enqueue is None:
            until = (self._clock.now() + GIVE_UP).timestamp()
            payload = {"service": service, "arn": arn, "event": document, "until": until}
            tasks.put(tx, QUEUE, key, payload, not_before=self._clock.now())
            return
        try:
            enqueue(tx, arn, document, f"s3:{key}")
        except ServiceError as error:
            # Deleted since the configuration was made: S3 drops such events, too.
            log.warning("s3_event_dropped", arn=arn, code=error.code, reason=error.message)

    def handle(self, task: tasks.Task) -> None:
        """Hand one event over; what is refused the worker tries again, with growing pauses, for a day."""
        payload = task.payload
        if payload.get("until") is not None and self._clock.now().timestamp() > payload["until"]:
            log.error("s3_event_given_up", arn=payload["arn"], key=task.key, attempts=task.attempt)
            return
        self._destinations.hand_over(payload["service"], payload["arn"], payload["event"])


def record(happened: dict[str, Any], configuration_id: str) -> dict[str, Any]:
    """S3's event record, version 2.1. The key is URL-encoded, as form fields are."""
    created = happened["event_name"].startswith("ObjectCreated")
    described: dict[str, Any] = {"key": quote_plus(happened["key"], safe="/*")}
    if created or happened["event_name"].startswith("ObjectRestore"):
        described |= {"size": happened["size"], "eTag": happened["etag"]}
    elif happened["etag"]:
        described["eTag"] = happened["etag"]
    if happened.get("version_id"):
        described["versionId"] = happened["version_id"]
    described["sequencer"] = happened["sequencer"]
    owner = {"principalId": happened["account"]}
    moment = datetime.fromtimestamp(happened["event_time"], UTC)
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": happened["region"],
        "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
        "eventName": happened["event_name"],
        "userIdentity": {"principalId": f"AWS:{happened['principal'] or happened['account']}"},
        "requestParameters": {"sourceIPAddress": happened["source_ip"]},
        "responseElements": {
            "x-amz-request-id": happened["request_id"],
            "x-amz-id-2": happened["request_id"],
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": happened["bucket"],
                "ownerIdentity": owner,
                "arn": f"arn:aws:s3:::{happened['bucket']}",
            },
            "object": described,
        },
    }


def eventbridge(happened: dict[str, Any], *, event_id: str) -> dict[str, Any] | None:
    """The EventBridge envelope of an event (its key is not encoded); None for events EventBridge is not told."""
    name = happened["event_name"]
    kind = _DETAIL_TYPES.get(name) or _DETAIL_TYPES.get(name.partition(":")[0])
    if kind is None:
        return None
    described: dict[str, Any] = {"key": happened["key"]}
    if kind == "Object Created":
        described["size"] = happened["size"]
    if happened["etag"]:
        described["etag"] = happened["etag"]
    if happened.get("version_id"):
        described["version-id"] = happened["version_id"]
    described["sequencer"] = happened["sequencer"]
    detail = {
        "version": "0",
        "bucket": {"name": happened["bucket"]},
        "object": described,
        "request-id": happened["request_id"],
        "requester": happened["account"],
        "source-ip-address": happened["source_ip"],
    }
    if name in _REASONS:
        detail["reason"] = _REASONS[name]
    if kind == "Object Deleted":
        permanent = not name.endswith("DeleteMarkerCreated")
        detail["deletion-type"] = "Permanently Deleted" if permanent else "Delete Marker Created"
    return {
        "version": "0",
        "id": event_id,
        "detail-type": kind,
        "source": "aws.s3",
        "account": happened["account"],
        "time": datetime.fromtimestamp(happened["event_time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": happened["region"],
        "resources": [f"arn:aws:s3:::{happened['bucket']}"],
        "detail": detail,
    }
