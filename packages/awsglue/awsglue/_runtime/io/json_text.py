"""JSON text to Python values, with the liberties Jackson takes for Spark. Pure functions.

The C decoder of the standard library does what is strict JSON; what it refuses is tried once more here, where single
quotes, comments and the like are allowed as the options say.
"""

from __future__ import annotations

import json
import re
from typing import Any

from awsglue._runtime.io.json_options import JsonOptions

_BLANK = " \t\r\n"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_ZEROS = re.compile(r"-?0*(\d+)(\.\d+)?([eE][+-]?\d+)?")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_SPECIAL = {
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "+Infinity": float("inf"),
    "-Infinity": float("-inf"),
    "+INF": float("inf"),
    "-INF": float("-inf"),
    "INF": float("inf"),
}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Wide(float):
    """A number whose text matters: an integer beyond 64 bits is kept as int, a decimal's digits are kept here."""

    text: str


def _float(text: str) -> Wide:
    value = Wide(text)
    value.text = text
    return value


_DECODER = json.JSONDecoder(parse_float=_float)


def decode(text: str, options: JsonOptions) -> Any:
    """The first value in this text; what follows it is not looked at. Raises ValueError."""
    start = 0
    while start < len(text) and text[start] in _BLANK:
        start += 1
    try:
        value, _ = _DECODER.raw_decode(text, start)
        return value
    except (ValueError, RecursionError):
        value, _ = _Liberal(text, options).value(start)
        return value


class _Liberal:
    """A parser that allows what the options allow."""

    def __init__(self, text: str, options: JsonOptions) -> None:
        self._text = text
        self._options = options

    def _skip(self, at: int) -> int:
        text = self._text
        while at < len(text):
            if text[at] in _BLANK:
                at += 1
            elif self._options.comments and text.startswith("/*", at):
                at = text.index("*/", at) + 2
            elif self._options.comments and text.startswith("//", at):
                end = text.find("\n", at)
                at = len(text) if end < 0 else end
            else:
                return at
        raise ValueError("unexpected end")

    def value(self, at: int) -> tuple[Any, int]:
        at = self._skip(at)
        text = self._text
        char = text[at]
        if char == "{":
            return self._object(at + 1)
        if char == "[":
            return self._array(at + 1)
        if char == '"' or (char == "'" and self._options.single_quotes):
            return self._string(at + 1, char)
        for word, value in (("true", True), ("false", False), ("null", None)):
            if text.startswith(word, at):
                return value, at + len(word)
        if self._options.non_numeric:
            for word, number in _SPECIAL.items():
                if text.startswith(word, at):
                    return number, at + len(word)
        match = (_ZEROS if self._options.leading_zeros else _NUMBER).match(text, at)
        if match is None or text[match.end() : match.end() + 1].isalnum():
            raise ValueError(f"unexpected {char!r}")
        found = match.group()
        return (_float(found) if match.group(2) or match.group(3) else int(found)), match.end()

    def _object(self, at: int) -> tuple[Any, int]:
        out: dict[str, Any] = {}
        at = self._skip(at)
        if self._text[at] == "}":
            return out, at + 1
        while True:
            key, at = self._key(self._skip(at))
            at = self._skip(at)
            if self._text[at] != ":":
                raise ValueError("a colon is missing")
            out[key], at = self.value(at + 1)
            at = self._skip(at)
            if self._text[at] == "}":
                return out, at + 1
            if self._text[at] != ",":
                raise ValueError("a comma is missing")
            at += 1

    def _key(self, at: int) -> tuple[str, int]:
        char = self._text[at]
        if char == '"' or (char == "'" and self._options.single_quotes):
            return self._string(at + 1, char)
        match = _NAME.match(self._text, at) if self._options.unquoted_names else None
        if match is None:
            raise ValueError("a name is missing")
        return match.group(), match.end()

    def _array(self, at: int) -> tuple[Any, int]:
        out: list[Any] = []
        at = self._skip(at)
        if self._text[at] == "]":
            return out, at + 1
        while True:
            value, at = self.value(at)
            out.append(value)
            at = self._skip(at)
            if self._text[at] == "]":
                return out, at + 1
            if self._text[at] != ",":
                raise ValueError("a comma is missing")
            at += 1

    def _string(self, at: int, quote: str) -> tuple[str, int]:
        out: list[str] = []
        text = self._text
        while True:
            char = text[at : at + 1]
            if not char:
                raise ValueError("an unterminated string")
            if char == quote:
                return "".join(out), at + 1
            if char == "\\":
                piece, at = self._escape(at + 1)
                out.append(piece)
                continue
            if char < " " and not self._options.control_chars:
                raise ValueError("a control character")
            out.append(char)
            at += 1

    def _escape(self, at: int) -> tuple[str, int]:
        char = self._text[at : at + 1]
        if char == "u":
            code = int(self._text[at + 1 : at + 5], 16)
            return chr(code), at + 5
        if char in _ESCAPES:
            return _ESCAPES[char], at + 1
        if char in '"\\/' or self._options.any_escape or (char == "'" and self._options.single_quotes):
            return char, at + 1
        raise ValueError(f"unknown escape {char!r}")
