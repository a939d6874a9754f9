"""Functions: which mean the same in Trino and in DuckDB, and how the others are said.

The list is positive. What is not in it is refused by name, because a function that only looks alike gives
wrong answers that nobody notices. Pure functions over trees; owns no state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from mastic.athena.casts import guarded_cast
from mastic.athena.dates import DATES
from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.nested import BOTH, DISTINCT, HOLED, NESTED, bracket
from mastic.athena.regexes import REGEXES
from mastic.athena.trees import Rewrite, filled, is_type, sql_name

# Classes of functions (as the parser names them) that mean the same as they stand.
_SAME = frozenset(
    """Abs Acos And Any AnyValue ApproxDistinct Array ArrayAgg ArrayFilter Asin Atan Atan2 Case Cbrt Chr
    Coalesce Concat ConcatWs Cos Count CountIf CovarPop CovarSamp CumeDist CurrentDate CurrentTimestamp Day DayOfMonth
    DayOfWeekIso DayOfYear Degrees DenseRank Encode Exists Exp FirstValue Flatten FromBase64 FromISO8601Date
    FromISO8601Timestamp Greatest Hex Hour If IsNan Lag LastDay LastValue Lead Least Length Ln Localtimestamp
    LogicalAnd LogicalOr Lower MD5Digest Map MapFromEntries MapKeys Minute Mod Month NthValue Ntile
    Nullif Or Pad ParseJSON PercentRank Pi Pow Quarter Radians Rank Replace Reverse RowNumber Second Sin Sqrt StartsWith
    Stddev StddevPop StddevSamp Struct Tan TimeToUnix ToBase64 Transform Translate Try Unhex Unnest Upper Uuid
    Variance VariancePop WeekOfYear Year YearOfWeek""".split()
)
# Those that take more arguments in Trino than their class carries over.
_MOST_ARGUMENTS = {"Max": 1, "Min": 1, "Rand": 0, "UnixToTime": 1, "Trunc": 1, "Ceil": 1, "Floor": 1}

# Functions which the parser keeps by name and which DuckDB knows by the same name and meaning.
_SAME_BY_NAME = frozenset(
    "cosh sinh tanh asin atan atan2 cos acos rank dense_rank covar_samp map_keys map_values map_entries".split()
)

_ANY = (
    "CASE WHEN list_contains({0}, true) THEN {1} WHEN list_count({0}) < len({0}) THEN NULL "
    "WHEN {0} IS NULL THEN NULL ELSE {2} END"
)
_MATCHES = "list_transform(__0, __1)"

# Trino name → how DuckDB says it, for functions that the parser does not know. __0 is the first argument.
_TEMPLATES: dict[str, tuple[int, str]] = {
    "codepoint": (1, "ord(__0)"),
    "is_finite": (1, "isfinite(__0)"),
    "is_infinite": (1, "isinf(__0)"),
    "every": (1, "bool_and(__0)"),
    "from_hex": (1, "unhex(__0)"),
    "from_utf8": (1, "decode(__0)"),
    "array_union": (2, BOTH.format(DISTINCT.format("list_concat(__0, __1)"))),
    "arrays_overlap": (
        2,
        BOTH.format(
            "CASE WHEN list_has_any(__0, __1) THEN true WHEN len(__0) = 0 OR len(__1) = 0 THEN false "
            f"WHEN {HOLED.format('__0')} OR {HOLED.format('__1')} THEN NULL ELSE false END"
        ),
    ),
    "millisecond": (1, "(millisecond(__0) % 1000)"),
    "e": (0, "exp(1.0)"),
    "infinity": (0, "CAST('Infinity' AS DOUBLE)"),
    "nan": (0, "CAST('NaN' AS DOUBLE)"),
    "bitwise_not": (1, "(~__0)"),
    "json_array_length": (1, "CASE WHEN json_type(__0) = 'ARRAY' THEN json_array_length(__0) END"),
    "geometric_mean": (1, "geomean(__0)"),
    "any_match": (2, _ANY.format(_MATCHES, "true", "false")),
    "none_match": (2, _ANY.format(_MATCHES, "false", "true")),
    "all_match": (
        2,
        _ANY.format("list_transform(list_transform(__0, __1), lambda _m: NOT _m)", "false", "true"),
    ),
}


# Where the parser does not know the type that Trino gives, or has another.
_RETURNS: dict[type[exp.Expr], str] = {
    exp.JSONExtractScalar: "VARCHAR",
    exp.RegexpExtract: "VARCHAR",
    exp.RegexpReplace: "VARCHAR",
    exp.SplitPart: "VARCHAR",
    exp.Replace: "VARCHAR",
    exp.Pad: "VARCHAR",
    exp.Format: "VARCHAR",
    exp.Hex: "VARCHAR",
    exp.JSONFormat: "VARCHAR",
    exp.ArrayToString: "VARCHAR",
    exp.Split: "VARCHAR[]",
    exp.RegexpExtractAll: "VARCHAR[]",
    exp.RegexpSplit: "VARCHAR[]",
    exp.UnixToTime: "TIMESTAMPTZ",
    exp.FromISO8601Timestamp: "TIMESTAMPTZ",
    exp.CurrentTimestamp: "TIMESTAMPTZ",
    exp.FromISO8601Date: "DATE",
    exp.DateDiff: "BIGINT",
    exp.Repeat: "UNKNOWN",
}


def function_types(dialect: str) -> dict[type[exp.Expr], Any]:
    """What functions return, for the annotation of a tree."""
    known: dict[type[exp.Expr], Any] = dict(sqlglot.Dialect.get_or_raise(dialect).EXPRESSION_METADATA)
    for kind, name in _RETURNS.items():
        known[kind] = {"returns": exp.DataType.build(name, dialect="duckdb")}
    return known


def check_functions(tree: exp.Expr) -> None:
    """Raise QueryFailure for the first function whose meaning here is not proven."""
    for node in tree.find_all(exp.Func):
        if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
            name = str(node.this).lower()
            if name not in _SAME_BY_NAME and name not in _TEMPLATES and name != "to_iso8601":
                raise QueryFailure(
                    f"FUNCTION_NOT_FOUND: function '{name}' is not registered, or Mastic does not have it",
                    kind=1103,
                )
            continue
        kind = type(node).__name__
        if kind not in _SAME and kind not in FUNCTIONS and kind not in ("Cast", "TryCast"):
            raise not_supported(f"function {sql_name(node)}")
        most = _MOST_ARGUMENTS.get(kind)
        if most is not None and sum(1 for v in node.args.values() if isinstance(v, exp.Expr) or v) > most:
            raise not_supported(f"function {sql_name(node)} with more than {most} arguments")


def anonymous(node: exp.Expr) -> exp.Expr:
    """A function that the parser does not know."""
    name = str(node.this).lower()
    if name == "to_iso8601":
        return _iso(node)
    if name not in _TEMPLATES:
        return node
    count, template = _TEMPLATES[name]
    if len(node.expressions) != count:
        raise QueryFailure(f"FUNCTION_NOT_FOUND: function {name} takes {count} arguments", kind=1103)
    return filled(template, *node.expressions)


def _iso(node: exp.Expr) -> exp.Expr:
    value = node.expressions[0]
    for kind, form in (
        ("DATE", "%Y-%m-%d"),
        ("TIMESTAMP", "%Y-%m-%dT%H:%M:%S.%g"),
        ("TIMESTAMPTZ", "%Y-%m-%dT%H:%M:%S.%gZ"),
    ):
        if is_type(value, kind):
            return filled(f"strftime(__0, '{form}')", value)
    raise not_supported("function to_iso8601 of a value whose type is not known here")


# -- numbers ---------------------------------------------------------------------------------------


def _same(node: exp.Expr) -> exp.Expr:
    return node


def _whole(node: exp.Expr) -> exp.Expr:
    """Of a whole number it is the number itself, of its type."""
    return (
        node.this.copy() if node.this.type and node.this.type.is_type(*exp.DataType.INTEGER_TYPES) else node
    )


def _sign(node: exp.Expr) -> exp.Expr:
    if node.this.type is None or not node.this.type.is_type(*exp.DataType.NUMERIC_TYPES):
        raise not_supported("function sign of a value whose type is not known here")
    if node.this.type.is_type("decimal"):
        raise not_supported("function sign of decimals")
    return exp.Cast(this=node.copy(), to=node.this.type.copy())


def _log(node: exp.Expr) -> exp.Expr:
    base, value = node.this, node.args.get("expression")
    if value is None:
        raise not_supported("function log with one argument")
    if isinstance(base, exp.Literal) and base.this in ("2", "10"):
        return exp.Anonymous(this=f"log{base.this}", expressions=[value.copy()])
    return filled("ln(__1) / ln(__0)", base, value)


# -- text ------------------------------------------------------------------------------------------

# What Java calls whitespace.
_BLANK = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a"
    "\u2028\u2029\u205f\u3000"
)


def _trim(node: exp.Expr) -> exp.Expr:
    if node.args.get("expression") is None:
        made = node.copy()
        made.set("expression", exp.Literal.string(_BLANK))
        return made
    return node


def _substring(node: exp.Expr) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    plain = isinstance(start, exp.Literal) and str(start.this).isdigit() and int(start.this) > 0
    if plain and (length is None or isinstance(length, exp.Literal)):
        return node
    body = "substring(__0, __1)" if length is None else "substring(__0, __1, greatest(__2, 0))"
    guard = "" if length is None else " OR __2 IS NULL"
    arguments = [node.this, start, *([length] if length is not None else [])]
    return filled(
        f"CASE WHEN __0 IS NULL OR __1 IS NULL{guard} THEN NULL "
        f"WHEN __1 = 0 OR __1 < -length(__0) THEN '' ELSE {body} END",
        *arguments,
    )


def _split(node: exp.Expr) -> exp.Expr:
    if node.args.get("limit") is not None:
        raise not_supported("function split with a limit")
    return node


def _split_part(node: exp.Expr) -> exp.Expr:
    return filled(
        "CASE WHEN __2 < 1 THEN error('INVALID_FUNCTION_ARGUMENT: Index must be greater than zero') "
        "ELSE list_extract(str_split(__0, __1), __2) END",
        node.this,
        node.args["delimiter"],
        node.args["part_index"],
    )


def _position(node: exp.Expr) -> exp.Expr:
    if node.args.get("position") is not None or node.args.get("occurrence") is not None:
        raise not_supported("function strpos with an instance")
    return node


def _format(node: exp.Expr) -> exp.Expr:
    """Only what Java's and C's formats share: texts as they are, and whole numbers."""
    import re

    pattern = node.this.this if isinstance(node.this, exp.Literal) else None
    wanted = re.findall(r"%(?:%|0?\d*d|s|.?)", pattern) if pattern is not None else []
    wanted = [w for w in wanted if w != "%%"]
    kinds = [a.type for a in node.expressions]
    fits = pattern is not None and len(wanted) == len(kinds)
    for one, kind in zip(wanted, kinds, strict=False):
        texts = one == "%s" and kind is not None and kind.is_type(*exp.DataType.TEXT_TYPES)
        numbers = one.endswith("d") and kind is not None and kind.is_type(*exp.DataType.INTEGER_TYPES)
        fits = fits and (texts or numbers)
    if not fits:
        raise not_supported("function format other than with %s for varchar and %d for whole numbers")
    return exp.Anonymous(this="printf", expressions=[node.this.copy(), *[e.copy() for e in node.expressions]])


def _listed(node: exp.Expr) -> exp.Expr:
    made = node.copy()
    if made.args.get("on_overflow") is not None:
        raise not_supported("function listagg with ON OVERFLOW")
    if made.args.get("separator") is None:
        made.set("separator", exp.Literal.string(""))
    return made


def _repeat(node: exp.Expr) -> exp.Expr:
    """Trino's repeat makes an array."""
    return filled("list_transform(range(__1), lambda _i: __0)", node.this, node.args["times"])


def _digest(node: exp.Expr) -> exp.Expr:
    length = node.args.get("length")
    if length is None or length.name != "256":
        raise not_supported("function sha512")
    return node


# -- aggregates ------------------------------------------------------------------------------------


def aggregate(node: exp.Expr) -> exp.Expr:
    """An aggregate, with its FILTER and its OVER, as the type that Trino gives it."""
    wrappers = exp.Window | exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup
    if isinstance(node.parent, wrappers) and node.arg_key == "this":
        return node
    base = node
    while isinstance(base, wrappers):
        base = base.this
    target = _aggregate_type(base)
    return node if target is None else exp.Cast(this=node.copy(), to=target)


def _aggregate_type(base: exp.Expr) -> exp.DataType | None:
    if not isinstance(base, exp.Avg | exp.Sum | exp.ApproxQuantile):
        return None
    inner = base.this.expressions[0] if isinstance(base.this, exp.Distinct) else base.this
    kind: exp.DataType | None = inner.type
    if isinstance(base, exp.ApproxQuantile):
        if base.args.get("weight") is not None or base.args.get("accuracy") is not None:
            raise not_supported("function approx_percentile with a weight or an accuracy")
        if kind is None or not kind.is_type(*exp.DataType.NUMERIC_TYPES):
            raise not_supported("function approx_percentile of a value whose type is not known here")
        if not isinstance(base.args.get("quantile"), exp.Literal | exp.Cast):
            raise not_supported("function approx_percentile with other than one literal percentage")
        return exp.DataType.build(kind)
    if kind is None:
        return None
    if kind.is_type("float") or (isinstance(base, exp.Avg) and kind.is_type("decimal") and kind.expressions):
        return exp.DataType.build(kind)
    return None


FUNCTIONS: Mapping[str, Rewrite] = {
    **DATES,
    **REGEXES,
    **NESTED,
    "Sum": aggregate,
    "Avg": aggregate,
    "ApproxQuantile": aggregate,
    "Max": _same,
    "Min": _same,
    "Rand": _same,
    "Trunc": _same,
    "Round": _same,
    "Ceil": _whole,
    "Floor": _whole,
    "Sign": _sign,
    "Log": _log,
    "Trim": _trim,
    "Substring": _substring,
    "Split": _split,
    "SplitPart": _split_part,
    "StrPosition": _position,
    "Format": _format,
    "GroupConcat": _listed,
    "Repeat": _repeat,
    "SHA2Digest": _digest,
}

_BY_CLASS: tuple[tuple[type[exp.Expr], Callable[[exp.Expr], exp.Expr]], ...] = (
    (exp.Anonymous, anonymous),
    (exp.Bracket, bracket),
    (exp.Cast, guarded_cast),
    (exp.Window, aggregate),
    (exp.Filter, aggregate),
)


def rewritten(node: exp.Expr) -> exp.Expr:
    """The node as DuckDB says it; its parts are said in DuckDB's words already."""
    rewrite = FUNCTIONS.get(type(node).__name__)
    if rewrite is not None:
        return rewrite(node)
    for kind, by_class in _BY_CLASS:
        if isinstance(node, kind):
            return by_class(node)
    return node
