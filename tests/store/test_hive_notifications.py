"""What has changed, in order and by id, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mastic.clock import ManualClock
from mastic.glue.hive import definition
from mastic.glue.hive.calls import Calls
from mastic.glue.hive.notifications import KEPT, Notifications
from mastic.ids import Ids
from mastic.store import hive_notifications, outbox
from mastic.store.engine import Store
from mastic.wire.dispatch import Dispatcher, Registry

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def tell(
    store: Store, to: Notifications, detail: dict[str, Any], *, moment: datetime = NOW, account: str = "1"
) -> None:
    envelope = {
        "source": "aws.glue",
        "account": account,
        "region": "r",
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": detail,
    }
    with store.write() as tx:
        to.receive(tx, outbox.Event(id=1, topic="glue.event", key=None, payload=envelope, attempt=0))


def test_changes_have_ids_that_go_on(store: Store) -> None:
    types, clock = definition.load(), ManualClock(NOW)
    calls = Calls(dispatcher=Dispatcher(Registry()), ids=Ids(), account="1", region="r")
    told = Notifications(store=store, clock=clock, calls=calls, definition=types)
    assert told.get_current_notificationEventId().eventId == 0
    tell(store, told, {"typeOfChange": "CreateDatabase", "databaseName": "d", "changedTables": []})
    tell(store, told, {"typeOfChange": "BatchDeleteTable", "databaseName": "d", "changedTables": ["a", "b"]})
    tell(store, told, {"typeOfChange": "UpdateTable", "databaseName": "e", "tableName": "t"}, account="2")
    tell(store, told, {"typeOfChange": "SomethingElse", "databaseName": "d", "tableName": "t"})
    late = NOW + KEPT
    tell(store, told, {"typeOfChange": "UpdateTable", "databaseName": "e", "tableName": "t"}, moment=late)
    everything = told.get_next_notification(types.NotificationEventRequest(lastEvent=0, maxEvents=0)).events
    assert [(one.eventType, one.dbName, one.tableName) for one in everything] == [
        ("CREATE_DATABASE", "d", None),
        ("DROP_TABLE", "d", "a"),
        ("DROP_TABLE", "d", "b"),
        ("ALTER_TABLE", "e", "t"),
    ]
    some = told.get_next_notification(
        types.NotificationEventRequest(lastEvent=everything[0].eventId, maxEvents=1)
    )
    assert [one.eventId for one in some.events] == [everything[1].eventId]
    last = told.get_current_notificationEventId().eventId
    assert last == everything[-1].eventId
    counted = types.NotificationEventsCountRequest(fromEventId=everything[0].eventId, dbName="d")
    assert told.get_notification_events_count(counted).eventsCount == 2
    # What is too old goes, but the latest id stays known.
    clock.advance(seconds=(KEPT + timedelta(days=9)).total_seconds())
    told.forget()
    with store.read() as tx:
        assert [row.id for row in hive_notifications.after(tx, "1:r", 0, 10)] == [last]
        assert len(hive_notifications.after(tx, "2:r", 0, 10)) == 1
    assert told.get_current_notificationEventId().eventId == last
