"""Documents that are right in every way, recognised while they are parsed and taken as they are.

Nearly every request is: then no value has to be looked at twice, and no path to one has to be written down for a
message that nobody will read. A shape becomes a type that the parser itself checks (members, kinds, lengths, bounds)
and what is left to do afterwards: patterns, bytes, times. Whatever is not plainly right (a null, a broken
constraint, a number written in an unusual way) is in doubt, and decoding and validation say exactly what it is.
Owns the acceptors of one service's shapes.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from mastic.wire.facts import OPEN_ENUMS
from mastic.wire.patterns import matcher
from mastic.wire.protocols import timestamps
from mastic.wire.spec import OperationSpec, ServiceSpec
from mastic.wire.validate import rules

# JSON text of a request → its members, or None when it is in doubt.
Acceptor = Callable[[bytes], "dict[str, Any] | None"]
# Lists of one request that were read before, by shape and text.
Known = dict[tuple[str, bytes], Any]
# A parsed value → what takes its place. Raises Doubt.
Finish = Callable[[Any, Known], Any]

_ONE_CLASS = re.compile(r"\[(?:[^\]\\\[]|\\.)+\]\*\Z", re.DOTALL)
_PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]
# What both parsers of JSON take for an integer.
_LEAST, _GREATEST = -(2**63), 2**63 - 1


class Doubt(Exception):
    """A value is not plainly right; it may still be."""


class _Unsayable(Exception):
    """No type says what the shape does."""


class _Plan(NamedTuple):
    """How a shape is read: the type for the parser, and what is left to do."""

    type: Any
    finish: Finish | None = None


class Acceptors:
    """Compiles shapes of one service to acceptors, each once."""

    def __init__(self, service: ServiceSpec) -> None:
        self._plain = _Readers(service, plain=True)
        self._other = _Readers(service, plain=False)

    def operation(self, operation: OperationSpec) -> Acceptor:
        """The acceptor of an operation's requests."""
        shape = operation.input
        if shape is None:
            return lambda body: None

        def run(body: bytes) -> dict[str, Any] | None:
            try:
                members: dict[str, Any] = self._readers(body)(shape)(body or b"{}")
            except (Doubt, RecursionError, UnicodeDecodeError, msgspec.DecodeError, orjson.JSONDecodeError):
                return None
            return members

        return run

    def _readers(self, body: bytes) -> Callable[[Shape], Callable[[bytes], Any]]:
        """All texts of a plain document are printable ASCII. In others, those of unknown members count too."""
        if body.isascii():
            if b"\\" not in body and b"\x7f" not in body:
                return self._plain.reader
            if b"\\u" not in body:
                return self._other.reader
        orjson.loads(body)
        return self._other.reader


class _Readers:
    """Compiles shapes for plain documents, or for any."""

    def __init__(self, service: ServiceSpec, *, plain: bool) -> None:
        self._open_enums = OPEN_ENUMS.get(service.id, frozenset())
        self._only_plain = plain
        self._readers: dict[str, Callable[[bytes], Any]] = {}
        self._plans: dict[tuple[str, bool], _Plan] = {}
        self._underway: set[str] = set()
        self._lock = threading.RLock()

    def reader(self, shape: Shape) -> Callable[[bytes], Any]:
        """Reads a document of that shape. Raises Doubt, or what the parser raises."""
        known = self._readers.get(shape.name)
        if known is None:
            with self._lock:
                try:
                    known = _reading(self._plan(shape, listed=False))
                except _Unsayable:
                    known = _doubtful
                self._readers[shape.name] = known
        return known

    def _plan(self, shape: Shape, *, listed: bool) -> _Plan:
        """``listed``: the value is in an item of a list, and may come again in the next."""
        if getattr(shape, "is_document_type", False):
            return _Plan(msgspec.Raw, _document)
        if not isinstance(shape, (StructureShape, ListShape, MapShape)):
            return self._scalar(shape)
        key = (shape.name, listed)
        if key not in self._plans:
            if shape.name in self._underway:
                # It contains itself.
                raise _Unsayable
            self._underway.add(shape.name)
            try:
                if isinstance(shape, StructureShape):
                    self._plans[key] = self._structure(shape, listed)
                elif isinstance(shape, ListShape):
                    self._plans[key] = self._list(shape, listed)
                else:
                    self._plans[key] = self._map(shape, listed)
            finally:
                self._underway.discard(shape.name)
        return self._plans[key]

    def _structure(self, shape: StructureShape, listed: bool) -> _Plan:
        members: dict[str, Any] = {}
        left: list[tuple[str, Finish]] = []
        for name, member in shape.members.items():
            if member.serialization.get("name", name) != name:
                raise _Unsayable
            plan = self._plan(member, listed=listed)
            members[name] = plan.type if name in shape.required_members else NotRequired[plan.type]
            if plan.finish is not None:
                left.append((name, plan.finish))

        def finish(value: Any, known: Known) -> Any:
            for name, act in left:
                if name in value:
                    value[name] = act(value[name], known)
            return value

        kind = TypedDict(shape.name, members)  # type: ignore[misc]
        return _Plan(kind, finish if left else None)

    def _list(self, shape: ListShape, listed: bool) -> _Plan:
        plan = self._plan(shape.member, listed=True)
        act = plan.finish

        def finish(value: Any, known: Known) -> Any:
            return [act(item, known) for item in value] if act is not None else value

        kind = _sized(list[plan.type], shape)  # type: ignore[name-defined]
        found = _Plan(kind, finish if act is not None else None)
        if listed and isinstance(shape.member, StructureShape) and _only_texts(shape.member):
            return _read_once(shape.name, _reading(found))
        return found

    def _map(self, shape: MapShape, listed: bool) -> _Plan:
        key, plan = self._plan(shape.key, listed=listed), self._plan(shape.value, listed=listed)
        act_key, act = key.finish or _as_it_is, plan.finish or _as_it_is

        def finish(value: Any, known: Known) -> Any:
            return {act_key(name, known): act(item, known) for name, item in value.items()}

        kind = _sized(dict[key.type, plan.type], shape)  # type: ignore[name-defined]
        return _Plan(kind, finish if key.finish or plan.finish else None)

    def _scalar(self, shape: Shape) -> _Plan:
        match shape.type_name:
            case "string" | "character":
                return self._text(shape)
            case "boolean":
                return _Plan(bool)
            case "integer" | "long":
                low, high = shape.metadata.get("min"), shape.metadata.get("max")
                least = _LEAST if low is None else max(int(low), _LEAST)
                return _Plan(
                    Annotated[int, msgspec.Meta(ge=least, le=_GREATEST if high is None else int(high))]
                )
            case "float" | "double":
                return _Plan(float, self._checking(shape))
            case "timestamp":
                return _Plan(int | float, _timestamp)
            case "blob":
                return _Plan(str, _blob(self._checking(shape) or _as_it_is))
        raise _Unsayable

    def _text(self, shape: Shape) -> _Plan:
        enum = getattr(shape, "enum", None)
        if enum and shape.name not in self._open_enums:
            return _Plan(Literal[tuple(enum)], self._checking(shape) if len(shape.metadata) > 1 else None)
        pattern = shape.metadata.get("pattern")
        free = not pattern or (self._only_plain and takes_printable(pattern))
        return _Plan(_sized(str, shape), None if free else self._checking(shape))

    def _checking(self, shape: Shape) -> Finish | None:
        """Doubts a value that breaks one of its shape's rules; None for a shape without rules."""
        own = [rule for rule, _ in rules(shape, open_enum=shape.name in self._open_enums)]

        def finish(value: Any, _known: Known) -> Any:
            if not all(rule(value) for rule in own):
                raise Doubt
            return value

        return finish if own else None


def _reading(plan: _Plan) -> Callable[[bytes], Any]:
    decode = msgspec.json.Decoder(plan.type).decode
    finish = plan.finish
    if finish is None:
        return decode
    return lambda text: finish(decode(text), {})


def _doubtful(text: bytes) -> Any:
    raise Doubt


def _read_once(name: str, read: Callable[[bytes], Any]) -> _Plan:
    """The plan of a list that comes again and again in one request, such as a table's columns in each of its
    partitions: equal texts become one list."""

    def finish(value: Any, known: Known) -> Any:
        key = name, bytes(value)
        found = known.get(key)
        if found is None:
            found = known[key] = read(key[1])
        return found

    return _Plan(msgspec.Raw, finish)


def _sized(kind: Any, shape: Shape) -> Any:
    """The type with the shape's limits of length."""
    low, high = shape.metadata.get("min") or None, shape.metadata.get("max")
    if low is None and high is None:
        return kind
    return Annotated[kind, msgspec.Meta(min_length=low, max_length=high)]


def takes_printable(pattern: str) -> bool:
    """Whether every text of printable ASCII satisfies the pattern: one class of characters, any number of them."""
    # Unicode's properties leave out some that are printable.
    if r"\p{" in pattern or _ONE_CLASS.match(pattern) is None:
        return False
    return all(map(matcher(pattern), _PRINTABLE))


def _only_texts(shape: Shape, depth: int = 0) -> bool:
    """Whether texts are all that a value is made of."""
    if getattr(shape, "is_document_type", False) or depth > 8:
        return False
    if isinstance(shape, StructureShape):
        return all(_only_texts(member, depth + 1) for member in shape.members.values())
    if isinstance(shape, ListShape):
        return _only_texts(shape.member, depth + 1)
    if isinstance(shape, MapShape):
        return _only_texts(shape.value, depth + 1)
    return bool(shape.type_name == "string")


def _as_it_is(value: Any, _known: Known) -> Any:
    return value


def _document(value: Any, _known: Known) -> Any:
    # By the parser that decoding uses: the two read great numbers differently.
    found = orjson.loads(bytes(value))
    if found is None:
        raise Doubt
    return found


def _timestamp(value: Any, _known: Known) -> Any:
    # Told by its number only: where timestamps are written as text, decoding does it.
    try:
        return timestamps.from_epoch(value)
    except ValueError:
        raise Doubt from None


def _blob(check: Finish) -> Finish:
    def finish(value: Any, known: Known) -> Any:
        try:
            return check(base64.b64decode(value, validate=True), known)
        except (binascii.Error, ValueError):
            raise Doubt from None

    return finish
