"""Hostile input: whatever comes in, the answer is a modelled 4xx (or a success), never a 500, HTML or a hang."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from botocore.model import StructureShape
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mastic.clock import SystemClock
from mastic.wire.asgi import Gateway
from mastic.wire.dispatch import Registry
from mastic.wire.messages import Incoming
from mastic.wire.protocols import cbor
from mastic.wire.sigv4 import Authenticator, Secret
from mastic.wire.spec import OperationSpec
from tests.wire.doors import MODELS, Answer, ask, every_operation, open_door, swallow
from tests.wire.shape_values import Values, request

SERVICES = {
    "glue": "json", "athena": "json", "s3": "rest-xml", "lambda": "rest-json", "logs": "json", "iam": "query",
    "sts": "query", "sqs": "json", "sns": "query", "events": "json", "cloudwatch": "smithy-rpc-v2-cbor",
}  # fmt: skip
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture(scope="module")
def door() -> Any:
    gateway = open_door(*SERVICES)
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def locked() -> Any:
    """A gateway that verifies the signatures of one key."""
    registry = Registry(models=MODELS)
    for service in ("s3", "glue", "sts"):
        registry.add(service, every_operation(service, swallow))
    known = {"KEY": Secret(secret_key="SECRET", account_id="1", principal_arn="arn")}
    gateway = Gateway(registry, authenticator=Authenticator(clock=SystemClock(), credentials=known.get))
    yield gateway
    gateway.close()


def authorization(service: str) -> str:
    scope = f"20260101/eu-west-1/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential=KEY/{scope}, SignedHeaders=host, Signature=00"


def answered(app: Any, *args: Any, **kwargs: Any) -> Answer:
    answer = asyncio.run(asyncio.wait_for(ask(app, *args, **kwargs), 30))
    assert 200 <= answer.status < 500, answer
    assert "html" not in answer.headers.get("content-type", "")
    assert "x-amzn-requestid" in answer.headers or "x-amz-request-id" in answer.headers
    kind = answer.headers.get("content-type", "")
    if answer.body and "json" in kind:
        json.loads(answer.body)
    elif answer.body and "xml" in kind:
        ElementTree.fromstring(answer.body)
    elif answer.body and "cbor" in kind:
        cbor.loads(answer.body)
    return answer


ODD = st.text(st.characters(max_codepoint=255), max_size=30)
NAMES = st.sampled_from(
    [
        "x-amz-target", "content-type", "x-amz-content-sha256", "x-amz-decoded-content-length", "content-md5",
        "x-amz-checksum-crc32", "x-amz-trailer", "content-encoding", "authorization", "x-amz-date", "range",
        "x-amz-copy-source", "smithy-protocol", "host", "expect", "x-amz-meta-a", "x-amz-acl", "content-length",
        "x-amz-sdk-checksum-algorithm", "x-amz-tagging", "if-modified-since", "origin", "x-amz-bypass",
    ]
)  # fmt: skip
VALUES = ODD | st.sampled_from(
    [
        "AWSGlue.GetTable", "application/x-www-form-urlencoded", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "aws-chunked",
        "rpc-v2-cbor", "5", "-1", "99999999999999999999", "x-amz-checksum-crc32c", "application/x-amz-json-1.1",
        "bucket.localhost", "[::1]:80", "100-continue", "AWS4-HMAC-SHA256 Credential=/////", "AWS a:b",
        "x-amz-checksum-x", "a" * 64, "AAAAAA==",
    ]
)  # fmt: skip


@QUICK
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "BREW"]),
    path=ODD | st.sampled_from(["/b", "/b/k", "/b/../../etc/passwd", "/b/%ff", "/b/%00", "//"])
    | st.just("/2015-03-31/functions/f"),
    query=ODD
    | st.sampled_from(
        ["acl", "list-type=2", "uploads", "partNumber=x&uploadId=1", "Action=ListRoles&Version=2010-05-08",
         "X-Amz-Credential=a",          "AWSAccessKeyId=a&Signature=b&Expires=x", "max-keys=a", "=&=&&", "%zz=%"]
    ),
    headers=st.dictionaries(NAMES, VALUES, max_size=5),
    service=st.sampled_from(["", *SERVICES]),
    body=st.binary(max_size=60) | st.sampled_from([b"{}", b"[" * 5000, b"<a>" * 3000, b"5\r\nhello\r\n0\r\n\r\n"]),
)  # fmt: skip
@example(method="GET", path="/", query="", headers={"x-amz-target": "AWSGlue."}, service="", body=b"")
def test_any_request(
    door: Any, method: str, path: str, query: str, headers: dict[str, str], service: str, body: bytes
) -> None:
    if service:
        headers = {"authorization": authorization(MODELS.service(service).signing_name), **headers}
    if not path.startswith("/"):
        path = "/" + path
    answered(door, method, path, query, headers, [body[:7], body[7:]])


DATES = ODD | st.sampled_from(
    [
        "20260101T000000Z",
        "99999999T999999Z",
        "Thu, 01 Jan 2026 00:00:00 GMT",
        "Mon, 00 Foo 99999 99:99:99 +9999",
        "0",
    ]
)


@QUICK
@given(
    form=st.sampled_from(["v4", "v2", "v4 query", "v2 query"]), date=DATES, path=ODD, query=ODD, name=NAMES,
    value=VALUES, signed=ODD, service=st.sampled_from(["s3", "glue", "sts"]),
    expires=ODD | st.sampled_from(["1", "604800", "9" * 400]),
)  # fmt: skip
def test_any_signature(
    locked: Any, form: str, date: str, path: str, query: str, name: str, value: str, signed: str, service: str,
    expires: str,
) -> None:  # fmt: skip
    scope = f"KEY/20260101/r/{service}/aws4_request"
    headers = {"x-amz-date": date, "date": date, name: value}
    if form == "v4":
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;{signed}, Signature=0"
        )
    elif form == "v2":
        headers["authorization"] = f"AWS KEY:{signed}"
    else:
        v4 = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": scope, "X-Amz-Date": date,
            "X-Amz-Expires": expires, "X-Amz-SignedHeaders": f"host;{signed}", "X-Amz-Signature": signed,
        }  # fmt: skip
        v2 = {"AWSAccessKeyId": "KEY", "Signature": signed, "Expires": expires}
        given_ = v4 if form == "v4 query" else v2
        query = "&".join([query, *(f"{k}={quote(v)}" for k, v in given_.items())])
    answer = answered(locked, "GET", "/" + path, query, headers)
    assert answer.status >= 400


def sent(app: Any, incoming: Incoming, service: str, body: bytes) -> Answer:
    headers = {k: v for k, v in incoming.headers.items() if k != "content-length"}
    headers["authorization"] = authorization(MODELS.service(service).signing_name)
    return answered(app, incoming.method, incoming.raw_path, incoming.query_string, headers, body)


def some_request(chance: random.Random, service: str) -> Incoming:
    spec = MODELS.service(service)
    name = chance.choice([n for n in spec.operation_names if n != "WriteGetObjectResponse"])
    operation = spec.operation(name)
    assert isinstance(operation, OperationSpec)
    shape = operation.input
    params = Values(chance).structure(shape) if isinstance(shape, StructureShape) else {}
    return request(operation, SERVICES[service], params)


@QUICK
@given(service=st.sampled_from(sorted(SERVICES)), chance=st.randoms(use_true_random=False), data=st.data())
def test_damaged_requests(door: Any, service: str, chance: random.Random, data: st.DataObject) -> None:
    incoming = some_request(chance, service)
    body = bytearray(incoming.body)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(body)))
        how = data.draw(st.sampled_from(["cut", "flip", "insert"]))
        if how == "cut":
            del body[at:]
        elif how == "flip" and at < len(body):
            body[at] = data.draw(st.integers(0, 255))
        else:
            body[at:at] = data.draw(
                st.sampled_from([b"null", b'"', b"{", b"]", b"<x/>", b"&", b"=", b".1", b"\xff", b"%"])
            )
    sent(door, incoming, service, bytes(body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@QUICK
@given(
    service=st.sampled_from(["glue", "athena", "logs", "events", "sqs", "lambda"]),
    chance=st.randoms(use_true_random=False), odd=JSON,
)  # fmt: skip
def test_documents_with_values_of_the_wrong_kind(
    door: Any, service: str, chance: random.Random, odd: Any
) -> None:
    incoming = some_request(chance, service)
    document = json.loads(incoming.body) if incoming.body[:1] == b"{" else {}
    place: Any = document
    while isinstance(place, dict) and place:
        key = chance.choice(sorted(place))
        if chance.random() < 0.4 or not isinstance(place[key], dict | list) or not place[key]:
            place[key] = odd
            break
        place = place[key]
        while isinstance(place, list) and place and isinstance(place[0], dict | list):
            place = place[0]
    sent(door, incoming, service, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("service", "target", "body"),
    [
        ("glue", "AWSGlue.CreateTable", b'{"DatabaseName":' + b"[" * 100_000),
        ("glue", "AWSGlue.StartCrawler", b'{"Name":1e400}'),
        ("glue", "AWSGlue.GetTables", b'{"DatabaseName":"a","MaxResults":123456789012345678901234567890}'),
        ("glue", "AWSGlue.GetTables", b'{"DatabaseName":"\\ud800"}'),
        ("athena", "AmazonAthena.StartQueryExecution", b'{"QueryString":"' + b"a" * 300_000 + b'"}'),
        ("events", "AWSEvents.PutTargets", b'{"Rule":"a","Targets":[{"Id":"a","Arn":"a","HttpParameters":'
         b'{"HeaderParameters":{"a":"' + b"\\t " * 20_000 + b'\\u0000"}}}]}'),
        ("dynamodb", "DynamoDB_20120810.PutItem",
         b'{"TableName":"aaa","Item":{"a":' + b'{"L":[' * 400 + b'{"S":"x"}' + b"]}" * 400 + b"}}"),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)  # fmt: skip
def test_costly_documents(service: str, target: str, body: bytes) -> None:
    gateway = open_door(service)
    headers = {"authorization": authorization(service), "x-amz-target": target}
    answered(gateway, "POST", "/", "", headers, body)
    gateway.close()


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><Tagging><TagSet><Tag><Key>&b;</Key><Value>x</Value></Tag></TagSet></Tagging>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Tagging>&b;</Tagging>',
        "<Tagging>" * 20_000,
        '<?xml version="1.0" encoding="utf-16"?><Tagging/>',
    ],
)
def test_xml_with_entities_or_without_end(door: Any, document: str) -> None:
    headers = {"authorization": authorization("s3")}
    answer = answered(door, "PUT", "/bucket", "tagging", headers, document.encode())
    assert answer.status == 400
