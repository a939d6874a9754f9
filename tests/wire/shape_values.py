"""Values that fit a shape, made from any source of randomness, and the two directions of the wire.

The other end of every round trip is botocore itself: its serialisers write the requests, its parsers read the
replies.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore import parsers, serialize
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.model import ListShape, MapShape, Shape, StructureShape
from requests.structures import CaseInsensitiveDict

from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.spec import OperationSpec

# Text that tells escaping mistakes: markup, percent signs, separators, non-Latin and astral characters.
TEXTS = (
    "a",
    "B-1",
    "x y",
    "<&>\"'",
    "100% +1/2?#=&;",
    "a,b.c:d",
    "ünï",
    "日本 𝄞",
    "line\nbreak\ttab",
    "]]>",
    "",
)
PLAIN = ("a", "B-1", "x y", "100%+1/2?#=&;", "it's")  # what a header can carry
LISTED = ("a", "B-1", "c.d")  # what an item of a comma-separated header can carry


class Values:
    """Makes values. ``full`` gives every optional member down to ``depth``; otherwise chance decides."""

    def __init__(self, chance: random.Random, *, full: bool = False, depth: int = 4) -> None:
        self._chance = chance
        self._full = full
        self._depth = depth

    def value(self, shape: Shape, place: str = "body", depth: int = 0) -> Any:
        """A value of the shape. ``place`` is where it travels: body, header, querystring or uri."""
        chance = self._chance
        kind = shape.type_name
        if getattr(shape, "is_document_type", False):
            return {"any": [1, "x", None, {"y": True}]}
        if isinstance(shape, StructureShape):
            return self.structure(shape, depth)
        if isinstance(shape, ListShape):
            return [self.value(shape.member, place + " list", depth + 1) for _ in range(chance.randint(1, 3))]
        if isinstance(shape, MapShape):
            if place == "header":  # the names of headers: S3's user metadata
                return {key: self.value(shape.value, place, depth + 1) for key in ("a", "b-1")}
            keys = [self._text(place) or "k" for _ in range(chance.randint(1, 2))]
            return {key: self.value(shape.value, place, depth + 1) for key in keys}
        if kind in ("string", "character"):
            enum = getattr(shape, "enum", None)
            return chance.choice(enum) if enum else self._text(place)
        if place == "statusCode":
            return chance.choice((200, 202))
        if kind in ("integer", "long"):
            return chance.choice((0, 1, 7, 2**31 - 1, -5) + ((2**53,) if kind == "long" else ()))
        if kind in ("float", "double"):
            return chance.choice((0.0, 1.5, -2.25, 1e10))
        if kind == "boolean":
            return chance.random() < 0.5
        if kind == "timestamp":
            return datetime.fromtimestamp(chance.choice((0, 1, 1_700_000_000, 4_102_444_800)), UTC)
        # A body of no bytes is no body.
        return bytes(chance.choice(range(256)) for _ in range(chance.randint(1, 5)))

    def structure(self, shape: StructureShape, depth: int = 0) -> dict[str, Any]:
        """Members of a structure: the required ones always, the others by chance."""
        out: dict[str, Any] = {}
        members = dict(shape.members)
        if getattr(shape, "is_tagged_union", False) and members:
            name = self._chance.choice(list(members))
            members = {name: members[name]}
        for name, member in members.items():
            if getattr(member, "is_eventstream", False):
                continue
            required = name in shape.required_members or len(members) == 1
            if depth >= self._depth and not required:
                continue
            if depth > self._depth + 6:
                continue
            if required or self._full or self._chance.random() < 0.3:
                place = member.serialization.get("location", "body")
                out[name] = self.value(member, "header" if place == "headers" else place, depth + 1)
        return out

    def _text(self, place: str) -> str:
        if place == "uri":
            return self._chance.choice(TEXTS[:-1])
        if place == "header list":
            return self._chance.choice(LISTED)
        return self._chance.choice(PLAIN if place == "header" else TEXTS)


def request(operation: OperationSpec, protocol: str, params: Mapping[str, Any]) -> Incoming:
    """The request that botocore would send."""
    serializer = serialize.create_serializer(protocol, include_validation=False)
    description = serializer.serialize_to_request(dict(params), operation.model)
    prepare_request_dict(description, "http://localhost:4566")
    prepared = create_request_object(description).prepare()
    parts = urlsplit(prepared.url)
    body = prepared.body or b""
    return Incoming(
        method=prepared.method,
        raw_path=parts.path or "/",
        query_string=parts.query,
        headers={name.lower(): _text(value) for name, value in prepared.headers.items()},
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def reply(operation: OperationSpec, protocol: str, outgoing: Outgoing) -> dict[str, Any]:
    """What a client makes of a reply."""
    assert isinstance(outgoing.body, bytes)
    headers = CaseInsensitiveDict(dict(outgoing.headers))
    shape = operation.output
    body: Any = outgoing.body
    payload = shape.serialization.get("payload") if shape is not None else None
    raw = payload is not None and shape.members[payload].type_name == "blob"
    parsed = parsers.create_parser(protocol).parse(
        {"headers": headers, "status_code": outgoing.status, "body": b"" if raw else body},
        shape,
    )
    if raw:
        parsed[payload] = body
    parsed.pop("ResponseMetadata", None)
    return dict(parsed)


def pruned(value: Any) -> Any:
    """A value without what the XML and form protocols cannot tell from absence: empty collections."""
    if isinstance(value, Mapping):
        kept = {k: pruned(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v not in ({}, [])}
    if isinstance(value, list):
        return [kept for v in value if (kept := pruned(v)) not in ({}, [])]
    return value


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
