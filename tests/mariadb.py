"""A real MariaDB server for tests, started from the system's binaries."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from tests.ports import free_port

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


@pytest.fixture(scope="session")
def mariadb() -> Iterator[int]:
    """The port of a server (user root, no password, no TLS). Skips where none is installed."""
    server, install = (shutil.which(name, path=_PATH) for name in ("mariadbd", "mariadb-install-db"))
    if server is None or install is None:
        pytest.skip("MariaDB is not installed here")
    home = Path(tempfile.mkdtemp(prefix="mastic-mariadb-"))
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [
            install,
            "--no-defaults",
            f"--datadir={home / 'data'}",
            "--auth-root-authentication-method=normal",
            *user,
        ],
        check=True,
        capture_output=True,
    )
    port = free_port()
    options = [
        "--no-defaults",
        f"--datadir={home / 'data'}",
        f"--socket={home / 'socket'}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--skip-ssl",
        "--innodb-flush-log-at-trx-commit=0",
        *user,
    ]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([server, *options], stdout=log, stderr=log)
    deadline = time.monotonic() + 300
    while True:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="root").close()
            break
        except pymysql.Error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((home / "log").read_text()[-2000:]) from None
            time.sleep(0.1)
    yield port
    process.terminate()
    process.wait(timeout=180)
    shutil.rmtree(home, ignore_errors=True)
