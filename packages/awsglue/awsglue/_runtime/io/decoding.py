"""Bytes of data files to text: compression by file name, encodings, and lines as Hadoop cuts them."""

from __future__ import annotations

import bz2
import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from typing import IO, Any

CHUNK = 4 << 20
_LINE_END = re.compile("\r\n|\r|\n")
_JAVA_NAMES = {
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "iso-8859-1": "latin-1",
    "us-ascii": "ascii",
    "utf-16": "utf-16",
}


def decompressed(stream: IO[bytes], name: str) -> Iterator[bytes]:
    """The file's bytes in chunks, decompressed as its name says."""
    lower = name.lower()
    if lower.endswith((".gz", ".gzip")):
        return _chunks(gzip.GzipFile(fileobj=stream))  # type: ignore[arg-type]
    if lower.endswith(".bz2"):
        return _chunks(bz2.BZ2File(stream))
    if lower.endswith(".deflate"):
        return _inflated(stream)
    if lower.endswith((".zst", ".zstd")):
        import pyarrow as pa

        return _chunks(pa.CompressedInputStream(pa.PythonFile(stream), "zstd"))
    if lower.endswith((".snappy", ".lz4", ".lzo")):
        from awsglue._runtime.failures import EngineRefused

        raise EngineRefused(f"reading text files compressed as {lower.rsplit('.', 1)[-1]}")
    return _chunks(stream)


def _chunks(stream: Any) -> Iterator[bytes]:
    while True:
        piece = stream.read(CHUNK)
        if not piece:
            return
        yield bytes(piece)


def _inflated(stream: IO[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    for piece in _chunks(stream):
        yield inflater.decompress(piece)
    yield inflater.flush()


def text_chunks(pieces: Iterator[bytes], encoding: str) -> Iterator[str]:
    """Decoded text; what is not valid becomes U+FFFD, a UTF-8 byte order mark is dropped."""
    from pyspark.errors import IllegalArgumentException

    name = _JAVA_NAMES.get(encoding.lower(), encoding)
    if name == "utf-8":
        name = "utf-8-sig"
    try:
        decoder = codecs.getincrementaldecoder(name)(errors="replace")
    except LookupError:
        raise IllegalArgumentException(f"unsupported charset {encoding}") from None
    for piece in pieces:
        yield decoder.decode(piece)
    yield decoder.decode(b"", True)


def line_blocks(chunks: Iterator[str], separator: str = "") -> Iterator[list[str]]:
    """Lines without their ends, many at a time. `separator` "" means \\n, \\r and \\r\\n all end a line."""
    held = ""
    for chunk in chunks:
        text = held + chunk
        if separator:
            *lines, held = text.split(separator)
        else:
            # A \r at the end of a chunk may be half of a \r\n.
            body, tail = (text[:-1], "\r") if text.endswith("\r") else (text, "")
            if "\r" in body:
                *lines, rest = _LINE_END.split(body)
            else:
                *lines, rest = body.split("\n")
            held = rest + tail
        if lines:
            yield lines
    if held:
        yield [held[:-1] if not separator and held.endswith("\r") else held]
