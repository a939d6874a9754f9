"""Streams of events, read by boto3 and by botocore's parser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EventStreamError

from mastic.context import Context
from mastic.errors import ServiceError
from mastic.wire.asgi import Gateway
from mastic.wire.dispatch import Registry
from tests.wire.doors import serving


class Functions:
    def invoke_with_response_stream(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        def events() -> Iterator[dict[str, Any]]:
            for i in range(3):
                yield {"PayloadChunk": {"Payload": b"chunk %d" % i}}
            yield {"InvokeComplete": {"ErrorCode": "Unhandled", "LogResult": "x"}}

        return {"StatusCode": 200, "ExecutedVersion": "7", "EventStream": events()}


class Logs:
    def start_live_tail(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        def events() -> Iterator[dict[str, Any]]:
            yield {"sessionStart": {"sessionId": "s", "logGroupIdentifiers": request["logGroupIdentifiers"]}}
            yield {"sessionUpdate": {"sessionResults": [{"message": "ünï", "timestamp": 5}]}}
            raise ServiceError("SessionTimeoutException", "enough")

        return {"responseStream": events()}


class Objects:
    def select_object_content(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        stats = {"BytesScanned": 10, "BytesProcessed": 10, "BytesReturned": 4}
        return {"Payload": [{"Records": {"Payload": b"1,2\n"}}, {"Stats": {"Details": stats}}, {"End": {}}]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    registry = Registry()
    registry.add("lambda", Functions())
    registry.add("logs", Logs())
    registry.add("s3", Objects())
    gateway = Gateway(registry)
    with serving(gateway) as found:
        yield found
    gateway.close()


def client(url: str, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name="eu-west-1", aws_access_key_id="K", aws_secret_access_key="S",
        config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False),
    )  # fmt: skip


def collect(stream: Any, seen: list[dict[str, Any]]) -> None:
    for event in stream:
        seen.append(event)


def test_rest_json(url: str) -> None:
    reply = client(url, "lambda").invoke_with_response_stream(FunctionName="f", Payload=b"{}")
    assert reply["ExecutedVersion"] == "7"
    events = list(reply["EventStream"])
    assert [e["PayloadChunk"]["Payload"] for e in events[:3]] == [b"chunk 0", b"chunk 1", b"chunk 2"]
    assert events[3] == {"InvokeComplete": {"ErrorCode": "Unhandled", "LogResult": "x"}}


def test_json_with_an_exception_at_its_end(url: str) -> None:
    group = "arn:aws:logs:eu-west-1:123456789012:log-group:g"
    stream = client(url, "logs").start_live_tail(logGroupIdentifiers=[group])["responseStream"]
    seen: list[dict[str, Any]] = []
    with pytest.raises(EventStreamError, match="enough"):
        collect(stream, seen)
    assert seen[0]["sessionStart"] == {"sessionId": "s", "logGroupIdentifiers": [group]}
    assert seen[1]["sessionUpdate"]["sessionResults"] == [{"message": "ünï", "timestamp": 5}]


def test_rest_xml(url: str) -> None:
    reply = client(url, "s3").select_object_content(
        Bucket="b", Key="k", Expression="select", ExpressionType="SQL", InputSerialization={"CSV": {}},
        OutputSerialization={"CSV": {}},
    )  # fmt: skip
    events = list(reply["Payload"])
    assert events[0] == {"Records": {"Payload": b"1,2\n"}}
    assert events[1]["Stats"]["Details"]["BytesScanned"] == 10
    assert events[2] == {"End": {}}
