"""Work on catalog tables that takes its time: statistics, optimizers, materialized views."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mastic.app.base import Base
from mastic.context import Context
from mastic.glue.catalog import refresh_runs, statistics_runs, task_runs
from mastic.glue.catalog.entries import Entries
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.iceberg_metadata import MetadataFiles
from mastic.glue.catalog.optimizers import runs as optimizer_runs
from mastic.glue.catalog.optimizers.definitions import KINDS, TableOptimizers
from mastic.glue.catalog.optimizers.runs import OptimizerRuns
from mastic.glue.catalog.refresh_runs import RefreshRuns
from mastic.glue.catalog.statistics_runs import StatisticsRuns
from mastic.glue.catalog.statistics_settings import StatisticsSettings
from mastic.glue.catalog.sweeping import Sweeper
from mastic.glue.catalog.task_runs import Halt, TaskRuns
from mastic.glue.catalog.upkeep import UpkeepClock
from mastic.glue.pages import Pager
from mastic.objects.base import Objects
from mastic.store import catalog_runs, catalog_upkeep
from mastic.store.catalog_runs import Run

if TYPE_CHECKING:
    from mastic.athena.column_statistics import ColumnStatistics
    from mastic.athena.materialized_views import MaterializedViews

# How long ended runs are told of.
KEPT = timedelta(days=90)


class _Interrupting:
    """Interrupts the runs before the workers that do them stop."""

    def __init__(self, *runs: TaskRuns | OptimizerRuns) -> None:
        self._runs = runs

    def start(self) -> None:
        """Nothing to do."""

    def stop(self) -> None:
        """Interrupt what runs."""
        for one in self._runs:
            one.stop_all()


def add_upkeep(base: Base, pager: Pager, objects: Objects) -> None:
    """Runs, and what starts them."""
    events = Events(ids=base.ids, wanted=base.hears)
    entries = Entries(events=events, sweeper=Sweeper(**base.lasting), **base.lasting)
    runs = TaskRuns(**base.making)
    kind = statistics_runs.kind(events)
    settings = StatisticsSettings(runs=runs, kind=kind, events=events, **base.lasting)
    runs.add(kind, _statistics(base, objects))
    runs.add(refresh_runs.KIND, _refreshes(base, objects, entries))
    optimizers = OptimizerRuns(
        objects=objects,
        entries=entries,
        scratch=base.config.data_dir / "upkeep",
        **base.making,
    )
    refreshes = RefreshRuns(runs=runs, pager=pager, **base.lasting)
    base.handlers(
        "glue",
        StatisticsRuns(store=base.store, runs=runs, kind=kind, pager=pager),
        settings,
        refreshes,
        TableOptimizers(pager=pager, **base.lasting),
    )
    clock = UpkeepClock(
        fire={
            statistics_runs.KIND: settings.fire,
            refresh_runs.KIND.name: refreshes.fire,
            **dict.fromkeys(KINDS, optimizers.fire),
        },
        on_change=("compaction",),
        **base.lasting,
    )
    base.periodic("catalog-upkeep", clock.act, catalog_upkeep.SIGNAL)
    base.worker(task_runs.QUEUE, runs.handle, concurrency=2)
    base.worker(optimizer_runs.QUEUE, optimizers.handle, concurrency=2)
    base.active(_Interrupting(runs, optimizers))
    base.janitor("catalog-runs", lambda: _forget(base), seconds=3600)


def _statistics(base: Base, objects: Objects) -> task_runs.Work:
    """The work of statistics runs; the engine and the SQL parser are loaded by the first."""

    @functools.cache
    def computing() -> ColumnStatistics:
        from mastic.athena.column_statistics import ColumnStatistics
        from mastic.athena.engine import Engine

        return ColumnStatistics(
            invoke=base.app.asgi.dispatcher.invoke,
            engine=Engine(),
            objects=objects,
            clock=base.clock,
            scratch=base.config.data_dir / "upkeep",
        )

    def work(context: Context, run: Run, halt: Halt) -> dict[str, Any]:
        return computing().work(context, run, halt)

    return work


def _refreshes(base: Base, objects: Objects, entries: Entries) -> task_runs.Work:
    """The work of refreshes of materialized views, loaded by the first."""

    @functools.cache
    def refreshing() -> MaterializedViews:
        from mastic.athena.engine import Engine
        from mastic.athena.materialized_views import MaterializedViews

        return MaterializedViews(
            invoke=base.app.asgi.dispatcher.invoke,
            entries=entries,
            engine=Engine(),
            objects=objects,
            store=base.store,
            metadata_files=MetadataFiles(objects=objects, ids=base.ids),
            scratch=base.config.data_dir / "upkeep",
        )

    def work(context: Context, run: Run, halt: Halt) -> dict[str, Any]:
        return refreshing().work(context, run, halt)

    return work


def _forget(base: Base) -> None:
    with base.store.write() as tx:
        catalog_runs.forget(tx, base.clock.now() - KEPT, 1000)
