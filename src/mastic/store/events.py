"""EventBridge's buses, rules, targets, and the ticks of scheduled rules.

Owns ``event_buses``, ``event_rules``, ``event_targets`` and ``event_ticks``. The bus ``default`` exists without
a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Row,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from mastic.store.engine import insert as upsert
from mastic.store.prepared import Prepared
from mastic.store.schema import Json, Timestamp, metadata

DEFAULT = "default"

buses = Table(
    "event_buses",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("body", Json, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("modified", Timestamp, nullable=False),
)
rules = Table(
    "event_rules",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("bus", String(256), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("state", String(64), nullable=False),
    # The pattern as JSON beside the text the client gave, which stays in the body.
    Column("pattern", Json),
    Column("schedule", String(256)),
    Column("body", Json, nullable=False),
    Column("due", Timestamp),
)
Index("ix_event_rules_due", rules.c.due)
targets = Table(
    "event_targets",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("bus", String(256), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("arn", String(1600), nullable=False),
    Column("body", Json, nullable=False),
)
ticks = Table(
    "event_ticks",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("bus", String(256), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("at", Timestamp, primary_key=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bus:
    """An event bus; ``body`` holds description, policy and so on in AWS's names."""

    name: str
    body: dict[str, Any]
    created: datetime
    modified: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule: ``body`` is the definition as given, ``due`` the next tick of its schedule."""

    scope: str
    bus: str
    name: str
    state: str
    pattern: Any
    schedule: str | None
    body: dict[str, Any]
    due: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a rule sends events; ``body`` is the target as given."""

    id: str
    arn: str
    body: dict[str, Any]


def create_bus(tx: Connection, scope: str, bus: Bus) -> None:
    """Add a bus; Duplicate when the name is taken."""
    tx.execute(
        insert(buses).values(
            scope=scope, name=bus.name, body=bus.body, created=bus.created, modified=bus.modified
        )
    )


def find_bus(tx: Connection, scope: str, name: str) -> Bus | None:
    """The bus of that name, if it has a row."""
    row = tx.execute(select(buses).where(buses.c.scope == scope, buses.c.name == name)).first()
    return None if row is None else _bus(row)


def put_bus(tx: Connection, scope: str, bus: Bus) -> None:
    """Store a bus, whatever was there."""
    changing = {"body": bus.body, "modified": bus.modified}
    tx.execute(
        upsert(tx, buses)
        .values(scope=scope, name=bus.name, created=bus.created, **changing)
        .on_conflict_do_update(index_elements=["scope", "name"], set_=changing)
    )


def list_buses(tx: Connection, scope: str) -> list[Bus]:
    """The buses that have rows, by name."""
    return [
        _bus(row) for row in tx.execute(select(buses).where(buses.c.scope == scope).order_by(buses.c.name))
    ]


def remove_bus(tx: Connection, scope: str, name: str) -> None:
    """Delete a bus."""
    tx.execute(delete(buses).where(buses.c.scope == scope, buses.c.name == name))


def put_rule(tx: Connection, rule: Rule) -> None:
    """Store a rule, whatever was there."""
    values = {column.name: getattr(rule, column.name) for column in rules.columns}
    changing = {k: v for k, v in values.items() if k not in ("scope", "bus", "name")}
    tx.execute(
        upsert(tx, rules)
        .values(**values)
        .on_conflict_do_update(index_elements=["scope", "bus", "name"], set_=changing)
    )


def find_rule(tx: Connection, scope: str, bus: str, name: str) -> Rule | None:
    """The rule of that name."""
    row = tx.execute(
        select(rules).where(rules.c.scope == scope, rules.c.bus == bus, rules.c.name == name)
    ).first()
    return None if row is None else _rule(row)


def list_rules(tx: Connection, scope: str, bus: str, *, prefix: str = "") -> list[Rule]:
    """A bus's rules by name."""
    rows = tx.execute(
        select(rules)
        .where(
            rules.c.scope == scope,
            rules.c.bus == bus,
            rules.c.name.startswith(prefix, autoescape=True),
        )
        .order_by(rules.c.name)
    )
    return [_rule(row) for row in rows]


# Built once: these run for every event there is.
_CANDIDATES = select(rules).where(
    rules.c.scope == bindparam("of"),
    rules.c.bus == bindparam("on"),
    rules.c.pattern.is_not(None),
    rules.c.state != "DISABLED",
)
_FIRST_CANDIDATE = Prepared(_CANDIDATES.with_only_columns(rules.c.name).limit(1))


def matching_candidates(tx: Connection, scope: str, bus: str) -> list[Rule]:
    """The rules of a bus that have a pattern and are enabled."""
    return [_rule(row) for row in tx.execute(_CANDIDATES, {"of": scope, "on": bus})]


def listens(tx: Connection, scope: str, bus: str) -> bool:
    """Whether any rule of a bus could match an event."""
    return _FIRST_CANDIDATE.first(tx, {"of": scope, "on": bus}) is not None


def remove_rule(tx: Connection, rule: Rule) -> None:
    """Delete a rule and its ticks."""
    tx.execute(delete(rules).where(*_of(rules, rule), rules.c.name == rule.name))
    tx.execute(delete(ticks).where(*_of(ticks, rule), ticks.c.rule == rule.name))


def due_rules(tx: Connection, now: datetime, limit: int) -> list[Rule]:
    """Rules whose next tick has come."""
    rows = tx.execute(select(rules).where(rules.c.due <= now).order_by(rules.c.due).limit(limit))
    return [_rule(row) for row in rows]


def next_due(tx: Connection) -> datetime | None:
    """When the next tick of any rule comes."""
    found: datetime | None = tx.execute(
        select(rules.c.due).where(rules.c.due.is_not(None)).order_by(rules.c.due).limit(1)
    ).scalar()
    return found


def tick(tx: Connection, rule: Rule, at: datetime, following: datetime | None) -> bool:
    """Record that the rule fires for ``at`` and when it fires next; false when it has fired for ``at``."""
    added = tx.execute(
        upsert(tx, ticks)
        .values(scope=rule.scope, bus=rule.bus, rule=rule.name, at=at)
        .on_conflict_do_nothing()
        .returning(ticks.c.rule)  # PostgreSQL's driver does not count the rows of such an INSERT
    ).first()
    tx.execute(
        update(rules)
        .where(*_of(rules, rule), rules.c.name == rule.name, rules.c.due == at)
        .values(due=following)
    )
    return added is not None


def forget_ticks(tx: Connection, before: datetime) -> None:
    """Drop old ticks."""
    tx.execute(delete(ticks).where(ticks.c.at < before))


def put_target(tx: Connection, rule: Rule, target: Target) -> None:
    """Add or replace a target."""
    changing = {"arn": target.arn, "body": target.body}
    tx.execute(
        upsert(tx, targets)
        .values(scope=rule.scope, bus=rule.bus, rule=rule.name, id=target.id, **changing)
        .on_conflict_do_update(index_elements=["scope", "bus", "rule", "id"], set_=changing)
    )


def list_targets(tx: Connection, rule: Rule) -> list[Target]:
    """A rule's targets by id."""
    rows = tx.execute(
        select(targets).where(*_of(targets, rule), targets.c.rule == rule.name).order_by(targets.c.id)
    )
    return [Target(id=row.id, arn=row.arn, body=row.body) for row in rows]


def remove_target(tx: Connection, rule: Rule, target: str) -> bool:
    """Delete a target; false when there was none."""
    return (
        tx.execute(
            delete(targets).where(*_of(targets, rule), targets.c.rule == rule.name, targets.c.id == target)
        ).rowcount
        == 1
    )


def rules_with_target(tx: Connection, scope: str, bus: str, arn: str) -> list[str]:
    """The names of the rules that have a target of that ARN."""
    rows = tx.execute(
        select(targets.c.rule)
        .where(targets.c.scope == scope, targets.c.bus == bus, targets.c.arn == arn)
        .distinct()
        .order_by(targets.c.rule)
    )
    return list(rows.scalars())


def _of(table: Table, rule: Rule) -> tuple[Any, Any]:
    return table.c.scope == rule.scope, table.c.bus == rule.bus


def _bus(row: Row[Any]) -> Bus:
    return Bus(name=row.name, body=row.body, created=row.created, modified=row.modified)


def _rule(row: Row[Any]) -> Rule:
    return Rule(**{column.name: getattr(row, column.name) for column in rules.columns})
