"""What Ray's processes leave in their files, as it comes into the logs of a run."""

from __future__ import annotations

import os
from pathlib import Path

from mastic.loops import ray_logs


def write(folder: Path, name: str, text: str, *, age: int) -> None:
    (folder / name).write_text(text)
    os.utime(folder / name, (1_000_000 - age, 1_000_000 - age))


def test_by_kind_and_name(tmp_path: Path) -> None:
    write(tmp_path, "raylet.out", "a\nb\n", age=0)
    write(tmp_path, "dashboard_agent.log", "d\n", age=5)
    write(tmp_path, "log_monitor.log", "c", age=9)
    write(tmp_path, "worker-1.out", "not this\n", age=0)
    assert list(ray_logs.lines(tmp_path, ray_logs.GROUPS["ray-process-logs"])) == ["a", "b", "c", "d"]


def test_of_thousands_of_workers_the_last(tmp_path: Path) -> None:
    line = "x" * (ray_logs.MOST - 10)
    most = ray_logs.MOST_TOGETHER // ray_logs.MOST
    for number in range(most + 3):
        write(tmp_path, f"worker-{number:03}.out", f"{number:03} {line}\n", age=number)
    found = list(ray_logs.lines(tmp_path, ("worker-*.out",)))
    starts = [text[:3] for text in found if not text.startswith("x")]
    assert starts == [f"{number:03}" for number in range(most)]
