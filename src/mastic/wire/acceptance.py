"""Documents that are right in every way, recognised in one pass and taken as they are.

Nearly every request is: then nothing has to be copied, and no path to a value has to be written down for a message
that nobody will read. Whatever is not plainly right (a null, an unknown member, a broken constraint) is in doubt, and
decoding and validation say exactly what it is. Owns the acceptors of one service's shapes.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable
from typing import Any

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from mastic.wire.facts import OPEN_ENUMS
from mastic.wire.patterns import matcher
from mastic.wire.protocols import timestamps
from mastic.wire.spec import OperationSpec, ServiceSpec
from mastic.wire.validate import rules

# Value → the same value, or what takes its place in the document. Raises Doubt.
Accept = Callable[[Any], Any]
# JSON text of a request → its members, or None when it is in doubt.
Acceptor = Callable[[bytes], "dict[str, Any] | None"]

# Lists of texts that come again and again, such as a table's columns in each of its partitions.
FEWEST_REMEMBERED = 3
LONGEST_REMEMBERED = 8192
MOST_REMEMBERED = 8

_ONE_CLASS = re.compile(r"\[(?:[^\]\\\[]|\\.)+\]\*\Z", re.DOTALL)
_PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]


class Doubt(Exception):
    """A value is not plainly right; it may still be."""


class Acceptors:
    """Compiles shapes of one service to acceptors, each once."""

    def __init__(self, service: ServiceSpec) -> None:
        self._open_enums = OPEN_ENUMS.get(service.id, frozenset())
        self._made: dict[str, Accept] = {}
        self._lock = threading.RLock()

    def operation(self, operation: OperationSpec) -> Acceptor:
        """The acceptor of an operation's requests."""
        if operation.input is None:
            return lambda body: None
        accept = self._compile(operation.input)

        def run(body: bytes) -> dict[str, Any] | None:
            try:
                members: dict[str, Any] = accept(orjson.loads(body or b"{}"))
            except (Doubt, KeyError, orjson.JSONDecodeError):
                return None
            return members

        return run

    def _compile(self, shape: Shape) -> Accept:
        if getattr(shape, "is_document_type", False):
            return _anything
        if not isinstance(shape, (StructureShape, ListShape, MapShape)):
            return self._scalar(shape)
        with self._lock:
            if shape.name not in self._made:
                # Known before its parts are compiled: a shape may contain itself.
                self._made[shape.name] = lambda value: self._made[shape.name](value)
                if isinstance(shape, StructureShape):
                    made = self._structure(shape)
                elif isinstance(shape, ListShape):
                    made = self._list(shape)
                else:
                    made = self._map(shape)
                self._made[shape.name] = made
            return self._made[shape.name]

    def _structure(self, shape: StructureShape) -> Accept:
        fields: dict[str, Accept] = {}
        replacing: list[str] = []
        for name, member in shape.members.items():
            if member.serialization.get("name", name) != name:
                return _doubted
            fields[name] = self._compile(member)
            if _replaces(member):
                replacing.append(name)
        required = frozenset(shape.required_members)

        def check(value: Any) -> Any:
            if type(value) is not dict:
                raise Doubt
            for name in required:
                if name not in value:
                    raise Doubt
            for name, item in value.items():
                fields[name](item)
            return value

        if not replacing:
            return check

        def convert(value: Any) -> Any:
            check(value)
            for name in replacing:
                if name in value:
                    value[name] = fields[name](value[name])
            return value

        return convert

    def _list(self, shape: ListShape) -> Accept:
        accept = self._compile(shape.member)
        holds = self._holds(shape)
        replaces = _replaces(shape.member)

        def check(value: Any) -> Any:
            if type(value) is not list or (holds is not None and not holds(value)):
                raise Doubt
            for item in value:
                accept(item)
            return [accept(item) for item in value] if replaces else value

        if isinstance(shape.member, StructureShape) and _only_texts(shape.member):
            return _remembering(check)
        return check

    def _map(self, shape: MapShape) -> Accept:
        accept_key, accept = self._compile(shape.key), self._compile(shape.value)
        holds = self._holds(shape)
        replaces = _replaces(shape.value)

        def check(value: Any) -> Any:
            if type(value) is not dict or (holds is not None and not holds(value)):
                raise Doubt
            for key, item in value.items():
                accept_key(key)
                accept(item)
            return {key: accept(item) for key, item in value.items()} if replaces else value

        return check

    def _holds(self, shape: Shape) -> Callable[[Any], bool] | None:
        """Whether a value keeps the rules of its shape; None for a shape without rules."""
        own = [rule for rule, _ in rules(shape, open_enum=shape.name in self._open_enums)]
        if len(own) < 2:
            return own[0] if own else None
        return lambda value: all(rule(value) for rule in own)

    def _scalar(self, shape: Shape) -> Accept:
        match shape.type_name:
            case "string" | "character":
                return self._text(shape)
            case "boolean":
                return _boolean
            case "integer" | "long":
                return _number(int, self._holds(shape))
            case "float" | "double":
                return _number(float, self._holds(shape))
            case "timestamp":
                return _timestamp
            case "blob":
                return _blob(self._holds(shape))
        return _doubted

    def _text(self, shape: Shape) -> Accept:
        holds = self._holds(shape)
        if holds is None:
            return _plain_text
        meta = shape.metadata
        low, high, pattern = meta.get("min") or 0, meta.get("max"), meta.get("pattern")
        if high is None or getattr(shape, "enum", None) or not (pattern is None or takes_printable(pattern)):

            def check(value: Any) -> Any:
                if type(value) is not str or not holds(value):
                    raise Doubt
                return value

            return check

        def check_short(value: Any) -> Any:
            if type(value) is not str or not low <= len(value) <= high:
                raise Doubt
            if pattern is not None and not (value.isascii() and value.isprintable()) and not holds(value):
                raise Doubt
            return value

        return check_short


def takes_printable(pattern: str) -> bool:
    """Whether every text of printable ASCII satisfies the pattern: one class of characters, any number of them."""
    matches = matcher(pattern)
    if matches is None or _ONE_CLASS.match(pattern) is None:
        return False
    return all(map(matches, _PRINTABLE))


def _remembering(check: Accept) -> Accept:
    """The acceptor of a list that knows again what it accepted; ``known`` are copies that nobody else has."""
    known: tuple[list[Any], ...] = ()

    def remembered(value: Any) -> Any:
        nonlocal known
        if type(value) is list and value in known:
            return value
        check(value)
        if len(value) >= FEWEST_REMEMBERED:
            text = orjson.dumps(value)
            if len(text) <= LONGEST_REMEMBERED:
                known = (orjson.loads(text), *known[: MOST_REMEMBERED - 1])
        return value

    return remembered


def _only_texts(shape: Shape, depth: int = 0) -> bool:
    """Whether texts are all that a value is made of, so that equal values are equal in every way (1 == True)."""
    if getattr(shape, "is_document_type", False) or depth > 8:
        return False
    if isinstance(shape, StructureShape):
        return all(_only_texts(member, depth + 1) for member in shape.members.values())
    if isinstance(shape, ListShape):
        return _only_texts(shape.member, depth + 1)
    if isinstance(shape, MapShape):
        return _only_texts(shape.value, depth + 1)
    return bool(shape.type_name == "string")


def _replaces(shape: Shape) -> bool:
    """Whether the value in a request is another than the one in JSON. (Structures are changed in place.)"""
    if isinstance(shape, ListShape):
        return _replaces(shape.member)
    if isinstance(shape, MapShape):
        return _replaces(shape.value)
    return shape.type_name in ("timestamp", "blob", "float", "double")


def _anything(value: Any) -> Any:
    return value


def _doubted(value: Any) -> Any:
    raise Doubt


def _plain_text(value: Any) -> Any:
    if type(value) is not str:
        raise Doubt
    return value


def _boolean(value: Any) -> Any:
    if type(value) is not bool:
        raise Doubt
    return value


def _number(kind: type, holds: Callable[[Any], bool] | None) -> Accept:
    def check(value: Any) -> Any:
        if type(value) is not int and type(value) is not kind:
            raise Doubt
        try:
            number = kind(value)
        except OverflowError:
            raise Doubt from None
        if holds is not None and not holds(number):
            raise Doubt
        return number

    return check


def _timestamp(value: Any) -> Any:
    # Told by its number only: where timestamps are written as text, decoding does it.
    if type(value) not in (int, float):
        raise Doubt
    try:
        return timestamps.from_epoch(value)
    except ValueError:
        raise Doubt from None


def _blob(holds: Callable[[Any], bool] | None) -> Accept:
    def check(value: Any) -> Any:
        if type(value) is not str:
            raise Doubt
        try:
            found = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Doubt from None
        if holds is not None and not holds(found):
            raise Doubt
        return found

    return check
