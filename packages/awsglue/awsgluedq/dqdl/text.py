"""Rules in their normal spelling: the text that outcomes, rows and results name a rule by."""

from __future__ import annotations

import re
from collections.abc import Mapping

from awsgluedq.dqdl.model import (
    Analyzer,
    AnyRule,
    Binary,
    Call,
    Composite,
    Condition,
    Keyword,
    Number,
    Operand,
    Parens,
    Text,
)


def rule_text(rule: AnyRule) -> str:
    """The normal spelling of a rule, without its labels."""
    if isinstance(rule, Composite):
        return f" {rule.operator} ".join(f"({rule_text(member)})" for member in rule.members)
    parts = [rule.type, *(_quoted(one) for one in rule.parameters)]
    if rule.condition is not None:
        parts.append(condition_text(rule.condition))
    if rule.where is not None:
        parts.append(f"where {_quoted(rule.where)}")
    if rule.threshold is not None:
        parts.append(f"with threshold {condition_text(rule.threshold)}")
    parts += _tags(rule.tags)
    return " ".join(parts)


def analyzer_text(analyzer: Analyzer) -> str:
    """The normal spelling of an analyzer."""
    return " ".join([analyzer.type, *(_quoted(one) for one in analyzer.parameters), *_tags(analyzer.tags)])


def condition_text(condition: Condition) -> str:
    """The normal spelling of a condition."""
    word = f"not {condition.operator}" if condition.negated else condition.operator
    operands = [operand_text(one) for one in condition.operands]
    if condition.operator == "between":
        return f"{word} {operands[0]} and {operands[1]}"
    if condition.operator == "in":
        return f"{word} [{','.join(operands)}]"
    return f"{word} {operands[0]}"


def operand_text(operand: Operand) -> str:
    """The normal spelling of an operand."""
    match operand:
        case Number(text=text, unit=unit):
            return f"{text} {unit}" if unit else text
        case Text(value=value):
            return _quoted(value)
        case Keyword(name=name):
            return name
        case Call(name=name, arguments=arguments):
            return f"{name}({','.join(operand_text(one) for one in arguments)})"
        case Binary(operator=operator, left=left, right=right):
            return f"{operand_text(left)} {operator} {operand_text(right)}"
        case Parens(inner=inner):
            return f"({operand_text(inner)})"


def _tags(tags: Mapping[str, str | tuple[str, ...]]) -> list[str]:
    made = []
    for name, value in tags.items():
        text = f"[{','.join(_quoted(one) for one in value)}]" if isinstance(value, tuple) else _quoted(value)
        made.append(f"with {name} = {text}")
    return made


def _quoted(text: str) -> str:
    # A backslash stands for itself unless what follows would make an escape of it.
    return '"' + re.sub(r'\\(?=[\\"]|$)|"', lambda found: "\\" + found.group(), text) + '"'
