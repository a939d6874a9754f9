"""Many runs at once: StartJobRun of a trivial Python shell job with room for all, and the memory that it takes.

    python -m benchmarks.job_crowd [--runs 500] [--callers 50]

All calls are made at once by so many threads; all runs have to end SUCCEEDED. Memory is what the server and all of
its children have of their own (proportional set size), looked at twice a second. Processor time is that of the server
and of the children that have ended: on a busy machine the figure to compare.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from tests.conftest import Server


def main() -> int:
    """Print the figures; 1 when a run did not succeed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--callers", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data").start()
        try:
            states = crowd(server, given.runs, given.callers)
        finally:
            server.stop()
    return 0 if states == {"SUCCEEDED": given.runs} else 1


def crowd(server: Server, runs: int, callers: int) -> Counter[str]:
    """The states in which the runs ended; prints the figures."""
    glue = server.client("glue", max_pool_connections=callers, read_timeout=300)
    server.client("s3").create_bucket(Bucket="crowd")
    server.client("s3").put_object(Bucket="crowd", Key="s.py", Body=b"print('here')\n")
    command = {"Name": "pythonshell", "ScriptLocation": "s3://crowd/s.py", "PythonVersion": "3.9"}
    glue.create_job(Name="crowd", Role="r", Command=command, ExecutionProperty={"MaxConcurrentRuns": 1000})
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    memory = Memory(server)
    before = memory.now()
    memory.start()
    used = process.cpu_times()
    began = time.monotonic()
    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(lambda _: glue.start_job_run(JobName="crowd"), range(runs)))
    called = time.monotonic() - began
    while True:
        states: Counter[str] = Counter()
        for page in glue.get_paginator("get_job_runs").paginate(JobName="crowd"):
            states.update(run["JobRunState"] for run in page["JobRuns"])
        if not states.keys() & {"STARTING", "RUNNING", "WAITING", "STOPPING"}:
            break
        time.sleep(1)
    ended = time.monotonic() - began
    memory.stop()
    print(f"{runs} calls in {called:.1f} s; all ended in {ended:.1f} s: {dict(states)}")
    print(
        f"memory before {before:.0f} MB, most {memory.most:.0f} MB, server alone at most {memory.server:.0f} MB"
    )
    print(f"most processes at a time {memory.processes}")
    spent = process.cpu_times()
    own = spent.user + spent.system - used.user - used.system
    jobs = spent.children_user + spent.children_system - used.children_user - used.children_system
    print(
        f"processor time of a run: server {own / runs * 1000:.0f} ms, its process {jobs / runs * 1000:.0f} ms"
    )
    return states


class Memory(threading.Thread):
    """Looks at what the server and its children have."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        assert server.process is not None
        self._root = psutil.Process(server.process.pid)
        self._over = threading.Event()
        self.most = self.server = 0.0
        self.processes = 0

    def run(self) -> None:
        """Until ``stop``."""
        while not self._over.wait(0.5):
            self.most = max(self.most, self.now())

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def now(self) -> float:
        """Megabytes at this moment."""
        everyone = [self._root, *self._root.children(recursive=True)]
        self.processes = max(self.processes, len(everyone) - 1)
        sizes = [_size(process) for process in everyone]
        self.server = max(self.server, sizes[0])
        return sum(sizes)


def _size(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 1e6
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0


if __name__ == "__main__":
    sys.exit(main())
