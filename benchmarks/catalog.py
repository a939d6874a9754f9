"""The Data Catalog beside ``moto_server``, measured in one run: calls per second, partitions, memory.

    python benchmarks/catalog.py [--tables 5000] [--partitions 100000] [--million] [--peer /path/to/moto_server]

Both servers run on this machine in turn. The client speaks plain HTTP over kept-alive sockets, since an SDK
would cost more than the server. moto gets a virtual environment of its own in the temporary directory (or name
an installed one with --peer); without one, only our figures are printed. Ours answers after the change is
durable on disk; moto keeps everything in memory.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/glue/aws4_request, SignedHeaders=host, "
    f"Signature={'0' * 64}"
)
COLUMNS = [{"Name": f"c{n}", "Type": "string"} for n in range(8)]
DESCRIPTOR = {
    "Columns": COLUMNS,
    "Location": "s3://bucket/db/table/",
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": ","},
    },
}
KEYS = [{"Name": "dt", "Type": "date"}, {"Name": "hour", "Type": "int"}]
FIRST_DAY = datetime.date(1990, 1, 1)


class Connection:
    """A socket to a server, kept alive if the server lets it (moto's closes after every reply)."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 256 * 1024)

    def call(self, operation: str, **request: Any) -> Any:
        """Send a request; returns the reply, parsed. Raises for an error."""
        body = json.dumps(request).encode()
        head = (
            f"POST / HTTP/1.1\r\nHost: glue.us-east-1.amazonaws.com\r\nX-Amz-Target: AWSGlue.{operation}\r\n"
            f"Content-Type: application/x-amz-json-1.1\r\nAuthorization: {AUTHORIZATION}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.socket.sendall(head.encode() + body)
        version, code = self.file.readline().split()[:2]
        status, length, closes = int(code), 0, version == b"HTTP/1.0"
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.lower().partition(b":")
            if name == b"content-length":
                length = int(value)
            elif name == b"connection":
                closes = value.strip() == b"close"
        text = self.file.read(length)
        if closes:
            self.socket.close()
            self.open()
        if status != 200:
            raise RuntimeError(f"{operation}: {status} {text[:300]!r}")
        return json.loads(text) if text.strip() else {}


@dataclass(kw_only=True)
class Subject:
    """A running server."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def connect(self) -> Connection:
        return Connection(self.port)

    def memory(self) -> float:
        """Resident MiB."""
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="mastic-bench-") as folder:
        ours = measured(start_ours(Path(folder)), options)
        peer = None
        command = options.peer or (None if options.no_peer else install_peer(Path(folder)))
        if command:
            peer = measured(start_peer(command, Path(folder)), options)
    report(ours, peer)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=5000)
    parser.add_argument("--partitions", type=int, default=100_000)
    parser.add_argument(
        "--million", action="store_true", help="also the expression on 1,000,000 partitions (ours)"
    )
    parser.add_argument(
        "--calls", type=int, default=2000, help="calls in each measurement of calls per second"
    )
    parser.add_argument("--peer", help="path of an installed moto_server")
    parser.add_argument("--no-peer", action="store_true")
    return parser.parse_args()


# -- servers ----------------------------------------------------------------------------------------------


def start_ours(folder: Path) -> Subject:
    command = [sys.executable, "-m", "mastic", "up", "--data-dir", str(folder / "data")]
    return _start("mastic", folder, command, "--port")


def start_peer(command: str, folder: Path) -> Subject:
    return _start("moto", folder, [command], "-p")


def install_peer(folder: Path) -> str | None:
    """moto_server in an environment of its own; it is never a dependency."""
    home = folder / "peer"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin/pip"), "install", "-q", "moto[server,glue]"], check=True)
    except subprocess.CalledProcessError as error:
        print(f"no peer: {error}", file=sys.stderr)
        return None
    return str(home / "bin/moto_server")


def _start(name: str, folder: Path, command: list[str], port_option: str) -> Subject:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MASTIC_"))}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([*command, port_option, str(port)], stdout=log, stderr=log, env=environ)
    subject = Subject(name=name, port=port, process=process)
    deadline = time.monotonic() + 60
    while True:
        try:
            subject.connect().call("GetDatabases")
            return subject
        except (OSError, RuntimeError, IndexError, ValueError):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError((folder / f"{name}.log").read_text()[-3000:]) from None
            time.sleep(0.1)


# -- measurements -------------------------------------------------------------------------------------------


def measured(subject: Subject, options: argparse.Namespace) -> dict[str, float]:
    try:
        return measure(subject, options)
    finally:
        subject.stop()


def measure(subject: Subject, options: argparse.Namespace) -> dict[str, float]:
    found: dict[str, float] = {}
    one = subject.connect()
    one.call("CreateDatabase", DatabaseInput={"Name": "db"})
    for clients in (1, 8):
        prefix = f"calls{clients}_"

        def create(connection: Connection, n: int, prefix: str = prefix) -> None:
            connection.call("CreateTable", DatabaseName="db", TableInput=table(f"{prefix}{n}"))

        def get(connection: Connection, n: int, prefix: str = prefix) -> None:
            connection.call("GetTable", DatabaseName="db", Name=f"{prefix}{n}")

        found[f"CreateTable/s, {clients} client(s)"] = rate(subject, clients, options.calls, create)
        found[f"GetTable/s, {clients} client(s)"] = rate(subject, clients, options.calls, get)
    one.call("CreateDatabase", DatabaseInput={"Name": "many"})
    for n in range(options.tables):
        one.call("CreateTable", DatabaseName="many", TableInput=table(f"t{n:06d}"))
    found[f"GetTables over {options.tables} tables, s"] = seconds(
        lambda: every(one, "GetTables", DatabaseName="many")
    )
    found["BatchCreatePartition, partitions/s"] = options.partitions / seconds(
        lambda: fill(one, "parts", options.partitions)
    )
    found[f"two-key expression on {options.partitions} partitions, ms"] = expression(one, "parts")
    found["memory after, MiB"] = subject.memory()
    if options.million and subject.name == "mastic":
        fill(one, "million", 1_000_000)
        found["two-key expression on 1000000 partitions, ms"] = expression(one, "million")
        found["memory after a million partitions, MiB"] = subject.memory()
    return found


def table(name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "StorageDescriptor": DESCRIPTOR,
        "PartitionKeys": KEYS,
        "TableType": "EXTERNAL_TABLE",
    }


def rate(subject: Subject, clients: int, calls: int, call: Callable[[Connection, int], None]) -> float:
    connections = [subject.connect() for _ in range(clients)]

    def work(first: int) -> None:
        for n in range(first, calls, clients):
            call(connections[first], n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]

    def run() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return calls / seconds(run)


def fill(connection: Connection, name: str, count: int) -> None:
    connection.call("CreateTable", DatabaseName="db", TableInput=table(name))
    for start in range(0, count, 100):
        some = []
        for n in range(start, start + 100):
            dt, hour = str(FIRST_DAY + datetime.timedelta(days=n // 24)), f"{n % 24:02d}"
            location = f"s3://bucket/db/{name}/dt={dt}/hour={hour}/"
            some.append({"Values": [dt, hour], "StorageDescriptor": {**DESCRIPTOR, "Location": location}})
        reply = connection.call(
            "BatchCreatePartition", DatabaseName="db", TableName=name, PartitionInputList=some
        )
        if reply.get("Errors"):
            raise RuntimeError(str(reply)[:300])


def expression(connection: Connection, name: str) -> float:
    """Milliseconds, the best of five."""
    wanted = "dt = '1991-07-07' AND hour = 7"

    def run() -> None:
        reply = connection.call("GetPartitions", DatabaseName="db", TableName=name, Expression=wanted)
        if [p["Values"] for p in reply["Partitions"]] != [["1991-07-07", "07"]]:
            raise RuntimeError(str(reply)[:300])

    return 1000 * min(seconds(run) for _ in range(5))


def every(connection: Connection, operation: str, **request: Any) -> int:
    count, token = 0, None
    while True:
        reply = connection.call(operation, **request, **({"NextToken": token} if token else {}))
        count += len(reply["TableList"])
        token = reply.get("NextToken")
        if not token:
            return count


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def report(ours: dict[str, float], peer: dict[str, float] | None) -> None:
    print(f"{'':52}{'mastic':>12}{'moto':>12}{'ratio':>10}")
    for name, figure in ours.items():
        line = f"{name:52}{figure:12.1f}"
        if peer and name in peer:
            better = figure / peer[name] if name.endswith(("/s", "client(s)")) else peer[name] / figure
            line += f"{peer[name]:12.1f}{better:9.1f}x"
        print(line)


if __name__ == "__main__":
    main()
