"""Removes blobs that nothing refers to. Owns no state of its own.

Two sources: blobs that a transaction discarded (an overwritten object, an aborted upload), and orphans of a
crash between a blob's rename and its transaction.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from mastic.clock import Clock
from mastic.objects.blobs import Blobs
from mastic.store import objects, uploads
from mastic.store.engine import Store

GRACE = timedelta(seconds=30)
# Where several servers share the blobs: nobody reads an object for longer after it is gone, and nothing that is
# written takes longer to get its row.
SHARED_GRACE = timedelta(hours=1)
SHARED_UNKNOWN = timedelta(days=1)
COMPLETED_UPLOADS_KEPT = timedelta(days=1)
BATCH = 500


def collect(store: Store, blobs: Blobs, now: datetime, *, grace: timedelta = GRACE) -> int:
    """Delete blobs discarded before ``now - grace`` that nothing needs; returns how many."""
    removed = 0
    while True:
        with store.read() as tx:
            listed = objects.discarded(tx, now - grace, BATCH)
        if not listed:
            return removed
        with store.write() as tx:
            pinned = blobs.pinned()
            due = [blob for blob in listed if blob not in pinned]
            # No transaction can make a new reference: references are only copied from rows that hold one.
            needed = objects.referenced(tx, due) if due else set()
            unneeded = [blob for blob in due if blob not in needed]
        for blob in unneeded:
            blobs.remove(blob)
        with store.write() as tx:
            objects.forget(tx, due)
        removed += len(unneeded)
        if len(listed) < BATCH or not due:
            return removed


def sweep(store: Store, blobs: Blobs, before: float) -> int:
    """Delete the files written before ``before`` (epoch seconds) that no row knows; returns how many.

    For orphans of an earlier server only: writes under way, of any server, must be younger than ``before``.
    """
    removed = 0
    files = blobs.older_than(before)
    while batch := list(itertools.islice(files, BATCH)):
        with store.read() as tx:
            known = objects.referenced(tx, batch) | objects.listed_garbage(tx, batch)
        for blob in batch:
            if blob not in known:
                blobs.remove(blob)
                removed += 1
    return removed


class BlobJanitor:
    """Sweeps on its first call, collects on every one. ``started`` is when this server began, epoch seconds;
    ``shared``: others work on the same blobs."""

    def __init__(
        self, *, store: Store, blobs: Blobs, clock: Clock, started: float, shared: bool = False
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._oldest = started - SHARED_UNKNOWN.total_seconds() if shared else started
        self._grace = SHARED_GRACE if shared else GRACE
        self._swept = False

    def __call__(self) -> None:
        """One round."""
        if not self._swept:
            self._blobs.remove_abandoned(self._oldest)
            sweep(self._store, self._blobs, self._oldest)
            self._swept = True
        now = self._clock.now()
        collect(self._store, self._blobs, now, grace=self._grace)
        with self._store.read() as tx:
            finished = uploads.finished_before(tx, now - COMPLETED_UPLOADS_KEPT, BATCH)
        if finished:
            with self._store.write() as tx:
                for upload in finished:
                    uploads.remove(tx, upload)
