"""Which environments of modules go: those that nobody has used for long, and the longest unused beyond a size.

An environment in which a process runs stays, and so does one that was asked for in the last hour: its process may not
have begun. Owns no state; the time of an environment's last use is that of its lock file.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog

log = structlog.get_logger()

LONGEST_UNUSED = 30 * 24 * 3600.0  # seconds
SETTLED = 3600.0


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment as it lies there: ``used`` in epoch seconds, ``size`` in bytes."""

    path: Path
    used: float
    size: int


def prune(directory: Path, *, most: int, now: float | None = None) -> list[str]:
    """Remove what has to go from a directory of environments that may have ``most`` bytes; returns the names."""
    if not directory.is_dir():
        return []
    now = time.time() if now is None else now
    _remove_unfinished(directory, now)
    running = _running(directory)
    found = sorted(_environments(directory), key=lambda one: one.used)
    total = sum(one.size for one in found)
    removed = []
    for one in found:
        unused = now - one.used
        if unused < SETTLED or one.path.name in running or (unused < LONGEST_UNUSED and total <= most):
            continue
        if _remove(one, now):
            total -= one.size
            removed.append(one.path.name)
    if removed:
        log.info("module_environments_removed", environments=removed)
    return removed


def used(lock: Path) -> None:
    """Note that an environment is used now."""
    os.utime(lock)


def _environments(directory: Path) -> list[Environment]:
    found = []
    for path in directory.iterdir():
        lock = directory / f"{path.name}.lock"
        if path.is_dir() and "." not in path.name and lock.exists():
            found.append(Environment(path=path, used=lock.stat().st_mtime, size=_size(path)))
    return found


def _size(path: Path) -> int:
    return sum(one.lstat().st_size for one in path.rglob("*") if not one.is_symlink() and one.is_file())


def _running(directory: Path) -> set[str]:
    """Names of environments whose interpreter or programs run at this moment."""
    root = str(directory) + os.sep
    found = set()
    for process in psutil.process_iter(["cmdline"]):
        for word in (process.info["cmdline"] or [])[:2]:
            if word.startswith(root):
                found.add(word.removeprefix(root).split(os.sep)[0])
    return found


def _remove(one: Environment, now: float) -> bool:
    """Remove an environment unless somebody has begun to use it."""
    lock = one.path.with_name(f"{one.path.name}.lock")
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if now - lock.stat().st_mtime < SETTLED:
            return False
        # Out of sight at once: half an environment must not be found.
        going = one.path.with_name(f"{one.path.name}.going-{time.monotonic_ns()}")
        one.path.rename(going)
    shutil.rmtree(going, ignore_errors=True)
    return True


def _remove_unfinished(directory: Path, now: float) -> None:
    """What a killed server left half made, or half removed."""
    for path in [*directory.glob("*.making-*"), *directory.glob("*.going-*")]:
        if now - path.stat().st_mtime > SETTLED:
            shutil.rmtree(path, ignore_errors=True)
