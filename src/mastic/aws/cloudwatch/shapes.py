"""How alarms look from outside: on the wire, in events, in notifications. Pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from mastic.context import split_scope
from mastic.store.alarms import Alarm

_LISTS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_STATISTICS = {"SampleCount": "SAMPLE_COUNT", "Average": "AVERAGE", "Sum": "SUM", "Minimum": "MINIMUM",
               "Maximum": "MAXIMUM"}  # fmt: skip


def arn(scope: str, name: str) -> str:
    """An alarm's ARN."""
    account, region = split_scope(scope)
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"


def on_the_wire(alarm: Alarm) -> dict[str, Any]:
    """A member of MetricAlarms or CompositeAlarms."""
    body = {key: value for key, value in alarm.body.items() if key != "Tags"}
    lists = {key: body.get(key, []) for key in _LISTS}
    if alarm.kind == "MetricAlarm" and "Metrics" not in body:
        lists["Dimensions"] = body.get("Dimensions", [])
    return {
        **body,
        **lists,
        "AlarmArn": arn(alarm.scope, alarm.name),
        "ActionsEnabled": alarm.actions_enabled,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured,
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateReasonData": alarm.reason_data,
        "StateUpdatedTimestamp": alarm.updated,
        "StateTransitionedTimestamp": alarm.transitioned,
    }


def state_change(before: Alarm, after: Alarm) -> dict[str, Any]:
    """HistoryData of a StateUpdate."""
    return {
        "version": "1.0",
        "oldState": {"stateValue": before.state, "stateReason": before.reason},
        "newState": {
            "stateValue": after.state,
            "stateReason": after.reason,
            "stateReasonData": orjson.loads(after.reason_data) if after.reason_data else None,
        },
    }


def event_detail(before: Alarm, after: Alarm) -> dict[str, Any]:
    """The detail of a "CloudWatch Alarm State Change" event."""
    return {
        "alarmName": after.name,
        "state": _state(after),
        "previousState": _state(before),
        "configuration": _configuration(after),
    }


def invocation(before: Alarm, after: Alarm) -> dict[str, Any]:
    """The event that a Lambda function gets as an alarm's action."""
    account, region = split_scope(after.scope)
    return {
        "source": "aws.cloudwatch",
        "alarmArn": arn(after.scope, after.name),
        "accountId": account,
        "time": long_time(after.updated),
        "region": region,
        "alarmData": event_detail(before, after),
    }


def message(before: Alarm, after: Alarm) -> dict[str, Any]:
    """The message that a topic gets as an alarm's action."""
    account, region = split_scope(after.scope)
    body = after.body
    common = {
        "AlarmName": after.name,
        "AlarmDescription": body.get("AlarmDescription"),
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": long_time(after.configured),
        "NewStateValue": after.state,
        "NewStateReason": after.reason,
        "StateChangeTime": long_time(after.updated),
        "Region": region_name(region),
        "AlarmArn": arn(after.scope, after.name),
        "OldStateValue": before.state,
        **{key: body.get(key, []) for key in _LISTS},
    }
    if after.kind == "CompositeAlarm":
        return {**common, "AlarmRule": body["AlarmRule"]}
    return {**common, "Trigger": _trigger(body)}


def subject(alarm: Alarm) -> str:
    """The subject of a notification."""
    region = region_name(split_scope(alarm.scope)[1])
    return f'{alarm.state}: "{alarm.name}" in {region}'[:100]


def long_time(moment: datetime) -> str:
    """``2026-01-02T03:04:05.678+0000``."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+0000"


def short_time(moment: datetime) -> str:
    """``Friday 02 January, 2026 03:04:05 UTC``."""
    return f"{moment:%A %d %B, %Y %H:%M:%S} UTC"


@lru_cache(maxsize=64)
def region_name(region: str) -> str:
    """A region's name as AWS writes it to people; the code for one that is unknown."""
    from botocore.loaders import Loader

    loader: Any = Loader
    for partition in loader().load_data("endpoints")["partitions"]:
        if region in partition["regions"]:
            return str(partition["regions"][region]["description"])
    return region


def _trigger(body: Mapping[str, Any]) -> dict[str, Any]:
    common = {
        "Period": body.get("Period"),
        "EvaluationPeriods": body["EvaluationPeriods"],
        "DatapointsToAlarm": body.get("DatapointsToAlarm"),
        "ComparisonOperator": body["ComparisonOperator"],
        "Threshold": body.get("Threshold"),
        "TreatMissingData": body.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": body.get("EvaluateLowSampleCountPercentile", ""),
    }
    if "Metrics" in body:
        return {**common, "Metrics": body["Metrics"]}
    statistic = (
        {"StatisticType": "Statistic", "Statistic": _STATISTICS[body["Statistic"]]}
        if "Statistic" in body
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": body["ExtendedStatistic"]}
    )
    return {
        "MetricName": body["MetricName"],
        "Namespace": body["Namespace"],
        **statistic,
        "Unit": body.get("Unit"),
        "Dimensions": [{"value": d["Value"], "name": d["Name"]} for d in body.get("Dimensions", [])],
        **common,
    }


def _state(alarm: Alarm) -> dict[str, Any]:
    shown = {"value": alarm.state, "reason": alarm.reason, "timestamp": long_time(alarm.updated)}
    return {**shown, "reasonData": alarm.reason_data} if alarm.reason_data else shown


def _configuration(alarm: Alarm) -> dict[str, Any]:
    body = alarm.body
    described = {"description": body["AlarmDescription"]} if "AlarmDescription" in body else {}
    if alarm.kind == "CompositeAlarm":
        return {**described, "alarmRule": body["AlarmRule"]}
    if "Metrics" in body:
        return {**described, "metrics": [_query(query) for query in body["Metrics"]]}
    stat = {
        "Period": body["Period"],
        "Stat": body.get("Statistic") or body["ExtendedStatistic"],
        "Metric": {key: body[key] for key in ("Namespace", "MetricName", "Dimensions") if key in body},
    }
    return {**described, "metrics": [_query({"Id": "m1", "MetricStat": stat, "ReturnData": True})]}


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "MetricStat" in query:
        asked = query["MetricStat"]
        metric = asked["Metric"]
        shown["metricStat"] = {
            "metric": {
                "namespace": metric["Namespace"],
                "name": metric["MetricName"],
                "dimensions": {d["Name"]: d["Value"] for d in metric.get("Dimensions", [])},
            },
            "period": asked["Period"],
            "stat": asked["Stat"],
        }
    else:
        shown["expression"] = query["Expression"]
    return shown
