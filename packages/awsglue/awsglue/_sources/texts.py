"""Files as bytes and lines, whatever compressed them."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Iterator
from typing import IO, Any

from awsglue._runtime.io.storage import Storage

_BY_SUFFIX = {
    ".gz": "gzip",
    ".gzip": "gzip",
    ".bz2": "bzip2",
    ".zst": "zstd",
    ".snappy": "snappy",
    ".lz4": "lz4",
}


def codec_of(path: str, options: dict[str, Any]) -> str:
    """The codec of a file: what compressionType says, else by its suffix; "" for none."""
    given = str(options.get("compressionType") or options.get("compression") or "").lower()
    if given in ("none", "uncompressed"):
        return ""
    found = next((codec for suffix, codec in _BY_SUFFIX.items() if path.lower().endswith(suffix)), "")
    return given or found


def open_bytes(storage: Storage, path: str, options: dict[str, Any]) -> IO[bytes]:
    """A stream of the file's plain bytes. Raises NotImplementedError for codecs that cannot be read."""
    codec = codec_of(path, options)
    raw = storage.open(path)
    if codec == "":
        return raw
    if codec == "gzip":
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if codec in ("bzip2", "bz2"):
        return bz2.BZ2File(raw)
    if codec in ("zstd", "lz4", "brotli"):
        import pyarrow as pa

        return io.BytesIO(pa.CompressedInputStream(pa.BufferReader(raw.read()), codec).read())
    raise NotImplementedError(f"compression {codec!r} of {path} is not implemented")


def read_bytes(storage: Storage, path: str, options: dict[str, Any]) -> bytes:
    """The whole plain content of a file."""
    with open_bytes(storage, path, options) as stream:
        return stream.read()


def lines(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[str]:
    """The file's lines without their ends."""
    encoding = str(options.get("encoding") or "utf-8")
    with open_bytes(storage, path, options) as stream:
        first = True
        for line in _split(stream):
            text = line.decode(encoding, errors="replace").rstrip("\r\n")
            yield text.removeprefix("\ufeff") if first else text
            first = False


def _split(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(1 << 20):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest
