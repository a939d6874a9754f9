"""Calls in SQL text: judged by the types of their arguments, and written anew where the engine's own would differ.

Judging is done on the statement as it was written; writing anew on what its other changes have made of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from awsglue._runtime.exact import call_rules, comparisons, decimals, exact_calls, patterns
from awsglue._runtime.exact.arithmetic import FLOATING
from awsglue._runtime.exact.makers import TextMaker
from awsglue._runtime.exact.operands import Insertions
from awsglue._runtime.exact.sql_kinds import DECIMALS, branches, columns_of, kinds_of_node
from awsglue._runtime.exact.sql_types import Types, type_of, types_of_names
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.tokens import Word, words

Span = tuple[int, int]
_NUMBERS = frozenset(
    "DECIMAL DEC NUMERIC TINYINT BYTE SMALLINT SHORT INT INTEGER BIGINT LONG FLOAT REAL DOUBLE".split()
)
_SPELT = {
    **{name: name for name in ("tinyint", "smallint", "int", "bigint")},
    "byte": "tinyint",
    "short": "smallint",
    "integer": "int",
    "long": "bigint",
    "real": "float",
}
# Numbers with a point among their arguments become what the others are.
_LIFTED = frozenset({"coalesce", "nvl", "ifnull"})


class Call(NamedTuple):
    """A call in a text: its name, where its brackets stand, and its arguments (first and last word)."""

    name: str
    opening: int
    closing: int
    arguments: list[Span]


class Known(NamedTuple):
    """What is known of names."""

    columns: dict[str, set[str]]
    types: Types

    def kind(self, node: Any) -> str | None:
        return None if node is None else type_of(node, self.types)

    def certain(self, node: Any) -> frozenset[str]:
        """What a value is, if that is known."""
        kind = self.kind(node)
        return frozenset() if kind is None else call_rules.kinds_of_type(kind)

    def kinds(self, node: Any) -> frozenset[str]:
        """All that a value may be: its type, or what it is made of."""
        known = self.certain(node)
        return known or (frozenset() if node is None else frozenset(kinds_of_node(node, self.columns)))

    def check(self, name: str, nodes: list[Any], literals: list[Any]) -> None:
        """Raise EngineRefused for a call of these arguments whose answer would differ."""
        kinds, certain = [self.kinds(node) for node in nodes], [self.certain(node) for node in nodes]
        call_rules.check(name, kinds, literals, certain)


def check(text: str, parsed: Any, known: Known, made: Insertions) -> None:
    """Raise EngineRefused for a call whose answer would differ."""
    tokens = made.tokens
    for call in _calls(tokens):
        if call.name in call_rules.NAMES:
            nodes = [parsed_piece(text, tokens, span) for span in call.arguments]
            if call.name not in _LIFTED or not _lifted(
                call, nodes, [known.kinds(node) for node in nodes], made
            ):
                known.check(call.name, nodes, [_literal(node) for node in nodes])
        if (
            call.arguments
            and tokens[call.arguments[0][0]].text == "DISTINCT"
            and _behind(tokens, call.closing) == "OVER"
        ):
            raise EngineRefused(f"{call.name}(DISTINCT) of windows", "Spark has none")
        if (
            call.name in ("collect_list", "collect_set", "array_agg")
            and _behind(tokens, call.closing) == "OVER"
        ):
            raise EngineRefused(f"{call.name}() of windows", "nulls would be among its members")
    _check_nodes(parsed, known)
    named = [word.text for word in tokens]
    for at, word in enumerate(named):
        if word == "UNPIVOT" or named[at : at + 3] == ["GROUP", "BY", "ALL"]:
            raise EngineRefused("UNPIVOT" if word == "UNPIVOT" else "GROUP BY ALL")
        if word == "-" and named[at + 1 : at + 2] in (["2147483648"], ["9223372036854775808"]):
            raise EngineRefused("the least whole number", "it would have another type")
        if word == "LATERAL" and named[at + 1 : at + 2] != ["VIEW"]:
            raise EngineRefused("a lateral join", "rows without members would be kept")


def _lifted(call: Call, nodes: list[Any], kinds: list[frozenset[str]], made: Insertions) -> bool:
    """Make numbers with a point doubles where the other arguments are; whether there were such."""
    points = [
        place
        for place, node in enumerate(nodes)
        if comparisons.is_literal(node) and "." in str(_literal(node))
    ]
    others = [kind for place, kind in enumerate(kinds) if place not in points]
    if not points or not any("double" in kind for kind in others) or any(kind & DECIMALS for kind in others):
        return False
    for place in points:
        made.around(call.arguments[place], "", "D")
    return True


def _check_nodes(parsed: Any, known: Known) -> None:
    from sqlglot import exp

    for node in parsed.walk():
        if isinstance(node, (exp.RegexpLike, exp.DPipe, exp.Div, exp.Mod, exp.IntDiv)):
            name = {"RegexpLike": "rlike", "DPipe": "||", "Div": "/", "Mod": "%", "IntDiv": "div"}[
                type(node).__name__
            ]
            sides = [node.this, node.expression]
            known.check(name, sides, [_literal(side) for side in sides])
        elif isinstance(node, exp.Case):
            values = branches(node)
            known.check("case", values, [None] * len(values))
        elif isinstance(node, (exp.Cast, exp.TryCast)):
            target = node.to.sql("spark").lower()
            for kind in {known.kind(node.this)} - {None} or known.kinds(node.this):
                call_rules.check_cast(str(kind), target)


def rewritten(text: str, frames: list[Any]) -> str:
    """The statement with the calls that need it made of others. Raises EngineRefused."""
    import sqlglot

    tokens = words(text)
    if not any(
        word.text.lower() in exact_calls.NAMES or word.text in ("CAST", "TRY_CAST", "DISTINCT")
        for word in tokens
    ):
        return text
    try:
        parsed = sqlglot.parse_one(text, read="spark")
    except sqlglot.errors.SqlglotError:
        raise EngineRefused("this statement", "it is not understood") from None
    names = decimals.Names.of(frames, parsed)
    known = Known(columns_of(names.fields, parsed), types_of_names(names))
    return _Writer(text, tokens, known).piece(0, len(tokens) - 1)


class _Writer:
    """Writes pieces of a text anew."""

    def __init__(self, text: str, tokens: list[Word], known: Known) -> None:
        self._text = text
        self._tokens = tokens
        self._known = known

    def piece(self, first: int, last: int) -> str:
        """The words from first to last."""
        if last < first:
            return ""
        out, place, at = "", self._tokens[first].start, first
        while at <= last:
            call = _call_at(self._tokens, at)
            found = self._made(call) if call is not None else self._tested(at, last)
            if found is None:
                at += 1
                continue
            made, end = found
            out += self._text[place : self._tokens[at].start] + made
            place, at = self._tokens[end].end, end + 1
        return out + self._text[place : self._tokens[last].end]

    def _tested(self, at: int, last: int) -> tuple[str, int] | None:
        """`RLIKE 'pattern'`, with the engine's pattern."""
        if self._tokens[at].text not in ("RLIKE", "REGEXP") or at == last:
            return None
        pattern = _literal(parsed_piece(self._text, self._tokens, (at + 1, at + 1)))
        made = None if pattern is None else patterns.translated(pattern, testing=True)
        return None if made is None or made == pattern else (f"RLIKE {TextMaker().literal(made)}", at + 1)

    def _counted(self, call: Call) -> tuple[str, int] | None:
        """count(DISTINCT …) of doubles: -0.0 and 0.0 are one."""
        if self._tokens[call.arguments[0][0]].text != "DISTINCT":
            return None
        nodes = [parsed_piece(self._text, self._tokens, span) for span in call.arguments]
        kinds = [self._known.kind(node) for node in nodes]
        if not any(kind in FLOATING for kind in kinds):
            return None
        pieces = [self.piece(*span).removeprefix("DISTINCT ") for span in call.arguments]
        shown = [
            f"({piece} + CAST(0 AS {kind}))" if kind in FLOATING else piece
            for piece, kind in zip(pieces, kinds, strict=True)
        ]
        return f"count(DISTINCT {', '.join(shown)})", call.closing

    def _made(self, call: Call) -> tuple[str, int] | None:
        if call.name == "count" and call.arguments:
            return self._counted(call)
        if call.name in ("cast", "try_cast"):
            return self._cast(call)
        if call.name not in exact_calls.NAMES or not call.arguments:
            return None
        nodes = [parsed_piece(self._text, self._tokens, span) for span in call.arguments]
        if call.name in exact_calls.TYPED:
            kinds = [self._known.kind(node) for node in nodes]
            pieces = [self.piece(*span) for span in call.arguments]
            literals = [_literal(node) for node in nodes]
            made = exact_calls.made_of_types(call.name, pieces, kinds, literals, TextMaker())
            return f"({made})", call.closing
        distinct = self._tokens[call.arguments[0][0]].text == "DISTINCT"
        kind = self._kind(call.name, nodes[0])
        if call.name in ("greatest", "least"):
            kind = next((each for each in map(self._known.kind, nodes) if each in FLOATING), kind)
        behind = _behind(self._tokens, call.closing) if call.name in exact_calls.AGGREGATES else ""
        over, end = self._over(call.closing) if behind == "OVER" else ("", call.closing)
        arguments = [self.piece(*span) for span in call.arguments]
        made = exact_calls.made(
            call.name, arguments, kind, [_literal(node) for node in nodes], TextMaker(over, self._text)
        )
        if made is None:
            return None
        if distinct and call.name in ("min", "max"):
            return None
        if distinct or behind == "FILTER":
            raise EngineRefused(f"{call.name}() with DISTINCT or FILTER of such values")
        return f"({made})" if made.startswith("CASE") else made, end

    def _kind(self, name: str, node: Any) -> str | None:
        kind = self._known.kind(node)
        if kind is not None and kind != "void":
            return kind
        rough = self._known.kinds(node)
        if "double" in rough and not rough & DECIMALS:
            return "double"
        if rough & DECIMALS and (name in ("avg", "mean", "round") or "double" in rough):
            raise EngineRefused(f"{name}() of what may be decimals", "their type cannot be told")
        if rough == {"string"}:
            return "string"
        return "int" if rough == {"int"} else None

    def _cast(self, call: Call) -> tuple[str, int] | None:
        behind = [
            at
            for at in range(call.opening, call.closing)
            if self._tokens[at].text == "AS"
            and self._tokens[at].depth == self._tokens[call.opening].depth + 1
        ]
        if not behind or self._tokens[behind[-1] + 1].text not in _NUMBERS:
            return None
        span = (call.opening + 1, behind[-1] - 1)
        node = parsed_piece(self._text, self._tokens, span)
        kind = self._known.kind(node)
        if kind is None and self._known.kinds(node) == {"string"}:
            kind = "string"
        target = (
            self._text[self._tokens[behind[-1] + 1].start : self._tokens[call.closing].start].strip().lower()
        )
        target = _SPELT.get(target, target)
        decimal = self._tokens[behind[-1] + 1].text in ("DECIMAL", "DEC", "NUMERIC")
        alone = kind == "string" and _literal(node) is None and call.name == "cast" and not exact_calls.ansi()
        alone = alone and not _is_failing(node)
        if alone and (decimal or target in _SPELT.values() or target in ("float", "double")):
            value = self.piece(*span)
            value = exact_calls.ascii_text(value, TextMaker()) if decimal else value
            return exact_calls.number_of_text(value, target, TextMaker()), call.closing
        if not decimal:
            return None
        if kind == "string" and _literal(node) is None:
            value = exact_calls.ascii_text(self.piece(*span), TextMaker())
            made = (
                f"{self._text[self._tokens[call.opening - 1].start : self._tokens[call.opening].end]}{value}"
            )
            return (
                f"{made} {self._text[self._tokens[behind[-1]].start : self._tokens[call.closing].end]}",
                call.closing,
            )
        if kind not in FLOATING:
            return None
        made = exact_calls.decimal_of_floating(self.piece(*span), str(kind), target, TextMaker())
        return made, call.closing

    def _over(self, closing: int) -> tuple[str, int]:
        at = closing + 2
        if at < len(self._tokens) and self._tokens[at].text == "(":
            at = _closing(self._tokens, at)
        return " " + self._text[self._tokens[closing + 1].start : self._tokens[at].end], at


def parsed_piece(text: str, tokens: list[Word], span: Span) -> Any:
    """The parsed expression that these words are; None for what is none."""
    import sqlglot

    if span[1] < span[0]:
        return None
    piece = text[tokens[span[0]].start : tokens[span[1]].end].removeprefix("DISTINCT ")
    try:
        return sqlglot.parse_one(f"SELECT {piece}", read="spark").expressions[0]
    except (sqlglot.errors.SqlglotError, IndexError):
        return None


def _is_failing(node: Any) -> bool:
    """Whether this is the text that is to make a cast fail."""
    from sqlglot import exp

    return isinstance(node, exp.Concat) and _literal(node.expressions[0]) == "?"


def _literal(node: Any) -> str | None:
    from sqlglot import exp

    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return f"-{node.this.this}"
    if isinstance(node, exp.TryCast) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        # A number with a letter behind it.
        node = node.this
    return str(node.this) if isinstance(node, exp.Literal) else None


def _behind(tokens: list[Word], closing: int) -> str:
    return tokens[closing + 1].text if closing + 1 < len(tokens) else ""


def _calls(tokens: list[Word]) -> Iterator[Call]:
    for at in range(len(tokens)):
        call = _call_at(tokens, at)
        if call is not None:
            yield call


def _call_at(tokens: list[Word], at: int) -> Call | None:
    word = tokens[at]
    if (
        at + 1 >= len(tokens)
        or tokens[at + 1].text != "("
        or not (word.text[0].isalpha() or word.text[0] == "_")
    ):
        return None
    if at and tokens[at - 1].text == ".":
        return None
    closing = _closing(tokens, at + 1)
    depth = tokens[at + 1].depth + 1
    spans, begin = [], at + 2
    for place in range(at + 2, closing + 1):
        if place == closing or (tokens[place].text == "," and tokens[place].depth == depth):
            if place > begin:
                spans.append((begin, place - 1))
            begin = place + 1
    return Call(word.text.lower(), at + 1, closing, spans)


def _closing(tokens: list[Word], opening: int) -> int:
    depth = tokens[opening].depth
    for at in range(opening + 1, len(tokens)):
        if tokens[at].text == ")" and tokens[at].depth == depth:
            return at
    return len(tokens) - 1
