"""Every operation of the served services, both ways, against botocore's own serialisers and parsers."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.model import StructureShape

from mastic.wire.claims import Claim
from mastic.wire.dispatch import Registry
from mastic.wire.protocols import Protocols
from mastic.wire.routing import Router
from mastic.wire.spec import Models, OperationSpec
from tests.wire.shape_values import Values, pruned, reply, request

MODELS = Models()
PROTOCOLS = Protocols()
SERVICES = [
    ("glue", "json"), ("athena", "json"), ("logs", "json"), ("events", "json"), ("sqs", "json"),
    ("cloudwatch", "json"), ("cloudwatch", "query"), ("cloudwatch", "smithy-rpc-v2-cbor"),
    ("lambda", "rest-json"), ("s3", "rest-xml"), ("iam", "query"), ("sts", "query"), ("sns", "query"),
]  # fmt: skip
EMPTY_IS_ABSENT = ("query", "rest-xml", "ec2")


# Two whose old and new members share one element, which no reader can tell apart, and one that is sent to a
# host of its own.
APART = {"GetBucketNotification", "PutBucketNotification", "WriteGetObjectResponse"}


def operations(service: str) -> list[OperationSpec]:
    spec = MODELS.service(service)
    found = [op for name in spec.operation_names if (op := spec.operation(name)) is not None]
    return [op for op in found if op.name not in APART]


def plain(protocol: str, value: Any) -> Any:
    return pruned(value) if protocol in EMPTY_IS_ABSENT else value


def without_implied(protocol: str, got: dict[str, Any], meant: dict[str, Any]) -> dict[str, Any]:
    """What HTTP itself adds to a REST message that says nothing: a length, a status, an empty payload."""
    if not protocol.startswith("rest-"):
        return got
    return {
        name: value
        for name, value in got.items()
        if name in meant or (name not in ("ContentLength", "StatusCode") and value not in (b"", "", {}))
    }


def samples(operation: OperationSpec) -> list[Values]:
    """One bare, one full, and two by chance: different ones for every operation, the same in every run."""
    return [
        Values(random.Random(f"{operation.name} bare"), depth=0),
        Values(random.Random(f"{operation.name} full"), full=True, depth=3),
        *(Values(random.Random(f"{operation.name} {i}")) for i in range(2)),
    ]


def there(operation: OperationSpec, protocol: str, params: dict[str, Any]) -> dict[str, Any]:
    """What a handler is given when botocore sends ``params``."""
    incoming = request(operation, protocol, params)
    router = Router(Registry(models=MODELS), PROTOCOLS)
    claim = Claim(version=4, access_key="k", service=operation.service.signing_name)
    route = router.route(incoming, claim)
    assert route.error is None, route.error
    assert route.protocol.name == protocol
    if route.operation is not operation:
        # Deprecated twins have the very same request.
        assert route.operation is not None
        assert (route.operation.method, route.operation.uri) == (operation.method, operation.uri)
        assert operation.name in TWINS
    return PROTOCOLS.named(protocol).decoder(operation)(incoming)


TWINS = {
    "GetBucketLifecycle", "GetBucketNotification", "PutBucketLifecycle", "PutBucketNotification",
    "ListDirectoryBuckets", "InvokeAsync",
}  # fmt: skip


@pytest.mark.parametrize(("service", "protocol"), SERVICES, ids=lambda v: str(v))
def test_requests(service: str, protocol: str) -> None:
    for operation in operations(service):
        for values in samples(operation):
            shape = operation.input
            params = values.structure(shape) if isinstance(shape, StructureShape) else {}
            got = there(operation, protocol, params)
            assert plain(protocol, without_implied(protocol, got, params)) == plain(protocol, params), (
                operation
            )


@pytest.mark.parametrize(("service", "protocol"), SERVICES, ids=lambda v: str(v))
def test_replies(service: str, protocol: str) -> None:
    for operation in operations(service):
        encode = PROTOCOLS.named(protocol).encoder(operation)
        if (service, operation.name) == ("s3", "GetBucketLocation"):
            continue  # read by a special handler of botocore; tests of clients cover it
        if operation.model.has_event_stream_output:
            continue
        for values in samples(operation):
            shape = operation.output
            result = values.structure(shape) if isinstance(shape, StructureShape) else {}
            got = reply(operation, protocol, encode(result, "request-1"))
            assert plain(protocol, without_implied(protocol, got, result)) == plain(protocol, result), (
                operation
            )
