"""What passes between the HTTP edge and the protocols: requests and replies. Owns no state."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus

from mastic.wire.bodies import Body

Headers = list[tuple[str, str]]


class AsIs(dict[str, Any]):
    """A structure in a result that was kept as its client sent it, when it was checked: nothing is to be converted or
    left out. Pages hold thousands."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class FileBody:
    """A streaming output served from disk: ``length`` bytes of ``path`` from ``offset``, never loaded whole.

    ``path`` may be an open file descriptor instead, which is closed when the reply has ended: the way to
    serve a file that may be unlinked meanwhile.
    """

    path: str | os.PathLike[str] | int
    offset: int = 0
    length: int


@dataclass(frozen=True)
class Response:
    """A handler's result when it needs a status or headers outside the model."""

    result: Any = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Outgoing:
    """An encoded reply. ``body`` is bytes, a FileBody or an iterable of bytes."""

    status: int
    headers: Headers
    body: bytes | FileBody | Iterable[bytes] = b""


def parse_query(query_string: str) -> list[tuple[str, str]]:
    """The parameters of a query string in order, decoded; a name without ``=`` has an empty value."""
    if not query_string:
        return []
    pairs = []
    for part in query_string.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


@dataclass(kw_only=True)
class Incoming:
    """One request as the protocols see it.

    ``labels`` are the decoded path labels of a REST operation. ``signed_body`` is the body as it was sent and
    signed, where that differs from ``body`` (a compressed document). ``form`` keeps the parameters of a query
    request once they have been read.
    """

    method: str
    raw_path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes = b""
    stream: Body | None = None
    signed_body: bytes | None = None
    form: list[tuple[str, str]] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Every query parameter, in order."""
        return parse_query(self.query_string)

    @cached_property
    def params(self) -> Mapping[str, str]:
        """The first value of every query parameter."""
        return dict(reversed(self.query))
