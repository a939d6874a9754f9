"""What has changed in the catalog, for clients that keep up with it by id. State: ``hive_notifications``.

Changes of every door are here: they come from the catalog's own events. A notification names what changed; a client
that wants to know how it looks now asks for it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.glue.hive.calls import Calls, split
from mastic.store import hive_notifications, outbox
from mastic.store.engine import Store
from mastic.store.hive_notifications import Change

# As long as by Hive's own server.
KEPT = timedelta(days=1)
MOST = 10_000
FORMAT = "mastic-1"

_OF_DATABASES = {"CreateDatabase": "CREATE_DATABASE", "DeleteDatabase": "DROP_DATABASE"}
_OF_TABLES = {
    "CreateTable": "CREATE_TABLE",
    "DeleteTable": "DROP_TABLE",
    "BatchDeleteTable": "DROP_TABLE",
    "UpdateTable": "ALTER_TABLE",
    "CreatePartition": "ADD_PARTITION",
    "BatchCreatePartition": "ADD_PARTITION",
    "UpdatePartition": "ALTER_PARTITION",
    "BatchUpdatePartition": "ALTER_PARTITION",
    "DeletePartition": "DROP_PARTITION",
    "BatchDeletePartition": "DROP_PARTITION",
}


class Notifications:
    """The methods, and the receiver of the catalog's events."""

    def __init__(self, *, store: Store, clock: Clock, calls: Calls, definition: Any) -> None:
        self._store = store
        self._clock = clock
        self._scope = calls.context("notifications").scope
        self._types = definition

    def receive(self, tx: Connection, event: outbox.Event) -> None:
        """Remember a change of the catalog."""
        envelope = event.payload
        scope = f"{envelope.get('account')}:{envelope.get('region')}"
        if envelope.get("source") == "aws.glue":
            moment = datetime.strptime(envelope["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            hive_notifications.add(tx, scope, moment, _changes(envelope["detail"]))

    def forget(self) -> None:
        """Forget what is too old to be asked for."""
        with self._store.write() as tx:
            hive_notifications.forget(tx, self._clock.now() - KEPT)

    def get_current_notificationEventId(self) -> Any:  # noqa: N802 - the interface's name
        """The id of the latest change."""
        with self._store.read() as tx:
            return self._types.CurrentNotificationEventId(eventId=hive_notifications.last(tx, self._scope))

    def get_next_notification(self, request: Any) -> Any:
        """Changes later than an id, in order."""
        count = request.maxEvents if request.maxEvents and 0 < request.maxEvents < MOST else MOST
        with self._store.read() as tx:
            rows = hive_notifications.after(tx, self._scope, request.lastEvent or 0, count)
        return self._types.NotificationEventResponse(events=[self._shown(row) for row in rows])

    def get_notification_events_count(self, request: Any) -> Any:
        """How many changes of a database are later than an id."""
        database = split(request.dbName)[1].lower() or None
        with self._store.read() as tx:
            count = hive_notifications.count_after(tx, self._scope, request.fromEventId or 0, database)
        return self._types.NotificationEventsCountResponse(eventsCount=count)

    def _shown(self, row: Any) -> Any:
        return self._types.NotificationEvent(
            eventId=row.id,
            eventTime=int(row.moment.timestamp()),
            eventType=row.kind,
            dbName=row.database,
            tableName=row.table,
            message=orjson.dumps(row.message).decode(),
            messageFormat=FORMAT,
            catName="hive",
        )


def _changes(detail: dict[str, Any]) -> list[Change]:
    """The changes that an event of the catalog tells of."""
    kind, database = detail.get("typeOfChange", ""), detail.get("databaseName", "")
    if kind in _OF_DATABASES:
        return [_change(_OF_DATABASES[kind], database, None)]
    if kind not in _OF_TABLES:
        return []
    tables = [detail["tableName"]] if "tableName" in detail else detail.get("changedTables", [])
    return [_change(_OF_TABLES[kind], database, one, detail.get("changedPartitions")) for one in tables]


def _change(kind: str, database: str, table: str | None, partitions: list[str] | None = None) -> Change:
    message: dict[str, Any] = {"eventType": kind, "db": database}
    if table is not None:
        message["table"] = table
    if partitions:
        message["partitions"] = partitions
    return Change(kind=kind, database=database, table=table, message=message)
