"""S3: embedded on disk, this server's or one that several share, unless the settings name an outside one."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import structlog

from mastic.app.base import Base
from mastic.aws.s3 import services as s3
from mastic.aws.s3.deliveries import Deliveries
from mastic.aws.s3.elsewhere import Elsewhere
from mastic.aws.s3.lifecycle import Reaper
from mastic.aws.s3.notifications import QUEUE, Destinations
from mastic.errors import Refused
from mastic.objects.base import Objects
from mastic.objects.blobs import Blobs
from mastic.objects.garbage import BlobJanitor
from mastic.objects.local import LocalObjects
from mastic.objects.remote import RemoteObjects
from mastic.store import leases, objects, settings

LIFECYCLE = "lifecycle"
PLACE = "objects"
PLACE_LEASE = timedelta(seconds=30)

log = structlog.get_logger()


def add_s3(base: Base, destinations: Destinations) -> Objects:
    """Returns the door to object bytes for the server's own parts."""
    config = base.config
    outside = config.endpoints.get("s3")
    _agree(base, "outside" if outside else "shared" if config.shares_objects else base.holder)
    if outside:
        base.app.asgi.delegate("s3", Elsewhere(outside))
        return RemoteObjects(endpoint=outside, region=config.region)
    place, shared = config.objects_place, config.shares_objects
    _pair(base, place)
    blobs = Blobs(place, server=base.host)
    base.app.closing.append(blobs.close)
    local = LocalObjects(blobs=blobs, account=config.account_id, shared=shared, **base.making)
    base.handlers("s3", *s3.handlers(local, destinations))
    deliveries = Deliveries(clock=base.clock, ids=base.ids, destinations=destinations)
    base.reactor.subscribe("s3.object", deliveries.receive)
    base.worker(QUEUE, deliveries.handle)
    janitor = BlobJanitor(blobs=blobs, started=time.time(), shared=shared, **base.lasting)
    base.janitor("blobs", janitor, seconds=20)
    base.periodic("lifecycle", lambda: _reap(base, Reaper(objects=local)), lease=LIFECYCLE)
    return local


def _agree(base: Base, place: str) -> None:
    """Make sure that all servers of a database have their objects in one place: it is named by a lease.

    Raises Refused while another one is in force.
    """
    if base.config.embedded:
        return  # one server at a time

    def held() -> bool:
        now = base.clock.now()
        with base.store.write() as tx:
            return leases.acquire(tx, PLACE, place, now, now + PLACE_LEASE)

    if not held():
        raise Refused(
            "another server on this database, which runs or did half a minute ago, has its objects in another place: "
            "give all of them one directory (MASTIC_OBJECTS_DIR) or one outside S3 ([endpoints] s3 in mastic.toml)"
        )

    def keep() -> float:
        if not held():
            log.error("objects_in_two_places", here=place)
        return PLACE_LEASE.total_seconds() / 3

    base.periodic("objects-place", keep, lease=PLACE if place == base.holder else None)


def _reap(base: Base, reaper: Reaper) -> float:
    """A round of the lifecycle rules, unless another server is at it."""
    now, pause = base.clock.now(), timedelta(minutes=10)
    with base.store.write() as tx:
        ours = leases.acquire(tx, LIFECYCLE, base.holder, now, now + pause)
    if ours:
        reaper()
    return pause.total_seconds()


def _pair(base: Base, place: Path) -> None:
    """Make sure that the blobs and the store belong together: blobs that the store does not know are swept away.

    Raises Refused for a directory of another store, and for a store whose blobs are in another directory.
    """
    mark = place / "store-id"
    with base.store.write() as tx:
        ours = str(settings.set_once(tx, "store_id", base.ids.uuid()))
        elsewhere = objects.holds_blobs(tx)
    found = mark.read_text().strip() if mark.exists() else ""
    if found == ours:
        return
    if found:
        raise Refused(
            f"{place} holds the objects of another database: give this database a data directory of its own, or "
            "start with the database that this directory belongs to (MASTIC_DATABASE_URL, --database-url)"
        )
    if elsewhere:
        raise Refused(
            f"the objects of this database are in another directory than {place}: use that one; several servers on "
            "one database need a directory that all of them reach (MASTIC_OBJECTS_DIR), or an outside S3 "
            "([endpoints] s3 in mastic.toml)"
        )
    place.mkdir(parents=True, exist_ok=True)
    fresh = mark.with_name(f"store-id.{base.host}")  # servers that share it may start together
    with fresh.open("w") as file:
        file.write(ours)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(mark)
