"""The aws-chunked content coding: chunk headers, chunk signatures, trailers. Owns nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from mastic.errors import ServiceError

MAX_LINE = 8 * 1024
MAX_TRAILERS = 64 * 1024


class ChunkSignatures(Protocol):
    """Checks the chain of signatures of a signed stream. Raises ServiceError."""

    def chunk(self, signature: str, payload_sha256: str) -> None: ...

    def trailer(self, signature: str, trailers: bytes) -> None: ...


def is_chunked(content_encoding: str, content_sha256: str) -> bool:
    """True when a request's body is framed as aws-chunked."""
    if content_sha256.startswith("STREAMING-"):
        return True
    return "aws-chunked" in (part.strip().lower() for part in content_encoding.split(","))


def _bad(message: str) -> ServiceError:
    return ServiceError("InvalidChunkFormat", message, status=400)


class _Reader:
    """Lines and runs of bytes out of an iterator of pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._buffer = b""

    def _more(self) -> None:
        piece = next(self._pieces, b"")
        if not piece:
            raise ServiceError("IncompleteBody", "The request body terminated unexpectedly", status=400)
        self._buffer += piece

    def line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise _bad("A chunk header is too long")
            self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        if len(line) > MAX_LINE:
            raise _bad("A chunk header is too long")
        return line

    def run(self, length: int) -> Iterator[bytes]:
        while length > 0:
            if not self._buffer:
                self._more()
            if len(self._buffer) <= length:
                piece, self._buffer = self._buffer, b""
            else:
                piece, self._buffer = self._buffer[:length], self._buffer[length:]
            length -= len(piece)
            yield piece


def _header(line: bytes) -> tuple[int, str]:
    """``size[;chunk-signature=…]`` → size, signature."""
    size, _, extension = line.partition(b";")
    try:
        if not size or len(size) > 16 or not size.isalnum():
            raise ValueError
        length = int(size, 16)
    except ValueError:
        raise _bad("A chunk size is not a hexadecimal number") from None
    name, _, value = extension.strip().partition(b"=")
    return length, value.decode("latin-1").strip() if name == b"chunk-signature" else ""


def decode(
    pieces: Iterable[bytes], trailers: dict[str, str], signatures: ChunkSignatures | None = None
) -> Iterator[bytes]:
    """The payload inside the framing. ``trailers`` is filled (names lower case) when the end is reached.

    Raises ServiceError for broken framing and, with ``signatures``, for a chunk whose signature is wrong.
    """
    reader = _Reader(pieces)
    while True:
        length, signature = _header(reader.line())
        if length == 0:
            break
        digest = hashlib.sha256()
        for piece in reader.run(length):
            if signatures is not None:
                digest.update(piece)
            yield piece
        if reader.line() != b"":
            raise _bad("A chunk is not followed by a line end")
        if signatures is not None:
            signatures.chunk(signature, digest.hexdigest())
    if signatures is not None:
        signatures.chunk(signature, hashlib.sha256().hexdigest())
    _trailers(reader, trailers, signatures)


def _trailers(reader: _Reader, trailers: dict[str, str], signatures: ChunkSignatures | None) -> None:
    canonical, size, signature = b"", 0, ""
    while True:
        try:
            line = reader.line()
        except ServiceError as error:
            # Some clients leave the empty line after the last chunk out.
            if error.code == "IncompleteBody" and not canonical:
                break
            raise
        if not line:
            break
        size += len(line)
        if size > MAX_TRAILERS:
            raise _bad("The trailers are too long")
        name, _, value = line.partition(b":")
        key, text = name.decode("latin-1").strip().lower(), value.decode("latin-1").strip()
        if key == "x-amz-trailer-signature":
            signature = text
            continue
        trailers[key] = text
        canonical += f"{key}:{text}\n".encode("latin-1")
    if signatures is not None and canonical:
        signatures.trailer(signature, canonical)
