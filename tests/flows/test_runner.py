"""The runner against real processes, with time in the test's hand and crashes between its steps."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mastic.aws.logs.ingest import Logs
from mastic.clock import ManualClock
from mastic.context import Context
from mastic.executors import processes
from mastic.executors.base import Limits, ProcessId
from mastic.executors.local import LocalExecutor
from mastic.executors.modules import ModuleEnvironments
from mastic.executors.runtimes import Runtimes
from mastic.executors.traffic import Traffic
from mastic.glue.jobs import messages
from mastic.glue.jobs.definitions import Jobs
from mastic.glue.jobs.lifecycle import Lifecycle, Outcome
from mastic.glue.jobs.preparation import Preparation
from mastic.glue.jobs.runs import JobRuns
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.loops.concluding import SURVIVORS
from mastic.loops.job_logs import JobLogs
from mastic.loops.job_meters import JobMeters
from mastic.loops.launching import MOST_FAILURES, Launcher
from mastic.loops.runner import Runner
from mastic.objects.blobs import Blobs
from mastic.objects.local import LocalObjects
from mastic.store import job_runs, log_events, logs
from mastic.store.engine import Store
from tests.conftest import RUNTIMES

CONTEXT = Context()


class Crash(BaseException):
    """The server's end, at a chosen step."""


class Machine:
    """One store and directory; servers on it come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(f"sqlite:///{folder}/store.db")
        self.store.create_all()
        self.clock = ManualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
        self.ids = Ids()
        self.objects = LocalObjects(
            store=self.store,
            blobs=Blobs(folder / "objects"),
            clock=self.clock,
            ids=self.ids,
            account="123456789012",
        )
        self.objects.create_bucket("b", region="us-east-1")
        self.lifecycle = Lifecycle(clock=self.clock, ids=self.ids)
        pager = Pager("00")
        self.jobs = Jobs(
            store=self.store, clock=self.clock, ids=self.ids, lifecycle=self.lifecycle, pager=pager,
            default_glue_version="5.1",
        )  # fmt: skip
        self.runs = JobRuns(store=self.store, clock=self.clock, lifecycle=self.lifecycle, pager=pager)
        self.runtimes = Runtimes(RUNTIMES)
        self._servers: list[tuple[Runner, LocalExecutor]] = []

    def serve(
        self,
        holder: str,
        *,
        most: int = 8,
        warm: int = 0,
        host: str = "h",
        kind: type[LocalExecutor] = LocalExecutor,
    ) -> Runner:
        """A server's runner and executor, started."""
        executor = kind(
            host=host, interpreter=self.runtimes.interpreter, directory=self.folder / "interpreters", warm=warm,
            most=most,
        )  # fmt: skip
        preparation = Preparation(
            objects=self.objects, endpoint="http://127.0.0.1:9", credentials=lambda run: {}, default_engine="auto",
            modules=ModuleEnvironments(directory=self.folder / "modules", interpreter=self.runtimes.interpreter),
            installed=lambda name: self.runtimes.interpreter(name) is not None,
            memory_mb=executor.memory_mb, cores=executor.cores,
        )  # fmt: skip
        launcher = Launcher(
            store=self.store, clock=self.clock, lifecycle=self.lifecycle, preparation=preparation, executor=executor,
            directory=self.folder / "runs",
        )  # fmt: skip
        sink = Logs(store=self.store, clock=self.clock)
        runner = Runner(
            store=self.store, clock=self.clock, holder=holder, lifecycle=self.lifecycle, launcher=launcher,
            executor=executor, logs=JobLogs(store=self.store, clock=self.clock, sink=sink),
            meters=JobMeters(
                store=self.store, clock=self.clock, executor=executor, traffic=Traffic(), put=lambda *given: None,
            ),
            spark_installed=lambda: False,
        )  # fmt: skip
        executor.start()
        executor.expect("sail")
        runner.start()
        self._servers.append((runner, executor))
        return runner

    def close(self) -> None:
        for runner, executor in self._servers:
            runner.stop()
            executor.stop()
        self.store.close()

    def job(self, name: str, script: str, **more: Any) -> str:
        self.objects.put("b", f"{name}.py", script.encode())
        command = {"Name": "pythonshell", "ScriptLocation": f"s3://b/{name}.py"}
        self.jobs.create_job(CONTEXT, {"Name": name, "Role": "r", "Command": command, **more})
        return name

    def start(self, job: str, **more: Any) -> str:
        return str(self.runs.start_job_run(CONTEXT, {"JobName": job, **more})["JobRunId"])

    def run(self, run_id: str) -> job_runs.JobRun:
        with self.store.read() as tx:
            found = job_runs.by_id(tx, CONTEXT.scope, run_id)
        assert found is not None
        return found

    def ended(self, run_id: str) -> job_runs.JobRun:
        self.until(lambda: self.run(run_id).completed_on is not None)
        return self.run(run_id)

    def until(self, true: Callable[[], Any], seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "not reached"
            time.sleep(0.02)

    def lines(self, run_id: str) -> list[str]:
        with self.store.read() as tx:
            group = logs.get_group(tx, CONTEXT.scope, "/aws-glue/python-jobs/output")
            stream = logs.get_stream(tx, group, run_id) if group else None
            if stream is None:
                return []
            wanted = log_events.Range(group_id=stream.group_id, stream_ids=(stream.id,))
            return [event.message for event in log_events.forward(tx, wanted)]

    def process(self, run_id: str) -> ProcessId:
        """The newest process of a run."""
        with self.store.read() as tx:
            launch = job_runs.last_launch(tx, self.run(run_id).seq)
        assert launch is not None
        return ProcessId(pid=launch.pid, started=launch.process_started)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    if made.runtimes.interpreter("sail") is None:
        pytest.skip("the runtime sail is not installed: make runtimes")
    yield made
    made.close()


def test_a_run_times_out_by_the_clock(machine: Machine, tmp_path: Path) -> None:
    job = machine.job("j", f"open({str(tmp_path / 'up')!r}, 'w'); import time; time.sleep(600)", Timeout=2)
    run_id = machine.start(job)
    machine.serve("one")
    machine.until((tmp_path / "up").exists)
    machine.clock.advance(seconds=119)
    time.sleep(0.5)
    assert machine.run(run_id).state == "RUNNING"
    machine.clock.advance(seconds=2)
    ended = machine.ended(run_id)
    assert ended.state == "TIMEOUT"
    assert ended.error_message == "Job run timed out after 2 minutes"
    assert ended.execution_seconds == 121


def test_a_run_times_out_though_its_server_was_replaced(machine: Machine, tmp_path: Path) -> None:
    job = machine.job("j", f"open({str(tmp_path / 'up')!r}, 'w'); import time; time.sleep(600)", Timeout=2)
    run_id = machine.start(job)
    first = machine.serve("one")
    machine.until((tmp_path / "up").exists)
    first.stop()
    machine.clock.advance(minutes=3)
    machine.serve("two")
    assert machine.ended(run_id).state == "TIMEOUT"


def test_a_crash_before_the_order_is_given_runs_the_script_once(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is on record and the run RUNNING, but nobody told the process: its input just ends."""
    count = tmp_path / "count"
    job = machine.job("j", f"open({str(count)!r}, 'a').write('x')")
    begin = LocalExecutor.begin
    crashed = threading.Event()

    def crash(self: LocalExecutor, waiting: Any, order: Path, limits: Limits) -> bool:
        if crashed.is_set():
            return begin(self, waiting, order, limits)
        crashed.set()
        waiting.popen.stdin.close()  # what the kernel does when the server dies
        raise Crash

    monkeypatch.setattr(LocalExecutor, "begin", crash)
    run_id = machine.start(job)
    first = machine.serve("one")
    machine.until(crashed.is_set)
    machine.until(lambda: machine.run(run_id).state == "RUNNING")
    first.stop()
    machine.serve("two")
    assert machine.ended(run_id).state == "SUCCEEDED"
    assert count.read_text() == "x"
    with machine.store.read() as tx:
        launch = job_runs.last_launch(tx, machine.run(run_id).seq)
    assert launch is not None
    assert launch.number == 1


def test_a_crash_before_the_process_is_on_record(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = tmp_path / "count"
    job = machine.job("j", f"open({str(count)!r}, 'a').write('x')")
    record = Launcher._record
    crashed = threading.Event()

    def crash(self: Launcher, *given: Any) -> Any:
        if crashed.is_set():
            return record(self, *given)
        crashed.set()
        raise Crash

    monkeypatch.setattr(Launcher, "_record", crash)
    run_id = machine.start(job)
    first = machine.serve("one")
    machine.until(crashed.is_set)
    assert machine.run(run_id).state == "STARTING"
    first.stop()
    machine.serve("two")
    assert machine.ended(run_id).state == "SUCCEEDED"
    assert count.read_text() == "x"


def test_a_crash_between_the_last_line_and_the_end(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    job = machine.job("j", "for n in range(100): print(n)\nprint('no end of line', end='')")
    finish = Lifecycle.finish
    crashed = threading.Event()

    def crash(self: Lifecycle, *given: Any) -> Any:
        if crashed.is_set():
            return finish(self, *given)
        crashed.set()
        raise Crash

    monkeypatch.setattr(Lifecycle, "finish", crash)
    run_id = machine.start(job)
    first = machine.serve("one")
    machine.until(crashed.is_set)
    first.stop()
    machine.serve("two")
    assert machine.ended(run_id).state == "SUCCEEDED"
    assert machine.lines(run_id) == [*map(str, range(100)), "no end of line"]


def waits_for(path: Path) -> str:
    """A script that says that it is up, and ends when there is a file "enough"."""
    return f"""
import os, time
open({str(path / "up")!r}, "w").close()
while not os.path.exists({str(path / "enough")!r}):
    time.sleep(0.02)
print("done")
"""


def test_a_run_given_back_waits_for_its_host(machine: Machine, tmp_path: Path) -> None:
    run_id = machine.start(machine.job("j", waits_for(tmp_path)))
    first = machine.serve("one", host="a")
    machine.until((tmp_path / "up").exists)
    machine.serve("two", host="b")
    first.stop()
    machine.clock.advance(seconds=60)
    other = machine.start(machine.job("k", "print(1)"))
    assert machine.ended(other).state == "SUCCEEDED"  # so the other host has looked for work
    assert machine.run(run_id).state == "RUNNING"
    machine.serve("three", host="a")
    machine.until(lambda: machine.run(run_id).holder == "three")
    (tmp_path / "enough").touch()
    assert machine.ended(run_id).state == "SUCCEEDED"
    assert machine.lines(run_id) == ["done"]


def test_a_host_that_stays_away_has_lost_its_runs(machine: Machine, tmp_path: Path) -> None:
    """... and when it comes back, it ends what is left of them."""
    run_id = machine.start(machine.job("j", waits_for(tmp_path)))
    machine.serve("one", host="a").stop()
    machine.serve("again", host="a")
    machine.until((tmp_path / "up").exists)
    process = machine.process(run_id)
    machine._servers[-1][0].stop()
    machine.serve("two", host="b")
    machine.clock.advance(seconds=job_runs.RESERVED.total_seconds() - 5)
    assert machine.run(run_id).state == "RUNNING"

    def ended_in_time() -> bool:
        machine.clock.advance(seconds=1)
        return machine.run(run_id).completed_on is not None

    machine.until(ended_in_time)
    ended = machine.run(run_id)
    assert (ended.state, ended.error_message) == ("FAILED", "The host a of the job was lost.")
    assert processes.alive(process)
    machine.serve("three", host="a")
    machine.until(lambda: not processes.alive(process))


def test_a_process_ends_when_its_run_was_ended_elsewhere(machine: Machine, tmp_path: Path) -> None:
    run_id = machine.start(machine.job("j", waits_for(tmp_path)))
    machine.serve("one", host="a")
    machine.until((tmp_path / "up").exists)
    process = machine.process(run_id)
    with machine.store.write() as tx:  # what another host does when this one was cut off for long
        machine.lifecycle.finish(tx, machine.run(run_id), Outcome(state="FAILED", error_message="lost"))
    machine.until(lambda: not processes.alive(process))
    runner, _ = machine._servers[0]
    machine.until(lambda: not runner._watched)
    ended = machine.run(run_id)
    assert (ended.state, ended.error_message) == ("FAILED", "lost")
    assert not (tmp_path / "runs" / f"{ended.seq}-0").exists()


class Stubborn(LocalExecutor):
    """A machine on which a process hangs in the kernel: no signal ends it while ``hangs``; then one attempt fails."""

    hangs = True
    fails = True

    def kill(self, run_id: str, process: ProcessId | None, *, grace: float) -> bool:
        if self.fails and not self.hangs:
            self.fails = False
            raise RuntimeError("out of order")
        return False if self.hangs else super().kill(run_id, process, grace=grace)


def test_what_survives_a_stop_is_told_and_tried_again(machine: Machine, tmp_path: Path) -> None:
    job = machine.job("j", waits_for(tmp_path))
    run_id = machine.start(job)
    machine.serve("one", kind=Stubborn)
    machine.until((tmp_path / "up").exists)
    process = machine.process(run_id)
    machine.runs.batch_stop_job_run(CONTEXT, {"JobName": job, "JobRunIds": [run_id]})
    ended = machine.ended(run_id)
    assert (ended.state, ended.state_detail) == ("STOPPED", SURVIVORS)
    assert processes.alive(process)
    executor = machine._servers[0][1]
    assert isinstance(executor, Stubborn)
    executor.hangs = False

    def gone() -> bool:
        machine.clock.advance(seconds=1)
        return not processes.alive(process)

    machine.until(gone)


def test_a_stopped_run_is_not_started(machine: Machine, tmp_path: Path) -> None:
    job = machine.job("j", f"open({str(tmp_path / 'ran')!r}, 'w')")
    run_id = machine.start(job)
    machine.runs.batch_stop_job_run(CONTEXT, {"JobName": job, "JobRunIds": [run_id]})
    machine.serve("one")
    assert machine.ended(run_id).state == "STOPPED"
    assert not (tmp_path / "ran").exists()


def test_places_are_not_exceeded_and_all_get_theirs(machine: Machine, tmp_path: Path) -> None:
    script = f"""
import os, time
mine = os.path.join({str(tmp_path)!r}, "active-" + str(os.getpid()))
open(mine, "w").close()
print(len([n for n in os.listdir({str(tmp_path)!r}) if n.startswith("active-")]))
time.sleep(0.2)
os.remove(mine)
"""
    job = machine.job("j", script, ExecutionProperty={"MaxConcurrentRuns": 50})
    ids = [machine.start(job) for _ in range(8)]
    machine.serve("one", most=3)
    assert {machine.ended(run_id).state for run_id in ids} == {"SUCCEEDED"}
    assert max(int(machine.lines(run_id)[0]) for run_id in ids) <= 3


@pytest.mark.parametrize("key", ["lib/", "lib/..", "lib/" + "x" * 256 + ".py"])
def test_a_file_without_a_name_ends_the_run(machine: Machine, key: str) -> None:
    machine.objects.put("b", key, b"x = 1")
    run_id = machine.start(
        machine.job("j", "print(1)", DefaultArguments={"--extra-py-files": f"s3://b/{key}"})
    )
    machine.serve("one")
    ended = machine.ended(run_id)
    assert ended.state == "FAILED"
    assert f"--extra-py-files 's3://b/{key}' does not end in a name" in (ended.error_message or "")


def test_what_fails_while_launching_is_tried_again_but_not_for_ever(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def broken(self: Preparation, run: job_runs.JobRun, *given: Any) -> Any:
        tried.append(run.id)
        raise RuntimeError("out of order")

    monkeypatch.setattr(Preparation, "order", broken)
    run_id = machine.start(machine.job("j", "print(1)", MaxRetries=1))
    machine.serve("one")

    def ended_in_time() -> bool:
        machine.clock.advance(seconds=5)
        return machine.run(run_id).completed_on is not None

    machine.until(ended_in_time)
    ended = machine.run(run_id)
    assert ended.state == "FAILED"
    assert ended.error_message == "The job process could not be started: RuntimeError: out of order"
    assert tried == [run_id] * MOST_FAILURES


def test_a_process_that_cannot_be_told_its_order_is_replaced(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, failed = LocalExecutor.begin, threading.Event()

    def once_broken(self: LocalExecutor, *given: Any) -> bool:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("out of order")
        return begin(self, *given)

    monkeypatch.setattr(LocalExecutor, "begin", once_broken)
    run_id = machine.start(machine.job("j", "print('once')"))
    machine.serve("one")
    assert machine.ended(run_id).state == "SUCCEEDED"
    assert machine.lines(run_id) == ["once"]
    with machine.store.read() as tx:
        assert job_runs.strays(tx, "h") == [], "the first process is on record as ended, too"


@pytest.mark.parametrize(
    "left", ["", "[]", '{"version": 1}', '{"version": 9, "state": "SUCCEEDED", "exit_code": 0}']
)
def test_a_result_that_cannot_be_read_is_a_failure(machine: Machine, left: str) -> None:
    """Its last act is cut short: the process is gone, and what it left says nothing."""
    gone = "ctypes.CDLL(None)._exit(0)"  # os._exit(0) is a good end, with a result
    script = f"import ctypes; open('../result.json', 'w').write({left!r}); {gone}"
    run_id = machine.start(machine.job("j", script))
    machine.serve("one")
    ended = machine.ended(run_id)
    assert ended.state == "FAILED"
    assert "The result that the job process left cannot be read" in (ended.error_message or "")


def test_what_a_script_leaves_behind_ends_with_it(machine: Machine, tmp_path: Path) -> None:
    script = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
"""
    run_id = machine.start(machine.job("j", script))
    machine.serve("one")
    assert machine.ended(run_id).state == "SUCCEEDED"
    left = processes.identify(int((tmp_path / "pid").read_text()))
    assert left is None or not processes.alive(left)


def test_memory_is_limited(machine: Machine) -> None:
    run_id = machine.start(machine.job("j", "x = bytearray(2_000_000_000); print(len(x))"))
    machine.serve("one")
    ended = machine.ended(run_id)
    assert ended.state == "FAILED"
    assert "MemoryError" in (ended.error_message or "")


def test_a_prepared_interpreter_is_used_and_replaced(machine: Machine) -> None:
    machine.serve("one", warm=1)
    _, executor = machine._servers[0]
    machine.until(lambda: any(item.ready for item in executor._idle.get("sail", [])))
    prepared = executor._idle["sail"][0].process.pid
    run_id = machine.start(machine.job("j", "import os; print(os.getpid(), os.environ.get('MASTIC_WARM'))"))
    assert machine.ended(run_id).state == "SUCCEEDED"
    assert machine.lines(run_id) == [f"{prepared} None"]
    machine.until(lambda: bool(executor._idle["sail"]) and executor._idle["sail"][0].process.pid != prepared)


def test_a_token_is_good_for_the_present_process_only(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "token"
    job = machine.job(
        "j",
        f"import os, time; open({str(path)!r}, 'w').write(os.environ['MASTIC_CHANNEL_TOKEN']); time.sleep(600)",
    )
    run_id = machine.start(job)
    machine.serve("one")
    machine.until(lambda: path.exists() and path.read_text())
    channel = messages.Messages(store=machine.store, clock=machine.clock)
    commit = b'{"version": 1, "type": "bookmark.commit", "bookmark": {"ctx": {"n": 1}}}'
    assert channel.answer(path.read_text(), commit).status == 200
    run = machine.run(run_id)
    with machine.store.write() as tx:
        job_runs.add_launch(
            tx, run=run.seq, number=1, directory=str(tmp_path), runtime="sail", engine="auto", host="h",
            token_hash=messages.token_hash("newer"), pid=os.getpid(), process_started=0.0,
            launched_on=machine.clock.now(),
        )  # fmt: skip
    assert channel.answer(path.read_text(), commit).status == 403
    assert channel.answer("newer", commit).status == 200
    machine.runs.batch_stop_job_run(CONTEXT, {"JobName": job, "JobRunIds": [run_id]})
    assert machine.ended(run_id).state == "STOPPED"
    assert channel.answer("newer", commit).status == 403


def test_a_process_is_not_mistaken_for_another_of_its_number() -> None:
    me = processes.identify(os.getpid())
    assert me is not None
    assert processes.alive(me)
    assert not processes.alive(ProcessId(pid=me.pid, started=me.started + 1))


def test_ending_spares_strangers() -> None:
    """A recorded process whose number another process has by now is left alone."""
    import subprocess

    stranger = subprocess.Popen(["sleep", "600"])
    try:
        real = processes.identify(stranger.pid)
        assert real is not None
        assert processes.end("jr_none", ProcessId(pid=real.pid, started=real.started - 1), grace=0)
        assert stranger.poll() is None
    finally:
        stranger.send_signal(signal.SIGKILL)
        stranger.wait()
