"""SQL over the catalog."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from mastic.app.base import Base
from mastic.athena.catalog import Catalog
from mastic.athena.executions import QUEUE, Executions
from mastic.athena.failures import invalid
from mastic.athena.metadata import Metadata
from mastic.athena.results import Results
from mastic.athena.saved import Saved
from mastic.athena.workgroups import WorkGroups
from mastic.objects.base import Objects
from mastic.wire.paging import Pages, Paging

if TYPE_CHECKING:
    from mastic.athena.runner import Runner


class _Interrupting:
    """Interrupts the queries before the worker that does them stops."""

    def __init__(self, runner: Callable[[], Runner | None]) -> None:
        self._runner = runner

    def start(self) -> None:
        """Nothing to do."""

    def stop(self) -> None:
        """Interrupt what runs; where no query has run, nothing is loaded for it."""
        runner = self._runner()
        if runner is not None:
            runner.stop_all()


def add_athena(base: Base, objects: Objects) -> None:
    """Queries, work groups, saved queries."""
    pages = Pages(Paging(base.token_key.encode(), error=invalid))
    catalog = Catalog(base.app.asgi.dispatcher.invoke)
    executions = Executions(pages=pages, **base.making)
    saved = Saved(pages=pages, **base.making)

    @functools.cache
    def runner() -> Runner:
        # The engine and the SQL parser take a second to load: the first query waits for them, not the server.
        from mastic.athena.engine import Engine
        from mastic.athena.runner import Runner
        from mastic.athena.writes import Writer

        engine = Engine()
        return Runner(
            executions=executions,
            saved=saved,
            catalog=catalog,
            objects=objects,
            engine=engine,
            writer=Writer(engine=engine, objects=objects, ids=base.ids),
            clock=base.clock,
            scratch=base.config.data_dir / "athena",
        )

    executions.when_stopped(lambda query: runner().stop(query))
    base.handlers(
        "athena",
        WorkGroups(pages=pages, **base.lasting),
        executions,
        Results(executions=executions, objects=objects, pages=pages),
        saved,
        Metadata(store=base.store, catalog=catalog),
    )
    base.worker(QUEUE, lambda task: runner().handle(task))
    base.active(_Interrupting(lambda: runner() if runner.cache_info().currsize else None))
