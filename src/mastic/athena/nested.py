"""Arrays, maps and JSON: Trino's answers for what is missing or NULL. Pure functions; owns no state."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from mastic.athena.failures import not_supported
from mastic.athena.trees import Rewrite, filled, is_type, sql_name

# Keeps the order of first appearance, and one NULL.
DISTINCT = (
    "list_filter({0}, lambda _x, _i: "
    "len(list_filter(({0})[1:_i - 1], lambda _y: _y IS NOT DISTINCT FROM _x)) = 0)"
)
HOLED = "list_count({0}) < len({0})"
BOTH = "CASE WHEN __0 IS NULL OR __1 IS NULL THEN NULL ELSE {} END"

# -- arrays and maps -------------------------------------------------------------------------------


def _template(text: str, *keys: str) -> Rewrite:
    """Fill a template with the arguments that the class keeps under these keys."""

    def rewrite(node: exp.Expr) -> exp.Expr:
        extra = [
            k
            for k, v in node.args.items()
            if isinstance(v, exp.Expr) and not isinstance(v, exp.Boolean) and k not in keys
        ]
        if extra:
            raise not_supported(f"function {sql_name(node)} with more than {len(keys)} arguments")
        return filled(text, *[node.args[k] for k in keys])

    return rewrite


def _size(node: exp.Expr) -> exp.Expr:
    return filled("cardinality(__0)" if is_type(node.this, "MAP") else "len(__0)", node.this)


def _joined(node: exp.Expr) -> exp.Expr:
    kind = node.this.type
    inner = kind.expressions[0] if kind is not None and kind.is_type("array") and kind.expressions else None
    fits = inner is not None and inner.is_type(*exp.DataType.TEXT_TYPES, *exp.DataType.INTEGER_TYPES)
    if not fits and not isinstance(node.this, exp.Split | exp.RegexpExtractAll | exp.RegexpSplit):
        raise not_supported("function array_join other than of whole numbers and of varchar")
    return node


def _slice(node: exp.Expr) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("end")
    if not (isinstance(start, exp.Literal) and isinstance(length, exp.Literal) and int(start.this) > 0):
        raise not_supported("function slice other than from a literal, positive start with a literal length")
    end = int(start.this) + int(length.this) - 1
    return filled(f"list_slice(__0, {start.this}, {end})", node.this)


def _series(node: exp.Expr) -> exp.Expr:
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    if all(e.type is not None and e.type.is_type(*exp.DataType.INTEGER_TYPES) for e in (start, end)):
        steps = "CASE WHEN __0 <= __1 THEN 1 ELSE -1 END" if step is None else "__2"
        return filled(
            f"generate_series(__0, __1, {steps})", start, end, *([step] if step is not None else [])
        )
    if is_type(start, "DATE") and is_type(end, "DATE"):
        steps = (
            "CASE WHEN __0 <= __1 THEN INTERVAL 1 DAY ELSE INTERVAL (-1) DAY END" if step is None else "__2"
        )
        text = f"list_transform(generate_series(__0, __1, {steps}), lambda _d: CAST(_d AS DATE))"
        return filled(text, start, end, *([step] if step is not None else []))
    if is_type(start, "TIMESTAMP") and is_type(end, "TIMESTAMP") and step is not None:
        return node
    raise not_supported("function sequence of these types")


def bracket(node: exp.Expr) -> exp.Expr:
    """``a[i]`` and ``m[k]`` fail where element_at gives NULL."""
    if node.args.get("safe"):
        return node
    value, keys = node.this, node.expressions
    if len(keys) != 1 or isinstance(keys[0], exp.Slice) or is_type(value, "STRUCT"):
        raise not_supported("this subscript")
    key = keys[0].copy()
    index = key
    offset = node.args.get("offset") or 0
    if isinstance(key, exp.Literal) and not key.is_string and not offset:
        index = exp.Literal.number(int(key.this) + 1)
    if is_type(value, "MAP") or (isinstance(key, exp.Literal) and key.is_string):
        return filled(
            "CASE WHEN __0 IS NULL OR __1 IS NULL THEN NULL WHEN list_contains(map_keys(__0), __1) THEN __2 "
            "ELSE error('INVALID_FUNCTION_ARGUMENT: Key not present in map') END",
            value,
            key,
            node,
        )
    return filled(
        "CASE WHEN __0 IS NULL OR __1 IS NULL THEN NULL WHEN __1 BETWEEN 1 AND len(__0) THEN list_extract(__0, __1) "
        "ELSE error('INVALID_FUNCTION_ARGUMENT: Array subscript must be between 1 and the array length') END",
        value,
        index,
    )


# -- JSON ------------------------------------------------------------------------------------------


def _path(node: exp.Expr) -> str:
    text: str = node.expression.sql(dialect="trino").strip("'")
    if "*" in text or ".." in text or not text.startswith("$"):
        raise not_supported(f"the JSON path {text}")
    return text.replace("'", "''")


def _json(node: exp.Expr) -> exp.Expr:
    return filled(f"CASE WHEN json_valid(__0) THEN json_extract(__0, '{_path(node)}') END", node.this)


def _json_scalar(node: exp.Expr) -> exp.Expr:
    path = _path(node)
    return filled(
        f"CASE WHEN json_valid(__0) AND json_type(__0, '{path}') NOT IN ('OBJECT', 'ARRAY') "
        f"THEN json_extract_string(__0, '{path}') END",
        node.this,
    )


NESTED: Mapping[str, Rewrite] = {
    "ArraySize": _size,
    "ArrayToString": _joined,
    "ArraySlice": _slice,
    "GenerateSeries": _series,
    "JSONExtract": _json,
    "JSONExtractScalar": _json_scalar,
    "JSONFormat": _template("CAST(__0 AS VARCHAR)", "this"),
    "ArgMax": _template("arg_max_null(__0, __1)", "this", "expression"),
    "ArgMin": _template("arg_min_null(__0, __1)", "this", "expression"),
    "ArraySort": _template("list_sort(__0)", "this"),
    "ArrayDistinct": _template(DISTINCT.format("__0"), "this"),
    "ArrayMax": _template(f"CASE WHEN NOT ({HOLED.format('__0')}) THEN list_max(__0) END", "this"),
    "ArrayMin": _template(f"CASE WHEN NOT ({HOLED.format('__0')}) THEN list_min(__0) END", "this"),
    "ArrayPosition": _template(BOTH.format("coalesce(list_position(__0, __1), 0)"), "this", "expression"),
    "ArrayContains": _template(
        BOTH.format(
            f"CASE WHEN list_contains(__0, __1) THEN true WHEN {HOLED.format('__0')} THEN NULL ELSE false END"
        ),
        "this",
        "expression",
    ),
}
