"""Bookmarks under kill -9: of the job, of the server that supervises it, and of both, at random moments.

    python -m benchmarks.job_crashes [--runs 200] [--seed 1] [--minutes 60]

Every row of the input has to be in the output of exactly one run whose bookmark was committed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import Server
from tests.flows.chaos import Chaos


def main() -> int:
    """Print what happened; 1 when a row is missing or was committed twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60, help="begin no further run after so long")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data").start()
        try:
            report = Chaos(server, seed=given.seed).go(given.runs, until=began + 60 * given.minutes)
        finally:
            server.stop()
    print(f"runs {report.rounds} ({dict(report.states)}), killed {dict(report.kills)}")
    print(f"rows {report.rows}, committed by {report.committed} runs in {time.monotonic() - began:.0f} s")
    print(f"missing {len(report.missing)}, committed twice {len(report.doubled)}")
    return 1 if report.missing or report.doubled else 0


if __name__ == "__main__":
    sys.exit(main())
