"""The names that Spark gives columns without an alias in SQL text. They become names in written files, so they matter.

Reads an expression's words by Spark's precedence and puts down what Spark shows. What is not known here has no
name, and is refused where the name would show. Owns no state.
"""

from __future__ import annotations

import re

from awsglue._runtime.exact.name_rules import (
    CONTINUES,
    CONTINUES_BEFORE,
    ENDS,
    SIGNS,
    UNITS,
    UNNAMED,
    call,
    frame_of,
)
from awsglue._runtime.sql.tokens import Word, words

_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")
_DOUBLE = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?[dD]?")
_POINT = re.compile(r"-?\d+\.\d+")
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("OR",),
    ("AND",),
    ("=", "==", "<", ">", "<=", ">=", "<>", "!=", "<=>"),
    ("|",),
    ("^",),
    ("&",),
    ("+", "-", "||"),
    ("*", "/", "%", "DIV"),
)
_COMPARING = 2


class Unnamed(Exception):
    """Spark's name for this is not known here."""


class Named(str):
    """A name; `own` says that the expression says it itself, by an alias or as a column."""

    own: bool = False


def own(name: str) -> Named:
    made = Named(name)
    made.own = True
    return made


def name_of(text: str) -> Named:
    """The name of the column that an expression becomes. Raises Unnamed."""
    return item_name(text, words(text), frozenset())


def item_name(text: str, tokens: list[Word], tables: frozenset[str]) -> Named:
    """The name of an item of a select list, given as its words. `tables` may stand before columns. Raises Unnamed."""
    if not tokens:
        raise Unnamed("nothing")
    if tokens[-1].text == "*" and (len(tokens) == 1 or tokens[-2].text == "."):
        return own("*")
    if _is_aliased(tokens):
        return own(text[tokens[-1].start : tokens[-1].end].strip("`"))
    reader = _Reader(text, tokens, tables)
    found = reader.expression()
    if reader.at < len(tokens):
        raise Unnamed(reader.raw(tokens[reader.at]))
    if reader.column is not None:
        return own(reader.column)
    if reader.members:
        raise Unnamed("a member of a struct")
    return Named(found)


def _is_aliased(tokens: list[Word]) -> bool:
    depth = tokens[0].depth
    if any(word.text == "AS" and word.depth == depth for word in tokens):
        return True
    if len(tokens) < 2 or tokens[-1].depth != depth:
        return False
    last, before = tokens[-1].text, tokens[-2].text
    ends = (
        before in (")", "]", "END", "NULL")
        or before[-1] in "'\"`"
        or before[-1].isalnum()
        or before[-1] == "_"
    )
    return (
        (last[0].isalpha() or last[0] in "_`")
        and last not in CONTINUES
        and not (last in UNITS and any(word.text == "INTERVAL" for word in tokens))
        and ends
        and before not in CONTINUES_BEFORE
    )


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, text: str, tokens: list[Word], tables: frozenset[str]) -> None:
        self._text = text
        self._tokens = tokens
        self._tables = tables
        self.members = 0
        self.at = 0
        # The column's own name, when the expression is nothing but that or a cast of it.
        self.column: str | None = None

    def raw(self, word: Word) -> str:
        return self._text[word.start : word.end]

    def _peek(self, offset: int = 0) -> str:
        place = self.at + offset
        return self._tokens[place].text if place < len(self._tokens) else ""

    def _take(self, *expected: str) -> bool:
        if tuple(self._peek(n) for n in range(len(expected))) != expected:
            return False
        self.at += len(expected)
        return True

    def _need(self, *expected: str) -> None:
        if not self._take(*expected):
            raise Unnamed(" ".join(expected))

    def expression(self, level: int = 0) -> str:
        if level == _COMPARING and self._peek() in ("NOT", "!"):
            self.at += 1
            found = f"(NOT {self.expression(_COMPARING)})"
            self.column = None
            return found
        if level == len(_LEVELS):
            return self._unary()
        left = self.expression(level + 1)
        while True:
            sign = self._peek()
            if level == _COMPARING and sign in (
                "IS",
                "IN",
                "BETWEEN",
                "LIKE",
                "RLIKE",
                "REGEXP",
                "NOT",
                "ILIKE",
            ):
                left = self._tested(left)
            elif sign in _LEVELS[level]:
                self.at += 1
                right = self.expression(level + 1)
                if sign in ("<", ">", "<=", ">=") and (_POINT.fullmatch(left) or _POINT.fullmatch(right)):
                    raise Unnamed("a number with a point beside what may be a whole one")
                left = _binary(sign, left, right)
            else:
                return left
            self.column = None

    def _tested(self, left: str) -> str:
        denied = self._take("NOT")
        word = self._peek()
        self.at += 1
        if word == "IS":
            denied = self._take("NOT")
            self._need("NULL")
            return f"({left} IS {'NOT ' if denied else ''}NULL)"
        if word == "IN":
            found = f"({left} IN ({', '.join(self._arguments())}))"
        elif word == "BETWEEN":
            low = self.expression(_COMPARING + 1)
            self._need("AND")
            high = self.expression(_COMPARING + 1)
            if _POINT.fullmatch(low) or _POINT.fullmatch(high):
                raise Unnamed("a number with a point beside what may be a whole one")
            found = f"(({left} >= {low}) AND ({left} <= {high}))"
        elif word in ("LIKE", "RLIKE", "REGEXP"):
            pattern = self.expression(_COMPARING + 1)
            found = f"{left} LIKE {pattern}" if word == "LIKE" else f"RLIKE({left}, {pattern})"
        else:
            raise Unnamed(word)
        return f"(NOT {found})" if denied else found

    def _unary(self) -> str:
        if self._peek() in ("-", "+", "~"):
            sign = self._peek()
            self.at += 1
            following = self._peek()
            inner = self._unary()
            self.column = None
            if sign == "~":
                return f"~{inner}"
            if sign == "-" and following[:1].isdigit():
                return inner if not inner.strip("0.") else f"-{inner}"
            return f"({sign} {inner})"
        return self._postfix()

    def _postfix(self) -> str:
        found = self._primary()
        while self._take("["):
            if self._peek()[:1] in ("'", '"'):
                raise Unnamed("a member by its name")
            index = self.expression()
            self._need("]")
            found, self.column = f"{found}[{index}]", None
        if self._peek() == ".":
            raise Unnamed("a member of a value")
        return found

    def _primary(self) -> str:
        word = self._peek()
        if not word or word in ENDS:
            raise Unnamed(word)
        raw = self.raw(self._tokens[self.at])
        self.at += 1
        if word == "(":
            if self._peek() in ("SELECT", "WITH"):
                raise Unnamed("a subquery")
            found = self.expression()
            self._need(")")
            return found
        if word[0] in "'\"":
            return self._literal(raw)
        if word[0].isdigit() or (word == "." and self._peek()[:1].isdigit()):
            if word == ".":
                raw += self.raw(self._tokens[self.at])
                self.at += 1
            return _number(raw)
        if word in ("TRUE", "FALSE", "NULL"):
            return word if word == "NULL" else word.lower()
        if word == "CASE":
            return self._case()
        if word in ("CAST", "TRY_CAST") and self._peek() == "(":
            return self._cast(word)
        if word in ("DATE", "TIMESTAMP") and self._peek()[:1] in ("'", '"') and self._peek():
            literal = self._literal(self.raw(self._tokens[self.at]))
            self.at += 1
            if not re.fullmatch(
                r"\d{4}-\d\d-\d\d" if word == "DATE" else r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", literal
            ):
                raise Unnamed(word)
            return f"{word} '{literal}'"
        if self._peek() == "(":
            return self._call(raw)
        if not (raw[0].isalpha() or raw[0] in "_`") or word in UNNAMED:
            raise Unnamed(word)
        return self._name(raw)

    def _name(self, raw: str) -> str:
        parts = [raw]
        while self._peek() == "." and self._peek(1)[:1] not in ("", "*"):
            parts.append(self.raw(self._tokens[self.at + 1]))
            self.at += 2
        name = parts[-1].strip("`").replace("``", "`")
        self.column = name
        if len(parts) > 2 or (len(parts) == 2 and parts[0].strip("`").lower() not in self._tables):
            self.members += 1
        return name

    def _literal(self, raw: str) -> str:
        if "\\" in raw or (self._peek()[:1] in ("'", '"') and self._peek()):
            raise Unnamed("a literal with escapes")
        return raw[1:-1]

    def _case(self) -> str:
        subject = None if self._peek() == "WHEN" else self.expression()
        shown = "CASE"
        while self._take("WHEN"):
            condition = self.expression()
            if subject is not None:
                condition = f"({subject} = {condition})"
            self._need("THEN")
            shown += f" WHEN {condition} THEN {self.expression()}"
        if self._take("ELSE"):
            shown += f" ELSE {self.expression()}"
        self._need("END")
        self.column = None
        return f"{shown} END"

    def _cast(self, word: str) -> str:
        alone = self.at == 1
        self._need("(")
        self.column = None
        inner = self.expression()
        column = self.column
        self._need("AS")
        begin = self.at
        depth = self._tokens[self.at - 1].depth
        while self._peek() and not (self._peek() == ")" and self._tokens[self.at].depth < depth):
            self.at += 1
        kind = self._text[self._tokens[begin].start : self._tokens[self.at - 1].end].upper().replace(" ", "")
        self._need(")")
        kind = {"INTEGER": "INT", "LONG": "BIGINT", "DEC": "DECIMAL(10,0)", "DECIMAL": "DECIMAL(10,0)"}.get(
            kind, kind
        )
        if not re.fullmatch(r"\w+(\(\d+(,\d+)?\))?", kind) or kind.startswith(("CHAR", "VARCHAR")):
            raise Unnamed(kind)
        if kind.startswith("DECIMAL(") and "," not in kind:
            kind = kind[:-1] + ",0)"
        self.column = column if alone else None
        return f"{word}({inner} AS {kind})"

    def _arguments(self) -> list[str]:
        self._need("(")
        found: list[str] = []
        if self._peek() in ("SELECT", "WITH"):
            raise Unnamed("a subquery")
        while not self._take(")"):
            if self._take("*"):
                found.append("1")
            else:
                found.append(self.expression())
            if self._peek() != ")":
                self._need(",")
        self.column = None
        return found

    def _call(self, raw: str) -> str:
        name = raw.lower()
        distinct = self._peek(1) == "DISTINCT"
        if distinct:
            # The bracket stands before the word.
            self.at += 2
            arguments = []
            while True:
                arguments.append(self.expression())
                if self._take(")"):
                    break
                self._need(",")
        else:
            arguments = self._arguments()
        self.column = None
        found = call(name, arguments, distinct=distinct)
        if found is None:
            raise Unnamed(name)
        if self._peek() == "FILTER":
            self._need("FILTER", "(", "WHERE")
            found += f" FILTER (WHERE {self.expression()})"
            self._need(")")
        if self._take("OVER"):
            found = f"{found} OVER ({self._window(name, arguments)})"
        self.column = None
        return found

    def _window(self, name: str, arguments: list[str]) -> str:
        self._need("(")
        pieces = []
        if self._take("PARTITION", "BY"):
            keys = [self.expression()]
            while self._take(","):
                keys.append(self.expression())
            pieces.append(f"PARTITION BY {', '.join(keys)}")
        ordered = self._take("ORDER", "BY")
        if ordered:
            keys = [self._ordering()]
            while self._take(","):
                keys.append(self._ordering())
            pieces.append(f"ORDER BY {', '.join(keys)}")
        given = None
        if self._peek() in ("ROWS", "RANGE"):
            begin = self.at
            while self._peek() and self._peek() != ")":
                self.at += 1
            given = " ".join(word.text for word in self._tokens[begin : self.at])
        self._need(")")
        frame = frame_of(name, arguments, given, ordered=ordered)
        if frame is None:
            raise Unnamed("a window's frame")
        return " ".join([*pieces, frame])

    def _ordering(self) -> str:
        key = self.expression()
        descending = self._take("DESC")
        if not descending:
            self._take("ASC")
        nulls = "LAST" if descending else "FIRST"
        if self._take("NULLS"):
            nulls = self._peek()
            self.at += 1
        return f"{key} {'DESC' if descending else 'ASC'} NULLS {nulls}"


def _binary(sign: str, left: str, right: str) -> str:
    if sign in ("<>", "!="):
        return f"(NOT ({left} = {right}))"
    if sign == "||":
        return f"concat({left}, {right})"
    return f"({left} {SIGNS.get(sign, sign)} {right})"


def _number(raw: str) -> str:
    from awsglue._runtime.io.texts import java_double

    if raw.isdigit() or (raw[-1] in "lL" and raw[:-1].isdigit()):
        return str(int(raw.rstrip("lL")))
    if _NUMBER.fullmatch(raw) and not raw.endswith("."):
        whole, _, fraction = raw.partition(".")
        return f"{int(whole or 0)}.{fraction}"
    if _DOUBLE.fullmatch(raw):
        return java_double(float(raw.rstrip("dD")))
    raise Unnamed(raw)
