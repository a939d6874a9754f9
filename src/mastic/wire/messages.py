"""What passes between the HTTP edge and the protocols: requests, replies, and bodies that stream.

Owns the buffers of bodies on their way through.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus

Headers = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class FileBody:
    """A streaming output served from disk: ``length`` bytes of ``path`` from ``offset``, never loaded whole."""

    path: str | os.PathLike[str]
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


class Body:
    """A request body as a blocking reader, decoded (no aws-chunked framing), verified at its end.

    ``length`` is the decoded content length, or None when the client did not say.
    ``checksums`` holds, once the end was reached, the computed digests: base64 text by upper-case algorithm
    name (``CRC32``, ``CRC32C``, ``CRC64NVME``, ``SHA1``, ``SHA256``) and ``MD5``. Those that the client
    sent along are always computed and compared; ``compute`` asks for more before the first read.
    Reading past the end of a body whose digest does not match raises the service's modelled error.
    """

    def __init__(self, chunks: Iterable[bytes], *, length: int | None = None) -> None:
        self.length = length
        self.checksums: dict[str, str] = {}
        self._chunks = iter(chunks)
        self._rest = b""

    def compute(self, *algorithms: str) -> None:
        """Ask for further digests (``"MD5"``, ``"CRC64NVME"`` …). Call it before reading."""
        raise NotImplementedError

    def read(self, n: int = -1) -> bytes:
        """Exactly ``n`` bytes, fewer only at the end, everything when negative. Blocks."""
        if n < 0:
            rest, self._rest = self._rest, b""
            return rest + b"".join(self._chunks)
        parts: list[bytes] = []
        need = n
        while need > 0:
            piece = self._rest or next(self._chunks, b"")
            if not piece:
                break
            self._rest = piece[need:]
            parts.append(piece[:need] if len(piece) > need else piece)
            need -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __iter__(self) -> Iterator[bytes]:
        """The body in the pieces in which it arrives."""
        if self._rest:
            rest, self._rest = self._rest, b""
            yield rest
        yield from self._chunks


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
    """One request as the protocols see it. ``labels`` are the decoded path labels of a REST operation."""

    method: str
    raw_path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes = b""
    stream: Body | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Every query parameter, in order."""
        return parse_query(self.query_string)

    @cached_property
    def params(self) -> Mapping[str, str]:
        """The first value of every query parameter."""
        return {name: value for name, value in reversed(self.query)}
