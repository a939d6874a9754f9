"""Checks of SQL text that goes to the engine: the same differences as in `typed`, seen through the parsed statement.

Types of columns are looked up by name in the statement's sources; where that does not tell, literals and casts do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from awsglue._runtime.exact import (
    call_texts,
    decimals,
    java_texts,
    record_texts,
    subqueries,
    text_rules,
    unlike,
)
from awsglue._runtime.exact.arithmetic import FLOATING, as_decimal, decimal_of, is_exact, unbounded
from awsglue._runtime.exact.functions import CAST_TO, DATE_TEXT, NUMBER_TEXTS, REFUSED, REFUSED_WITH
from awsglue._runtime.exact.operands import Insertions, Operation, Unclear, operations
from awsglue._runtime.exact.sql_kinds import DECIMALS, branches, columns_of, direct_kinds, kinds_of_node
from awsglue._runtime.exact.sql_types import Types, literal_decimal, operand, type_of, types_of_names
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.tokens import Word, words

Replacement = tuple[int, int, str]


def check(
    text: str, parsed: Any, frames: list[Any], tables: dict[str, set[str]] | None = None
) -> list[Replacement]:
    """Insertions that give functions Spark's type. `tables` are the columns of tables. Raises EngineRefused."""
    from sqlglot import exp

    names = decimals.Names.of(frames, parsed)
    columns, types = columns_of(names.fields, parsed), types_of_names(names)
    ours = java_texts.casts(parsed, types)
    for node in parsed.walk():
        if isinstance(node, exp.Mod):
            if "decimal" in kinds_of_node(node, columns):
                raise EngineRefused("decimal remainder in SQL", "the result would have another type")
        elif isinstance(node, exp.Neg):
            if not isinstance(node.this, exp.Literal) and "decimal" in kinds_of_node(node.this, columns):
                raise EngineRefused(
                    "a decimal with another sign in SQL", "its places would be taken for others"
                )
        elif isinstance(node, exp.Sub):
            sides = (node.this, node.expression)
            if all(kinds_of_node(each, columns) == {"date"} for each in sides) or all(
                type_of(each, types) == "date" for each in sides
            ):
                raise EngineRefused("date minus date in SQL", "use datediff()")
        elif isinstance(node, (exp.If, exp.Case)):
            kinds = {type_of(each, types) for each in branches(node)}
            if "string" in kinds and kinds & FLOATING:
                raise EngineRefused("double values beside texts in SQL", "they would be written differently")
        elif (
            isinstance(node, (exp.Cast, exp.TryCast))
            and node.to.this in (exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR)
        ) or isinstance(node, (exp.Concat, exp.ConcatWs, exp.DPipe)):
            if id(node) in ours:
                continue
            if "double" in direct_kinds(node, columns) or _floating(node, types):
                raise EngineRefused("double values as text in SQL", "they would be written differently")
        elif isinstance(node, exp.Extract) and str(node.this).lower() in ("dow", "dayofweek_iso", "dow_iso"):
            raise EngineRefused("extract(dow)")
        elif isinstance(node, exp.Intersect) and node.args.get("distinct") is False:
            raise EngineRefused("INTERSECT ALL")
    record_texts.check_text(parsed, types)
    subqueries.check(parsed, columns, tables or {})
    made = Insertions(text)
    call_texts.check(text, parsed, call_texts.Known(columns, types_of_names(names)), made)
    _functions(text, columns, made)
    _dates(text, columns, made)
    _tried_numbers(text, columns, made)
    java_texts.write(text, types, len(ours), made)
    if any(isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div)) for node in parsed.walk()):
        _arithmetic(text, columns, names, made)
    unlike.check(text, parsed, columns, names, made)
    text_rules.check(text, parsed, columns, types_of_names(names), made)
    return made.replacements()


def _floating(node: Any, types: Types) -> bool:
    """Whether an operand is known to be a double or a float, as a struct's field may be."""
    operands = [node.this, node.args.get("expression"), *node.expressions]
    return any(type_of(each, types) in FLOATING for each in operands if each is not None)


def _arithmetic(text: str, columns: dict[str, set[str]], names: decimals.Names, made: Insertions) -> None:
    """Operations on decimals, made such that the engine gives Spark's result. Raises EngineRefused."""
    if not any("decimal" in kinds for kinds in columns.values()) and not _mentions_decimals(made.tokens):
        return
    types, sizes = types_of_names(names), decimals.sizes(names)
    try:
        found = list(operations(made.tokens))
    except Unclear:
        raise EngineRefused(
            "arithmetic beside decimals in SQL", "its operands cannot be told apart"
        ) from None
    for each in found:
        sides = [_parsed(text, made.tokens, span) for span in (each.left, each.right)]
        _operation(each, sides, Known(columns, types, sizes), made)


class Known(NamedTuple):
    """What is known of names: kinds, exact types, sizes."""

    columns: dict[str, set[str]]
    types: Types
    sizes: dict[str, decimals.Size | None]


def _operation(each: Operation, sides: list[Any], known: Known, made: Insertions) -> None:
    kinds = [kinds_of_node(side, known.columns) for side in sides]
    if "decimal" not in kinds[0] | kinds[1]:
        return
    alone = [type_of(side, known.types) for side in sides]
    types = [operand(sides[0], known.types, alone[1]), operand(sides[1], known.types, alone[0])]
    if "double" in types and all(kind in FLOATING or kind is None or as_decimal(kind) for kind in types):
        return
    if "float" in types:
        raise EngineRefused(f"a decimal {each.sign} a float in SQL", "the result would have another type")
    pair = [as_decimal(kind) if kind else None for kind in types]
    if each.sign == "*":
        _product(sides, known)
    if pair[0] is None or pair[1] is None:
        if each.sign != "*" and (each.sign == "/" or "wide decimal" in kinds[0] | kinds[1]):
            raise EngineRefused(
                f"decimals beside {each.sign} in SQL", "the types of its operands cannot be told"
            )
        return
    if not any(decimal_of(str(kind)) for kind in types):
        return
    if each.sign == "*" or is_exact(each.sign, *pair):
        _write_literals(each, sides, pair, made)
    elif not made.operation(each, *pair):
        raise EngineRefused("division of wide decimals in SQL", "the engine has too few digits for it")


def _product(sides: list[Any], known: Known) -> None:
    from sqlglot import exp

    node = exp.Mul(this=sides[0].copy(), expression=sides[1].copy())
    exact = decimals.exact_product(node, known.sizes)
    if exact is False or (exact is None and "wide decimal" in kinds_of_node(node, known.columns)):
        raise EngineRefused("multiplication of wide decimals in SQL", "the result would have another scale")


def _write_literals(each: Operation, sides: list[Any], pair: list[Any], made: Insertions) -> None:
    """A whole number beside a decimal is a decimal of its own digits in Spark, of ten in the engine."""
    for index, span in enumerate((each.left, each.right)):
        written = literal_decimal(sides[index])
        if written is None or not made.tokens[span[1]].text.isdigit():
            continue
        as_engine = [*pair]
        as_engine[index] = as_decimal(str(type_of(sides[index], {})))
        if unbounded(each.sign, *as_engine) != unbounded(each.sign, *pair):
            made.around(span, "", "BD")


def _parsed(text: str, tokens: list[Word], span: tuple[int, int]) -> Any:
    import sqlglot

    piece = text[tokens[span[0]].start : tokens[span[1]].end]
    try:
        return sqlglot.parse_one(f"SELECT {piece}", read="spark").expressions[0]
    except (sqlglot.errors.SqlglotError, IndexError):
        raise EngineRefused(
            "arithmetic beside decimals in SQL", f"{piece[:60]!r} is not understood"
        ) from None


def _mentions_decimals(tokens: list[Word]) -> bool:
    return any(
        word.text in ("DECIMAL", "DEC", "NUMERIC") or ("." in word.text and word.text[0] in "0123456789.")
        for word in tokens
    ) or any(
        word.text == "." and tokens[place + 1].text[:1].isdigit() for place, word in enumerate(tokens[:-1])
    )


def _functions(text: str, columns: dict[str, set[str]], made: Insertions) -> None:
    """Refuses functions, and casts those whose type differs."""
    tokens = made.tokens
    every = set().union(*columns.values()) if columns else set()
    named = {word.text.lower() for word in tokens}
    if named & {"encode", "unhex", "unbase64", "to_binary", "binary"}:
        every.add("binary")
    if named & {"timestamp", "to_timestamp", "current_timestamp", "now"}:
        every.add("timestamp")
    for index, word in enumerate(tokens[:-1]):
        name = word.text.lower()
        if tokens[index + 1].text != "(" or (index and tokens[index - 1].text == "."):
            continue
        if name in REFUSED:
            raise EngineRefused(f"function {name}()", REFUSED[name])
        if name in REFUSED_WITH and REFUSED_WITH[name] in every:
            raise EngineRefused(f"{name}() where {REFUSED_WITH[name]} values may be among its arguments")
        if name == "split" and text[
            tokens[index + 1].end : _closing(tokens, index + 1).start
        ].rstrip().endswith((", ''", ",''", ', ""', ',""')):
            raise EngineRefused("split() with an empty pattern")
        if name in CAST_TO:
            close = tokens.index(_closing(tokens, index + 1))
            made.around((index, close), "CAST(", f" AS {CAST_TO[name].upper()})")


def _dates(text: str, columns: dict[str, set[str]], made: Insertions) -> None:
    """Texts that become dates, brought to what the engine's cast understands as Spark's does."""
    tokens = made.tokens
    pattern, kept = DATE_TEXT
    for index, word in enumerate(tokens[:-1]):
        if tokens[index + 1].text != "(" or (index and tokens[index - 1].text == "."):
            continue
        if word.text not in ("CAST", "TRY_CAST", "TO_DATE", "DATE"):
            continue
        last = tokens.index(_closing(tokens, index + 1)) - 1
        if word.text in ("CAST", "TRY_CAST"):
            if [each.text for each in tokens[last - 1 : last + 1]] != ["AS", "DATE"]:
                continue
            last -= 2
        span = (index + 2, last)
        inside = tokens[index + 1].depth + 1
        if last < index + 2 or any(
            each.text == "," and each.depth == inside for each in tokens[span[0] : span[1] + 1]
        ):
            continue
        if _is_text(_parsed(text, tokens, span), columns):
            made.around(span, "regexp_replace(", f", '{pattern}', '{kept}')")


def _tried_numbers(text: str, columns: dict[str, set[str]], made: Insertions) -> None:
    """Texts that the engine never takes for numbers: TRY_CAST's null for them becomes the failure
    that CAST has, and that is a refusal."""
    tokens = made.tokens
    for index, word in enumerate(tokens[:-1]):
        if word.text != "TRY_CAST" or tokens[index + 1].text != "(":
            continue
        close = tokens.index(_closing(tokens, index + 1))
        inside = tokens[index + 1].depth + 1
        behind = [at for at in range(index, close) if tokens[at].text == "AS" and tokens[at].depth == inside]
        if not behind or tokens[behind[-1] + 1].text not in NUMBER_TEXTS:
            continue
        span = (index + 2, behind[-1] - 1)
        if not _is_text(_parsed(text, tokens, span), columns):
            continue
        given = text[tokens[span[0]].start : tokens[span[1]].end]
        kind = text[tokens[behind[-1] + 1].start : tokens[close].start]
        pattern = NUMBER_TEXTS[tokens[behind[-1] + 1].text]
        failing = f"CASE WHEN {given} RLIKE '{pattern}' THEN CAST({given} AS {kind}) END"
        made.around((index, close), "coalesce(", f", {failing})")


def _is_text(node: Any, columns: dict[str, set[str]]) -> bool:
    """Whether this is certain to be text that is not written in the statement."""
    from sqlglot import exp

    if isinstance(node, exp.Column):
        # An alias of the same name may have brought a decimal.
        return columns.get(node.name.lower(), set()) - DECIMALS == {"string"}
    if isinstance(node, (exp.Cast, exp.TryCast)):
        return node.to.this == exp.DataType.Type.TEXT
    if isinstance(node, (exp.Paren, exp.Trim, exp.Upper, exp.Lower, exp.Substring, exp.Coalesce, exp.Nullif)):
        return _is_text(node.this, columns)
    return isinstance(node, (exp.Concat, exp.RegexpReplace, exp.SplitPart))


def _closing(tokens: list[Word], opening: int) -> Word:
    depth = tokens[opening].depth
    return next(word for word in tokens[opening + 1 :] if word.text == ")" and word.depth == depth)


def names_current_database(text: str) -> bool:
    """Whether a statement asks for the current database, schema or catalog."""
    named = {word.text.lower() for word in words(text)}
    return bool(named & {"current_database", "current_schema", "current_catalog"})
