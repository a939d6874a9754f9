"""What an entity type is: where to look (a pattern), whether it is one (a check), and what has to be near it."""

from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

Span = tuple[int, int]
LEAST_DIGITS = 7
NEAR = 60  # characters before and after an entity in which its words are looked for


@dataclass(frozen=True, kw_only=True)
class EntityType:
    """One entity type. `words`: at low sensitivity one of them has to be near, or in the column's name; where there is
    a `loose` pattern, that holds for what it matches only.

    `check` names how a candidate is judged: "luhn", "ip", "phone:US", "std:us.ssn" (a module of python-stdnum), …
    """

    name: str
    pattern: str
    check: str = ""
    words: tuple[str, ...] = ()
    loose: str = ""

    def spans(self, text: str, column: str, *, high: bool) -> Iterator[Span]:
        """Where the entity is in a text."""
        if self.check.startswith("phone:"):
            yield from _phones(text, self.check[6:])
            return
        yield from self._matches(
            self.pattern, text, column, near=bool(self.words) and not self.loose and not high
        )
        if self.loose:
            yield from self._matches(self.loose, text, column, near=not high)

    def _matches(self, pattern: str, text: str, column: str, *, near: bool) -> Iterator[Span]:
        for match in _compiled(pattern).finditer(text):
            start, end = match.span()
            if passes(self.check, match.group()) and (not near or self._near(text, start, end, column)):
                yield start, end

    def _near(self, text: str, start: int, end: int, column: str) -> bool:
        around = f"{column} {text[max(start - NEAR, 0) : start]} {text[end : end + NEAR]}"
        plain = f" {re.sub(r'[^a-z0-9]+', ' ', around.lower())} "
        return any(f" {word} " in plain for word in self.words)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def passes(check: str, candidate: str) -> bool:
    """Whether a candidate is what its pattern takes it for."""
    kind, _, argument = check.partition(":")
    if kind == "std":
        return bool(_module(argument).is_valid(candidate))
    return _CHECKS[kind](candidate)


@cache
def _module(name: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"stdnum.{name}")


def _phones(text: str, region: str) -> Iterator[Span]:
    # The library looks long at every text; no number has fewer digits.
    if sum(map(str.isdigit, text)) < LEAST_DIGITS:
        return
    import phonenumbers

    wanted = phonenumbers.country_code_for_region(region)
    for match in phonenumbers.PhoneNumberMatcher(text, region):
        # "PHONE_NUMBER" is any country's; the others are their own country's.
        if region == "US" or match.number.country_code == wanted:
            yield match.start, match.end


def _card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return digits[0] in "23456" and len(set(digits)) > 1 and _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _provider(text: str) -> bool:
    # The check digit of a provider's number counts the prefix of health cards in the United States.
    return text[0] in "12" and _luhn(f"80840{text}")


def _dea(text: str) -> bool:
    digits = [int(one) for one in text[2:]]
    total = digits[0] + digits[2] + digits[4] + 2 * (digits[1] + digits[3] + digits[5])
    return total % 10 == digits[6]


def _mod97(text: str) -> bool:
    module = _module("iban")
    return bool(module.is_valid(text))


_CHECKS: dict[str, Callable[[str], bool]] = {
    "": lambda text: True,
    "card": _card,
    "dea": _dea,
    "iban": _mod97,
    "ip": _address,
    "npi": _provider,
    "phone": lambda text: True,
}
