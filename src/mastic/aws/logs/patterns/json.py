"""JSON patterns: ``{ ($.level = "ERROR") && ($.items[0].n >= 3 || $.user IS NULL) }``. Pure; owns no state."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from mastic.aws.logs.patterns.conditions import InvalidPattern, Scanner, comparison, unquote

_SELECTOR = r"""\$(?:\.[\w\-]+|\.?\[(?:\d+|\*|"[^"]*"|'[^']*')\])*"""
_TOKENS = re.compile(
    rf"""(?P<space>\s+)|(?P<selector>{_SELECTOR})|(?P<operator><=|>=|!=|=|<|>)|(?P<logic>&&|\|\|)"""
    r"""|(?P<bracket>[(){}])|(?P<string>"(?:[^"\\]|\\.)*")|(?P<regex>%[^%]*%)|(?P<word>[^\s"(){}=<>!&|]+)"""
)
_STEP = re.compile(r"""\.?\[(?:(\d+)|(\*)|"([^"]*)"|'([^']*)')\]|\.([\w\-]+)""")

_MISSING = object()
Step = str | int | None
Node = Callable[[Any], bool]


class JsonPattern:
    """Messages that are JSON objects for which the expression holds."""

    def __init__(self, holds: Node, selectors: list[str]) -> None:
        self._holds = holds
        self._selectors = selectors

    def match(self, message: str) -> dict[str, str] | None:
        document = _parse(message)
        if document is None or not self._holds(document):
            return None
        found = ((name, _first(document, path(name))) for name in self._selectors)
        return {name: _text(value) for name, value in found if value is not _MISSING}

    def value(self, message: str, selector: str) -> Any:
        if not selector.startswith("$"):
            return None
        document = _parse(message)
        value = _MISSING if document is None else _first(document, path(selector))
        return None if value is _MISSING else value


def compile_pattern(source: str) -> JsonPattern:
    """The matcher of a JSON pattern. Raises InvalidPattern."""
    tokens = Scanner(source, _TOKENS)
    selectors: list[str] = []
    tokens.take("{")
    holds = _either(tokens, selectors)
    tokens.take("}")
    if tokens.peek()[0]:
        raise InvalidPattern("Invalid filter pattern: there is something after '}'")
    return JsonPattern(holds, selectors)


def path(selector: str) -> list[Step]:
    """The steps of ``$.a[0]["b"]``; None stands for ``[*]``."""
    steps: list[Step] = []
    at = 1
    while at < len(selector):
        found = _STEP.match(selector, at)
        if found is None:
            raise InvalidPattern(f"Invalid filter pattern: '{selector}' is not a property selector")
        index, every, double, single, member = found.groups()
        if index is not None:
            steps.append(int(index))
        elif every:
            steps.append(None)
        else:
            steps.append(next(n for n in (double, single, member) if n is not None))
        at = found.end()
    return steps


def _either(tokens: Scanner, selectors: list[str]) -> Node:
    branches = [_both(tokens, selectors)]
    while tokens.accept("||"):
        branches.append(_both(tokens, selectors))
    return branches[0] if len(branches) == 1 else lambda d: any(branch(d) for branch in branches)


def _both(tokens: Scanner, selectors: list[str]) -> Node:
    branches = [_single(tokens, selectors)]
    while tokens.accept("&&"):
        branches.append(_single(tokens, selectors))
    return branches[0] if len(branches) == 1 else lambda d: all(branch(d) for branch in branches)


def _single(tokens: Scanner, selectors: list[str]) -> Node:
    if tokens.accept("("):
        inside = _either(tokens, selectors)
        tokens.take(")")
        return inside
    _, selector = tokens.take("selector")
    steps = path(selector)
    if selector not in selectors:
        selectors.append(selector)
    kind, text = tokens.take("operator", "word")
    if kind == "word":
        return _keyword(tokens, text.upper(), steps)
    what, right = tokens.take("word", "string", "regex")
    if what == "string":
        right = unquote(right)
    elif what == "regex":
        right = right[1:-1]
    test = comparison(text, right, what)
    return lambda document: any(test(value) for value in _all(document, steps))


def _keyword(tokens: Scanner, first: str, steps: list[Step]) -> Node:
    second = tokens.take("word")[1].upper()
    match first, second:
        case "IS", "NULL":
            return lambda document: any(value is None for value in _all(document, steps))
        case "IS", "TRUE":
            return lambda document: any(value is True for value in _all(document, steps))
        case "IS", "FALSE":
            return lambda document: any(value is False for value in _all(document, steps))
        case "NOT", "EXISTS":
            return lambda document: not _all(document, steps)
    raise InvalidPattern(f"Invalid filter pattern: '{first} {second}' is not a condition")


def _all(value: Any, steps: list[Step]) -> list[Any]:
    values = [value]
    for step in steps:
        values = [inner for outer in values for inner in _inside(outer, step)]
    return values


def _inside(value: Any, step: Step) -> list[Any]:
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    if not isinstance(value, list):
        return []
    if step is None:
        return value
    return [value[step]] if step < len(value) else []


def _first(document: Any, steps: list[Step]) -> Any:
    found = _all(document, steps)
    return found[0] if found else _MISSING


def _parse(message: str) -> Any:
    text = message.strip()
    if not text.startswith(("{", "[")):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
