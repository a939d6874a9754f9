"""Where the operands of arithmetic stand in SQL text, and the text with the operations that decimals need. No state.

Parsed statements do not say where their parts stand, and writing a statement anew from its parse could change it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from awsglue._runtime.exact.arithmetic import casts
from awsglue._runtime.sql.tokens import Word, words

_ADDED, _MULTIPLIED = ("+", "-"), ("*", "/", "%", "DIV")
_ENDS_LEFT = frozenset(
    "( , = < > <= >= <> != <=> || | & ^ ~ SELECT DISTINCT ALL AND OR NOT WHEN THEN ELSE BETWEEN IN LIKE RLIKE IS ON"
    " WHERE HAVING BY CASE FROM USING VALUES INTERVAL ! => -> LIMIT OFFSET SET RETURN ILIKE ESCAPE".split()
)


class Operation(NamedTuple):
    """A binary operation: its sign, and where its operands stand (first and last word)."""

    sign: str
    left: tuple[int, int]
    right: tuple[int, int]


class Unclear(Exception):
    """The operands cannot be told."""


def operations(tokens: list[Word]) -> Iterator[Operation]:
    """All binary + - * / in the text. Raises Unclear."""
    for index, word in enumerate(tokens):
        if word.text not in ("+", "-", "*", "/") or not _is_binary(tokens, index):
            continue
        weak = word.text in _ADDED
        yield Operation(
            word.text, (_begin(tokens, index, weak), index - 1), (index + 1, _end(tokens, index, weak))
        )


def divisors(tokens: list[Word]) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """(sign, first and last word) of what stands behind each / and %; None where that cannot be told."""
    for index, word in enumerate(tokens):
        if word.text not in ("/", "%") or not _is_binary(tokens, index):
            continue
        try:
            yield word.text, (index + 1, _primary_end(tokens, index + 1))
        except Unclear:
            yield word.text, None


def signed(tokens: list[Word]) -> Iterator[tuple[int, int]]:
    """(its place, the last word of what it stands before) of all signs - that are not within numbers."""
    for index, word in enumerate(tokens[:-1]):
        if word.text != "-" or _is_binary(tokens, index) or tokens[index + 1].text[0].isdigit():
            continue
        try:
            yield index, _primary_end(tokens, index + 1)
        except Unclear:
            continue


def _is_operand_end(word: Word) -> bool:
    return word.text not in (*_ADDED, *_MULTIPLIED) and (
        word.text in (")", "]", "END") or word.text not in _ENDS_LEFT
    )


def _is_binary(tokens: list[Word], index: int) -> bool:
    """Not a sign, and not the star of `*` or `count(*)` or `t.*`."""
    if index == 0 or index + 1 == len(tokens) or not _is_operand_end(tokens[index - 1]):
        return False
    is_star = tokens[index].text == "*" and tokens[index + 1].text in (")", ",", "FROM")
    return not is_star and tokens[index - 1].text != "."


def _begin(tokens: list[Word], index: int, weak: bool) -> int:
    """The first word of the left operand."""
    depth, at, cases = tokens[index].depth, index - 1, 0
    while at >= 0:
        word = tokens[at]
        if word.depth == depth and word.text == "END":
            cases += 1
        elif word.depth == depth and word.text == "CASE" and cases:
            cases -= 1
        elif not cases and (word.depth < depth or (word.depth == depth and _stops_left(tokens, at, weak))):
            break
        at -= 1
    if at + 1 >= index:
        raise Unclear
    return at + 1


def _stops_left(tokens: list[Word], at: int, weak: bool) -> bool:
    text = tokens[at].text
    if text == "(":
        # The bracket of a function's arguments, or around an operand.
        return False
    if text in _ADDED:
        # The sign of a product's first factor may as well stand before the product.
        return not weak
    return text in _ENDS_LEFT


def _end(tokens: list[Word], index: int, weak: bool) -> int:
    """The last word of the right operand: a primary, or behind + and - a product of them."""
    at = _primary_end(tokens, index + 1)
    while weak and at + 1 < len(tokens) and tokens[at + 1].text in _MULTIPLIED:
        at = _primary_end(tokens, at + 2)
    return at


def _primary_end(tokens: list[Word], at: int) -> int:
    while at < len(tokens) and tokens[at].text in _ADDED:
        at += 1
    if at >= len(tokens) or (tokens[at].text in _ENDS_LEFT and tokens[at].text not in ("(", "CASE")):
        raise Unclear
    if tokens[at].text == "CASE":
        at = _matching(tokens, at, "END")
    elif tokens[at].text == "(":
        at = _matching(tokens, at, ")")
    while at + 1 < len(tokens):
        following = tokens[at + 1].text
        if following == "(":
            at = _matching(tokens, at + 1, ")")
        elif following == ".":
            at += 2
        elif following in ("OVER", "FILTER") and at + 2 < len(tokens) and tokens[at + 2].text == "(":
            at = _matching(tokens, at + 2, ")")
        elif following == "[":
            at = _matching(tokens, at + 1, "]")
        elif following == "::" and at + 2 < len(tokens):
            at += 2
        elif tokens[at + 1].text[:1] in "'\"":
            raise Unclear
        else:
            break
    return at


def _matching(tokens: list[Word], opening: int, closing: str) -> int:
    depth, nested = tokens[opening].depth, 0
    for at in range(opening + 1, len(tokens)):
        if tokens[at].depth == depth:
            if tokens[at].text == {"END": "CASE", "]": "["}.get(closing):
                nested += 1
            elif tokens[at].text == closing:
                if not nested:
                    return at
                nested -= 1
    raise Unclear


class Insertions:
    """Pieces of text to be put at places of a statement. Those that enclose more are outside, then the later ones."""

    def __init__(self, text: str) -> None:
        self._tokens = words(text)
        # place -> [(how much is enclosed, order of coming, text)]
        self._openings: dict[int, list[tuple[int, int, str]]] = {}
        self._closings: dict[int, list[tuple[int, int, str]]] = {}
        self._count = 0

    @property
    def tokens(self) -> list[Word]:
        return self._tokens

    def around(self, span: tuple[int, int], before: str, after: str) -> None:
        """Enclose these words."""
        start, end = self._tokens[span[0]].start, self._tokens[span[1]].end
        self._count += 1
        self._openings.setdefault(start, []).append((start - end, -self._count, before))
        self._closings.setdefault(end, []).append((end - start, self._count, after))

    def operation(self, found: Operation, left: Any, right: Any) -> bool:
        """Make this operation (+ - /) of two decimals Spark's; False when that is beyond the engine."""
        wanted = casts(found.sign, left, right)
        if wanted is None:
            return False
        both = (found.left[0], found.right[1])
        for kind in (wanted.middle, wanted.result):
            if kind is not None:
                self.around(both, "CAST(", f" AS {kind})")
        self.around(found.left, "CAST(", f" AS {wanted.left})")
        self.around(found.right, "CAST(", f" AS {wanted.right})")
        return True

    def replacements(self) -> list[tuple[int, int, str]]:
        """(place, place, text) for each place."""
        out: dict[int, str] = {}
        for place, pieces in self._closings.items():
            out[place] = "".join(piece for _, _, piece in sorted(pieces))
        for place, pieces in self._openings.items():
            out[place] = out.get(place, "") + "".join(piece for _, _, piece in sorted(pieces))
        return [(place, place, text) for place, text in out.items()]
