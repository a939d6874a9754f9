"""Hive's filters over partition keys, written anew as the partition expressions of the Glue API.

    disjunction: conjunction (OR conjunction)*       conjunction: unit (AND unit)*
    unit: '(' disjunction ')' | predicate
    predicate: key op literal | literal op key | key LIKE 'pattern' | key [NOT] IN '(' literals ')'
             | key [NOT] BETWEEN literal AND literal
    op: = == <> != < <= > >=       literal: 'text' | "text" | number | 2024-01-31 | DATE 'text' | TIMESTAMP 'text'

Both quotes enclose text here, where the API's double quotes enclose names. LIKE takes ``.*`` for any text and ``.`` for
any character. Pure functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from mastic.glue.hive.failures import meta

DEEPEST = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")
      | (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w-]))
      | (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?![\w]))
      | (?P<quoted>`[^`]+`)
      | (?P<word>[^\W\d][\w$.]*)
      | (?P<symbol>==|<>|!=|<=|>=|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_RESERVED = frozenset({"and", "or", "not", "in", "between", "like", "const", "struct"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""


def translate(text: str) -> str:
    """The Expression of GetPartitions that a filter stands for; empty for an empty one. Raises Failure."""
    if not text.strip():
        return ""
    return _Translator(text).translate()


def _like(key: str, pattern: str) -> str:
    """The comparison that a pattern of Hive's stands for. Raises Failure for what cannot be said exactly."""
    parts = re.findall(r"\.\*|\\.|.", pattern, re.DOTALL)
    literal = [part[-1] for part in parts if part not in (".*", ".")]
    if any(len(part) == 1 and part in "*+?[](){}|^$" for part in parts):
        raise meta(f"LIKE '{pattern}': only .* and . stand for other text here")
    if len(literal) == len(parts):
        return f"{key} = {_quoted(''.join(literal))}"
    if literal and parts[-1] == ".*" and len(literal) == len(parts) - 1:
        # What begins so: a range, which an index serves and in which no character means anything.
        start = "".join(literal)
        end = start[:-1] + chr(ord(start[-1]) + 1)
        return f"({key} >= {_quoted(start)} and {key} < {_quoted(end)})"
    if any(character in "%_" for character in literal):
        raise meta(
            f"LIKE '{pattern}': % and _ cannot be looked for in the middle of a value; let the client choose the "
            "partitions (spark.sql.hive.metastorePartitionPruningFallbackOnException=true)"
        )
    return f"{key} like {_quoted(''.join({'.*': '%', '.': '_'}.get(part) or part[-1] for part in parts))}"


class _Translator:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def translate(self) -> str:
        written = self._disjunction()
        if self._peek().kind != "end":
            self._unexpected()
        return written

    def _disjunction(self) -> str:
        self._depth += 1
        if self._depth > DEEPEST:
            raise meta(f"Error parsing partition filter: nested deeper than {DEEPEST} levels")
        parts = [self._conjunction()]
        while self._takes("or"):
            parts.append(self._conjunction())
        self._depth -= 1
        return " or ".join(parts)

    def _conjunction(self) -> str:
        parts = [self._unit()]
        while self._takes("and"):
            parts.append(self._unit())
        return " and ".join(parts)

    def _unit(self) -> str:
        if self._takes("("):
            inside = self._disjunction()
            self._expect(")")
            return f"({inside})"
        return self._predicate()

    def _predicate(self) -> str:
        if self._at_literal():
            value = self._literal()
            return f"{value} {self._operator()} {self._key()}"
        key = self._key()
        negated = "not " if self._takes("not") else ""
        if self._takes("in"):
            self._expect("(")
            values = [self._literal()]
            while self._takes(","):
                values.append(self._literal())
            self._expect(")")
            return f"{negated}{key} in ({', '.join(values)})"
        if self._takes("between"):
            low = self._literal()
            self._expect("and")
            return f"{negated}({key} between {low} and {self._literal()})"
        if negated:
            self._unexpected()
        if self._takes("like"):
            token = self._peek()
            if token.kind != "text":
                self._unexpected()
            self._next += 1
            return _like(key, _value(token.text))
        return f"{key} {self._operator()} {self._literal()}"

    def _key(self) -> str:
        token = self._peek()
        if token.kind == "quoted":
            name = token.text[1:-1]
        elif token.kind == "word" and token.word not in _RESERVED:
            name = token.text
        else:
            self._unexpected()
        self._next += 1
        return f'"{name}"'

    def _operator(self) -> str:
        token = self._peek()
        if token.kind != "symbol" or token.text in "(),":
            self._unexpected()
        self._next += 1
        return {"==": "="}.get(token.text, token.text)

    def _at_literal(self) -> bool:
        token = self._peek()
        if token.kind in ("text", "number", "date"):
            return True
        return token.word in ("date", "timestamp") and self._tokens[self._next + 1].kind == "text"

    def _literal(self) -> str:
        if not self._at_literal():
            self._unexpected()
        if self._peek().kind == "word":
            self._next += 1
        token = self._peek()
        self._next += 1
        if token.kind == "number":
            return token.text
        return _quoted(token.text if token.kind == "date" else _value(token.text))

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
        raise meta(f"Error parsing partition filter {where}: {self._text}")


def _tokens(text: str) -> list[_Token]:
    found = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position, end)
        if match is None or match.lastgroup is None:
            raise meta(f"Error parsing partition filter at {text[position:end].lstrip()[:1]!r}: {text}")
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    found.append(_Token("end", ""))
    return found


def _value(literal: str) -> str:
    text = literal[1:-1]
    if literal[0] == "'":
        text = text.replace("''", "'")
    return _ESCAPE.sub(lambda found: found[1] if found[1] in "'\"\\" else found[0], text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
