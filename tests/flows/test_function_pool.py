"""Environments of functions when the server stops."""

from __future__ import annotations

import os
import threading
from pathlib import Path

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
    for _ in range(600):
        if began.exists() or found:
            break
        waited.wait(0.05)
    assert began.exists(), found
    pool.stop()
    thread.join(30)
    assert len(found) == 1
    with pytest.raises(RuntimeError, match="stopping"):
        raise found[0]  # type: ignore[misc]  # an outcome cannot be raised, and so fails the test
