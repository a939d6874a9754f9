"""Job bookmarks: how far a job has read its sources. Owns ``job_bookmarks`` and ``job_bookmark_history``.

The history keeps what each run found when it began to commit, so that a bookmark can be rewound to it, and what it
left, so that a later run can read again what lies between two runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Integer, String, Table, delete, select

from mastic.store.engine import insert
from mastic.store.job_runs import job_runs
from mastic.store.schema import Json, Timestamp, metadata

job_bookmarks = Table(
    "job_bookmarks",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("job_name", String(255), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("run_id", String(255)),
    Column("previous_run_id", String(255)),
    Column("bookmark", Json),
    Column("updated", Timestamp, nullable=False),
)

job_bookmark_history = Table(
    "job_bookmark_history",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("job_name", String(255), primary_key=True),
    Column("run_id", String(255), primary_key=True),
    Column("before", Json),
    Column("after", Json),
    Column("recorded", Timestamp, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bookmark:
    """The present bookmark of a job; ``bookmark`` maps each transformation context to its state, None after a reset."""

    scope: str
    job_name: str
    version: int
    run: int
    attempt: int
    run_id: str | None
    previous_run_id: str | None
    bookmark: dict[str, Any] | None
    updated: datetime


def find(tx: Connection, scope: str, job_name: str) -> Bookmark | None:
    """The job's bookmark."""
    row = tx.execute(
        select(job_bookmarks)
        .where(job_bookmarks.c.scope == scope, job_bookmarks.c.job_name == job_name)
        .with_for_update()
    ).first()
    return None if row is None else Bookmark(**row._mapping)


def put(tx: Connection, bookmark: Bookmark) -> None:
    """Store the job's bookmark in the place of an earlier one."""
    values = {name: getattr(bookmark, name) for name in Bookmark.__dataclass_fields__}
    keys = ("scope", "job_name")
    tx.execute(
        insert(tx, job_bookmarks)
        .values(**values)
        .on_conflict_do_update(
            index_elements=list(keys),
            set_={name: value for name, value in values.items() if name not in keys},
        )
    )


def remember(
    tx: Connection,
    scope: str,
    job_name: str,
    run_id: str,
    *,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    now: datetime,
) -> None:
    """Keep what a run found, as its first commit has it, and what it leaves, as its last one has it."""
    tx.execute(
        insert(tx, job_bookmark_history)
        .values(scope=scope, job_name=job_name, run_id=run_id, before=before, after=after, recorded=now)
        .on_conflict_do_update(index_elements=["scope", "job_name", "run_id"], set_={"after": after})
    )


def left_by(tx: Connection, scope: str, job_name: str, seq: int) -> dict[str, Any] | None:
    """What the last run that committed left, of the runs up to the one of this ``seq``; None when there is none."""
    history = job_bookmark_history.c
    row = tx.execute(
        select(history.after)
        .join(job_runs, (job_runs.c.scope == history.scope) & (job_runs.c.id == history.run_id))
        .where(history.scope == scope, history.job_name == job_name, job_runs.c.seq <= seq)
        .order_by(job_runs.c.seq.desc())
        .limit(1)
    ).first()
    return None if row is None else row.after


def found_by(tx: Connection, scope: str, job_name: str, run_id: str) -> tuple[bool, dict[str, Any] | None]:
    """(whether the run committed, the bookmark that it found)."""
    row = tx.execute(
        select(job_bookmark_history.c.before).where(
            job_bookmark_history.c.scope == scope,
            job_bookmark_history.c.job_name == job_name,
            job_bookmark_history.c.run_id == run_id,
        )
    ).first()
    return (False, None) if row is None else (True, row.before)


def remove(tx: Connection, scope: str, job_name: str) -> None:
    """The job is gone, and what it remembered with it."""
    for table in (job_bookmarks, job_bookmark_history):
        tx.execute(delete(table).where(table.c.scope == scope, table.c.job_name == job_name))
