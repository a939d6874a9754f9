"""Processes as the operating system shows them: who is who, who belongs to a run, who has ended. Owns no state."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil

from mastic.executors.base import RUN_VARIABLE, ProcessId, Usage

_LINUX = sys.platform.startswith("linux")


def identify(pid: int) -> ProcessId | None:
    """The process that has this number now; None when there is none."""
    started = _started(pid)
    return None if started is None else ProcessId(pid=pid, started=started)


def alive(process: ProcessId) -> bool:
    """Whether this very process still runs; a zombie does not."""
    if _started(process.pid) != process.started:
        return False
    try:
        return bool(psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _started(pid: int) -> float | None:
    """When a process started: on Linux in clock ticks since boot, which no change of the clock can move."""
    if _LINUX:
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # The second field, the name, may contain blanks and parentheses.
        return float(text.rpartition(")")[2].split()[19])
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def usage(process: ProcessId) -> Usage | None:
    """What a process and its living descendants use; None when it is gone."""
    if not alive(process):
        return None
    cpu, memory = 0.0, 0
    try:
        leader = psutil.Process(process.pid)
        everyone = [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return None
    for one in everyone:
        try:
            times = one.cpu_times()
            memory += one.memory_info().rss
        except psutil.Error:
            continue  # it has just ended
        cpu += (
            times.user
            + times.system
            + getattr(times, "children_user", 0)
            + getattr(times, "children_system", 0)
        )
    return Usage(cpu_seconds=cpu, memory_bytes=memory)


def of_run(run_id: str, leader: ProcessId | None) -> set[ProcessId]:
    """Every living process of a run: the leader, its descendants, its session, and whoever carries the run's id."""
    marker = f"{RUN_VARIABLE}={run_id}\0".encode()
    led = leader is not None and alive(leader)
    # A session's number is not given out again while the session has members; it may be once they are gone.
    # Nobody in it is older than its leader. Without that, a daemon whose session has the same number by chance, after
    # a restart of the machine, would be ended.
    session = leader.pid if leader is not None and _started(leader.pid) in (None, leader.started) else None
    eldest = leader.started if leader is not None else 0.0
    found: set[int] = set()
    parents: dict[int, int] = {}
    for item in psutil.process_iter(["ppid"]):
        pid = item.pid
        if pid == os.getpid():
            continue
        parents[pid] = item.info["ppid"] or 0
        in_session = session is not None and _session(pid) == session and (_started(pid) or 0.0) >= eldest
        if in_session or marker in _environment(pid, item):
            found.add(pid)
    if led and leader is not None:
        found.add(leader.pid)
    grew = True
    while grew:
        children = {pid for pid, parent in parents.items() if parent in found} - found
        found |= children
        grew = bool(children)
    return {process for process in map(identify, found) if process is not None and alive(process)}


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _environment(pid: int, item: psutil.Process) -> bytes:
    try:
        if _LINUX:
            return Path(f"/proc/{pid}/environ").read_bytes()
        return b"".join(f"{key}={value}\0".encode() for key, value in item.environ().items())
    except (OSError, psutil.Error):
        return b""


def end(run_id: str, leader: ProcessId | None, *, grace: float) -> bool:
    """End every process of a run: TERM, and after ``grace`` seconds KILL; false when some survive even that."""
    deadline = time.monotonic() + grace
    members = of_run(run_id, leader)
    if not members:
        return True
    if grace > 0:
        _signal(members, signal.SIGTERM)
        while any(alive(process) for process in members) and time.monotonic() < deadline:
            time.sleep(0.02)
    # Whoever was born meanwhile is found by looking again, until nobody is left.
    for _ in range(50):
        members = of_run(run_id, leader)
        if not members:
            return True
        _signal(members, signal.SIGKILL)
        time.sleep(0.02)
    return False


def _signal(members: set[ProcessId], number: signal.Signals) -> None:
    for process in members:
        if alive(process):
            try:
                os.kill(process.pid, number)
            except (ProcessLookupError, PermissionError):
                continue  # it has just ended, or has become somebody else's: then it survives, which is told
