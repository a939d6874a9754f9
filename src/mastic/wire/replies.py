"""Replies on their way out: headers, small bodies in one go, files and streams piece by piece.

Owns the file descriptors of bodies being served.
"""

from __future__ import annotations

import asyncio
import os
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache
from typing import Any

from mastic.wire.messages import FileBody, Headers, Outgoing
from mastic.wire.threads import Workers

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

SMALL = 256 * 1024
PIECE = 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BODILESS = frozenset({204, 304})


class FilePieces:
    """A file's range as pieces, read with positions so that nothing else of the file is touched."""

    def __init__(self, body: FileBody) -> None:
        self._descriptor = body.path if isinstance(body.path, int) else os.open(body.path, os.O_RDONLY)
        self._offset = body.offset
        self._left = body.length

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._left <= 0:
            raise StopIteration
        piece = os.pread(self._descriptor, min(PIECE, self._left), self._offset)
        if not piece:
            raise OSError(f"the file ended {self._left} bytes before its promised length")
        self._offset += len(piece)
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def settle(outgoing: Outgoing, *, head: bool) -> Outgoing:
    """Make the body ready to send, in the worker thread: bytes when small, else an iterator over pieces."""
    body = outgoing.body
    if isinstance(body, FileBody):
        _content_length(outgoing.headers, body.length)
        pieces = FilePieces(body)
        if head or body.length <= SMALL:
            try:
                outgoing.body = b"" if head else b"".join(pieces)
            finally:
                pieces.close()
        else:
            outgoing.body = pieces
    elif isinstance(body, bytes):
        # The answer to HEAD tells the length that GET would have; its handler gives it.
        if outgoing.status not in _BODILESS and not (
            head and not body and _has(outgoing.headers, "content-length")
        ):
            _content_length(outgoing.headers, len(body))
        if head or outgoing.status in _BODILESS:
            outgoing.body = b""
    return outgoing


def _has(headers: Headers, name: str) -> bool:
    return any(header.lower() == name for header, _ in headers)


def _content_length(headers: Headers, length: int) -> None:
    headers[:] = [h for h in headers if h[0].lower() != "content-length"]
    headers.append(("Content-Length", str(length)))


@lru_cache(maxsize=256)
def header_name(name: str) -> bytes:
    """A header's name as sent. Raises ValueError for what is none."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not the name of a header")
    return name.encode("ascii")


def header_bytes(value: str) -> bytes:
    """A header value as sent: no line breaks, and text beyond Latin-1 as RFC 2047 says (as S3 does it)."""
    if not value.isascii() or not value.isprintable():
        value = _CONTROL.sub(" ", value)
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError:
            encoded = b64encode(value.encode("utf-8", "replace")).decode("ascii")
            return f"=?UTF-8?B?{encoded}?=".encode("ascii")
    return value.encode("ascii")


async def send_reply(outgoing: Outgoing, send: Send, receive: Receive, workers: Workers) -> None:
    """Send a settled reply."""
    headers = [(name.encode("latin-1", "replace"), header_bytes(value)) for name, value in outgoing.headers]
    start = {"type": "http.response.start", "status": outgoing.status, "headers": headers}
    body = outgoing.body
    if isinstance(body, bytes):
        await send(start)
        await send({"type": "http.response.body", "body": body})
        return
    assert not isinstance(body, FileBody)
    iterator = iter(body)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await send(start)
        while not gone.done():
            piece = await workers.run(lambda: next(iterator, None))
            if piece is None:
                await send({"type": "http.response.body", "body": b""})
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        gone.cancel()
        close = getattr(iterator, "close", None)
        if close is not None:
            await workers.run(close)


async def _disconnected(receive: Receive) -> None:
    """Ends when the client has gone: a server's ``send`` does not tell."""
    while (await receive())["type"] != "http.disconnect":
        continue
