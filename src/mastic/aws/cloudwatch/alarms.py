"""Alarms as clients define and read them. Owns the rules of ``cloudwatch_alarms``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.aws.cloudwatch import alarm_rules, definitions, paging, shapes
from mastic.aws.cloudwatch.definitions import invalid
from mastic.aws.cloudwatch.transitions import ACTIONS, Transitions
from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.store import alarms, tags
from mastic.store.alarms import Alarm
from mastic.store.engine import Store, signal

UNCHECKED = "Unchecked: Initial alarm creation"
SIGNAL = "cloudwatch.alarms"


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """Operations on alarms and on the tags of CloudWatch's resources."""

    store: Store
    clock: Clock
    transitions: Transitions

    def put_metric_alarm(self, context: Context, request: dict[str, Any]) -> None:
        definitions.check_metric_alarm(request)
        self._put(context, "MetricAlarm", request)

    def put_composite_alarm(self, context: Context, request: dict[str, Any]) -> None:
        rule = alarm_rules.parse(request["AlarmRule"])
        for member in (
            "ActionsSuppressor",
            "ActionsSuppressorWaitPeriod",
            "ActionsSuppressorExtensionPeriod",
        ):
            if member in request:
                raise invalid(f"{member} is not implemented by Mastic")
        with self.store.read() as tx:
            for child in alarm_rules.children(rule):
                name = child.rpartition(":alarm:")[2]
                if name == request["AlarmName"] or alarms.find(tx, context.scope, name) is None:
                    raise invalid(
                        f"Could not save the composite alarm as alarms [{name}] in the alarm rule do not "
                        "exist"
                    )
                if request["AlarmName"] in _below(tx, context.scope, name):
                    raise invalid(f"The alarm rule makes {name} depend on itself")
        self._put(context, "CompositeAlarm", request)

    def _put(self, context: Context, kind: str, request: dict[str, Any]) -> None:
        now = self.clock.now()
        for member in ACTIONS.values():
            definitions.check_actions(request.get(member, []))
        given = dict(request)
        wanted, enabled = given.pop("Tags", []), given.pop("ActionsEnabled", True)
        alarm = Alarm(
            scope=context.scope, name=request["AlarmName"], kind=kind, body=given, actions_enabled=enabled,
            configured=now, state="INSUFFICIENT_DATA", reason=UNCHECKED, reason_data=None, updated=now,
            transitioned=now, due=now if kind == "MetricAlarm" else None,
        )  # fmt: skip
        with self.store.write() as tx:
            old = alarms.find(tx, context.scope, alarm.name)
            if old is not None and old.kind != kind:
                raise invalid(f"An alarm of another type with the name {alarm.name} exists already")
            if old is None:
                alarms.create(tx, alarm)
                tags.put(tx, context.scope, shapes.arn(alarm.scope, alarm.name), _tags(wanted))
            else:
                alarms.configure(tx, alarm)
                alarm = replace(old, body=given, actions_enabled=enabled, configured=now, due=alarm.due)
            verb, change = ("updated", "Update") if old else ("created", "Create")
            alarms.record(
                tx, alarm, now, "ConfigurationUpdate", f'Alarm "{alarm.name}" {verb}',
                {"version": "1.0", "type": change},
            )  # fmt: skip
            if kind == "CompositeAlarm":
                self.transitions.judge(tx, alarm)
            signal(tx, SIGNAL)

    def describe_alarms(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        kinds = request.get("AlarmTypes", ["MetricAlarm"])
        with self.store.read() as tx:
            if {"ChildrenOfAlarmName", "ParentsOfAlarmName"} & request.keys():
                return {"CompositeAlarms": self._relatives(tx, context, request), "MetricAlarms": []}
            found = alarms.listing(tx, context.scope, prefix=request.get("AlarmNamePrefix", ""))
        if "AlarmNames" in request:
            # Asking for alarms by name finds them whatever their type, as long as no type was asked for.
            kinds = request.get("AlarmTypes", ["MetricAlarm", "CompositeAlarm"])
            found = [each for each in found if each.name in request["AlarmNames"]]
        after = paging.read(request.get("NextToken"), "alarms")
        matching = [
            each
            for each in found
            if each.kind in kinds
            and (after is None or each.name > after)
            and request.get("StateValue", each.state) == each.state
            and any(action.startswith(request.get("ActionPrefix", "")) for action in _actions(each))
        ]
        size = request.get("MaxRecords", 50)
        shown, more = matching[:size], len(matching) > size
        return {
            "MetricAlarms": [shapes.on_the_wire(each) for each in shown if each.kind == "MetricAlarm"],
            "CompositeAlarms": [shapes.on_the_wire(each) for each in shown if each.kind == "CompositeAlarm"],
            "NextToken": paging.token("alarms", shown[-1].name) if more else None,
        }

    def _relatives(
        self, tx: Connection, context: Context, request: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        if "ChildrenOfAlarmName" in request:
            parent = alarms.find(tx, context.scope, request["ChildrenOfAlarmName"])
            rule = parent.body.get("AlarmRule", "FALSE") if parent else "FALSE"
            names = {
                child.rpartition(":alarm:")[2] for child in alarm_rules.children(alarm_rules.parse(rule))
            }
            chosen = [each for each in alarms.listing(tx, context.scope) if each.name in names]
        else:
            name = request["ParentsOfAlarmName"]
            wanted = {name, shapes.arn(context.scope, name)}
            chosen = [
                each
                for each in alarms.listing(tx, context.scope, kind="CompositeAlarm")
                if wanted & alarm_rules.children(alarm_rules.parse(each.body["AlarmRule"]))
            ]
        shown = (shapes.on_the_wire(each) for each in chosen)
        members = ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp")
        return [{member: each[member] for member in members} for each in shown]

    def describe_alarms_for_metric(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            found = alarms.listing(tx, context.scope, kind="MetricAlarm")
        members = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit")
        asked = {member: request[member] for member in members if member in request}
        wanted = _sorted(request.get("Dimensions", []))
        return {
            "MetricAlarms": [
                shapes.on_the_wire(each)
                for each in found
                if all(each.body.get(member) == value for member, value in asked.items())
                and _sorted(each.body.get("Dimensions", [])) == wanted
            ]
        }

    def delete_alarms(self, context: Context, request: dict[str, Any]) -> None:
        names = request["AlarmNames"]
        now = self.clock.now()
        with self.store.write() as tx:
            gone = [found for name in names if (found := alarms.find(tx, context.scope, name))]
            arns = {shapes.arn(context.scope, each.name) for each in gone} | {each.name for each in gone}
            for parent in alarms.listing(tx, context.scope, kind="CompositeAlarm"):
                watched = alarm_rules.children(alarm_rules.parse(parent.body["AlarmRule"]))
                if parent.name not in names and watched & arns:
                    listed = ", ".join(sorted(each.name for each in gone))
                    raise invalid(
                        f"Cannot delete {listed} as there are composite alarms depending on it: {parent.name}"
                    )
            for each in gone:
                alarms.record(
                    tx, each, now, "ConfigurationUpdate", f'Alarm "{each.name}" deleted',
                    {"version": "1.0", "type": "Delete"},
                )  # fmt: skip
                tags.delete_arn(tx, context.scope, shapes.arn(context.scope, each.name))
            alarms.remove(tx, context.scope, [each.name for each in gone])

    def set_alarm_state(self, context: Context, request: dict[str, Any]) -> None:
        data = request.get("StateReasonData")
        try:
            parsed = orjson.loads(data) if data else None
        except orjson.JSONDecodeError:
            raise ServiceError("InvalidFormat", "StateReasonData must be valid JSON", status=400) from None
        with self.store.write() as tx:
            alarm = alarms.find(tx, context.scope, request["AlarmName"])
            if alarm is None:
                raise ServiceError("ResourceNotFound", "Unknown alarm name", status=404)
            self.transitions.change(tx, alarm, request["StateValue"], request["StateReason"], parsed)
            signal(tx, SIGNAL)

    def enable_alarm_actions(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            alarms.enable_actions(tx, context.scope, request["AlarmNames"], True)

    def disable_alarm_actions(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            alarms.enable_actions(tx, context.scope, request["AlarmNames"], False)

    def describe_alarm_history(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            items = alarms.recorded(
                tx, context.scope, name=request.get("AlarmName"), item=request.get("HistoryItemType")
            )
        kinds = request.get("AlarmTypes", ["MetricAlarm"])
        after = int(paging.read(request.get("NextToken"), "history") or 0)
        chosen = [
            each
            for each in items
            if each.kind in kinds
            and request.get("StartDate", each.at) <= each.at <= request.get("EndDate", each.at)
        ]
        if request.get("ScanBy") == "TimestampAscending":
            chosen.reverse()
        size = request.get("MaxRecords", 100)
        shown = chosen[after : after + size]
        more = len(chosen) > after + size
        return {
            "AlarmHistoryItems": [
                {
                    "AlarmName": each.name,
                    "AlarmType": each.kind,
                    "Timestamp": each.at,
                    "HistoryItemType": each.item,
                    "HistorySummary": each.summary,
                    "HistoryData": orjson.dumps(each.data).decode(),
                }
                for each in shown
            ],
            "NextToken": paging.token("history", str(after + size)) if more else None,
        }

    def list_tags_for_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["ResourceARN"]
        with self.store.read() as tx:
            self._require(tx, context, arn)
            found = tags.get(tx, _scope(context, arn), arn)
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}

    def tag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["ResourceARN"]
        with self.store.write() as tx:
            self._require(tx, context, arn)
            tags.put(tx, _scope(context, arn), arn, _tags(request["Tags"]))
        return {}

    def untag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["ResourceARN"]
        with self.store.write() as tx:
            self._require(tx, context, arn)
            tags.remove(tx, _scope(context, arn), arn, request["TagKeys"])
        return {}

    def _require(self, tx: Connection, context: Context, arn: str) -> None:
        if ":alarm:" in arn and alarms.find(tx, context.scope, arn.partition(":alarm:")[2]):
            return
        if ":dashboard/" in arn:
            name = arn.partition(":dashboard/")[2]
            if any(each.name == name for each in alarms.list_dashboards(tx, context.account_id)):
                return
        raise ServiceError("ResourceNotFoundException", f"{arn} does not exist", status=404)


def _scope(context: Context, arn: str) -> str:
    return context.scope if ":alarm:" in arn else f"{split_scope(context.scope)[0]}:"


def _actions(alarm: Alarm) -> list[str]:
    found = [action for member in ACTIONS.values() for action in alarm.body.get(member, [])]
    return found or [""]


def _sorted(dimensions: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    return sorted((each["Name"], each["Value"]) for each in dimensions)


def _tags(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in given}


def _below(tx: Connection, scope: str, name: str) -> set[str]:
    """The names of all alarms that an alarm depends on, however indirectly."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        alarm = alarms.find(tx, scope, waiting.pop())
        rule = alarm.body.get("AlarmRule", "FALSE") if alarm else "FALSE"
        names = {child.rpartition(":alarm:")[2] for child in alarm_rules.children(alarm_rules.parse(rule))}
        waiting += names - found
        found |= names
    return found
