"""Does the queued queries. Owns the set of queries that run in this process.

A query whose server died while it ran is run again when it only reads. A change of the catalog is noted with the
query by the transaction that makes it, so the next server knows whether it is still to be made. A query that writes
data fails with a reason, because nobody knows how far it came.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from mastic.athena import ddl
from mastic.athena.catalog import Catalog
from mastic.athena.engine import Engine, Rows, Running, explain
from mastic.athena.executions import TERMINAL, Executions, failure_outcome, service_failure
from mastic.athena.failures import QueryCancelled, QueryFailure, not_supported
from mastic.athena.parameters import bind
from mastic.athena.planner import Planner
from mastic.athena.result_files import metadata
from mastic.athena.saved import Saved
from mastic.athena.session import Lines, Session
from mastic.athena.staging import Staging
from mastic.athena.statements import WRITING, Statement, classify, parse
from mastic.athena.text import csv_line
from mastic.athena.types import Column
from mastic.athena.writes import Writer, Written
from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.objects.base import Objects, split_url
from mastic.store.engine import Stale
from mastic.store.tasks import RetryAt, Task

if TYPE_CHECKING:
    from mastic.athena.iceberg_ddl import IcebergDdl

log = structlog.get_logger()

_WATCH_SECONDS = 1.0


class Runner:
    """The handler of the query queue."""

    def __init__(
        self,
        *,
        executions: Executions,
        saved: Saved,
        catalog: Catalog,
        objects: Objects,
        engine: Engine,
        writer: Writer,
        iceberg: Callable[[], IcebergDdl],
        clock: Clock,
        scratch: Path,
    ) -> None:
        self._executions = executions
        self._saved = saved
        self._catalog = catalog
        self._objects = objects
        self._engine = engine
        self._writer = writer
        self._iceberg = iceberg
        self._clock = clock
        self._scratch = scratch
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._closing = False

    def stop(self, id: str) -> None:
        """Interrupt a query that runs here."""
        with self._lock:
            running = self._running.get(id)
        if running is not None:
            running.stop()

    def stop_all(self, *, seconds: float = 10.0) -> None:
        """Interrupt all queries, for the server stops. They stay RUNNING and are run again by the next server."""
        with self._idle:
            self._closing = True
            under_way = list(self._running.values())
        for running in under_way:
            running.stop()
        with self._idle:
            self._idle.wait_for(lambda: not self._running, timeout=seconds)

    def handle(self, task: Task) -> None:
        """Run one query to its end."""
        if self._closing:
            raise self._later()
        scope, id = task.payload["scope"], task.payload["id"]
        row = self._executions.load(scope, id)
        if row is None or row.state not in ("QUEUED", "RUNNING"):
            return
        statement = classify(row.request["execution"]["Query"])
        started = self._clock.now()
        try:
            if row.state == "RUNNING" and self._writes_data(row, statement):
                reason = "the server was stopped while this statement wrote; look at its target before running it again"
                raise QueryFailure(f"INTERNAL_ERROR: {reason}", category=1, retryable=False)
            if row.state == "QUEUED":
                self._executions.move(row, ("QUEUED",), "RUNNING", {})
        except Stale:
            return
        except QueryFailure as failure:
            self._end(row, "FAILED", failure_outcome(failure), started, 0)
            return
        self._attempt(row, statement, started)

    def _writes_data(self, row: Any, statement: Statement) -> bool:
        """Whether the statement, or the prepared one that it stands for, makes objects."""
        if statement.substatement != "EXECUTE":
            return statement.writes_data
        try:
            return classify(self._saved.expand(row.scope, row.workgroup, statement)[0]).writes_data
        except (QueryFailure, ServiceError):
            # Nothing is prepared under that name any more: nobody knows what it did, and nothing can be done again.
            return True

    def _attempt(self, row: Any, statement: Statement, started: datetime) -> None:
        account, region = split_scope(row.scope)
        context = Context(
            account_id=account,
            region=region,
            request_id=row.id,
            principal_arn=row.request["principal"],
            service="athena",
        )
        running = Running(wanted=lambda: self._wanted(row))
        with self._lock:
            if self._closing:
                raise self._later()
            self._running[row.id] = running
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(row, running, ended), daemon=True)
        watch.start()
        staging = Staging(self._objects, self._scratch)
        try:
            outcome = self._run(context, row, statement, staging, running)
            state = "SUCCEEDED"
        except QueryCancelled:
            if self._closing:
                raise self._later() from None
            return
        except QueryFailure as failure:
            state, outcome = "FAILED", failure_outcome(failure)
        except ServiceError as error:
            state, outcome = "FAILED", failure_outcome(service_failure(error))
        except Stale:
            if not self._wanted(row):
                return  # cancelled: what it was about to change has not been changed
            log.exception("query_failed", query=row.id)
            reason = f"INTERNAL_ERROR: see the server's log for query {row.id}"
            state, outcome = "FAILED", failure_outcome(QueryFailure(reason, category=1, retryable=True))
        except Exception:
            log.exception("query_failed", query=row.id)
            reason = f"INTERNAL_ERROR: see the server's log for query {row.id}"
            state, outcome = "FAILED", failure_outcome(QueryFailure(reason, category=1, retryable=True))
        finally:
            ended.set()
            scanned = staging.scanned
            staging.close()
            with self._idle:
                self._running.pop(row.id, None)
                self._idle.notify_all()
        self._end(row, state, outcome, started, scanned)

    def _later(self) -> RetryAt:
        return RetryAt(self._clock.now() + timedelta(seconds=1))

    def _wanted(self, row: Any) -> bool:
        """Whether the query is still to be run: a client may have stopped it through another server."""
        now = self._executions.load(row.scope, row.id)
        return now is not None and now.state not in TERMINAL

    def _watch(self, row: Any, running: Running, ended: threading.Event) -> None:
        while not ended.wait(_WATCH_SECONDS):
            try:
                wanted = self._wanted(row)
            except Exception:
                # A store that does not answer says nothing about the query; the next look may.
                log.exception("query_not_watched", query=row.id)
                continue
            if not wanted:
                running.stop()
                return

    def _end(self, row: Any, state: str, outcome: dict[str, Any], started: datetime, scanned: int) -> None:
        now = self._clock.now()
        outcome["Statistics"] = {
            "EngineExecutionTimeInMillis": _milliseconds(started, now),
            "DataScannedInBytes": scanned,
            "TotalExecutionTimeInMillis": _milliseconds(row.submitted, now),
            "QueryQueueTimeInMillis": _milliseconds(row.submitted, started),
            "QueryPlanningTimeInMillis": 0,
            "ServiceProcessingTimeInMillis": 0,
            **({"DataManifestLocation": outcome.pop("Manifest")} if "Manifest" in outcome else {}),
        }
        try:
            self._executions.move(row, ("QUEUED", "RUNNING"), state, outcome)
        except Stale:
            log.info("query_ended_elsewhere", query=row.id)

    # -- statements --------------------------------------------------------------------------------

    def _run(
        self, context: Context, row: Any, statement: Statement, staging: Staging, running: Running
    ) -> dict[str, Any]:
        execution = row.request["execution"]
        if "Reuses" in execution:
            return self._reuse(row, execution["Reuses"])
        database = execution["QueryExecutionContext"].get("Database", "default")
        session = Session(context=context, catalog=self._catalog, staging=staging, database=database)
        location = execution["ResultConfiguration"]["OutputLocation"]
        parameters = execution.get("ExecutionParameters") or []
        if statement.substatement == "EXECUTE":
            text, using = self._saved.expand(context.scope, row.workgroup, statement)
            statement, parameters = classify(text), using or parameters
        if parameters:
            statement = bind(statement, parameters)
        match statement.substatement:
            case "SELECT":
                assert statement.tree is not None
                return self._select(session, statement, running, location)
            case "EXPLAIN":
                return self._explain(session, statement, running, location)
            case substatement if substatement in WRITING:
                base, _, name = location.rpartition("/")
                written = self._writer.run(
                    session, statement, running, f"{base}/tables/{name.partition('.')[0]}"
                )
                return self._written(written, location, execution["QueryExecutionId"])
            case "PREPARE" | "DEALLOCATE_PREPARE":
                if not row.outcome.get("Effected"):
                    with self._executions.noting_effect(row):
                        self._saved.prepare(context.scope, row.workgroup, statement)
                return self._text(location, [], [])
            case "OPTIMIZE" | "VACUUM":
                raise not_supported(f"{statement.substatement} from SQL (table optimizers do it)")
        names: list[str] = []
        lines: Lines = []
        if statement.repeatable:
            names, lines = ddl.run(session, statement)
        elif not row.outcome.get("Effected"):
            if ddl.of_iceberg(session, statement):
                self._iceberg().run(session, statement, lambda: self._executions.noting_effect(row))
            else:
                with self._executions.noting_effect(row):
                    names, lines = ddl.run(session, statement)
        return self._text(location, names, lines)

    def _select(
        self, session: Session, statement: Statement, running: Running, location: str
    ) -> dict[str, Any]:
        assert statement.tree is not None
        planner = Planner(session.context, session.catalog, session.staging)
        try:
            plan = planner.plan(statement.tree, session.database)
        finally:
            planner.close()
        rows = self._engine.rows(plan, session.staging, running)
        return self._store(location, rows, header=True, separator=None)

    def _explain(
        self, session: Session, statement: Statement, running: Running, location: str
    ) -> dict[str, Any]:
        if "analyze" in statement.words:
            raise not_supported("EXPLAIN ANALYZE")
        planner = Planner(session.context, session.catalog, session.staging)
        try:
            plan = planner.plan(parse(statement.words["query"]), session.database)
        finally:
            planner.close()
        with self._engine.session(plan, session.staging.directory, running) as connection:
            lines: Lines = [[line] for line in explain(connection, plan.sql).split("\n")]
        return self._text(location, ["Query Plan"], lines)

    # -- results -----------------------------------------------------------------------------------

    def _text(self, location: str, names: list[str], lines: Lines) -> dict[str, Any]:
        columns = [Column(name=n, type="string") for n in names]
        return self._store(location, Rows(columns=columns, lines=iter(lines)), header=False, separator="\t")

    def _store(self, location: str, rows: Rows, *, header: bool, separator: str | None) -> dict[str, Any]:
        """Spool the lines to a file, put it on S3 beside its metadata, and say what there is."""
        bucket, key = split_url(location)
        count = 0
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self._scratch, encoding="utf-8", newline="") as spool:
            if header:
                spool.write(csv_line(c.name for c in rows.columns))
            for line in rows.lines:
                spool.write(csv_line(line) if separator is None else _tabbed(line))
                count += 1
            spool.flush()
            size = spool.tell()
            self._objects.put(bucket, key, Path(spool.name), content_type="application/octet-stream")
        self._objects.put(
            bucket, f"{key}.metadata", metadata(rows.columns), content_type="application/octet-stream"
        )
        return {
            "Columns": [c.info() for c in rows.columns],
            "OutputRows": count,
            "OutputBytes": size,
            "UpdateCount": 0,
        }

    def _written(self, written: Written, location: str, id: str) -> dict[str, Any]:
        bucket, key = split_url(location)
        folder = key.rpartition("/")[0]
        manifest = f"{folder}/{id}-manifest.csv" if folder else f"{id}-manifest.csv"
        self._objects.put(
            bucket, manifest, "".join(f"{u}\n" for u in written.urls).encode(), content_type="text/csv"
        )
        columns = [Column(name="rows", type="bigint", precision=19)]
        meta = f"{folder}/{id}.metadata" if folder else f"{id}.metadata"
        self._objects.put(bucket, meta, metadata(columns))
        return {
            "Columns": [c.info() for c in columns],
            "OutputRows": written.rows,
            "UpdateCount": written.rows,
            "Manifest": f"s3://{bucket}/{manifest}",
            # EXECUTE of a statement that writes was taken for one with a result.
            "OutputLocation": location.removesuffix(".csv"),
        }

    def _reuse(self, row: Any, id: str) -> dict[str, Any]:
        earlier = self._executions.load(row.scope, id)
        outcome = {k: v for k, v in earlier.outcome.items() if k != "Statistics"}
        return {
            **outcome,
            "OutputLocation": earlier.request["execution"]["ResultConfiguration"]["OutputLocation"],
        }


def _tabbed(values: Iterable[str | None]) -> str:
    return "\t".join("" if v is None else v for v in values) + "\n"


def _milliseconds(since: datetime, until: datetime) -> int:
    return max(0, int((until - since).total_seconds() * 1000))
