"""A job's clients while the server is away, or is killed between acting and answering."""

from __future__ import annotations

import http.server
import socket
import threading
import time
import uuid
from typing import Any

import pytest
from tests.ports import free_port

from awsglue._runtime.channel import ChannelError, HttpTransport
from awsglue._runtime.engine import installed


class _Replies(http.server.BaseHTTPRequestHandler):
    """Drops the first connection after reading the message, then answers."""

    def do_POST(self) -> None:
        message = self.rfile.read(int(self.headers["Content-Length"]))
        seen: list[bytes] = self.server.seen  # type: ignore[attr-defined]
        seen.append(message)
        if len(seen) == 1:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": 7}')

    def log_message(self, *given: Any) -> None:
        """Keep the test's output clean."""


def test_the_channel_waits_for_a_server_that_restarts() -> None:
    port = free_port()
    started: list[http.server.HTTPServer] = []

    def late() -> None:
        time.sleep(0.5)
        server = http.server.HTTPServer(("127.0.0.1", port), _Replies)
        server.seen = []  # type: ignore[attr-defined]
        started.append(server)
        server.serve_forever(poll_interval=0.05)

    thread = threading.Thread(target=late, daemon=True)
    thread.start()
    try:
        reply = HttpTransport(url=f"http://127.0.0.1:{port}/", token="t", patience=300).send({"n": 1})
        assert reply == {"version": 7}
        assert started[0].seen == [b'{"n": 1}'] * 2  # type: ignore[attr-defined]
    finally:
        started[0].shutdown()
        started[0].server_close()
        thread.join()


def test_the_channel_gives_up_in_the_end() -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(ChannelError, match="cannot be reached"):
        HttpTransport(url=url, token="t", patience=0.3).send({})


@pytest.mark.skipif(installed() != "sail", reason="Spark commits with a client of its own")
def test_a_commit_whose_answer_was_lost_is_made_once(server: str) -> None:
    import boto3
    import pyarrow
    from botocore.httpsession import URLLib3Session

    from awsglue._runtime.iceberg.commits import RepeatedCalls

    bucket, database = f"b-{uuid.uuid4().hex[:10]}", f"db_{uuid.uuid4().hex[:10]}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    glue = boto3.client("glue")
    lost: list[str] = []

    def lose_the_answer(request: Any, event_name: str, **rest: Any) -> None:
        if event_name not in lost:
            lost.append(event_name)
            assert URLLib3Session().send(request).status_code == 200

    glue.create_database(DatabaseInput={"Name": database, "LocationUri": f"s3://{bucket}/"})
    glue.meta.events.register("before-send.glue.CreateTable", lose_the_answer)
    glue.meta.events.register("before-send.glue.UpdateTable", lose_the_answer)
    catalog = RepeatedCalls("c", client=glue, **{"s3.endpoint": server, "s3.region": "us-east-1"})
    rows = pyarrow.table({"n": [1, 2, 3]})
    table = catalog.create_table(f"{database}.t", schema=rows.schema)
    table.append(rows)
    assert [name.rpartition(".")[2] for name in lost] == ["CreateTable", "UpdateTable"]
    table.append(rows)
    assert len(catalog.load_table(f"{database}.t").scan().to_arrow()) == 6
    from pyiceberg.exceptions import TableAlreadyExistsError

    with pytest.raises(TableAlreadyExistsError):
        catalog.create_table(f"{database}.t", schema=rows.schema)
