"""S3 over HTTP on this machine: small objects per second, throughput, listing, ranges, the server's memory.

    python benchmarks/s3.py [--threads 8] [--seconds 4] [--gigabytes 1]

Starts a server of its own in a temporary directory. The client speaks plain HTTP over kept-alive sockets, since
an SDK would cost more than the server. Every PUT is synced to disk before it is answered.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, "
    f"Signature={'0' * 64}"
)
MIB = 1024 * 1024


class Connection:
    """One kept-alive socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 256 * 1024)

    def call(
        self, method: str, path: str, body: bytes = b"", *, keep: bool = True, **headers: str
    ) -> tuple[int, bytes]:
        """Send a request and read the reply; without ``keep`` its body is dropped."""
        self.send_head(method, path, len(body), **headers)
        if body:
            self.socket.sendall(body)
        return self.reply(keep=keep)

    def send_head(self, method: str, path: str, length: int, **headers: str) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}",
                 f"Authorization: {AUTHORIZATION}", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]  # fmt: skip
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def reply(self, *, keep: bool = True) -> tuple[int, bytes]:
        status = int(self.file.readline().split()[1])
        length = 0
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if keep:
            return status, self.file.read(length)
        while length > 0:
            length -= len(self.file.read(min(length, MIB)))
        return status, b""


Act = Callable[[Connection, int, int], None]


def per_second(port: int, threads: int, seconds: float, act: Act) -> float:
    """How often ``act(connection, thread, number)`` runs in a second, over all threads."""
    counts = [0] * threads
    stop = time.monotonic() + seconds

    def run(thread: int) -> None:
        connection = Connection(port)
        while time.monotonic() < stop:
            act(connection, thread, counts[thread])
            counts[thread] += 1

    workers = [threading.Thread(target=run, args=(n,)) for n in range(threads)]
    begun = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.monotonic() - begun)


def measured(name: str, process: psutil.Process, port: int, threads: int, seconds: float, act: Act) -> None:
    """Print the rate, and the server's processor time per request, which other load does not change much."""
    before = sum(process.cpu_times()[:2])
    begun = time.monotonic()
    rate = per_second(port, threads, seconds, act)
    cost = (sum(process.cpu_times()[:2]) - before) / (rate * (time.monotonic() - begun))
    print(f"{name:28} {rate:8.0f} /s   {cost * 1e6:6.0f} µs of processor each")


def small_objects(port: int, process: psutil.Process, threads: int, seconds: float) -> None:
    body = os.urandom(1024)

    def put(connection: Connection, thread: int, number: int) -> None:
        status, reply = connection.call("PUT", f"/bench/small/{thread}/{number}", body)
        assert status == 200, reply

    def get(connection: Connection, thread: int, number: int) -> None:
        status, reply = connection.call("GET", f"/bench/small/{thread}/{number % 100}")
        assert (status, reply) == (200, body)

    measured(f"PUT 1 KB, synced, {threads} threads", process, port, threads, seconds, put)
    measured(f"GET 1 KB, {threads} threads", process, port, threads, seconds, get)


def large_object(port: int, process: psutil.Process, gigabytes: float) -> None:
    connection = Connection(port)
    size = int(gigabytes * 1024 * MIB)
    chunk = os.urandom(MIB)
    before = process.memory_info().rss / MIB
    begun = time.monotonic()
    connection.send_head("PUT", "/bench/large", size)
    for _ in range(size // MIB):
        connection.socket.sendall(chunk)
    status, reply = connection.reply()
    assert status == 200, reply
    print(f"{gigabytes:g} GB up                     {size / MIB / (time.monotonic() - begun):8.0f} MB/s")
    begun = time.monotonic()
    assert connection.call("GET", "/bench/large", keep=False)[0] == 200
    print(f"{gigabytes:g} GB down                   {size / MIB / (time.monotonic() - begun):8.0f} MB/s")
    times = []
    for number in range(50):
        first = (number * 20_011_301) % (size - 65536)
        begun = time.monotonic()
        status, got = connection.call("GET", "/bench/large", Range=f"bytes={first}-{first + 65535}")
        times.append(time.monotonic() - begun)
        assert (status, len(got)) == (206, 65536)
        assert hashlib.md5(got[:1]).digest() == hashlib.md5(chunk[first % MIB : first % MIB + 1]).digest()
    print(f"64 KB range of it, median     {sorted(times)[25] * 1000:8.1f} ms")
    print(f"memory before and after       {before:8.0f} {process.memory_info().rss / MIB:.0f} MB")


def listing(port: int, threads: int, keys: int) -> None:
    def put(connection: Connection, thread: int, number: int) -> None:
        if number < keys // threads:
            connection.call("PUT", f"/listed/dir{number % 50:02d}/{thread}-{number:06d}")

    begun = time.monotonic()
    workers = [
        threading.Thread(
            target=lambda t=t: [put(c, t, n) for c in [Connection(port)] for n in range(keys // threads)]
        )
        for t in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"{keys} empty objects made in {time.monotonic() - begun:5.1f} s")
    connection = Connection(port)
    begun = time.monotonic()
    found, after = 0, ""
    while True:
        _, page = connection.call("GET", f"/listed?list-type=2&start-after={after}")
        contents = page.split(b"<Key>")[1:]
        found += len(contents)
        if b"<IsTruncated>true" not in page:
            break
        after = contents[-1].partition(b"</Key>")[0].decode()
    assert found == keys // threads * threads, found
    print(f"list {keys} keys              {time.monotonic() - begun:8.2f} s")
    begun = time.monotonic()
    _, page = connection.call("GET", "/listed?list-type=2&delimiter=/")
    assert page.count(b"<CommonPrefixes>") == 50
    print(f"roll them up into 50 prefixes {(time.monotonic() - begun) * 1000:8.1f} ms")


def first_connection(server: subprocess.Popen[bytes], port: int) -> Connection:
    """A connection, as soon as the server takes one."""
    while True:
        try:
            return Connection(port)
        except ConnectionError:
            if server.poll() is not None:
                raise SystemExit("the server ended at once") from None
            time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--keys", type=int, default=50_000)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            sys.executable,
            "-m",
            "mastic",
            "up",
            "--data-dir",
            str(Path(scratch) / "data"),
            "--port",
            str(port),
        ]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for bucket in ("bench", "listed"):
                assert first_connection(server, port).call("PUT", f"/{bucket}")[0] == 200
            small_objects(port, psutil.Process(server.pid), options.threads, options.seconds)
            if options.gigabytes:
                large_object(port, psutil.Process(server.pid), options.gigabytes)
            if options.keys:
                listing(port, options.threads, options.keys)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
