"""The life of a run of work on a catalog table: STARTING → RUNNING → SUCCEEDED | FAILED | STOPPED.

Every step is a guarded update in ``catalog_runs``; the work itself is a task of the queue ``catalog.runs``, so that a
run whose server was killed is done again by whoever takes the task up, and fails with the reason when that does not
help. Owns the set of runs that this process is at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import catalog_runs, tasks
from mastic.store.catalog_runs import ENDED, Run
from mastic.store.engine import Duplicate, Stale, Store

log = structlog.get_logger()

QUEUE = "catalog.runs"
# A run that ended its server so often is not tried again.
MOST_ATTEMPTS = 4
_WATCH_SECONDS = 1.0
_LONGEST_MESSAGE = 2048


class TaskFailed(Exception):
    """The work cannot be done; ``str()`` tells the client why."""


class Halted(Exception):
    """The work was asked to stop, and did."""


class Halt:
    """Asks work to stop. ``when_asked`` is for what waits elsewhere, such as an engine."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def ask(self) -> None:
        """Stop, please. From any thread."""
        with self._lock:
            self._asked.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def check(self) -> None:
        """Raise Halted when stopping was asked for."""
        if self._asked.is_set():
            raise Halted

    def when_asked(self, callback: Callable[[], None]) -> None:
        """Call back when stopping is asked for; at once when it was already."""
        with self._lock:
            self._callbacks.append(callback)
            asked = self._asked.is_set()
        if asked:
            callback()


Work = Callable[[Context, Run, Halt], dict[str, Any]]
Announce = Callable[[Connection, Context, Run, str, str], None]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of run: its name in the store, the codes of its refusals, and who hears of its states."""

    name: str
    running: str
    not_running: str
    stopping: str
    announce: Announce = lambda tx, context, run, state, message: None


class TaskRuns:
    """Starts, stops and does runs. ``work`` is added per kind by the composition root."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._kinds: dict[str, tuple[Kind, Work]] = {}
        self._halts: dict[str, Halt] = {}
        self._idle = threading.Condition()
        self._closing = False

    def add(self, kind: Kind, work: Work) -> None:
        """Let runs of a kind be done by ``work``."""
        self._kinds[kind.name] = (kind, work)

    # -- for handlers ----------------------------------------------------------------------------------

    def start(
        self, context: Context, kind: Kind, prepare: Callable[[Connection], tuple[int, dict[str, Any]]]
    ) -> str:
        """Make a run and queue its work; returns its id. ``prepare`` finds the table's id and says what to do.

        Raises the kind's refusal when the table has a run under way.
        """
        try:
            with self._store.write(opens=context.scope) as tx:
                table_id, body = prepare(tx)
                return self.start_in(tx, context, kind, table_id, body)
        except Duplicate:
            raise _busy(kind) from None

    def start_in(
        self, tx: Connection, context: Context, kind: Kind, table_id: int, body: dict[str, Any]
    ) -> str:
        """The same within a transaction."""
        if catalog_runs.under_way(tx, table_id, kind.name) is not None:
            raise _busy(kind)
        now, id = self._clock.now(), self._ids.uuid()
        catalog_runs.add(
            tx,
            id=id,
            scope=context.scope,
            kind=kind.name,
            table_id=table_id,
            state="STARTING",
            body={**body, "Principal": context.principal_arn},
            now=now,
        )
        payload = {"scope": context.scope, "kind": kind.name, "id": id}
        tasks.put(tx, QUEUE, id, payload, not_before=now)
        return id

    def stop(self, kind: Kind, table_id: int) -> None:
        """Ask the table's run to end. Raises the kind's refusals when there is none, or it was asked before."""
        with self._store.write() as tx:
            run = catalog_runs.under_way(tx, table_id, kind.name)
            if run is None:
                raise ServiceError(kind.not_running, "There is no task run to stop for this table.")
            if not catalog_runs.ask_to_stop(tx, run.id, self._clock.now()):
                raise ServiceError(kind.stopping, "The table's task run is stopping already.")
        with self._idle:
            halt = self._halts.get(run.id)
        if halt is not None:
            halt.ask()

    # -- for the worker --------------------------------------------------------------------------------

    def stop_all(self, *, seconds: float = 10.0) -> None:
        """Interrupt what runs, for the server stops. The runs stay RUNNING and are done again by the next server."""
        with self._idle:
            self._closing = True
            halts = list(self._halts.values())
        for halt in halts:
            halt.ask()
        with self._idle:
            self._idle.wait_for(lambda: not self._halts, timeout=seconds)

    def handle(self, task: tasks.Task) -> None:
        """Do one run."""
        run = self._load(task)
        if run is None or run.state in ENDED:
            return
        kind, work = self._kinds[run.kind]
        if run.stopping:
            self._end(kind, run, "STOPPED", {})
        elif task.attempt > MOST_ATTEMPTS:
            reason = (
                f"The server ended {MOST_ATTEMPTS} times while this run was under way; it is not tried again."
            )
            self._end(kind, run, "FAILED", {"ErrorMessage": reason})
        else:
            if run.state == "STARTING":
                run = self._begin(kind, run)
            if run is not None:
                self._attempt(kind, work, run, task)

    def _load(self, task: tasks.Task) -> Run | None:
        with self._store.read() as tx:
            return catalog_runs.find(tx, task.payload["scope"], task.payload["kind"], task.payload["id"])

    def _begin(self, kind: Kind, run: Run) -> Run | None:
        try:
            with self._store.write() as tx:
                catalog_runs.move(tx, run.id, ("STARTING",), "RUNNING", now=self._clock.now())
                kind.announce(tx, _context(run), run, "RUNNING", "")
                return catalog_runs.find(tx, run.scope, run.kind, run.id)
        except Stale:
            log.info("run_began_elsewhere", run=run.id)
            return None

    def _attempt(self, kind: Kind, work: Work, run: Run, task: tasks.Task) -> None:
        halt, ended = Halt(), threading.Event()
        with self._idle:
            if self._closing:
                raise self._later()
            self._halts[run.id] = halt
        threading.Thread(target=self._watch, args=(task, halt, ended), daemon=True).start()
        try:
            state, outcome = "SUCCEEDED", work(_context(run), run, halt)
        except Halted:
            if self._closing:
                raise self._later() from None
            state, outcome = "STOPPED", {}
        except TaskFailed as failure:
            state, outcome = "FAILED", {"ErrorMessage": str(failure)}
        except ServiceError as error:
            state, outcome = "FAILED", {"ErrorMessage": f"{error.code}: {error.message}"}
        except Exception:
            log.exception("run_failed", run=run.id, kind=run.kind)
            state, outcome = (
                "FAILED",
                {"ErrorMessage": f"Internal error: see the server's log for run {run.id}"},
            )
        finally:
            ended.set()
            with self._idle:
                self._halts.pop(run.id, None)
                self._idle.notify_all()
        self._end(kind, run, state, outcome)

    def _later(self) -> tasks.RetryAt:
        return tasks.RetryAt(self._clock.now() + timedelta(seconds=1))

    def _watch(self, task: tasks.Task, halt: Halt, ended: threading.Event) -> None:
        """A client may ask another server to stop the run."""
        while not ended.wait(_WATCH_SECONDS):
            try:
                run = self._load(task)
            except Exception:
                # A store that does not answer says nothing about the run; the next look may.
                log.exception("run_not_watched", run=task.key)
                continue
            if run is None or run.stopping or run.state in ENDED:
                halt.ask()
                return

    def _end(self, kind: Kind, run: Run, state: str, outcome: dict[str, Any]) -> None:
        message = outcome.get("ErrorMessage", "")[:_LONGEST_MESSAGE]
        if message:
            outcome = {**outcome, "ErrorMessage": message}
        try:
            with self._store.write() as tx:
                now = self._clock.now()
                catalog_runs.move(tx, run.id, ("STARTING", "RUNNING"), state, now=now, outcome=outcome)
                kind.announce(tx, _context(run), run, state, message)
        except Stale:
            log.info("run_ended_elsewhere", run=run.id)


def _busy(kind: Kind) -> ServiceError:
    return ServiceError(kind.running, "A task run of this table is under way.")


def _context(run: Run) -> Context:
    """The run acts as whoever started it."""
    account, region = split_scope(run.scope)
    return Context(
        account_id=account,
        region=region,
        request_id=run.id,
        principal_arn=run.body["Principal"],
        service="glue",
    )
