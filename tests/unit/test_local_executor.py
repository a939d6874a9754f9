"""Limits and the watch on processes, where the system does not give what is asked for."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mastic.executors import local, processes
from mastic.executors.base import Limits, ProcessId

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of another process: Linux")


def eventually(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(2400):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it does not happen")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    made = subprocess.Popen(["sleep", "600"])
    yield made
    made.kill()
    made.wait()


def test_jobs_are_in_utc_wherever_the_server_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    python, told = tmp_path / "python", tmp_path / "told"
    python.write_text(f"#!/bin/sh\necho $TZ > {told}\n")
    python.chmod(0o755)
    executor = local.LocalExecutor(host="here", interpreter=lambda name: python, directory=tmp_path / "jobs")
    started = executor._spawn("any", python, warm=False)
    started.popen.communicate()
    assert told.read_text() == "UTC\n"


def test_interpreters_are_prepared_of_what_is_expected(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho ready\nread order\n")
    python.chmod(0o755)
    executor = local.LocalExecutor(host="here", interpreter=lambda name: python, directory=tmp_path / "jobs")
    executor.start()
    try:
        executor.expect("one")
        eventually(lambda: [i for i in executor._idle.get("one", []) if i.ready])
        taken = executor.take("one")
        assert taken.warm
        executor.discard(taken)
        executor.expect("two")
        eventually(lambda: [i for i in executor._idle.get("two", []) if i.ready])
        assert sorted(executor._idle) == ["one", "two"]
    finally:
        executor.stop()


@linux
def test_a_refused_niceness_leaves_the_other_limits(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> None:
        raise PermissionError(errno.EACCES, "not allowed")

    monkeypatch.setattr(os, "setpriority", refuse)
    mapped = local._mapped(child.pid)
    local._limit(child.pid, Limits(memory_mb=512))
    least, _ = resource.prlimit(child.pid, resource.RLIMIT_DATA)
    # The process is only just beginning, and may have mapped a little more by then.
    assert 512 << 20 <= least - mapped <= 544 << 20


@linux
def test_a_refused_memory_limit_is_no_failure(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "prlimit", refuse)
    local._limit(child.pid, Limits(memory_mb=512, niceness=7))
    assert os.getpriority(os.PRIO_PROCESS, child.pid) >= 7


def test_a_process_that_is_nicer_already_stays_so(child: subprocess.Popen[bytes]) -> None:
    os.setpriority(os.PRIO_PROCESS, child.pid, 15)
    local._limit(child.pid, Limits(niceness=5))
    assert os.getpriority(os.PRIO_PROCESS, child.pid) == 15


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="without pidfd_open every process is polled")
@pytest.mark.parametrize("number", [errno.EMFILE, errno.EPERM])
def test_no_descriptor_for_a_process_is_not_its_end(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(pid: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    watch, ended = local._ExitWatch(), threading.Event()
    watch.start()
    try:
        process = processes.identify(child.pid)
        assert process is not None
        watch.add(process, ended.set)
        assert not ended.wait(0.3)
        child.kill()
        assert ended.wait(120)
    finally:
        watch.stop()


def test_whoever_is_older_than_the_leader_is_none_of_the_run(child: subprocess.Popen[bytes]) -> None:
    """As after a restart of the machine: a session may have the number that a job's process had before."""
    gone = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)",
        ],
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert gone.stdout is not None
    left = processes.identify(int(gone.stdout.readline()))
    gone.wait()
    assert left is not None
    try:
        its = ProcessId(pid=gone.pid, started=left.started)
        assert processes.of_run("jr_none", its) == {left}
        later = ProcessId(pid=gone.pid, started=left.started + 100)
        assert processes.end("jr_none", later, grace=0)
        assert processes.alive(left)
    finally:
        os.kill(left.pid, signal.SIGKILL)
