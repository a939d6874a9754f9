"""Rules and their tags. Owns the rows of ``event_rules``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from mastic.aws.events import buses, paging, patterns, schedules
from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.store import events, tags
from mastic.store.engine import Store, signal
from mastic.store.events import DEFAULT, Rule

SIGNAL = "events.rules"


def arn(rule: Rule) -> str:
    """A rule's ARN."""
    account, region = split_scope(rule.scope)
    path = rule.name if rule.bus == DEFAULT else f"{rule.bus}/{rule.name}"
    return f"arn:aws:events:{region}:{account}:rule/{path}"


def get(tx: Connection, context: Context, bus: str | None, name: str) -> Rule:
    """The rule, or ResourceNotFoundException."""
    found = events.find_rule(tx, context.scope, buses.name_of(bus), name)
    if found is None:
        raise ServiceError(
            "ResourceNotFoundException",
            f"Rule {name} does not exist on EventBus {buses.name_of(bus)}.",
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Operations on rules, and on the tags of rules and buses."""

    store: Store
    clock: Clock

    def put_rule(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        pattern = patterns.parse(request["EventPattern"]) if request.get("EventPattern") else None
        schedule = request.get("ScheduleExpression") or None
        bus = buses.name_of(request.get("EventBusName"))
        if pattern is None and schedule is None:
            raise ServiceError(
                "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."
            )
        if schedule is not None:
            schedules.check(schedule)
            if bus != DEFAULT:
                raise ServiceError(
                    "ValidationException", "ScheduleExpression is supported only on the default event bus."
                )
        members = ("EventPattern", "ScheduleExpression", "Description", "RoleArn")
        with self.store.write() as tx:
            buses.require(tx, context.scope, bus)
            old = events.find_rule(tx, context.scope, bus, request["Name"])
            rule = Rule(
                scope=context.scope, bus=bus, name=request["Name"], state=request.get("State", "ENABLED"),
                pattern=pattern, schedule=schedule,
                body={member: request[member] for member in members if request.get(member)}, due=None,
            )  # fmt: skip
            events.put_rule(tx, self._timed(rule, old))
            if old is None:
                given = {each["Key"]: each["Value"] for each in request.get("Tags", [])}
                tags.put(tx, context.scope, arn(rule), given)
            signal(tx, SIGNAL)
        return {"RuleArn": arn(rule)}

    def _timed(self, rule: Rule, old: Rule | None) -> Rule:
        """The rule with its next tick; a schedule that stays as it was keeps its rhythm."""
        if rule.schedule is None or rule.state == "DISABLED":
            return replace(rule, due=None)
        if old is not None and old.schedule == rule.schedule and old.due is not None:
            return replace(rule, due=old.due)
        now = self.clock.now()
        return replace(rule, due=schedules.next_after(rule.schedule, now, now))

    def describe_rule(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            rule = get(tx, context, request.get("EventBusName"), request["Name"])
        return {**_shape(rule), "CreatedBy": context.account_id}

    def list_rules(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        bus = buses.name_of(request.get("EventBusName"))
        with self.store.read() as tx:
            buses.require(tx, context.scope, bus)
            found = events.list_rules(tx, context.scope, bus, prefix=request.get("NamePrefix", ""))
        return paging.paged("Rules", found, request, lambda rule: rule.name, _shape)

    def enable_rule(self, context: Context, request: dict[str, Any]) -> None:
        self._switch(context, request, "ENABLED")

    def disable_rule(self, context: Context, request: dict[str, Any]) -> None:
        self._switch(context, request, "DISABLED")

    def _switch(self, context: Context, request: Mapping[str, Any], state: str) -> None:
        with self.store.write() as tx:
            old = get(tx, context, request.get("EventBusName"), request["Name"])
            events.put_rule(tx, self._timed(replace(old, state=state), old))
            signal(tx, SIGNAL)

    def delete_rule(self, context: Context, request: dict[str, Any]) -> None:
        bus = buses.name_of(request.get("EventBusName"))
        with self.store.write() as tx:
            rule = events.find_rule(tx, context.scope, bus, request["Name"])
            if rule is None:
                return
            if events.list_targets(tx, rule):
                raise ServiceError("ValidationException", "Rule can't be deleted since it has targets.")
            events.remove_rule(tx, rule)
            tags.delete_arn(tx, context.scope, arn(rule))

    def list_rule_names_by_target(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        bus = buses.name_of(request.get("EventBusName"))
        with self.store.read() as tx:
            buses.require(tx, context.scope, bus)
            names = events.rules_with_target(tx, context.scope, bus, request["TargetArn"])
        return paging.paged("RuleNames", names, request, lambda name: name, lambda name: name)

    def list_tags_for_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["ResourceARN"]
        with self.store.read() as tx:
            _require(tx, context, arn)
            found = tags.get(tx, context.scope, arn)
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}

    def tag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.write() as tx:
            _require(tx, context, request["ResourceARN"])
            given = {each["Key"]: each["Value"] for each in request["Tags"]}
            tags.put(tx, context.scope, request["ResourceARN"], given)
        return {}

    def untag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.write() as tx:
            _require(tx, context, request["ResourceARN"])
            tags.remove(tx, context.scope, request["ResourceARN"], request["TagKeys"])
        return {}


def _require(tx: Connection, context: Context, arn: str) -> None:
    kind, _, path = arn.split(":", 5)[-1].partition("/")
    if kind == "rule":
        bus, _, name = path.rpartition("/")
        get(tx, context, bus or None, name)
    elif kind == "event-bus":
        buses.require(tx, context.scope, path)
    else:
        raise ServiceError("ResourceNotFoundException", f"{arn} does not exist.")


def _shape(rule: Rule) -> dict[str, Any]:
    return {
        "Name": rule.name,
        "Arn": arn(rule),
        **rule.body,
        "State": rule.state,
        "EventBusName": rule.bus,
    }
