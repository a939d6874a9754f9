"""What targets get, and when scheduled rules fire."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mastic.aws.events import inputs, schedules
from mastic.errors import ServiceError

EVENT = {
    "id": "e",
    "detail": {"jobName": "j", "n": 3, "tags": ["a", "b"], "say": 'the "end"', "in": {"x": 1}},
}
FACTS = {"rule-name": "r", "rule-arn": "arn:r", "event.ingestion-time": "t"}


def transform(template: str, **paths: str) -> str:
    target = {"Id": "t", "InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
    inputs.check(target)
    return inputs.render(target, EVENT, FACTS)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.detail.jobName", "j"),
        ("$.detail.tags[1]", "b"),
        ("$.detail['n']", 3),
        ("$.detail.none.deeper", None),
        ("$.detail.tags[9]", None),
    ],
)
def test_paths(path: str, expected: Any) -> None:
    inputs.check_path(path)
    assert json.loads(inputs.render({"InputPath": path}, EVENT, FACTS)) == expected


def test_templates() -> None:
    assert transform('"Job <job> ended"', job="$.detail.jobName") == '"Job j ended"'
    assert json.loads(transform('{"job": <job>, "n": <n>}', job="$.detail.jobName", n="$.detail.n")) == {
        "job": "j",
        "n": 3,
    }
    assert json.loads(transform('{"a": "<say>"}', say="$.detail.say")) == {"a": 'the "end"'}
    assert json.loads(transform('{"a": "n is <n>", "b": <in>}', n="$.detail.n", **{"in": "$.detail.in"})) == {
        "a": "n is 3",
        "b": {"x": 1},
    }
    assert json.loads(transform('{"r": <aws.events.rule-name>, "e": <aws.events.event.json>}')) == {
        "r": "r",
        "e": EVENT,
    }
    assert json.loads(transform('{"a": <gone>, "b": "<gone>"}', gone="$.x")) == {"a": None, "b": ""}


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "not json"},
        {"Input": "{}", "InputPath": "$"},
        {"InputPath": "detail"},
        {"InputTransformer": {"InputTemplate": '"<unknown>"'}},
        {"InputTransformer": {"InputTemplate": "bare words"}},
    ],
)
def test_inputs_that_cannot_be_made(target: dict[str, Any]) -> None:
    with pytest.raises(ServiceError):
        inputs.check({"Id": "t", **target})


AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC)),
        ("rate(15 minutes)", datetime(2026, 1, 2, 3, 19, 5, tzinfo=UTC)),
        ("rate(1 day)", datetime(2026, 1, 3, 3, 4, 5, tzinfo=UTC)),
        ("cron(0 2 * * ? *)", datetime(2026, 1, 3, 2, 0, tzinfo=UTC)),
        ("cron(* * * * ? *)", datetime(2026, 1, 2, 3, 5, tzinfo=UTC)),
    ],
)
def test_next_tick(expression: str, expected: datetime) -> None:
    schedules.check(expression)
    assert schedules.next_after(expression, AT, AT) == expected


def test_missed_ticks_keep_the_rhythm() -> None:
    late = AT.replace(hour=10, minute=0)
    following = schedules.next_after("rate(1 hour)", AT, late)
    assert following == AT.replace(hour=10)


@pytest.mark.parametrize(
    "expression", ["rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "cron(* *)", "daily"]
)
def test_schedules_that_are_none(expression: str) -> None:
    with pytest.raises(ServiceError, match="ScheduleExpression is not valid"):
        schedules.check(expression)
