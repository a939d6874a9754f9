"""Request bodies that stream into handlers, verified on the way. Owns the buffer between loop and thread."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from mastic.errors import ServiceError
from mastic.wire import checksums, chunked
from mastic.wire.chunked import ChunkSignatures

Receive = Callable[[], Awaitable[dict[str, Any]]]

HIGH_WATER = 1024 * 1024


def incomplete() -> ServiceError:
    """The client promised more bytes than it sent."""
    return ServiceError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        status=400,
    )


def too_large_error() -> ServiceError:
    """A document beyond what the server reads whole; the wire says it in the service's own way."""
    return ServiceError("RequestEntityTooLarge", "The request is larger than this server accepts", status=413)


class Body:
    """A request body as a blocking reader: decoded (no aws-chunked framing) and verified at its end.

    ``length`` is the decoded content length in bytes, or None when the client did not say.
    ``checksums`` holds, once the end was reached, the computed digests as base64 text by S3's name of the
    algorithm (``CRC32``, ``CRC32C``, ``CRC64NVME``, ``SHA1``, ``SHA256``, ``MD5`` …). Those that the client
    sent along (headers, trailer, Content-MD5) are always computed and compared; ``compute`` asks for more
    before the first read. ``sent`` names the ``x-amz-checksum-…`` algorithm of the client, if any.
    Reading to the end of a body that is cut short or whose digest differs raises ServiceError
    (IncompleteBody, BadDigest, XAmzContentSHA256Mismatch): commit nothing before the end was reached.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        length: int | None = None,
        headers: Mapping[str, str] | None = None,
        trailers: Mapping[str, str] | None = None,
    ) -> None:
        headers = headers or {}
        self.length = length
        self.checksums: dict[str, str] = {}
        expected = checksums.sent(headers)
        self.sent: str | None = next(iter(expected), None)
        self._expected = expected
        self._trailers = trailers if trailers is not None else {}
        self._md5 = checksums.content_md5(headers["content-md5"]) if "content-md5" in headers else None
        self._sha256 = _payload_hash(headers)
        self._digests = {name: checksums.new(name) for name in expected}
        if self._md5 is not None:
            self._digests.setdefault("MD5", checksums.new("MD5"))
        self._raw_sha256 = hashlib.sha256() if self._sha256 else None
        self._chunks = self._watch(chunks)
        self._rest = b""

    def compute(self, *algorithms: str) -> None:
        """Ask for further digests (``"MD5"``, ``"CRC64NVME"`` …) before the first read."""
        for name in algorithms:
            if name not in self._digests:
                self._digests[name] = checksums.new(name)

    def read(self, n: int = -1) -> bytes:
        """Exactly ``n`` bytes, fewer only at the end; everything when ``n`` is negative. Blocks."""
        if n < 0:
            return b"".join(self)
        parts: list[bytes] = []
        while n > 0:
            piece = self._rest or next(self._chunks, b"")
            if not piece:
                break
            self._rest = piece[n:]
            parts.append(piece[:n] if len(piece) > n else piece)
            n -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __iter__(self) -> Iterator[bytes]:
        """The rest of the body in the pieces in which it arrives."""
        if self._rest:
            rest, self._rest = self._rest, b""
            yield rest
        yield from self._chunks

    def _watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        # Read ahead by one piece: whoever reads exactly ``length`` bytes must have passed the checks, too.
        held = b""
        for piece in chunks:
            if not piece:
                continue
            size += len(piece)
            if self.length is not None and size > self.length:
                raise incomplete()
            for digest in self._digests.values():
                digest.update(piece)
            if self._raw_sha256 is not None:
                self._raw_sha256.update(piece)
            if held:
                yield held
            held = piece
        if self.length is not None and size != self.length:
            raise incomplete()
        self._verify()
        if held:
            yield held

    def _verify(self) -> None:
        computed = {name: digest.digest() for name, digest in self._digests.items()}
        self.checksums = {name: base64.b64encode(value).decode() for name, value in computed.items()}
        if self._raw_sha256 is not None and self._raw_sha256.hexdigest() != self._sha256:
            raise ServiceError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                status=400,
                ClientComputedContentSHA256=self._sha256,
                S3ComputedContentSHA256=self._raw_sha256.hexdigest(),
            )
        if self._md5 is not None and computed["MD5"] != self._md5:
            raise ServiceError(
                "BadDigest", "The Content-MD5 you specified did not match what we received.", status=400
            )
        for name, value in self._expected.items():
            header = checksums.HEADER_PREFIX + name.lower()
            if value is None:
                if header not in self._trailers:
                    raise ServiceError(
                        "MalformedTrailerError",
                        "The request contained trailing data that was not well-formed or did not conform to our "
                        "published schema.",
                        status=400,
                    )
                value = checksums.checksum_value(name, self._trailers[header])
            if value != computed[name]:
                raise ServiceError(
                    "BadDigest",
                    f"The {name} you specified did not match the calculated checksum.",
                    status=400,
                )


def _payload_hash(headers: Mapping[str, str]) -> str:
    """The body's SHA-256 as the client signed it, empty when it signed none."""
    value = headers.get("x-amz-content-sha256", "").lower()
    return value if len(value) == 64 else ""


def open_body(
    headers: Mapping[str, str], pieces: Iterable[bytes], signatures: ChunkSignatures | None = None
) -> Body:
    """The decoded, verifying reader over the raw pieces of a request. Raises ServiceError for bad headers."""
    content_sha256 = headers.get("x-amz-content-sha256", "")
    if not chunked.is_chunked(headers.get("content-encoding", ""), content_sha256):
        return Body(pieces, length=_length(headers, "content-length"), headers=headers)
    trailers: dict[str, str] = {}
    length = _length(headers, "x-amz-decoded-content-length")
    if length is None and content_sha256.startswith("STREAMING-"):
        raise ServiceError(
            "MissingContentLength", "You must provide the Content-Length HTTP header.", status=411
        )
    decoded = chunked.decode(pieces, trailers, signatures)
    return Body(decoded, length=length, headers=headers, trailers=trailers)


def unchunked(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers as they would be without aws-chunked framing, which is none of the handler's business."""
    encoding = headers.get("content-encoding", "")
    if not chunked.is_chunked(encoding, headers.get("x-amz-content-sha256", "")):
        return headers
    kept = {name: value for name, value in headers.items() if name != "content-encoding"}
    rest = [part.strip() for part in encoding.split(",") if part.strip().lower() not in ("aws-chunked", "")]
    if rest:
        kept["content-encoding"] = ",".join(rest)
    if "x-amz-decoded-content-length" in headers:
        kept["content-length"] = headers["x-amz-decoded-content-length"]
    return kept


def inflated(body: bytes, limit: int) -> bytes:
    """A gzip document, unpacked. Raises ServiceError when it is none or grows beyond ``limit`` bytes."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise ServiceError("SerializationException", "The request body is not gzip", status=400) from None
    if len(unpacked) > limit:
        raise too_large_error()
    if not unpacker.eof:
        raise ServiceError("SerializationException", "The request body is not complete gzip", status=400)
    return unpacked


def _length(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name)
    if value is None:
        # Without a length and without chunked transfer coding there is no body.
        return 0 if name == "content-length" and "transfer-encoding" not in headers else None
    if not value.isascii() or not value.isdigit():
        raise ServiceError("InvalidArgument", f"{name} is not a number", status=400)
    return int(value)


class Pump:
    """Carries a body from the event loop to one reading thread, holding about ``HIGH_WATER`` bytes at most.

    With ``lazy`` the first read starts it: a client that waits for "100 Continue" is asked for its body only
    when the handler wants it.
    """

    def __init__(self, receive: Receive, *, lazy: bool, first: bytes = b"") -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._ready = threading.Condition()
        self._pieces: deque[bytes] = deque([first] if first else [])
        self._held = len(first)
        self._ended = False
        self._broken = False
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.started = False
        if not lazy:
            self._start()

    def _start(self) -> None:
        if not self.started:
            self.started = True
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        more = True
        try:
            while more:
                message = await self._receive()
                more = message["type"] == "http.request" and message.get("more_body", False)
                with self._ready:
                    piece = message.get("body", b"")
                    if piece:
                        self._pieces.append(piece)
                        self._held += len(piece)
                    self._broken = message["type"] != "http.request"
                    self._ended = not more
                    self._room.clear()
                    full = self._held >= HIGH_WATER
                    self._ready.notify()
                if full and more:
                    await self._room.wait()
        finally:
            with self._ready:
                self._broken = self._broken or not self._ended
                self._ended = True
                self._ready.notify()

    def __iter__(self) -> Iterator[bytes]:
        """The pieces, in the reading thread. Raises ServiceError when the client went away."""
        if not self.started:
            self._loop.call_soon_threadsafe(self._start)
        while True:
            with self._ready:
                while not self._pieces and not self._ended:
                    self._ready.wait()
                pieces = list(self._pieces)
                self._pieces.clear()
                full, self._held = self._held >= HIGH_WATER, 0
                ended, broken = self._ended, self._broken
            if full:
                self._loop.call_soon_threadsafe(self._room.set)
            yield from pieces
            if ended:
                if broken:
                    raise incomplete()
                return

    def close(self) -> None:
        """Stop carrying; call it on the loop when the reply has been sent."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
