"""CloudWatch over HTTP: boto3's CBOR, the AWS CLI's protocol, and the fields that Terraform compares."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

ALARM: dict[str, Any] = {
    "Namespace": "Glue", "MetricName": "glue.driver.aggregate.numFailedTasks", "Statistic": "Sum",
    "Period": 300, "EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching", "Dimensions": [{"Name": "JobName", "Value": "j"}],
}  # fmt: skip


def test_an_alarm_is_described_as_it_was_put(server: Any, name: str) -> None:
    cloudwatch = server.client("cloudwatch")
    topic = "arn:aws:sns:us-east-1:123456789012:alerts"
    cloudwatch.put_metric_alarm(
        AlarmName=name, **ALARM, AlarmActions=[topic], Tags=[{"Key": "a", "Value": "1"}]
    )
    (shown,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert {key: shown[key] for key in ALARM} == ALARM
    assert shown["AlarmArn"] == f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"
    assert (shown["ActionsEnabled"], shown["AlarmActions"], shown["OKActions"]) == (True, [topic], [])
    tags = cloudwatch.list_tags_for_resource(ResourceARN=shown["AlarmArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "1"}]
    listed = json.loads(
        server.aws("cloudwatch", "describe-alarms", "--alarm-names", name, "--output", "json")
    )
    assert listed["MetricAlarms"][0]["Dimensions"] == ALARM["Dimensions"]
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_data_is_read_back_as_statistics(server: Any, name: str) -> None:
    cloudwatch = server.client("cloudwatch")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    data = [
        {"MetricName": "m", "Value": float(value), "Timestamp": now - timedelta(minutes=5), "Unit": "Count"}
        for value in range(1, 11)
    ]
    cloudwatch.put_metric_data(Namespace=name, MetricData=data)
    span = {"StartTime": now - timedelta(minutes=10), "EndTime": now}
    (point,) = cloudwatch.get_metric_statistics(
        Namespace=name, MetricName="m", Period=60, Statistics=["Sum", "Average", "SampleCount"], **span
    )["Datapoints"]
    assert (point["Sum"], point["Average"], point["SampleCount"], point["Unit"]) == (55, 5.5, 10, "Count")
    stat = {"Metric": {"Namespace": name, "MetricName": "m"}, "Period": 60}
    results = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "p", "MetricStat": {**stat, "Stat": "p90"}},
            {"Id": "e", "Expression": "p * 10"},
        ],
        **span,
    )["MetricDataResults"]
    assert [r["Values"] for r in results] == [[pytest.approx(9.1)], [pytest.approx(91)]]
    assert [m["MetricName"] for m in cloudwatch.list_metrics(Namespace=name)["Metrics"]] == ["m"]


def test_composite_alarms_and_history(server: Any, name: str) -> None:
    cloudwatch = server.client("cloudwatch")
    # Without data its state is what was set: nobody judges it otherwise meanwhile.
    cloudwatch.put_metric_alarm(AlarmName=name, **{**ALARM, "TreatMissingData": "ignore"})
    cloudwatch.put_composite_alarm(AlarmName=f"{name}-any", AlarmRule=f'ALARM("{name}")')
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    (shown,) = cloudwatch.describe_alarms(AlarmNames=[f"{name}-any"], AlarmTypes=["CompositeAlarm"])[
        "CompositeAlarms"
    ]
    assert shown["StateValue"] == "ALARM"
    history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")
    assert history["AlarmHistoryItems"][0]["HistorySummary"].endswith("to ALARM")
    cloudwatch.delete_alarms(AlarmNames=[f"{name}-any", name])


def test_dashboards(server: Any, name: str) -> None:
    cloudwatch = server.client("cloudwatch")
    body = json.dumps({"widgets": []})
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)
    assert cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"] == body
    listed = cloudwatch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    assert [d["DashboardName"] for d in listed] == [name]
    cloudwatch.delete_dashboards(DashboardNames=[name])
    with pytest.raises(ClientError, match="does not exist"):
        cloudwatch.get_dashboard(DashboardName=name)


def test_what_is_not_served_is_refused(server: Any, name: str) -> None:
    cloudwatch = server.client("cloudwatch")
    with pytest.raises(ClientError, match="anomaly detection"):
        cloudwatch.put_metric_alarm(
            AlarmName=name, **{**ALARM, "ComparisonOperator": "GreaterThanUpperThreshold"}
        )
