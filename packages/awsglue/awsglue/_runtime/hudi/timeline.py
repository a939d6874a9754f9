"""The timeline of a table: which commits there are, how one comes to be, what killed writers have left.

A commit is decided by one conditional write: `.hoodie/.writers/<n>` may be written once, and whoever writes it has the
commit that follows commit n-1. It holds all that the commit's own file says, so that the next writer can finish what a
killed one had decided. Every writer whose n has gone to another can never commit any more: what it has left is removed.
Hudi's own readers see only the files that they know: `<instant>.commit.requested`, `.inflight`, `.commit`.
"""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from awsglue._runtime.hudi.errors import HoodieWriteConflictException
from awsglue._runtime.io.storage import Storage, join

_FILE = re.compile(r"(\d{14,17})\.(?:(commit|deltacommit|replacecommit)(\.requested|\.inflight)?|inflight)\Z")
_ACTIONS = ("commit", "deltacommit", "replacecommit")
_SEQUENCE = "mastic.sequence"
COMPLETED = "COMPLETED"


@dataclass(frozen=True, kw_only=True)
class Instant:
    """One action of the timeline that changes rows."""

    time: str
    action: str
    state: str

    @property
    def file(self) -> str:
        """The name of the file that completes it."""
        return f"{self.time}.{self.action}"


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A commit in the making. `sequence` is the number it would get; `seen` are the instants that it follows."""

    instant: str
    action: str
    sequence: int
    seen: frozenset[str]


class Timeline:
    """The timeline of the table at a path. Owns nothing: all is in the table's `.hoodie` folder."""

    def __init__(self, storage: Storage, path: str) -> None:
        self._storage = storage
        self._path = path
        self._folder = join(path, ".hoodie")
        self._writers = join(self._folder, ".writers")

    def instants(self) -> list[Instant]:
        """All instants, the earliest first, each in the furthest state it has reached."""
        found: dict[str, Instant] = {}
        for name in self._storage.children(self._folder):
            match = _FILE.match(name)
            if not match:
                continue
            action, state = match.group(2) or "commit", match.group(3)
            if match.group(2) and not state:
                found[match.group(1)] = Instant(time=match.group(1), action=action, state=COMPLETED)
            else:
                found.setdefault(match.group(1), Instant(time=match.group(1), action=action, state="PENDING"))
        return [found[key] for key in sorted(found)]

    def completed(self) -> list[Instant]:
        """The commits, the earliest first."""
        return [one for one in self.instants() if one.state == COMPLETED]

    def compacting(self) -> bool:
        """Whether a compaction of log files is planned or under way."""
        names = set(self._storage.children(self._folder))
        plans = (name.partition(".") for name in names)
        return any(
            what in ("compaction.requested", "compaction.inflight") and f"{when}.commit" not in names
            for when, _, what in plans
        )

    def metadata(self, instant: Instant) -> dict[str, Any]:
        """What a commit says of itself."""
        body = self._storage.read(join(self._folder, instant.file))
        return dict(json.loads(body)) if body.strip() else {}

    # writing
    def settle(self) -> int:
        """Finish what was decided, remove what can never be decided; the number of the last commit that was ours."""
        numbers = [int(name) for name in self._storage.children(self._writers) if name.isdigit()]
        last = max(numbers, default=0)
        if last:
            self._finish(last)
        for instant in self.instants():
            if instant.state != COMPLETED and 0 < self._sequence(instant) <= last:
                self.roll_back(instant)
        return last

    def _finish(self, number: int) -> bool:
        """Complete a commit that was decided; whether it is complete.

        One that has no marks any more was archived or rolled back by Hudi's own tools, and stays so.
        """
        decided = json.loads(self._storage.read(self._place(number)))
        body = json.dumps(decided["metadata"], indent=2).encode("utf-8")
        place = join(self._folder, f"{decided['instant']}.{decided['action']}")
        if self._storage.head(place) is None:
            if not self._begun(decided["instant"], decided["action"]):
                return False
            self._storage.put_new(place, body)
        return True

    def _sequence(self, instant: Instant) -> int:
        """The number that a pending commit of ours would get; 0 for somebody else's."""
        body = self._body(join(self._folder, _inflight(instant.time, instant.action)))
        try:
            said = json.loads(body)["extraMetadata"]
        except (ValueError, KeyError, TypeError):
            return 0  # Hudi's own writers say other things in this file
        return int(said.get(_SEQUENCE, 0))

    def _body(self, path: str) -> bytes:
        """A file's bytes; none when it is not there, or is removed by another writer at this moment."""
        from botocore.exceptions import ClientError

        try:
            return self._storage.read(path)
        except FileNotFoundError:
            return b""
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                raise
            return b""

    def begin(self, action: str) -> Begun:
        """A new instant, later than all others."""
        number = self.settle() + 1
        known = self.instants()
        seen = frozenset(one.time for one in known if one.state == COMPLETED)
        moment = _stamp()
        while True:
            latest = max((one.time.ljust(17, "0") for one in known), default="")
            moment = moment if moment > latest else _after(latest)
            marks = {_SEQUENCE: str(number), "mastic.writer": uuid.uuid4().hex}
            said = {"partitionToWriteStats": {}, "compacted": False, "extraMetadata": marks}
            body = json.dumps(said).encode("utf-8")
            mark = join(self._folder, _inflight(moment, action))
            if self._storage.put_new(mark, body):
                if not self._taken(moment, action):
                    break
                self._storage.delete([mark])
            moment = _after(moment, random.randint(1, 9))
        self._storage.put(join(self._folder, f"{moment}.{action}.requested"), b"")
        return Begun(instant=moment, action=action, sequence=number, seen=seen)

    def _taken(self, moment: str, action: str) -> bool:
        """Whether a writer of another kind has begun at the same millisecond: one of both sees it at least."""
        others = [one for one in _ACTIONS if one != action]
        return any(self._storage.head(join(self._folder, _inflight(moment, one))) for one in others)

    def commit(self, begun: Begun, metadata: dict[str, Any]) -> None:
        """Decide the commit. Raises HoodieWriteConflictException when another one has come between."""
        if {one.time for one in self.completed()} != begun.seen:
            raise self._lost(begun)
        decided = {"instant": begun.instant, "action": begun.action, "metadata": metadata}
        if not self._begun(begun.instant, begun.action):
            raise self._lost(begun)
        if not self._storage.put_new(self._place(begun.sequence), json.dumps(decided).encode("utf-8")):
            raise self._lost(begun)
        if not self._finish(begun.sequence):
            raise self._lost(begun)

    def _begun(self, instant: str, action: str) -> bool:
        """Whether the mark of this commit is there: not where the table was made anew, or it was rolled back."""
        return self._storage.head(join(self._folder, _inflight(instant, action))) is not None

    def _lost(self, begun: Begun) -> HoodieWriteConflictException:
        return HoodieWriteConflictException(
            "java.util.ConcurrentModificationException: Cannot resolve conflicts for overlapping writes: "
            f"another commit to {self._path} has come between instant {begun.instant} and the one it was computed from"
        )

    def roll_back(self, instant: Instant | Begun) -> None:
        """Remove a commit that was begun and is not to be: its data files, then its marks."""
        when = instant.time if isinstance(instant, Instant) else instant.instant
        files = [
            entry.path
            for entry in self._storage.entries(self._path)
            if entry.name.endswith(f"_{when}.parquet")
        ]
        self._storage.delete(files)
        marks = (f"{when}.{instant.action}.requested", _inflight(when, instant.action))
        self._storage.delete([join(self._folder, name) for name in marks])

    def _place(self, number: int) -> str:
        return join(self._writers, f"{number:020d}")


def _inflight(instant: str, action: str) -> str:
    return f"{instant}.inflight" if action == "commit" else f"{instant}.{action}.inflight"


def _stamp() -> str:
    now = datetime.fromtimestamp(time.time(), UTC)
    return now.strftime("%Y%m%d%H%M%S") + f"{now.microsecond // 1000:03d}"


def _after(stamp: str, by: int = 1) -> str:
    """A later instant: the next one, or one some milliseconds later."""
    from datetime import timedelta

    moment = datetime.strptime(stamp[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    moment += timedelta(milliseconds=int(stamp[14:17].ljust(3, "0")) + by)
    return moment.strftime("%Y%m%d%H%M%S") + f"{moment.microsecond // 1000:03d}"
