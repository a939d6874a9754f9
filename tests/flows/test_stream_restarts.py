"""Streaming runs that are restarted for maintenance: nothing is lost or done twice, whoever is killed meanwhile."""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mastic.glue.jobs.lifecycle import Lifecycle
from mastic.loops.runner import Runner
from mastic.store import job_runs
from tests.conftest import Server
from tests.flows.test_runner import CONTEXT, Crash, Machine, machine, waits_for
from tests.flows.test_streaming_jobs import Streaming

__all__ = ["machine"]
pytestmark = pytest.mark.timeout(2400)
STREAMING = {"Name": "gluestreaming", "ScriptLocation": "s3://b/j.py"}
# What a stream does when it is asked to end between two batches.
LEAVES = "from awsglue._runtime.engine import STATE\nSTATE.leave()"


def streaming(machine: Machine, script: str, **more: Any) -> str:
    machine.objects.put("b", "j.py", script.encode())
    workers = {"WorkerType": "G.025X", "NumberOfWorkers": 2}
    machine.jobs.create_job(CONTEXT, {"Name": "j", "Role": "r", "Command": STREAMING, **workers, **more})
    return machine.start("j", Arguments={"--engine": "sail"})


def runs(machine: Machine) -> list[tuple[str, str]]:
    """(id without the first run's, state) of all runs, oldest first."""
    found = machine.runs.get_job_runs(CONTEXT, {"JobName": "j"})["JobRuns"]
    return [(one["Id"][len("jr_") + 64 :], one["JobRunState"]) for one in reversed(found)]


class Dying:
    """A server that dies whenever it wants to record the end of a run, until it is replaced."""

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine = machine
        self.crashed, self.replaced = threading.Event(), threading.Event()
        finish = Lifecycle.finish

        def crash(lifecycle: Lifecycle, *given: Any) -> Any:
            if self.replaced.is_set():
                return finish(lifecycle, *given)
            self.crashed.set()
            raise Crash

        monkeypatch.setattr(Lifecycle, "finish", crash)
        self.server = machine.serve("one")

    def dies(self) -> None:
        """Wait for that."""
        self.machine.until(self.crashed.is_set)
        self.server.stop()
        assert runs(self.machine) == [("", "RUNNING")]

    def replace(self) -> Runner:
        self.replaced.set()
        return self.machine.serve("two")


def test_a_server_killed_between_end_and_restart(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has gone as it was asked to; nobody has recorded it."""
    run_id = streaming(machine, LEAVES, MaxRetries=2)
    server = Dying(machine, monkeypatch)
    server.dies()
    second = server.replace()
    machine.until(lambda: len(runs(machine)) > 2)
    second.stop()
    assert runs(machine)[:2] == [("", "EXPIRED"), ("_restart_1", "EXPIRED")]
    assert runs(machine)[2][0] == "_restart_2"
    before, after = machine.run(run_id), machine.run(f"{run_id}_restart_1")
    assert before.state_detail == f"Restarted for maintenance as {after.id}."
    assert (after.previous_id, after.attempt) == (before.id, 0)
    assert (after.body, after.plan) == (before.body, before.plan)


def test_a_run_that_does_not_heed_is_ended_after_two_weeks(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the server dies between the end of its process and its restart."""
    run_id = streaming(machine, waits_for(tmp_path), MaintenanceWindow="Sun:3")
    server = Dying(machine, monkeypatch)
    machine.until((tmp_path / "up").exists)
    machine.clock.advance(days=13, hours=23)
    machine.until(lambda: machine.run(run_id).expires > machine.clock.now())  # so the runner has looked
    assert runs(machine) == [("", "RUNNING")]
    (tmp_path / "up").unlink()
    machine.clock.advance(hours=1)
    server.dies()
    server.replace()
    machine.until(lambda: len(runs(machine)) > 1 and (tmp_path / "up").exists())
    machine.until(lambda: runs(machine) == [("", "EXPIRED"), ("_restart_1", "RUNNING")])
    (tmp_path / "enough").touch()
    machine.ended(f"{run_id}_restart_1")
    assert runs(machine) == [("", "EXPIRED"), ("_restart_1", "SUCCEEDED")]


def test_a_run_that_is_stopped_is_not_restarted(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked to stop after its process had gone for its restart."""
    run_id = streaming(machine, LEAVES)
    server = Dying(machine, monkeypatch)
    server.dies()
    assert machine.runs.batch_stop_job_run(CONTEXT, {"JobName": "j", "JobRunIds": [run_id]})["Errors"] == []
    server.replace()
    machine.ended(run_id)
    assert runs(machine) == [("", "STOPPED")]


def test_a_deleted_job_is_not_restarted(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = streaming(machine, LEAVES)
    server = Dying(machine, monkeypatch)
    server.dies()
    machine.jobs.delete_job(CONTEXT, {"JobName": "j"})
    server.replace()
    ended = machine.ended(run_id)
    assert (ended.state, ended.state_detail) == ("EXPIRED", None)
    with machine.store.read() as tx:
        assert job_runs.by_id(tx, CONTEXT.scope, f"{run_id}_restart_1") is None


def age(server: Server) -> None:
    """Eight days older, with a maintenance window that began an hour ago: what time does to a run."""
    now = datetime.now(UTC)
    begun = now - timedelta(hours=1)
    window = f"{'Mon Tue Wed Thu Fri Sat Sun'.split()[begun.weekday()]}:{begun.hour}"
    (path,) = server.data_dir.glob("*.db")
    started = int((now - timedelta(days=8)).timestamp() * 1_000_000)
    with sqlite3.connect(path, timeout=60) as connection:
        changed = connection.execute(
            "UPDATE job_runs SET started_on = ?, body = json_set(body, '$.MaintenanceWindow', ?) "
            "WHERE state = 'RUNNING'",
            (started, window),
        )
        assert changed.rowcount == 1
    connection.close()


def test_a_stream_goes_on_in_another_run(own_server: Server) -> None:
    kinesis = own_server.client("kinesis")
    kinesis.create_stream(StreamName="events", ShardCount=2)
    arn = kinesis.describe_stream_summary(StreamName="events")["StreamDescriptionSummary"]["StreamARN"]
    job = Streaming(own_server, "kinesis", arn, **{"enable-observability-metrics": "true"})

    def put(first: int, last: int) -> None:
        entries = [{"Data": json.dumps({"n": n}), "PartitionKey": str(n)} for n in range(first, last)]
        assert kinesis.put_records(StreamName="events", Records=entries)["FailedRecordCount"] == 0

    put(0, 10)
    run_id = job.glue.start_job_run(JobName="stream")["JobRunId"]
    job.hold("written", 1)
    put(10, 30)
    job.until(lambda: job.keys("written/1/"), "a batch that has written and is held")
    own_server.kill()
    age(own_server)
    own_server.restart()
    put(30, 40)
    assert [one["JobRunState"] for one in job.runs()] == ["RUNNING"]  # the batch under way is waited for
    job.release("written", 1)
    job.until(lambda: [one["JobRunState"] for one in job.runs()] == ["RUNNING", "EXPIRED"], "the restart")
    new, old = job.runs()
    assert (old["Id"], new["Id"]) == (run_id, f"{run_id}_restart_1")
    assert "CompletedOn" in old
    put(40, 50)
    job.until(lambda: job.rows() == list(range(50)), "all rows, once each")
    job.until(lambda: job.committed() == set(job.processed()), "the last commit")
    metrics = own_server.client("cloudwatch").list_metrics(Namespace="Glue")["Metrics"]
    assert "glue.error.ALL" not in {one["MetricName"] for one in metrics}  # what alarms are set on
    job.stop()
    assert set(job.processed().values()) == {1}  # no batch was begun twice
    assert [one["JobRunState"] for one in job.runs()] == ["STOPPED", "EXPIRED"]
