"""Checks of SQL text that goes to the engine: the same differences as in `typed`, seen through the parsed statement.

Types of columns are looked up by name in the statement's sources; where that does not tell, literals and casts do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sail import decimals
from awsglue._runtime.sail.functions import CAST_TO, REFUSED, REFUSED_WITH
from awsglue._runtime.sql.tokens import Word, words

Replacement = tuple[int, int, str]
_DECIMALS = {"decimal", "wide decimal"}


def check(text: str, parsed: Any, frames: list[Any]) -> list[Replacement]:
    """Insertions that give functions Spark's type. Raises EngineRefused."""
    from sqlglot import exp

    columns = _columns(frames, parsed)
    sizes = decimals.sizes(frames, parsed)
    for node in parsed.walk():
        if isinstance(node, (exp.Div, exp.Mod)):
            if "decimal" in _kinds(node, columns) and not {"double", "string"} & _kinds(node, columns):
                raise EngineRefused("decimal division in SQL", "the result would have another scale")
        elif isinstance(node, exp.Mul):
            kinds = _kinds(node, columns)
            exact = (
                decimals.exact_product(node, sizes) if "decimal" in kinds and "double" not in kinds else True
            )
            if exact is False or (exact is None and "wide decimal" in kinds):
                raise EngineRefused(
                    "multiplication of wide decimals in SQL", "the result would have another scale"
                )
        elif isinstance(node, exp.Sub) and _kinds(node.this, columns) == _kinds(node.expression, columns) == {
            "date"
        }:
            raise EngineRefused("date minus date in SQL", "use datediff()")
        elif (
            isinstance(node, (exp.Cast, exp.TryCast))
            and node.to.this in (exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR)
        ) or isinstance(node, (exp.Concat, exp.ConcatWs, exp.DPipe)):
            if "double" in _direct_kinds(node, columns):
                raise EngineRefused("double values as text in SQL", "they would be written differently")
        elif isinstance(node, exp.Extract) and str(node.this).lower() in ("dow", "dayofweek_iso", "dow_iso"):
            raise EngineRefused("extract(dow)")
        elif isinstance(node, exp.Intersect) and node.args.get("distinct") is False:
            raise EngineRefused("INTERSECT ALL")
    return _functions(text, columns)


def _functions(text: str, columns: dict[str, set[str]]) -> list[Replacement]:
    tokens = words(text)
    out: list[Replacement] = []
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
            close = _closing(tokens, index + 1)
            out += [
                (word.start, word.start, "CAST("),
                (close.end, close.end, f" AS {CAST_TO[name].upper()})"),
            ]
    return out


def _closing(tokens: list[Word], opening: int) -> Word:
    depth = tokens[opening].depth
    return next(word for word in tokens[opening + 1 :] if word.text == ")" and word.depth == depth)


def _columns(frames: list[Any], parsed: Any) -> dict[str, set[str]]:
    """Type kinds of column names: of the sources, then of aliases in the statement itself."""
    from sqlglot import exp

    columns: dict[str, set[str]] = {}
    for frame in frames:
        for item in frame.schema.fields:
            columns.setdefault(item.name.lower(), set()).update(_kinds_of(item.dataType.simpleString()))
    # The innermost first: the others are made of them.
    for alias in reversed(list(parsed.find_all(exp.Alias))):
        name, kinds = alias.alias.lower(), _kinds(alias.this, columns)
        columns[name] = columns[name] | kinds & _DECIMALS if name in columns else kinds
    for name, expression in _positional(parsed):
        columns.setdefault(name, set()).update(_kinds(expression, columns) & _DECIMALS)
    return columns


def _positional(parsed: Any) -> Iterator[tuple[str, Any]]:
    """(name, expression) of columns that have their names by their position: in lists of names, and in unions."""
    from sqlglot import exp

    for table in parsed.find_all(exp.TableAlias):
        query = table.parent.this if table.parent else None
        if isinstance(query, exp.Query):
            for column, expression in zip(table.columns, query.selects, strict=False):
                yield column.name.lower(), expression
    for union in parsed.find_all(exp.SetOperation):
        for branch in (union.this, union.expression):
            if isinstance(branch, exp.Query):
                for name, expression in zip(union.named_selects, branch.selects, strict=False):
                    yield name.lower(), expression


def _kinds_of(name: str) -> set[str]:
    """The kind of a type; decimals of more than 18 digits are "wide decimal" too."""
    kind = _kind(name)
    digits = name.partition("(")[2].split(",")[0].strip(" )")
    return {kind, "wide decimal"} if kind == "decimal" and digits.isdigit() and int(digits) > 18 else {kind}


def _kind(name: str) -> str:
    bare = name.split("(")[0].split("<")[0]
    if bare in ("tinyint", "smallint", "int", "bigint", "boolean"):
        return "int"
    return "double" if bare == "float" else bare


def _direct_kinds(node: Any, columns: dict[str, set[str]]) -> set[str]:
    """Kinds of a node's own operands, where they are columns, literals, casts or arithmetic."""
    from sqlglot import exp

    found: set[str] = set()
    operands = node.expressions if isinstance(node, (exp.Concat, exp.ConcatWs)) else [node.this]
    if isinstance(node, exp.DPipe):
        operands = [node.this, node.expression]
    for operand in operands:
        found |= _kinds(operand, columns)
    return found


def _kinds(node: Any, columns: dict[str, set[str]]) -> set[str]:
    """The kinds of values an expression is made of."""
    from sqlglot import exp

    if isinstance(node, exp.Column):
        return columns.get(node.name.lower(), set())
    if isinstance(node, exp.Literal):
        if node.is_string:
            return {"string"}
        text = str(node.this).lower()
        return {"double"} if "e" in text or text.endswith("d") else {"decimal"} if "." in text else {"int"}
    if isinstance(node, (exp.Cast, exp.TryCast)):
        return _kinds_of(node.to.sql("spark").lower())
    if isinstance(node, exp.Sum):
        inner = _kinds(node.this, columns)
        return inner | {"wide decimal"} if "decimal" in inner else inner
    if isinstance(node, exp.Count):
        return {"int"}
    if isinstance(node, (exp.Case, exp.If)):
        branches = [item.args.get("true") for item in node.args.get("ifs", ())] or [node.args.get("true")]
        branches.append(node.args.get("default") or node.args.get("false"))
        return set().union(*[_kinds(item, columns) for item in branches if item is not None])
    if isinstance(node, (exp.Length, exp.DateDiff, exp.Year, exp.Month, exp.Day)):
        return {"int"}
    if isinstance(node, exp.Div):
        inner = set().union(*[_kinds(item, columns) for item in (node.this, node.expression)])
        return inner if inner & {"decimal"} else {"double"}
    found: set[str] = set()
    for child in node.iter_expressions():
        if isinstance(child, exp.Expression) and not isinstance(
            child, (exp.Identifier, exp.DataType, exp.Window)
        ):
            found |= _kinds(child, columns)
    return found


def names_current_database(text: str) -> bool:
    """Whether a statement asks for the current database, schema or catalog."""
    named = {word.text.lower() for word in words(text)}
    return bool(named & {"current_database", "current_schema", "current_catalog"})
