"""The event pattern language: what a pattern may say, and whether an event matches. Pure rules.

A field of a pattern is an object (go deeper) or a list of alternatives: values, or one of ``prefix``, ``suffix``,
``anything-but``, ``numeric``, ``exists``, ``cidr``, ``wildcard``, ``equals-ignore-case``. ``$or`` lists patterns
of which one must match.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from mastic.errors import ServiceError

LARGEST = 4096
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_TEXT_MATCHERS = ("prefix", "suffix", "equals-ignore-case", "wildcard")
_ABSENT: Any = object()


def parse(text: str) -> dict[str, Any]:
    """The pattern in ``text``. Raises InvalidEventPatternException."""
    if len(text) > LARGEST:
        raise ServiceError("ValidationException", f"Event pattern is longer than {LARGEST} characters")
    try:
        pattern = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid(f"Invalid JSON: {error}") from None
    if not isinstance(pattern, dict):
        raise invalid("Filter is not an object")
    if not pattern:
        raise invalid("Empty objects are not allowed")
    _check(pattern)
    return pattern


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether an event (or a part of one) matches a checked pattern."""
    if isinstance(event, list):
        return any(matches(pattern, each) for each in event)
    for name, wanted in pattern.items():
        if name == "$or" and _is_or(wanted):
            if not any(matches(each, event) for each in wanted):
                return False
            continue
        value = event.get(name, _ABSENT) if isinstance(event, dict) else _ABSENT
        if isinstance(wanted, dict):
            if not matches(wanted, {} if value is _ABSENT else value):
                return False
        elif not _leaf(wanted, value):
            return False
    return True


def invalid(reason: str) -> ServiceError:
    """EventBridge's InvalidEventPatternException."""
    return ServiceError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")


# -- matching ------------------------------------------------------------------------------------------


def _leaf(alternatives: Iterable[Any], value: Any) -> bool:
    values = [v for v in (value if isinstance(value, list) else [value]) if not isinstance(v, dict | list)]
    present = [v for v in values if v is not _ABSENT]
    return any(_alternative(each, present) for each in alternatives)


def _alternative(wanted: Any, values: list[Any]) -> bool:
    if not isinstance(wanted, dict):
        return any(_same(wanted, value) for value in values)
    ((kind, argument),) = wanted.items()
    if kind == "exists":
        return bool(bool(values) == argument)
    if kind == "anything-but":
        return bool(values) and not any(_excluded(argument, value) for value in values)
    return any(_MATCH[kind](argument, value) for value in values)


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return wanted is value
    if isinstance(wanted, int | float) != isinstance(value, int | float):
        return False
    return bool(wanted == value)


def _excluded(argument: Any, value: Any) -> bool:
    if isinstance(argument, dict):
        ((kind, texts),) = argument.items()
        return any(_MATCH[kind](each, value) for each in (texts if isinstance(texts, list) else [texts]))
    return any(_same(each, value) for each in (argument if isinstance(argument, list) else [argument]))


def _prefix(argument: Any, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(argument, dict):
        return value.lower().startswith(argument["equals-ignore-case"].lower())
    return value.startswith(argument)


def _suffix(argument: Any, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(argument, dict):
        return value.lower().endswith(argument["equals-ignore-case"].lower())
    return value.endswith(argument)


def _ignoring_case(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and value.lower() == argument.lower()


def _wildcard(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and _glob(argument).fullmatch(value) is not None


def _numeric(argument: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARE[op](value, bound) for op, bound in zip(argument[::2], argument[1::2], strict=True))


def _cidr(argument: Any, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(argument, strict=False)
    except ValueError:
        return False


_MATCH: Mapping[str, Callable[[Any, Any], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
}


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    """``*`` stands for any text; a backslash before ``*`` or a backslash takes it literally."""
    parts = re.findall(r"\\[\\*]|.", pattern, re.DOTALL)
    return re.compile(
        "".join(".*" if part == "*" else re.escape(part[-1] if len(part) == 2 else part) for part in parts),
        re.DOTALL,
    )


# -- what a pattern may say ----------------------------------------------------------------------------


def _check(pattern: Mapping[str, Any]) -> None:
    for name, wanted in pattern.items():
        if name == "$or" and _is_or(wanted):
            for each in wanted:
                _check(each)
        elif isinstance(wanted, dict):
            if not wanted:
                raise invalid("Empty objects are not allowed")
            _check(wanted)
        elif isinstance(wanted, list):
            if not wanted:
                raise invalid("Empty arrays are not allowed")
            for each in wanted:
                _check_alternative(each)
        else:
            raise invalid(f'"{name}" must be an object or an array')


def _is_or(wanted: Any) -> bool:
    return isinstance(wanted, list) and len(wanted) > 1 and all(isinstance(w, dict) and w for w in wanted)


def _check_alternative(wanted: Any) -> None:
    if isinstance(wanted, list):
        raise invalid("Match value must be String, number, true, false, or null")
    if not isinstance(wanted, dict):
        return
    if len(wanted) != 1:
        raise invalid("Only one key allowed in match expression")
    ((kind, argument),) = wanted.items()
    check = _CHECK.get(kind)
    if check is None:
        raise invalid(f"Unrecognized match type {kind}")
    check(argument)


def _check_exists(argument: Any) -> None:
    if not isinstance(argument, bool):
        raise invalid("exists match pattern must be either true or false.")


def _check_anything_but(argument: Any) -> None:
    if isinstance(argument, dict):
        ((kind, texts),) = argument.items() if len(argument) == 1 else [("", None)]
        if kind not in _TEXT_MATCHERS:
            raise invalid(f"Unsupported anything-but pattern: {kind}")
        for each in texts if isinstance(texts, list) and texts else [texts]:
            _CHECK[kind](each)
        return
    values = argument if isinstance(argument, list) else [argument]
    if not values:
        raise invalid("Empty arrays are not allowed")
    texts_only = all(isinstance(each, str) for each in values)
    numbers_only = all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
    if not texts_only and not numbers_only:
        raise invalid(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )


def _check_text(kind: str) -> Callable[[Any], None]:
    def check(argument: Any) -> None:
        inner = argument
        if isinstance(argument, dict) and kind in ("prefix", "suffix"):
            inner = argument.get("equals-ignore-case") if len(argument) == 1 else None
        if not isinstance(inner, str):
            raise invalid(f"{kind} match pattern must be a string")
        if kind == "wildcard" and re.search(r"(?<!\\)(?:\\\\)*\*\*", inner):
            raise invalid(f"Consecutive wildcard characters at pos {inner.index('**')}")

    return check


def _check_numeric(argument: Any) -> None:
    if not isinstance(argument, list) or not argument or len(argument) % 2 or len(argument) > 4:
        raise invalid("Value of numeric must be an array of comparisons and numbers.")
    for op, bound in zip(argument[::2], argument[1::2], strict=True):
        if op not in _COMPARE:
            raise invalid(f"Unrecognized numeric range operator: {op}")
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            raise invalid(f"Value of {op} must be numeric")
    if len(argument) == 4 and {argument[0][0], argument[2][0]} != {"<", ">"}:
        raise invalid("Bad numeric range operator: a range needs a lower and an upper bound")


def _check_cidr(argument: Any) -> None:
    try:
        ipaddress.ip_network(argument, strict=False)
    except ValueError:
        raise invalid(f"Malformed CIDR: {argument}") from None


_CHECK: Mapping[str, Callable[[Any], None]] = {
    **{kind: _check_text(kind) for kind in _TEXT_MATCHERS},
    "numeric": _check_numeric,
    "exists": _check_exists,
    "cidr": _check_cidr,
    "anything-but": _check_anything_but,
}
