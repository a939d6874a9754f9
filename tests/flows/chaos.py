"""Runs with bookmarks while processes are killed: a harness for tests and for ``benchmarks/job_crashes.py``.

Every round puts a few new rows into a folder, starts a run that copies the rows it has not seen, and kills the job's
process or the server (which supervises it) at a moment of its own. A run's output counts when its bookmark was
committed: then every row has to be in exactly one output that counts.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import Server

BUCKET = JOB = "chaos"
SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

options = getResolvedOptions(sys.argv, ["JOB_NAME"])
glue = GlueContext(SparkContext.getOrCreate())
job = Job(glue)
job.init(options["JOB_NAME"], options)
rows = glue.create_dynamic_frame.from_options(
    "s3", {"paths": ["s3://chaos/in/"]}, format="json", transformation_ctx="rows"
)
run = sys.argv[sys.argv.index("--JOB_RUN_ID") + 1]
if rows.count():
    rows.toDF().write.mode("overwrite").json(f"s3://chaos/out/{run}/")
job.commit()
"""


@dataclass(kw_only=True)
class Report:
    """What happened; ``missing`` and ``doubled`` are rows, and both have to be empty."""

    rounds: int = 0
    rows: int = 0
    states: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    committed: int = 0
    missing: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)


class Chaos:
    """A server, a job, and somebody who kills."""

    def __init__(self, server: Server, *, seed: int, longest: float = 4.0) -> None:
        self._server = server
        self._random = random.Random(seed)
        self._longest = longest
        self._glue = server.client("glue", retries={"total_max_attempts": 10})
        self._s3 = server.client("s3", retries={"total_max_attempts": 10})
        self._s3.create_bucket(Bucket=BUCKET)
        self._s3.put_object(Bucket=BUCKET, Key="job.py", Body=SCRIPT.encode())
        self._glue.create_job(
            Name=JOB,
            Role="r",
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/job.py"},
            GlueVersion="5.0",
            DefaultArguments={"--job-bookmark-option": "job-bookmark-enable", "--engine": "sail"},
        )
        self._committed: set[str] = set()
        self.report = Report()

    def go(self, rounds: int, *, until: float | None = None) -> Report:
        """So many rounds with a killing each (as many as begin before ``until``), and one in peace; then count."""
        for _ in range(rounds):
            if until is not None and time.monotonic() > until:
                break
            self._round(self._random.choice(("job", "job", "server", "both")))
        self._round("")
        self._count()
        return self.report

    def _round(self, victim: str) -> None:
        self._feed()
        run_id = self._glue.start_job_run(JobName=JOB)["JobRunId"]
        if victim:
            time.sleep(self._random.uniform(0, self._longest))
            self._kill(victim, run_id)
        ended = self._wait(run_id)
        self.report.rounds += 1
        self.report.states[ended["JobRunState"]] += 1
        if not victim and ended["JobRunState"] != "SUCCEEDED":
            raise AssertionError(f"a run in peace ended {ended['JobRunState']}: {ended.get('ErrorMessage')}")
        self._note(run_id)

    def _feed(self) -> None:
        count = self._random.randint(1, 5)
        first = self.report.rows
        lines = "".join(json.dumps({"n": n}) + "\n" for n in range(first, first + count))
        self._s3.put_object(Bucket=BUCKET, Key=f"in/{first:06}.json", Body=lines.encode())
        self.report.rows += count

    def _kill(self, victim: str, run_id: str) -> None:
        pid = self._pid(run_id) if victim in ("job", "both") else None
        if victim in ("server", "both"):
            self._server.kill()
            self.report.kills["server"] += 1
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
                self.report.kills["job"] += 1
            except ProcessLookupError:
                self.report.kills["too late"] += 1
        if victim in ("server", "both"):
            self._restart()

    def _restart(self) -> None:
        """On a busy machine a server may need longer than its patience; then it is killed once more."""
        for _ in range(4):
            try:
                self._server.restart()
                return
            except RuntimeError as error:
                if "does not answer" not in str(error):
                    raise
                self._server.kill()
        self._server.restart()

    def _pid(self, run_id: str) -> int | None:
        """The process of a run, from the server's own record of it; None before there is one."""
        (path,) = self._server.data_dir.glob("*.db")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as connection:
            row = connection.execute(
                "SELECT pid FROM job_launches JOIN job_runs ON job_runs.seq = job_launches.run "
                "WHERE id = ? AND NOT ended ORDER BY job_launches.number DESC",
                (run_id,),
            ).fetchone()
        return None if row is None else int(row[0])

    def _wait(self, run_id: str, seconds: float = 300) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                found: dict[str, Any] = self._glue.get_job_run(JobName=JOB, RunId=run_id)["JobRun"]
            except (BotoCoreError, ClientError) as error:
                if "not found" in str(error):
                    raise
                continue
            if "CompletedOn" in found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{run_id} does not end; server log:\n{self._server.log.read_text()[-3000:]}")

    def _note(self, run_id: str) -> None:
        """Whether this run committed: then the job's bookmark is its own."""
        try:
            entry = self._glue.get_job_bookmark(JobName=JOB)["JobBookmarkEntry"]
        except self._glue.exceptions.EntityNotFoundException:
            return
        if entry["RunId"] == run_id:
            self._committed.add(run_id)

    def _count(self) -> None:
        seen: Counter[int] = Counter()
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="out/"):
            for item in page.get("Contents", ()):
                if item["Key"].split("/")[1] in self._committed and not item["Key"].endswith("_SUCCESS"):
                    body = self._s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
                    seen.update(json.loads(line)["n"] for line in body.splitlines())
        self.report.committed = len(self._committed)
        self.report.missing = [n for n in range(self.report.rows) if n not in seen]
        self.report.doubled = [n for n, times in seen.items() if times > 1]
