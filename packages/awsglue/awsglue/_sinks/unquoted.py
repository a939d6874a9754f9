"""CSV without any quotes (quoteChar -1), which engines cannot write: they quote values that hold a separator anyway.

So they quote with a control character, doubled where a value has it, and the quotes are taken out of the written files.
"""

from __future__ import annotations

import bz2
import gzip
import os
import re
from typing import Any

_MARKS = ("\x1e", "\x1d")
_PACKERS: dict[str, tuple[Any, Any]] = {
    ".gz": (gzip.decompress, gzip.compress),
    ".bz2": (bz2.decompress, bz2.compress),
}


def mark(options: dict[str, Any]) -> str:
    """The character to quote with: not the separator."""
    return next(one for one in _MARKS if one != str(options.get("separator", ",")))


def strip(folder: str, quote: str) -> None:
    """Take the quotes out of all files below the folder. Raises NotImplementedError for compressions it cannot undo."""
    sign = quote.encode()
    quoted = re.compile(b"%b((?:[^%b]+|%b%b)*)%b" % ((sign,) * 5))
    for base, _, names in os.walk(folder):
        for name in names:
            if name.startswith(("_", ".")):
                continue
            path = os.path.join(base, name)
            suffix = os.path.splitext(name)[1]
            if suffix not in (".csv", *_PACKERS):
                raise NotImplementedError(f"csv without quotes cannot be written as {suffix} files")
            with open(path, "rb") as file:
                raw = file.read()
            unpack, pack = _PACKERS.get(suffix, (bytes, bytes))
            text = unpack(raw)
            if sign in text:
                plain = quoted.sub(lambda found: found[1].replace(sign * 2, sign), text)
                with open(path, "wb") as file:
                    file.write(pack(plain))
