"""The Iceberg REST catalog at ``/iceberg``, over the tables of the Data Catalog."""

from __future__ import annotations

from functools import partial
from typing import Any

from mastic.app.base import Base
from mastic.context import Context
from mastic.glue.catalog.databases import Databases
from mastic.glue.catalog.entries import Entries
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.iceberg_metadata import MetadataFiles
from mastic.glue.catalog.sweeping import Sweeper
from mastic.glue.iceberg_rest.commits import Commits
from mastic.glue.iceberg_rest.configuration import Configuration
from mastic.glue.iceberg_rest.door import PREFIX, IcebergRest
from mastic.glue.iceberg_rest.listings import Listings
from mastic.glue.iceberg_rest.namespaces import Namespaces
from mastic.glue.iceberg_rest.purging import QUEUE, Purges
from mastic.glue.iceberg_rest.tables import Tables
from mastic.glue.iceberg_rest.views import Views
from mastic.glue.pages import Pager
from mastic.objects.base import Objects
from mastic.wire.dispatch import Registry


def add_iceberg(base: Base, pager: Pager, objects: Objects) -> None:
    """Mount it, and let the files of purged tables be deleted."""
    told = Events(ids=base.ids, wanted=base.hears)
    changing: dict[str, Any] = {"events": told, "sweeper": Sweeper(**base.lasting), **base.lasting}
    entries = Entries(**changing)
    files = MetadataFiles(objects=objects, ids=base.ids)
    listings = Listings(entries=entries, pager=pager)
    configuration = Configuration(store=base.store, outside=base.config.endpoints.get("s3"))
    purges = Purges(store=base.store, objects=objects, files=files, clock=base.clock)
    door = IcebergRest(
        configuration,
        Namespaces(databases=Databases(pager=pager, **changing)),
        Tables(entries=entries, files=files, listings=listings, configuration=configuration, purges=purges),
        Commits(entries=entries, files=files, listings=listings),
        Views(entries=entries, files=files, listings=listings, ids=base.ids),
        admit=partial(_admitted, base.app.registry),
    )
    base.app.asgi.mount_documents(f"{PREFIX}/v1", door, service="glue")
    base.worker(QUEUE, purges.handle, concurrency=1)


def _admitted(registry: Registry, context: Context, operation: str, request: dict[str, Any]) -> Context:
    """What is asked before Glue's operations is asked here too."""
    return registry.admitted(context, "glue", operation, request)
