"""CloudWatch's metrics and the samples put into them.

Owns ``cloudwatch_metrics`` (one row per namespace, name and set of dimensions) and ``cloudwatch_samples``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Row,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
)

from mastic.store.engine import insert as upsert
from mastic.store.schema import Identity, Json, Timestamp, metadata

metrics = Table(
    "cloudwatch_metrics",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("scope", String(64), nullable=False),
    Column("namespace", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("dimensions", Json, nullable=False),
    UniqueConstraint("scope", "namespace", "name", "fingerprint"),
)
samples = Table(
    "cloudwatch_samples",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("metric", Identity, nullable=False),
    Column("at", Timestamp, nullable=False),
    Column("unit", String(32), nullable=False),
    # Either [[value, count], …], or {"count", "sum", "min", "max"} of a statistic set.
    Column("observed", Json, nullable=False),
)
Index("ix_cloudwatch_samples_metric", samples.c.metric, samples.c.at)
Index("ix_cloudwatch_samples_at", samples.c.at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric: ``dimensions`` by name."""

    id: int
    namespace: str
    name: str
    dimensions: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What was observed at one instant: weighted values, or a statistic set."""

    at: datetime
    unit: str
    observed: Any


def put(
    tx: Connection, scope: str, namespace: str, name: str, dimensions: Mapping[str, str], sample: Sample
) -> None:
    """Add a sample, and the metric when it is new."""
    key = {
        "scope": scope,
        "namespace": namespace,
        "name": name,
        "fingerprint": _fingerprint(dimensions),
    }
    metric = _id(tx, key)
    if metric is None:
        tx.execute(upsert(tx, metrics).values(**key, dimensions=dict(dimensions)).on_conflict_do_nothing())
        metric = _id(tx, key)
    tx.execute(
        insert(samples).values(metric=metric, at=sample.at, unit=sample.unit, observed=sample.observed)
    )


def read(
    tx: Connection,
    scope: str,
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    start: datetime,
    end: datetime,
    unit: str | None = None,
) -> list[Sample]:
    """The samples of one metric from ``start`` up to but not including ``end``, oldest first."""
    statement = (
        select(samples.c.at, samples.c.unit, samples.c.observed)
        .join(metrics, metrics.c.id == samples.c.metric)
        .where(
            metrics.c.scope == scope,
            metrics.c.namespace == namespace,
            metrics.c.name == name,
            metrics.c.fingerprint == _fingerprint(dimensions),
            samples.c.at >= start,
            samples.c.at < end,
        )
        .order_by(samples.c.at, samples.c.id)
    )
    if unit is not None:
        statement = statement.where(samples.c.unit == unit)
    return [Sample(at=row.at, unit=row.unit, observed=row.observed) for row in tx.execute(statement)]


def listing(
    tx: Connection,
    scope: str,
    *,
    namespace: str | None = None,
    name: str | None = None,
    active_since: datetime | None = None,
    after: int = 0,
) -> list[Metric]:
    """Metrics in the order in which they were first seen, after the id ``after``."""
    statement = select(metrics).where(metrics.c.scope == scope, metrics.c.id > after).order_by(metrics.c.id)
    if namespace is not None:
        statement = statement.where(metrics.c.namespace == namespace)
    if name is not None:
        statement = statement.where(metrics.c.name == name)
    if active_since is not None:
        recent = select(samples.c.metric).where(samples.c.at >= active_since)
        statement = statement.where(metrics.c.id.in_(recent))
    return [_metric(row) for row in tx.execute(statement)]


def forget(tx: Connection, before: datetime) -> int:
    """Drop samples older than ``before``, and metrics that have none left; returns how many samples."""
    dropped = tx.execute(delete(samples).where(samples.c.at < before)).rowcount
    if dropped:
        tx.execute(delete(metrics).where(metrics.c.id.not_in(select(samples.c.metric))))
    return dropped


def count(tx: Connection, scope: str) -> int:
    """How many metrics a region has."""
    return tx.execute(select(func.count()).select_from(metrics).where(metrics.c.scope == scope)).scalar_one()


def _id(tx: Connection, key: Mapping[str, str]) -> int | None:
    where = [metrics.c[column] == value for column, value in key.items()]
    found: int | None = tx.execute(select(metrics.c.id).where(*where)).scalar()
    return found


def _fingerprint(dimensions: Mapping[str, str]) -> str:
    return hashlib.sha256(orjson.dumps(dict(dimensions), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _metric(row: Row[Any]) -> Metric:
    return Metric(id=row.id, namespace=row.namespace, name=row.name, dimensions=row.dimensions)
