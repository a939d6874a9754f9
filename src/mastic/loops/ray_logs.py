"""What Ray's own processes have logged, into the groups that Glue has for it, when a Ray job's cluster has ended.

All of it is stored in one transaction, and only where there is none yet of that run: a server that is killed here
neither loses nor doubles a line. Owns no state.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mastic.clock import Clock
from mastic.executors import output
from mastic.executors.base import RunDirectory
from mastic.glue.jobs.log_names import has_ray_logs
from mastic.loops.job_logs import LogSink
from mastic.store import logs
from mastic.store.engine import Store
from mastic.store.job_runs import JobRun

# By the group's name behind the run's own; what a session of Ray calls its files.
GROUPS = {
    "ray-gcs-logs": ("gcs_server.*",),
    "ray-monitor-log": ("monitor.*",),
    "ray-process-logs": ("raylet.*", "log_monitor.*", "dashboard*.*"),
    "ray-runtime-env-logs": ("runtime_env_*.*",),
    "ray-worker-out-logs": ("worker-*.out",),
    "ray-worker-err-logs": ("worker-*.err",),
}
MOST = 256 * 1024  # bytes of one file: its end
MOST_TOGETHER = (
    4 * 1024 * 1024
)  # bytes of one group: a cluster may have had thousands of workers; the last ones


def store(run: JobRun, directory: RunDirectory, *, store: Store, sink: LogSink, clock: Clock) -> None:
    """Store what the run's own cluster has left, if it had one."""
    folder = directory.path / "aside" / "session_latest" / "logs"
    if run.plan["Command"]["Name"] != "glueray" or not folder.is_dir() or not has_ray_logs(run):
        return
    now = int(clock.now().timestamp() * 1000)
    found = {name: list(lines(folder, patterns)) for name, patterns in GROUPS.items()}
    key = (run.plan.get("Encryption") or {}).get("LogsKey")
    with store.write() as tx:
        for name, told in found.items():
            group = f"{run.body['LogGroupName']}/{name}"
            known = logs.get_group(tx, run.scope, group)
            if told and (known is None or logs.get_stream(tx, known, run.id) is None):
                events = [(now, line or " ") for line in told]
                sink.append(tx, run.scope, group, run.id, events, kms_key=key)


def lines(folder: Path, patterns: tuple[str, ...]) -> Iterator[str]:
    """The lines of the files of these names: of each its end, of all the youngest."""
    files = {file: file.stat() for pattern in patterns for file in folder.glob(pattern)}
    room = MOST_TOGETHER
    chosen = []
    for file, about in sorted(files.items(), key=lambda item: item[1].st_mtime_ns, reverse=True):
        room -= min(about.st_size, MOST)
        if room < 0:
            break
        chosen.append(file)
    for file in sorted(chosen, key=lambda file: (_place(file, patterns), file.name)):
        read, _ = output.read(file, max(0, files[file].st_size - MOST), final=True)
        yield from read


def _place(file: Path, patterns: tuple[str, ...]) -> int:
    return next(number for number, pattern in enumerate(patterns) if file.match(pattern))
