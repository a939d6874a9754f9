"""A real PostgreSQL server for tests, started from the system's binaries.

One server serves all pytest-xdist workers of a session; each test gets a database of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.ports import free_port

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))


def _binary(name: str) -> str | None:
    return shutil.which(name) or (str(BIN[-1] / name) if BIN else None)


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() == 0:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    return command


class Server:
    """The session's server: started by the first user of its directory, stopped by the last."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._state = home / "state.json"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[dict[str, Any]]:
        with (self._home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = json.loads(self._state.read_text()) if self._state.exists() else {"users": 0}
            yield state
            self._state.write_text(json.dumps(state))

    def acquire(self) -> int:
        with self._locked() as state:
            if not state["users"]:
                state.update(self._start())
            state["users"] += 1
            return int(state["port"])

    def release(self) -> None:
        with self._locked() as state:
            state["users"] -= 1
            if not state["users"]:
                _end(state["pid"])
                shutil.rmtree(state["data"], ignore_errors=True)

    def _start(self) -> dict[str, Any]:
        # Not below pytest's own directory, which every session of pytest closes to other users.
        data = Path(tempfile.mkdtemp(prefix="mastic-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(data, "postgres", "postgres")
        subprocess.run(
            _as_postgres(
                [str(_binary("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
            ),
            check=True,
            capture_output=True,
            cwd="/",
        )
        port = free_port()
        options = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 500,
            "shared_buffers": "64MB",
        }
        flags = [f"-c{name}={value}" for name, value in options.items()]
        with (self._home / "postgres.log").open("ab") as log:
            server = subprocess.Popen(
                _as_postgres([str(_binary("postgres")), "-D", str(data), *flags]),
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        deadline = time.monotonic() + 1800
        while True:
            try:
                psycopg.connect(_dsn(port, "postgres"), connect_timeout=20).close()
                return {"port": port, "pid": server.pid, "data": str(data)}
            except psycopg.OperationalError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError((self._home / "postgres.log").read_text()[-4000:]) from None
                time.sleep(0.05)


def _end(pid: int) -> None:
    """Ask a server to shut down at once and wait until it has: it may be another worker's child."""
    server = psutil.Process(pid)
    server.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 180
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)


def _dsn(port: int, database: str) -> str:
    return f"host=127.0.0.1 port={port} user=postgres dbname={database}"


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a PostgreSQL server (user postgres, no password). Skips where none is installed."""
    if _binary("postgres") is None or _binary("initdb") is None:
        pytest.skip("PostgreSQL is not installed here")
    base = tmp_path_factory.getbasetemp()
    # Under xdist each worker has a directory of its own below the session's.
    home = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    server = Server(home)
    port = server.acquire()
    yield port
    server.release()


@contextlib.contextmanager
def database(port: int) -> Iterator[str]:
    """The URL of an empty database, dropped in the end."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(_dsn(port, "postgres"), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/{name}"
    finally:
        with psycopg.connect(_dsn(port, "postgres"), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def cleared(url: str) -> None:
    """Empty a database's tables and begin its counters anew; whoever is still connected is thrown out."""
    plain = url.replace("+psycopg", "", 1)
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        written = admin.execute(
            "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0"
        ).fetchone()
        if written and written[0]:
            admin.execute(f"TRUNCATE {written[0]} CASCADE")
        admin.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
            " FROM pg_sequences WHERE last_value IS NOT NULL"
        )
