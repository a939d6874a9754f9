"""ETags and checksums of whole objects from those of their parts, as S3 computes them. Owns no state."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

FULL_OBJECT = "FULL_OBJECT"
COMPOSITE = "COMPOSITE"

# Algorithms whose value for a whole can be computed from the values of the parts.
LINEAR = ("CRC32", "CRC32C", "CRC64NVME")
DEFAULT = "CRC64NVME"


def md5_hex(checksum: str) -> str:
    """The hexadecimal form of a base64 MD5."""
    return base64.b64decode(checksum).hex()


def multipart_etag(etags: Sequence[str]) -> str:
    """The ETag of an object made of parts with these (hexadecimal MD5) ETags."""
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def composite(algorithm: str, parts: Sequence[str]) -> str:
    """The checksum of the parts' checksums, with their number."""
    running = _new(algorithm)
    running.update(b"".join(base64.b64decode(part) for part in parts))
    return f"{base64.b64encode(running.digest()).decode()}-{len(parts)}"


def combined(algorithm: str, parts: Sequence[tuple[str, int]]) -> str:
    """The checksum of the whole from the parts' (checksum, size in bytes)."""
    from awscrt import checksums

    combine = {
        "CRC32": checksums.combine_crc32,
        "CRC32C": checksums.combine_crc32c,
        "CRC64NVME": checksums.combine_crc64nvme,
    }[algorithm]
    value, width = 0, 8 if algorithm == "CRC64NVME" else 4
    for index, (checksum, size) in enumerate(parts):
        number = int.from_bytes(base64.b64decode(checksum), "big")
        value = combine(value, number, size) if index else number
    return base64.b64encode(value.to_bytes(width, "big")).decode()


class Hashing:
    """Computes digests of what passes through it; ``checksums`` are base64 by algorithm, any time."""

    def __init__(self, pieces: Iterable[bytes], algorithms: Iterable[str] = ("MD5", DEFAULT)) -> None:
        self._pieces = pieces
        self._running = {name: _new(name) for name in dict.fromkeys(algorithms)}

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            for running in self._running.values():
                running.update(piece)
            yield piece

    @property
    def checksums(self) -> dict[str, str]:
        """What has been computed so far."""
        return {name: base64.b64encode(r.digest()).decode() for name, r in self._running.items()}


class _Crc:
    def __init__(self, algorithm: str) -> None:
        from awscrt import checksums

        self._function = {"CRC32": zlib.crc32, "CRC32C": checksums.crc32c, "CRC64NVME": checksums.crc64nvme}[
            algorithm
        ]
        self._width = 8 if algorithm == "CRC64NVME" else 4
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


def _new(algorithm: str) -> Any:
    if algorithm in LINEAR:
        return _Crc(algorithm)
    return hashlib.new(algorithm.lower(), usedforsecurity=False)
