"""Connections: requests in one piece, in many, several at once, and ends of either side at any moment."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastic.wire.asgi import Gateway
from mastic.wire.brief import brief
from mastic.wire.connections import Connection
from mastic.wire.dispatch import Registry, Response
from tests.conftest import Server
from tests.wire.doors import MODELS, every_operation, serving

PATIENCE = 60


def post(operation: str, body: Any, *, extra: str = "") -> bytes:
    text = json.dumps(body).encode()
    credential = "Credential=K/20260101/us-east-1/glue/aws4_request, SignedHeaders=host, Signature=0"
    head = (
        f"POST / HTTP/1.1\r\nHost: glue.us-east-1.amazonaws.com\r\nX-Amz-Target: AWSGlue.{operation}\r\n"
        f"Content-Type: application/x-amz-json-1.1\r\nAuthorization: AWS4-HMAC-SHA256 {credential}\r\n{extra}"
        f"Content-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


class Line:
    """A socket to the server that reads one reply after the other."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition("//")[2].partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> tuple[int, dict[str, str], Any]:
        status, headers, text = self.raw_reply()
        return status, headers, json.loads(text) if text else None

    def raw_reply(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self.file.read(int(headers.get("content-length", 0)))


@contextlib.contextmanager
def reached(handle: Callable[[str, Any, dict[str, Any]], Any]) -> Iterator[Line]:
    """A connection to a server whose Glue is this function."""
    registry = Registry(models=MODELS)
    registry.add("glue", every_operation("glue", handle))
    gateway = Gateway(registry)
    with serving(gateway, http=partial(Connection, gateway)) as endpoint:
        line = Line(endpoint)
        with contextlib.closing(line.socket):
            yield line
    gateway.close()


def databases(server: Server) -> set[str]:
    pages = server.client("glue").get_paginator("get_databases").paginate()
    return {one["Name"] for page in pages for one in page["DatabaseList"]}


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    made = Line(server.endpoint)
    with contextlib.closing(made.socket):
        yield made


def test_requests_follow_each_other_on_a_connection(line: Line, name: str) -> None:
    for _ in range(3):
        line.send(post("GetDatabase", {"Name": name}))
        status, headers, body = line.reply()
        assert (status, body["__type"]) == (400, "EntityNotFoundException")
        assert "date" in headers
        assert "x-amzn-requestid" in headers
        line.send(post("CreateDatabase", {"DatabaseInput": {"Name": name}}))
        assert line.reply()[0] == 200
        line.send(post("DeleteDatabase", {"Name": name}))
        assert line.reply()[0] == 200


def test_several_requests_in_one_piece_are_answered_in_their_order(line: Line, name: str) -> None:
    calls = [post("CreateDatabase", {"DatabaseInput": {"Name": f"{name}_{n}"}}) for n in range(5)]
    calls += [post("GetDatabase", {"Name": f"{name}_{n}"}) for n in range(5)]
    line.send(b"".join(calls))
    replies = [line.reply() for _ in calls]
    assert [status for status, _, _ in replies] == [200] * 10
    assert [body["Database"]["Name"] for _, _, body in replies[5:]] == [f"{name}_{n}" for n in range(5)]


def test_requests_that_come_while_another_is_answered_wait(line: Line, name: str) -> None:
    calls = [post("CreateDatabase", {"DatabaseInput": {"Name": f"{name}_{n}"}}) for n in range(40)]
    for call in calls:
        # Each a piece of its own, and none waited for.
        line.send(call)
    assert [line.reply()[0] for _ in calls] == [200] * 40
    line.send(post("GetDatabase", {"Name": f"{name}_39"}))
    assert line.reply()[2]["Database"]["Name"] == f"{name}_39"


@pytest.mark.parametrize("size", [1, 7, 100, 260])
def test_a_request_in_many_pieces(line: Line, name: str, size: int) -> None:
    line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.send(post("CreateDatabase", {"DatabaseInput": {"Name": name}}))
    assert line.reply()[0] == 200
    call = post("GetDatabase", {"Name": name})
    for start in range(0, len(call), size):
        line.send(call[start : start + size])
    assert line.reply()[2]["Database"]["Name"] == name
    line.send(call)
    assert line.reply()[2]["Database"]["Name"] == name


@pytest.mark.parametrize(
    "extra",
    [
        "Connection: close\r\n",
        "Expect: 100-continue\r\n",
        "X-Forwarded-Proto: https\r\n",
        "X-A: 1\r\nX-A: 2\r\n",
    ],
)
def test_unusual_requests_among_brief_ones(server: Server, name: str, extra: str) -> None:
    line = Line(server.endpoint)
    with contextlib.closing(line.socket):
        line.send(post("CreateDatabase", {"DatabaseInput": {"Name": name}}))
        assert line.reply()[0] == 200
        line.send(post("GetDatabase", {"Name": name}, extra=extra))
        if extra.startswith("Expect"):
            assert line.file.readline().split()[1] == b"100"
            assert line.file.readline() == b"\r\n"
        assert line.reply()[2]["Database"]["Name"] == name
        if extra.startswith("Connection"):
            assert line.file.read() == b""
        else:
            line.send(post("GetDatabase", {"Name": name}))
            assert line.reply()[2]["Database"]["Name"] == name


def test_a_client_that_goes_before_its_answer_leaves_no_trace(server: Server, name: str) -> None:
    for n in range(20):
        line = Line(server.endpoint)
        line.send(post("CreateDatabase", {"DatabaseInput": {"Name": f"{name}_{n}"}}))
        line.file.close()
        line.socket.close()
    wanted = {f"{name}_{n}" for n in range(20)}
    deadline = time.monotonic() + PATIENCE
    while not wanted <= databases(server):
        assert time.monotonic() < deadline, "a request that was sent was not carried out"
        time.sleep(0.05)


def test_what_is_under_way_is_answered_before_the_server_ends(own_server: Server, name: str) -> None:
    line, idle = Line(own_server.endpoint), Line(own_server.endpoint)
    replies: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        number = 0
        while not stop.is_set():
            try:
                line.send(post("CreateDatabase", {"DatabaseInput": {"Name": f"{name}_{number}"}}))
                replies.append(line.reply()[0])
            except (OSError, IndexError):
                # The server has closed the connection between two requests.
                return
            number += 1

    asking = threading.Thread(target=ask)
    asking.start()
    while len(replies) < 20 and asking.is_alive():
        time.sleep(0.01)
    own_server.stop()
    stop.set()
    asking.join(PATIENCE)
    assert not asking.is_alive()
    assert idle.file.read() == b""
    own_server.restart()
    assert len(replies) >= 20
    assert set(replies) == {200}
    # One may have been carried out whose answer met a closed connection; none that was answered is missing.
    assert len(databases(own_server)) - len(replies) in (0, 1)


def test_a_client_that_reads_nothing_is_waited_for() -> None:
    """Its replies are more than is kept for it: the rest of what it asks waits until it reads."""
    handled: list[str] = []

    def handle(_name: str, _context: Any, request: dict[str, Any]) -> Any:
        handled.append(request["Name"])
        return {"Database": {"Name": request["Name"], "Description": "x" * 1_000_000}}

    with reached(handle) as line:
        names = [f"d{number}" for number in range(60)]
        waits = False
        for number, each in enumerate(names):
            line.send(post("GetDatabase", {"Name": each}))
            patient_until = time.monotonic() + 3
            while not waits and len(handled) <= number:
                waits = time.monotonic() > patient_until
                time.sleep(0.001)
        assert waits, "the server keeps whatever its client does not read"
        assert [line.reply()[2]["Database"]["Name"] for _ in names] == names
        line.send(post("GetDatabase", {"Name": "last"}))
        assert line.reply()[2]["Database"]["Name"] == "last"
    assert handled == [*names, "last"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Authorization: ", b"X-Unsigned: "),
        (b"Authorization: AWS4-HMAC-SHA256 ", b"Authorization: AWS4-HMAC-SHA256 nothing "),
        (b"Host: ", b"Origin: https://example.com\r\nHost: "),
        (b"Host: ", b"Origin: null\r\nHost: "),
        (b"Host: glue.us-east-1.amazonaws.com", b"Host: example.com"),
        (b"Host: glue.us-east-1.amazonaws.com", b"Host: a-bucket.localhost"),
        (b"AWSGlue.GetDatabase", b"AWSGlue.NoSuchOperation"),
        (b"AWSGlue.GetDatabase", b"NoSuchService.GetDatabase"),
        (b"/glue/", b"/s3/"),
        (b"/glue/", b"/sqs/"),
        (b"/glue/", b"/no-such-service/"),
        (b"application/x-amz-json-1.1", b"application/x-www-form-urlencoded"),
        (b'{"Name"', b'{"Name'),
        (b'{"Name"', b'{"Nama"'),
    ],
)
def test_both_ways_answer_alike(line: Line, old: bytes, new: bytes) -> None:
    call = post("GetDatabase", {"Name": "there_is_none"})
    assert old in call
    head, _, body = call.replace(old, new).partition(b"\r\n\r\n")
    head = head.rpartition(b"\r\n")[0] + b"\r\nContent-Length: %d" % len(body)
    short = head + b"\r\n\r\n" + body
    general = head + b"\r\nX-A: 1\r\nX-A: 2\r\n\r\n" + body
    assert brief(short) is not None
    assert brief(general) is None
    answers = []
    for request in (short, general):
        line.send(request)
        status, headers, text = line.raw_reply()
        ids = [value for key, value in headers.items() if key in ("x-amzn-requestid", "x-amz-request-id")]
        shown = {key: value for key, value in headers.items() if value not in ids}
        shown.pop("date")
        # It is made of the request's id.
        shown.pop("x-amz-id-2", None)
        answers.append((status, shown, text.replace(ids[0].encode(), b"(id)")))
    assert answers[0] == answers[1]


ODD = {
    "ended": SystemExit(1),
    "status": Response(status=999),
    "header": Response(headers={"Bad\r\nName": "x"}),
    "nothing": Response(status=204),
    "error": ValueError("odd"),
}


def odd(_name: str, _context: Any, request: dict[str, Any]) -> Any:
    found = ODD[request["Name"]]
    if isinstance(found, BaseException):
        raise found
    return found


@pytest.mark.parametrize("name", ["ended", "status", "header"])
def test_what_cannot_be_answered_is_said(name: str) -> None:
    with reached(odd) as line:
        line.send(post("GetDatabase", {"Name": name}))
        said = line.file.read()
    # Nothing more can be said on this connection.
    assert said.startswith(b"HTTP/1.1 500 ")
    assert said.endswith(b"\r\n\r\nInternal Server Error")


def test_odd_answers_leave_their_connection_usable() -> None:
    with reached(odd) as line:
        line.send(post("GetDatabase", {"Name": "nothing"}))
        status, headers, _ = line.reply()
        assert (status, "content-length" in headers) == (204, False)
        line.send(post("GetDatabase", {"Name": "error"}))
        status, _, said = line.reply()
        assert (status, said["__type"]) == (500, "InternalServiceException")


TOKENS = st.sampled_from(
    [
        "Host",
        "X-Amz-Target",
        "x-amz-date",
        "Content-Type",
        "Connection",
        "Transfer-Encoding",
        "X-A",
        "Ex pect",
        "",
    ]
)
VALUES = st.one_of(
    st.sampled_from(["keep-alive", "close", "chunked", "AWSGlue.GetTable", " x ", "", "\t", "0"]),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=12),
)


class Heard:
    """What httptools makes of the same bytes."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.messages = 0
        self.method = b""
        self.url = b""
        parser = httptools.HttpRequestParser(self)
        self.parser = parser
        parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        self.method = self.parser.get_method()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1


@settings(max_examples=400)
@given(
    st.lists(st.tuples(TOKENS, VALUES), max_size=5),
    st.binary(max_size=30),
    st.integers(-1, 1),
    st.sampled_from([b"", b"\r\n", b"POST / HTTP/1.1\r\n"]),
)
def test_a_brief_request_is_what_any_parser_reads(
    headers: list[tuple[str, str]], body: bytes, wrong: int, after: bytes
) -> None:
    lines = [
        ("X-Amz-Target", "AWSGlue.GetTables"),
        *headers,
        ("Content-Length", str(max(0, len(body) + wrong))),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    data = b"POST / HTTP/1.1\r\n" + head.encode("latin-1") + b"\r\n" + body + after
    found = brief(data)
    if found is not None:
        heard = Heard(data)
        assert heard.messages == 1
        assert (heard.method, heard.url, heard.body) == (b"POST", b"/", found.body)
        assert dict(heard.headers) == found.headers
        assert len(heard.headers) == len(found.headers)


def test_the_usual_request_is_brief() -> None:
    found = brief(post("GetTable", {"Name": "t"}))
    assert found is not None
    assert found.headers["x-amz-target"] == "AWSGlue.GetTable"
    assert found.body == b'{"Name": "t"}'
