"""The Data Catalog beside ``moto_server``, measured in one run: calls per second, partitions, memory.

    python benchmarks/catalog.py [--tables 5000] [--partitions 100000] [--million] [--peer /path/to/moto_server]

Both servers run on this machine in turn. The client speaks plain HTTP over kept-alive sockets and makes its
requests beforehand, since an SDK would cost more than the server. Beside the time that passes stands the
processor time that the server takes, which tells the same on a busy machine. moto gets a virtual environment
of its own in the temporary directory (or name an installed one with --peer); without one, only our figures are
printed. Ours answers after the change is durable on disk; moto keeps everything in memory.
"""

from __future__ import annotations

import argparse
import datetime
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

import orjson
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
        text = self.send(message(operation, **request))
        return orjson.loads(text) if text else {}

    def send(self, request: bytes) -> bytes:
        """Send a request as made by ``message``; returns the reply's body. Raises for an error."""
        self.socket.sendall(request)
        version, code = self.file.readline().split()[:2]
        length, closes = 0, version == b"HTTP/1.0"
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
        if code != b"200":
            raise RuntimeError(f"{request[:120]!r}: {code!r} {text[:300]!r}")
        return text


def message(operation: str, **request: Any) -> bytes:
    """A request as it goes over the wire."""
    body = orjson.dumps(request)
    head = (
        f"POST / HTTP/1.1\r\nHost: glue.us-east-1.amazonaws.com\r\nX-Amz-Target: AWSGlue.{operation}\r\n"
        f"Content-Type: application/x-amz-json-1.1\r\nAuthorization: {AUTHORIZATION}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


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

    def processor(self) -> float:
        """Processor seconds used so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

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


def measured(subject: Subject, options: argparse.Namespace) -> dict[str, Figure]:
    try:
        return measure(subject, options)
    finally:
        subject.stop()


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What was measured: ``value`` in the unit of its row, and the server's processor milliseconds for each call."""

    value: float
    processor: float | None = None


def measure(subject: Subject, options: argparse.Namespace) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    one = subject.connect()
    one.call("CreateDatabase", DatabaseInput={"Name": "db"})
    for clients in (1, 8):
        names = [f"calls{clients}_{n}" for n in range(options.calls)]
        creations = [message("CreateTable", DatabaseName="db", TableInput=table(name)) for name in names]
        found[f"CreateTable/s, {clients} client(s)"] = rate(subject, clients, creations)
        questions = [message("GetTable", DatabaseName="db", Name=name) for name in names]
        found[f"GetTable/s, {clients} client(s)"] = rate(subject, clients, questions)
    one.call("CreateDatabase", DatabaseInput={"Name": "many"})
    for n in range(options.tables):
        one.call("CreateTable", DatabaseName="many", TableInput=table(f"t{n:06d}"))
    found[f"GetTables over {options.tables} tables, s"] = timed(
        subject, options.tables, lambda: every(one, "GetTables", DatabaseName="many")
    )
    filled = fill(subject, "parts", options.partitions)
    found["BatchCreatePartition, partitions/s"] = Figure(
        value=options.partitions / filled.value, processor=filled.processor
    )
    found |= expressions(one, "parts", options.partitions)
    found["memory after, MiB"] = Figure(value=subject.memory())
    if options.million and subject.name == "mastic":
        fill(subject, "million", 1_000_000)
        found |= expressions(one, "million", 1_000_000)
        found["memory after a million partitions, MiB"] = Figure(value=subject.memory())
    return found


def table(name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "StorageDescriptor": DESCRIPTOR,
        "PartitionKeys": KEYS,
        "TableType": "EXTERNAL_TABLE",
    }


def rate(subject: Subject, clients: int, messages: list[bytes]) -> Figure:
    """Calls per second, so many clients sharing the messages."""
    connections = [subject.connect() for _ in range(clients)]

    def work(first: int) -> None:
        connection = connections[first]
        for one in messages[first::clients]:
            connection.send(one)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]

    def run() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    whole = timed(subject, len(messages), run)
    return Figure(value=len(messages) / whole.value, processor=whole.processor)


def fill(subject: Subject, name: str, count: int) -> Figure:
    """Seconds to create ``count`` partitions in batches of a hundred, and processor time for each partition."""
    connection = subject.connect()
    connection.call("CreateTable", DatabaseName="db", TableInput=table(name))
    wall = processor = 0.0
    # Made in portions: a million requests made beforehand would not fit into memory.
    for portion in range(0, count, 20_000):
        starts = range(portion, min(portion + 20_000, count), 100)
        messages = [batch(name, start) for start in starts]
        figure = timed(subject, count, lambda some=messages: [created(connection, one) for one in some])
        wall += figure.value
        processor += figure.processor or 0.0
    return Figure(value=wall, processor=processor)


def batch(name: str, start: int) -> bytes:
    some = []
    for n in range(start, start + 100):
        dt, hour = str(FIRST_DAY + datetime.timedelta(days=n // 24)), f"{n % 24:02d}"
        location = f"s3://bucket/db/{name}/dt={dt}/hour={hour}/"
        some.append({"Values": [dt, hour], "StorageDescriptor": {**DESCRIPTOR, "Location": location}})
    return message("BatchCreatePartition", DatabaseName="db", TableName=name, PartitionInputList=some)


def created(connection: Connection, request: bytes) -> None:
    reply = orjson.loads(connection.send(request))
    if reply.get("Errors"):
        raise RuntimeError(str(reply)[:300])


EXPRESSIONS = {
    "two-key expression": ("dt = '1991-07-07' AND hour = 7", 1),
    "two-key expression with OR": (
        "(dt = '1991-07-07' AND hour = 7) OR (dt = '1992-01-01' AND hour IN (3, 4)) OR dt < '1990-01-02'",
        27,
    ),
}


def expressions(connection: Connection, name: str, count: int) -> dict[str, Figure]:
    """Milliseconds, the best of nine."""
    found = {}
    for what, (text, rows) in EXPRESSIONS.items():
        request = message("GetPartitions", DatabaseName="db", TableName=name, Expression=text)

        def run(request: bytes = request, rows: int = rows) -> None:
            reply = orjson.loads(connection.send(request))
            if len(reply["Partitions"]) != rows:
                raise RuntimeError(str(reply)[:300])

        try:
            found[f"{what} on {count} partitions, ms"] = Figure(
                value=1000 * min(seconds(run) for _ in range(9))
            )
        except RuntimeError as error:
            print(f"{what}: {error}", file=sys.stderr)
    return found


def every(connection: Connection, operation: str, **request: Any) -> int:
    count, token = 0, None
    while True:
        reply = connection.call(operation, **request, **({"NextToken": token} if token else {}))
        count += len(reply["TableList"])
        token = reply.get("NextToken")
        if not token:
            return count


def timed(subject: Subject, calls: int, run: Callable[[], Any]) -> Figure:
    """Seconds of a run, and the server's processor milliseconds for each of its calls."""
    before = subject.processor()
    took = seconds(run)
    return Figure(value=took, processor=1000 * (subject.processor() - before) / calls)


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def report(ours: dict[str, Figure], peer: dict[str, Figure] | None) -> None:
    heads = ("mastic", "moto", "ratio", "CPU ms", "moto CPU")
    print(f"{'':56}" + "".join(f"{head:>12}" for head in heads))
    for name, figure in ours.items():
        other = (peer or {}).get(name)
        line = f"{name:56}{figure.value:12.1f}"
        if other is not None:
            more_is_better = "/s" in name
            better = figure.value / other.value if more_is_better else other.value / figure.value
            line += f"{other.value:12.1f}{better:11.1f}x"
        else:
            line += " " * 24
        for one in (figure, other):
            if one is not None and one.processor is not None:
                line += f"{one.processor:12.3f}"
        print(line)


if __name__ == "__main__":
    main()
