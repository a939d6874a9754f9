"""Requests that fit a service's model, and requests that almost do, for a real server's handlers.

Names come from a small pool, so that requests meet what earlier ones made. Any `random.Random` drives it: Hypothesis's
in the tests, a seeded one in the long run (`make fuzz`, `python -m tests.wire.fuzzing --help`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import structlog
from botocore.model import ListShape, MapShape, Shape, StructureShape

from mastic.app.base import App
from mastic.app.build import build
from mastic.config import Config
from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.patterns import matcher
from mastic.wire.spec import OperationSpec
from tests.wire.doors import Answer, ask
from tests.wire.shape_values import reply, request

PROTOCOLS = {
    "glue": "json", "athena": "json", "logs": "json", "events": "json", "lambda": "rest-json", "s3": "rest-xml",
    "iam": "query", "sts": "query", "cloudwatch": "query",
}  # fmt: skip
# They reach outside or start processes: what they are given is tried elsewhere.
LEFT_OUT = frozenset({"TestConnection", "Invoke", "InvokeAsync", "StartJobRun", "StartQueryExecution"})

NAMES = ("a", "b", "t1", "lake", "default")
TEXTS = (
    *NAMES, "1", "0", "2024-01-01", "k = 1", "k in (1,2) and p like 'x%'", "*", ".*", "{}", "[]", "null", "true",
    '{"Version":"2012-10-17","Statement":[]}', '{"source":["aws.glue"]}', "s3://lake/b/c", "s3://lake/b/", "SELECT 1",
    "int", "string", "array<struct<a:int>>", "123456789012", "arn:aws:glue:us-east-1:123456789012:table/a/t1",
    "arn:aws:glue:us-east-1:123456789012:database/a", "arn:aws:iam::123456789012:role/a",
    "arn:aws:glue:us-east-1:123456789012:catalog", "arn:aws:lambda:us-east-1:123456789012:function:a",
    "arn:aws:logs:us-east-1:123456789012:log-group:a:*", "cron(0 12 * * ? *)", "rate(5 minutes)", "CREATE", "2",
    "jdbc:postgresql://127.0.0.1:1/x", "us-east-1", "python3.11", "ALLOW", "ICEBERG",
    "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
HOSTILE = (
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u202e", "\ufeff", "é" * 300, "\U0001f600" * 70, "A" * 3000,
    "A" * 100_000, "../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "s3://", "s3:///", "s3://a", "://", "'",
    '"', "'; DROP TABLE x; --", "%s%n%x", "%00", "{", '{"a":', "[" * 2000, "(" * 2000, "\\", "\\u0000", "1e400", "-1",
    "9" * 400, "NaN", "\n", "\r\n\r\n", "a/b", "a:b", "arn:", "arn:aws:glue:::", "arn:aws:glue:us-east-1:1:table/",
    "cron(* * * * *)", "rate(0 minutes)", "(a+)+$", "[a-", "2024-02-30", "0000-00-00", "\x1f", "<a>&b;</a>", "~", "%",
    "_", "k =", "k = 'a", "not " * 500 + "k = 1", "k = 1" + " or k = 1" * 900, "k like '" + "%" * 400 + "'",
    "decimal(99,99)", "struct<" * 300,
)  # fmt: skip
ODD = (
    None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**400, -(2**63) - 1, float("nan"), float("inf"), 1e308, -0.0,
    "", "x", [], {}, [None], [[]], {"": None}, {"a": {"b": {"c": []}}}, ["x"] * 2000, {"x" * 5000: 1},
)  # fmt: skip
MOMENTS = (0, 1, 1_700_000_000, 1_700_000_000.123, 4_102_444_800, -1, -62_135_596_800)
ODD_MOMENTS = (
    1e11,
    1e15,
    1e18,
    1e300,
    -1e12,
    -1e18,
    253_402_300_800,
    "2024-01-01T00:00:00Z",
    "yesterday",
    True,
    [],
    None,
)


class Inputs:
    """Makes inputs of operations. ``wildness`` is the chance that a part of one is hostile."""

    def __init__(self, chance: random.Random, *, wildness: float, typed: bool) -> None:
        self._chance = chance
        self._wildness = wildness
        # The protocols of headers and forms cannot carry values of the wrong kind.
        self._typed = typed
        # How many of the members that need not be there are.
        self._share = chance.choice((0.03, 0.15, 0.35, 0.7))
        self.tokens: list[str] = []

    def input(self, operation: OperationSpec) -> dict[str, Any]:
        """The input of one request."""
        shape = operation.input
        return self._structure(shape, 0) if isinstance(shape, StructureShape) else {}

    def _wild(self) -> bool:
        return self._chance.random() < self._wildness

    def value(self, shape: Shape, name: str, depth: int) -> Any:
        """A value of a shape; ``name`` is the member's that holds it."""
        if not self._typed and self._wild() and self._chance.random() < 0.3:
            return self._chance.choice(ODD)
        if getattr(shape, "is_document_type", False):
            return self._chance.choice(("int", {"type": "struct", "fields": []}, 1, None, [1]))
        if isinstance(shape, StructureShape):
            return self._structure(shape, depth)
        if isinstance(shape, ListShape):
            return [self.value(shape.member, name, depth + 1) for _ in range(self._size(shape, 2))]
        if isinstance(shape, MapShape):
            return {
                str(self.value(shape.key, name, depth + 1)): self.value(shape.value, name, depth + 1)
                for _ in range(self._size(shape, 2))
            }
        return self._scalar(shape, name)

    def _size(self, shape: Shape, most: int) -> int:
        low = shape.metadata.get("min") or 0
        if self._wild():
            return int(self._chance.choice((0, 1, 5, 30)))
        return max(low, self._chance.randint(0, most)) if low < 30 else 1

    def _scalar(self, shape: Shape, name: str) -> Any:
        chance = self._chance
        match shape.type_name:
            case "string" | "character":
                return self._text(shape, name)
            case "integer" | "long":
                low, high = shape.metadata.get("min"), shape.metadata.get("max")
                usual = [n for n in (0, 1, 2, 10, 100, low, high) if n is not None]
                return chance.choice((-1, 0, 2**31 - 1, 2**53)) if self._wild() else int(chance.choice(usual))
            case "float" | "double":
                return chance.choice((0.0, 1.5, -2.25, 1e10, 1e300))
            case "boolean":
                return chance.random() < 0.5
            case "timestamp":
                return chance.choice(MOMENTS if self._typed or not self._wild() else ODD_MOMENTS)
        if self._typed:
            return chance.choice((b"", b"x", b"\x00\xff" * 20))
        return chance.choice(("", "eA==", "not base64!")) if self._wild() else "eA=="

    def _text(self, shape: Shape, name: str) -> str:
        chance = self._chance
        if self._wild():
            text = chance.choice(HOSTILE)
            # Half a character can be said in JSON only.
            return text if not self._typed or text.isprintable() or text < "\ud800" else "?"
        enum = getattr(shape, "enum", None)
        if enum:
            return str(chance.choice(enum))
        if "Token" in name:
            return chance.choice(self.tokens)
        pool = NAMES if name.endswith(("Name", "Id", "Bucket", "Names")) or chance.random() < 0.3 else TEXTS
        pattern = shape.metadata.get("pattern")
        if pattern is None:
            return chance.choice(pool)
        fits = matcher(pattern)
        fitting = [one for one in (*pool, *TEXTS) if fits is None or fits(one)]
        return chance.choice(fitting or TEXTS)

    def _structure(self, shape: StructureShape, depth: int) -> dict[str, Any]:
        chance = self._chance
        out: dict[str, Any] = {}
        for name, member in shape.members.items():
            if getattr(member, "is_eventstream", False):
                continue
            kept = name in shape.required_members and not (self._wild() and chance.random() < 0.2)
            if kept or (depth < 7 and chance.random() < self._share * (1 if depth < 2 else 0.6)):
                out[name] = self.value(member, name, depth + 1)
        if not self._typed and self._wild():
            out[chance.choice(("", "Unknown", "__type", "name"))] = chance.choice(ODD)
        if self._typed:
            for name in shape.required_members:
                # A path or header must be there to be written at all.
                out.setdefault(name, self.value(shape.members[name], name, depth + 1))
        return out


def damaged(chance: random.Random, body: bytes) -> bytes:
    """The body with some of its bytes cut, flipped, doubled or put in."""
    raw = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(raw))
        match chance.choice(("cut", "flip", "insert", "double")):
            case "cut":
                del raw[at:]
            case "flip" if at < len(raw):
                raw[at] = chance.randrange(256)
            case "double":
                raw[at:at] = raw[: min(at, 200)]
            case _:
                raw[at:at] = chance.choice(
                    (b"\xff\xfe", b"\x00", b'"', b"{", b",", b'"Name":"b",', b"<x>", b"&", b"[" * 500)
                )
    return bytes(raw)


@dataclass(kw_only=True)
class Sent:
    """One request and its answer."""

    operation: OperationSpec
    incoming: Incoming
    answer: Answer
    whole: bool


class Fuzzer:
    """Sends requests to a server that is built in this process; its loops do not run."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.trouble: list[str] = []
        self.operations = [
            spec
            for service, table in sorted(app.registry.coverage().items())
            if service in PROTOCOLS
            for name in table.implemented
            if name not in LEFT_OUT and (spec := app.registry.services[service].operation(name)) is not None
        ]
        self.tokens: list[str] = ["AAAA", "bm90IGEgdG9rZW4="]

    def pick(self, chance: random.Random, services: frozenset[str]) -> OperationSpec:
        """An operation of the services."""
        return chance.choice([one for one in self.operations if one.service.id in services])

    def send(self, chance: random.Random, operation: OperationSpec, wildness: float) -> Sent:
        """One request. Raises AssertionError when the answer is none that a client could be given."""
        service = operation.service.id
        incoming = self._written(chance, operation, wildness)
        whole = True
        if chance.random() < wildness / 3:
            whole, incoming.body = False, damaged(chance, incoming.body)
        if chance.random() < wildness / 5:
            incoming.headers["content-type"] = chance.choice(
                ("text/html", "application/xml", "", "x/y; charset=\xff")
            )
        self.trouble.clear()
        headers = {**incoming.headers, "authorization": _authorization(service), "host": "localhost"}
        headers["content-length"] = str(len(incoming.body))
        answer = asyncio.run(
            asyncio.wait_for(
                ask(
                    self._app.asgi,
                    incoming.method,
                    incoming.raw_path,
                    incoming.query_string,
                    headers,
                    incoming.body,
                ),
                60,
            )
        )
        sent = Sent(operation=operation, incoming=incoming, answer=answer, whole=whole)
        self._check(sent)
        return sent

    def _written(self, chance: random.Random, operation: OperationSpec, wildness: float) -> Incoming:
        service = operation.service
        typed = PROTOCOLS[service.id] != "json"
        inputs = Inputs(chance, wildness=wildness, typed=typed)
        inputs.tokens = self.tokens
        members = inputs.input(operation)
        if typed:
            try:
                return request(operation, PROTOCOLS[service.id], members)
            except (ValueError, TypeError, OverflowError):
                # What botocore cannot write, none of its clients sends.
                tame = Inputs(chance, wildness=0.0, typed=True).input(operation)
                return request(operation, PROTOCOLS[service.id], tame)
        target = f"{service.target_prefix}.{operation.name}"
        headers = {"content-type": f"application/x-amz-json-{service.json_version}", "x-amz-target": target}
        body = json.dumps(members).encode()
        return Incoming(method="POST", raw_path="/", query_string="", headers=headers, body=body)

    def _check(self, sent: Sent) -> None:
        answer, operation = sent.answer, sent.operation
        what = f"{operation} → {answer.status} {answer.body[:300]!r}\n{sent.incoming!r:.3000}\n{''.join(self.trouble)}"
        # S3's own status for what it does not do.
        refused = answer.status == 501 and b"<Code>NotImplemented</Code>" in answer.body
        assert 200 <= answer.status < 500 or refused, what
        assert "html" not in answer.headers.get("content-type", ""), what
        if (
            answer.status < 300
            and sent.whole
            and sent.incoming.method != "HEAD"
            and not operation.model.has_event_stream_output
        ):
            protocol = PROTOCOLS[operation.service.id]
            outgoing = Outgoing(status=answer.status, headers=list(answer.headers.items()), body=answer.body)
            parsed = reply(operation, protocol, outgoing)
            token = parsed.get("NextToken") or parsed.get("nextToken")
            if isinstance(token, str):
                self.tokens[2:] = [*self.tokens[2:][-8:], token]

    def note(self, logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        """A processor of structlog that keeps the tracebacks of what went wrong."""
        error = event.get("exc_info")
        if isinstance(error, BaseException):
            self.trouble.append("".join(traceback.format_exception(error)[-14:]))
        raise structlog.DropEvent


def _authorization(service: str) -> str:
    signing = {"cloudwatch": "monitoring"}.get(service, service)
    scope = f"20260101/us-east-1/{signing}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders=host, Signature=00"


@contextmanager
def fuzzer(folder: Path) -> Iterator[Fuzzer]:
    """A server that has something to find, and its fuzzer."""
    app = build(Config(data_dir=folder, warm_interpreters=0), endpoint="http://127.0.0.1:1")
    made = Fuzzer(app)
    structlog.configure(
        processors=[made.note], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
    try:
        _prepare(app)
        yield made
    finally:
        structlog.reset_defaults()
        app.stop()


def _prepare(app: App) -> None:
    def call(service: str, operation: str, **members: Any) -> None:
        from mastic.context import Context

        context = Context(
            account_id="123456789012", region="us-east-1", request_id="r",
            principal_arn="arn:aws:iam::123456789012:root", access_key="test", service=service, operation=operation, endpoint="http://127.0.0.1:1",
        )  # fmt: skip
        app.asgi.dispatcher.invoke(context, service, operation, members)

    keys = [{"Name": "k", "Type": "int"}, {"Name": "p", "Type": "string"}]
    descriptor = {"Columns": [{"Name": "c", "Type": "string"}], "Location": "s3://a/t1/"}
    for database in ("a", "default"):
        call("glue", "CreateDatabase", DatabaseInput={"Name": database})
        table = {"Name": "t1", "PartitionKeys": keys, "StorageDescriptor": descriptor}
        call("glue", "CreateTable", DatabaseName=database, TableInput=table)
        some = [{"Values": [str(n), "x"], "StorageDescriptor": descriptor} for n in range(5)]
        call("glue", "BatchCreatePartition", DatabaseName=database, TableName="t1", PartitionInputList=some)
    call("s3", "CreateBucket", Bucket="lake")
    call("logs", "CreateLogGroup", logGroupName="a")


def main() -> int:
    """The long run: prints what failed, once for every operation and reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--services", default=",".join(PROTOCOLS))
    parser.add_argument("--wildness", type=float, default=None, help="0 to 1; mixed unless given")
    parser.add_argument("--operation", default="", help="only operations whose name contains this")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    services = frozenset(given.services.split(","))
    statuses: Counter[int] = Counter()
    found: Counter[str] = Counter()
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder, fuzzer(Path(folder) / "data") as fuzz:
        fuzz.operations = [one for one in fuzz.operations if given.operation.lower() in one.name.lower()]
        sys.stdout.write(f"seed {given.seed}, {len(fuzz.operations)} operations\n")
        deadline, count, slowest, first = time.monotonic() + given.seconds, 0, (0.0, ""), 0
        while time.monotonic() < deadline:
            operation = fuzz.pick(chance, services)
            wildness = chance.choice((0.0, 0.02, 0.1, 0.4)) if given.wildness is None else given.wildness
            began = time.monotonic()
            try:
                statuses[fuzz.send(chance, operation, wildness).answer.status] += 1
            except (AssertionError, TimeoutError, ValueError) as problem:
                reason = (fuzz.trouble[-1] if fuzz.trouble else repr(problem)).strip().splitlines()[-1][:150]
                key = f"{operation} {reason}"
                if not found[key]:
                    sys.stdout.write(f"\n== {type(problem).__name__} {str(problem)[:6000]}\n")
                found[key] += 1
            slowest = max(slowest, (time.monotonic() - began, str(operation)))
            count += 1
            if count == 2000:
                first = process.memory_info().rss
        grown = (process.memory_info().rss - first) / 2**20 if first else 0.0
    sys.stdout.write(
        f"\n{count} requests, {dict(sorted(statuses.items()))}, slowest {slowest[0]:.1f} s {slowest[1]}, "
        f"memory grew {grown:.0f} MiB after the first 2000\n"
    )
    for key, times in found.most_common():
        sys.stdout.write(f"{times:6} {key}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
