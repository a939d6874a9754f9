"""Casts of doubles to text in expressions that a script gives as text: Java writes them otherwise than the engine.

A function in Python does it, so this is for expressions alone: such casts within lambdas, aggregates and statements
with sources are refused. Owns no state.
"""

from __future__ import annotations

from typing import Any

from awsglue._runtime.exact.call_texts import parsed_piece
from awsglue._runtime.exact.makers import TextMaker
from awsglue._runtime.exact.operands import Insertions
from awsglue._runtime.exact.sql_types import Types, type_of
from awsglue._runtime.failures import EngineRefused

_KINDS = {"double": "java_double", "float": "java_float"}
_TEXT = ("STRING", "VARCHAR")


def casts(parsed: Any, types: Types) -> set[int]:
    """The ids of the casts to text whose operands are certain to be doubles, where a function can take them."""
    from sqlglot import exp

    if not isinstance(parsed, exp.Select) or parsed.find(
        exp.From, exp.Lambda, exp.AggFunc, exp.Window, exp.Subquery, exp.Group
    ):
        return set()
    return {
        id(node)
        for node in parsed.find_all(exp.Cast, exp.TryCast)
        if node.to.this == exp.DataType.Type.TEXT and type_of(node.this, types) in _KINDS
    }


def write(text: str, types: Types, count: int, made: Insertions) -> None:
    """Give the operands of these casts to our function. Raises EngineRefused when the text does not show them all."""
    if not count:
        return
    tokens, found = made.tokens, 0
    for index, word in enumerate(tokens[:-1]):
        if word.text not in ("CAST", "TRY_CAST") or tokens[index + 1].text != "(":
            continue
        inside = tokens[index + 1].depth + 1
        close = next(
            at
            for at in range(index + 2, len(tokens))
            if tokens[at].text == ")" and tokens[at].depth == tokens[index + 1].depth
        )
        if [each.text for each in tokens[close - 2 : close]] not in [["AS", kind] for kind in _TEXT]:
            continue
        if tokens[close - 2].depth != inside:
            continue
        span = (index + 2, close - 3)
        kind = type_of(parsed_piece(text, tokens, span), types)
        if kind in _KINDS:
            found += 1
            made.around(span, TextMaker().python(_KINDS[str(kind)], "")[:-1], ")")
    if found != count:
        raise EngineRefused("double values as text in SQL", "they would be written differently")
