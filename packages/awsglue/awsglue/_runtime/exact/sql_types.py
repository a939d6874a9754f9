"""The exact Spark types of expressions in SQL text, as far as they can be told from names, casts and literals.

None stands for a type that is not known. Owns no state.
"""

from __future__ import annotations

from typing import Any

from awsglue._runtime.exact import lambdas
from awsglue._runtime.exact.arithmetic import (
    FLOATING,
    WIDEST,
    Exact,
    as_decimal,
    bounded,
    decimal_of,
    rounded,
    unbounded,
    wider,
)
from awsglue._runtime.exact.decimals import Names
from awsglue._runtime.exact.sql_kinds import branches

Types = dict[str, "str | None"]
_OPERATORS = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}
_WHOLE = ("tinyint", "smallint", "int", "bigint")
_DOUBLES = (
    "Sqrt",
    "Pow",
    "Exp",
    "Ln",
    "Log",
    "Stddev",
    "StddevSamp",
    "StddevPop",
    "Variance",
    "VariancePop",
    "Corr",
)

# They give texts, whatever they are made of.
_TEXTS = (
    "Upper",
    "Lower",
    "Trim",
    "Initcap",
    "Substring",
    "SubstringIndex",
    "RegexpReplace",
    "RegexpExtract",
    "TimeToStr",
    "UnixToStr",
    "SplitPart",
    "Replace",
    "Repeat",
    "Pad",
    "Hex",
    "MD5",
    "SHA",
    "SHA2",
    "Translate",
    "Concat",
    "ConcatWs",
    "DPipe",
    "ArrayToString",
    "JSONFormat",
    "JSONExtract",
    "JSONExtractScalar",
)

# They give these, whatever they are made of.
_GIVEN = {
    **dict.fromkeys(_DOUBLES, "double"),
    **dict.fromkeys(_TEXTS, "string"),
    **dict.fromkeys("TsOrDsToDate CurrentDate TsOrDsAdd AddMonths LastDay NextDay DateTrunc".split(), "date"),
    **dict.fromkeys("CurrentTimestamp StrToTime TimestampTrunc AtTimeZone FromTimeZone".split(), "timestamp"),
    **dict.fromkeys(
        (
            "Year Quarter Month Day DayOfMonth DayOfWeek DayOfYear WeekOfYear Hour Minute Second DateDiff Length"
            " RowNumber Rank DenseRank"
        ).split(),
        "int",
    ),
}


def types_of_names(names: Names) -> Types:
    """Types by lower-case name: of the sources, then of aliases; None where a name has several."""
    found: Types = {}
    for name, kind in names.fields:
        found[name] = kind if found.get(name, kind) == kind else None
    found |= dict.fromkeys(names.doubtful)
    for alias in [*reversed(names.inner), *names.shown]:
        name = alias.alias.lower()
        if name not in found:
            found[name] = type_of(alias.this, found)
    return found


def type_of(node: Any, types: Types) -> str | None:
    """The type of an expression, or None."""
    from sqlglot import exp

    def of(each: Any) -> str | None:
        return type_of(each, types)

    match node:
        case exp.Column():
            return _of_path(node, types) or types.get(node.name.lower())
        case exp.Null():
            return "void"
        case exp.Literal():
            return "string" if node.is_string else _of_number(str(node.this).lower())
        case exp.Paren() | exp.Neg() | exp.Alias() | exp.Min() | exp.Max() | exp.Abs():
            return of(node.this)
        case exp.Cast() | exp.TryCast():
            return _spelt(node.to.sql("spark").lower())
        case exp.Count():
            return "bigint"
        case exp.Sum() | exp.Avg():
            return _aggregated(of(node.this), average=isinstance(node, exp.Avg))
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div():
            return _combined(_OPERATORS[type(node).__name__], node, of)
        case exp.Coalesce():
            return common([of(node.this), *[of(each) for each in node.expressions]])
        case exp.Case():
            return common([of(each) for each in branches(node)])
        case exp.If():
            return common([of(node.args.get("true")), of(node.args.get("false") or exp.Null())])
        case exp.Round():
            return _rounded(of(node.this), node.args.get("decimals"))
        case exp.Window():
            return of(node.this)
        case exp.Subquery() if isinstance(node.this, exp.Select) and len(node.this.expressions) == 1:
            return of(node.this.expressions[0])
    return _GIVEN.get(type(node).__name__) or _list_of(node, of)


def _of_path(node: Any, types: Types) -> str | None:
    """The type of the struct's field that `a.b` is, where a is no table; None for other names."""
    from sqlglot import exp

    path = [part.name.lower() for part in node.parts]
    if len(path) < 2 or not any((types.get(part) or "").startswith("struct<") for part in path[:2]):
        return None
    tables = {table.alias_or_name.lower() for table in node.root().find_all(exp.Table, exp.Subquery)}
    start = 1 if path[0] in tables else 0
    kind = types.get(path[start])
    for part in path[start + 1 :]:
        kind = lambdas.field(kind, part)
    return kind if len(path) - start > 1 else None


def _list_of(node: Any, of: Any) -> str | None:
    """The type of an array or of a struct's field, or None."""
    from sqlglot import exp

    if isinstance(node, exp.Dot):
        return lambdas.field(of(node.this), node.expression.name)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "map_entries":
        pair = lambdas.members(of(node.expressions[0])) if node.expressions else None
        return f"array<struct<key:{pair[0]},value:{pair[1]}>>" if pair and len(pair) == 2 else None
    if isinstance(node, (exp.Split, exp.RegexpSplit)):
        return "array<string>"
    if isinstance(node, (exp.ArrayAgg, exp.ArrayUniqueAgg)):
        member = of(node.this)
        return member and f"array<{member}>"
    if isinstance(node, (exp.ArrayFilter, exp.ArrayDistinct)):
        return of(node.this)  # type: ignore[no-any-return]
    held = common([of(each) for each in node.expressions]) if isinstance(node, exp.Array) else None
    return held and f"array<{held}>"


def _rounded(kind: str | None, places: Any) -> str | None:
    written = "0" if places is None else str(places)
    exact = decimal_of(kind or "")
    if exact is None or not written.lstrip("-").isdigit():
        return kind if kind in FLOATING else None
    return str(rounded(exact, int(written)))


def literal_decimal(node: Any) -> Exact | None:
    """The decimal type that a whole number in the text becomes beside a decimal: as wide as it is written."""
    from sqlglot import exp

    if isinstance(node, exp.Neg):
        node = node.this
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit():
        return Exact(len(str(int(node.this))), 0)
    return None


def operand(node: Any, types: Types, other: str | None) -> str | None:
    """The type that an operand brings to arithmetic beside an operand of the other type."""
    written = literal_decimal(node)
    if written is not None and other is not None and decimal_of(other):
        return str(written)
    return type_of(node, types)


def _combined(operator: str, node: Any, of: Any) -> str | None:
    kinds = [of(node.this), of(node.expression)]
    if None in kinds:
        return None
    if any(kind in FLOATING for kind in kinds):
        exact = all(kind in (*FLOATING, *_WHOLE) or decimal_of(kind) for kind in kinds)
        return "double" if exact and "double" in kinds else None
    if not any(decimal_of(kind) for kind in kinds):
        if not all(kind in _WHOLE for kind in kinds):
            return None
        return "double" if operator == "/" else max(kinds, key=_WHOLE.index)
    sides = [
        literal_decimal(side) or as_decimal(kind)
        for side, kind in zip((node.this, node.expression), kinds, strict=True)
    ]
    if sides[0] is None or sides[1] is None:
        return None
    return str(bounded(unbounded(operator, sides[0], sides[1])))


def _aggregated(kind: str | None, *, average: bool) -> str | None:
    if kind is None:
        return None
    exact = decimal_of(kind)
    if exact is not None:
        more = (4, 4) if average else (10, 0)
        return str(Exact(min(exact.precision + more[0], WIDEST), min(exact.scale + more[1], WIDEST)))
    if kind in FLOATING or (average and kind in _WHOLE):
        return "double"
    return "bigint" if kind in _WHOLE else None


def common(kinds: list[str | None]) -> str | None:
    """The type of branches, or of rows."""
    known = [kind for kind in kinds if kind is not None and kind != "void"]
    if None in kinds or not known:
        return None
    if len(set(known)) == 1:
        return known[0]
    if "double" in known and all(kind in (*FLOATING, *_WHOLE) or decimal_of(kind) for kind in known):
        return "double"
    if all(kind in _WHOLE for kind in known):
        return max(known, key=_WHOLE.index)
    found = [as_decimal(kind) for kind in known]
    widest = found[0]
    for each in found[1:]:
        if each is None or widest is None:
            return None
        widest = wider(widest, each)
    return None if widest is None else str(widest)


def _of_number(text: str) -> str | None:
    whole, point, fraction = text.partition(".")
    if (whole + fraction).isdigit():
        if not point:
            return "int" if int(whole) < 2**31 else "bigint" if int(whole) < 2**63 else None
        digits = len(str(int(whole + fraction)))
        return str(Exact(max(digits, len(fraction)), len(fraction)))
    return "double" if "e" in text or text.endswith("d") else None


def _spelt(name: str) -> str:
    return {"integer": "int", "long": "bigint", "byte": "tinyint", "short": "smallint"}.get(name, name)
