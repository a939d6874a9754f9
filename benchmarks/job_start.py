"""From StartJobRun to the script's first line: with a prepared interpreter (warm) and without (cold).

    python -m benchmarks.job_start [runs]

Starts a server of its own for each case. Time is measured from before the call to the first statement of the
script, which notes its own clock.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3

SCRIPT = "import time\nprint(time.time())\n"
BOUNDS = {"warm": 0.5, "cold": 1.5}


def main() -> int:
    """Print the figures; 1 when a bound is missed."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    missed = False
    for case, bound in BOUNDS.items():
        for command in ("pythonshell", "glueetl"):
            seconds = measure(command, warm=case == "warm", runs=runs)
            worst, middle = max(seconds), statistics.median(seconds)
            missed = missed or middle > bound
            print(f"{case:5} {command:12} median {middle:6.3f} s   worst {worst:6.3f} s   bound {bound} s")
    return 1 if missed else 0


def measure(command: str, *, warm: bool, runs: int) -> list[float]:
    """Seconds to the first line, run after run."""
    with tempfile.TemporaryDirectory() as folder:
        server, port = serve(Path(folder), warm=warm)
        try:
            client = {
                name: boto3.client(
                    name, endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
                    aws_access_key_id="test", aws_secret_access_key="test",
                )
                for name in ("s3", "glue", "logs")
            }  # fmt: skip
            client["s3"].create_bucket(Bucket="bench")
            client["s3"].put_object(Bucket="bench", Key="s.py", Body=SCRIPT.encode())
            client["glue"].create_job(
                Name="bench", Role="r", Command={"Name": command, "ScriptLocation": "s3://bench/s.py"}
            )
            if warm:
                time.sleep(8)  # the first interpreter is being prepared
            return [one(client, pause=6 if warm else 0) for _ in range(runs)]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def one(client: dict[str, Any], *, pause: float) -> float:
    """One run; ``pause`` lets the next interpreter be prepared."""
    began = time.time()
    run = client["glue"].start_job_run(JobName="bench")["JobRunId"]
    while True:
        found = client["glue"].get_job_run(JobName="bench", RunId=run)["JobRun"]
        if "CompletedOn" in found:
            break
        time.sleep(0.02)
    if found["JobRunState"] != "SUCCEEDED":
        raise SystemExit(f"the run ended {found['JobRunState']}: {found.get('ErrorMessage')}")
    events = client["logs"].get_log_events(
        logGroupName=f"{found['LogGroupName']}/output", logStreamName=run, startFromHead=True
    )["events"]
    time.sleep(pause)
    return float(events[0]["message"]) - began


def serve(folder: Path, *, warm: bool) -> tuple[subprocess.Popen[bytes], int]:
    """A server on a free port, answering."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        [sys.executable, "-m", "mastic", "up", "--data-dir", str(folder / "data"), "--port", str(port)],
        env={**os.environ, "MASTIC_WARM_INTERPRETERS": "1" if warm else "0"},
        stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server, port
        except OSError:
            time.sleep(0.05)


if __name__ == "__main__":
    raise SystemExit(main())
