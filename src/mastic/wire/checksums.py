"""Body digests: which ones a client sent, and computing them. Owns nothing but running digests."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from mastic.errors import ServiceError

# Digest sizes in bytes, by S3's name of the algorithm.
SIZES: Mapping[str, int] = {
    "CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16,
    "XXHASH64": 8, "XXHASH3": 8, "XXHASH128": 16,
}  # fmt: skip
HEADER_PREFIX = "x-amz-checksum-"


class Digest(Protocol):
    """A running digest."""

    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    def __init__(self, kind: str) -> None:
        from awscrt.checksums import XXHash

        new = {"XXHASH64": XXHash.new_xxhash64, "XXHASH3": XXHash.new_xxhash3_64}
        self._hash = new.get(kind, XXHash.new_xxhash3_128)()

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return bytes(self._hash.finalize())


def new(algorithm: str) -> Digest:
    """A fresh digest by S3's name (``CRC32C``). Raises ServiceError InvalidRequest for an unknown one."""
    if algorithm == "CRC32":
        return _Crc(zlib.crc32, 4)
    if algorithm in ("CRC32C", "CRC64NVME"):
        from awscrt import checksums as crt

        return _Crc(crt.crc32c, 4) if algorithm == "CRC32C" else _Crc(crt.crc64nvme, 8)
    if algorithm in ("SHA1", "SHA256", "SHA512"):
        return hashlib.new(algorithm.lower())
    if algorithm == "MD5":
        return hashlib.md5(usedforsecurity=False)
    if algorithm in SIZES:
        return _XxHash(algorithm)
    raise ServiceError(
        "InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid "
        f"types: [{', '.join(SIZES)}]"
    )  # fmt: skip


def content_md5(header: str) -> bytes:
    """The 16 bytes of a Content-MD5 header. Raises ServiceError InvalidDigest."""
    try:
        value = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != 16:
        raise ServiceError("InvalidDigest", "The Content-MD5 you specified was invalid.", status=400)
    return value


def checksum_value(algorithm: str, text: str) -> bytes:
    """The bytes of an ``x-amz-checksum-…`` value. Raises ServiceError InvalidRequest."""
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != SIZES[algorithm]:
        name = HEADER_PREFIX + algorithm.lower()
        raise ServiceError("InvalidRequest", f"Value for {name} header is invalid.", status=400)
    return value


def sent(headers: Mapping[str, str]) -> dict[str, bytes | None]:
    """The digests a request announces: algorithm → value, None when the value follows in the trailer.

    Raises ServiceError for values that are no digests and for more than one of them.
    """
    found: dict[str, bytes | None] = {}
    for name, value in headers.items():
        if name.startswith(HEADER_PREFIX):
            algorithm = name[len(HEADER_PREFIX) :].upper()
            if algorithm in SIZES:
                found[algorithm] = checksum_value(algorithm, value)
    for name in headers.get("x-amz-trailer", "").split(","):
        name = name.strip().lower()
        if name.startswith(HEADER_PREFIX):
            algorithm = name[len(HEADER_PREFIX) :].upper()
            if algorithm not in SIZES:
                raise ServiceError(
                    "InvalidRequest", "The value specified in the x-amz-trailer header is not supported"
                )
            found.setdefault(algorithm, None)
    if len(found) > 1:
        raise ServiceError(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    return found
