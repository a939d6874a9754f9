"""The store under test, on SQLite and on a real PostgreSQL server that the test session starts.

One PostgreSQL server serves all pytest-xdist workers of a session; each test gets a database of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.catalog.databases import Databases
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.partition_lists import PartitionLists
from mastic.glue.catalog.partitions import Partitions
from mastic.glue.catalog.sweeping import Sweeper
from mastic.glue.catalog.tables import Tables
from mastic.glue.catalog.versions import TableVersions
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.store.engine import Store
from mastic.wire.dispatch import Dispatcher, Registry

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))


def _binary(name: str) -> str | None:
    return shutil.which(name) or (str(BIN[-1] / name) if BIN else None)


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() == 0:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    return command


class _Postgres:
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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        options = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 300,
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
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(_dsn(port, "postgres"), connect_timeout=2).close()
                return {"port": port, "pid": server.pid, "data": str(data)}
            except psycopg.OperationalError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError((self._home / "postgres.log").read_text()[-4000:]) from None
                time.sleep(0.05)


def _end(pid: int) -> None:
    """Ask a server to shut down at once and wait until it has: it may be another worker's child."""
    server = psutil.Process(pid)
    server.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 30
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
    server = _Postgres(home)
    port = server.acquire()
    yield port
    server.release()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    port = request.getfixturevalue("postgresql")
    database = f"t{uuid.uuid4().hex}"
    with psycopg.connect(_dsn(port, "postgres"), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{database}"')
    yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/{database}"
    with psycopg.connect(_dsn(port, "postgres"), autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)')


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store with all tables."""
    made = Store(store_url)
    made.create_all()
    yield made
    made.close()


class Catalog:
    """The Data Catalog's operations on a store, called as the wire calls them but without a wire."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = ManualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        self.pager = Pager("00" * 32)
        self.sweeper = Sweeper(store=store, clock=self.clock)
        registry = Registry()
        changing: dict[str, Any] = {
            "store": store,
            "clock": self.clock,
            "events": Events(ids=Ids(), wanted=lambda tx, scope: True),
        }
        registry.add("glue", Databases(pager=self.pager, sweeper=self.sweeper, **changing))
        registry.add("glue", Tables(pager=self.pager, sweeper=self.sweeper, **changing))
        registry.add("glue", TableVersions(store=store, pager=self.pager))
        registry.add("glue", Partitions(**changing))
        registry.add("glue", PartitionLists(store=store, pager=self.pager))
        self.dispatcher = Dispatcher(registry)

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        """Call an operation; raises ServiceError."""
        return self.dispatcher.invoke(Context(operation=operation), "glue", operation, request)

    def pages(self, operation: str, member: str, **request: Any) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        token = None
        while True:
            reply = self(operation, **request, **({"NextToken": token} if token else {}))
            found += reply[member]
            token = reply.get("NextToken")
            if not token:
                return found

    def refusal(self, operation: str, **request: Any) -> ServiceError:
        """The error that the operation ends with."""
        with pytest.raises(ServiceError) as raised:
            self(operation, **request)
        return raised.value


@pytest.fixture
def catalog(store: Store) -> Catalog:
    """The catalog on both databases."""
    return Catalog(store)
