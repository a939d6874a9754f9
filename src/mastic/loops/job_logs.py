"""Brings what job processes write into CloudWatch Logs.

The place up to which a file has been read is stored in the transaction that stores its lines as events, so that
no crash loses a line or doubles it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.executors import output
from mastic.executors.base import Result, RunDirectory
from mastic.glue.jobs import arguments, insights
from mastic.glue.jobs.log_names import destinations
from mastic.objects.base import Objects
from mastic.store import job_runs
from mastic.store.engine import Store
from mastic.store.job_runs import JobRun, Launch


class LogSink(Protocol):
    """Takes log events inside a transaction."""

    def append(
        self,
        tx: Connection,
        scope: str,
        group: str,
        stream: str,
        events: Sequence[tuple[int, str]],
        *,
        kms_key: str | None = None,
    ) -> None:
        """Add (epoch milliseconds, message) events; group (with this key) and stream are made if they are missing."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far the two files have been read, in bytes."""

    stdout: int = 0
    stderr: int = 0


class JobLogs:
    """Reads the output files of launches. Spark's event logs go to ``objects``, where there are any."""

    def __init__(self, *, store: Store, clock: Clock, sink: LogSink, objects: Objects | None = None) -> None:
        self._objects = objects
        self._store = store
        self._clock = clock
        self._sink = sink

    def read(self, run: JobRun, launch: Launch, position: Position, *, final: bool) -> Position:
        """Store the lines behind ``position``; returns how far it got.

        ``final``: to the end, with a last, unended line. Else one chunk of each file: whoever writes without pause
        must not keep the reader from its other work.

        Raises Stale when another runner has read on.
        """
        position = replace(position, stdout=self._one(run, launch, "stdout", position.stdout, final=final))
        return replace(position, stderr=self._one(run, launch, "stderr", position.stderr, final=final))

    def _one(self, run: JobRun, launch: Launch, name: str, offset: int, *, final: bool) -> int:
        directory = RunDirectory(path=Path(launch.directory))
        file = directory.stdout if name == "stdout" else directory.stderr
        while True:
            lines, after = output.read(file, offset, final=final)
            if after == offset:
                return offset
            now = int(self._clock.now().timestamp() * 1000)
            # CloudWatch has no empty events: a blank line is one blank.
            events = [(now, line or " ") for line in lines]
            key = (run.plan.get("Encryption") or {}).get("LogsKey")
            with self._store.write() as tx:
                job_runs.advance_log(tx, launch, name, offset, after)
                for group, stream in destinations(run, name):
                    self._sink.append(tx, run.scope, group, stream, events, kms_key=key)
            offset = after
            if not final:
                return offset

    def ray(self, run: JobRun, directory: RunDirectory) -> None:
        """Store what the processes of a Ray job's cluster have logged."""
        from mastic.loops import ray_logs

        ray_logs.store(run, directory, store=self._store, sink=self._sink, clock=self._clock)

    def spark(self, run: JobRun, directory: RunDirectory) -> None:
        """Store Spark's event logs of a launch where the run wants them."""
        from mastic.loops import event_logs

        told = [] if self._objects is None else list(event_logs.store(run, directory, self._objects))
        if not told:
            return
        now = int(self._clock.now().timestamp() * 1000)
        key = (run.plan.get("Encryption") or {}).get("LogsKey")
        with self._store.write() as tx:
            for group, stream in destinations(run, "stderr"):
                self._sink.append(tx, run.scope, group, stream, [(now, line) for line in told], kms_key=key)

    def analyse(self, run: JobRun, result: Result) -> None:
        """Store what insights say of a failed script, for a run that has them enabled."""
        if not has_insights(run):
            return
        now = self._clock.now()
        script = posixpath.basename(run.plan["Command"].get("ScriptLocation") or "")
        suffix, line = insights.analysis(result, script, now)
        with self._store.write() as tx:
            event = (int(now.timestamp() * 1000), line)
            self._sink.append(tx, run.scope, insights.GROUP, f"{run.id}-{suffix}", [event])


def has_insights(run: JobRun) -> bool:
    """Whether the run says more about its failure."""
    return arguments.enabled(run.plan["Arguments"], "--enable-job-insights")
