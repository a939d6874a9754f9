"""Table optimizers at work: one task per table and kind, whose run is on record from its first change to its end.

A compaction that finds nothing to do leaves no run; the others tell of every look. A run whose server was killed is
taken up again by whoever takes the task up: each works from the table as it is. State: ``catalog_runs``, tasks of the
queue ``catalog.optimizers``.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.glue.catalog.entries import Entries
from mastic.glue.catalog.iceberg_metadata import MetadataFiles
from mastic.glue.catalog.optimizers import definitions
from mastic.glue.catalog.task_runs import Halted, TaskFailed
from mastic.ids import Ids
from mastic.objects.base import Objects
from mastic.store import catalog_runs, catalog_upkeep, tasks
from mastic.store.catalog_runs import Run
from mastic.store.catalog_upkeep import Upkeep
from mastic.store.engine import Stale, Store

if TYPE_CHECKING:
    from mastic.glue.catalog.optimizers.files import TableFiles
    from mastic.glue.catalog.optimizers.opening import Tables

log = structlog.get_logger()

QUEUE = "catalog.optimizers"
# A run that ended its server so often is not tried again.
MOST_ATTEMPTS = 4
_LONGEST_ERROR = 2048
# What a run has to itself: a thread of this server.
_DPUS = 1

Metrics = dict[str, Any]


class OptimizerRuns:
    """``fire`` is for the clock, ``handle`` for the worker."""

    def __init__(
        self, *, store: Store, clock: Clock, ids: Ids, objects: Objects, entries: Entries, scratch: Path
    ) -> None:
        self._store = store
        self.clock = clock
        self._ids = ids
        self._objects = objects
        self._entries = entries
        self._scratch = scratch
        self._busy = 0
        self._idle = threading.Condition()
        self._closing = False

    # -- the clock -------------------------------------------------------------------------------------

    def fire(self, tx: Connection, order: Upkeep) -> None:
        """The optimizer's time has come, or its table has changed: queue a look at the table."""
        now = self.clock.now()
        payload = {"table": order.table_id, "kind": order.kind}
        tasks.put(tx, QUEUE, f"{order.table_id}:{order.kind}", payload, not_before=now)
        if order.due is not None and order.due <= now:
            catalog_upkeep.done(
                tx, order, due=now + definitions.rate(order.kind, order.body["configuration"])
            )

    # -- the worker ------------------------------------------------------------------------------------

    def stop_all(self, *, seconds: float = 10.0) -> None:
        """Let what runs end at its next safe point; it goes on when the next server takes it up."""
        with self._idle:
            self._closing = True
            self._idle.wait_for(lambda: not self._busy, timeout=seconds)

    def handle(self, task: tasks.Task) -> None:
        """Look at one table, and do what is to be done."""
        with self._idle:
            if self._closing:
                raise self._later()
            self._busy += 1
        try:
            self._look(task)
        except Halted:
            raise self._later() from None
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def check(self) -> None:
        """Raise Halted when the server stops."""
        if self._closing:
            raise Halted

    def _later(self) -> tasks.RetryAt:
        return tasks.RetryAt(self.clock.now() + timedelta(seconds=1))

    def _look(self, task: tasks.Task) -> None:
        from mastic.glue.catalog.optimizers.files import TableFiles
        from mastic.glue.catalog.optimizers.opening import Gone, Tables

        table_id, kind = task.payload["table"], task.payload["kind"]
        with self._store.read() as tx:
            order = catalog_upkeep.find(tx, table_id, kind)
            run = catalog_runs.under_way(tx, table_id, kind)
        if order is None or order.due is None:
            self.end(
                run,
                "FAILED",
                {"error": "The optimizer was deleted or disabled while this run was interrupted"},
            )
            return
        if run is not None and task.attempt > MOST_ATTEMPTS:
            reason = f"The server ended {MOST_ATTEMPTS} times while this run was under way"
            self.end(run, "FAILED", {"error": reason})
            return
        job = _Job(self, order, run)
        files = TableFiles(self._objects, self._scratch)
        tables = Tables(
            store=self._store,
            entries=self._entries,
            metadata_files=MetadataFiles(objects=self._objects, ids=self._ids),
            context=job.context,
        )
        version = None
        try:
            metrics, version = job.work(tables, files)
            job.end("SUCCEEDED", {"metrics": metrics})
        except Halted:
            raise
        except Gone:
            job.end("FAILED", {"error": "The table was deleted"})
        except (TaskFailed, ServiceError) as error:
            version = self._version(table_id)
            job.begin()
            job.end("FAILED", {"error": str(error)[:_LONGEST_ERROR]})
        except Exception:
            log.exception("optimizer_failed", table=table_id, kind=kind)
            version = self._version(table_id)
            job.begin()
            job.end("FAILED", {"error": "Internal error: see the server's log"})
        finally:
            files.close()
        if version is not None:
            with self._store.write() as tx:
                catalog_upkeep.set_seen(tx, table_id, kind, version)

    def _version(self, table_id: int) -> int | None:
        """A failure is told once for each version of the table, and again when the optimizer's time comes."""
        with self._store.read() as tx:
            found = catalog_upkeep.locate(tx, table_id)
        return None if found is None else found.row.version

    def begin(self, order: Upkeep, strategy: str | None) -> Run | None:
        """Put a run on record."""
        id, now = self._ids.uuid(), self.clock.now()
        with self._store.write() as tx:
            catalog_runs.add(
                tx,
                id=id,
                scope=order.scope,
                kind=order.kind,
                table_id=order.table_id,
                state="RUNNING",
                body={"strategy": strategy} if strategy else {},
                now=now,
                started=now,
            )
            return catalog_runs.find(tx, order.scope, order.kind, id)

    def end(self, run: Run | None, state: str, outcome: dict[str, Any]) -> None:
        """Note how a run ended."""
        if run is None:
            return
        now = self.clock.now()
        if "metrics" in outcome:
            hours = max(0.0, (now - (run.started or now)).total_seconds()) / 3600
            spent = {"NumberOfDpus": _DPUS, "JobDurationInHour": hours, "DpuHours": hours * _DPUS}
            outcome = {**outcome, "metrics": {**outcome["metrics"], **spent}}
        try:
            with self._store.write() as tx:
                catalog_runs.move(tx, run.id, ("RUNNING",), state, now=now, outcome=outcome)
        except Stale:
            log.info("optimizer_run_ended_elsewhere", run=run.id)


class _Job:
    """One look at one table."""

    def __init__(self, runs: OptimizerRuns, order: Upkeep, run: Run | None) -> None:
        self._runs = runs
        self._order = order
        self._run = run
        self._section = definitions.section(order.kind, order.body["configuration"])
        self._strategy = self._section.get("strategy", "binpack") if order.kind == "compaction" else None
        account, region = split_scope(order.scope)
        self.context = Context(
            account_id=account, region=region, principal_arn=order.body["principal"], service="glue"
        )

    def begin(self) -> None:
        """Put the run on record, unless one is that was interrupted."""
        if self._run is None:
            self._run = self._runs.begin(self._order, self._strategy)

    def end(self, state: str, outcome: dict[str, Any]) -> None:
        """Note how it ended; what was never begun leaves nothing."""
        self._runs.end(self._run, state, outcome)

    def work(self, tables: Tables, files: TableFiles) -> tuple[Metrics, int]:
        """Do it; returns the metrics and the version of the table that was seen last."""
        match self._order.kind:
            case "compaction":
                return self._compact(tables, files)
            case "retention":
                return self._retain(tables, files)
            case "orphan_file_deletion":
                return self._delete_orphans(tables, files)
        raise TaskFailed(f"There is no optimizer of type {self._order.kind}")

    def _compact(self, tables: Tables, files: TableFiles) -> tuple[Metrics, int]:
        from mastic.glue.catalog.optimizers import compaction

        assert self._strategy is not None
        done, version = compaction.Compaction(
            tables=tables,
            files=files,
            table_id=self._order.table_id,
            strategy=self._strategy,
            min_input_files=self._section.get("minInputFiles", compaction.MIN_INPUT_FILES),
            delete_threshold=self._section.get("deleteFileThreshold", compaction.DELETE_FILE_THRESHOLD),
            check=self._runs.check,
            begin=self.begin,
        ).run()
        return {"NumberOfBytesCompacted": done.bytes, "NumberOfFilesCompacted": done.files}, version

    def _retain(self, tables: Tables, files: TableFiles) -> tuple[Metrics, int]:
        from mastic.glue.catalog.optimizers.retention import Retention

        self.begin()
        gone, version = Retention(
            tables=tables,
            files=files,
            table_id=self._order.table_id,
            days=self._section.get("snapshotRetentionPeriodInDays"),
            keep=self._section.get("numberOfSnapshotsToRetain"),
            clean=self._section.get("cleanExpiredFiles", True),
            now=self._runs.clock.now(),
            check=self._runs.check,
        ).run()
        metrics = {
            "NumberOfDataFilesDeleted": gone.data,
            "NumberOfManifestFilesDeleted": gone.manifests,
            "NumberOfManifestListsDeleted": gone.lists,
        }
        return metrics, version

    def _delete_orphans(self, tables: Tables, files: TableFiles) -> tuple[Metrics, int]:
        from mastic.glue.catalog.optimizers.orphans import DAYS, OrphanFileDeletion

        self.begin()
        gone, version = OrphanFileDeletion(
            tables=tables,
            files=files,
            table_id=self._order.table_id,
            days=self._section.get("orphanFileRetentionPeriodInDays", DAYS),
            location=self._section.get("location"),
            now=self._runs.clock.now(),
            check=self._runs.check,
        ).run()
        return {"NumberOfOrphanFilesDeleted": gone}, version
