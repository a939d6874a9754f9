"""S3: embedded on disk, unless the settings name an outside one."""

from __future__ import annotations

import time

from mastic.app.base import Base
from mastic.aws.s3 import services as s3
from mastic.aws.s3.deliveries import Deliveries
from mastic.aws.s3.lifecycle import Reaper
from mastic.aws.s3.notifications import QUEUE, Destinations
from mastic.objects.base import Objects
from mastic.objects.blobs import Blobs
from mastic.objects.garbage import BlobJanitor
from mastic.objects.local import LocalObjects
from mastic.objects.remote import RemoteObjects


def add_s3(base: Base, destinations: Destinations) -> Objects:
    """Returns the door to object bytes for the server's own parts."""
    config = base.config
    outside = config.endpoints.get("s3")
    if outside:
        return RemoteObjects(endpoint=outside, region=config.region)
    blobs = Blobs(config.data_dir / "objects")
    base.app.closing.append(blobs.close)
    local = LocalObjects(blobs=blobs, account=config.account_id, **base.making)
    base.handlers("s3", *s3.handlers(local, destinations))
    deliveries = Deliveries(clock=base.clock, ids=base.ids, destinations=destinations)
    base.reactor.subscribe("s3.object", deliveries.receive)
    base.worker(QUEUE, deliveries.handle)
    base.janitor("blobs", BlobJanitor(blobs=blobs, started=time.time(), **base.lasting), seconds=20)
    base.janitor("lifecycle", Reaper(objects=local), seconds=600)
    return local
