"""Processes as the operating system shows them: who is who, who belongs to a run, who has ended. Owns no state."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass

import psutil

from mastic.executors.base import RUN_VARIABLE, ProcessId, Usage

_LINUX = sys.platform.startswith("linux")


def identify(pid: int) -> ProcessId | None:
    """The process that has this number now; None when there is none."""
    seen = _seen(pid)
    return None if seen is None else ProcessId(pid=pid, started=seen.started)


def alive(process: ProcessId) -> bool:
    """Whether this very process still runs; a zombie does not."""
    seen = _seen(process.pid)
    return seen is not None and seen.started == process.started and not seen.zombie


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """A process at a glance. ``started``: on Linux in clock ticks since boot, which no change of the clock can move."""

    pid: int
    parent: int
    session: int
    started: float
    zombie: bool


def _seen(pid: int) -> _Seen | None:
    if not _LINUX:
        return _seen_elsewhere(pid)
    try:
        # One file, for this is asked of every process of the machine whenever a run ends.
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field, the name, may contain blanks and parentheses.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return _Seen(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        started=float(fields[19]),
        zombie=fields[0] in (b"Z", b"X"),
    )


def _seen_elsewhere(pid: int) -> _Seen | None:
    try:
        found = psutil.Process(pid)
        return _Seen(
            pid=pid,
            parent=found.ppid(),
            session=os.getsid(pid),
            started=float(found.create_time()),
            zombie=found.status() == psutil.STATUS_ZOMBIE,
        )
    except (psutil.Error, OSError):
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
    """Every living process of a run: the leader, its descendants, its session, and whoever carries the run's id.

    With a leader, nobody who is older than it: whatever a run starts comes after it.
    """
    marker = f"{RUN_VARIABLE}={run_id}\0".encode()
    everyone = {pid: seen for pid in psutil.pids() if pid != os.getpid() and (seen := _seen(pid)) is not None}
    session: int | None = None
    eldest = 0.0
    if leader is not None:
        eldest = leader.started
        # A session's number is not given out again while the session has members; it may be once they are gone.
        # Nobody in it is older than its leader. Without that, a daemon whose session has the same number by chance,
        # after a restart of the machine, would be ended.
        holder = everyone.get(leader.pid)
        session = leader.pid if holder is None or holder.started == leader.started else None
    found = {
        pid
        for pid, seen in everyone.items()
        if seen.started >= eldest
        and ((session is not None and seen.session == session) or marker in _environment(pid))
    }
    if leader is not None and session is not None and leader.pid in everyone:
        found.add(leader.pid)
    grew = True
    while grew:
        children = {pid for pid, seen in everyone.items() if seen.parent in found} - found
        found |= children
        grew = bool(children)
    return {ProcessId(pid=pid, started=everyone[pid].started) for pid in found if not everyone[pid].zombie}


def _environment(pid: int) -> bytes:
    try:
        if _LINUX:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return file.read()
        return b"".join(f"{key}={value}\0".encode() for key, value in psutil.Process(pid).environ().items())
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
