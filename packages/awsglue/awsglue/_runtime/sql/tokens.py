"""Cutting SQL text at its keywords, so that the pieces between them can be used as they were written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Word:
    """One token: its upper-case text, where it stands, how deep in brackets."""

    text: str
    start: int
    end: int
    depth: int


_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/)|(?P<quoted>r?'(?:[^'\\]|\\.)*'|r?"(?:[^"\\]|\\.)*"|`(?:[^`]|``)*`)"""
    r"""|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\w*)|(?P<word>\w+)|(?P<sign>=>|<=>|<=|>=|<>|!=|\|\||->|::|.)""",
    re.DOTALL | re.VERBOSE,
)


def words(text: str) -> list[Word]:
    """The tokens of a text. String literals and quoted names keep their quotes in `text`, so they match no keyword."""
    out = []
    depth = 0
    for match in _TOKEN.finditer(text):
        if match["skip"] is not None:
            continue
        raw = match.group()
        if raw == ")":
            depth -= 1
        out.append(
            Word(
                text=raw if match["quoted"] is not None else raw.upper(),
                start=match.start(),
                end=match.end(),
                depth=depth,
            )
        )
        if raw == "(":
            depth += 1
    return out


class Cutter:
    """Reads a statement from left to right, cutting at keywords outside brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words(text)
        self.at = 0

    def peek(self, *expected: str) -> bool:
        """Whether these words come next."""
        following = [word.text for word in self.words[self.at : self.at + len(expected)]]
        return following == list(expected)

    def take(self, *expected: str) -> bool:
        """Go past these words if they come next."""
        if not self.peek(*expected):
            return False
        self.at += len(expected)
        return True

    def need(self, *expected: str) -> None:
        """Go past these words. Raises ParseException when others come."""
        if not self.take(*expected):
            raise self.error(" ".join(expected))

    def error(self, expected: str) -> Any:
        from pyspark.errors import ParseException

        near = self.words[self.at].text if self.at < len(self.words) else "end of input"
        return ParseException(f"[PARSE_SYNTAX_ERROR] Syntax error at or near {near!r}: {expected} expected.")

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    def until(self, *stops: tuple[str, ...]) -> str:
        """The text up to the first of these word sequences outside brackets (or the end), not including it."""
        begin = self.at
        if begin >= len(self.words):
            return ""
        depth = self.words[begin].depth
        while self.at < len(self.words):
            if self.words[self.at].depth == depth and any(self.peek(*stop) for stop in stops):
                break
            self.at += 1
        if self.at == begin:
            return ""
        return self.text[self.words[begin].start : self.words[self.at - 1].end]

    def rest(self) -> str:
        """All the text that is left."""
        begin = self.at
        self.at = len(self.words)
        return self.text[self.words[begin].start :].strip() if begin < len(self.words) else ""

    def name(self) -> list[str]:
        """A name of parts with dots between them."""
        parts = [self._identifier()]
        while self.take("."):
            parts.append(self._identifier())
        return parts

    def _identifier(self) -> str:
        if self.done:
            raise self.error("a name")
        word = self.words[self.at]
        self.at += 1
        raw = self.text[word.start : word.end]
        if raw.startswith("`"):
            return raw[1:-1].replace("``", "`")
        if not (raw[0].isalpha() or raw[0] == "_" or raw[0].isdigit()):
            self.at -= 1
            raise self.error("a name")
        return raw

    def brackets(self) -> str:
        """The text between the brackets that open here."""
        self.need("(")
        begin = self.at
        depth = self.words[begin - 1].depth
        while self.at < len(self.words) and not (
            self.words[self.at].text == ")" and self.words[self.at].depth == depth
        ):
            self.at += 1
        inner = (
            self.text[self.words[begin - 1].end : self.words[self.at].start]
            if self.at < len(self.words)
            else ""
        )
        self.need(")")
        return inner.strip()


def split_commas(text: str) -> list[str]:
    """The pieces of a text between commas outside brackets."""
    pieces = []
    start = 0
    for word in words(text):
        if word.text == "," and word.depth == 0:
            pieces.append(text[start : word.start].strip())
            start = word.end
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def split_assignment(text: str) -> tuple[str, str]:
    """`column = expression` at its first equals sign outside brackets. Raises ParseException."""
    for word in words(text):
        if word.text == "=" and word.depth == 0:
            return text[: word.start].strip(), text[word.end :].strip()
    raise Cutter(text).error("=")
