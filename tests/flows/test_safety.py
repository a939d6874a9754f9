"""What a wrong start must not destroy, and who must not get in."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import Server


def _start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mastic", "up", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=300,  # a busy machine takes its time
    )


def test_objects_are_never_swept_by_another_database(own_server: Server, tmp_path: Path) -> None:
    s3 = own_server.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a", Body=b"x" * 100_000)
    own_server.stop()
    other = f"sqlite:///{tmp_path}/other/mastic.db"
    refused = _start("--data-dir", str(own_server.data_dir), "--database-url", other)
    assert refused.returncode == 2
    assert "another database" in refused.stderr
    own_server.restart()
    assert s3.get_object(Bucket="kept", Key="a")["Body"].read() == b"x" * 100_000


def test_a_database_keeps_its_objects_directory(own_server: Server, tmp_path: Path) -> None:
    s3 = own_server.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a", Body=b"x" * 100_000)
    own_server.stop()
    refused = _start(
        "--data-dir", str(tmp_path / "fresh"), "--database-url", f"sqlite:///{own_server.data_dir}/mastic.db"
    )
    assert refused.returncode == 2
    assert "another directory" in refused.stderr


def test_one_server_at_a_time(own_server: Server, tmp_path: Path) -> None:
    second = _start("--data-dir", str(own_server.data_dir))
    assert second.returncode == 2
    assert "is in use by a running Mastic" in second.stderr
    beside = _start(
        "--data-dir", str(tmp_path / "fresh"), "--database-url", f"sqlite:///{own_server.data_dir}/mastic.db"
    )
    assert beside.returncode == 2
    assert "is in use by a running Mastic" in beside.stderr


def test_settings_of_the_command_line_are_not_in_the_list_of_processes(server: Server) -> None:
    """A database's URL has a password, and anybody on the machine may read the arguments of a process."""
    assert server.process is not None
    shown = " ".join(psutil.Process(server.process.pid).cmdline())
    assert "mastic.serving" in shown
    assert str(server.data_dir) not in shown
    assert str(server.port) not in shown.split()


def test_nobody_else_listens_in(server: Server) -> None:
    open_to_all = _start("--host", "0.0.0.0", "--data-dir", str(server.data_dir) + "-open")
    assert open_to_all.returncode == 2
    assert "configure access keys" in open_to_all.stderr
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Host: 127.0.0.1"], 200),
        (["Host: localhost:4566"], 200),
        (["Host: evil.example"], 403),
        (["Host: localhost", "Origin: http://evil.example"], 200),
    ],
)
def test_pages_of_other_hosts_are_refused(server: Server, name: str, headers: list[str], status: int) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name, ACL="private")
    s3.put_object(Bucket=name, Key="a", Body=b"secret")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a"})
    path = url.split(server.endpoint, 1)[1]
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        lines = [f"GET {path} HTTP/1.1", *headers, "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        assert connection.makefile("rb").readline().split()[1] == str(status).encode()


def test_keys_of_a_virtual_host_may_look_like_our_own_paths(server: Server, name: str) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="_mastic/health", Body=b"mine")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "_mastic/health"})
    query = url.partition("?")[2]
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        request = (
            f"GET /_mastic/health?{query} HTTP/1.1\r\nHost: {name}.localhost\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(request.encode())
        assert connection.makefile("rb").read().endswith(b"mine")
