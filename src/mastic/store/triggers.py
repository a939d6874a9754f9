"""Triggers, what they wait for, and that they fired. Owns ``triggers`` and its four companions.

``trigger_conditions`` and ``trigger_actions`` repeat the body's lists as rows, so that the triggers that watch
or start something are found by index. ``trigger_latches`` holds the conditions met since the last firing, per
workflow run ("" outside of one). ``trigger_fires`` has one row per cause: a cause fires a trigger once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    select,
    update,
)
from sqlalchemy import insert as plain_insert

from mastic.store.engine import guarded, insert, signal
from mastic.store.schema import Json, Sortable, Timestamp, metadata

SIGNAL = "schedules"

triggers = Table(
    "triggers",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", Sortable, primary_key=True),
    Column("type", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("workflow_name", String(255)),
    Column("body", Json, nullable=False),
    Column("request", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("next_tick", Timestamp),
    Column("created_on", Timestamp, nullable=False),
)
Index("ix_triggers_next_tick", triggers.c.next_tick)

trigger_conditions = Table(
    "trigger_conditions",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("trigger_name", String(255), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("state", String(16), nullable=False),
)
Index(
    "ix_trigger_conditions_subject",
    trigger_conditions.c.scope,
    trigger_conditions.c.kind,
    trigger_conditions.c.subject,
)

trigger_actions = Table(
    "trigger_actions",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("trigger_name", String(255), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("target", String(255), nullable=False),
)
Index("ix_trigger_actions_target", trigger_actions.c.scope, trigger_actions.c.kind, trigger_actions.c.target)

trigger_latches = Table(
    "trigger_latches",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("trigger_name", String(255), primary_key=True),
    Column("workflow_run_id", String(255), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("subject", String(255), nullable=False),
    Column("run_id", String(255), nullable=False),
)

trigger_fires = Table(
    "trigger_fires",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("scope", String(64), nullable=False),
    Column("trigger_name", String(255), nullable=False),
    Column("cause", String(255), nullable=False),
    Column("fired_on", Timestamp, nullable=False),
    UniqueConstraint("scope", "trigger_name", "cause"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """A stored trigger; ``body`` is as the API shows it, without Name, Type, State and WorkflowName."""

    scope: str
    name: str
    type: str
    state: str
    workflow_name: str | None
    body: dict[str, Any]
    request: dict[str, Any]
    version: int
    next_tick: datetime | None
    created_on: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Latch:
    """A condition that has been met since the last firing, and the run that met it."""

    position: int
    subject: str
    run_id: str


def add(tx: Connection, trigger: Trigger) -> None:
    """Store a new trigger with its conditions and actions."""
    tx.execute(
        plain_insert(triggers).values({name: getattr(trigger, name) for name in Trigger.__dataclass_fields__})
    )
    _spread(tx, trigger.scope, trigger.name, trigger.body)
    signal(tx, SIGNAL)


def find(tx: Connection, scope: str, name: str) -> Trigger | None:
    """The trigger, or None."""
    row = tx.execute(select(triggers).where(triggers.c.scope == scope, triggers.c.name == name)).first()
    return None if row is None else _trigger(row)


def find_many(tx: Connection, scope: str, names: Collection[str]) -> dict[str, Trigger]:
    """Those of the named triggers that exist."""
    rows = tx.execute(select(triggers).where(triggers.c.scope == scope, triggers.c.name.in_(list(names))))
    return {row.name: _trigger(row) for row in rows}


def page(
    tx: Connection,
    scope: str,
    after: str | None,
    limit: int,
    *,
    starting_job: str | None = None,
    among: Collection[str] | None = None,
) -> list[Trigger]:
    """Triggers by name, those behind ``after``; only those that start a job, or that are in ``among``."""
    query = select(triggers).where(triggers.c.scope == scope)
    if after is not None:
        query = query.where(triggers.c.name > after)
    if among is not None:
        query = query.where(triggers.c.name.in_(list(among)))
    if starting_job is not None:
        query = query.where(
            triggers.c.name.in_(
                select(trigger_actions.c.trigger_name).where(
                    trigger_actions.c.scope == scope,
                    trigger_actions.c.kind == "JOB",
                    trigger_actions.c.target == starting_job,
                )
            )
        )
    return [_trigger(row) for row in tx.execute(query.order_by(triggers.c.name).limit(limit))]


def change(tx: Connection, trigger: Trigger, **columns: Any) -> None:
    """Change a trigger that must still be as it was read; raises Stale when it is not."""
    guarded(tx, _same(trigger).values(version=trigger.version + 1, **columns))
    if "body" in columns:
        _forget(tx, trigger.scope, trigger.name)
        _spread(tx, trigger.scope, trigger.name, columns["body"])
    signal(tx, SIGNAL)


def remove(tx: Connection, scope: str, name: str) -> bool:
    """Delete a trigger and what it waited for; false when there was none."""
    _forget(tx, scope, name)
    tx.execute(
        delete(trigger_fires).where(trigger_fires.c.scope == scope, trigger_fires.c.trigger_name == name)
    )
    return (
        tx.execute(delete(triggers).where(triggers.c.scope == scope, triggers.c.name == name)).rowcount == 1
    )


def watching(
    tx: Connection, scope: str, kind: str, subject: str, state: str
) -> list[tuple[Trigger, list[int]]]:
    """The active triggers with a condition on this end of this job or crawler, and the conditions' positions.

    Their rows stay locked until the transaction ends.
    """
    rows = tx.execute(
        select(triggers, trigger_conditions.c.position)
        .join(
            trigger_conditions,
            (trigger_conditions.c.scope == triggers.c.scope)
            & (trigger_conditions.c.trigger_name == triggers.c.name),
        )
        .where(
            trigger_conditions.c.scope == scope,
            trigger_conditions.c.kind == kind,
            trigger_conditions.c.subject == subject,
            trigger_conditions.c.state == state,
            triggers.c.state == "ACTIVATED",
        )
        .order_by(triggers.c.name, trigger_conditions.c.position)
        .with_for_update(of=triggers)
    )
    found: dict[str, tuple[Trigger, list[int]]] = {}
    for row in rows:
        columns = {key: value for key, value in row._mapping.items() if key != "position"}
        found.setdefault(row.name, (Trigger(**columns), []))[1].append(row.position)
    return list(found.values())


def latch(tx: Connection, trigger: Trigger, workflow_run_id: str, met: Latch) -> None:
    """A condition has been met; a later run takes the place of an earlier one."""
    tx.execute(
        insert(tx, trigger_latches)
        .values(
            scope=trigger.scope,
            trigger_name=trigger.name,
            workflow_run_id=workflow_run_id,
            position=met.position,
            subject=met.subject,
            run_id=met.run_id,
        )
        .on_conflict_do_update(
            index_elements=["scope", "trigger_name", "workflow_run_id", "position"],
            set_={"subject": met.subject, "run_id": met.run_id},
        )
    )


def latches(tx: Connection, trigger: Trigger, workflow_run_id: str) -> list[Latch]:
    """The conditions met since the last firing."""
    rows = tx.execute(
        select(trigger_latches)
        .where(
            trigger_latches.c.scope == trigger.scope,
            trigger_latches.c.trigger_name == trigger.name,
            trigger_latches.c.workflow_run_id == workflow_run_id,
        )
        .order_by(trigger_latches.c.position)
    )
    return [Latch(position=r.position, subject=r.subject, run_id=r.run_id) for r in rows]


def unlatch(tx: Connection, scope: str, name: str, workflow_run_id: str | None = None) -> None:
    """Begin anew, in one workflow run or in all."""
    query = delete(trigger_latches).where(
        trigger_latches.c.scope == scope, trigger_latches.c.trigger_name == name
    )
    if workflow_run_id is not None:
        query = query.where(trigger_latches.c.workflow_run_id == workflow_run_id)
    tx.execute(query)


def fire(tx: Connection, trigger: Trigger, cause: str, now: datetime) -> bool:
    """Record that ``cause`` fires the trigger; false when it has done so before."""
    added = tx.execute(
        insert(tx, trigger_fires)
        .values(scope=trigger.scope, trigger_name=trigger.name, cause=cause, fired_on=now)
        .on_conflict_do_nothing(index_elements=["scope", "trigger_name", "cause"])
        .returning(trigger_fires.c.id)
    ).first()
    return added is not None


def due(tx: Connection, now: datetime, limit: int) -> list[Trigger]:
    """Active schedules whose time has come."""
    rows = tx.execute(
        select(triggers)
        .where(triggers.c.next_tick <= now, triggers.c.state == "ACTIVATED")
        .order_by(triggers.c.next_tick, triggers.c.scope, triggers.c.name)
        .limit(limit)
    )
    return [_trigger(row) for row in rows]


def next_tick(tx: Connection) -> datetime | None:
    """When the next schedule is due."""
    found: datetime | None = tx.execute(
        select(func.min(triggers.c.next_tick, type_=Timestamp())).where(triggers.c.state == "ACTIVATED")
    ).scalar()
    return found


def forget_fires(tx: Connection, before: datetime) -> int:
    """Drop the records of firings whose cause cannot come again."""
    return tx.execute(delete(trigger_fires).where(trigger_fires.c.fired_on < before)).rowcount


def _same(trigger: Trigger) -> Any:
    return update(triggers).where(
        triggers.c.scope == trigger.scope,
        triggers.c.name == trigger.name,
        triggers.c.version == trigger.version,
        triggers.c.state == trigger.state,
    )


def _spread(tx: Connection, scope: str, name: str, body: dict[str, Any]) -> None:
    for position, condition in enumerate(body.get("Predicate", {}).get("Conditions", ())):
        job = condition.get("JobName")
        tx.execute(
            plain_insert(trigger_conditions).values(
                scope=scope,
                trigger_name=name,
                position=position,
                kind="JOB" if job else "CRAWLER",
                subject=job or condition["CrawlerName"],
                state=condition["State"] if job else condition["CrawlState"],
            )
        )
    for position, action in enumerate(body.get("Actions", ())):
        job = action.get("JobName")
        tx.execute(
            plain_insert(trigger_actions).values(
                scope=scope,
                trigger_name=name,
                position=position,
                kind="JOB" if job else "CRAWLER",
                target=job or action["CrawlerName"],
            )
        )


def _forget(tx: Connection, scope: str, name: str) -> None:
    for table in (trigger_conditions, trigger_actions, trigger_latches):
        tx.execute(delete(table).where(table.c.scope == scope, table.c.trigger_name == name))


def _trigger(row: Row[Any]) -> Trigger:
    return Trigger(**{name: getattr(row, name) for name in Trigger.__dataclass_fields__})
