"""SQL over the catalog."""

from __future__ import annotations

from mastic.app.base import Base
from mastic.athena.catalog import Catalog
from mastic.athena.engine import Engine
from mastic.athena.executions import QUEUE, Executions
from mastic.athena.failures import invalid
from mastic.athena.metadata import Metadata
from mastic.athena.results import Results
from mastic.athena.runner import Runner
from mastic.athena.saved import Saved
from mastic.athena.workgroups import WorkGroups
from mastic.athena.writes import Writer
from mastic.objects.base import Objects
from mastic.wire.paging import Pages, Paging


def add_athena(base: Base, objects: Objects) -> None:
    """Queries, work groups, saved queries."""
    pages = Pages(Paging(base.token_key.encode(), error=invalid))
    catalog = Catalog(base.app.asgi.dispatcher.invoke)
    engine = Engine()
    executions = Executions(pages=pages, **base.making)
    saved = Saved(pages=pages, **base.making)
    runner = Runner(
        executions=executions,
        saved=saved,
        catalog=catalog,
        objects=objects,
        engine=engine,
        writer=Writer(engine=engine, objects=objects, ids=base.ids),
        clock=base.clock,
        scratch=base.config.data_dir / "athena",
    )
    executions.when_stopped(runner.stop)
    base.handlers(
        "athena",
        WorkGroups(pages=pages, **base.lasting),
        executions,
        Results(executions=executions, objects=objects, pages=pages),
        saved,
        Metadata(store=base.store, catalog=catalog),
    )
    base.worker(QUEUE, runner.handle)
