"""What is taken as it is, is exactly what decoding and validation let through."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from botocore.model import StructureShape
from hypothesis import given, settings
from hypothesis import strategies as st

from mastic.errors import ServiceError
from mastic.wire.acceptance import Acceptors, takes_printable
from mastic.wire.messages import Incoming
from mastic.wire.patterns import matcher
from mastic.wire.protocols import Protocols
from mastic.wire.spec import Models, OperationSpec
from mastic.wire.validate import Validators
from tests.wire.shape_values import Values, request

MODELS = Models()
PROTOCOL = Protocols().named("json")
VALIDATORS = Validators()
SERVICES = ("glue", "athena", "logs", "events", "sqs")
ACCEPTORS = {service: Acceptors(MODELS.service(service)) for service in SERVICES}
STRANGE: tuple[Any, ...] = (
    None,
    True,
    1,
    1.0,
    -1.5,
    10**30,
    "",
    "x" * 5000,
    "2024-01-01",
    "\x00",
    "ü\n",
    [],
    [None],
    {},
    {"a": None},
)


def slowly(operation: OperationSpec, incoming: Incoming) -> dict[str, Any] | None:
    try:
        members = PROTOCOL.decoder(operation)(incoming)
        VALIDATORS.check(operation, members)
    except ServiceError:
        return None
    return members


def sent(operation: OperationSpec, values: Values) -> Incoming:
    shape = operation.input
    return request(operation, "json", values.structure(shape) if isinstance(shape, StructureShape) else {})


def broken(chance: random.Random, value: Any) -> Any:
    """The same document with something strange at one place in it."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        kept = {k: v for k, v in value.items() if k != key}
        return kept if chance.random() < 0.1 else {**value, key: broken(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        return [*value[:at], broken(chance, value[at]), *value[at + 1 :]]
    return chance.choice(STRANGE)


def same(operation: OperationSpec, incoming: Incoming) -> bool:
    """Whether it was accepted; what was accepted is what the slow way gives, to the types."""
    accepted = ACCEPTORS[operation.service.id].operation(operation)(incoming.body)
    if accepted is None:
        return False
    expected = slowly(operation, incoming)
    assert expected is not None
    assert repr(accepted) == repr(expected)
    return True


@pytest.mark.parametrize("service", SERVICES)
def test_right_requests_are_accepted(service: str) -> None:
    spec = MODELS.service(service)
    accepted = 0
    for name in spec.operation_names:
        operation = spec.operation(name)
        assert operation is not None
        for n in range(6):
            incoming = sent(operation, Values(random.Random(f"{name} {n}"), full=n == 0, depth=4 if n else 3))
            if slowly(operation, incoming) is None or operation.input is None:
                continue
            accepted += same(operation, incoming)
    assert accepted > len(list(spec.operation_names))


@settings(max_examples=300, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_broken_requests_are_not(chance: random.Random) -> None:
    spec = MODELS.service(chance.choice(SERVICES))
    operation = spec.operation(chance.choice(list(spec.operation_names)))
    assert operation is not None
    incoming = sent(operation, Values(chance))
    document = json.loads(incoming.body or b"{}")
    for _ in range(3):
        incoming.body = json.dumps(broken(chance, document)).encode()
        same(operation, incoming)


def test_lists_read_once_do_not_vouch_for_others() -> None:
    operation = MODELS.service("glue").operation("BatchCreatePartition")
    assert operation is not None
    accept = Acceptors(MODELS.service("glue")).operation(operation)

    def body(*some: list[dict[str, Any]]) -> bytes:
        given = [{"Values": ["v"], "StorageDescriptor": {"Columns": columns}} for columns in some]
        request = {"DatabaseName": "d", "TableName": "t", "PartitionInputList": given}
        return json.dumps(request, ensure_ascii=False).encode()

    def read(*some: list[dict[str, Any]]) -> list[Any] | None:
        members = accept(body(*some))
        if members is None:
            return None
        return [one["StorageDescriptor"]["Columns"] for one in members["PartitionInputList"]]

    columns: list[dict[str, Any]] = [{"Name": f"c{n}", "Type": "int"} for n in range(5)]
    others = [{"Name": "é", "Comment": '"'}]
    first = read(columns, others, columns)
    assert first == [columns, others, columns]
    # Whoever has a request may change it: the next one is not concerned.
    first[0][0]["Name"] = 7
    assert read(columns, columns) == [columns, columns]
    for name, kind in (
        (7, "int"),
        ("c0", "x" * 200_000),
        (None, "int"),
        ("\u0007", "int"),
        ("x" * 256, "int"),
    ):
        assert read(columns, [{"Name": name, "Type": kind}, *columns[1:]], columns) is None
    assert read(columns, [{"Type": "int"}, *columns[1:]]) is None


def test_texts_of_members_that_nobody_knows_count_too() -> None:
    operation = MODELS.service("glue").operation("GetTable")
    assert operation is not None
    accept = Acceptors(MODELS.service("glue")).operation(operation)
    right = b'{"DatabaseName": "d", "Name": "t", "Unknown": %s}'
    assert accept(right % b'["x", {}]') == {"DatabaseName": "d", "Name": "t"}
    for text in (b'"\xff"', rb'"\ud800"', rb'"\ud800\u0041"', b"[1,]", b"0x1"):
        assert accept(right % text) is None


def test_printable_texts_satisfy_patterns_that_take_them() -> None:
    document = MODELS.service("glue").document
    patterns = {shape["pattern"] for shape in document["shapes"].values() if "pattern" in shape}
    taking = [pattern for pattern in patterns if takes_printable(pattern)]
    assert taking
    printable = "".join(map(chr, range(0x20, 0x7F)))
    for pattern in taking:
        matches = matcher(pattern)
        assert matches is not None
        assert matches("")
        assert matches(printable * 3)
    assert not takes_printable("[a-z]*")
    assert not takes_printable(r"s3://[\u0020-\uD7FF]*")
    assert not takes_printable(r"[\u0020-\uD7FF]+")
