"""What running jobs use and move, into CloudWatch: every half minute and when they end. Owns the marks of what has
been reported of each.

Bytes are counted where S3 answers, processor time and memory are those of the run's processes: the same for every
engine and library that a script uses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import structlog
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.executors.base import Executor, ProcessId, RunDirectory, Usage
from mastic.executors.traffic import Traffic
from mastic.glue.jobs import metrics
from mastic.store.engine import Store
from mastic.store.job_runs import JobRun

log = structlog.get_logger()

EVERY = timedelta(seconds=30)
SAMPLED = timedelta(seconds=2)  # what a process uses can only be seen while it lives

# (transaction, run, values by name) → stored in CloudWatch
Put = Callable[[Connection, JobRun, dict[str, float]], None]


@dataclass(kw_only=True)
class _Mark:
    """Where the last report of a run ended."""

    on: datetime
    sampled: datetime
    key: str
    cpu_seconds: float
    usage: Usage


class JobMeters:
    """Reports on runs that have metrics enabled; ``put`` stores one report."""

    def __init__(self, *, store: Store, clock: Clock, executor: Executor, traffic: Traffic, put: Put) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor
        self._traffic = traffic
        self._put = put
        self._lock = threading.Lock()
        self._marks: dict[int, _Mark] = {}

    def begin(self, run: JobRun, process: ProcessId, directory: RunDirectory) -> None:
        """Look at a run's process from now on."""
        if not metrics.wanted(run):
            return
        key = _access_key(directory)
        self._traffic.follow(key)
        usage = self._executor.usage(process) or Usage(cpu_seconds=0.0, memory_bytes=0)
        with self._lock:
            now = self._clock.now()
            self._marks[run.seq] = _Mark(
                on=now, sampled=now, key=key, cpu_seconds=usage.cpu_seconds, usage=usage
            )

    def due(self, run: JobRun, process: ProcessId) -> bool:
        """Whether a report is due; looks at the process now and then."""
        mark = self._marks.get(run.seq)
        if mark is None:
            return False
        now = self._clock.now()
        if now - mark.sampled >= SAMPLED:
            mark.sampled, mark.usage = now, self._executor.usage(process) or mark.usage
        return now - mark.on >= EVERY

    def report(self, run: JobRun, process: ProcessId) -> None:
        """Store what came together since the last report."""
        with self._lock:
            mark = self._marks.get(run.seq)
        if mark is None:
            return
        now = self._clock.now()
        seconds = (now - mark.on).total_seconds()
        moved = self._traffic.take(mark.key)
        mark.usage = self._executor.usage(process) or mark.usage
        values = metrics.moved(
            read_bytes=moved.read_bytes, written_bytes=moved.written_bytes, milliseconds=seconds * 1000
        )
        cpu = mark.usage.cpu_seconds - mark.cpu_seconds
        values |= metrics.used(
            run,
            cpu=cpu / seconds / self._executor.cores if seconds > 0 else 0.0,
            memory=mark.usage.memory_bytes,
            of=self._executor.memory_mb * 1024 * 1024,
        )
        mark.cpu_seconds = mark.usage.cpu_seconds
        mark.on = now
        with self._store.write() as tx:
            self._put(tx, run, values)

    def end(self, run: JobRun, process: ProcessId) -> None:
        """The last report of a process. A measurement that fails must not keep a run from its end."""
        try:
            self.report(run, process)
        except Exception:
            log.exception("job_metrics_not_stored", run=run.id)
        with self._lock:
            mark = self._marks.pop(run.seq, None)
        if mark is not None:
            self._traffic.forget(mark.key)


def _access_key(directory: RunDirectory) -> str:
    """The key that the process was given; a process that is adopted has its order still beside it."""
    try:
        order = orjson.loads(directory.order.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        log.warning("job_order_unreadable", directory=str(directory.path), reason=str(error))
        return ""
    return str(order["env"].get("AWS_ACCESS_KEY_ID") or "")
