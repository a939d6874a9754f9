"""The language of Hive's filters, over partition keys and over properties of tables.

    disjunction: conjunction (OR conjunction)*       conjunction: unit (AND unit)*
    unit: '(' disjunction ')' | predicate
    predicate: key op literal | literal op key | key LIKE 'pattern' | key [NOT] IN '(' literals ')'
             | key [NOT] BETWEEN literal AND literal
    op: = == <> != < <= > >=       literal: 'text' | "text" | number | 2024-01-31 | DATE 'text' | TIMESTAMP 'text'

Both quotes enclose text, backticks a key. In a pattern ``.*`` stands for any text and ``.`` for any character. What is
read becomes what a ``Writer`` makes of it. Owns no state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NoReturn, Protocol, TypeVar

from mastic.glue.hive.failures import meta

DEEPEST = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")
      | (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w-]))
      | (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?![\w]))
      | (?P<quoted>`[^`]+`)
      | (?P<word>[^\W\d][\w$.-]*)
      | (?P<symbol>==|<>|!=|<=|>=|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_RESERVED = frozenset({"and", "or", "not", "in", "between", "like", "const", "struct"})
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

Written = TypeVar("Written")


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as the filter has it."""

    text: str
    is_number: bool = False


class Writer(Protocol[Written]):
    """Makes something of each part of a filter."""

    def compare(self, key: str, operator: str, value: Literal) -> Written:
        """``operator`` is one of = <> < <= > >=."""
        ...

    def like(self, key: str, pattern: str) -> Written: ...

    def among(self, key: str, values: Sequence[Literal]) -> Written: ...

    def between(self, key: str, low: Literal, high: Literal) -> Written: ...

    def negated(self, part: Written) -> Written: ...

    def enclosed(self, part: Written) -> Written: ...

    def all_of(self, parts: Sequence[Written]) -> Written: ...

    def any_of(self, parts: Sequence[Written]) -> Written: ...


def read(text: str, writer: Writer[Written]) -> Written:
    """What ``writer`` makes of a filter. Raises Failure saying what is wrong with it."""
    return _Parser(text, writer).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""


class _Parser(Generic[Written]):
    def __init__(self, text: str, writer: Writer[Written]) -> None:
        self._text = text
        self._writer = writer
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> Written:
        written = self._disjunction()
        if self._peek().kind != "end":
            self._unexpected()
        return written

    def _disjunction(self) -> Written:
        self._depth += 1
        if self._depth > DEEPEST:
            raise meta(f"Error parsing filter: nested deeper than {DEEPEST} levels")
        parts = [self._conjunction()]
        while self._takes("or"):
            parts.append(self._conjunction())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else self._writer.any_of(parts)

    def _conjunction(self) -> Written:
        parts = [self._unit()]
        while self._takes("and"):
            parts.append(self._unit())
        return parts[0] if len(parts) == 1 else self._writer.all_of(parts)

    def _unit(self) -> Written:
        if self._takes("("):
            inside = self._disjunction()
            self._expect(")")
            return self._writer.enclosed(inside)
        return self._predicate()

    def _predicate(self) -> Written:
        if self._at_literal():
            value = self._literal()
            operator = _MIRRORED[self._operator()]
            return self._writer.compare(self._key(), operator, value)
        key = self._key()
        negated = self._takes("not")
        if self._takes("in"):
            self._expect("(")
            values = [self._literal()]
            while self._takes(","):
                values.append(self._literal())
            self._expect(")")
            part = self._writer.among(key, values)
        elif self._takes("between"):
            low = self._literal()
            self._expect("and")
            part = self._writer.between(key, low, self._literal())
        elif negated:
            self._unexpected()
        elif self._takes("like"):
            if self._peek().kind != "text":
                self._unexpected()
            return self._writer.like(key, self._literal().text)
        else:
            return self._writer.compare(key, self._operator(), self._literal())
        return self._writer.negated(part) if negated else part

    def _key(self) -> str:
        token = self._peek()
        if token.kind != "quoted" and (token.kind != "word" or token.word in _RESERVED):
            self._unexpected()
        self._next += 1
        return token.text.strip("`")

    def _operator(self) -> str:
        token = self._peek()
        if token.kind != "symbol" or token.text in "(),":
            self._unexpected()
        self._next += 1
        return {"==": "=", "!=": "<>"}.get(token.text, token.text)

    def _at_literal(self) -> bool:
        token = self._peek()
        if token.kind in ("text", "number", "date"):
            return True
        return token.word in ("date", "timestamp") and self._tokens[self._next + 1].kind == "text"

    def _literal(self) -> Literal:
        if not self._at_literal():
            self._unexpected()
        if self._peek().kind == "word":
            self._next += 1
        token = self._peek()
        self._next += 1
        if token.kind == "text":
            return Literal(_value(token.text))
        return Literal(token.text, is_number=token.kind == "number")

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _takes(self, text: str) -> bool:
        token = self._peek()
        if token.word == text or (token.kind == "symbol" and token.text == text):
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            self._unexpected()

    def _unexpected(self) -> NoReturn:
        token = self._peek()
        where = "at its end" if token.kind == "end" else f"at {token.text!r}"
        raise meta(f"Error parsing filter {where}: {self._text}")


def pattern_parts(pattern: str) -> list[str]:
    """A pattern's parts: ``.*``, ``.``, or a character (its last, after a backslash). Raises Failure for others."""
    parts = re.findall(r"\.\*|\\.|.", pattern, re.DOTALL)
    if any(len(part) == 1 and part in "*+?[](){}|^$" for part in parts):
        raise meta(f"LIKE '{pattern}': only .* and . stand for other text here")
    return parts


def _tokens(text: str) -> list[_Token]:
    found = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position, end)
        if match is None or match.lastgroup is None:
            raise meta(f"Error parsing filter at {text[position:end].lstrip()[:1]!r}: {text}")
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    found.append(_Token("end", ""))
    return found


def _value(literal: str) -> str:
    text = literal[1:-1]
    if literal[0] == "'":
        text = text.replace("''", "'")
    return _ESCAPE.sub(lambda found: found[1] if found[1] in "'\"\\" else found[0], text)
