"""What the grammar lets through and DQDL does not: arities, kinds of conditions, where and threshold. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from awsgluedq.dqdl import model as m
from awsgluedq.dqdl.text import rule_text
from awsgluedq.dqdl.types import DATE, DURATION, NUMBER, SIZE, STRING, RuleType, find

TIME_UNITS = ("days", "hours", "minutes")
SIZE_UNITS = ("B", "KB", "MB", "GB", "TB")
FUNCTIONS = ("last", "avg", "median", "max", "min", "sum", "std", "abs", "index")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOUR = re.compile(r"\d{1,2}:\d{2}( ?[AaPp][Mm])?")


def problems_of(ruleset: m.Ruleset) -> list[str]:
    """Everything that is wrong with a parsed ruleset."""
    if not ruleset.rules and not ruleset.analyzers:
        return ["No rules or analyzers provided."]
    found = []
    for rule in ruleset.rules:
        for leaf in m.leaves(rule):
            found += list(_rule(leaf))
    for analyzer in ruleset.analyzers:
        found += list(_analyzer(analyzer))
    return found


def _analyzer(analyzer: m.Analyzer) -> Iterator[str]:
    kind = find(analyzer.type)
    if kind is None:
        yield f"Analyzer Type: {analyzer.type} is not valid"
    elif not kind.analyzer:
        yield f"Analyzer Type: {analyzer.type} is not supported"
    elif not kind.least <= len(analyzer.parameters) <= kind.most:
        yield f"Analyzer {analyzer.type}: wrong number of parameters"


def _rule(rule: m.Rule) -> Iterator[str]:
    kind = find(rule.type)
    if kind is None or kind.only_analyzer:
        yield f"Rule Type: {rule.type} is not valid"
        return
    text = rule_text(rule)
    if not kind.least <= len(rule.parameters) <= kind.most:
        yield f"Unexpected number of parameters: {text}"
    if any(not one for one in rule.parameters):
        yield f"Empty parameter: {text}"
    if rule.condition is None and kind.kinds and not kind.bare:
        yield f"Unexpected or missing condition: {text}"
    if rule.condition is not None:
        yield from _condition(rule.condition, kind, text)
    yield from _file_match(rule, text)
    if rule.where is not None:
        if not kind.where:
            yield f"Rule type {rule.type} does not support where clauses: {text}"
        elif not rule.where.strip():
            yield f"Empty where clause: {text}"
    if rule.threshold is not None:
        if not kind.threshold:
            yield f"Rule type {rule.type} does not support a threshold: {text}"
        elif kind_of(rule.threshold) != NUMBER:
            yield f"The threshold is no condition on a number: {text}"


def _file_match(rule: m.Rule, text: str) -> Iterator[str]:
    if rule.type != "FileMatch":
        return
    if (rule.condition is None) != (len(rule.parameters) == 2):
        yield f"FileMatch compares two paths, or one path with checksums: {text}"


def _condition(condition: m.Condition, kind: RuleType, text: str) -> Iterator[str]:
    if kind.boolean:
        yield f"Unexpected condition: {text}"
        return
    given = kind_of(condition)
    if given == "":
        yield f"The operands of the condition are of different kinds or are incomplete: {text}"
    elif given != "any" and given not in kind.kinds and not (given == NUMBER and SIZE in kind.kinds):
        yield f"Unexpected condition, {' or '.join(sorted(kind.kinds))} expected: {text}"
    if condition.operator == "matches" and STRING not in kind.kinds:
        yield f"Unexpected condition, matches is for texts: {text}"
    for operand in condition.operands:
        yield from _calls(operand, text)


def _calls(operand: m.Operand, text: str, reduced: bool = False) -> Iterator[str]:
    match operand:
        case m.Parens(inner=inner):
            yield from _calls(inner, text, reduced)
        case m.Binary(left=left, right=right):
            yield from _calls(left, text)
            yield from _calls(right, text)
        case m.Call(name="now"):
            return
        case m.Call(name=name, arguments=arguments):
            if name not in FUNCTIONS:
                yield f"Unknown function {name}(): {text}"
            if name == "last" and len(arguments) == 1 and not reduced:
                one = arguments[0]
                if not isinstance(one, m.Number) or one.value != 1:
                    yield f"last() of several runs is a list: it has to be reduced to a number: {text}"
            for one in arguments:
                yield from _calls(one, text, reduced=name not in ("last", "abs"))


def kind_of(condition: m.Condition) -> str:
    """The kind of a condition's operands; "any" when only keywords are there, "" when they do not fit together."""
    if condition.operator == "matches":
        return STRING
    kinds = {_kind(one) for one in condition.operands} - {"any"}
    if not kinds:
        return "any"
    if kinds == {NUMBER, SIZE}:
        return SIZE
    if kinds == {DATE, STRING}:
        return STRING
    return kinds.pop() if len(kinds) == 1 else ""


def _kind(operand: m.Operand) -> str:
    match operand:
        case m.Keyword():
            return "any"
        case m.Number(unit=unit):
            return DURATION if unit in TIME_UNITS else SIZE if unit in SIZE_UNITS else NUMBER
        case m.Text(value=value):
            return DATE if is_date(value) else STRING
        case m.Call(name="now"):
            return DATE
        case m.Parens(inner=m.Binary(left=left, right=right)) if _kind(left) == DATE:
            return DATE if _kind(right) == DURATION else ""
        case m.Parens(inner=inner):
            return _kind(inner)
        case m.Binary(left=left, right=right):
            # Dates are reckoned with in parentheses only.
            return NUMBER if {_kind(left), _kind(right)} <= {NUMBER, "any"} else ""
        case _:
            return NUMBER


def is_date(text: str) -> bool:
    """Whether a quoted text is spelled as a date or as a time of day."""
    return bool(_DAY.fullmatch(text) or _HOUR.fullmatch(text))
