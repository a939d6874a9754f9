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
from mastic.context import Context
from mastic.glue.catalog.entries import Entries
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.sweeping import Sweeper
from mastic.objects.base import Objects
from mastic.wire.paging import Pages, Paging

if TYPE_CHECKING:
    from mastic.athena.iceberg_ddl import IcebergDdl
    from mastic.athena.iceberg_writes import IcebergWriter
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
        scratch = base.config.data_dir / "athena"

        @functools.cache
        def iceberg() -> IcebergWriter:
            # PyIceberg, too, is waited for by the first who needs it.
            from mastic.athena.iceberg_writes import IcebergWriter

            return IcebergWriter(engine=engine, objects=objects, ids=base.ids, scratch=scratch)

        def iceberg_ddl() -> IcebergDdl:
            from mastic.athena.iceberg_ddl import IcebergDdl

            return IcebergDdl(writer=iceberg(), rename=_renaming(base))

        return Runner(
            executions=executions,
            saved=saved,
            catalog=catalog,
            objects=objects,
            engine=engine,
            writer=Writer(engine=engine, objects=objects, ids=base.ids, iceberg=iceberg),
            iceberg=iceberg_ddl,
            clock=base.clock,
            scratch=scratch,
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


def _renaming(base: Base) -> Callable[[Context, tuple[str, str], tuple[str, str], int], bool]:
    """Renames a table for those who may make the one and delete the other."""
    events = Events(ids=base.ids, wanted=base.hears)
    entries = Entries(events=events, sweeper=Sweeper(**base.lasting), **base.lasting)

    def rename(context: Context, source: tuple[str, str], target: tuple[str, str], version: int) -> bool:
        new = {"DatabaseName": target[0], "TableInput": {"Name": target[1]}}
        old = {"DatabaseName": source[0], "Name": source[1]}
        base.app.registry.admitted(context, "glue", "CreateTable", new)
        base.app.registry.admitted(context, "glue", "DeleteTable", old)
        account = context.account_id
        return entries.rename(context, account, source, target, wanted=lambda _: True, version=version)

    return rename
