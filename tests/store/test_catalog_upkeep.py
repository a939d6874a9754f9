"""What is done to tables by schedule: on both databases, by a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.catalog import refresh_runs, statistics_runs, task_runs
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.optimizers import runs as optimizer_runs
from mastic.glue.catalog.optimizers.definitions import TableOptimizers
from mastic.glue.catalog.optimizers.runs import OptimizerRuns
from mastic.glue.catalog.refresh_runs import RefreshRuns
from mastic.glue.catalog.statistics_runs import StatisticsRuns
from mastic.glue.catalog.statistics_settings import StatisticsSettings
from mastic.glue.catalog.task_runs import Halt, TaskFailed, TaskRuns
from mastic.glue.catalog.upkeep import UpkeepClock
from mastic.ids import Ids
from mastic.store import catalog_runs, catalog_upkeep, outbox, tasks
from mastic.store.catalog_runs import Run
from mastic.store.engine import Store
from tests.store.conftest import Catalog

START = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
PLACE = {"DatabaseName": "d", "TableName": "t"}


class Upkeep:
    """The catalog with statistics runs and optimizers; ``work`` is what a run does."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self.store = store
        self.catalog = catalog
        self.clock = ManualClock(START)
        making: dict[str, Any] = {"store": store, "clock": self.clock, "ids": Ids()}
        events = Events(ids=Ids(), wanted=lambda tx, scope: True)
        self.runs = TaskRuns(**making)
        kind = statistics_runs.kind(events)
        self.done: list[str] = []
        self.failure: Exception | None = None
        self.runs.add(kind, self._work)
        settings = StatisticsSettings(store=store, clock=self.clock, runs=self.runs, kind=kind, events=events)
        self.optimizers = OptimizerRuns(
            objects=None,  # type: ignore[arg-type] # these tests end before a file is read
            entries=None,  # type: ignore[arg-type]
            scratch=None,  # type: ignore[arg-type]
            **making,
        )
        self.runs.add(refresh_runs.KIND, self._work)
        refreshes = RefreshRuns(store=store, clock=self.clock, runs=self.runs, pager=catalog.pager)
        for part in (
            StatisticsRuns(store=store, runs=self.runs, kind=kind, pager=catalog.pager),
            settings,
            refreshes,
            TableOptimizers(store=store, clock=self.clock, pager=catalog.pager),
        ):
            catalog.dispatcher.registry.add("glue", part)
        self.timer = UpkeepClock(
            store=store,
            clock=self.clock,
            fire={"statistics": settings.fire, "refresh": refreshes.fire, "compaction": self.optimizers.fire},
            on_change=("compaction",),
        )
        catalog("CreateDatabase", DatabaseInput={"Name": "d"})
        columns = [{"Name": "n", "Type": "int"}]
        parameters = {"table_type": "ICEBERG", "metadata_location": "s3://b/t/metadata/0.metadata.json"}
        table = {"Name": "t", "StorageDescriptor": {"Columns": columns, "Location": "s3://b/t"}}
        catalog("CreateTable", DatabaseName="d", TableInput={**table, "Parameters": parameters})

    def _work(self, context: Context, run: Run, halt: Halt) -> dict[str, Any]:
        self.done.append(run.id)
        if self.failure is not None:
            raise self.failure
        return {}

    def leased(self, queue: str) -> list[tasks.Task]:
        now = self.clock.now()
        with self.store.write() as tx:
            return tasks.lease(tx, queue, "me", now, now + timedelta(seconds=30), 10)

    def run_tasks(self) -> None:
        for task in self.leased(task_runs.QUEUE):
            self.runs.handle(task)
            with self.store.write() as tx:
                tasks.finish(tx, task, "me")

    def states(self) -> list[str]:
        listed = self.catalog("GetColumnStatisticsTaskRuns", **PLACE)["ColumnStatisticsTaskRuns"]
        return [run["Status"] for run in listed]


@pytest.fixture
def upkeep(store: Store, catalog: Catalog) -> Upkeep:
    return Upkeep(store, catalog)


def settings(upkeep: Upkeep, **more: Any) -> None:
    upkeep.catalog(
        "CreateColumnStatisticsTaskSettings", **PLACE, Role="r", Schedule="cron(0 3 * * ? *)", **more
    )


def test_a_schedule_starts_one_run_when_its_time_has_come(upkeep: Upkeep) -> None:
    settings(upkeep)
    upkeep.timer.act()
    assert upkeep.states() == []
    upkeep.clock.advance(hours=3)
    upkeep.timer.act()
    upkeep.timer.act()
    assert upkeep.states() == ["STARTING"]
    upkeep.run_tasks()
    assert upkeep.states() == ["SUCCEEDED"]
    # Days that nobody watched are one tick.
    upkeep.clock.advance(days=5)
    upkeep.timer.act()
    upkeep.timer.act()
    assert upkeep.states() == ["STARTING", "SUCCEEDED"]
    found = upkeep.catalog("GetColumnStatisticsTaskSettings", **PLACE)["ColumnStatisticsTaskSettings"]
    assert found["LastExecutionAttempt"]["Status"] == "STARTED"


def test_a_tick_that_cannot_start_says_why(upkeep: Upkeep) -> None:
    settings(upkeep)
    upkeep.catalog("StartColumnStatisticsTaskRun", **PLACE, Role="r")
    upkeep.clock.advance(hours=3)
    upkeep.timer.act()
    found = upkeep.catalog("GetColumnStatisticsTaskSettings", **PLACE)["ColumnStatisticsTaskSettings"]
    attempt = found["LastExecutionAttempt"]
    assert attempt["Status"] == "FAILED"
    assert "ColumnStatisticsTaskRunningException" in attempt["ErrorMessage"]
    assert "Glue Scheduled Statistics Invocation Failure" in _events(upkeep.store)


def test_a_stopped_schedule_does_nothing(upkeep: Upkeep) -> None:
    settings(upkeep)
    upkeep.catalog("StopColumnStatisticsTaskRunSchedule", **PLACE)
    upkeep.clock.advance(days=2)
    upkeep.timer.act()
    assert upkeep.states() == []


def test_settings_go_with_their_table(upkeep: Upkeep) -> None:
    settings(upkeep)
    upkeep.catalog("DeleteTable", DatabaseName="d", Name="t")
    upkeep.clock.advance(days=2)
    upkeep.timer.act()
    assert upkeep.leased(task_runs.QUEUE) == []


def test_a_run_tells_of_its_states(upkeep: Upkeep) -> None:
    upkeep.catalog("StartColumnStatisticsTaskRun", **PLACE, Role="r")
    upkeep.run_tasks()
    upkeep.failure = TaskFailed("no data")
    upkeep.catalog("StartColumnStatisticsTaskRun", **PLACE, Role="r")
    upkeep.run_tasks()
    assert sorted(upkeep.states()) == ["FAILED", "SUCCEEDED"]
    kinds = [kind for kind in _events(upkeep.store) if kind.startswith("Glue Statistics")]
    task = "Glue Statistics Task"
    assert kinds == [f"{task} Started", f"{task} Succeeded", f"{task} Started", f"{task} Failed"]


def test_a_run_that_ends_its_server_again_and_again_fails(upkeep: Upkeep) -> None:
    upkeep.catalog("StartColumnStatisticsTaskRun", **PLACE, Role="r")

    class Killed(BaseException):
        pass

    upkeep.failure = Killed()  # type: ignore[assignment]
    for _ in range(task_runs.MOST_ATTEMPTS):
        (task,) = upkeep.leased(task_runs.QUEUE)
        with pytest.raises(Killed):
            upkeep.runs.handle(task)
        assert upkeep.states() == ["RUNNING"]
        with upkeep.store.write() as tx:
            tasks.release_all(tx)
    (task,) = upkeep.leased(task_runs.QUEUE)
    upkeep.runs.handle(task)
    listed = upkeep.catalog("GetColumnStatisticsTaskRuns", **PLACE)["ColumnStatisticsTaskRuns"]
    assert (listed[0]["Status"], len(upkeep.done)) == ("FAILED", task_runs.MOST_ATTEMPTS)
    assert "server ended" in listed[0]["ErrorMessage"]


def test_a_run_asked_to_stop_before_it_began_never_begins(upkeep: Upkeep) -> None:
    upkeep.catalog("StartColumnStatisticsTaskRun", **PLACE, Role="r")
    upkeep.catalog("StopColumnStatisticsTaskRun", **PLACE)
    refused = upkeep.catalog.refusal("StopColumnStatisticsTaskRun", **PLACE)
    assert refused.code == "ColumnStatisticsTaskStoppingException"
    upkeep.run_tasks()
    assert (upkeep.states(), upkeep.done) == (["STOPPED"], [])


def test_optimizers_look_when_made_when_the_table_changes_and_when_their_time_comes(upkeep: Upkeep) -> None:
    place = {"CatalogId": "123456789012", **PLACE, "Type": "compaction"}
    body = {"roleArn": "arn:aws:iam::123456789012:role/r", "enabled": True}
    upkeep.catalog("CreateTableOptimizer", **place, TableOptimizerConfiguration=body)

    def looks() -> int:
        upkeep.timer.act()
        some = upkeep.leased(optimizer_runs.QUEUE)
        with upkeep.store.write() as tx:
            for task in some:
                tasks.finish(tx, task, "me")
                found = catalog_upkeep.locate(tx, task.payload["table"])
                assert found is not None
                catalog_upkeep.set_seen(tx, found.row.id, "compaction", found.row.version)
        return len(some)

    assert [looks(), looks()] == [1, 0]
    table = upkeep.catalog("GetTable", DatabaseName="d", Name="t")["Table"]
    kept = {m: table[m] for m in ("Name", "StorageDescriptor", "Parameters")}
    upkeep.catalog("UpdateTable", DatabaseName="d", TableInput=kept)
    assert [looks(), looks()] == [1, 0]
    upkeep.clock.advance(hours=25)
    assert [looks(), looks()] == [1, 0]
    upkeep.catalog("UpdateTableOptimizer", **place, TableOptimizerConfiguration={**body, "enabled": False})
    upkeep.clock.advance(hours=25)
    upkeep.catalog("UpdateTable", DatabaseName="d", TableInput=kept)
    assert looks() == 0


def test_a_view_that_asks_for_it_is_refreshed_in_its_rhythm(upkeep: Upkeep) -> None:
    text = {"Dialect": "ATHENA", "DialectVersion": "3", "ViewOriginalText": "SELECT 1 AS one"}
    view = {"Name": "v", "TableType": "MATERIALIZED_VIEW"}
    definition = {"Representations": [text], "RefreshSeconds": 3600}
    upkeep.catalog("CreateTable", DatabaseName="d", TableInput={**view, "ViewDefinition": definition})
    place = {"CatalogId": "123456789012", "DatabaseName": "d", "TableName": "v"}
    upkeep.catalog("StartMaterializedViewRefreshTaskRun", **place)

    def refreshed() -> int:
        upkeep.timer.act()
        upkeep.run_tasks()
        return len(
            upkeep.catalog("ListMaterializedViewRefreshTaskRuns", **place)["MaterializedViewRefreshTaskRuns"]
        )

    assert [refreshed(), refreshed()] == [1, 1]
    upkeep.clock.advance(seconds=3601)
    assert [refreshed(), refreshed()] == [2, 2]
    upkeep.clock.advance(hours=5)
    assert [refreshed(), refreshed()] == [3, 3]
    del definition["RefreshSeconds"]
    upkeep.catalog("UpdateTable", DatabaseName="d", TableInput={**view, "ViewDefinition": definition})
    upkeep.clock.advance(hours=5)
    assert refreshed() == 3


def test_runs_are_paged_newest_first_and_forgotten_when_old(upkeep: Upkeep) -> None:
    for _ in range(5):
        upkeep.catalog("StartColumnStatisticsTaskRun", **PLACE, Role="r")
        upkeep.run_tasks()
    upkeep.catalog("StartColumnStatisticsTaskRun", **PLACE, Role="r")
    made = upkeep.catalog.pages("ListColumnStatisticsTaskRuns", "ColumnStatisticsTaskRunIds", MaxResults=2)
    assert len(set(made)) == 6
    with upkeep.store.write() as tx:
        assert catalog_runs.forget(tx, START + timedelta(days=1), 100) == 5
    assert upkeep.states() == ["STARTING"]
    gone = next(run for run in made if run in upkeep.done)
    with pytest.raises(ServiceError):
        upkeep.catalog("GetColumnStatisticsTaskRun", ColumnStatisticsTaskRunId=gone)


def _events(store: Store) -> list[str]:
    with store.read() as tx:
        rows = tx.execute(outbox.outbox.select().order_by(outbox.outbox.c.id)).all()
    return [row.payload["detail-type"] for row in rows if row.topic == "glue.event"]
