"""Which StartJobRun call started which run, so that a call that comes again finds it. Owns ``job_starts``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, String, Table, delete, insert, select, update

from mastic.store.engine import guarded
from mastic.store.schema import Timestamp, metadata

job_starts = Table(
    "job_starts",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("root", String(255), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("call", Integer, primary_key=True),
    Column("delivery", String(255), nullable=False),
    Column("invocation", String(255), nullable=False),
    Column("run_id", String(255), nullable=False),
    Column("made_on", Timestamp, nullable=False),
)
Index("ix_job_starts_made_on", job_starts.c.made_on)


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """An earlier StartJobRun call of the same caller with the same content."""

    call: int
    delivery: str
    invocation: str
    run_id: str


def of_cause(tx: Connection, scope: str, root: str, digest: str) -> list[Start]:
    """The calls with this content that belong to one cause, in the order of their first delivery."""
    rows = tx.execute(
        select(job_starts)
        .where(job_starts.c.scope == scope, job_starts.c.root == root, job_starts.c.digest == digest)
        .order_by(job_starts.c.call)
        .with_for_update()
    )
    return [Start(call=r.call, delivery=r.delivery, invocation=r.invocation, run_id=r.run_id) for r in rows]


def add(tx: Connection, **columns: Any) -> None:
    """Record that a call started a run; a second of the same place raises ``engine.Duplicate``."""
    tx.execute(insert(job_starts).values(**columns))


def repeat(
    tx: Connection, scope: str, root: str, digest: str, start: Start, delivery: str, invocation: str
) -> None:
    """A later delivery has reached this call again."""
    guarded(
        tx,
        update(job_starts)
        .where(
            job_starts.c.scope == scope,
            job_starts.c.root == root,
            job_starts.c.digest == digest,
            job_starts.c.call == start.call,
            job_starts.c.delivery == start.delivery,
        )
        .values(delivery=delivery, invocation=invocation),
    )


def forget(tx: Connection, before: datetime) -> int:
    """Drop the records of calls that nobody will repeat any more."""
    return tx.execute(delete(job_starts).where(job_starts.c.made_on < before)).rowcount
