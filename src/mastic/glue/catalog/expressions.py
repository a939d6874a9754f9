"""The partition expression: a WHERE clause over partition keys, parsed once into a condition for the store.

    disjunction: conjunction (OR conjunction)*         conjunction: negation (AND negation)*
    negation: NOT negation | '(' disjunction ')' | predicate
    predicate: key (= | <> | != | < | <= | > | >=) literal | literal op key
             | key [NOT] IN '(' literal (',' literal)* ')' | key [NOT] BETWEEN literal AND literal
             | key [NOT] LIKE string [ESCAPE character] | key IS [NOT] NULL
    literal: 'text' | number | DATE 'text' | TIMESTAMP 'text'

Keys are named bare, in double quotes or in backticks, in any case. Literals are read as the key's type.
A key, a literal, AND and OR may stand in parentheses of their own. Owns no state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from mastic.errors import invalid_input
from mastic.glue.catalog import partition_keys
from mastic.store.catalog_conditions import And, Compare, Condition, In, IsNull, Like, Not, Or
from mastic.store.catalog_partitions import SEARCHABLE_KEYS

DEEPEST = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")+"|`(?:[^`]|``)+`)
      | (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w]))
      | (?P<word>[^\W\d][\w$]*)
      | (?P<symbol><>|!=|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WORDS = frozenset({"and", "or", "not", "in", "between", "like", "is", "null", "escape"})
# As java.sql.Timestamp reads it: a date alone is none.
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A partition key as the table declares it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


def parse(expression: str, keys: Sequence[Key], *, strict: bool = False) -> Condition:
    """The condition that a partition expression stands for.

    ``strict``, as on a table with partition indexes, refuses bare numbers for keys of other types.
    Raises InvalidInputException saying what is wrong.
    """
    return _Parser(expression, keys, strict).parse()


class _Parser:
    def __init__(self, expression: str, keys: Sequence[Key], strict: bool) -> None:
        self._expression = expression
        self._keys = {key.name.lower(): (index, key) for index, key in enumerate(keys)}
        self._strict = strict
        self._tokens = list(_tokens(expression))
        self._next = 0
        self._depth = 0

    def parse(self) -> Condition:
        condition = self._disjunction()
        if self._peek().kind != "end":
            self._unexpected()
        return condition

    # -- the grammar -------------------------------------------------------------------------------

    def _disjunction(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise invalid_input(f"Invalid partition expression: nested deeper than {DEEPEST} levels")
        parts = [self._conjunction()]
        while self._takes_connective("or"):
            parts.append(self._conjunction())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self) -> Condition:
        parts = [self._negation()]
        while self._takes_connective("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self) -> Condition:
        negated = False
        while self._takes_word("not"):
            negated = not negated
        if not self._operand_in_parentheses() and self._takes_symbol("("):
            condition = self._disjunction()
            self._symbol(")")
        else:
            condition = self._predicate()
        return Not(condition) if negated else condition

    def _predicate(self) -> Condition:
        if self._is_literal():
            literal = self._literal()
            op = self._operator()
            index, key = self._key()
            return Compare(index, _MIRRORED[op], self._encoded(key, literal))
        index, key = self._key()
        negated = self._takes_word("not")
        condition = self._worded(index, key)
        if condition is not None:
            return Not(condition) if negated else condition
        if negated:
            self._unexpected()
        if self._takes_word("is"):
            absent = not self._takes_word("not")
            if not self._takes_word("null"):
                self._unexpected()
            return _is_null(index, key) if absent else Not(_is_null(index, key))
        op = self._operator()
        return Compare(index, op, self._encoded(key, self._literal()))

    def _worded(self, index: int, key: Key) -> Condition | None:
        """IN, BETWEEN or LIKE after a key."""
        if self._takes_word("in"):
            self._symbol("(")
            values = [self._encoded(key, self._literal())]
            while self._takes_symbol(","):
                values.append(self._encoded(key, self._literal()))
            self._symbol(")")
            return In(index, tuple(dict.fromkeys(values)))
        if self._takes_word("between"):
            low = self._encoded(key, self._literal())
            if not self._takes_connective("and"):
                self._unexpected()
            high = self._encoded(key, self._literal())
            return And((Compare(index, ">=", low), Compare(index, "<=", high)))
        if self._takes_word("like"):
            if _family(key) != "string":
                kind = "Integral" if _family(key) == "integer" else str(_family(key)).capitalize()
                raise invalid_input(f"{kind} data type doesn't support operation 'LIKE'")
            token = self._peek()
            if token.kind != "text":
                self._unexpected()
            self._next += 1
            pattern = partition_keys.escape_pattern(_unquoted(token.text))
            return Like(index, pattern, self._escape(pattern))
        return None

    def _escape(self, pattern: str) -> str:
        """The character behind ESCAPE; empty where there is none."""
        if not self._takes_word("escape"):
            return ""
        token = self._peek()
        character = _unquoted(token.text) if token.kind == "text" else ""
        if len(character) != 1 or character in partition_keys.NOT_ESCAPES:
            self._unexpected()
        self._next += 1
        escaped = re.sub(re.escape(character) + "[%_" + re.escape(character) + "]", "", pattern)
        if character in escaped:
            raise invalid_input(
                f"Invalid partition expression! In a LIKE pattern, the escape character {character} stands only before "
                "%, _ and itself"
            )
        return character

    # -- the words ---------------------------------------------------------------------------------

    def _key(self) -> tuple[int, Key]:
        opened = self._opened()
        token = self._peek()
        if token.kind == "word" and token.text.lower() not in _WORDS:
            name = token.text
        elif token.kind == "quoted":
            name = _unquoted(token.text)
        else:
            self._unexpected()
        self._next += 1
        self._closed(opened)
        if not opened and self._peek().text == "(":
            raise invalid_input(
                f"Unsupported expression '{name}(…)': functions cannot be used on partition keys"
            )
        found = self._keys.get(name.lower())
        if found is None:
            raise invalid_input("Invalid partition expression!")
        if _family(found[1]) is None:
            raise invalid_input(f"Unknown type : '{found[1].type}'")
        if found[0] >= SEARCHABLE_KEYS:
            raise invalid_input(
                f"Unsupported expression: only the first {SEARCHABLE_KEYS} partition keys can be used"
            )
        return found

    def _operator(self) -> str:
        token = self._peek()
        if token.kind != "symbol" or token.text in "(),":
            self._unexpected()
        self._next += 1
        return "!=" if token.text == "<>" else token.text

    def _is_typed_literal(self) -> bool:
        token = self._peek()
        following = self._tokens[self._next + 1] if self._next + 1 < len(self._tokens) else token
        return (
            token.kind == "word" and token.text.lower() in ("date", "timestamp") and following.kind == "text"
        )

    def _is_literal(self) -> bool:
        behind = self._next
        while self._tokens[behind].text == "(":
            behind += 1
        token = self._tokens[behind]
        return token.kind in ("text", "number") or (behind == self._next and self._is_typed_literal())

    def _literal(self) -> _Token:
        opened = self._opened()
        if self._is_typed_literal():
            self._next += 1
        token = self._peek()
        if token.kind not in ("text", "number"):
            self._unexpected()
        self._next += 1
        self._closed(opened)
        return token

    # -- parentheses around one word -----------------------------------------------------------------

    def _operand_in_parentheses(self) -> bool:
        """Whether parentheses hold a key or a literal alone, not a condition."""
        first = self._next
        while self._tokens[first].text == "(":
            first += 1
        opened, behind = first - self._next, first + 1
        if not opened or self._tokens[first].kind == "end":
            return False
        return all(token.text == ")" for token in self._tokens[behind : behind + opened])

    def _opened(self) -> int:
        start = self._next
        while self._takes_symbol("("):
            pass
        return self._next - start

    def _closed(self, opened: int) -> None:
        for _ in range(opened):
            self._symbol(")")

    def _takes_connective(self, word: str) -> bool:
        opened = self._opened()
        if self._takes_word(word):
            self._closed(opened)
            return True
        self._next -= opened
        return False

    def _encoded(self, key: Key, literal: _Token) -> str:
        kind = _family(key)
        if literal.kind == "number":
            if kind in ("date", "timestamp") or (self._strict and kind == "string"):
                raise invalid_input(
                    f"Invalid partition expression: {literal.text} cannot be compared with the {key.type} "
                    f"key '{key.name}'; quote the value"
                )
            text = literal.text.removeprefix("+")
        else:
            text = _unquoted(literal.text)
        encoded = partition_keys.encode_value(kind, text)
        if kind == "timestamp" and (encoded is None or not _TIMESTAMP.match(text)):
            raise invalid_input(
                f'Timestamp format must be yyyy-mm-dd hh:mm:ss[.fffffffff]: "{text}" is not a timestamp.'
            )
        if encoded is None:
            article = "an" if kind == "integer" else "a"
            raise invalid_input(f'"{text}" is not {article} {kind}.')
        return encoded

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _takes_word(self, word: str) -> bool:
        token = self._peek()
        if token.kind == "word" and token.text.lower() == word:
            self._next += 1
            return True
        return False

    def _takes_symbol(self, symbol: str) -> bool:
        token = self._peek()
        if token.kind == "symbol" and token.text == symbol:
            self._next += 1
            return True
        return False

    def _symbol(self, symbol: str) -> None:
        if not self._takes_symbol(symbol):
            self._unexpected()

    def _unexpected(self) -> NoReturn:
        token = self._peek()
        where = "at its end" if token.kind == "end" else f"at '{token.text}', character {token.start + 1}"
        raise invalid_input(
            f"Invalid partition expression! Unsupported expression '{self._expression}' {where}"
        )


def _family(key: Key) -> str | None:
    return partition_keys.family(key.type)


def _is_null(index: int, key: Key) -> Condition:
    # A string key reads Hive's name for NULL as any other text.
    return Compare(index, "=", partition_keys.HIVE_DEFAULT) if _family(key) == "string" else IsNull(index)


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote + quote, quote)


def _tokens(expression: str) -> list[_Token]:
    found = []
    position = 0
    end = len(expression.rstrip())
    while position < end:
        match = _TOKEN.match(expression, position, end)
        if match is None or match.lastgroup is None:
            character = expression[position:end].lstrip()[:1]
            raise invalid_input(
                f"Invalid partition expression! Unsupported expression '{expression}' at '{character}'"
            )
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    found.append(_Token("end", "", end))
    return found
