"""The event pattern language, as tables, and against a plain model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastic.aws.events import patterns
from mastic.errors import ServiceError

EVENT = {
    "source": "aws.glue",
    "detail-type": "Glue Job State Change",
    "resources": ["arn:a", "arn:b"],
    "detail": {
        "state": "FAILED",
        "jobName": "csv-to-iceberg",
        "count": 42,
        "ratio": 0.5,
        "ok": True,
        "nothing": None,
        "empty": [],
        "ip": "10.1.2.3",
        "items": [{"name": "x", "n": 1}, {"name": "y", "n": 2}],
    },
}


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"state": ["FAILED", "TIMEOUT"]}, True),
        ({"state": ["failed"]}, False),
        ({"state": ["SUCCEEDED"]}, False),
        ({"jobName": [{"prefix": "csv-"}]}, True),
        ({"jobName": [{"prefix": {"equals-ignore-case": "CSV-"}}]}, True),
        ({"jobName": [{"prefix": "x"}]}, False),
        ({"jobName": [{"suffix": "iceberg"}]}, True),
        ({"jobName": [{"suffix": {"equals-ignore-case": "ICEBERG"}}]}, True),
        ({"count": [{"prefix": "4"}]}, False),
        ({"state": [{"anything-but": "FAILED"}]}, False),
        ({"state": [{"anything-but": ["SUCCEEDED", "STOPPED"]}]}, True),
        ({"count": [{"anything-but": [1, 2]}]}, True),
        ({"count": [{"anything-but": 42}]}, False),
        ({"jobName": [{"anything-but": {"prefix": "csv"}}]}, False),
        ({"jobName": [{"anything-but": {"suffix": ["a", "b"]}}]}, True),
        ({"jobName": [{"anything-but": {"wildcard": "*-to-*"}}]}, False),
        ({"jobName": [{"anything-but": {"equals-ignore-case": ["x", "CSV-TO-ICEBERG"]}}]}, False),
        ({"absent": [{"anything-but": "x"}]}, False),
        ({"count": [{"numeric": [">", 40, "<=", 42]}]}, True),
        ({"count": [{"numeric": ["=", 42]}]}, True),
        ({"count": [{"numeric": ["<", 42]}]}, False),
        ({"ratio": [0.5]}, True),
        ({"state": [{"numeric": ["=", 42]}]}, False),
        ({"count": ["42"]}, False),
        ({"count": [42.0]}, True),
        ({"ok": [True]}, True),
        ({"ok": ["true"]}, False),
        ({"nothing": [None]}, True),
        ({"state": [None]}, False),
        ({"state": [{"exists": True}]}, True),
        ({"absent": [{"exists": False}]}, True),
        ({"state": [{"exists": False}]}, False),
        ({"deep": {"absent": [{"exists": False}]}}, True),
        ({"nothing": [{"exists": True}]}, True),
        ({"empty": [{"exists": True}]}, False),
        ({"absent": ["x", {"exists": False}]}, True),
        ({"ip": [{"cidr": "10.0.0.0/8"}]}, True),
        ({"ip": [{"cidr": "11.0.0.0/8"}]}, False),
        ({"state": [{"cidr": "10.0.0.0/8"}]}, False),
        ({"jobName": [{"wildcard": "csv-*-ice*"}]}, True),
        ({"jobName": [{"wildcard": "csv*x"}]}, False),
        ({"state": [{"equals-ignore-case": "failed"}]}, True),
        ({"items": {"name": ["y"], "n": [2]}}, True),
        ({"items": {"name": ["y"], "n": [1]}}, False),
        ({"$or": [{"state": ["X"]}, {"count": [{"numeric": [">", 1]}]}]}, True),
        ({"$or": [{"state": ["X"]}, {"count": [1]}]}, False),
        ({"$or": [{"state": ["FAILED"]}, {"count": [1]}], "jobName": ["other"]}, False),
    ],
)
def test_matching(detail: dict[str, Any], expected: bool) -> None:
    pattern = patterns.parse(json.dumps({"source": ["aws.glue"], "detail": detail}))
    assert patterns.matches(pattern, EVENT) is expected


def test_any_element_of_an_array_matches() -> None:
    assert patterns.matches(patterns.parse('{"resources": ["arn:b"]}'), EVENT)
    assert not patterns.matches(patterns.parse('{"resources": ["arn:c"]}'), EVENT)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Filter is not an object"),
        ("{}", "Empty objects are not allowed"),
        ('{"source": "aws.glue"}', '"source" must be an object or an array'),
        ('{"source": []}', "Empty arrays are not allowed"),
        ('{"source": [[1]]}', "Match value must be String, number, true, false, or null"),
        ('{"source": [{"sounds-like": "x"}]}', "Unrecognized match type sounds-like"),
        ('{"source": [{"prefix": 1}]}', "prefix match pattern must be a string"),
        ('{"source": [{"prefix": "a", "suffix": "b"}]}', "Only one key allowed in match expression"),
        ('{"n": [{"numeric": [">"]}]}', "Value of numeric must be an array"),
        ('{"n": [{"numeric": ["~", 1]}]}', "Unrecognized numeric range operator: ~"),
        ('{"n": [{"numeric": [">", 1, ">", 2]}]}', "Bad numeric range"),
        ('{"n": [{"exists": "yes"}]}', "exists match pattern must be either true or false."),
        ('{"n": [{"anything-but": ["a", 1]}]}', "Inside anything but list"),
        ('{"n": [{"anything-but": {"exists": true}}]}', "Unsupported anything-but pattern: exists"),
        ('{"n": [{"cidr": "10.0.0.0/99"}]}', "Malformed CIDR"),
        ('{"n": [{"wildcard": "a**"}]}', "Consecutive wildcard characters at pos 1"),
    ],
)
def test_patterns_that_are_none(pattern: str, reason: str) -> None:
    with pytest.raises(ServiceError) as refused:
        patterns.parse(pattern)
    assert refused.value.code == "InvalidEventPatternException"
    assert refused.value.message.startswith(f"Event pattern is not valid. Reason: {reason}")


scalars = st.one_of(st.text("ab", max_size=3), st.integers(-3, 3), st.booleans(), st.none())
events = st.recursive(
    scalars, lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3), max_leaves=8
).filter(lambda e: isinstance(e, dict))


@given(events, events)
def test_a_pattern_of_values_is_containment(event: dict[str, Any], part: dict[str, Any]) -> None:
    def listed(value: Any) -> Any:
        return {k: listed(v) for k, v in value.items()} if isinstance(value, dict) else [value]

    def contains(whole: Any, some: Any) -> bool:
        if isinstance(some, dict):
            return isinstance(whole, dict) and all(
                k in whole and contains(whole[k], v) for k, v in some.items()
            )
        return not isinstance(whole, dict) and type(whole) is type(some) and whole == some

    def has_empty(value: Any) -> bool:
        return isinstance(value, dict) and (not value or any(has_empty(v) for v in value.values()))

    if has_empty(part):
        with pytest.raises(ServiceError):
            patterns.parse(json.dumps(listed(part)))
        return
    assert patterns.matches(patterns.parse(json.dumps(listed(part))), event) == contains(event, part)


@given(events, st.sampled_from("xyz"))
def test_exists_true_and_false_are_opposites(event: dict[str, Any], name: str) -> None:
    yes = patterns.parse(json.dumps({name: [{"exists": True}]}))
    no = patterns.parse(json.dumps({name: [{"exists": False}]}))
    assert patterns.matches(yes, event) != patterns.matches(no, event)
