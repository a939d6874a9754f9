"""The character NUL in requests: input that cannot be right where a text has to be kept or found by it, on every
database alike; nothing is changed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.api.jobs import refusal

NUL = "a\0b"


@pytest.mark.parametrize(
    ("service", "operation", "given", "code"),
    [
        ("glue", "get_job_bookmark", {"JobName": NUL}, "ValidationException"),
        ("glue", "reset_job_bookmark", {"JobName": NUL}, "ValidationException"),
        ("athena", "get_query_execution", {"QueryExecutionId": NUL}, "InvalidRequestException"),
        ("events", "list_rule_names_by_target", {"TargetArn": NUL}, "ValidationException"),
        ("cloudwatch", "list_metrics", {"MetricName": NUL}, "ValidationError"),
        ("iam", "get_policy", {"PolicyArn": f"arn:aws:iam::aws:policy/{NUL}"}, "ValidationError"),
    ],
)
def test_refusals_have_the_services_code(
    server: Any, service: str, operation: str, given: dict[str, Any], code: str
) -> None:
    refused = refusal(getattr(server.client(service, parameter_validation=False), operation), **given)
    assert refused == (code, "The request holds the character NUL in a text that cannot have it.")


def test_nothing_is_changed(server: Any, name: str) -> None:
    logs = server.client("logs")
    logs.create_log_group(logGroupName=name)
    assert refusal(logs.associate_kms_key, logGroupName=name, kmsKeyId=NUL)[0] == "InvalidParameterException"
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert "kmsKeyId" not in group


def test_where_it_is_data_it_is_kept(server: Any, name: str) -> None:
    glue, logs = server.client("glue"), server.client("logs")
    glue.create_database(DatabaseInput={"Name": name, "Parameters": {"escape": "\0"}})
    assert glue.get_database(Name=name)["Database"]["Parameters"] == {"escape": "\0"}
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": NUL}
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[event])
    events = logs.get_log_events(logGroupName=name, logStreamName="s", startFromHead=True)["events"]
    assert [one["message"] for one in events] == [NUL]


def test_no_key_has_it_but_a_listing_can_begin_behind_it(server: Any, name: str) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    for key in ("a", "a-b", "b"):
        s3.put_object(Bucket=name, Key=key)

    def keys(**given: str) -> list[str]:
        return [one["Key"] for one in s3.list_objects_v2(Bucket=name, **given).get("Contents", [])]

    assert keys(StartAfter="a\0") == keys(StartAfter="a\0z") == ["a-b", "b"]
    assert keys(Prefix="a\0") == []
    assert keys(Delimiter="\0") == ["a", "a-b", "b"]
    for operation in (s3.list_object_versions, s3.list_multipart_uploads):
        assert refusal(operation, Bucket=name, Prefix="a\0")[0] == "InvalidArgument"
