"""The parts of the wire on their own: constraints, patterns, tokens, hosts, routes, the registry, bodies."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import StructureShape
from hypothesis import given, settings
from hypothesis import strategies as st

from mastic.clock import ManualClock, SystemClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.wire.asgi import Gateway, Limits
from mastic.wire.bodies import Body, open_body
from mastic.wire.dispatch import Dispatcher, Registry, Response
from mastic.wire.hosts import Hosts
from mastic.wire.paging import Pages, Paging
from mastic.wire.patterns import expressible, matcher
from mastic.wire.protocols import Protocols, cbor
from mastic.wire.sigv4 import Authenticator, Secret
from mastic.wire.spec import Models
from mastic.wire.validate import Validators
from tests.wire.doors import MODELS, ask, every_operation, open_door, swallow
from tests.wire.shape_values import Values

VALIDATORS = Validators()


def problems(service: str, operation: str, **request: Any) -> ServiceError:
    spec = MODELS.service(service).operation(operation)
    assert spec is not None
    with pytest.raises(ServiceError) as error:
        VALIDATORS.check(spec, request)
    return error.value


def passes(service: str, operation: str, **request: Any) -> None:
    spec = MODELS.service(service).operation(operation)
    assert spec is not None
    VALIDATORS.check(spec, request)


NAME = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*"


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        (
            "GetTable",
            {"Name": "t"},
            "Value null at 'databaseName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "GetTable",
            {"DatabaseName": "d", "Name": "x" * 256},
            f"Value '{'x' * 256}' at 'name' failed to satisfy constraint: Member must have length less than or equal "
            "to 255",
        ),
        (
            "GetTable",
            {"DatabaseName": "d", "Name": "a\nb"},
            "Value 'a\nb' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            + NAME,
        ),
        (
            "GetTables",
            {"DatabaseName": "d", "MaxResults": 101},
            "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to "
            "100",
        ),
        (
            "CreateTrigger",
            {"Name": "t", "Type": "NEVER", "Actions": []},
            "Value 'NEVER' at 'type' failed to satisfy constraint: Member must satisfy enum value set: "
            "[SCHEDULED, CONDITIONAL, ON_DEMAND, EVENT]",
        ),
        (
            "BatchGetJobs",
            {"JobNames": ["ok", ""]},
            "Value '[ok, ]' at 'jobNames' failed to satisfy constraint: Member must satisfy constraint: [Member must "
            "have length less than or equal to 255, Member must have length greater than or equal to 1, Member must "
            f"satisfy regular expression pattern: {NAME}]",
        ),
        (
            "TagResource",
            {"ResourceArn": "arn:aws:glue:eu-west-1:123456789012:job/x", "TagsToAdd": {"k" * 129: ""}},
            f"Value '{{{'k' * 129}=}}' at 'tagsToAdd' failed to satisfy constraint: Map keys must satisfy constraint: "
            "[Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
        ),
        (
            "UpdateTable",
            {"DatabaseName": "d", "TableInput": {"Name": "t", "PartitionKeys": [{"Name": "a"}, {}]}},
            "Value null at 'tableInput.partitionKeys.2.member.name' failed to satisfy constraint: Member must not be "
            "null",
        ),
    ],
)
def test_wording(operation: str, request_: dict[str, Any], message: str) -> None:
    error = problems("glue", operation, **request_)
    assert error.code == "ValidationException"
    assert error.message == f"1 validation error detected: {message}"


def test_all_problems_are_told_at_once() -> None:
    error = problems("glue", "GetTable", Name="", DatabaseName="")
    assert error.message.startswith("2 validation errors detected: Value '' at ")
    assert error.message.count("; ") == 1


@pytest.mark.parametrize(
    ("service", "operation", "request_", "code"),
    [
        ("athena", "StartQueryExecution", {}, "InvalidRequestException"),
        ("logs", "CreateLogGroup", {"logGroupName": "a b"}, "InvalidParameterException"),
        ("events", "PutRule", {"Name": "a b"}, "ValidationException"),
        ("iam", "GetRole", {"RoleName": ""}, "ValidationError"),
        ("lambda", "GetFunction", {"FunctionName": "a b"}, "ValidationException"),
        ("s3", "PutBucketVersioning", {"Bucket": "b"}, "MissingRequestBodyError"),
        (
            "s3",
            "PutBucketVersioning",
            {"Bucket": "b", "VersioningConfiguration": {"Status": "On"}},
            "MalformedXML",
        ),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "StorageClass": "COLD"}, "InvalidArgument"),
    ],
)
def test_every_service_has_its_own_code(
    service: str, operation: str, request_: dict[str, Any], code: str
) -> None:
    error = problems(service, operation, **request_)
    assert (error.code, error.status) == (code, 400)


def test_secret_values_are_not_repeated() -> None:
    error = problems("kms", "Encrypt", KeyId="k", Plaintext=b"")
    assert "Value at 'plaintext' failed" in error.message


def test_open_enumerations_reach_the_handler() -> None:
    passes("s3", "CreateBucket", Bucket="b", CreateBucketConfiguration={"LocationConstraint": "mars-1"})


def test_a_shape_inside_itself_is_checked_all_the_way_down() -> None:
    leaf = {"Dimensions": {"Key": "NO_SUCH", "Values": ["x"]}}
    error = problems(
        "ce", "GetCostAndUsage", TimePeriod={"Start": "2026-01-01", "End": "2026-01-02"}, Granularity="DAILY",
        Metrics=["a"], Filter={"And": [{"Not": {"Or": [leaf]}}]},
    )  # fmt: skip
    assert "'filter.and.1.member.not.or.1.member.dimensions.key'" in error.message


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (NAME, "a😀é\t ", "a\nb"),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Ünï 日本1", "a;b"),
        (r"\p{Print}+", "abc", "é"),
        (r"\w+", "a_1", "é"),
        (r"[\w-_]*", "a-_", "a b"),
        (r"^([2-3]|3[.]9)$", "3.9", "3.9\n"),
        (r".*\S.*", '{\n "type": "record"\n}', " \n "),
    ],
)
def test_patterns(pattern: str, good: str, bad: str) -> None:
    matches = matcher(pattern)
    assert matches is not None
    assert matches(good)
    assert not matches(bad)


def test_every_pattern_of_the_served_services_can_be_expressed() -> None:
    for service in ("glue", "athena", "s3", "lambda", "logs", "iam", "sts", "sqs", "sns", "events", "cloudwatch",
                    "dynamodb", "kms", "secretsmanager", "ssm", "stepfunctions"):  # fmt: skip
        for name, shape in MODELS.service(service).document["shapes"].items():
            if "pattern" in shape:
                assert expressible(shape["pattern"]), (service, name)


def test_a_catastrophic_pattern_ends() -> None:
    matches = matcher(r"(a|aa|[a-z])+(b|[a-c])+$")
    assert matches is not None
    assert not matches("a" * 5000 + "!")


@settings(max_examples=40)
@given(chance=st.randoms(use_true_random=False))
def test_what_botocore_lets_pass_never_breaks_a_check(chance: random.Random) -> None:
    spec = MODELS.service("glue")
    operation = spec.operation(chance.choice(list(spec.operation_names)))
    assert operation is not None
    shape = operation.input
    request = Values(chance).structure(shape) if isinstance(shape, StructureShape) else {}
    with contextlib.suppress(ServiceError):  # any other exception is a fault of ours
        VALIDATORS.check(operation, request)


# -- tokens ------------------------------------------------------------------------------------------

JSON_KEYS = st.recursive(
    st.text() | st.integers(-(2**53), 2**53) | st.none(), lambda i: st.lists(i, max_size=3), max_leaves=4
)


@given(last=JSON_KEYS, name=st.text(), filters=st.dictionaries(st.text(), st.text()))
def test_tokens_survive_a_restart(last: Any, name: str, filters: dict[str, str]) -> None:
    token = Paging(b"key").encode(name, filters, last)
    assert Paging(b"key").decode(name, filters, token) == last


@given(token=st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_garbage_is_refused(token: str) -> None:
    paging = Paging(b"key")
    if not token:
        assert paging.decode("L", {}, token) is None
        return
    with pytest.raises(ServiceError) as error:
        paging.decode("L", {}, token)
    assert error.value.code == "InvalidInputException"


def test_tokens_are_good_for_one_list_one_key_and_one_time() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))

    def refuse(message: str) -> ServiceError:
        return ServiceError("InvalidRequestException", message)

    paging = Paging(b"key", error=refuse, clock=clock, lifetime=60)
    token = paging.encode("L", {"a": 1}, "x")
    assert paging.decode("L", {"a": 1}, token) == "x"
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    for name, filters, other in (("M", {"a": 1}, token), ("L", {"a": 2}, token), ("L", {"a": 1}, changed)):
        with pytest.raises(ServiceError, match="InvalidRequestException"):
            paging.decode(name, filters, other)
    with pytest.raises(ServiceError):
        Paging(b"another", clock=clock).decode("L", {"a": 1}, token)
    clock.advance(seconds=61)
    with pytest.raises(ServiceError, match="expired"):
        paging.decode("L", {"a": 1}, token)


def test_pages() -> None:
    pages = Pages(Paging(b"key"))
    context = Context(service="glue", operation="GetTables")
    rows = list(range(10))
    seen: list[int] = []
    request: dict[str, Any] = {"DatabaseName": "d", "MaxResults": 3}
    while True:
        after = pages.key(context, request, default=-1)
        found = [r for r in rows if r > after][: request["MaxResults"] + 1]
        page = pages.page(context, request, "TableList", found, request["MaxResults"], key=lambda r: r)
        seen += page["TableList"]
        if page["NextToken"] is None:
            break
        request = {"DatabaseName": "d", "MaxResults": 4, "NextToken": page["NextToken"]}
    assert seen == rows
    with pytest.raises(ServiceError):
        pages.key(context, {**request, "DatabaseName": "other"})
    with pytest.raises(ServiceError):
        pages.key(Context(service="glue", operation="GetTables", region="eu-west-1"), request)


# -- hosts, registry, dispatch -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("a.b.localhost", "a.b"),
        ("x.s3.example.test:4566", "x"),
        ("x.example.test", "x"),
        ("example.test", ""),
        ("s3.example.test", ""),
        ("x.s3.dualstack.eu-west-1.amazonaws.com", "x"),
        ("x.s3-eu-west-1.amazonaws.com", "x"),
        ("s3.dualstack.eu-west-1.amazonaws.com", ""),
        ("x.10.0.0.1.nip.io", "x"),
        ("10.0.0.1", ""),
        ("somewhere.else", ""),
        ("", ""),
    ],
)
def test_buckets_in_hosts(host: str, bucket: str) -> None:
    assert Hosts(("example.test",)).bucket(host) == bucket


class Crawlers:
    def get_crawler(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"Crawler": {"Name": request["Name"]}}

    def start(self) -> None:
        """No operation."""


class MoreCrawlers:
    def get_crawler(self, context: Context, request: dict[str, Any]) -> None:
        return None


def test_the_registry_knows_its_coverage_and_refuses_doubles() -> None:
    registry = Registry()
    registry.add("glue", Crawlers())
    coverage = registry.coverage()["glue"]
    assert coverage.implemented == ("GetCrawler",)
    assert "CreateJob" in coverage.missing
    assert len(coverage.missing) + 1 == len(list(MODELS.service("glue").operation_names))
    with pytest.raises(ValueError, match=r"glue\.GetCrawler is handled twice"):
        registry.add("glue", MoreCrawlers())
    with pytest.raises(LookupError):
        registry.add("no-such-service", Crawlers())
    with pytest.raises(ValueError, match="handles no operation"):
        registry.add("sts", Crawlers())


def test_calls_from_inside_are_validated_too() -> None:
    registry = Registry()
    registry.add("glue", Crawlers())
    dispatcher = Dispatcher(registry)
    assert dispatcher.invoke(Context(), "glue", "GetCrawler", {"Name": "c"}) == {"Crawler": {"Name": "c"}}
    with pytest.raises(ServiceError, match="validation error"):
        dispatcher.invoke(Context(), "glue", "GetCrawler", {})
    with pytest.raises(ServiceError, match="CreateJob is not implemented by Mastic"):
        dispatcher.invoke(Context(), "glue", "CreateJob", {})


def test_a_response_overrides_status_and_headers() -> None:
    class Buckets:
        def head_bucket(self, context: Context, request: dict[str, Any]) -> Response:
            return Response(
                {"BucketRegion": "x"}, status=202, headers={"X-Amz-Bucket-Region": "y", "x-more": "z"}
            )

    registry = Registry()
    registry.add("s3", Buckets())
    gateway = Gateway(registry)
    answer = asyncio.run(ask(gateway, "HEAD", "/bucket"))
    gateway.close()
    assert (answer.status, answer.body) == (202, b"")
    assert (answer.headers["x-amz-bucket-region"], answer.headers["x-more"]) == ("y", "z")


def test_documents_beyond_the_limit_are_refused() -> None:
    registry = Registry(models=MODELS)
    registry.add("glue", every_operation("glue", swallow))
    gateway = Gateway(registry, limits=Limits(document=1000))
    headers = {
        "x-amz-target": "AWSGlue.GetTables",
        "authorization": "AWS4-HMAC-SHA256 Credential=K/20260101/r/glue/aws4_request, SignedHeaders=host, Signature=0",
    }
    for sent in ({}, {"transfer-encoding": "chunked"}):
        answer = asyncio.run(ask(gateway, "POST", "/", "", {**headers, **sent}, [b" " * 600, b" " * 600]))
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (413, "RequestEntityTooLargeException")
    gateway.close()


@pytest.mark.parametrize(
    ("service", "target", "code"),
    [("glue", "AWSGlue.GetTables", b"UnrecognizedClientException"), ("s3", "", b"<Code>InvalidAccessKeyId</Code>"),
     ("iam", "", b"<Code>InvalidClientTokenId</Code>")],
)  # fmt: skip
def test_refused_signatures_speak_the_services_protocol(service: str, target: str, code: bytes) -> None:
    registry = Registry(models=MODELS)
    registry.add(service, every_operation(service, swallow))

    def nobody(access_key: str) -> Secret | None:
        return None

    gateway = Gateway(registry, authenticator=Authenticator(clock=SystemClock(), credentials=nobody))
    scope = f"20260101/r/{service}/aws4_request"
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential=K/{scope}, SignedHeaders=host, Signature=0"}
    if target:
        headers["x-amz-target"] = target
    query = "Action=ListRoles&Version=2010-05-08" if service == "iam" else ""
    answer = asyncio.run(ask(gateway, "POST" if target else "GET", "/", query, headers, b""))
    gateway.close()
    assert 400 <= answer.status < 500
    assert code in answer.body


def test_services_that_share_a_signing_name_are_told_apart() -> None:
    gateway = open_door("s3", "s3control", "dynamodb", "dynamodbstreams")
    scope = "20260101/r/{}/aws4_request"

    def sent(service: str, path: str, **headers: str) -> int:
        signed = f"AWS4-HMAC-SHA256 Credential=K/{scope.format(service)}, SignedHeaders=host, Signature=0"
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return asyncio.run(
            ask(gateway, "POST" if headers else "GET", path, "", {"authorization": signed, **named}, b"{}")
        ).status

    assert sent("dynamodb", "/", x_amz_target="DynamoDBStreams_20120810.ListStreams") == 200
    assert sent("dynamodb", "/", x_amz_target="DynamoDB_20120810.ListTables") == 200
    assert sent("s3", "/bucket") == 200
    gateway.close()


# -- bodies ------------------------------------------------------------------------------------------


@given(
    data=st.binary(max_size=200),
    cuts=st.lists(st.integers(1, 60), max_size=6),
    sizes=st.lists(st.integers(0, 70)),
)
def test_a_body_reads_like_a_file(data: bytes, cuts: list[int], sizes: list[int]) -> None:
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    pieces.append(data[at:])
    body = Body(pieces, length=len(data))
    position = 0
    for size in sizes:
        assert body.read(size) == data[position : position + size]
        position = min(len(data), position + size)
    assert body.read() == data[position:]
    assert body.read(1) == b""


@pytest.mark.parametrize("length", [3, 6])
def test_a_body_of_another_length_is_refused_before_its_last_piece(length: int) -> None:
    body = Body([b"ab", b"cde"], length=length)
    with pytest.raises(ServiceError, match="IncompleteBody"):
        body.read(length)


@pytest.mark.parametrize(
    "raw",
    [b"", b"5\r\nhello", b"5\r\nhello\r\n", b"x\r\nhello\r\n0\r\n\r\n", b"-1\r\n", b"5\r\nhelloX\r\n0\r\n\r\n",
     b"0" * 99_999,      b"0\r\n" + b"a:b\r\n" * 20_000, b"ffffffffffffffffff\r\n"],
)  # fmt: skip
def test_broken_chunks(raw: bytes) -> None:
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5"}
    with pytest.raises(ServiceError):
        open_body(headers, [raw]).read()


CBOR_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
CBOR_VALUES = st.recursive(
    CBOR_SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(value=CBOR_VALUES)
def test_cbor_there_and_back(value: Any) -> None:
    assert cbor.loads(cbor.dumps(value)) == value


@given(data=st.binary(max_size=60))
def test_cbor_garbage(data: bytes) -> None:
    with contextlib.suppress(ServiceError):  # any other exception is a fault of ours
        cbor.loads(data)


def test_models_are_found_by_name_only() -> None:
    models = Models()
    assert models.find("../../etc/passwd") is None
    assert models.find("nope") is None
    assert models.find("glue") is models.find("glue")


def test_first_calls_at_the_same_time_meet_no_half_made_codec() -> None:
    lifecycle = MODELS.service("s3").operation("GetBucketLifecycleConfiguration")
    table = MODELS.service("glue").operation("GetTable")
    assert lifecycle is not None
    assert table is not None
    assert isinstance(lifecycle.output, StructureShape)
    assert isinstance(table.output, StructureShape)
    rules = Values(random.Random(1), full=True).structure(lifecycle.output)
    found = Values(random.Random(1), full=True).structure(table.output)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(10):
            protocols = Protocols()

            def encoded(_: int, protocols: Protocols = protocols) -> tuple[Any, Any]:
                document = protocols.named("rest-xml").encoder(lifecycle)(rules, "r").body
                return document, protocols.named("json").encoder(table)(found, "r").body

            with ThreadPoolExecutor(8) as pool:
                assert len(set(pool.map(encoded, range(8)))) == 1
    finally:
        sys.setswitchinterval(interval)
