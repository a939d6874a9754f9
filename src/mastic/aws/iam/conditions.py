"""Condition blocks of policies. Pure rules.

Each operator compares one value of the request with one value of the policy; ``IfExists``, ``ForAllValues:``
and ``ForAnyValue:`` go around them, as IAM has it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

Keys = Mapping[str, Sequence[str]]
Substitute = Callable[[str, Keys], str | None]
Compare = Callable[[str, str], bool]


def holds(
    block: Mapping[str, Mapping[str, Any]], keys: Keys, substitute: Substitute
) -> tuple[bool, set[str]]:
    """Whether every condition holds, and the keys that the request lacks."""
    result = True
    absent: set[str] = set()
    for operator, wanted in block.items():
        for key, values in wanted.items():
            had = keys.get(key.lower())
            if had is None and operator != "Null":
                absent.add(key)
            result &= _holds_one(operator, had, _texts(values), keys, substitute)
    return result, absent


def check(block: Any, malformed: Callable[[str], Exception]) -> None:
    """Refuse a block whose operators or shape IAM does not know."""
    if not isinstance(block, dict):
        raise malformed("Syntax errors in policy.")
    for operator, wanted in block.items():
        _, base, _ = _split(operator)
        if base not in _OPERATORS and base != "Null":
            raise malformed(f"Invalid Condition type : {operator}.")
        if not isinstance(wanted, dict) or not wanted:
            raise malformed("Syntax errors in policy.")
        if not all(":" in key for key in wanted):
            raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")


def _holds_one(
    operator: str, had: Sequence[str] | None, wanted: Sequence[str], keys: Keys, substitute: Substitute
) -> bool:
    quantifier, base, if_exists = _split(operator)
    if base == "Null":
        return (had is None) == (wanted[0].lower() == "true")
    positive, compare = _OPERATORS[base]
    if not had:
        return if_exists or quantifier == "ForAllValues" or (not positive and quantifier is None)
    targets = [text for text in (substitute(each, keys) for each in wanted) if text is not None]

    def one(value: str) -> bool:
        return any(compare(value, target) for target in targets) == positive

    if quantifier == "ForAllValues":
        return all(one(value) for value in had)
    if quantifier == "ForAnyValue":
        return any(one(value) for value in had)
    return any(one(value) for value in had) if positive else all(one(value) for value in had)


def _split(operator: str) -> tuple[str | None, str, bool]:
    quantifier, colon, rest = operator.rpartition(":")
    base = rest.removesuffix("IfExists")
    return (quantifier if colon else None), base, base != rest


def _texts(values: Any) -> list[str]:
    listed = values if isinstance(values, list) else [values]
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in listed]


@lru_cache(maxsize=4096)
def _like(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def _string_like(value: str, pattern: str) -> bool:
    return _like(pattern).fullmatch(value) is not None


def _arn_like(value: str, pattern: str) -> bool:
    mine, theirs = value.split(":", 5), pattern.split(":", 5)
    return len(mine) == len(theirs) == 6 and all(
        _string_like(a, b) for a, b in zip(mine, theirs, strict=True)
    )


def _in_network(value: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _numeric(test: Callable[[float, float], bool]) -> Compare:
    def compare(value: str, wanted: str) -> bool:
        try:
            return test(float(value), float(wanted))
        except ValueError:
            return False

    return compare


def _dated(test: Callable[[float, float], bool]) -> Compare:
    def compare(value: str, wanted: str) -> bool:
        try:
            return test(_epoch(value), _epoch(wanted))
        except ValueError:
            return False

    return compare


def _epoch(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


# operator → (a match must be found, comparison); "Not" operators demand that none is found.
_OPERATORS: Mapping[str, tuple[bool, Compare]] = {
    "StringEquals": (True, lambda a, b: a == b),
    "StringNotEquals": (False, lambda a, b: a == b),
    "StringEqualsIgnoreCase": (True, lambda a, b: a.lower() == b.lower()),
    "StringNotEqualsIgnoreCase": (False, lambda a, b: a.lower() == b.lower()),
    "StringLike": (True, _string_like),
    "StringNotLike": (False, _string_like),
    "ArnEquals": (True, _arn_like),
    "ArnLike": (True, _arn_like),
    "ArnNotEquals": (False, _arn_like),
    "ArnNotLike": (False, _arn_like),
    "Bool": (True, lambda a, b: a.lower() == b.lower()),
    "BinaryEquals": (True, lambda a, b: a == b),
    "IpAddress": (True, _in_network),
    "NotIpAddress": (False, _in_network),
    "NumericEquals": (True, _numeric(lambda a, b: a == b)),
    "NumericNotEquals": (False, _numeric(lambda a, b: a == b)),
    "NumericLessThan": (True, _numeric(lambda a, b: a < b)),
    "NumericLessThanEquals": (True, _numeric(lambda a, b: a <= b)),
    "NumericGreaterThan": (True, _numeric(lambda a, b: a > b)),
    "NumericGreaterThanEquals": (True, _numeric(lambda a, b: a >= b)),
    "DateEquals": (True, _dated(lambda a, b: a == b)),
    "DateNotEquals": (False, _dated(lambda a, b: a == b)),
    "DateLessThan": (True, _dated(lambda a, b: a < b)),
    "DateLessThanEquals": (True, _dated(lambda a, b: a <= b)),
    "DateGreaterThan": (True, _dated(lambda a, b: a > b)),
    "DateGreaterThanEquals": (True, _dated(lambda a, b: a >= b)),
}
