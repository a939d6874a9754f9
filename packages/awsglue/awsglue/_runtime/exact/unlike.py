"""SQL text in which doubles stand beside decimals, or order rows: made such that the engine does as Spark does.

Owns no state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime.exact import comparisons, decimals
from awsglue._runtime.exact.arithmetic import FLOATING
from awsglue._runtime.exact.operands import Insertions, signed
from awsglue._runtime.exact.sql_kinds import DECIMALS, kinds_of_node
from awsglue._runtime.exact.sql_types import Types, type_of, types_of_names
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.tokens import Word

Span = tuple[int, int]
_ORDER_ENDS = frozenset(
    "LIMIT ROWS RANGE UNION INTERSECT EXCEPT OFFSET ORDER SORT WINDOW HAVING WITH GROUPING".split()
)


def check(
    text: str, parsed: Any, columns: dict[str, set[str]], names: decimals.Names, made: Insertions
) -> None:
    """Insert what comparisons and orders need. Raises EngineRefused."""
    types = types_of_names(names)
    for each in comparisons.found(made.tokens):
        _compared(text, each, columns, types, made)
    if any("double" in kinds for kinds in columns.values()) or "DOUBLE" in text.upper():
        _ordered(text, parsed, columns, made)
        _negated(text, types, made)
        _grouped(text, types, made.tokens)


def _compared(
    text: str, each: comparisons.Comparison, columns: dict[str, set[str]], types: Types, made: Insertions
) -> None:
    nodes = [_parsed(text, made.tokens, span) for span in each.operands]
    kinds = [None if node is None else type_of(node, types) for node in nodes]
    if each.is_list:
        comparisons.check_list(kinds, [comparisons.text_of(node) for node in nodes])
    rough = [set() if node is None else kinds_of_node(node, columns) for node in nodes]
    if not any(kind & DECIMALS for kind in rough) and not any(kind & {"date", "timestamp"} for kind in rough):
        return
    for place, kind in enumerate(kinds):
        if kind is None and "double" in rough[place] and not rough[place] & DECIMALS:
            kinds[place] = "double"
    unknown = [place for place, kind in enumerate(kinds) if kind is None]
    if any("double" in rough[place] for place in unknown) or (
        any(kind in FLOATING for kind in kinds) and any(rough[at] & DECIMALS for at in unknown)
    ):
        raise EngineRefused(
            "decimals beside doubles in a comparison in SQL",
            f"types of {_texts(text, each, made)} cannot be told",
        )
    for place, wanted in enumerate(comparisons.needed(kinds)):
        if not wanted:
            continue
        span = each.operands[place]
        if comparisons.is_literal(nodes[place]):
            made.around(span, "", "D")
        else:
            made.around(span, *comparisons.as_double(str(kinds[place])))


def _negated(text: str, types: Types, made: Insertions) -> None:
    """The sign before a double: -1 times it, for the engine's NaN would have a sign, too."""
    for first, last in signed(made.tokens):
        kind = type_of(_parsed(text, made.tokens, (first + 1, last)), types)
        if kind in FLOATING:
            made.around((first, last), "(", ")")
            made.around((first + 1, last), f"CAST(1 AS {kind}) * ", "")


def _grouped(text: str, types: Types, tokens: list[Word]) -> None:
    """Keys of groups that are arrays of doubles, or products and sums of them: there are NaNs of both signs."""
    from sqlglot import exp

    for at, word in enumerate(tokens):
        if word.text != "BY" or not at or tokens[at - 1].text != "GROUP":
            continue
        for span in keys_from(tokens, at + 1):
            node = _parsed(text, tokens, span)
            kind = None if node is None else type_of(node, types)
            computed = kind in FLOATING and node.find(exp.Mul, exp.Div, exp.Add, exp.Sub)
            if computed or str(kind).startswith(("array<double", "array<float")):
                raise EngineRefused("GROUP BY of computed doubles or arrays of doubles")


def _texts(text: str, each: comparisons.Comparison, made: Insertions) -> str:
    tokens = made.tokens
    return " and ".join(text[tokens[first].start : tokens[last].end][:60] for first, last in each.operands)


def _ordered(text: str, parsed: Any, columns: dict[str, set[str]], made: Insertions) -> None:
    """-0.0 stands beside 0.0 in Spark's order and is one key with it; the engine's windows and sorts part them."""
    tokens = made.tokens
    shown = getattr(parsed, "selects", [])
    for at, word in enumerate(tokens):
        if word.text != "BY" or not at or tokens[at - 1].text not in ("ORDER", "PARTITION", "SORT"):
            continue
        in_window = _in_window(tokens, at)
        keys = list(keys_from(tokens, at + 1))
        # Where nothing comes behind a key, the order of equal ones is no order that Spark promises.
        for span in keys if in_window else keys[:-1]:
            node = _parsed(text, tokens, span)
            if node is None:
                continue
            if node.is_int and not in_window and 0 < int(node.name) <= len(shown):
                if "double" in kinds_of_node(shown[int(node.name) - 1], columns):
                    raise EngineRefused("ORDER BY the place of a double", "name the column")
                continue
            if "double" in kinds_of_node(node, columns) and not _is_exact(node, columns):
                made.around(span, "(", " + 0D)")


def _is_exact(node: Any, columns: dict[str, set[str]]) -> bool:
    """Whether the column may be something else than a double, too."""
    return bool(kinds_of_node(node, columns) & (DECIMALS | {"string", "date", "timestamp"}))


def _in_window(tokens: list[Word], at: int) -> bool:
    depth = tokens[at].depth
    opening = next((back for back in range(at, -1, -1) if tokens[back].depth < depth), None)
    return opening is not None and opening > 0 and tokens[opening - 1].text in ("OVER", "AS")


def keys_from(tokens: list[Word], at: int) -> Iterator[Span]:
    """The keys from here on, without their directions."""
    depth = tokens[at].depth if at < len(tokens) else 0
    begin = at
    while True:
        word = tokens[at] if at < len(tokens) else None
        over = word is None or word.depth < depth or (word.depth == depth and word.text in _ORDER_ENDS)
        if over or (word is not None and word.depth == depth and word.text == ","):
            last = at - 1
            while last > begin and tokens[last].text in ("ASC", "DESC", "NULLS", "FIRST", "LAST"):
                last -= 1
            if last >= begin:
                yield begin, last
            begin = at + 1
        if over:
            return
        at += 1


def _parsed(text: str, tokens: list[Word], span: Span) -> Any:
    """The parsed operand; None for what is none."""
    import sqlglot

    if span[1] < span[0]:
        return None
    piece = text[tokens[span[0]].start : tokens[span[1]].end]
    try:
        return sqlglot.parse_one(f"SELECT {piece}", read="spark").expressions[0]
    except (sqlglot.errors.SqlglotError, IndexError):
        return None
