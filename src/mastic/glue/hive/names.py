"""How Hive writes partitions' names and patterns of names. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from mastic.glue.catalog.partition_keys import HIVE_DEFAULT
from mastic.glue.catalog.patterns import Pattern

# What would mean something in a path is written %XX.
_ESCAPED = re.compile("[\x00-\x1f\"#%'*/:=?\\\\\x7f{\\[\\]^]")


def escape(value: str) -> str:
    """A partition's value as a path has it."""
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", value) if value else HIVE_DEFAULT


def unescape(text: str) -> str:
    """The value that a path has."""
    return unquote(text, errors="strict") if "%" in text else text


def partition_name(keys: Sequence[str], values: Sequence[str]) -> str:
    """``year=2024/month=01``."""
    return "/".join(f"{escape(k.lower())}={escape(v)}" for k, v in zip(keys, values, strict=True))


def parse_partition_name(name: str) -> dict[str, str]:
    """The keys and values of a partition's name. Raises ValueError."""
    found = {}
    for part in name.strip("/").split("/"):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise ValueError(f"{name!r} is no name of a partition: {part!r} has no value")
        found[unescape(key)] = unescape(value)
    return found


def matching(pattern: str | None, names: Iterable[str]) -> list[str]:
    """Those of the names that a pattern of Hive's stands for, in any case.

    ``*`` stands for any text, ``.`` for any character, and ``|`` is between alternatives.
    """
    parts = [part.strip().lower() for part in (pattern or "*").split("|")]
    if "*" in parts:
        return list(names)
    return list(Pattern("|".join(f"(?:{_expression(part)})" for part in parts)).matching(names))


def _expression(part: str) -> str:
    return "".join({"*": ".*", ".": "."}.get(character) or re.escape(character) for character in part)
