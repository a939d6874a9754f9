"""Casts: texts are read and printed as Trino reads and prints them. Pure functions; owns no state."""

from __future__ import annotations

import re

from sqlglot import exp

from mastic.athena.failures import not_supported
from mastic.athena.text import java_double
from mastic.athena.trees import filled, is_type, known

_NUMBER = r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"
_FRACTIONAL = (exp.DType.DOUBLE, exp.DType.FLOAT)
# What a text must look like to be a value of the type.
_FORMS: tuple[tuple[tuple[exp.DType, ...], str], ...] = (
    (tuple(exp.DataType.INTEGER_TYPES), r"[+-]?[0-9]+"),
    ((exp.DType.BOOLEAN,), r"(?i)t|f|true|false|1|0"),
    (_FRACTIONAL, rf"{_NUMBER}|NaN|[+-]?Infinity"),
    ((exp.DType.DECIMAL,), _NUMBER),
    ((exp.DType.DATE,), r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*"),
    (
        (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ),
        r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?\s*",
    ),
)
# Types whose text is the same in both.
_SAME_TEXT = (
    *exp.DataType.INTEGER_TYPES,
    exp.DType.BOOLEAN,
    exp.DType.DATE,
    exp.DType.DECIMAL,
    exp.DType.NULL,
)
_SAME_NAMES = "'VARCHAR', 'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'BOOLEAN', 'DATE'"

# Java's text of a double: plain between 1e-3 and 1e7, beyond in powers of ten where DuckDB's text has all digits.
_JAVA = (
    "CASE WHEN __0 IS NULL THEN NULL WHEN isnan(__0) THEN 'NaN' "
    "WHEN isinf(__0) THEN CASE WHEN __0 > 0 THEN 'Infinity' ELSE '-Infinity' END "
    "WHEN __0 = 0 OR (abs(__0) >= 0.001 AND abs(__0) < 10000000) THEN CAST(__0 AS VARCHAR) "
    "WHEN abs(__0) >= 10000000 AND strpos(CAST(__0 AS VARCHAR), 'e') = 0 THEN "
    "CASE WHEN __0 < 0 THEN '-' ELSE '' END || substring(CAST(abs(__0) AS VARCHAR), 1, 1) || '.' || "
    "coalesce(nullif(rtrim(replace(substring(CAST(abs(__0) AS VARCHAR), 2), '.', ''), '0'), ''), '0') || 'E' || "
    "(strpos(CAST(abs(__0) AS VARCHAR), '.') - 2) "
    "ELSE error('NOT_SUPPORTED: CAST of so large or so small a number to varchar is not implemented by Mastic') END"
)


def guarded_cast(node: exp.Expr) -> exp.Expr:
    """A CAST or a TRY_CAST."""
    value, target = node.this, node.args["to"]
    if is_type(value, "JSON") or target.is_type("json"):
        raise not_supported("CAST from and to json (json_parse, json_format and json_extract_scalar do it)")
    if target.is_type("char", "nchar"):
        raise not_supported("CAST to char(n)")
    if target.is_type(*exp.DataType.TEXT_TYPES):
        return _to_text(node, value, target)
    if target.is_type("varbinary", "binary") and not is_type(value, "VARBINARY"):
        if value.type is not None and value.type.is_type(*exp.DataType.TEXT_TYPES):
            return filled("encode(__0)", value)
        raise not_supported("this CAST to varbinary")
    if value.type is not None and value.type.is_type(*exp.DataType.TEXT_TYPES):
        return _from_text(node, value, target)
    if (
        target.is_type(*exp.DataType.INTEGER_TYPES)
        and value.type is not None
        and value.type.is_type(*_FRACTIONAL)
    ):
        # Trino rounds halves away from zero where DuckDB's cast rounds them to even.
        return type(node)(this=exp.Round(this=value.copy()), to=target.copy())
    if target.is_type(*exp.DataType.INTEGER_TYPES) and not known(value):
        return filled(
            "CASE WHEN typeof(__0) IN ('VARCHAR', 'DOUBLE', 'FLOAT') THEN "
            "error('NOT_SUPPORTED: CAST of a value whose type is not known here is not implemented by Mastic') "
            "ELSE __1 END",
            value,
            node,
        )
    return node


def _from_text(node: exp.Expr, value: exp.Expr, target: exp.DataType) -> exp.Expr:
    form = next((f for kinds, f in _FORMS if target.is_type(*kinds)), None)
    if form is None:
        return node
    if isinstance(value, exp.Literal) and re.fullmatch(form, value.this):
        return node
    pattern = form.replace("'", "''")
    if isinstance(node, exp.TryCast):
        return filled(f"CASE WHEN regexp_full_match(__0, '{pattern}') THEN __1 END", value, node)
    message = f"INVALID_CAST_ARGUMENT: Cannot cast ''' || __0 || ''' to {target.sql(dialect='trino')}"
    return filled(
        f"CASE WHEN __0 IS NULL THEN NULL WHEN regexp_full_match(__0, '{pattern}') THEN __1 "
        f"ELSE error('{message}') END",
        value,
        node,
    )


def _to_text(node: exp.Expr, value: exp.Expr, target: exp.DataType) -> exp.Expr:
    made = _text(node, value)
    if target.expressions:
        return filled("substring(__0, 1, __1)", made, exp.Literal.number(target.expressions[0].name))
    return made


def _text(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    plain = exp.Cast(this=value.copy(), to=exp.DataType.build("VARCHAR", dialect="duckdb"))
    if not known(value):
        return filled(
            f"CASE WHEN __0 IS NULL THEN NULL WHEN typeof(__0) IN ({_SAME_NAMES}) OR typeof(__0) LIKE 'DECIMAL(%' "
            "THEN __1 ELSE "
            "error('NOT_SUPPORTED: CAST to varchar of a value of unknown type is not implemented by Mastic') END",
            value,
            plain,
        )
    kind = value.type
    assert kind is not None
    if kind.is_type(*exp.DataType.TEXT_TYPES) or kind.is_type(*_SAME_TEXT):
        return plain
    if kind.is_type(*_FRACTIONAL):
        if isinstance(value, exp.Literal):
            return exp.Literal.string(java_double(float(value.this)))
        return filled(_JAVA, value)
    if kind.is_type("timestamp", "timestampntz"):
        return filled("strftime(__0, '%Y-%m-%d %H:%M:%S.%g')", value)
    if kind.is_type("timestamptz"):
        return filled("strftime(__0, '%Y-%m-%d %H:%M:%S.%g') || ' UTC'", value)
    raise not_supported(f"CAST of {kind.sql(dialect='trino').lower()} to varchar")
