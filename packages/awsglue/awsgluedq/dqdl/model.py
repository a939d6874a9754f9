"""A DQDL document as values: sections, rules, conditions, operands. Nothing here knows an engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal


class DqdlError(ValueError):
    """The text is no ruleset; `problems` are all that was found."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number as it was written, with its unit (days, MB, …) if it has one."""

    text: str
    unit: str = ""

    @property
    def value(self) -> float:
        """The number, without its unit."""
        return float(self.text)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A quoted text."""

    value: str


@dataclass(frozen=True, kw_only=True)
class Keyword:
    """NULL, EMPTY or WHITESPACES_ONLY."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """A function of metrics of earlier runs, or now()."""

    name: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True, kw_only=True)
class Binary:
    """Arithmetic. All operators are of one precedence, from left to right."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, kw_only=True)
class Parens:
    """An operand in parentheses, which dates' arithmetic needs."""

    inner: Operand


Operand = Number | Text | Keyword | Call | Binary | Parens
Operator = Literal["=", "!=", ">", ">=", "<", "<=", "between", "in", "matches"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A comparison with operands; `negated` for not between, not in, not matches."""

    operator: Operator
    operands: tuple[Operand, ...]
    negated: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: a type with its parameters and what has to hold."""

    type: str
    parameters: tuple[str, ...] = ()
    condition: Condition | None = None
    where: str | None = None
    threshold: Condition | None = None
    tags: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Composite:
    """Two or more rules of which all (AND) or one (OR) has to hold."""

    operator: Literal["AND", "OR"]
    members: tuple[AnyRule, ...]
    labels: Mapping[str, str] = field(default_factory=dict)


AnyRule = Rule | Composite


@dataclass(frozen=True, kw_only=True)
class Analyzer:
    """A metric to be measured, without a judgement."""

    type: str
    parameters: tuple[str, ...] = ()
    tags: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ruleset:
    """A whole document. Variables are replaced, and default labels are given to the rules."""

    rules: tuple[AnyRule, ...] = ()
    analyzers: tuple[Analyzer, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    primary: str = ""
    additional: tuple[str, ...] = ()


def leaves(rule: AnyRule) -> Iterator[Rule]:
    """The rules that a rule is made of."""
    if isinstance(rule, Rule):
        yield rule
        return
    for member in rule.members:
        yield from leaves(member)


def with_labels(rule: AnyRule, labels: Mapping[str, str]) -> AnyRule:
    """The same rule with these labels."""
    return replace(rule, labels=dict(labels))
