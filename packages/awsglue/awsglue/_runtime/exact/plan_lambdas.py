"""Functions within functions in plans: what their variables stand for, so that their bodies are judged like others.

Pure functions over protobufs; types are asked for through a callable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awsglue._runtime.client import plans
from awsglue._runtime.exact import lambdas

# (input relation, expressions) -> their Spark types, or None when they cannot be told
TypesOf = Callable[[Any, list[Any]], "list[Any] | None"]


def bindings(expressions: list[Any], below: Any, types_of: TypesOf) -> dict[str, str]:
    """The type of each variable that can be told, by its name; expressions come outermost first."""
    found: dict[str, str] = {}
    for expression in expressions:
        if not expression.HasField("unresolved_function"):
            continue
        function = expression.unresolved_function
        places = [at for at, item in enumerate(function.arguments) if item.HasField("lambda_function")]
        if not places:
            continue
        given = [stood_in(item, found) for item in list(function.arguments)[: places[0]]]
        types = None if None in given else types_of(below, given)
        kinds = [None] * places[0] if types is None else [item.simpleString() for item in types]
        for place in places:
            variables = function.arguments[place].lambda_function.arguments
            own = lambdas.variables(function.function_name.lower(), kinds, place, len(variables))
            for variable, kind in zip(variables, own, strict=False):
                if kind is not None:
                    found[variable.name_parts[0]] = kind
    return found


def has_variables(message: Any) -> bool:
    """Whether variables of a function around it are in an expression."""
    return _free(message, frozenset())


def _free(message: Any, bound: frozenset[str]) -> bool:
    if message.DESCRIPTOR.name == "UnresolvedNamedLambdaVariable":
        return message.name_parts[0] not in bound
    if message.DESCRIPTOR.name == "LambdaFunction":
        bound = bound | {item.name_parts[0] for item in message.arguments}
    return any(_free(item, bound) for item in _messages(message))


def stood_in(expression: Any, bound: dict[str, str]) -> Any:
    """The expression with a null of its type for each free variable; None where one is not known."""
    made = type(expression)()
    made.CopyFrom(expression)
    return made if _fill(made, bound, frozenset()) else None


def _fill(message: Any, bound: dict[str, str], own: frozenset[str]) -> bool:
    if message.DESCRIPTOR.name == "LambdaFunction":
        own = own | {item.name_parts[0] for item in message.arguments}
    if message.DESCRIPTOR.name == "Expression" and message.HasField("unresolved_named_lambda_variable"):
        name = message.unresolved_named_lambda_variable.name_parts[0]
        if name in own:
            return True
        if name not in bound:
            return False
        message.CopyFrom(plans.text_literal(None, bound[name]))
        return True
    return all(_fill(item, bound, own) for item in _messages(message))


def _messages(message: Any) -> list[Any]:
    out: list[Any] = []
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        out += list(value) if field.is_repeated else [value]
    return out
