"""Environments of modules go by their last use and their size; those in use stay."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from mastic.executors.module_pruning import LONGEST_UNUSED, SETTLED, prune

NOW = time.time()


def environment(directory: Path, name: str, *, unused: float, size: int = 1000) -> Path:
    place = directory / name
    (place / "bin").mkdir(parents=True)
    (place / "data").write_bytes(b"x" * size)
    (place / "bin" / "python").symlink_to(sys.executable)
    lock = directory / f"{name}.lock"
    lock.touch()
    os.utime(lock, (NOW - unused, NOW - unused))
    return place


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.is_dir()}


def test_what_is_long_unused_goes(tmp_path: Path) -> None:
    environment(tmp_path, "a", unused=LONGEST_UNUSED + 60)
    environment(tmp_path, "b", unused=LONGEST_UNUSED - 60)
    assert prune(tmp_path, most=10**9, now=NOW) == ["a"]
    assert names(tmp_path) == {"b"}


def test_beyond_a_size_the_longest_unused_go(tmp_path: Path) -> None:
    for index, name in enumerate("abcd"):
        environment(tmp_path, name, unused=SETTLED * (10 - index))
    assert prune(tmp_path, most=2500, now=NOW) == ["a", "b"]
    assert names(tmp_path) == {"c", "d"}


def test_what_is_in_use_or_was_asked_for_just_now_stays(tmp_path: Path) -> None:
    environment(tmp_path, "fresh", unused=1, size=5000)
    environment(tmp_path, "locked", unused=LONGEST_UNUSED * 2)
    running = environment(tmp_path, "running", unused=LONGEST_UNUSED * 2)
    process = subprocess.Popen(
        [running / "bin" / "python", "-c", "print('up', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    with (tmp_path / "locked.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert prune(tmp_path, most=0, now=NOW) == []
    process.communicate(b"\n")
    assert sorted(prune(tmp_path, most=0, now=NOW)) == ["locked", "running"]


def test_what_was_left_half_made_goes(tmp_path: Path) -> None:
    for name, age in (("a.making-x", SETTLED + 60), ("b.making-x", 1), ("c.going-1", SETTLED + 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (NOW - age, NOW - age))
    assert prune(tmp_path, most=0, now=NOW) == []
    assert names(tmp_path) == {"b.making-x"}
