"""``make bench``: every benchmark in turn; prints the figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = (
    ["-m", "benchmarks.job_start"],
    ["-m", "benchmarks.job_crowd"],
    ["-m", "benchmarks.job_crashes"],
    ["benchmarks/s3.py"],
    ["benchmarks/catalog.py"],
)


def main() -> int:
    """The worst exit status of all."""
    root = Path(__file__).parent.parent
    worst = 0
    for command in BENCHMARKS:
        print(f"== {' '.join(command)}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, *command], cwd=root).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
