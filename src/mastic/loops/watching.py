"""The runs that one runner looks after: what is known of each, and whose turn it is. Owns that list."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from mastic.executors.base import ProcessId, RunDirectory
from mastic.glue.jobs import maintenance
from mastic.loops.job_logs import Position
from mastic.loops.launching import Launched


class Watched:
    """A run with a process that this runner looks after."""

    def __init__(self, launched: Launched) -> None:
        self.run = launched.run
        self.launch = launched.launch
        self.process: ProcessId = launched.process
        self.directory = RunDirectory(path=Path(self.launch.directory))
        self.position = Position(stdout=self.launch.stdout_offset, stderr=self.launch.stderr_offset)
        self.ended = False
        self.gone = False  # its process and all that belonged to it, though its run goes on with another
        self.busy = False
        self.lost = False  # somebody else has the lease
        minutes = self.run.body.get("Timeout")
        begun = self.run.running_on
        self.deadline = begun + timedelta(minutes=minutes) if minutes and begun else None
        self.restart_by = maintenance.deadline(self.run)


class WatchList:
    """Runs in preparation and runs with a process. One thread at a time works on a run: it is busy meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[int, Watched] = {}
        self._preparing: set[int] = set()

    def __bool__(self) -> bool:
        with self._lock:
            return bool(self._watched)

    def held(self) -> list[int]:
        """All runs of this list."""
        with self._lock:
            return [*self._watched, *self._preparing]

    def prepare(self, seqs: Iterable[int]) -> list[int]:
        """Note runs as being prepared; returns those of them that this list did not have."""
        with self._lock:
            fresh = [seq for seq in seqs if seq not in self._watched and seq not in self._preparing]
            self._preparing.update(fresh)
            return fresh

    def follow(self, item: Watched) -> None:
        """Look after a run's process from now on."""
        with self._lock:
            self._watched[item.run.seq] = item

    def idle(self) -> list[Watched]:
        """Those that nobody works on."""
        with self._lock:
            return [item for item in self._watched.values() if not item.busy]

    def drop(self, seq: int) -> None:
        """Look no more after a run."""
        with self._lock:
            self._watched.pop(seq, None)

    def settle(self, seq: int) -> None:
        """The work on a run is done: it is its turn again."""
        with self._lock:
            self._preparing.discard(seq)
            item = self._watched.get(seq)
            if item is not None:
                item.busy = False
