"""Conditions on one number: operands are computed (all operators from left to right), then compared."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace

from awsgluedq._evaluation.dataset import RuleFailure
from awsgluedq._evaluation.history import History
from awsgluedq.dqdl import model as m

SIZES = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
HOURS = {"days": 24.0, "hours": 1.0, "minutes": 1 / 60}
TOLERANCE = 1e-7

_REDUCE: dict[str, Callable[[list[float]], float]] = {
    "avg": lambda values: sum(values) / len(values),
    "median": statistics.median,
    "max": max,
    "min": min,
    "sum": sum,
    "std": statistics.pstdev,
}


def dynamic(condition: m.Condition) -> bool:
    """Whether a condition looks at earlier runs."""
    return any(_calls(one) for one in condition.operands)


def _calls(operand: m.Operand) -> bool:
    match operand:
        case m.Call(name=name):
            return name != "now"
        case m.Binary(left=left, right=right):
            return _calls(left) or _calls(right)
        case m.Parens(inner=inner):
            return _calls(inner)
        case _:
            return False


def resolved(condition: m.Condition, metric: str, history: History) -> m.Condition:
    """The condition with the values of earlier runs in place of what asked for them. Raises HistoryMissing."""
    if not dynamic(condition):
        return condition
    made = tuple(_resolved(one, metric, history) for one in condition.operands)
    return replace(condition, operands=made)


def _resolved(operand: m.Operand, metric: str, history: History) -> m.Operand:
    match operand:
        case m.Call():
            return m.Number(text=repr(_call(operand, metric, history)))
        case m.Binary(operator=operator, left=left, right=right):
            return m.Binary(
                operator=operator,
                left=_resolved(left, metric, history),
                right=_resolved(right, metric, history),
            )
        case m.Parens(inner=inner):
            return m.Parens(inner=_resolved(inner, metric, history))
        case _:
            return operand


def _call(call: m.Call, metric: str, history: History) -> float:
    values = _list(call.arguments[0], metric, history) if call.arguments else []
    if call.name == "last":
        count = int(value(call.arguments[0])) if call.arguments else 1
        return (history.last(metric, count) or [0.0])[0]
    if call.name == "abs":
        return abs(values[0])
    if call.name == "index":
        place = int(value(call.arguments[1])) if len(call.arguments) > 1 else 0
        if not 0 <= place < len(values):
            raise RuleFailure(f"index {place} is out of range: there are {len(values)} earlier values")
        return values[place]
    return float(_REDUCE[call.name](values))


def _list(operand: m.Operand, metric: str, history: History) -> list[float]:
    if isinstance(operand, m.Call) and operand.name == "last":
        count = int(value(operand.arguments[0])) if operand.arguments else 1
        return history.last(metric, count) or [0.0]
    return [value(_resolved(operand, metric, history))]


def value(operand: m.Operand, units: dict[str, float] | dict[str, int] | None = None) -> float:
    """The number that an operand is, counted in the smallest of `units`. Raises RuleFailure."""
    match operand:
        case m.Number(text=text, unit=unit):
            return float(text) * (units[unit] if units is not None else 1)
        case m.Parens(inner=inner):
            return value(inner, units)
        case m.Binary(operator=operator, left=left, right=right):
            return _compute(operator, value(left, units), value(right, units))
        case _:
            raise RuleFailure("the condition needs a number")


def _compute(operator: str, left: float, right: float) -> float:
    if operator == "/" and right == 0:
        raise RuleFailure("the condition divides by zero")
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
    }[operator]()


def holds(
    condition: m.Condition,
    number: float,
    units: dict[str, float] | dict[str, int] | None = None,
    tolerance: float = 0.0,
) -> bool:
    """Whether a number meets a condition: between leaves out both bounds, not between takes them in."""
    operands = [value(one, units) for one in condition.operands if not isinstance(one, m.Keyword)]
    match condition.operator:
        case "between":
            low, high = operands
            # NaN is neither between two numbers nor beyond one.
            return number <= low or number >= high if condition.negated else low < number < high
        case "in":
            return any(_equal(number, one, tolerance) for one in operands) != condition.negated
        case "=":
            return bool(operands) and _equal(number, operands[0], tolerance)
        case "!=":
            return not operands or not _equal(number, operands[0], tolerance)
        case ">":
            return number > operands[0]
        case ">=":
            return number >= operands[0]
        case "<":
            return number < operands[0]
        case "<=":
            return number <= operands[0]
        case _:
            raise RuleFailure(f"{condition.operator} is no comparison of numbers")


def _equal(one: float, other: float, tolerance: float) -> bool:
    return abs(one - other) <= tolerance if tolerance else one == other
