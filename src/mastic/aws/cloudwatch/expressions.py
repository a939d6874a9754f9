"""Metric math: arithmetic, comparisons and a set of functions over time series. Pure rules.

Served: ``+ - * / ^``, comparisons, AND/OR, METRICS, SUM, AVG, MIN, MAX, STDDEV, ABS, CEIL, FLOOR, LOG, LOG10,
FILL, IF, PERIOD, RATE, DIFF, RUNNING_SUM. Others (SEARCH, ANOMALY_DETECTION_BAND, SQL) are refused by name.
"""

from __future__ import annotations

import ast
import itertools
import math
import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mastic.errors import ServiceError

Series = dict[datetime, float]
Value = Any  # a number, a Series or a list of Series

_BINARY: Mapping[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: lambda a, b: float(bool(a) and bool(b)),
    ast.Or: lambda a, b: float(bool(a) or bool(b)),
}
_EACH: Mapping[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": math.log,
    "LOG10": math.log10,
}
_ALL: Mapping[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": statistics.fmean,
    "MIN": min,
    "MAX": max,
    "STDDEV": statistics.pstdev,
}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What an expression may refer to: series by id, their periods, and every instant of the range."""

    series: Mapping[str, Series]
    periods: Mapping[str, int]
    metrics: Sequence[str]
    instants: Sequence[datetime]


def references(expression: str) -> set[str]:
    """The ids that an expression mentions. Raises ValidationError."""
    tree = _parse(expression)
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called - {"REPEAT", "LINEAR"}


def uses_metrics(expression: str) -> bool:
    """Whether METRICS() is called, which refers to every metric of the request."""
    return "METRICS(" in expression.replace(" ", "")


def evaluate(expression: str, frame: Frame) -> Series:
    """The series that an expression makes. Raises ValidationError."""
    value = _Evaluation(frame).value(_parse(expression))
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        raise invalid(
            f"Error in expression '{expression}': it returns several time series, which is not served"
        )
    return {at: float(value) for at in frame.instants}


def invalid(message: str) -> ServiceError:
    """CloudWatch's ValidationError."""
    return ServiceError("ValidationError", message, status=400)


def _parse(expression: str) -> ast.expr:
    text = expression.replace("^", "**").replace("&&", " and ").replace("||", " or ")
    text = text.replace(" AND ", " and ").replace(" OR ", " or ")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise invalid(f"Error in expression '{expression}': it cannot be parsed") from None


class _Evaluation:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def value(self, node: ast.AST) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return float(number)
            case ast.Name(id=name):
                if name not in self._frame.series:
                    raise invalid(f"Error in expression: {name} is not an id of this request")
                return self._frame.series[name]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self.value(item) for item in items]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return self._combine(operator.mul, -1.0, self.value(inner))
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self.value(inner)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._combine(_BINARY[type(op)], self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _BINARY:
                return self._combine(_BINARY[type(op)], self.value(left), self.value(right))
            case ast.BoolOp(op=op, values=values):
                result = self.value(values[0])
                for each in values[1:]:
                    result = self._combine(_BINARY[type(op)], result, self.value(each))
                return result
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
        raise invalid("Error in expression: it uses a construct that is not served")

    def _combine(self, compute: Callable[[float, float], float], left: Value, right: Value) -> Value:
        if isinstance(left, list):
            return [self._combine(compute, each, right) for each in left]
        if isinstance(right, list):
            return [self._combine(compute, left, each) for each in right]
        if isinstance(left, dict) or isinstance(right, dict):
            instants = (
                left.keys() & right.keys()
                if isinstance(left, dict) and isinstance(right, dict)
                else (left if isinstance(left, dict) else right).keys()
            )
            pairs = ((at, _safe(compute, _at(left, at), _at(right, at))) for at in instants)
            return {at: value for at, value in pairs if value is not None}
        result = _safe(compute, left, right)
        return 0.0 if result is None else result

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        if name == "METRICS":
            return [self._frame.series[each] for each in self._metrics(arguments)]
        if name == "PERIOD" and len(arguments) == 1 and isinstance(arguments[0], ast.Name):
            return float(self._frame.periods[arguments[0].id])
        if name == "FILL" and len(arguments) == 2:
            return self._fill(self.value(arguments[0]), arguments[1])
        if name == "IF" and len(arguments) in (2, 3):
            return self._if(*(self.value(each) for each in arguments))
        values = [self.value(each) for each in arguments]
        if len(values) == 1:
            if name in _EACH:
                return self._combine(lambda a, _: _EACH[name](a), values[0], 0.0)
            if name in _ALL:
                return self._all(_ALL[name], values[0])
            if name in ("RATE", "DIFF", "RUNNING_SUM") and isinstance(values[0], dict):
                return _sequence(name, values[0])
        raise invalid(
            f"Error in expression: the function {name} with {len(arguments)} arguments is not served"
        )

    def _metrics(self, arguments: list[ast.expr]) -> list[str]:
        if not arguments:
            return list(self._frame.metrics)
        if len(arguments) == 1 and isinstance(arguments[0], ast.Constant):
            return [each for each in self._frame.metrics if str(arguments[0].value) in each]
        raise invalid("Error in expression: METRICS takes one text at most")

    def _all(self, compute: Callable[[Sequence[float]], float], value: Value) -> Value:
        if isinstance(value, dict):
            return compute(list(value.values())) if value else 0.0
        series = [each for each in value if isinstance(each, dict)]
        instants = sorted({at for each in series for at in each})
        return {at: compute([each[at] for each in series if at in each]) for at in instants}

    def _fill(self, value: Value, how: ast.expr) -> Value:
        if isinstance(value, list):
            return [self._fill(each, how) for each in value]
        if isinstance(how, ast.Name) and how.id == "REPEAT":
            last: float | None = None
            filled = {}
            for at in self._frame.instants:
                last = value.get(at, last)
                if last is not None:
                    filled[at] = last
            return filled
        if isinstance(how, ast.Name) and how.id == "LINEAR":
            raise invalid("Error in expression: FILL with LINEAR is not served")
        other = self.value(how)
        return {at: value.get(at, _at(other, at)) for at in self._frame.instants}

    def _if(self, condition: Value, then: Value, otherwise: Value = None) -> Value:
        instants = condition.keys() if isinstance(condition, dict) else self._frame.instants
        chosen = ((at, _at(then if _at(condition, at) else otherwise, at)) for at in instants)
        return {at: value for at, value in chosen if value is not None}


def _sequence(name: str, series: Series) -> Series:
    instants = sorted(series)
    if name == "RUNNING_SUM":
        total, result = 0.0, {}
        for at in instants:
            total += series[at]
            result[at] = total
        return result
    pairs = list(itertools.pairwise(instants))
    if name == "DIFF":
        return {b: series[b] - series[a] for a, b in pairs}
    return {b: (series[b] - series[a]) / (b - a).total_seconds() for a, b in pairs}


def _at(value: Value, at: datetime) -> Any:
    return value.get(at) if isinstance(value, dict) else value


def _safe(compute: Callable[[float, float], float], left: Any, right: Any) -> float | None:
    """CloudWatch leaves out what cannot be computed, such as a division by zero."""
    try:
        return float(compute(left, right))
    except (ArithmeticError, TypeError, ValueError):
        return None
