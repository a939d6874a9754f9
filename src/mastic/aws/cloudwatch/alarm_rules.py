"""The rule of a composite alarm: states of other alarms, joined with AND, OR and NOT. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mastic.errors import ServiceError

_TOKEN = re.compile(
    r"""\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"(?P<quoted>[^"]+)"|'(?P<single>[^']+)'|(?P<bare>[^\s()"']+))\s*\)
        |(?P<word>AND|OR|NOT|TRUE|FALSE)\b|(?P<paren>[()]))""",
    re.VERBOSE,
)
StateOf = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """``state(alarm)``."""

    state: str
    alarm: str


Rule = Leaf | bool | tuple  # type: ignore[type-arg]  # ("AND"|"OR", rule, rule) or ("NOT", rule)


def parse(text: str) -> Rule:
    """The rule as a tree. Raises ValidationError."""
    parser = _Parser(text)
    rule = parser.either()
    if parser.here is not None:
        raise _wrong(f"unexpected text after '{text[: parser.start].strip()}'")
    return rule


def holds(rule: Rule, state_of: StateOf) -> bool:
    """Whether the rule is true; ``state_of`` takes a name or an ARN, and gives None for no such alarm."""
    if isinstance(rule, bool):
        return rule
    if isinstance(rule, Leaf):
        return state_of(rule.alarm) == rule.state
    if rule[0] == "NOT":
        return not holds(rule[1], state_of)
    left, right = holds(rule[1], state_of), holds(rule[2], state_of)
    return (left and right) if rule[0] == "AND" else (left or right)


def children(rule: Rule) -> set[str]:
    """The names or ARNs of the alarms that a rule watches."""
    if isinstance(rule, bool):
        return set()
    if isinstance(rule, Leaf):
        return {rule.alarm}
    return set().union(*(children(each) for each in rule[1:]))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self.start = 0
        self._next = 0
        self.here: re.Match[str] | None = None
        self._advance()

    def _advance(self) -> None:
        self.start = self._next
        rest = self._text[self._next :]
        self.here = _TOKEN.match(self._text, self._next)
        if self.here is None and rest.strip():
            raise _wrong(f"'{rest.strip()[:40]}' is not understood")
        if self.here is not None:
            self._next = self.here.end()

    def _word(self, word: str) -> bool:
        if self.here is not None and self.here["word"] == word:
            self._advance()
            return True
        return False

    def either(self) -> Rule:
        rule = self.both()
        while self._word("OR"):
            rule = ("OR", rule, self.both())
        return rule

    def both(self) -> Rule:
        rule = self.one()
        while self._word("AND"):
            rule = ("AND", rule, self.one())
        return rule

    def one(self) -> Rule:
        if self._word("NOT"):
            return ("NOT", self.one())
        if self._word("TRUE"):
            return True
        if self._word("FALSE"):
            return False
        here = self.here
        if here is None:
            raise _wrong("it ends too early")
        if here["state"]:
            self._advance()
            return Leaf(state=here["state"], alarm=here["quoted"] or here["single"] or here["bare"])
        if here["paren"] == "(":
            self._advance()
            rule = self.either()
            if self.here is None or self.here["paren"] != ")":
                raise _wrong("a closing parenthesis is missing")
            self._advance()
            return rule
        raise _wrong(f"'{here.group().strip()}' is not expected here")


def _wrong(message: str) -> ServiceError:
    return ServiceError("ValidationError", f"AlarmRule is invalid: {message}", status=400)
