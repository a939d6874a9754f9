"""The constraints of the service models, enforced with AWS's wording.

Compiles each shape once into closures that append to a list of problems. Owns the validators compiled so far.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from mastic.errors import ServiceError
from mastic.wire.facts import CONSTRAINT_CODES, OPEN_ENUMS
from mastic.wire.patterns import matcher
from mastic.wire.spec import OperationSpec, ServiceSpec

Check = Callable[[Any, str, list[str]], None]
Rule = tuple[Callable[[Any], bool], str]  # holds?, "Member must …"

_SIZED = frozenset({"string", "blob", "list", "map", "character"})
_NUMERIC = frozenset({"integer", "long", "float", "double"})
_SHOWN = 2048


def label(name: str) -> str:
    """A member's name as the messages spell it: ``DatabaseName`` → ``databaseName``."""
    return name[:1].lower() + name[1:]


def shown(value: Any) -> str:
    """A value as the messages print it, which is Java's way."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray)):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if isinstance(value, list):
        text = f"[{', '.join(shown(v) for v in value[:_SHOWN])}]"
    elif isinstance(value, Mapping):
        text = f"{{{', '.join(f'{k}={shown(v)}' for k, v in list(value.items())[:_SHOWN])}}}"
    else:
        text = str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def code_of(service: ServiceSpec) -> str:
    """The code of a service's error for input that cannot be right."""
    known = CONSTRAINT_CODES.get(service.id)
    if known is not None:
        return known
    return "ValidationError" if service.preferred_protocol in ("query", "ec2") else "ValidationException"


def rules(shape: Shape, *, open_enum: bool) -> list[Rule]:
    """The rules on a value itself, not on its parts."""
    found: list[Rule] = []
    meta = shape.metadata
    low, high = meta.get("min"), meta.get("max")
    if shape.type_name in _SIZED:
        if high is not None:
            found.append((lambda v: len(v) <= high, f"Member must have length less than or equal to {high}"))
        if low:
            found.append((lambda v: len(v) >= low, f"Member must have length greater than or equal to {low}"))
    elif shape.type_name in _NUMERIC:
        if high is not None:
            found.append((lambda v: v <= high, f"Member must have value less than or equal to {high}"))
        if low is not None:
            found.append((lambda v: v >= low, f"Member must have value greater than or equal to {low}"))
    if shape.type_name == "string":
        enum = getattr(shape, "enum", None)
        if enum and not open_enum:
            values = frozenset(enum)
            found.append((lambda v: v in values, f"Member must satisfy enum value set: [{', '.join(enum)}]"))
        pattern = meta.get("pattern")
        if pattern:
            found.append((matcher(pattern), f"Member must satisfy regular expression pattern: {pattern}"))
    return found


def _scalar(shape: Shape, own: list[Rule]) -> Check | None:
    if not own:
        return None
    secret = bool(shape.metadata.get("sensitive"))

    def check(value: Any, path: str, errors: list[str]) -> None:
        for holds, text in own:
            if not holds(value):
                what = "Value" if secret else f"Value '{shown(value)}'"
                errors.append(f"{what} at '{path}' failed to satisfy constraint: {text}")
                # A value of the wrong length is not worth a pattern's time.
                if "length" in text:
                    return

    return check


# A list worth remembering as right: in items, in bytes; and how many are remembered for a shape.
FEWEST_REMEMBERED = 4
LONGEST_REMEMBERED = 8192
MOST_REMEMBERED = 256


class _Compiler:
    """The validators of one service's shapes."""

    def __init__(self, service: ServiceSpec) -> None:
        self._open_enums = OPEN_ENUMS.get(service.id, frozenset())
        self._checks: dict[str, Check | None] = {}
        self._underway: set[str] = set()

    def compile(self, shape: Shape) -> Check | None:
        """The check of a shape, None when it has nothing to check."""
        if shape.name in self._underway:
            # A shape inside itself: its check exists once compilation is done.
            name = shape.name
            return lambda value, path, errors: self._again(name, value, path, errors)
        if shape.name not in self._checks:
            self._underway.add(shape.name)
            try:
                self._checks[shape.name] = self._compile(shape)
            finally:
                self._underway.discard(shape.name)
        return self._checks[shape.name]

    def _again(self, name: str, value: Any, path: str, errors: list[str]) -> None:
        check = self._checks[name]
        if check is not None:
            check(value, path, errors)

    def _rules(self, shape: Shape) -> list[Rule]:
        return rules(shape, open_enum=shape.name in self._open_enums)

    def _compile(self, shape: Shape) -> Check | None:
        if shape.serialization.get("streaming") or getattr(shape, "is_document_type", False):
            return None
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        own = _scalar(shape, self._rules(shape))
        if isinstance(shape, ListShape):
            return _both(own, self._list(shape))
        if isinstance(shape, MapShape):
            return _both(own, self._map(shape))
        return own

    def _structure(self, shape: StructureShape) -> Check | None:
        required = [(name, label(name)) for name in shape.required_members]
        fields: dict[str, tuple[str, Check]] = {}
        for name, member in shape.members.items():
            check = None if member.serialization.get("streaming") else self.compile(member)
            if check is not None:
                fields[name] = (label(name), check)
        if not required and not fields:
            return None

        def check_structure(value: Any, path: str, errors: list[str]) -> None:
            prefix = path + "." if path else ""
            for name, text in required:
                if name not in value:
                    errors.append(
                        f"Value null at '{prefix}{text}' failed to satisfy constraint: Member must not be null"
                    )
            for name, item in value.items():
                field = fields.get(name)
                if field is not None:
                    field[1](item, prefix + field[0], errors)

        return check_structure

    def _parts(self, shape: Shape) -> tuple[list[Rule], Check | None]:
        """Rules for scalar parts, which are reported at the whole; a check for all others."""
        if isinstance(shape, (StructureShape, ListShape, MapShape)):
            return [], self.compile(shape)
        return self._rules(shape), None

    def _list(self, shape: ListShape) -> Check | None:
        own, check = self._parts(shape.member)
        if check is not None:
            inner = check

            def check_items(value: Any, path: str, errors: list[str]) -> None:
                for number, item in enumerate(value, 1):
                    inner(item, f"{path}.{number}.member", errors)

            return _remembering(check_items)
        return _whole(own, "Member must satisfy constraint", list) if own else None

    def _map(self, shape: MapShape) -> Check | None:
        keys = self._rules(shape.key)
        check_keys = _whole(keys, "Map keys must satisfy constraint", list) if keys else None
        own, check = self._parts(shape.value)
        check_values = _whole(own, "Map value must satisfy constraint", _values) if own else None
        if check is not None:
            inner = check

            def check_items(value: Any, path: str, errors: list[str]) -> None:
                for key, item in value.items():
                    inner(item, f"{path}.{key}.member", errors)

            check_values = check_items
        return _both(check_keys, check_values)


def _values(value: Mapping[str, Any]) -> list[Any]:
    return list(value.values())


def _whole(own: list[Rule], intro: str, parts: Callable[[Any], list[Any]]) -> Check:
    """A check on scalar parts: one problem for the whole, which lists all the rules on a part."""
    text = f"{intro}: [{', '.join(text for _, text in own)}]"

    def check(value: Any, path: str, errors: list[str]) -> None:
        for part in parts(value):
            for holds, _ in own:
                if not holds(part):
                    errors.append(f"Value '{shown(value)}' at '{path}' failed to satisfy constraint: {text}")
                    return

    return check


def _remembering(check: Check) -> Check:
    """The check of a list, which knows lists again that it found right.

    The hundred partitions of a batch repeat the columns of their table, and so does the next batch.
    """
    known: set[bytes] = set()

    def remembered(value: Any, path: str, errors: list[str]) -> None:
        # The outermost list is another one every time.
        if len(value) < FEWEST_REMEMBERED or "." not in path:
            check(value, path, errors)
            return
        try:
            text = orjson.dumps(value)
        except TypeError:
            check(value, path, errors)
            return
        if text in known:
            return
        before = len(errors)
        check(value, path, errors)
        if len(errors) == before and len(text) <= LONGEST_REMEMBERED:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            known.add(text)

    return remembered


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second

    def check(value: Any, path: str, errors: list[str]) -> None:
        first(value, path, errors)
        second(value, path, errors)

    return check


class Validators:
    """Checks decoded input against the model."""

    def __init__(self) -> None:
        self._compilers: dict[str, _Compiler] = {}
        self._operations: dict[OperationSpec, Check | None] = {}
        self._lock = threading.Lock()

    def check(self, operation: OperationSpec, request: Mapping[str, Any]) -> None:
        """Raises the service's error for constraint failures, all of them in one message."""
        check = self._of(operation)
        if check is None:
            return
        errors: list[str] = []
        check(request, "", errors)
        if errors:
            raise self._failure(operation, request, errors)

    def _of(self, operation: OperationSpec) -> Check | None:
        if operation not in self._operations:
            with self._lock:
                service = operation.service
                compiler = self._compilers.setdefault(service.id, _Compiler(service))
                shape = operation.input
                self._operations[operation] = compiler.compile(shape) if shape is not None else None
        return self._operations[operation]

    def _failure(
        self, operation: OperationSpec, request: Mapping[str, Any], errors: list[str]
    ) -> ServiceError:
        if operation.service.id == "s3":
            return self._s3_failure(operation, request)
        noun = "error" if len(errors) == 1 else "errors"
        message = f"{len(errors)} validation {noun} detected: {'; '.join(errors)}"
        return ServiceError(code_of(operation.service), message, status=400)

    def _s3_failure(self, operation: OperationSpec, request: Mapping[str, Any]) -> ServiceError:
        """S3 knows no list of problems: the first one decides, by the place where the value stood."""
        shape = operation.input
        assert isinstance(shape, StructureShape)
        for name in shape.required_members:
            if name not in request:
                given = shape.members[name].serialization
                wire_name = str(given.get("name", name))
                if given.get("location") in ("header", "querystring"):
                    return ServiceError(
                        "InvalidArgument", f"Missing required parameter for this request: {wire_name}",
                        status=400, ArgumentName=wire_name,
                    )  # fmt: skip
                if name == shape.serialization.get("payload"):
                    return ServiceError("MissingRequestBodyError", "Request Body is empty", status=400)
        compiler = self._compilers["s3"]
        for name, value in request.items():
            errors: list[str] = []
            check = compiler.compile(shape.members[name]) if name in shape.members else None
            if check is not None:
                check(value, label(name), errors)
            if errors and shape.members[name].serialization.get("location"):
                wire_name = str(shape.members[name].serialization.get("name", name))
                return ServiceError(
                    "InvalidArgument", f"Value '{shown(value)}' of {wire_name} is invalid", status=400,
                    ArgumentName=wire_name, ArgumentValue=shown(value),
                )  # fmt: skip
        return ServiceError(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
            status=400,
        )
