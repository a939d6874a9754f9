"""Real servers for tests: the program itself, in its own process, on a free port, in a directory of its own."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

import tests.examples  # noqa: F401 - before any test is made
from tests import order
from tests.postgres import database, postgresql

__all__ = ["postgresql"]

from tests.ports import free_port

ROOT = Path(__file__).parent.parent
RUNTIMES = Path(os.environ.get("MASTIC_RUNTIMES_DIR", ROOT / ".runtimes"))
# Of clients with a busy machine: no call is given up, let alone made twice, because an answer takes long.
PATIENCE = {"connect_timeout": 120, "read_timeout": 300}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order.sort(items)


class Server:
    """A ``mastic up`` of its own. ``env`` are further MASTIC_… settings."""

    def __init__(self, data_dir: Path, env: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.env = env or {}
        self.log = data_dir.parent / f"{data_dir.name}.server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start it and wait until it answers."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MASTIC_"))}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "mastic",
                    "up",
                    "--data-dir",
                    str(self.data_dir),
                    "--port",
                    str(self.port),
                ],
                env={**kept, "MASTIC_RUNTIMES_DIR": str(RUNTIMES), **self.env},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 300  # a busy machine takes its time
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended at once:\n{self.log.read_text()[-4000:]}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=20) as probe:
                    probe.sendall(
                        b"GET /_mastic/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                    )
                    if b"200" in probe.recv(64):
                        return self
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the server does not answer:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> None:
        """Ask it to end and wait."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=180)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def restart(self) -> Server:
        """Start again on the same directory and port, after ``stop`` or ``kill``."""
        return self.start()

    def client(self, service: str, *, region: str = "us-east-1", **config: Any) -> Any:
        """A boto3 client of this server."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(**{"retries": {"total_max_attempts": 1}, **PATIENCE, **config}),
        )

    def aws(self, *arguments: str, check: bool = True, **environ: str) -> str:
        """Run the AWS CLI against this server; returns its standard output."""
        ran = subprocess.run(
            [str(Path(sys.executable).parent / "aws"), *arguments],
            env={
                **os.environ,
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_PAGER": "",
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        if check and ran.returncode:
            raise AssertionError(
                f"aws {' '.join(arguments)} failed ({ran.returncode}):\n{ran.stdout}{ran.stderr}"
            )
        return ran.stdout


@pytest.fixture(scope="session")
def store_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Settings for the store of the shared servers: none, or with MASTIC_TEST_STORE=postgresql such a database."""
    if os.environ.get("MASTIC_TEST_STORE", "sqlite") == "sqlite":
        yield {}
        return
    with database(request.getfixturevalue("postgresql")) as url:
        objects = tmp_path_factory.mktemp("objects")
        key = base64.b64encode(os.urandom(32)).decode()
        yield {"MASTIC_DATABASE_URL": url, "MASTIC_OBJECTS_DIR": str(objects), "MASTIC_ENCRYPTION_KEY": key}


@pytest.fixture(scope="session")
def server(store_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a worker: use names of your own (fixture ``name``), never stop it."""
    running = Server(tmp_path_factory.mktemp("server") / "data", store_settings).start()
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test alone, which may kill and restart it."""
    running = Server(tmp_path / "data").start()
    yield running
    running.stop()


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"
