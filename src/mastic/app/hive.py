"""The Hive Metastore's door, where the settings ask for it."""

from __future__ import annotations

from mastic.app.base import Base
from mastic.glue.catalog.entries import Entries
from mastic.glue.catalog.events import TOPIC, Events
from mastic.glue.catalog.sweeping import Sweeper
from mastic.objects.base import Objects


def add_hive(base: Base, objects: Objects) -> None:
    """Binds the port; it answers with the loops, from ``start`` to ``stop``."""
    config = base.config
    if not config.hive_metastore_port:
        return
    # The Thrift library and the interface definition take their time: only those who use the door wait for it.
    from mastic.glue.hive.door import Door
    from mastic.store import settings

    with base.store.write() as tx:
        store_id = str(settings.set_once(tx, "store_id", base.ids.uuid()))
    events = Events(ids=base.ids, wanted=base.hears)
    door = Door(
        dispatcher=base.app.asgi.dispatcher,
        entries=Entries(events=events, sweeper=Sweeper(**base.lasting), **base.lasting),
        objects=objects,
        account=config.account_id,
        region=config.region,
        warehouse=config.hive_metastore_warehouse,
        store_id=store_id,
        **base.making,
    )
    base.reactor.subscribe(TOPIC, door.notifications.receive)
    base.janitor("hive-notifications", door.notifications.forget, seconds=3600)
    base.active(door.listener(config.hive_metastore_host, config.hive_metastore_port))
