"""CloudWatch Logs over HTTP, as boto3 and the AWS CLI use it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def _now() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def logs(server: Server) -> Any:
    return server.client("logs")


def _put(logs: Any, group: str, stream: str, *messages: str) -> None:
    now = _now()
    events = [{"timestamp": now + i, "message": m} for i, m in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_a_group_from_creation_to_deletion(logs: Any, name: str) -> None:
    logs.create_log_group(
        logGroupName=f"/x/{name}", tags={"a": "1"}, kmsKeyId="arn:aws:kms:us-east-1:1:key/k"
    )
    with pytest.raises(ClientError) as error:
        logs.create_log_group(logGroupName=f"/x/{name}")
    assert _code(error) == "ResourceAlreadyExistsException"
    logs.put_retention_policy(logGroupName=f"/x/{name}", retentionInDays=14)
    with pytest.raises(ClientError) as error:
        logs.put_retention_policy(logGroupName=f"/x/{name}", retentionInDays=15)
    assert _code(error) == "InvalidParameterException"
    [group] = logs.describe_log_groups(logGroupNamePrefix=f"/x/{name}")["logGroups"]
    assert group["retentionInDays"] == 14
    assert group["kmsKeyId"].endswith("key/k")
    assert group["arn"] == group["logGroupArn"] + ":*"
    assert logs.describe_log_groups(logGroupNamePattern=name[2:].upper())["logGroups"] == [group]
    logs.tag_resource(resourceArn=group["arn"].removesuffix(":*"), tags={"b": "2"})
    logs.tag_log_group(logGroupName=f"/x/{name}", tags={"c": "3"})
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {
        "a": "1",
        "b": "2",
        "c": "3",
    }
    logs.untag_resource(resourceArn=group["logGroupArn"], tagKeys=["a"])
    logs.untag_log_group(logGroupName=f"/x/{name}", tags=["c"])
    assert logs.list_tags_log_group(logGroupName=f"/x/{name}")["tags"] == {"b": "2"}
    logs.disassociate_kms_key(logGroupName=f"/x/{name}")
    logs.delete_retention_policy(logGroupName=f"/x/{name}")
    [group] = logs.describe_log_groups(logGroupNamePrefix=f"/x/{name}")["logGroups"]
    assert "retentionInDays" not in group
    assert "kmsKeyId" not in group
    logs.delete_log_group(logGroupName=f"/x/{name}")
    with pytest.raises(ClientError) as error:
        logs.delete_log_group(logGroupName=f"/x/{name}")
    assert _code(error) == "ResourceNotFoundException"


def test_groups_page_and_a_made_up_token_is_refused(logs: Any, name: str) -> None:
    for number in range(5):
        logs.create_log_group(logGroupName=f"{name}-{number}")
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=name, PaginationConfig={"PageSize": 2}
    )
    found = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    assert found == [f"{name}-{number}" for number in range(5)]
    with pytest.raises(ClientError) as error:
        logs.describe_log_groups(nextToken="garbage")
    assert _code(error) == "InvalidParameterException"


def test_protection_against_deletion(logs: Any, name: str) -> None:
    logs.create_log_group(logGroupName=name, deletionProtectionEnabled=True)
    with pytest.raises(ClientError) as error:
        logs.delete_log_group(logGroupName=name)
    assert _code(error) == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier=name, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName=name)


def test_what_is_put_is_found(logs: Any, name: str) -> None:
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    with pytest.raises(ClientError) as error:
        logs.create_log_stream(logGroupName=name, logStreamName="s")
    assert _code(error) == "ResourceAlreadyExistsException"
    _put(logs, name, "s", "INFO début", '{"level": "ERROR", "ms": 7}', "WARN x")
    got = logs.get_log_events(logGroupIdentifier=f"arn:aws:logs:us-east-1:123456789012:log-group:{name}",
                              logStreamName="s", startFromHead=True)  # fmt: skip
    assert [e["message"] for e in got["events"]] == ["INFO début", '{"level": "ERROR", "ms": 7}', "WARN x"]
    found = logs.filter_log_events(logGroupName=name, filterPattern='{ $.level = "ERROR" }')["events"]
    assert [e["message"] for e in found] == ['{"level": "ERROR", "ms": 7}']
    assert len(found[0]["eventId"]) == 56
    assert found[0]["logStreamName"] == "s"
    with pytest.raises(ClientError) as error:
        logs.filter_log_events(logGroupName=name, filterPattern="{ broken")
    assert _code(error) == "InvalidParameterException"
    with pytest.raises(ClientError) as error:
        _put(logs, name, "missing", "x")
    assert error.value.response["Error"]["Message"] == "The specified log stream does not exist."
    with pytest.raises(ClientError) as error:
        _put(logs, name, "s", "x" * 1_048_570)
    assert "Upload too large" in str(error.value)


def test_a_follower_sees_every_line_once_and_in_order(logs: Any, name: str) -> None:
    """What ``aws logs tail --follow`` does: FilterLogEvents again and again from the last time seen."""
    logs.create_log_group(logGroupName=name)
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
    start, seen, lines = _now() - 1000, set(), []
    for turn in range(5):
        for stream in ("a", "b"):
            _put(logs, name, stream, *[f"{stream}{turn}{i}" for i in range(3)])
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=name, startTime=start, interleaved=True, PaginationConfig={"PageSize": 4}
        )
        for event in (e for page in pages for e in page["events"]):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                lines.append(event["message"])
                start = max(start, event["timestamp"])
    assert sorted(lines) == sorted(f"{s}{t}{i}" for s in "ab" for t in range(5) for i in range(3))


def test_filters_are_described_tested_and_counted(logs: Any, name: str, server: Server) -> None:
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    transformation = {
        "metricName": "Errors",
        "metricNamespace": name,
        "metricValue": "1",
        "defaultValue": 0.0,
    }
    logs.put_metric_filter(
        logGroupName=name, filterName="errors", filterPattern="?ERROR ?Exception",
        metricTransformations=[transformation],
    )  # fmt: skip
    [found] = logs.describe_metric_filters(logGroupName=name)["metricFilters"]
    assert found["metricTransformations"] == [transformation]
    assert found["filterPattern"] == "?ERROR ?Exception"
    assert logs.describe_metric_filters(metricName="Errors", metricNamespace=name)["metricFilters"] == [found]
    tested = logs.test_metric_filter(filterPattern="[a, b]", logEventMessages=["x y", "x"])["matches"]
    assert tested == [{"eventNumber": 1, "eventMessage": "x y", "extractedValues": {"$a": "x", "$b": "y"}}]
    _put(logs, name, "s", "ERROR 1", "fine", "SomeException")
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    statistics = server.client("cloudwatch").get_metric_statistics(
        Namespace=name, MetricName="Errors", StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=5),
        Period=3600, Statistics=["Sum"],
    )  # fmt: skip
    assert sum(point["Sum"] for point in statistics["Datapoints"]) == 2.0
    logs.delete_metric_filter(logGroupName=name, filterName="errors")
    assert logs.describe_metric_filters(logGroupName=name)["metricFilters"] == []


def test_insights_are_refused_by_name(logs: Any, name: str) -> None:
    logs.create_log_group(logGroupName=name)
    with pytest.raises(ClientError) as error:
        logs.start_query(logGroupName=name, startTime=0, endTime=1, queryString="fields @message")
    assert "StartQuery is not implemented" in str(error.value)


def test_events_survive_a_kill(own_server: Server) -> None:
    logs = own_server.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    _put(logs, "g", "s", "kept")
    own_server.kill()
    own_server.restart()
    assert "kept" in own_server.aws("logs", "filter-log-events", "--log-group-name", "g")
