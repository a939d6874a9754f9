"""CloudWatch's alarms, their history, and dashboards.

Owns ``cloudwatch_alarms``, ``cloudwatch_alarm_history`` and ``cloudwatch_dashboards``. ``body`` is the
client's definition as given; the state has columns of its own, because changing it is guarded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from mastic.store.engine import guarded
from mastic.store.engine import insert as upsert
from mastic.store.schema import Identity, Json, Timestamp, metadata

alarms = Table(
    "cloudwatch_alarms",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("body", Json, nullable=False),
    Column("actions_enabled", Boolean, nullable=False),
    Column("configured", Timestamp, nullable=False),
    Column("state", String(24), nullable=False),
    Column("reason", Text, nullable=False),
    Column("reason_data", Text),
    Column("updated", Timestamp, nullable=False),
    Column("transitioned", Timestamp, nullable=False),
    Column("due", Timestamp),
)
Index("ix_cloudwatch_alarms_due", alarms.c.due)
history = Table(
    "cloudwatch_alarm_history",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("scope", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Timestamp, nullable=False),
    Column("item", String(32), nullable=False),
    Column("summary", Text, nullable=False),
    Column("data", Json, nullable=False),
)
Index("ix_cloudwatch_alarm_history_at", history.c.scope, history.c.at)
dashboards = Table(
    "cloudwatch_dashboards",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("body", Text, nullable=False),
    Column("modified", Timestamp, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """An alarm of kind ``MetricAlarm`` or ``CompositeAlarm``."""

    scope: str
    name: str
    kind: str
    body: dict[str, Any]
    actions_enabled: bool
    configured: datetime
    state: str
    reason: str
    reason_data: str | None
    updated: datetime
    transitioned: datetime
    due: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One entry of an alarm's history."""

    id: int
    name: str
    kind: str
    at: datetime
    item: str
    summary: str
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dashboard:
    """A dashboard: ``body`` is the JSON text as given."""

    name: str
    body: str
    modified: datetime


def find(tx: Connection, scope: str, name: str) -> Alarm | None:
    """The alarm of that name."""
    row = tx.execute(select(alarms).where(alarms.c.scope == scope, alarms.c.name == name)).first()
    return None if row is None else _alarm(row)


def create(tx: Connection, alarm: Alarm) -> None:
    """Add an alarm; Duplicate when the name is taken."""
    tx.execute(insert(alarms).values(**{c.name: getattr(alarm, c.name) for c in alarms.columns}))


def configure(tx: Connection, alarm: Alarm) -> None:
    """Give an alarm a new definition; its state stays."""
    tx.execute(
        update(alarms)
        .where(*_key(alarm))
        .values(
            kind=alarm.kind,
            body=alarm.body,
            actions_enabled=alarm.actions_enabled,
            configured=alarm.configured,
            due=alarm.due,
        )
    )


def set_state(
    tx: Connection, alarm: Alarm, state: str, reason: str, reason_data: str | None, now: datetime
) -> None:
    """Change the state from the one that ``alarm`` was read in; Stale when it is another by now."""
    changed = {"transitioned": now} if state != alarm.state else {}
    guarded(
        tx,
        update(alarms)
        .where(*_key(alarm), alarms.c.state == alarm.state, alarms.c.configured == alarm.configured)
        .values(state=state, reason=reason, reason_data=reason_data, updated=now, **changed),
    )


def set_due(tx: Connection, alarm: Alarm, due: datetime) -> None:
    """When the alarm is to be evaluated next."""
    tx.execute(update(alarms).where(*_key(alarm)).values(due=due))


def enable_actions(tx: Connection, scope: str, names: list[str], enabled: bool) -> None:
    """Let alarms act, or not; names without an alarm are passed over."""
    tx.execute(
        update(alarms)
        .where(alarms.c.scope == scope, alarms.c.name.in_(names))
        .values(actions_enabled=enabled)
    )


def remove(tx: Connection, scope: str, names: list[str]) -> None:
    """Delete alarms; their history stays."""
    tx.execute(delete(alarms).where(alarms.c.scope == scope, alarms.c.name.in_(names)))


def listing(tx: Connection, scope: str, *, kind: str | None = None, prefix: str = "") -> list[Alarm]:
    """The alarms of a region by name."""
    statement = select(alarms).where(alarms.c.scope == scope).order_by(alarms.c.name)
    if kind is not None:
        statement = statement.where(alarms.c.kind == kind)
    if prefix:
        statement = statement.where(alarms.c.name.startswith(prefix, autoescape=True))
    return [_alarm(row) for row in tx.execute(statement)]


def due(tx: Connection, now: datetime, limit: int) -> list[Alarm]:
    """Alarms whose evaluation is due, the longest overdue first."""
    rows = tx.execute(select(alarms).where(alarms.c.due <= now).order_by(alarms.c.due).limit(limit))
    return [_alarm(row) for row in rows]


def next_due(tx: Connection) -> datetime | None:
    """When the next evaluation is due."""
    found: datetime | None = tx.execute(
        select(alarms.c.due).where(alarms.c.due.is_not(None)).order_by(alarms.c.due).limit(1)
    ).scalar()
    return found


def record(tx: Connection, alarm: Alarm, at: datetime, item: str, summary: str, data: dict[str, Any]) -> None:
    """Add to an alarm's history."""
    tx.execute(
        insert(history).values(
            scope=alarm.scope,
            name=alarm.name,
            kind=alarm.kind,
            at=at,
            item=item,
            summary=summary,
            data=data,
        )
    )


def recorded(tx: Connection, scope: str, *, name: str | None = None, item: str | None = None) -> list[Item]:
    """The history of a region's alarms, newest first."""
    statement = select(history).where(history.c.scope == scope)
    if name is not None:
        statement = statement.where(history.c.name == name)
    if item is not None:
        statement = statement.where(history.c.item == item)
    rows = tx.execute(statement.order_by(history.c.at.desc(), history.c.id.desc()))
    return [
        Item(id=r.id, name=r.name, kind=r.kind, at=r.at, item=r.item, summary=r.summary, data=r.data)
        for r in rows
    ]


def forget_history(tx: Connection, before: datetime) -> int:
    """Drop history older than ``before``."""
    return tx.execute(delete(history).where(history.c.at < before)).rowcount


def put_dashboard(tx: Connection, account: str, dashboard: Dashboard) -> None:
    """Add or replace a dashboard."""
    changing = {"body": dashboard.body, "modified": dashboard.modified}
    tx.execute(
        upsert(tx, dashboards)
        .values(account=account, name=dashboard.name, **changing)
        .on_conflict_do_update(index_elements=["account", "name"], set_=changing)
    )


def list_dashboards(tx: Connection, account: str, prefix: str = "") -> list[Dashboard]:
    """An account's dashboards by name."""
    rows = tx.execute(
        select(dashboards)
        .where(dashboards.c.account == account, dashboards.c.name.startswith(prefix, autoescape=True))
        .order_by(dashboards.c.name)
    )
    return [Dashboard(name=r.name, body=r.body, modified=r.modified) for r in rows]


def remove_dashboards(tx: Connection, account: str, names: list[str]) -> None:
    """Delete dashboards."""
    tx.execute(delete(dashboards).where(dashboards.c.account == account, dashboards.c.name.in_(names)))


def _key(alarm: Alarm) -> tuple[Any, Any]:
    return alarms.c.scope == alarm.scope, alarms.c.name == alarm.name


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(**{column.name: getattr(row, column.name) for column in alarms.columns})
