"""What a server has prepared: nothing that nobody may want, and after a restart what there is a use for."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import psutil

from tests.conftest import Server

KINDS = {"function_child.py": "function", "awsglue._runtime.launch": "job"}


def prepared(server: Server) -> set[str]:
    """The kinds of processes that the server has."""
    assert server.process is not None
    told: list[str] = []
    for child in psutil.Process(server.process.pid).children(recursive=True):
        try:
            told += child.cmdline()
        except psutil.Error:
            continue  # it has ended meanwhile
    return {KINDS[Path(word).name] for word in told if Path(word).name in KINDS}


def until(server: Server, expected: set[str]) -> None:
    deadline = time.monotonic() + 240
    while prepared(server) != expected:
        assert time.monotonic() < deadline, prepared(server)
        time.sleep(0.1)


def test_only_what_may_be_wanted_is_prepared(own_server: Server) -> None:
    glue, functions = own_server.client("glue"), own_server.client("lambda")
    assert glue.get_jobs()["Jobs"] == functions.list_functions()["Functions"] == []
    assert prepared(own_server) == set()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", "def handle(event, context):\n    return 1\n")
    role = "arn:aws:iam::123456789012:role/r"
    functions.create_function(
        FunctionName="f", Runtime="python3.11", Role=role, Handler="main.handle", Code={"ZipFile": packed.getvalue()}
    )  # fmt: skip
    until(own_server, {"function"})
    glue.create_job(Name="j", Role=role, Command={"Name": "glueetl", "ScriptLocation": "s3://b/s.py"})
    until(own_server, {"function", "job"})
    own_server.kill()
    own_server.restart()
    until(own_server, {"function", "job"})
