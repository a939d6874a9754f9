"""Checks of a plan that depend on types: decimal arithmetic, doubles as text, dates subtracted.

Runs on one relation at a time, before it is rewritten; asks the engine for the types of just the operands in question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql.connect import proto

from awsglue._runtime.client import plans
from awsglue._runtime.exact import (
    arithmetic,
    call_rules,
    comparisons,
    exact_calls,
    expression_text,
    frames,
    kind_rules,
    plan_lambdas,
    plan_literals,
    plan_structs,
    plan_texts,
    record_texts,
    type_rules,
)
from awsglue._runtime.exact.arithmetic import Exact, as_decimal, casts, decimal_of, is_exact, unbounded
from awsglue._runtime.exact.functions import CAST_TO, DATE_TEXT, REFUSED, REFUSED_WITH, TEXT_OF_ARGUMENTS
from awsglue._runtime.exact.makers import PlanMaker
from awsglue._runtime.failures import EngineRefused

# (input relation, expressions) -> their Spark types, or None when they cannot be told
TypesOf = Callable[[Any, list[Any]], "list[Any] | None"]
_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")
_SPELT = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}


def check(relation: Any, kind: str, expressions: list[Any], types_of: TypesOf) -> None:
    """Adapt this relation's own expressions in place. Raises EngineRefused."""
    watched: list[tuple[Any, list[Any]]] = []
    below = _below(relation, kind)
    if kind == "sort":
        _sort_keys(relation, types_of)
    texts = [each.expression_string for each in expressions if each.HasField("expression_string")]
    made = expression_text.checked([text.expression for text in texts], below, types_of)
    for text, new in zip(texts, made, strict=True):
        text.expression = new
    aggregate_of_window = False
    for expression in expressions:
        if aggregate_of_window:
            # It has been judged with its window.
            aggregate_of_window = False
            continue
        operands = _operands(expression)
        aggregate_of_window = expression.HasField("window") and _windowed(expression) is not None
        if operands or _wanted_type(expression):
            watched.append((expression, operands))
    if not watched or below is None:
        return
    bound = plan_lambdas.bindings(expressions, below, types_of)
    asked = [[plan_lambdas.stood_in(operand, bound) for operand in operands] for _, operands in watched]
    flat = [operand for operands in asked for operand in operands]
    # What is made of a variable that nobody knows cannot be asked for.
    types = None if not flat or any(operand is None for operand in flat) else types_of(below, flat)
    for (expression, operands), own_asked in zip(reversed(watched), reversed(asked), strict=True):
        if types is not None:
            own: list[Any] | None = types[len(types) - len(operands) :]
            types = types[: len(types) - len(operands)]
        else:
            # Aggregates and what they are made of cannot be asked for together.
            unknown = not operands or any(operand is None for operand in own_asked)
            own = None if unknown else types_of(below, own_asked)
        if own is None and any(plan_lambdas.has_variables(operand) for operand in operands):
            raise EngineRefused("a function of values whose type cannot be told")
        wanted = _wanted_type(expression)
        if operands:
            _judge(expression, own)
        if wanted:
            # Not before: operands whose types are asked for would come back with one more cast each time.
            _wrap_cast(expression, wanted)


def _wanted_type(expression: Any) -> str:
    """The type that Spark gives a call whose value comes in another type here; "" for all others."""
    return CAST_TO.get(expression.unresolved_function.function_name.lower(), "")


def _sort_keys(relation: Any, types_of: TypesOf) -> None:
    """-0.0 stands beside 0.0 in Spark's order, before it in the engine's.

    Rows sorted within partitions are sorted as a whole: each file that they are dealt to is sorted then.
    """
    relation.sort.is_global = True
    keys = [
        item.child
        for item in relation.sort.order
        if item.child.WhichOneof("expr_type") == "unresolved_attribute"
    ]
    for key, kind in zip(keys, types_of(relation.sort.input, keys) or (), strict=False):
        type_rules.check_key(kind.simpleString(), "an order of")
        if kind.simpleString() in ("double", "float"):
            without_negative_zero(key, kind.simpleString())


def _below(relation: Any, kind: str) -> Any:
    """The relation whose columns this one's expressions name; None where there is no one such."""
    body = getattr(relation, kind)
    if kind != "join":
        return getattr(body, "input", None)
    both = proto.Relation()
    both.join.left.CopyFrom(body.left)
    both.join.right.CopyFrom(body.right)
    both.join.join_type = proto.Join.JOIN_TYPE_CROSS
    return both


def _operands(expression: Any) -> list[Any]:
    """The operands whose types decide, [] when nothing depends on types here."""
    if expression.HasField("cast"):
        name = expression.cast.type_str.lower()
        kind = expression.cast.type.WhichOneof("kind")
        judged = (
            "date",
            "boolean",
            "binary",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "decimal",
            "string",
            "integer",
            "float",
            "double",
        )
        told = name.split("(")[0] in (*judged, "long", "short") or kind in (*judged, "long", "short", "byte")
        return [expression.cast.expr] if told else []
    if expression.HasField("window"):
        called = _windowed(expression)
        return [
            *expression.window.partition_spec,
            *(item.child for item in expression.window.order_spec),
            *(called.arguments[:1] if called is not None else ()),
        ]
    if not expression.HasField("unresolved_function"):
        return plan_structs.arguments(expression)
    function = expression.unresolved_function
    name = function.function_name.lower()
    if name in REFUSED:
        raise EngineRefused(f"function {name}()", REFUSED[name])
    if name == "count" and function.is_distinct:
        return list(function.arguments)
    if name == "split" and len(function.arguments) > 1 and plan_literals.is_text(function.arguments[1], ""):
        raise EngineRefused("split() with an empty pattern")
    if (
        name in ("extract", "date_part", "datepart")
        and function.arguments
        and str(function.arguments[0].literal.string).lower() in ("dow", "dayofweek_iso", "dow_iso")
    ):
        raise EngineRefused("extract(dow)")
    if name in ("current_database", "current_schema", "current_catalog"):
        from awsglue._runtime import engine

        engine.services().check_current_database()
        return []
    if name in ("to_date", "date") and len(function.arguments) == 1:
        return list(function.arguments)
    if name in CAST_TO and name not in call_rules.NAMES:
        return []
    rules = (type_rules.NAMES, call_rules.NAMES, exact_calls.NAMES, record_texts.NAMES)
    known = (*rules, REFUSED_WITH, TEXT_OF_ARGUMENTS, ("/", "*", "-", "+", "%"))
    return list(function.arguments) if any(name in names for names in known) else []


def _judge(expression: Any, types: list[Any] | None) -> None:
    if types is None:
        if expression.unresolved_function.function_name.lower() in exact_calls.TYPED | record_texts.NAMES:
            raise EngineRefused("a function of values whose type cannot be told")
        return
    names = [item.simpleString() for item in types]
    if not expression.HasField("unresolved_function"):
        _judge_other(expression, types, names)
        return
    function = expression.unresolved_function
    name = function.function_name.lower()
    if _called(expression, name, names) or _of_doubles(expression, name, names):
        return
    if name in comparisons.SIGNS or name in ("in", "coalesce", "ifnull", "nvl"):
        for argument, kind, wanted in zip(
            function.arguments, names, comparisons.needed([*names]), strict=True
        ):
            if wanted:
                _to_double(argument, kind)
    elif name == "-" and names == ["date", "date"]:
        raise EngineRefused("date minus date", "use datediff()")
    if name in ("to_date", "date") and names == ["string"]:
        _tidy(function.arguments[0])
    elif name in ("/", "*", "-", "+", "%") and len(types) == 2:
        _arithmetic(expression, name, types)
    elif name == "-" and "decimal" in names[0]:
        raise EngineRefused("a decimal with another sign", "its places would be taken for others")
    elif name in REFUSED_WITH and any(REFUSED_WITH[name] in item for item in names):
        raise EngineRefused(f"{name}() of {REFUSED_WITH[name]} values")
    elif name in TEXT_OF_ARGUMENTS:
        for argument, item in zip(function.arguments, names, strict=True):
            if item in ("double", "float") and name not in ("format_string", "printf"):
                plan_texts.as_java_text_of(argument, item)


def _judge_other(expression: Any, types: list[Any], names: list[str]) -> None:
    """What is no call of one of Spark's functions."""
    if expression.HasField("cast"):
        _cast(expression, names[0])
    elif expression.HasField("window"):
        _window(expression, names)
    else:
        plan_structs.tell(expression, types)


def _of_doubles(expression: Any, name: str, names: list[str]) -> bool:
    """The sign before a double, and how many different ones there are; whether it is one of these."""
    arguments = expression.unresolved_function.arguments
    if name == "negative" and names[0] in arithmetic.FLOATING:
        expression.CopyFrom(exact_calls.negated(arguments[0], names[0], PlanMaker()))
        return True
    if name != "count":
        return False
    for argument, kind in zip(arguments, names, strict=True):
        if kind in arithmetic.FLOATING:
            without_negative_zero(argument, kind)
    return True


def _cast(expression: Any, kind: str) -> None:
    """A cast of this type to another."""
    target = expression.cast.type_str.lower() or str(expression.cast.type.WhichOneof("kind"))
    target = _SPELT.get(target, target)
    call_rules.check_cast(kind, target)
    if expression.cast.eval_mode == proto.Expression.Cast.EVAL_MODE_TRY:
        type_rules.check_tried(kind, target)
    if target == "date" and kind == "string":
        _tidy(expression.cast.expr)
    elif target == "string" and kind in ("double", "float"):
        plan_texts.as_java_text(expression, kind)
    elif target.startswith("decimal") and kind == "string" and not expression.cast.expr.HasField("literal"):
        expression.cast.expr.CopyFrom(exact_calls.ascii_text(expression.cast.expr, PlanMaker()))
        _number(expression, _decimal_target(expression))
    elif kind == "string" and target in _NUMBERS:
        _number(expression, target)
    elif target.startswith("decimal") and kind in ("double", "float"):
        made = exact_calls.decimal_of_floating(
            expression.cast.expr, kind, _decimal_target(expression), PlanMaker()
        )
        expression.CopyFrom(made)


def _window(expression: Any, names: list[str]) -> None:
    """Keys, order and aggregate of a window."""
    ordered = [item.child for item in expression.window.order_spec]
    for key, kind in zip([*expression.window.partition_spec, *ordered], names, strict=False):
        if kind in ("double", "float"):
            without_negative_zero(key, kind)
    _framed(expression.window, names[len(expression.window.partition_spec) :])
    called = _windowed(expression)
    if called is not None:
        made = exact_calls.made(
            called.function_name.lower(),
            list(called.arguments),
            names[-1],
            [],
            PlanMaker(expression.window),
        )
        if made is not None:
            expression.CopyFrom(made)


def _number(expression: Any, target: str) -> None:
    """A cast of text to a number that does not fail."""
    tried = expression.cast.eval_mode == proto.Expression.Cast.EVAL_MODE_TRY
    if not (tried or exact_calls.ansi() or expression.cast.expr.HasField("literal")):
        expression.CopyFrom(exact_calls.number_of_text(expression.cast.expr, target, PlanMaker()))


def _framed(window: Any, names: list[str]) -> None:
    """The bounds of a window's frame, which are measured on its first key."""
    spec = window.frame_spec
    values = [side.value for side in (spec.lower, spec.upper) if side.HasField("value")]
    bounds = [(plan_literals.text_of(value) or "").removeprefix("-") for value in values]
    if spec.frame_type == proto.Expression.Window.WindowFrame.FRAME_TYPE_ROW:
        frames.check_rows(bounds)
    elif bounds and window.order_spec and all(bounds):
        if names[0] == "date":
            raise EngineRefused("a frame by RANGE of numbers over dates", "Spark takes none")
        key = window.order_spec[0].child
        made = frames.guarded(key, names[0], bounds, PlanMaker())
        if made is not None:
            key.CopyFrom(made)
    elif bounds:
        for value in values:
            frames.check_interval(names[0] if names else "", _unit(value))


def _unit(value: Any) -> str:
    kind = str(value.literal.WhichOneof("literal_type"))
    return "MONTH" if "year_month" in kind or value.literal.calendar_interval.months else "DAY"


def _called(expression: Any, name: str, names: list[str]) -> bool:
    """Judge a call by the types of its arguments; whether it is made of others now. Raises EngineRefused."""
    function = expression.unresolved_function
    literals = [plan_literals.text_of(argument) for argument in function.arguments]
    if name == "in":
        comparisons.check_list([*names], literals)
    judged = list(range(len(names)))
    type_rules.check(name, names)
    record_texts.check_call(name, names)
    if name == "when":
        # Conditions and values by turns, then what is left.
        judged = [at for at in judged if at % 2 or at == len(names) - 1]
    kinds = [call_rules.kinds_of_type(names[at]) for at in judged]
    if name not in ("coalesce", "ifnull", "nvl"):
        # Of these the decimals are made doubles.
        call_rules.check(name, kinds, [literals[at] for at in judged])
    else:
        kind_rules.check(name, kinds, literals)
        # The others have another type.
        function.function_name = "coalesce"
        return False
    if name not in exact_calls.NAMES or not names:
        return False
    if name in exact_calls.TYPED:
        expression.CopyFrom(
            exact_calls.made_of_types(name, list(function.arguments), [*names], literals, PlanMaker())
        )
        return True
    kind = names[0]
    if name in ("greatest", "least"):
        kind = next((each for each in names if each in arithmetic.FLOATING), kind)
    made = exact_calls.made(name, list(function.arguments), kind, literals, PlanMaker())
    if made is None or (function.is_distinct and name in ("min", "max")):
        return False
    if function.is_distinct:
        raise EngineRefused(f"{name}() of distinct values of this type")
    expression.CopyFrom(made)
    return True


def _decimal_target(expression: Any) -> str:
    if expression.cast.type_str:
        return str(expression.cast.type_str).lower()
    decimal = expression.cast.type.decimal
    return f"decimal({decimal.precision},{decimal.scale})"


def _windowed(expression: Any) -> Any:
    """The aggregate of a window, when it is one that may have to be made of others."""
    inner = expression.window.window_function
    if not inner.HasField("unresolved_function"):
        return None
    name = inner.unresolved_function.function_name.lower()
    if name in ("collect_list", "collect_set", "array_agg"):
        raise EngineRefused(f"{name}() of windows", "nulls would be among its members")
    return inner.unresolved_function if name in exact_calls.AGGREGATES else None


def _to_double(argument: Any, kind: str) -> None:
    """A decimal that is compared with doubles, as the nearest double."""
    size = decimal_of(kind)
    if size is None or size.precision > comparisons.EXACT_DIGITS:
        _wrap_cast(argument, "string")
    _wrap_cast(argument, "double")


def _arithmetic(expression: Any, operator: str, types: list[Any]) -> None:
    """Decimal arithmetic made such that the engine gives Spark's result. Raises EngineRefused where it cannot."""
    kinds = [item.simpleString() for item in types]
    if operator in ("/", "%"):
        _divided(expression.unresolved_function.arguments[1], kinds)
    if not any(decimal_of(kind) for kind in kinds) or "double" in kinds:
        return
    pair = [as_decimal(kind) for kind in kinds]
    if pair[0] is None or pair[1] is None:
        if {"float", "string"} & set(kinds):
            raise EngineRefused(
                f"a decimal {operator} another kind of value", "the result would have another type"
            )
        return
    if operator == "%":
        raise EngineRefused("decimal remainder", "the result would have another scale")
    arguments = expression.unresolved_function.arguments
    engine = [*pair]
    for index, argument in enumerate(arguments):
        written = plan_literals.whole_of(argument)
        if written is not None and decimal_of(kinds[1 - index]):
            # A number in the script is as wide as it is written.
            pair[index] = Exact(len(str(abs(written))), 0)
    if is_exact(operator, *pair):
        if unbounded(operator, *engine) != unbounded(operator, *pair):
            for argument, kind in zip(arguments, pair, strict=True):
                _wrap_cast(argument, str(kind))
        return
    if operator == "*":
        raise EngineRefused("decimal multiplication beyond 38 digits", "the result would have another scale")
    wanted = casts(operator, *pair)
    if wanted is None:
        raise EngineRefused("division of wide decimals", "the engine has too few digits for it")
    _wrap_cast(arguments[0], str(wanted.left))
    _wrap_cast(arguments[1], str(wanted.right))
    for kind in (wanted.middle, wanted.result):
        if kind is not None:
            _wrap_cast(expression, str(kind))


def _divided(divisor: Any, kinds: list[str]) -> None:
    """What doubles are divided by: by -0.0 they are null in Spark, as by 0.0."""
    if kinds[1] == "string" and not any(decimal_of(kind) for kind in kinds):
        _wrap_cast(divisor, "double")
    elif kinds[1] not in arithmetic.FLOATING or divisor.HasField("literal"):
        return
    without_negative_zero(divisor, "double" if kinds[1] == "string" else kinds[1])


def _wrap_cast(expression: Any, type_name: str) -> None:
    inner = proto.Expression()
    inner.CopyFrom(expression)
    expression.CopyFrom(plans.cast(inner, type_name))


def _tidy(text: Any) -> None:
    """A text that is to become a date, such that the engine's cast gives what Spark's does."""
    pattern, kept = DATE_TEXT
    made = proto.Expression()
    function = made.unresolved_function
    function.function_name = "regexp_replace"
    function.arguments.append(text)
    function.arguments.add().literal.string = pattern
    function.arguments.add().literal.string = kept
    text.CopyFrom(made)


def without_negative_zero(key: Any, kind: str) -> None:
    """Keys that are equal are one key, which the engine's windows do not see to."""
    made = proto.Expression()
    made.unresolved_function.function_name = "+"
    made.unresolved_function.arguments.append(key)
    made.unresolved_function.arguments.append(plans.text_literal("0", kind))
    key.CopyFrom(made)
