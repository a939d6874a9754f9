"""From StartJobRun to the script's first line: with a prepared interpreter (warm) and without (cold).

    python -m benchmarks.job_start [runs] [--spark 5.1|6.0]

Starts a server of its own for each case. Time is measured from before the call to the first statement of the
script, which notes its own clock. With --spark (a Glue version) it is the first result of a Spark session instead,
with the archive of Spark's classes and without.
"""

from __future__ import annotations

import argparse
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
SPARK_SCRIPT = """
import time
from awsglue.context import GlueContext
from pyspark.context import SparkContext
spark = GlueContext(SparkContext.getOrCreate()).spark_session
assert spark.range(3).count() == 3
print(time.time())
"""
RUNTIMES = Path(os.environ.get("MASTIC_RUNTIMES_DIR", ".runtimes"))
BOUNDS = {"warm": 0.5, "cold": 1.5}


def main() -> int:
    """Print the figures; 1 when a bound is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=int, nargs="?", default=7)
    parser.add_argument("--spark", default="", help="Glue version of jobs on Apache Spark")
    given = parser.parse_args()
    runs = given.runs
    if given.spark:
        return spark(given.spark, runs)
    missed = False
    for case, bound in BOUNDS.items():
        for command in ("pythonshell", "glueetl"):
            seconds = measure(command, warm=case == "warm", runs=runs)
            worst, middle = max(seconds), statistics.median(seconds)
            missed = missed or middle > bound
            print(f"{case:5} {command:12} median {middle:6.3f} s   worst {worst:6.3f} s   bound {bound} s")
    return 1 if missed else 0


def spark(version: str, runs: int) -> int:
    """Print the figures of jobs on Spark."""
    runtime = "spark-4.1" if version == "6.0" else "spark-3.5"
    archive = next((RUNTIMES / runtime).glob("lib/python*/site-packages/pyspark")) / "mastic-classes.jsa"
    aside = archive.with_suffix(".aside")
    more = {"GlueVersion": version, "DefaultArguments": {"--engine": "spark"}}
    for case in ("cold", "archive", "archive and interpreter"):
        if case == "cold":
            archive.rename(aside)
        try:
            seconds = measure(
                "glueetl", warm=case.endswith("interpreter"), runs=runs, script=SPARK_SCRIPT, **more
            )
        finally:
            if case == "cold":
                aside.rename(archive)
        # The first run of a server finds nothing prepared.
        seconds = seconds[1:] or seconds
        print(f"{runtime} {case:24} median {statistics.median(seconds):6.3f} s   worst {max(seconds):6.3f} s")
    return 0


def measure(command: str, *, warm: bool, runs: int, script: str = SCRIPT, **more: Any) -> list[float]:
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
            client["s3"].put_object(Bucket="bench", Key="s.py", Body=script.encode())
            client["glue"].create_job(
                Name="bench", Role="r", Command={"Name": command, "ScriptLocation": "s3://bench/s.py"}, **more
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
