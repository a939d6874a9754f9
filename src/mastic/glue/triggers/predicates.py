"""When a conditional trigger fires, and what a trigger may be made of. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mastic import cron
from mastic.errors import invalid_input
from mastic.glue.jobs import arguments, capacity, rules

JOB_STATES = ("SUCCEEDED", "STOPPED", "FAILED", "TIMEOUT")
CRAWL_STATES = ("SUCCEEDED", "FAILED", "CANCELLED")
MOST_CRAWLERS = 2
_BODY = ("Description", "Schedule", "Predicate", "Actions", "EventBatchingCondition")


def fires(logical: str, conditions: int, met: Collection[int]) -> bool:
    """Whether these met conditions (by position) are enough."""
    return bool(met) if logical == "ANY" else len(set(met)) == conditions


def watched(state: str, *, final: bool) -> bool:
    """Whether the end of a run counts: one that will be retried does not."""
    return final and state in JOB_STATES


def lineage_allows(*, strict: bool, started_by_trigger: bool) -> bool:
    """Glue's rule: only runs that a trigger started fire another trigger; relaxed unless ``strict``."""
    return started_by_trigger or not strict


def same_context(
    trigger_workflow: str | None, run_workflow: str | None, run_workflow_run: str | None
) -> bool:
    """A workflow's triggers see the runs of its workflow runs; triggers outside see all other runs."""
    if trigger_workflow is None:
        return run_workflow_run is None
    return run_workflow_run is not None and run_workflow == trigger_workflow


def body(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The stored body of a trigger of this type; raises InvalidInputException."""
    kept = {name: given[name] for name in _BODY if given.get(name) is not None}
    _check_actions(kept.get("Actions"))
    if kind == "SCHEDULED":
        _check_schedule(kept.get("Schedule"))
    elif kept.get("Schedule"):
        raise invalid_input(f"Schedule cannot be set for a trigger of type {kind}.")
    if kind == "CONDITIONAL":
        _check_predicate(kept.get("Predicate"))
        _check_cycle(kept)
    elif kept.get("Predicate", {}).get("Conditions"):
        raise invalid_input(f"Predicate cannot be set for a trigger of type {kind}.")
    if kind == "EVENT":
        _check_batching(kept.get("EventBatchingCondition"))
    elif kept.get("EventBatchingCondition"):
        raise invalid_input(f"EventBatchingCondition cannot be set for a trigger of type {kind}.")
    return kept


def _check_actions(actions: list[dict[str, Any]] | None) -> None:
    if not actions:
        raise invalid_input("Actions cannot be null or empty")
    for action in actions:
        if bool(action.get("JobName")) == bool(action.get("CrawlerName")):
            raise invalid_input("An action has to name either a job or a crawler.")
        arguments.check("Arguments", action.get("Arguments"))
        capacity.check_timeout(action.get("Timeout"))
        rules.notification(action.get("NotificationProperty"))
    if sum(1 for action in actions if action.get("CrawlerName")) > MOST_CRAWLERS:
        raise invalid_input(f"A trigger can start at most {MOST_CRAWLERS} crawlers.")


def _check_schedule(expression: str | None) -> None:
    if not expression:
        raise invalid_input("Schedule cannot be null or empty for a trigger of type SCHEDULED.")
    try:
        cron.parse(expression)
    except cron.InvalidSchedule as error:
        raise invalid_input(f"The schedule expression {expression} is invalid: {error}.") from error


def _check_predicate(predicate: Mapping[str, Any] | None) -> None:
    conditions = (predicate or {}).get("Conditions") or []
    if not conditions:
        raise invalid_input("Predicate cannot be null or empty for a trigger of type CONDITIONAL.")
    assert predicate is not None
    if len(conditions) > 1 and not predicate.get("Logical"):
        raise invalid_input("Logical cannot be null or empty for a predicate of several conditions.")
    for condition in conditions:
        _check_condition(condition)


def _check_condition(condition: Mapping[str, Any]) -> None:
    if not condition.get("LogicalOperator"):
        raise invalid_input("Logical operator cannot be null or empty")
    if bool(condition.get("JobName")) == bool(condition.get("CrawlerName")):
        raise invalid_input("A condition has to name either a job or a crawler.")
    if condition.get("JobName"):
        state, allowed = condition.get("State"), list(JOB_STATES)
    else:
        state, allowed = condition.get("CrawlState"), list(CRAWL_STATES)
    if not state:
        raise invalid_input("State cannot be null or empty")
    if state not in allowed:
        raise invalid_input(f"State {state} cannot be watched: use one of {', '.join(allowed)}.")


def _check_cycle(kept: Mapping[str, Any]) -> None:
    watched_jobs = {condition.get("JobName") for condition in kept["Predicate"]["Conditions"]} - {None}
    if watched_jobs & {action.get("JobName") for action in kept["Actions"]}:
        raise invalid_input("Job cannot be a Predicate and Action for Conditional Trigger.")


def _check_batching(condition: Mapping[str, Any] | None) -> None:
    if condition is None:
        return
    if not 1 <= condition.get("BatchSize", 1) <= 100:
        raise invalid_input("BatchSize should be between 1 and 100.")
    if not 1 <= condition.get("BatchWindow", 900) <= 900:
        raise invalid_input("BatchWindow should be between 1 and 900 seconds.")
