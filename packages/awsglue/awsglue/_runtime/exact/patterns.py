"""Java's regular expressions, and what replaces their matches, as the engine's own understands them. Pure functions.

The engine's classes are of all of Unicode, its lines end by \\n alone, and its names of groups go on
as long as they can.
"""

from __future__ import annotations

import re
from itertools import pairwise

# What no rewriting brings to one meaning: looking around, backreferences, possessive and named things, set operations,
# flags but (?i) and (?s), escapes that only one of them has, classes by name but of general categories.
_UNLIKE = re.compile(
    r"&&|--|~~|\[\^?\]|\(\?(?![is]+\)|:)|\\[0-9GkKQERXZhvHVNcxzA]|[*+?}]\+|\\[pP](?!\{[A-Z][a-z]?\}|[LN])|\[[^\]]*(?<!\\)\["
)
_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r" \t\n\x0B\f\r"}
_NO_LINE_END = r"[^\n\r\u0085\u2028\u2029]"
_LAST_END = r"(?:\r\n|[\n\r\u0085\u2028\u2029])?\z"
# Java's $ stands before these, too, where a text ends with them.
LINE_END = "[\\n\\r\u0085\u2028\u2029]\\z"


def understood(pattern: str) -> bool:
    """Whether the pattern can be brought to Java's meaning."""
    pieces = [piece for piece, inside in _pieces(pattern) if not inside]
    within = any(one == "$" and other not in (")", "|") for one, other in pairwise(pieces))
    return (
        not within
        and not _UNLIKE.search(pattern)
        and not ("(?i" in pattern.replace("s", "") and not pattern.isascii())
    )


def ends_lines(pattern: str) -> bool:
    """Whether there is a $ that may stand before the end of a line."""
    return any(piece == "$" and not inside for piece, inside in _pieces(pattern))


def translated(pattern: str, *, testing: bool = False) -> str:
    """The pattern for the engine. Where it only tests, $ takes in the last end of a line, as Java's stands before."""
    dot_is_all = bool(re.search(r"\(\?[is]*s[is]*\)", pattern))
    out = []
    for piece, inside in _pieces(pattern):
        escaped = piece[1:] if piece[0] == "\\" and len(piece) == 2 else ""
        if escaped.lower() in _CLASSES and escaped:
            members = _CLASSES[escaped.lower()]
            if escaped.islower():
                out.append(members if inside else f"[{members}]")
            else:
                out.append(f"[^{members}]")
        elif piece == "." and not inside and not dot_is_all:
            out.append(_NO_LINE_END)
        elif piece == "$" and not inside and testing:
            out.append(_LAST_END)
        else:
            out.append(piece)
    return "".join(out)


def replacement(text: str, groups: int) -> str | None:
    """What replaces matches, for the engine; None for what Java refuses or the engine cannot say."""
    out, at = "", 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            following = text[at + 1 : at + 2]
            if following in ("", "\\") or following.isdigit():
                return None
            out += "$$" if following == "$" else following
            at += 2
        elif sign == "$":
            digits = text[at + 1 : at + 2]
            if not digits.isdigit() or int(digits) > groups:
                return None
            at += 2
            while at < len(text) and text[at].isdigit() and int(digits + text[at]) <= groups:
                digits += text[at]
                at += 1
            out += "${" + digits + "}"
        else:
            out += sign
            at += 1
    return out


def groups_of(pattern: str) -> int:
    """How many groups a pattern has that can be brought to Java's meaning."""
    return sum(
        piece == "(" and not inside and not following.startswith("?")
        for (piece, inside), following in zip(
            _pieces(pattern), [each for each, _ in [*_pieces(pattern)][1:]] + [""], strict=False
        )
    )


def _pieces(pattern: str) -> list[tuple[str, bool]]:
    """The pattern's signs and escapes, and whether each stands within a class."""
    out, at, inside = [], 0, False
    while at < len(pattern):
        size = 2 if pattern[at] == "\\" else 1
        piece = pattern[at : at + size]
        if piece == "[":
            out.append((piece, inside))
            inside = True
        elif piece == "]" and inside:
            inside = False
            out.append((piece, inside))
        else:
            out.append((piece, inside))
        at += size
    return out
