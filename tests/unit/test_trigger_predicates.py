"""Which conditions fire a trigger, and which triggers are refused."""

from __future__ import annotations

from typing import Any

import pytest

from mastic.errors import ServiceError
from mastic.glue.triggers import predicates

JOB = {"LogicalOperator": "EQUALS", "JobName": "a", "State": "SUCCEEDED"}
START = [{"JobName": "b"}]


@pytest.mark.parametrize(
    ("logical", "conditions", "met", "fires"),
    [
        ("AND", 1, [], False),
        ("AND", 1, [0], True),
        ("AND", 2, [0], False),
        ("AND", 2, [1], False),
        ("AND", 2, [0, 0], False),
        ("AND", 2, [1, 0], True),
        ("ANY", 3, [], False),
        ("ANY", 3, [2], True),
    ],
)
def test_fires(logical: str, conditions: int, met: list[int], fires: bool) -> None:
    assert predicates.fires(logical, conditions, met) is fires


@pytest.mark.parametrize(
    ("state", "final", "watched"),
    [
        ("SUCCEEDED", True, True),
        ("STOPPED", True, True),
        ("FAILED", True, True),
        ("TIMEOUT", True, True),
        ("FAILED", False, False),  # it will be retried
        ("RUNNING", False, False),
        ("ERROR", True, False),
    ],
)
def test_watched(state: str, final: bool, watched: bool) -> None:
    assert predicates.watched(state, final=final) is watched


@pytest.mark.parametrize(
    ("strict", "by_trigger", "allowed"),
    [(False, False, True), (False, True, True), (True, True, True), (True, False, False)],
)
def test_lineage(strict: bool, by_trigger: bool, allowed: bool) -> None:
    assert predicates.lineage_allows(strict=strict, started_by_trigger=by_trigger) is allowed


@pytest.mark.parametrize(
    ("trigger", "workflow", "run", "same"),
    [
        (None, None, None, True),
        (None, "w", "wr_1", False),
        ("w", None, None, False),
        ("w", "w", "wr_1", True),
        ("w", "other", "wr_1", False),
    ],
)
def test_context(trigger: str | None, workflow: str | None, run: str | None, same: bool) -> None:
    assert predicates.same_context(trigger, workflow, run) is same


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("ON_DEMAND", {}, "Actions cannot be null or empty"),
        ("ON_DEMAND", {"Actions": []}, "Actions cannot be null or empty"),
        ("ON_DEMAND", {"Actions": [{}]}, "either a job or a crawler"),
        ("ON_DEMAND", {"Actions": [{"JobName": "a", "CrawlerName": "c"}]}, "either a job or a crawler"),
        ("ON_DEMAND", {"Actions": [{"CrawlerName": c} for c in "xyz"]}, "at most 2 crawlers"),
        ("ON_DEMAND", {"Actions": [{"JobName": "a", "Timeout": 10081}]}, "at most 10080"),
        ("ON_DEMAND", {"Actions": START, "Schedule": "cron(0 0 * * ? *)"}, "Schedule cannot be set"),
        ("SCHEDULED", {"Actions": START}, "Schedule cannot be null or empty"),
        ("SCHEDULED", {"Actions": START, "Schedule": "cron(0 0 * * * *)"}, "invalid"),
        ("CONDITIONAL", {"Actions": START}, "Predicate cannot be null or empty"),
        (
            "CONDITIONAL",
            {"Actions": START, "Predicate": {"Conditions": []}},
            "Predicate cannot be null or empty",
        ),
        (
            "CONDITIONAL",
            {"Actions": START, "Predicate": {"Conditions": [{"JobName": "a", "State": "SUCCEEDED"}]}},
            "Logical operator cannot be null or empty",
        ),
        (
            "CONDITIONAL",
            {"Actions": START, "Predicate": {"Conditions": [{"LogicalOperator": "EQUALS", "JobName": "a"}]}},
            "State cannot be null or empty",
        ),
        (
            "CONDITIONAL",
            {"Actions": START, "Predicate": {"Conditions": [{**JOB, "State": "RUNNING"}]}},
            "State RUNNING cannot be watched",
        ),
        (
            "CONDITIONAL",
            {"Actions": START, "Predicate": {"Conditions": [JOB, {**JOB, "JobName": "c"}]}},
            "Logical cannot be null or empty",
        ),
        (
            "CONDITIONAL",
            {"Actions": [{"JobName": "a"}], "Predicate": {"Conditions": [JOB]}},
            "Job cannot be a Predicate and Action for Conditional Trigger.",
        ),
        ("EVENT", {"Actions": START, "EventBatchingCondition": {"BatchSize": 101}}, "between 1 and 100"),
    ],
)
def test_refused(kind: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError) as raised:
        predicates.body(kind, given)
    assert raised.value.code == "InvalidInputException"
    assert message in raised.value.message
