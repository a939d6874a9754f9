"""Environments of functions when the server stops, or is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from mastic.executors.function_process import Assignment, Invocation
from mastic.executors.functions import FunctionPool

CODE = """
import pathlib, time
def handler(event, context):
    pathlib.Path(event["began"]).touch()
    time.sleep(600)
"""


def test_a_call_cut_off_by_the_servers_stop_is_no_failure_of_the_function(tmp_path: Path) -> None:
    """Its caller gets an exception and not an outcome: an event keeps all its attempts."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "main.py").write_text(CODE)
    pool = FunctionPool(tmp_path / "functions", spare=0)
    pool.start()
    began = tmp_path / "began"
    found: list[BaseException | object] = []

    def assignment() -> Assignment:
        path = [str(code), str(pool.libraries)]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(path)}
        return Assignment(
            handler="main.handler", env=env, cwd=code, path=path, memory_mb=256, log_stream="stream"
        )

    def call() -> None:
        invocation = Invocation(
            request_id="r", payload=b'{"began": "%s"}' % str(began).encode(), arn="arn", trace="", timeout=600
        )
        try:
            found.append(pool.invoke("f|1|1", invocation, assignment))
        except RuntimeError as error:
            found.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    waited = threading.Event()
    for _ in range(2400):
        if began.exists() or found:
            break
        waited.wait(0.05)
    assert began.exists(), found
    pool.stop()
    thread.join(240)
    assert len(found) == 1
    with pytest.raises(RuntimeError, match="stopping"):
        raise found[0]  # type: ignore[misc]  # an outcome cannot be raised, and so fails the test


FORKING = """
import os, pathlib, subprocess, time
def handler(event, context):
    forked = os.fork()
    if not forked:
        time.sleep(600)
    started = subprocess.Popen(["sleep", "600"])
    pathlib.Path("pids.new").write_text(f"{forked} {started.pid}")
    os.rename("pids.new", "pids")
    time.sleep(600)
"""
SERVER = """
import sys
from pathlib import Path
from mastic.executors.function_process import Assignment, Invocation
from mastic.executors.functions import FunctionPool
pool, code = FunctionPool(Path(sys.argv[1]), spare=1), Path(sys.argv[2])
pool.start()
pool.expect()
path = [str(code), str(pool.libraries)]
env = {"PATH": "/usr/bin:/bin", "LAMBDA_RUNTIME_DIR": str(pool.libraries)}
call = Invocation(request_id="r", payload=b"{}", arn="arn", trace="", timeout=600)
pool.invoke("f|1|1", call, lambda: Assignment(
    handler="main.handler", env=env, cwd=code, path=path, memory_mb=256, log_stream="s"))
"""


def test_what_functions_of_a_killed_server_started_ends_with_the_next_start(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "main.py").write_text(FORKING)
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path / "functions"), str(code)])
    waited = threading.Event()
    for _ in range(2400):
        if (code / "pids").exists() or server.poll() is not None:
            break
        waited.wait(0.05)
    children = psutil.Process(server.pid).children(recursive=True)
    server.kill()
    server.wait()
    left = [psutil.Process(int(pid)) for pid in (code / "pids").read_text().split()]
    # The processes of the functions die at once, by the kernel's hand.
    gone, _ = psutil.wait_procs([one for one in children if one not in left], timeout=240)
    assert len(gone) == len(children) - 2 >= 1
    assert all(one.is_running() for one in left)
    pool = FunctionPool(tmp_path / "functions", spare=0)
    pool.start()
    try:
        _, alive = psutil.wait_procs(left, timeout=240)
        assert not alive
    finally:
        pool.stop()
