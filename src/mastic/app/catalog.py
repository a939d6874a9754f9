"""The Data Catalog, connections and what belongs to an account."""

from __future__ import annotations

from typing import Any

from mastic.app.base import Base
from mastic.glue.account.access import CatalogAccess
from mastic.glue.account.exports import MetadataExport
from mastic.glue.account.policies import ResourcePolicies
from mastic.glue.account.profiles import CustomEntityTypes, UsageProfiles
from mastic.glue.account.security import SecurityConfigurations
from mastic.glue.catalog.catalogs import Catalogs
from mastic.glue.catalog.databases import Databases
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.federation import Federation
from mastic.glue.catalog.functions import Functions
from mastic.glue.catalog.iceberg import IcebergTables
from mastic.glue.catalog.indexes import PartitionIndexes
from mastic.glue.catalog.partition_lists import PartitionLists
from mastic.glue.catalog.partitions import Partitions
from mastic.glue.catalog.search import TableSearch
from mastic.glue.catalog.statistics import Statistics
from mastic.glue.catalog.sweeping import QUEUE, Sweeper
from mastic.glue.catalog.tables import Tables
from mastic.glue.catalog.unfiltered import Unfiltered
from mastic.glue.catalog.versions import TableVersions
from mastic.glue.pages import Pager
from mastic.objects.base import Objects

_FAMILIES = (
    PartitionIndexes,
    Functions,
    SecurityConfigurations,
    UsageProfiles,
    CustomEntityTypes,
)


def add_catalog(base: Base, pager: Pager, objects: Objects, federation: Federation) -> None:
    """Databases, tables, partitions, and what is known about them."""
    sweeper = Sweeper(**base.lasting)
    # Where any credentials are taken, nobody is known well enough to be refused.
    enforced = bool(base.config.access_keys)
    changing: dict[str, Any] = {"events": Events(ids=base.ids, wanted=base.hears), **base.lasting}
    iceberg = IcebergTables(objects=objects, ids=base.ids)
    tables = Tables(pager=pager, sweeper=sweeper, iceberg=iceberg, federation=federation, **changing)
    partitions, lists = Partitions(**changing), PartitionLists(store=base.store, pager=pager)
    base.handlers(
        "glue",
        Catalogs(pager=pager, federation=federation, **base.lasting),
        Databases(pager=pager, sweeper=sweeper, federation=federation, **changing),
        tables,
        partitions,
        lists,
        Unfiltered(tables=tables, partitions=partitions, lists=lists),
        TableVersions(store=base.store, pager=pager),
        *(family(pager=pager, **base.lasting) for family in _FAMILIES),
        Statistics(store=base.store),
        TableSearch(store=base.store, pager=pager),
        MetadataExport(),
        ResourcePolicies(pager=pager, enforced=enforced, **base.lasting),
    )
    if enforced:
        base.app.registry.guard("glue", CatalogAccess(**base.lasting).admit)
    base.worker(QUEUE, sweeper.handle, concurrency=1)
    base.janitor("catalog-descriptors", sweeper.forget_descriptors, seconds=3600)
