"""The Bloom filter of record keys in a base file's footer, in the form in which Hadoop (and so Hudi) keeps it."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

KIND = "SIMPLE"
# Any rate is a valid filter; Hudi's own default (1e-9) costs three times as many hashes for every key.
ERROR_RATE = 1e-3
_MURMUR = 1
_VERSION = -1


def text(keys: Any) -> str:
    """The filter that holds these keys (an Arrow column of texts), as base64."""
    import numpy as np
    import pyarrow.compute as pc

    count = max(len(keys), 1)
    bits = math.ceil(count * (-math.log(ERROR_RATE) / math.log(2) ** 2))
    hashes = math.ceil(math.log(2) * bits / count)
    vector = np.zeros((bits + 7) // 8 * 8, dtype=np.uint8)
    if len(keys):
        lengths = pc.binary_length(keys.cast("binary")).to_numpy()
        raw = keys.cast("binary")
        for length in np.unique(lengths):
            chosen = raw.filter(pc.equal(pc.binary_length(raw), int(length)))
            block = np.frombuffer(b"".join(chosen.to_pylist()), dtype=np.uint8).reshape(
                len(chosen), int(length)
            )
            seed = np.zeros(len(chosen), dtype=np.uint32)
            for _ in range(hashes):
                seed = murmur(block, seed)
                signed = seed.view(np.int32).astype(np.int64)
                vector[np.abs(np.fmod(signed, bits))] = 1
    body = np.packbits(vector, bitorder="little").tobytes()[: (bits + 7) // 8]
    head = struct.pack(">iibi", _VERSION, hashes, _MURMUR, bits)
    return base64.b64encode(head + body).decode("ascii")


def murmur(rows: Any, seeds: Any) -> Any:
    """Hadoop's MurmurHash (the 32-bit second version) of rows of bytes of one length, each with its own seed."""
    import numpy as np

    factor = np.uint32(0x5BD1E995)
    count, length = rows.shape
    found = seeds ^ np.uint32(length)
    whole = length // 4
    words = (
        np.ascontiguousarray(rows[:, : whole * 4]).view("<u4") if whole else np.zeros((count, 0), np.uint32)
    )
    for position in range(whole):
        word = words[:, position] * factor
        word = (word ^ (word >> np.uint32(24))) * factor
        found = (found * factor) ^ word
    left = length - whole * 4
    if left:
        # Hadoop counts these from the end of the row, as signed bytes.
        tail = rows[:, length - left :].view(np.int8).astype(np.int32)
        if left >= 3:
            found = found ^ (tail[:, left - 3] << 16).view(np.uint32)
        if left >= 2:
            found = found ^ (tail[:, left - 2] << 8).view(np.uint32)
        found = (found ^ tail[:, left - 1].view(np.uint32)) * factor
    found = found ^ (found >> np.uint32(13))
    found = found * factor
    return found ^ (found >> np.uint32(15))
