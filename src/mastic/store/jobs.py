"""Job definitions. Owns the table ``jobs``.

``body`` is the definition as the API shows it, without Name and the two dates. ``job_id`` tells one job from
a later one of the same name; ``runs`` counts the runs that were ever started.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Integer, Row, String, Table, delete, insert, select, update

from mastic.store.engine import Stale
from mastic.store.schema import Json, Sortable, Timestamp, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("name", Sortable, primary_key=True),
    Column("job_id", String(80), nullable=False, unique=True),
    Column("body", Json, nullable=False),
    Column("request", Json, nullable=False),
    Column("runs", Integer, nullable=False, default=0),
    Column("created_on", Timestamp, nullable=False),
    Column("last_modified_on", Timestamp, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A stored definition."""

    scope: str
    name: str
    job_id: str
    body: dict[str, Any]
    request: dict[str, Any]
    runs: int
    created_on: datetime
    last_modified_on: datetime

    @property
    def max_concurrent_runs(self) -> int:
        """How many runs may be active at a time."""
        return int(self.body["ExecutionProperty"]["MaxConcurrentRuns"])


def add(
    tx: Connection,
    scope: str,
    name: str,
    job_id: str,
    body: dict[str, Any],
    request: dict[str, Any],
    now: datetime,
) -> None:
    """Store a new definition; raises ``engine.Duplicate`` (at the end of the block) when the name is taken."""
    tx.execute(
        insert(jobs).values(
            scope=scope,
            name=name,
            job_id=job_id,
            body=body,
            request=request,
            runs=0,
            created_on=now,
            last_modified_on=now,
        )
    )


def find(tx: Connection, scope: str, name: str) -> Job | None:
    """The definition, or None."""
    row = tx.execute(select(jobs).where(jobs.c.scope == scope, jobs.c.name == name)).first()
    return None if row is None else _job(row)


def exist(tx: Connection) -> bool:
    """Whether anybody has a job."""
    return tx.execute(select(jobs.c.name).limit(1)).first() is not None


def lock(tx: Connection, scope: str, name: str) -> Job | None:
    """The definition, with its row locked until the transaction ends: starts of one job take turns."""
    row = tx.execute(select(jobs).where(jobs.c.scope == scope, jobs.c.name == name).with_for_update()).first()
    return None if row is None else _job(row)


def find_many(tx: Connection, scope: str, names: Collection[str]) -> dict[str, Job]:
    """The definitions of those names that exist."""
    rows = tx.execute(select(jobs).where(jobs.c.scope == scope, jobs.c.name.in_(list(names))))
    return {row.name: _job(row) for row in rows}


def page(tx: Connection, scope: str, after: str | None, limit: int) -> list[Job]:
    """Definitions by name, those behind ``after``."""
    query = select(jobs).where(jobs.c.scope == scope)
    if after is not None:
        query = query.where(jobs.c.name > after)
    return [_job(row) for row in tx.execute(query.order_by(jobs.c.name).limit(limit))]


def page_names(
    tx: Connection, scope: str, after: str | None, limit: int, among: Collection[str] | None = None
) -> list[str]:
    """Names in order, those behind ``after``; only those in ``among`` when it is given."""
    query = select(jobs.c.name).where(jobs.c.scope == scope)
    if after is not None:
        query = query.where(jobs.c.name > after)
    if among is not None:
        query = query.where(jobs.c.name.in_(list(among)))
    return list(tx.execute(query.order_by(jobs.c.name).limit(limit)).scalars())


def replace(tx: Connection, job: Job, body: dict[str, Any], request: dict[str, Any], now: datetime) -> None:
    """Put a new body in the place of the one that was read; raises Stale when the job has changed since."""
    changed = tx.execute(
        update(jobs)
        .where(
            jobs.c.scope == job.scope,
            jobs.c.name == job.name,
            jobs.c.job_id == job.job_id,
            jobs.c.last_modified_on == job.last_modified_on,
        )
        .values(body=body, request=request, last_modified_on=now)
    )
    if changed.rowcount != 1:
        raise Stale("jobs")


def count_run(tx: Connection, job: Job) -> int:
    """One more run has been started; returns its number, from 1."""
    return int(
        tx.execute(
            update(jobs)
            .where(jobs.c.scope == job.scope, jobs.c.name == job.name)
            .values(runs=jobs.c.runs + 1)
            .returning(jobs.c.runs)
        ).scalar_one()
    )


def remove(tx: Connection, scope: str, name: str) -> bool:
    """Delete the definition; false when there was none."""
    return tx.execute(delete(jobs).where(jobs.c.scope == scope, jobs.c.name == name)).rowcount == 1


def _job(row: Row[Any]) -> Job:
    return Job(
        scope=row.scope,
        name=row.name,
        job_id=row.job_id,
        body=row.body,
        request=row.request,
        runs=row.runs,
        created_on=row.created_on,
        last_modified_on=row.last_modified_on,
    )
