"""A Spark cluster outside: what its executors need of this driver, and whether it can be reached. Owns no state.

The driver is this process. Executors get the job library and the run's modules as files of the application, the
run's AWS settings as their environment, and read and write this process's scratch folder by its path.
"""

from __future__ import annotations

import json
import os
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STANDALONE = "spark://"
CONNECT = "sc://"
CONNECT_PORT = 15002
PATIENCE = 10.0  # seconds for one master to take a connection
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ClusterUnreachable(Exception):
    """No master of the cluster that the operator has named takes connections."""


def master() -> str:
    """The cluster's address; empty where Spark runs in this process alone."""
    found = os.environ.get("MASTIC_SPARK_MASTER", "")
    return "" if found.startswith("local") else found


def connected() -> bool:
    """Whether Spark is behind a Connect server, and not this process's own driver."""
    return master().startswith(CONNECT)


def shown() -> str:
    """The cluster's address without what else it may hold: a Connect server's may have a token in it."""
    return master().partition(";")[0].removesuffix("/") if connected() else master()


def operators() -> dict[str, str]:
    """What the operator sets for every job on Spark."""
    found: dict[str, str] = json.loads(os.environ.get("MASTIC_SPARK_CONF") or "{}")
    return found


def settings() -> dict[str, str]:
    """What a driver of a cluster is told beside what any driver is told."""
    size: dict[str, int] = json.loads(os.environ.get("MASTIC_SPARK_WORKERS") or "{}")
    found = {
        f"spark.executorEnv.{name}": value for name, value in os.environ.items() if name.startswith("AWS_")
    }
    if master().startswith(STANDALONE):
        host = _address()
        found |= {
            "spark.driver.host": host,
            "spark.driver.bindAddress": host if host in _LOOPBACK else "0.0.0.0",
        }
        if size:
            found["spark.cores.max"] = str(size["cores"])
    else:
        # Where executors are asked for one by one. The driver's own name is the host's.
        found |= {"spark.driver.host": socket.getfqdn(), "spark.driver.bindAddress": "0.0.0.0"}
        if size:
            found["spark.executor.instances"] = str(size["count"])
    return found


def check() -> None:
    """Raise ClusterUnreachable rather than let Spark wait for a master that is not there."""
    told = []
    masters = list(_masters())
    for host, port in masters:
        try:
            socket.create_connection((host, port), timeout=PATIENCE).close()
            return
        except OSError as error:
            told.append(f"{host}:{port}: {error.strerror or error}")
    if masters:
        raise ClusterUnreachable(f"The Spark cluster {shown()} cannot be reached: {'; '.join(told)}")


def _masters() -> Iterator[tuple[str, int]]:
    """The hosts and ports of spark://a:1,b:2 or sc://a:1/;…; none for other kinds of clusters."""
    if connected():
        found = urlsplit(master())
        yield found.hostname or "", found.port or CONNECT_PORT
        return
    if not master().startswith(STANDALONE):
        return
    for part in master().removeprefix(STANDALONE).split(","):
        host, _, port = part.strip().rpartition(":")
        yield host.strip("[]"), int(port)


def _address() -> str:
    """The address of this machine that the cluster sees."""
    host, port = next(_masters())
    family, kind, protocol, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(target)  # sends nothing: it only chooses the way
        return str(probe.getsockname()[0])


def ship(context: Any, python_path: list[str], scratch: str) -> None:
    """Give the executors the job library and the modules that the run brings."""
    for file in modules(python_path, scratch):
        context.addPyFile(file)


def modules(python_path: list[str], scratch: str) -> list[str]:
    """The files of the job library and of the modules that the run brings."""
    found = [_library(Path(scratch))]
    for entry in map(Path, python_path):
        found += [str(file) for file in (sorted(entry.glob("*.py")) if entry.is_dir() else [entry])]
    return found


def _library(folder: Path) -> str:
    """The packages of the job library in one archive."""
    import awsglue

    root = Path(awsglue.__file__).parent.parent
    archive = folder / "mastic_awsglue.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for package in ("awsglue", "awsgluedq", "awsglueml"):
            for file in sorted((root / package).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    opened.write(file, file.relative_to(root))
    return str(archive)
