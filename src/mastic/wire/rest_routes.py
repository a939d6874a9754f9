"""Method, path and query string → operation of a REST service. Owns a service's compiled route table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.model import StructureShape

from mastic.errors import ServiceError
from mastic.wire.messages import Incoming
from mastic.wire.protocols.rest import unlabel
from mastic.wire.spec import OperationSpec, ServiceSpec

# Required headers that tell two operations of the same path apart. Other required headers do not: a request
# without them is a bad call of its operation, not a call of another one.
_TELLING_HEADERS = frozenset({"x-amz-copy-source"})
_IGNORED_LITERALS = frozenset({"x-id"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Template:
    operation: OperationSpec
    segments: tuple[str, ...]  # literal text, or "{name}"
    greedy: str  # the label that takes all that follows, or ""
    literals: tuple[tuple[str, str], ...]
    query: tuple[str, ...]
    headers: tuple[str, ...]
    rank: tuple[int, ...]


def _compile(operation: OperationSpec) -> _Template:
    path, _, query = operation.uri.partition("?")
    segments = [s for s in path.strip("/").split("/") if s]
    greedy = ""
    if segments and segments[-1].endswith("+}"):
        greedy = segments.pop()[1:-2]
    pairs = [part.partition("=") for part in query.split("&") if part]
    literals = tuple((name, value) for name, _, value in pairs if name not in _IGNORED_LITERALS)
    required_query: list[str] = []
    required_headers: list[str] = []
    shape = operation.input
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            given = shape.members[name].serialization
            if given.get("location") == "querystring":
                required_query.append(str(given.get("name", name)))
            elif given.get("location") == "header" and given.get("name", "").lower() in _TELLING_HEADERS:
                required_headers.append(str(given["name"]).lower())
    fixed = sum(1 for s in segments if not s.startswith("{"))
    deprecated = bool(operation.service.document["operations"][operation.name].get("deprecated"))
    return _Template(
        operation=operation,
        segments=tuple(segments),
        greedy=greedy,
        literals=literals,
        query=tuple(required_query),
        headers=tuple(required_headers),
        rank=(len(literals), fixed, len(segments), not greedy, len(required_query) + len(required_headers),
              not deprecated),
    )  # fmt: skip


class RestRoutes:
    """The route table of one service."""

    def __init__(self, service: ServiceSpec, handled: Callable[[str], bool]) -> None:
        self._exact: dict[tuple[str, int], list[_Template]] = {}
        self._greedy: dict[str, list[_Template]] = {}
        self.subresources: set[str] = set()
        operations = [service.operation(name) for name in service.operation_names]
        templates = [_compile(operation) for operation in operations if operation is not None]
        # Best first; of two operations with the same request (deprecated twins) the one with a handler wins.
        templates.sort(key=lambda t: (t.rank, handled(t.operation.name)), reverse=True)
        self._strict_queries = service.id != "s3"
        for template in templates:
            self.subresources.update(name for name, _ in template.literals)
            if template.greedy:
                self._greedy.setdefault(template.operation.method, []).append(template)
            else:
                key = (template.operation.method, len(template.segments))
                self._exact.setdefault(key, []).append(template)

    def knows(self, incoming: Incoming) -> bool:
        """True when a request's path and method are those of an operation."""
        try:
            return self.find(incoming, incoming.raw_path) is not None
        except ServiceError:
            return False

    def find(self, incoming: Incoming, raw_path: str) -> tuple[OperationSpec, dict[str, str]] | None:
        """The operation and its decoded labels, or None. Raises ServiceError InvalidURI."""
        parts = raw_path[1:].split("/") if raw_path.startswith("/") else raw_path.split("/")
        if parts and parts[-1] == "":
            parts = parts[:-1]
        for template in self._exact.get((incoming.method, len(parts)), ()):
            if self._matches(template, parts, incoming):
                return template.operation, self._labels(template, parts)
        for template in self._greedy.get(incoming.method, ()):
            count = len(template.segments)
            if len(parts) > count and self._matches(template, parts, incoming):
                labels = self._labels(template, parts)
                rest = raw_path[1:].split("/", count)[count]
                labels[template.greedy] = unlabel(rest)
                return template.operation, labels
        return None

    def _labels(self, template: _Template, parts: list[str]) -> dict[str, str]:
        return {
            segment[1:-1]: unlabel(part)
            for segment, part in zip(template.segments, parts, strict=False)
            if segment.startswith("{")
        }

    def _matches(self, template: _Template, parts: list[str], incoming: Incoming) -> bool:
        for segment, part in zip(template.segments, parts, strict=False):
            if segment.startswith("{"):
                if not part:
                    return False
            elif segment != part:
                return False
        params = incoming.params
        for name, value in template.literals:
            if name not in params or (value and params[name] != value):
                return False
        if not all(name in incoming.headers for name in template.headers):
            return False
        # In most services a missing parameter is a bad call; in S3 it makes another operation.
        return self._strict_queries or all(name in params for name in template.query)

    def stray(self, operation: OperationSpec, incoming: Incoming) -> str | None:
        """A subresource that the request names but the operation is not about (``?acl`` to PutObject)."""
        if not incoming.query_string:
            return None
        own = {part.partition("=")[0] for part in operation.uri.partition("?")[2].split("&")}
        for name, _ in incoming.query:
            if name in self.subresources and name not in own:
                return name
        return None
