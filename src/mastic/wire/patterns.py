"""The models' regular expressions, which are Java's, as safe Python matchers.

A pattern must match the whole value, ``.`` stands for line ends too (schema definitions and scripts have
many lines and are accepted), ``\\d \\w \\s`` are ASCII, and no pattern can hold a request up: those
that could backtrack at length run with a time limit and count as not matching when it is reached.
Owns a cache of compiled patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

Matcher = Callable[[str], bool]

# Seconds. A valid value of the longest allowed length takes well under a millisecond.
TIME_LIMIT = 0.5

_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_POSIX = {
    r"\p{Print}": r"\x20-\x7e",
    r"\p{ASCII}": r"\x00-\x7f",
    r"\p{Alpha}": r"a-zA-Z",
    r"\p{Alnum}": r"a-zA-Z0-9",
    r"\p{Digit}": r"0-9",
    r"\p{Punct}": r"!-/:-@\[-`{-~",
    r"\p{Graph}": r"!-~",
    r"\p{Lower}": r"a-z",
    r"\p{Upper}": r"A-Z",
    r"\p{Space}": r"\s",
    r"\p{XDigit}": r"0-9a-fA-F",
}
_ASCII = {r"\d": "0-9", r"\w": "a-zA-Z0-9_", r"\s": r" \t\n\x0b\f\r"}
_UNBOUNDED = re.compile(r"(?<!\\)(?:[*+]|\{\d+,\})")
_CLASS = re.compile(r"(?<!\\)\[(?:\\.|[^\]\\])+\]")
_QUANTIFIED_GROUP = re.compile(r"(?<!\\)\)[*+{]")


def translate(pattern: str) -> str:
    """Java's spelling → Python's: surrogate pairs become code points, POSIX classes ranges."""

    def pair(match: re.Match[str]) -> str:
        high, low = int(match[1], 16), int(match[2], 16)
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"

    text = _SURROGATES.sub(pair, pattern)
    for name, ranges in _POSIX.items():
        if name in text:
            text = _replace_class(text, name, ranges)
    if r"\p{" in text:
        # Unicode properties and ASCII-only \d \w \s exclude each other in Python.
        for name, ranges in _ASCII.items():
            text = _replace_class(text, name, ranges)
    return text


def _replace_class(text: str, name: str, ranges: str) -> str:
    """Put a POSIX class's ranges in place, in brackets unless it stands in brackets already."""
    out, depth, i = [], 0, 0
    while i < len(text):
        if text.startswith(name, i):
            out.append(ranges if depth else f"[{ranges}]")
            i += len(name)
            continue
        if text[i] == "\\":
            out.append(text[i : i + 2])
            i += 2
            continue
        if text[i] == "[":
            depth += 1
        elif text[i] == "]" and depth:
            depth -= 1
        out.append(text[i])
        i += 1
    return "".join(out)


def _is_plain(pattern: str) -> bool:
    """True when the standard library's engine cannot backtrack for long on it."""
    # What stands in a class is no quantifier.
    pattern = _CLASS.sub("x", pattern)
    return len(_UNBOUNDED.findall(pattern)) <= 1 and _QUANTIFIED_GROUP.search(pattern) is None


@cache
def matcher(pattern: str) -> Matcher:
    """Whether a text satisfies a model's pattern."""
    text = translate(pattern)
    if _is_plain(text):
        try:
            plain = re.compile(text, re.ASCII | re.DOTALL).fullmatch
        except re.error:
            pass
        else:
            return lambda value: plain(value) is not None
    return _guarded(text)


def expressible(pattern: str) -> bool:
    """Whether Python has the pattern's language; what it has not, is not checked."""
    return _compiled(translate(pattern)) is not None


def _guarded(text: str) -> Matcher:
    """A matcher with a time limit. Its engine is large: it is loaded when the first value has to be matched."""

    def match(value: str) -> bool:
        pattern = _compiled(text)
        if pattern is None:
            return True
        try:
            return pattern.fullmatch(value, timeout=TIME_LIMIT, concurrent=True) is not None
        except TimeoutError:
            return False

    return match


@cache
def _compiled(text: str) -> Any:
    import regex

    try:
        return regex.compile(text, regex.DOTALL | (0 if r"\p{" in text else regex.ASCII))
    except regex.error:
        return None
