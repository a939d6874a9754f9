"""Orphan file deletion: files below a table's location that are old and that no snapshot knows.

The files are listed first and the table's metadata is read afterwards, and again before anything is deleted if it has
changed: what was committed before the deletion is known to it. What is younger than the retention period may belong to
a commit that is not made yet. A location that another table's files lie in or around is refused, whether that table was
there from the start or has come since: it is looked for again before every few files. Owns no state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mastic.glue.catalog.attempts import Overtaken, again
from mastic.glue.catalog.optimizers import neighbours, reachable
from mastic.glue.catalog.optimizers.files import TableFiles
from mastic.glue.catalog.optimizers.opening import Opened, Tables
from mastic.glue.catalog.optimizers.reachable import Reached
from mastic.glue.catalog.task_runs import TaskFailed

DAYS = 3
_MOST_LOOKS = 20
_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class OrphanFileDeletion:
    """Deletes the orphans of one table."""

    tables: Tables
    files: TableFiles
    table_id: int
    days: int
    location: str | None
    now: datetime
    check: Callable[[], None]

    def run(self) -> tuple[int, int]:
        """How many files were deleted, and the version of the table. Raises TaskFailed, Gone."""
        opened = self.tables.open(self.table_id, self.files)
        if not reachable.may_delete(opened.metadata):
            raise TaskFailed("The table forbids the deletion of its files (gc.enabled is false)")
        places = self._places(opened)
        self._check_alone(places, 0)
        old = list(self._old(places))
        opened, needed = self._look()
        gone = 0
        for start in range(0, len(old), _BATCH):
            self.check()
            if self.tables.open(self.table_id, self.files).location != opened.location:
                opened, needed = self._look()
                places = self._places(opened)
            some = [where for where in old[start : start + _BATCH] if reachable.within(where, places)]
            orphans = [where for where in some if where not in needed]
            if orphans:
                self._check_alone(places, gone)
            for bucket, key in orphans:
                self.files.objects.delete(bucket, key)
            gone += len(orphans)
        return gone, opened.version

    def _check_alone(self, places: Collection[tuple[str, str]], gone: int) -> None:
        others = neighbours.overlapping(self.tables.store, self.table_id, places)
        if others:
            done = f"{gone} files were deleted before that" if gone else "nothing was deleted"
            raise TaskFailed(f"Files of other tables may lie within this table's location: {others}; {done}")

    def _places(self, opened: Opened) -> list[tuple[str, str]]:
        own = reachable.roots(opened.metadata)
        if not own:
            raise TaskFailed("The table's location is a whole bucket: nothing is deleted there")
        if self.location is None:
            return own
        bucket, key = reachable.place(self.location)
        chosen = (bucket, key.rstrip("/") + "/")
        if not reachable.within(chosen, own):
            raise TaskFailed(f"{self.location} is not within the table's location")
        return [chosen]

    def _old(self, places: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
        before = self.now - timedelta(days=self.days)
        for bucket, prefix in places:
            for info in self.files.objects.walk(bucket, prefix):
                self.check()
                if info.modified < before:
                    yield bucket, info.key

    def _look(self) -> tuple[Opened, Reached]:
        """What the table knows, by metadata that is still the table's when all of it has been read."""

        def look() -> tuple[Opened, Reached]:
            opened = self.tables.open(self.table_id, self.files)
            needed = reachable.of_table(self.files, opened.metadata, opened.location)
            if self.tables.open(self.table_id, self.files).location != opened.location:
                raise Overtaken
            return opened, needed

        slow = TaskFailed("The table is changed faster than its files can be looked through")
        return again(_MOST_LOOKS, look, slow)
