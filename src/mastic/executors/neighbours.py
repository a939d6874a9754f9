"""The process that hosts the neighbours: started when first needed, started again when it is gone.

It runs in a runtime of its own, because what it hosts pins its own libraries. It ends with this server: its
standard input is a pipe that the kernel closes. Owns that process and the directory of its state.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import structlog

from mastic.errors import Refused

log = structlog.get_logger()

RUNTIME = "neighbours"
# The package beside this file is run under its own name, because this package's cannot be imported there.
START = (
    "import runpy, sys; sys.path.append(sys.argv.pop()); "
    "runpy.run_module('neighbour_host', run_name='__main__', alter_sys=True)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where the process listens, and the secret that every request to it must carry."""

    port: int
    secret: str


class NeighbourProcess:
    """``interpreter`` gives the runtime's Python, building it if need be; ``server`` is what the process is told
    about the way back: endpoint, path, token, account, region, credentials.
    """

    def __init__(
        self, *, interpreter: Callable[[], Path], directory: Path, server: Callable[[], dict[str, Any]]
    ) -> None:
        self._interpreter = interpreter
        self._directory = directory
        self._server = server
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address: Address | None = None
        self._stopped = False

    def running(self) -> Address | None:
        """The address of the living process, without starting one."""
        process, address = self._process, self._address
        return address if process is not None and process.poll() is None else None

    def address(self) -> Address:
        """The address, after starting the process if there is none. Raises Refused when it cannot be started."""
        found = self.running()
        if found is not None:
            return found
        with self._lock:
            found = self.running()
            if found is not None:
                return found
            if self._stopped:
                raise Refused("the server is stopping")
            return self._start()

    def stop(self) -> None:
        """End the process. What it answered is on disk."""
        with self._lock:
            self._stopped = True
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self) -> Address:
        python = self._interpreter()
        self._directory.mkdir(parents=True, exist_ok=True)
        secret = secrets.token_hex(32)
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._directory), "LANG": "C.UTF-8"}
        with (self._directory / "host.log").open("ab") as errors:
            process = subprocess.Popen(
                [str(python), "-I", "-c", START, str(Path(__file__).parent)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                cwd=self._directory,
                start_new_session=True,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"state": str(self._directory), "secret": secret, "server": self._server()}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        port = self._port(process, process.stdout)
        self._process, self._address = process, Address(port=port, secret=secret)
        log.info("neighbours_started", pid=process.pid, port=port)
        return self._address

    def _port(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> int:
        line = output.readline()
        if not line:
            process.wait()
            tail = (self._directory / "host.log").read_text(errors="replace")[-2000:]
            raise Refused(f"the process for SQS, SNS and the other neighbours ended at once:\n{tail}")
        # Nothing more is said there; a chatty library must not fill the pipe.
        threading.Thread(target=_drain, args=(output,), daemon=True).start()
        port: int = json.loads(line)["port"]
        return port


def _drain(output: IO[bytes]) -> None:
    for _ in output:
        pass
