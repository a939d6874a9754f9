"""A query for the engine: its tables found, its functions checked, its dialect turned into DuckDB's.

Only what is known to mean the same is let through; an unknown function fails by name instead of meaning
something else. Pure functions over trees; owns no state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from mastic.athena.failures import QueryFailure, not_supported

# Functions that sqlglot keeps by name and that DuckDB knows by the same name and meaning.
_SAME_BY_NAME = frozenset(
    """abs acos asin atan atan2 bit_count cbrt ceil ceiling chr codepoint cos cosh covar_pop covar_samp degrees
    exp floor greatest least length levenshtein_distance ln log10 log2 lower lpad ltrim md5 mod pi position pow
    power radians regr_intercept regr_slope repeat replace reverse rpad rtrim sha256 sign sin sinh sqrt starts_with
    stddev stddev_pop stddev_samp strpos tan tanh translate trim upper url_decode url_encode var_pop var_samp variance
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
    array_distinct array_intersect array_position array_sort bool_and bool_or every corr kurtosis skewness
    uuid random rand now current_date current_timestamp localtimestamp typeof isnan is_nan is_finite is_infinite
    bitwise_and bitwise_or bitwise_xor checksum""".split()
)

# Trino name → how DuckDB says it, for functions that sqlglot does not translate. {0} is the first argument.
_TEMPLATES: dict[str, str] = {
    "levenshtein_distance": "levenshtein({0}, {1})",
    "codepoint": "ord({0})",
    "is_finite": "isfinite({0})",
    "is_infinite": "isinf({0})",
    "is_nan": "isnan({0})",
    "every": "bool_and({0})",
    "rand": "random()",
    "to_base64": "base64({0})",
    "from_base64": "from_base64({0})",
    "to_hex": "upper(hex({0}))",
    "from_hex": "unhex({0})",
    "to_utf8": "encode({0})",
    "from_utf8": "decode({0})",
    "to_iso8601": "strftime({0}, '%Y-%m-%dT%H:%M:%S.%g')",
    "from_iso8601_date": "CAST({0} AS DATE)",
    "from_iso8601_timestamp": "CAST({0} AS TIMESTAMPTZ)",
    "map_keys": "map_keys({0})",
    "map_values": "map_values({0})",
    "array_max": "list_max({0})",
    "array_min": "list_min({0})",
    "array_sum": "list_sum({0})",
    "array_union": "list_distinct(list_concat({0}, {1}))",
    "array_except": "list_filter(list_distinct({0}), lambda x: NOT list_contains({1}, x))",
    "arrays_overlap": "list_has_any({0}, {1})",
    "slice": "list_slice({0}, {1}, {1} + {2} - 1)",
    "last_day_of_month": "last_day({0})",
    "day_of_month": "day({0})",
    "day_of_year": "dayofyear({0})",
    "doy": "dayofyear({0})",
    "week_of_year": "weekofyear({0})",
    "year_of_week": "isoyear({0})",
    "yow": "isoyear({0})",
    "millisecond": "(millisecond({0}) % 1000)",
    "truncate": "trunc({0})",
    "e": "exp(1.0)",
    "infinity": "CAST('Infinity' AS DOUBLE)",
    "nan": "CAST('NaN' AS DOUBLE)",
    "bitwise_and": "({0} & {1})",
    "bitwise_or": "({0} | {1})",
    "bitwise_xor": "xor({0}, {1})",
    "bitwise_not": "(~{0})",
    "bitwise_left_shift": "({0} << {1})",
    "bitwise_right_shift": "({0} >> {1})",
    "with_timezone": "timezone({1}, {0})",
    "at_timezone": "timezone({1}, {0})",
    "json_parse": "CAST({0} AS JSON)",
    "json_format": "CAST({0} AS VARCHAR)",
    "json_array_length": "json_array_length({0})",
    "histogram": "histogram({0})",
    "geometric_mean": "geomean({0})",
    "approx_percentile": "approx_quantile({0}, {1})",
    "none_match": "(len(list_filter({0}, {1})) = 0)",
    "any_match": "(len(list_filter({0}, {1})) > 0)",
    "all_match": "(len(list_filter({0}, {1})) = len({0}))",
    "reduce": "",
    "zip": "",
}

# Functions which sqlglot knows, but whose DuckDB form means something else or reaches outside.
_REFUSED_CLASSES = frozenset({"ReadCSV", "ReadParquet", "Version", "CurrentSchema", "CurrentCatalog"})

Relation = tuple[str, str]  # database, table: folded


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One mention of a catalog table in a query. ``node`` is its place in the tree.

    ``columns`` are the folded names that the query may want of it; None for all.
    """

    node: exp.Table
    database: str
    name: str
    catalog: str
    predicates: tuple[exp.Expr, ...]
    columns: frozenset[str] | None
    as_of: exp.Expr | None

    @property
    def place(self) -> str:
        """``line 1:15: `` where the mention's position is known."""
        line, column = self.node.this.meta.get("line"), self.node.this.meta.get("col")
        return f"line {line}:{column - len(self.name) + 1}: " if line and column else ""


def references(tree: exp.Expr, default_database: str) -> Iterator[Reference]:
    """Every mention of a table that is not a common table expression, with the conjuncts of its WHERE."""
    starred = any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
    wanted = None if starred else frozenset(c.name.lower() for c in tree.find_all(exp.Column))
    for scope in traverse_scope(tree):
        conjuncts = _conjuncts(scope.expression)
        sources = [s for s in scope.sources.values() if isinstance(s, exp.Table)]
        for node in sources:
            parts = [p.name.lower() for p in node.parts]
            name = parts[-1]
            database = parts[-2] if len(parts) > 1 else default_database
            alias = node.alias_or_name
            mine = tuple(c for c in conjuncts if _only_of(c, alias, len(sources) == 1))
            yield Reference(
                node=node,
                database=database,
                name=name,
                catalog=parts[-3] if len(parts) > 2 else "awsdatacatalog",
                predicates=mine,
                columns=wanted,
                as_of=node.args.get("when") or node.args.get("version"),
            )


def _conjuncts(query: exp.Expr) -> list[exp.Expr]:
    where = query.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]


def _only_of(condition: exp.Expr, alias: str, alone: bool) -> bool:
    columns = list(condition.find_all(exp.Column))
    if not columns or condition.find(exp.Query):
        return False
    return all(c.table == alias or (not c.table and alone) for c in columns)


def partition_expression(predicates: tuple[exp.Expr, ...], keys: dict[str, str]) -> str | None:
    """The part of the predicates that GetPartitions understands, as its Expression; None when there is none.

    ``keys`` are the partition keys' names and Hive types. The filter is applied again in the query itself, so
    leaving a condition out costs time and never an answer.
    """
    parts = [text for p in predicates if (text := _condition(p, keys)) is not None]
    return " AND ".join(parts) or None


_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _condition(node: exp.Expr, keys: dict[str, str]) -> str | None:
    node = node.unnest()
    if type(node) in _OPERATORS:
        left, right, operator = node.this, node.expression, _OPERATORS[type(node)]
        if not isinstance(left, exp.Column):
            left, right, operator = right, left, _MIRRORED.get(operator, operator)
        value = _literal(left, right, keys)
        return None if value is None else f"{left.name} {operator} {value}"
    if isinstance(node, exp.In) and isinstance(node.this, exp.Column) and node.expressions:
        values = [_literal(node.this, e, keys) for e in node.expressions]
        return None if None in values else f"{node.this.name} IN ({', '.join(v for v in values if v)})"
    if isinstance(node, exp.Between):
        low = _literal(node.this, node.args["low"], keys)
        high = _literal(node.this, node.args["high"], keys)
        return None if low is None or high is None else f"{node.this.name} BETWEEN {low} AND {high}"
    return None


def _literal(column: exp.Expr, value: exp.Expr, keys: dict[str, str]) -> str | None:
    if not isinstance(column, exp.Column) or column.name.lower() not in keys:
        return None
    kind = keys[column.name.lower()].lower()
    if isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal) and kind in ("date", "timestamp"):
        value = value.this
    if not isinstance(value, exp.Literal):
        return None
    textual = kind == "string" or kind.startswith(("varchar", "char")) or kind in ("date", "timestamp")
    if textual != value.is_string:
        return None
    return "'" + str(value.this).replace("'", "''") + "'" if value.is_string else str(value.this)


def name_columns(tree: exp.Expr) -> None:
    """Give every unnamed output column the name that Athena gives it: ``_col0``, ``_col1`` …"""
    if not isinstance(tree, exp.Query):
        return
    for query in _branches(tree):
        for i, item in enumerate(query.expressions):
            if not isinstance(item, exp.Alias | exp.Column | exp.Star | exp.Dot):
                item.replace(exp.alias_(item.copy(), f"_col{i}"))
        break


def _branches(tree: exp.Expr) -> Iterator[exp.Select]:
    if isinstance(tree, exp.Select):
        yield tree
    elif isinstance(tree, exp.SetOperation):
        yield from _branches(tree.left)
    elif isinstance(tree, exp.Subquery):
        yield from _branches(tree.this)


def output_names(tree: exp.Expr) -> list[str] | None:
    """The output columns' names in the letters in which they were written; None where a star hides them."""
    for query in _branches(tree):
        names = [item.alias_or_name for item in query.expressions]
        return None if any(_is_star(item) for item in query.expressions) else names
    return None


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


# -- dialect ---------------------------------------------------------------------------------------

Schema = dict[str, object]


def to_duckdb(tree: exp.Expr, schema: Schema, default_database: str, source: str = "trino") -> str:
    """The DuckDB text of a query whose tables are all known.

    ``schema`` is relation → column → DuckDB type. Raises QueryFailure for unknown columns, and for
    functions whose meaning here is not proven.
    """
    _check_functions(tree)
    try:
        typed = qualify(
            tree.transform(_decimal_literal),
            schema=schema,
            db=default_database,
            dialect=source,
            expand_stars=False,
            quote_identifiers=True,
            identify=True,
        )
        typed = annotate_types(typed, schema=schema, dialect=source)
    except OptimizeError as error:
        raise QueryFailure(_semantic(str(error)), kind=1101) from None
    except SqlglotError as error:
        raise QueryFailure(f"SYNTAX_ERROR: {error}") from error
    typed = typed.transform(_rewrite)
    return typed.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)


def _semantic(message: str) -> str:
    if "could not be resolved" in message:
        name = message.split("'")[1] if "'" in message else message
        return (
            f"COLUMN_NOT_FOUND: Column '{name}' cannot be resolved or requester is not authorized to access "
            "requested resources"
        )
    return f"SYNTAX_ERROR: {message}"


def _check_functions(tree: exp.Expr) -> None:
    for node in tree.find_all(exp.Func):
        if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
            name = str(node.this).lower()
            if name not in _SAME_BY_NAME and not _TEMPLATES.get(name):
                raise QueryFailure(
                    f"FUNCTION_NOT_FOUND: function '{name}' is not registered, or Mastic does not have it",
                    kind=1103,
                )
        elif type(node).__name__ in _REFUSED_CLASSES:
            raise not_supported(f"function {node.sql_name().lower()}")


def _decimal_literal(node: exp.Expr) -> exp.Expr:
    """Trino takes ``2.50`` for a decimal(3,2), not for a double."""
    if not (isinstance(node, exp.Literal) and not node.is_string and "." in node.this):
        return node
    if "e" in node.this.lower() or isinstance(node.parent, exp.DataTypeParam | exp.Interval | exp.Limit):
        return node
    whole, _, fraction = node.this.partition(".")
    digits = max(1, len(whole.lstrip("0")) + len(fraction))
    return exp.cast(node.copy(), exp.DataType.build(f"DECIMAL({digits},{len(fraction)})", dialect="duckdb"))


def _rewrite(node: exp.Expr) -> exp.Expr:
    for kind, rewrite in _REWRITES:
        if isinstance(node, kind):
            return rewrite(node)
    return node


def _anonymous(node: exp.Expr) -> exp.Expr:
    template = _TEMPLATES.get(str(node.this).lower())
    if not template:
        return node
    arguments = [f"({a.sql(dialect='duckdb')})" for a in node.expressions]
    try:
        return sqlglot.parse_one(template.format(*arguments), read="duckdb")
    except IndexError:
        raise QueryFailure(f"FUNCTION_NOT_FOUND: too few arguments for function {node.this}") from None


def _division(node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if _is(left, exp.DataType.INTEGER_TYPES) and _is(right, exp.DataType.INTEGER_TYPES):
        return exp.Paren(this=exp.IntDiv(this=left.copy(), expression=right.copy()))
    scale = _decimal_quotient(left, right)
    if scale is not None:
        precision, digits = scale
        target = exp.DataType.build(f"DECIMAL({precision},{digits})", dialect="duckdb")
        quotient = exp.Div(this=exp.cast(left.copy(), "DOUBLE"), expression=exp.Paren(this=right.copy()))
        return exp.Cast(this=quotient, to=target)
    return node


def _decimal_quotient(left: exp.Expr, right: exp.Expr) -> tuple[int, int] | None:
    a, b = _decimal(left), _decimal(right)
    if a is None or b is None or not (_is_decimal(left) or _is_decimal(right)):
        return None
    (p1, s1), (_, s2) = a, b
    return min(38, p1 + s2 + max(0, s2 - s1)), max(s1, s2)


_INTEGER_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}


def _is_decimal(node: exp.Expr) -> bool:
    return node.type is not None and node.type.is_type(exp.DType.DECIMAL)


def _decimal(node: exp.Expr) -> tuple[int, int] | None:
    if node.type is None:
        return None
    if _is_decimal(node):
        parts = [int(e.name) for e in node.type.expressions]
        return (parts[0], parts[1] if len(parts) > 1 else 0) if parts else (38, 0)
    digits = _INTEGER_DIGITS.get(node.type.this.name if isinstance(node.type.this, exp.DType) else "")
    return (digits, 0) if digits else None


def _is(node: exp.Expr, kinds: set[exp.DType]) -> bool:
    return node.type is not None and node.type.is_type(*kinds)


def _average(node: exp.Expr) -> exp.Expr:
    """The average of decimals is a decimal of their type."""
    if _is_decimal(node.this) and node.this.type is not None and node.this.type.expressions:
        return exp.Cast(this=node.copy(), to=node.this.type.copy())
    return node


def _cast(node: exp.Expr) -> exp.Expr:
    """Trino rounds halves away from zero where DuckDB's cast rounds them to even."""
    target = node.args["to"]
    fractional = (exp.DType.DOUBLE, exp.DType.FLOAT)
    if (
        target.is_type(*exp.DataType.INTEGER_TYPES)
        and node.this.type is not None
        and node.this.type.is_type(*fractional)
    ):
        rounded = exp.Round(this=node.this.copy())
        return type(node)(this=rounded, to=target.copy())
    return node


def _format(node: exp.Expr) -> exp.Expr:
    """Trino's format() speaks printf, DuckDB's format() does not."""
    return exp.Anonymous(this="printf", expressions=[node.this.copy(), *[e.copy() for e in node.expressions]])


_REWRITES: tuple[tuple[type[exp.Expr], Callable[[exp.Expr], exp.Expr]], ...] = (
    (exp.Anonymous, _anonymous),
    (exp.Div, _division),
    (exp.Avg, _average),
    (exp.Cast, _cast),
    (exp.Format, _format),
)
