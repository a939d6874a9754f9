"""Partition values as their types order them: the text encodings by which the store sorts and searches.

The encodings of one type compare by code point as the typed values do. A value that its type cannot read
(``abc`` for an int, Hive's default partition for anything but a string) has none. Owns no state.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

HIVE_DEFAULT = "__HIVE_DEFAULT_PARTITION__"

SEPARATOR = "\x01"
# NUL cannot be stored, the separator must stay one, and this escape keeps the order of what it escapes.
_ESCAPES = str.maketrans({"\x00": "\x02\x03", "\x01": "\x02\x04", "\x02": "\x02\x05"})
_ESCAPED = re.compile("[\x00-\x02]")

# An index entry has a size limit on PostgreSQL. What is longer is cut and told apart by a digest: equality
# stays exact, order is by the first characters.
LONGEST_VALUE = 200
LONGEST_KEY_BYTES = 1600
# No text of so many characters has more bytes than that.
SHORT_KEY = LONGEST_KEY_BYTES // 4

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?)?Z?\Z"
)
_FAMILIES = {
    "string": "string",
    "char": "string",
    "varchar": "string",
    "tinyint": "integer",
    "smallint": "integer",
    "int": "integer",
    "integer": "integer",
    "bigint": "integer",
    "long": "integer",
    "decimal": "decimal",
    "date": "date",
    "timestamp": "timestamp",
}


def family(hive_type: str) -> str | None:
    """``string``, ``integer``, ``decimal``, ``date``, ``timestamp``; None for what nothing can compare."""
    return _FAMILIES.get(hive_type.partition("(")[0].strip().lower())


class Value(NamedTuple):
    """One value encoded: ``placed`` is how it stands in a key, ``exact`` whether no other value stands there alike."""

    part: str | None
    placed: str
    escaped: str
    exact: bool


class _Known(dict[str, Value]):
    """Values of one key that were encoded before. A year's days come back in each of its hours, and the hours in
    each of its days."""

    def __init__(self, kind: str | None) -> None:
        super().__init__()
        self._kind = kind

    def __missing__(self, text: str) -> Value:
        found = self[text] = _value(self._kind, text)
        return found


class Encoder:
    """Encodes the values of many partitions of one table, one family a value, column by column."""

    def __init__(self, families: Sequence[str | None]) -> None:
        self._known = [_Known(kind) for kind in families]

    def encode(self, rows: Sequence[Sequence[str]]) -> tuple[list[str], list[Sequence[str | None]]]:
        """The unique key of each partition, and of each of the table's keys the column of encodings. Every row has as
        many values as the table has keys."""
        if not rows or not self._known:
            return [SEPARATOR] * len(rows), [()] * len(self._known)
        columns = zip(self._known, zip(*rows, strict=True), strict=True)
        # Each column of values becomes four: parts, how they stand in keys, the values escaped, and whether exact.
        encoded = [tuple(zip(*map(known.__getitem__, column), strict=True)) for known, column in columns]
        parts, placed, escaped, exact = zip(*encoded, strict=True)
        stem = map("".join, zip(*placed, strict=True))
        # ``01`` and ``1`` are one number and two partitions.
        end = map(SEPARATOR.join, zip(*escaped, strict=True))
        sure = map(all, zip(*exact, strict=True))
        keys = [key if plain else key + more for key, plain, more in zip(stem, sure, end, strict=True)]
        return list(map(_short_key, keys)), list(parts)


@lru_cache(maxsize=8192)
def _value(kind: str | None, text: str) -> Value:
    part, escaped = encode_value(kind, text), _escape(text)
    if part is None:
        return Value(None, f"~{escaped}{SEPARATOR}", escaped, True)
    return Value(part, part + SEPARATOR, escaped, _is_canonical(kind, text, part))


def encode_value(kind: str | None, text: str) -> str | None:
    """The encoding of one value, or None when the type cannot read it."""
    match kind:
        case "integer":
            return _integer(text) if _INTEGER.match(text) else None
        case "decimal":
            return encode_number(_decimal(text))
        case "date":
            return text if _DATE.match(text) and _is_date(text) else None
        case "timestamp":
            return _timestamp(text)
    return _short(_escape(text))


def encode_number(number: Decimal | None) -> str | None:
    """Sign, magnitude, digits: text that sorts like the number; None for what is none."""
    if number is None or not number.is_finite():
        return None
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return "n"
    magnitude = len(text) + exponent
    if abs(magnitude) >= 40_000 or len(text) > 400:
        return None
    text = text.rstrip("0")
    if not sign:
        return f"p{50_000 + magnitude:05d}{text}"
    # Among negatives the longer number is the smaller one: "~" ends digits behind any that go on.
    return f"m{50_000 - magnitude:05d}{text.translate(_COMPLEMENT)}~"


_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def _integer(text: str) -> str:
    """What ``encode_number`` makes of an integer, without the detour: there are millions of them."""
    digits = text.lstrip("+-0")
    if not digits:
        return "n"
    if text[0] == "-":
        return f"m{50_000 - len(digits):05d}{digits.rstrip('0').translate(_COMPLEMENT)}~"
    return f"p{50_000 + len(digits):05d}{digits.rstrip('0')}"


def _decimal(text: str) -> Decimal | None:
    if len(text) > 500 or not text.isascii() or "_" in text or text != text.strip():
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _timestamp(text: str) -> str | None:
    found = _TIMESTAMP.match(text)
    if found is None or not _is_date(found[1]):
        return None
    hour, minute, second = found[2] or "00", found[3] or "00", found[4] or "00"
    if hour > "23" or minute > "59" or second > "59":
        return None
    fraction = (found[5] or "").rstrip("0")
    return f"{found[1]} {hour}:{minute}:{second}" + (f".{fraction}" if fraction else "")


def _is_canonical(kind: str | None, text: str, encoded: str) -> bool:
    match kind:
        case "integer":
            return str(int(text)) == text
        case "decimal":
            return _plain_decimal(text)
        case "timestamp":
            return text == encoded
    return True


def _plain_decimal(text: str) -> bool:
    """Whether no other text of this form is the same number."""
    return re.match(r"(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9])\Z", text) is not None


def _escape(text: str) -> str:
    return text.translate(_ESCAPES) if _ESCAPED.search(text) else text


# What no character of a LIKE may be that escapes others: they mean something in patterns, or in encodings.
NOT_ESCAPES = frozenset("%_\x00\x01\x02\x03\x04\x05")


def escape_pattern(pattern: str) -> str:
    """A LIKE pattern as it applies to encodings of strings."""
    return _escape(pattern)


def _short(text: str) -> str:
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:120]}\x02~{hashlib.sha256(text.encode()).hexdigest()}"


def _short_key(key: str) -> str:
    if len(key) < SHORT_KEY:
        return key
    raw = key.encode("utf-8", "surrogatepass")
    if len(raw) <= LONGEST_KEY_BYTES:
        return key
    return f"{raw[:1500].decode(errors='ignore')}\x02~{hashlib.sha256(raw).hexdigest()}"
