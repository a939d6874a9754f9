"""SQL text: divisors that may be -0.0, frames by RANGE, types that Spark does not take. Owns no state."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from awsglue._runtime.exact import frames, type_rules
from awsglue._runtime.exact.arithmetic import FLOATING
from awsglue._runtime.exact.call_texts import parsed_piece
from awsglue._runtime.exact.makers import TextMaker
from awsglue._runtime.exact.operands import Insertions, divisors
from awsglue._runtime.exact.sql_kinds import DECIMALS, kinds_of_node
from awsglue._runtime.exact.sql_types import Types, type_of
from awsglue._runtime.exact.unlike import keys_from
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.tokens import Word

_OPERATORS = {
    "BitwiseNot": "~",
    "Div": "/",
    "Mul": "*",
    "Flatten": "flatten",
    "CountIf": "count_if",
    "EQ": "=",
    "NEQ": "<>",
    "LT": "<",
    "GT": ">",
    "LTE": "<=",
    "GTE": ">=",
    "NullSafeEQ": "<=>",
    "In": "in",
}
_BOUND = re.compile(r"(\S+)\s+(?:PRECEDING|FOLLOWING)", re.IGNORECASE)
_INTERVAL = re.compile(r"INTERVAL\s+'?[^']*?'?\s*([A-Za-z]+)\s+(?:PRECEDING|FOLLOWING)", re.IGNORECASE)


def check(text: str, parsed: Any, columns: dict[str, set[str]], types: Types, made: Insertions) -> None:
    """Insert what divisions and frames need. Raises EngineRefused."""
    _signs(text, made.tokens)
    _nodes(parsed, types)
    _divided(text, columns, types, made)
    _keys(text, columns, types, made)


def _signs(text: str, tokens: list[Word]) -> None:
    """`<<`, `>>` and `::`, which Spark 3.5 does not know."""
    named = {word.text for word in tokens}
    for word, following in pairwise(tokens):
        if word.text == "::":
            raise EngineRefused("the sign ::")
        twice = word.text in "<>" and following.text == word.text and following.start == word.end
        if twice and (word.text == "<" or not named & {"ARRAY", "MAP", "STRUCT"}):
            raise EngineRefused(f"the sign {word.text * 2}")


def _nodes(parsed: Any, types: Types) -> None:
    from sqlglot import exp

    for node in parsed.walk():
        name = _OPERATORS.get(type(node).__name__)
        if name is not None:
            sides = [node.this, node.args.get("expression")] if isinstance(node, exp.Binary) else [node.this]
            type_rules.check(name, [None if side is None else type_of(side, types) for side in sides])
        elif isinstance(node, (exp.Case, exp.If)):
            if not (isinstance(node, exp.Case) and node.this is not None):
                conditions = [item.this for item in node.args.get("ifs") or ()] or [node.this]
                if not (isinstance(node.parent, exp.Case) and isinstance(node, exp.If)):
                    for each in conditions:
                        type_rules.check("if", [type_of(each, types)])
        elif isinstance(node, exp.Filter) and isinstance(node.expression, exp.Where):
            type_rules.check("if", [type_of(node.expression.this, types)])
        elif isinstance(node, exp.TryCast):
            type_rules.check_tried(str(type_of(node.this, types)), node.to.sql("spark").lower())
        elif isinstance(node, (exp.DateAdd, exp.TsOrDsAdd, exp.DateSub)):
            type_rules.check("date_add", [None, type_of(node.expression, types)])
        elif isinstance(node, exp.Anonymous):
            _called(node, types)
        elif isinstance(node, exp.Select) and node.args.get("distinct"):
            for each in node.expressions:
                type_rules.check_key(type_of(each, types), "distinct")


def _called(node: Any, types: Types) -> None:
    """A function that Spark does not know itself: one of the script's own, which may be in Python."""
    from pyspark.sql import functions

    kinds = [str(type_of(each, types)) for each in node.expressions]
    if any("struct<" in kind for kind in kinds) and not hasattr(functions, str(node.this).lower()):
        raise EngineRefused(f"{node.this}() of structs", "null ones would be rows of nulls")


def _divided(text: str, columns: dict[str, set[str]], types: Types, made: Insertions) -> None:
    """What doubles are divided by: by -0.0 they are null in Spark, as by 0.0."""
    from sqlglot import exp

    if not any("double" in kinds for kinds in columns.values()) and "DOUBLE" not in text.upper():
        return
    for sign, span in divisors(made.tokens):
        if span is None:
            raise EngineRefused("a division by what cannot be told apart", "doubles may be divided by -0.0")
        node = parsed_piece(text, made.tokens, span)
        if node is None or isinstance(node, exp.Literal):
            continue
        kind, rough = type_of(node, types), kinds_of_node(node, columns)
        if kind is None and "double" in rough and not rough & (DECIMALS | {"string"}):
            if sign == "%":
                raise EngineRefused("a remainder by doubles whose type cannot be told")
            kind = "double"
        if kind in FLOATING:
            made.around(span, "(", f" + CAST(0 AS {kind}))")


def _keys(text: str, columns: dict[str, set[str]], types: Types, made: Insertions) -> None:
    """Keys of orders and groups: none are maps, and the first of a frame by RANGE keeps within its type."""
    tokens = made.tokens
    for at, word in enumerate(tokens):
        if word.text != "BY" or not at or tokens[at - 1].text not in ("ORDER", "GROUP", "PARTITION", "SORT"):
            continue
        spans = list(keys_from(tokens, at + 1))
        nodes = [parsed_piece(text, tokens, span) for span in spans]
        kinds = [None if node is None else type_of(node, types) for node in nodes]
        for kind in kinds:
            type_rules.check_key(kind, "an order or groups of")
        if tokens[at - 1].text != "ORDER" or not spans:
            continue
        unit, bounds, intervals = _frame(text, tokens, spans[-1][1] + 1)
        kind = kinds[0]
        if kind is None and nodes[0] is not None and kinds_of_node(nodes[0], columns) == {"int"}:
            kind = "int"
        if unit == "ROWS":
            frames.check_rows(bounds)
        elif unit == "RANGE" and kind is not None:
            for interval in intervals:
                frames.check_interval(kind, interval)
            piece = text[tokens[spans[0][0]].start : tokens[spans[0][1]].end]
            guard = None if intervals else frames.guarded(piece, kind, bounds, TextMaker())
            if guard is not None:
                before, _, behind = guard.rpartition(piece)
                made.around(spans[0], f"({before}", f"{behind})")


def _frame(text: str, tokens: list[Word], at: int) -> tuple[str, list[str], list[str]]:
    """What a frame behind an order is measured in, its numbers, and the units of its intervals."""
    depth = tokens[at - 1].depth
    while at < len(tokens) and tokens[at].text not in ("ROWS", "RANGE"):
        if tokens[at].depth < depth or tokens[at].text not in ("ASC", "DESC", "NULLS", "FIRST", "LAST"):
            return "", [], []
        at += 1
    if at >= len(tokens):
        return "", [], []
    end = next((n for n in range(at, len(tokens)) if tokens[n].depth < depth), len(tokens))
    piece = text[tokens[at].start : tokens[end - 1].end]
    intervals = _INTERVAL.findall(piece)
    words = [each for each in _BOUND.findall(piece) if each.upper() not in ("UNBOUNDED", "BETWEEN", "AND")]
    return tokens[at].text, [] if intervals else words, intervals
