"""Job runs and the launches of their processes. Owns ``job_runs`` and ``job_launches``.

A run is what the API shows; a launch is one process made for it (a run has a second one when it moves to
another engine, or when the first never began). ``seq`` grows with every run and orders them. ``plan`` is the
definition as it was when the run started, so that later changes of the job do not reach it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)

from mastic.store.engine import guarded, signal
from mastic.store.schema import Json, Readable, Timestamp, metadata

SIGNAL = "job_runs"

ACTIVE = ("STARTING", "RUNNING", "STOPPING")
OPEN = (*ACTIVE, "WAITING")

# So long after its lease a run with a process waits for its own host before another may declare it lost.
RESERVED = timedelta(minutes=3)  # unless the settings say otherwise

job_runs = Table(
    "job_runs",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("scope", String(64), nullable=False),
    Column("id", String(255), nullable=False),
    Column("job_name", String(255), nullable=False),
    Column("job_id", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("root_id", String(255), nullable=False),
    Column("previous_id", String(255)),
    Column("trigger_name", String(255)),
    Column("workflow_run_id", String(255)),
    Column("predecessors", Json, nullable=False),
    Column("body", Json, nullable=False),
    Column("plan", Json, nullable=False),
    Column("started_on", Timestamp, nullable=False),
    Column("running_on", Timestamp),
    Column("completed_on", Timestamp),
    Column("last_modified_on", Timestamp, nullable=False),
    Column("error_message", Readable),
    Column("state_detail", Readable),
    Column("execution_seconds", Integer, nullable=False, default=0),
    Column("dpu_seconds", Float),
    Column("holder", String(64)),
    Column("expires", Timestamp),
    Column("notified", String(64), nullable=False, default=""),
    UniqueConstraint("scope", "id"),
    sqlite_autoincrement=True,
)
Index("ix_job_runs_job", job_runs.c.scope, job_runs.c.job_id, job_runs.c.seq)
Index("ix_job_runs_state", job_runs.c.state, job_runs.c.scope, job_runs.c.job_id, job_runs.c.seq)

job_launches = Table(
    "job_launches",
    metadata,
    Column("run", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("directory", Text, nullable=False),
    Column("runtime", String(64), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("host", String(255), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("pid", Integer, nullable=False),
    Column("process_started", Float, nullable=False),
    Column("launched_on", Timestamp, nullable=False),
    Column("stdout_offset", BigInteger, nullable=False, default=0),
    Column("stderr_offset", BigInteger, nullable=False, default=0),
    Column("ended", Boolean, nullable=False, default=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRun:
    """A stored run; the columns' meaning is the API's unless the module says otherwise."""

    seq: int
    scope: str
    id: str
    job_name: str
    job_id: str
    number: int
    state: str
    attempt: int
    root_id: str
    previous_id: str | None
    trigger_name: str | None
    workflow_run_id: str | None
    predecessors: list[dict[str, str]]
    body: dict[str, Any]
    plan: dict[str, Any]
    started_on: datetime
    running_on: datetime | None
    completed_on: datetime | None
    last_modified_on: datetime
    error_message: str | None
    state_detail: str | None
    execution_seconds: int
    dpu_seconds: float | None
    holder: str | None
    expires: datetime | None
    notified: str  # states of which somebody was told that the run is late


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One process of a run: where it lives and how far its output has been read."""

    run: int
    number: int
    directory: str
    runtime: str
    engine: str
    host: str
    token_hash: str
    pid: int
    process_started: float
    launched_on: datetime
    stdout_offset: int
    stderr_offset: int
    ended: bool


# -- runs ------------------------------------------------------------------------------------------


def add(tx: Connection, **columns: Any) -> int:
    """Store a new run; returns its ``seq``."""
    seq = tx.execute(insert(job_runs).values(**columns).returning(job_runs.c.seq)).scalar_one()
    signal(tx, SIGNAL)
    return int(seq)


def find(tx: Connection, scope: str, job_id: str, run_id: str) -> JobRun | None:
    """A run of one job."""
    return _first(
        tx,
        select(job_runs).where(
            job_runs.c.scope == scope, job_runs.c.id == run_id, job_runs.c.job_id == job_id
        ),
    )


def get(tx: Connection, seq: int) -> JobRun | None:
    """A run by its place in the order of all runs."""
    return _first(tx, select(job_runs).where(job_runs.c.seq == seq))


def by_id(tx: Connection, scope: str, run_id: str) -> JobRun | None:
    """A run by its id, whatever became of its job."""
    return _first(tx, select(job_runs).where(job_runs.c.scope == scope, job_runs.c.id == run_id))


def newest(tx: Connection, scope: str, job_id: str, before: int | None, limit: int) -> list[JobRun]:
    """A job's runs, newest first, those before ``before``."""
    query = select(job_runs).where(job_runs.c.scope == scope, job_runs.c.job_id == job_id)
    if before is not None:
        query = query.where(job_runs.c.seq < before)
    return [_run(row) for row in tx.execute(query.order_by(job_runs.c.seq.desc()).limit(limit))]


def count_active(tx: Connection, scope: str, job_id: str) -> int:
    """How many runs of the job hold one of its MaxConcurrentRuns places."""
    return int(
        tx.execute(
            select(func.count()).where(
                job_runs.c.scope == scope, job_runs.c.job_id == job_id, job_runs.c.state.in_(ACTIVE)
            )
        ).scalar_one()
    )


def count_active_in(tx: Connection, scope: str) -> int:
    """How many runs of an account and region are under way."""
    wanted = select(func.count()).where(job_runs.c.scope == scope, job_runs.c.state.in_(ACTIVE))
    return int(tx.execute(wanted).scalar_one())


def oldest_waiting(tx: Connection, scope: str, job_id: str) -> JobRun | None:
    """The run that has waited longest for a place."""
    return _first(
        tx,
        select(job_runs)
        .where(job_runs.c.scope == scope, job_runs.c.job_id == job_id, job_runs.c.state == "WAITING")
        .order_by(job_runs.c.seq)
        .limit(1),
    )


def waiting_jobs(tx: Connection) -> list[tuple[str, str]]:
    """(scope, job name) of every job that has a waiting run, whose run has waited longest first."""
    of = (job_runs.c.scope, job_runs.c.job_name)
    query = select(*of).where(job_runs.c.state == "WAITING").group_by(*of)
    return [(row.scope, row.job_name) for row in tx.execute(query.order_by(func.min(job_runs.c.seq)))]


def waiting_since(tx: Connection, before: datetime) -> list[JobRun]:
    """Runs that have waited since before ``before``."""
    query = select(job_runs).where(job_runs.c.state == "WAITING", job_runs.c.started_on < before)
    return [_run(row) for row in tx.execute(query.order_by(job_runs.c.seq).limit(100))]


def move(tx: Connection, run: JobRun, state: str, **columns: Any) -> None:
    """Change the state of a run that must still be as it was read; raises Stale when it is not."""
    guarded(
        tx,
        update(job_runs)
        .where(job_runs.c.seq == run.seq, job_runs.c.state == run.state)
        .values(state=state, **columns),
    )
    signal(tx, SIGNAL)


def annotate(tx: Connection, run: JobRun, **columns: Any) -> None:
    """Set facts of a run that are not its state; raises Stale when the run has moved on."""
    guarded(
        tx, update(job_runs).where(job_runs.c.seq == run.seq, job_runs.c.state == run.state).values(**columns)
    )


# -- leases of runs --------------------------------------------------------------------------------


def _launched(host: str | None = None) -> ColumnElement[bool]:
    """Whether a run has a process; on this host."""
    query = select(job_launches.c.run).where(job_launches.c.run == job_runs.c.seq)
    return (query if host is None else query.where(job_launches.c.host == host)).exists()


def _free(now: datetime, host: str, reserved: timedelta) -> ColumnElement[bool]:
    """Whether this host may take a run. The one that has its process may as soon as nobody looks after it: it can
    go on. To any other host the process is lost, so the run is kept for its own a while longer."""
    over = job_runs.c.holder.is_(None) | (job_runs.c.expires <= now)
    long_over = job_runs.c.expires.is_(None) | (job_runs.c.expires <= now - reserved)
    return over & (~_launched() | _launched(host) | long_over)


def lease(
    tx: Connection,
    holder: str,
    host: str,
    now: datetime,
    expires: datetime,
    *,
    fresh: int,
    reserved: timedelta = RESERVED,
) -> list[JobRun]:
    """Take runs that nobody looks after: all that have a process, and up to ``fresh`` that have none yet."""
    free, launched = _free(now, host, reserved), _launched()
    begun = (
        select(job_runs.c.seq)
        .where(job_runs.c.state.in_(ACTIVE), free, launched | (job_runs.c.state == "STOPPING"))
        .order_by(job_runs.c.seq)
        .with_for_update(skip_locked=True, of=job_runs)
    )
    seqs = list(tx.execute(begun).scalars())
    if fresh > 0:
        new = (
            select(job_runs.c.seq)
            .where(job_runs.c.state == "STARTING", free, ~launched)
            .order_by(job_runs.c.seq)
            .limit(fresh)
            .with_for_update(skip_locked=True, of=job_runs)
        )
        seqs += tx.execute(new).scalars()
    if not seqs:
        return []
    rows = tx.execute(
        update(job_runs)
        .where(job_runs.c.seq.in_(seqs))
        .values(holder=holder, expires=expires)
        .returning(job_runs)
    )
    return sorted((_run(row) for row in rows), key=lambda run: run.seq)


def keep(tx: Connection, holder: str, seqs: Collection[int], expires: datetime) -> dict[int, str]:
    """Extend the leases on runs; returns the state of each that is still ours."""
    if not seqs:
        return {}
    rows = tx.execute(
        update(job_runs)
        .where(job_runs.c.seq.in_(list(seqs)), job_runs.c.holder == holder)
        .values(expires=expires)
        .returning(job_runs.c.seq, job_runs.c.state)
    )
    return {row.seq: row.state for row in rows}


def held(tx: Connection, holder: str, seqs: Collection[int]) -> dict[int, str]:
    """The state of each of these runs that is still ours."""
    rows = tx.execute(
        select(job_runs.c.seq, job_runs.c.state).where(
            job_runs.c.seq.in_(list(seqs)), job_runs.c.holder == holder
        )
    )
    return {row.seq: row.state for row in rows}


def has_work(tx: Connection, host: str, now: datetime, *, reserved: timedelta = RESERVED) -> bool:
    """Whether ``lease`` would find something."""
    query = select(job_runs.c.seq).where(job_runs.c.state.in_(ACTIVE), _free(now, host, reserved))
    return tx.execute(query.limit(1)).first() is not None


def release(tx: Connection, holder: str, now: datetime) -> None:
    """Give back every run that ``holder`` looks after: it stops, and somebody else may go on at once.

    A run with a process stays reserved for its host: only there can its process be found again.
    """
    _release(tx, job_runs.c.holder == holder, now)


def _release(tx: Connection, whose: ColumnElement[bool], now: datetime) -> None:
    theirs = whose & job_runs.c.state.in_(ACTIVE)
    tx.execute(update(job_runs).where(theirs, _launched()).values(holder=None, expires=now))
    tx.execute(update(job_runs).where(theirs).values(holder=None, expires=None))


def release_host(tx: Connection, host: str, now: datetime) -> None:
    """Give back the runs of every earlier server of this host, which knows that they are gone."""
    _release(tx, job_runs.c.holder.startswith(f"{host}:", autoescape=True), now)


def release_all(tx: Connection) -> None:
    """Free every lease. Only for a server that knows that it is alone, as on an embedded store."""
    tx.execute(
        update(job_runs)
        .where(job_runs.c.state.in_(ACTIVE), job_runs.c.holder.is_not(None))
        .values(holder=None, expires=None)
    )


# -- launches --------------------------------------------------------------------------------------


def add_launch(tx: Connection, **columns: Any) -> Launch:
    """Record a process, before it is told what to do."""
    row = tx.execute(insert(job_launches).values(**columns).returning(job_launches)).one()
    return _launch(row)


def last_launch(tx: Connection, seq: int) -> Launch | None:
    """The newest process of a run."""
    row = tx.execute(
        select(job_launches).where(job_launches.c.run == seq).order_by(job_launches.c.number.desc()).limit(1)
    ).first()
    return None if row is None else _launch(row)


def by_token(tx: Connection, token_hash: str) -> tuple[JobRun, Launch] | None:
    """The run whose present process holds this token."""
    row = tx.execute(select(job_launches).where(job_launches.c.token_hash == token_hash)).first()
    if row is None:
        return None
    launch = _launch(row)
    run = get(tx, launch.run)
    newest_launch = last_launch(tx, launch.run)
    if run is None or newest_launch is None or newest_launch.number != launch.number:
        return None
    return run, launch


def advance_log(tx: Connection, launch: Launch, stream: str, before: int, after: int) -> None:
    """The output up to ``after`` has become log events; raises Stale when somebody else has read on."""
    column = {"stdout": job_launches.c.stdout_offset, "stderr": job_launches.c.stderr_offset}[stream]
    guarded(
        tx,
        update(job_launches)
        .where(job_launches.c.run == launch.run, job_launches.c.number == launch.number, column == before)
        .values({column.name: after}),
    )


def strays(tx: Connection, host: str) -> list[tuple[str, Launch]]:
    """(run id, launch) of this host's launches that are not on record as ended, though their run has ended."""
    query = (
        select(job_runs.c.id.label("run_id"), *job_launches.c)
        .join(job_runs, job_runs.c.seq == job_launches.c.run)
        .where(job_launches.c.host == host, job_launches.c.ended.is_(False), job_runs.c.state.not_in(OPEN))
    )
    found = []
    for row in tx.execute(query):
        values = dict(row._mapping)
        found.append((values.pop("run_id"), Launch(**values)))
    return found


def end_launch(tx: Connection, launch: Launch) -> None:
    """The process is gone; raises Stale when that was recorded before."""
    guarded(
        tx,
        update(job_launches)
        .where(
            job_launches.c.run == launch.run,
            job_launches.c.number == launch.number,
            job_launches.c.ended.is_(False),
        )
        .values(ended=True),
    )


def _first(tx: Connection, query: Any) -> JobRun | None:
    row = tx.execute(query).first()
    return None if row is None else _run(row)


def _run(row: Row[Any]) -> JobRun:
    return JobRun(**row._mapping)


def _launch(row: Row[Any]) -> Launch:
    return Launch(**row._mapping)
