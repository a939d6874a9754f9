"""Expressions of Connect plans, and of text inside them, as values of a pipeline. Owns no state."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.flow.values import COMPARISONS, DATE_PARTS, Unknown, Value, Values

# Lower-case name -> value; None for a name that stands for several columns.
Columns = dict[str, "Value | None"]
_TYPES = {"integer": "int", "long": "bigint", "double": "double", "date": "date", "string": "string"}
_SPELLINGS = {"integer": "int", "long": "bigint"}


def named(expression: Any, columns: Columns, values: Values) -> tuple[str, Value]:
    """(name, value) of a selected expression; the name is "" when only Spark would know it."""
    if expression.HasField("alias") and len(expression.alias.name) == 1:
        return expression.alias.name[0], of_plan(expression.alias.expr, columns, values)
    if expression.HasField("unresolved_attribute"):
        name = plain_name(expression.unresolved_attribute.unparsed_identifier)
        return name, column(name, columns)
    if expression.HasField("expression_string"):
        return _named_text(expression.expression_string.expression, columns, values)
    return "", of_plan(expression, columns, values)


def plain_name(identifier: str) -> str:
    """The name of a column that is written without what it belongs to."""
    if len(identifier) > 1 and identifier[0] == identifier[-1] == "`":
        inner = identifier[1:-1]
        if "`" not in inner.replace("``", ""):
            return inner.replace("``", "`")
    if "." in identifier or "`" in identifier:
        raise Unknown(f"column {identifier}")
    return identifier


def column(name: str, columns: Columns) -> Value:
    found = columns.get(name.lower())
    if found is None:
        raise Unknown(f"column {name}")
    return found


def of_plan(expression: Any, columns: Columns, values: Values) -> Value:
    """A Connect expression. Raises Unknown."""
    kind = expression.WhichOneof("expr_type")
    if kind == "unresolved_attribute":
        return column(plain_name(expression.unresolved_attribute.unparsed_identifier), columns)
    if kind == "literal":
        return _plan_literal(expression.literal, values)
    if kind == "cast":
        cast = expression.cast
        name = _TYPES.get(cast.type.WhichOneof("kind") or "", "") if cast.HasField("type") else cast.type_str
        name = name.strip().lower()
        if getattr(cast, "eval_mode", 0) not in (0, 1):
            raise Unknown("a cast of another mode")
        return values.cast(of_plan(cast.expr, columns, values), _SPELLINGS.get(name, name))
    if kind == "expression_string":
        return _text(expression.expression_string.expression, columns, values)
    if kind == "unresolved_function":
        function = expression.unresolved_function
        if function.is_distinct or function.is_user_defined_function:
            raise Unknown(function.function_name)
        arguments = [of_plan(item, columns, values) for item in function.arguments]
        return _call(function.function_name.lower(), arguments, values)
    raise Unknown(str(kind))


def _plan_literal(literal: Any, values: Values) -> Value:
    kind = literal.WhichOneof("literal_type")
    if kind == "string":
        return values.string(literal.string)
    if kind == "integer":
        return values.integer(literal.integer)
    if kind == "long":
        return values.cast(values.integer(literal.long), "bigint")
    if kind == "double":
        return values.double(literal.double)
    raise Unknown(f"a literal of type {kind}")


def _call(name: str, arguments: list[Value], values: Values) -> Value:
    count = len(arguments)
    if name in COMPARISONS and count == 2:
        return values.compare(name, *arguments)
    if (name in ("and", "or") and count == 2) or (name in ("not", "!") and count == 1):
        return values.logic("not" if count == 1 else name, arguments)
    if name in ("isnull", "isnotnull") and count == 1:
        return values.missing(arguments[0], wanted=name == "isnull")
    if name == "in" and count > 1:
        return values.among(arguments[0], arguments[1:])
    if name in DATE_PARTS and count == 1:
        return values.date_part(name, arguments[0])
    if name == "coalesce" and count == 2 and arguments[1].sql == "''":
        return values.or_blank(arguments[0])
    raise Unknown(f"{name}()")


def _parsed(text: str) -> Any:
    import sqlglot
    from sqlglot import exp

    if "\\" in text:
        raise Unknown("escapes")
    try:
        parsed = sqlglot.parse_one(f"SELECT {text}", read="spark")
    except sqlglot.errors.SqlglotError:
        raise Unknown("no SQL") from None
    if not isinstance(parsed, exp.Select) or len(parsed.expressions) != 1 or len(_given(parsed)) != 1:
        raise Unknown("more than an expression")
    return parsed.expressions[0]


def _given(node: Any) -> list[str]:
    return [name for name, value in node.args.items() if value]


def _named_text(text: str, columns: Columns, values: Values) -> tuple[str, Value]:
    from sqlglot import exp

    parsed = _parsed(text)
    if isinstance(parsed, exp.Alias):
        return parsed.alias, _of_sql(parsed.this, columns, values)
    return (parsed.name if isinstance(parsed, exp.Column) else ""), _of_sql(parsed, columns, values)


def _text(text: str, columns: Columns, values: Values) -> Value:
    return _of_sql(_parsed(text), columns, values)


def _of_sql(node: Any, columns: Columns, values: Values) -> Value:
    from sqlglot import exp

    def of(item: Any) -> Value:
        return _of_sql(item, columns, values)

    comparisons = {
        exp.EQ: "==",
        exp.NEQ: "!=",
        exp.LT: "<",
        exp.LTE: "<=",
        exp.GT: ">",
        exp.GTE: ">=",
        exp.NullSafeEQ: "<=>",
    }
    if type(node) in comparisons:
        return _with_decimals(comparisons[type(node)], node, of, values)
    match node:
        case exp.Column() if _given(node) == ["this"] and isinstance(node.this, exp.Identifier):
            return column(node.name, columns)
        case exp.Literal() if node.is_string:
            return values.string(node.this)
        case exp.Literal() if node.this.isdigit():
            return values.integer(int(node.this))
        case exp.Neg() if (
            isinstance(node.this, exp.Literal) and not node.this.is_string and node.name.isdigit()
        ):
            return values.integer(-int(node.name))
        case exp.Paren():
            return of(node.this)
        case exp.And() | exp.Or():
            operator = "and" if isinstance(node, exp.And) else "or"
            return values.logic(operator, [of(node.this), of(node.expression)])
        case exp.Not():
            return values.logic("not", [of(node.this)])
        case exp.Is() if isinstance(node.expression, exp.Null):
            return values.missing(of(node.this))
        case exp.In() if set(_given(node)) == {"this", "expressions"}:
            return values.among(of(node.this), [of(item) for item in node.expressions])
        case exp.Cast() | exp.TryCast() if set(_given(node)) <= {"this", "to", "safe", "requires_string"}:
            tried = bool(node.args.get("safe"))
            return values.cast(of(node.this), node.to.sql("spark").lower(), tried=tried)
        case exp.Coalesce() if len(node.expressions) == 1:
            return _call("coalesce", [of(node.this), of(node.expressions[0])], values)
        case exp.Year() | exp.Month() | exp.Day():
            inner = node.this.this if isinstance(node.this, exp.TsOrDsToDate) else node.this
            return values.date_part(type(node).__name__.lower(), of(inner))
    raise Unknown(type(node).__name__)


def _with_decimals(operator: str, node: Any, of: Any, values: Values) -> Value:
    """A comparison; a number with a point is a decimal in Spark, and beside a double it becomes the nearest double."""
    sides = [node.this, node.expression]
    points = [_with_point(side) for side in sides]
    made = [None if point is not None else of(side) for side, point in zip(sides, points, strict=True)]
    for index, point in enumerate(points):
        other = made[1 - index]
        if point is None:
            continue
        if other is None or other.type != "double":
            raise Unknown("a decimal beside other values")
        made[index] = values.double(float(point))
    return values.compare(operator, made[0], made[1])  # type: ignore[arg-type]


def _with_point(node: Any) -> str | None:
    from sqlglot import exp

    sign = ""
    if isinstance(node, exp.Neg):
        sign, node = "-", node.this
    if isinstance(node, exp.Literal) and not node.is_string:
        whole, point, fraction = str(node.this).partition(".")
        if point and (whole + fraction).isdigit() and len(whole + fraction) <= 38:
            return sign + str(node.this)
    return None
