"""One request to the REST catalog, and its reply. Owns no state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from mastic.context import Context
from mastic.glue.iceberg_rest.failures import bad_request, no_such_namespace

SEPARATOR = "\x1f"
LONGEST_NAME = 255
LARGEST_PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class Reply:
    """``document`` None is an answer without a body."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A routed request. ``catalog`` is the CatalogId that its prefix names."""

    context: Context
    catalog: str
    labels: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = b""

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body. Raises BadRequestException."""
        try:
            found = orjson.loads(self.body)
        except ValueError as error:
            raise bad_request(f"The body is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise bad_request("The body is not a JSON object")
        return found

    @property
    def namespace(self) -> str:
        """The namespace in the path. Raises NoSuchNamespaceException for nested ones: there are none."""
        parts = self.labels["namespace"].split(SEPARATOR)
        if len(parts) != 1 or not parts[0]:
            raise no_such_namespace(".".join(parts))
        return parts[0]

    @property
    def page(self) -> tuple[str | None, int] | None:
        """The page token and size that the client asks for; None when it wants everything."""
        if "pageToken" not in self.query and "pageSize" not in self.query:
            return None
        size = self.query.get("pageSize", "100")
        if not size.isascii() or not size.isdigit() or not int(size[:9]) > 0:
            raise bad_request(f"pageSize must be a positive number, not {size!r}")
        return self.query.get("pageToken") or None, min(int(size[:9]), LARGEST_PAGE)


def text(document: Mapping[str, Any], member: str) -> str:
    """A member that must be a text. Raises BadRequestException."""
    value = document.get(member)
    if not isinstance(value, str) or not value:
        raise bad_request(f"{member} must be a text")
    return value


def new_name(value: str, what: str) -> str:
    """A name for something new, as the catalog takes them. Raises BadRequestException."""
    if len(value) > LONGEST_NAME or any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):
        raise bad_request(f"A {what}'s name has 1 to {LONGEST_NAME} characters and no control characters")
    return value


def object_of(document: Mapping[str, Any], member: str) -> dict[str, Any]:
    """A member that must be an object; an absent one is empty. Raises BadRequestException."""
    value = document.get(member)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"{member} must be an object")
    return value


def list_of(document: Mapping[str, Any], member: str) -> list[Any]:
    """A member that must be a list; an absent one is empty. Raises BadRequestException."""
    value = document.get(member)
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_request(f"{member} must be a list")
    return value


def texts(document: Mapping[str, Any], member: str) -> dict[str, str]:
    """A member that maps texts to texts; numbers and booleans are written out, as other servers do."""
    found = object_of(document, member)
    if any(isinstance(value, (dict, list)) for value in found.values()):
        raise bad_request(f"{member} must map texts to texts")
    return {
        k: v if isinstance(v, str) else orjson.dumps(v).decode() for k, v in found.items() if v is not None
    }


def flag(document: Mapping[str, Any], member: str) -> bool:
    """A member that is true or false; an absent one is false."""
    value = document.get(member)
    if value not in (None, True, False):
        raise bad_request(f"{member} must be true or false")
    return bool(value)


def identifier(document: Mapping[str, Any], member: str) -> tuple[str, str]:
    """A table identifier as (namespace, name). Raises BadRequestException."""
    found = object_of(document, member)
    levels = list_of(found, "namespace")
    if not all(isinstance(level, str) and level for level in levels) or not levels:
        raise bad_request(f"{member} needs a namespace")
    if len(levels) > 1:
        raise no_such_namespace(".".join(levels))
    return levels[0], text(found, "name")
