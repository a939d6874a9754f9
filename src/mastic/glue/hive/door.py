"""Puts the Metastore's methods together and behind a port. Owns no state."""

from __future__ import annotations

from mastic.clock import Clock
from mastic.glue.catalog.entries import Entries
from mastic.glue.hive import definition, failures
from mastic.glue.hive.alterations import Alterations
from mastic.glue.hive.calls import Calls
from mastic.glue.hive.data import Data
from mastic.glue.hive.databases import Databases
from mastic.glue.hive.functions import Functions
from mastic.glue.hive.locks import Locks
from mastic.glue.hive.notifications import Notifications
from mastic.glue.hive.partition_changes import PartitionChanges
from mastic.glue.hive.partitions import Partitions
from mastic.glue.hive.requests import Requests
from mastic.glue.hive.sessions import Sessions
from mastic.glue.hive.shapes import Shapes
from mastic.glue.hive.statistics import Statistics
from mastic.glue.hive.tables import Tables
from mastic.ids import Ids
from mastic.objects.base import Objects
from mastic.store.engine import Store
from mastic.wire.dispatch import Dispatcher
from mastic.wire.thrift.listener import Listener
from mastic.wire.thrift.processing import Processor


class Door:
    """One account's catalog in one region, as the Hive Metastore."""

    def __init__(
        self,
        *,
        dispatcher: Dispatcher,
        entries: Entries,
        objects: Objects,
        store: Store,
        clock: Clock,
        ids: Ids,
        account: str,
        region: str,
        warehouse: str,
        store_id: str,
    ) -> None:
        types = definition.load()
        calls = Calls(dispatcher=dispatcher, ids=ids, account=account, region=region)
        shapes, data = Shapes(types, warehouse=warehouse), Data(objects=objects)
        alterations = Alterations(calls=calls, shapes=shapes, data=data, entries=entries)
        tables = Tables(
            calls=calls, shapes=shapes, data=data, alterations=alterations, clock=clock, definition=types
        )
        partitions = Partitions(calls=calls, shapes=shapes, definition=types)
        changes = PartitionChanges(calls=calls, shapes=shapes, data=data, definition=types)
        statistics = Statistics(calls=calls, clock=clock, definition=types)
        self.notifications = Notifications(store=store, clock=clock, calls=calls, definition=types)
        self._processor = Processor(
            types.ThriftHiveMetastore,
            (
                Sessions(warehouse=warehouse, store_id=store_id, clock=clock, definition=types),
                Databases(calls=calls, shapes=shapes, tables=tables, definition=types),
                tables,
                partitions,
                changes,
                statistics,
                Requests(
                    tables=tables,
                    partitions=partitions,
                    changes=changes,
                    statistics=statistics,
                    definition=types,
                ),
                Functions(calls=calls, definition=types),
                Locks(store=store, clock=clock, calls=calls, definition=types),
                self.notifications,
            ),
            translate=failures.translate,
        )

    def listener(self, host: str, port: int) -> Listener:
        """A port at which this door answers. Raises Refused when somebody has it."""
        return Listener("hive-metastore", host, port, self._processor.answer)
