"""EventBridge and alarms over HTTP, to real queues and topics."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.test_neighbours import eventually, queue, received


def test_an_event_reaches_a_queue(server: Any, name: str) -> None:
    url, arn = queue(server, name)
    events = server.client("events")
    events.put_rule(
        Name=name, EventPattern=json.dumps({"source": [name], "detail": {"n": [{"numeric": [">", 1]}]}})
    )
    template = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '"n is <n>"'}
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn, "InputTransformer": template}])
    entries = [{"Source": name, "DetailType": "d", "Detail": json.dumps({"n": n})} for n in (1, 2)]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    assert eventually(lambda: received(server, url)) == ['"n is 2"']
    events.remove_targets(Rule=name, Ids=["q"])
    events.delete_rule(Name=name)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        events.describe_rule(Name=name)


def test_a_catalog_change_is_an_event(server: Any, name: str) -> None:
    url, arn = queue(server, name)
    pattern = {"source": ["aws.glue"], "detail": {"databaseName": [name]}}
    server.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    server.client("events").put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
    server.client("glue").create_database(DatabaseInput={"Name": name})
    (text,) = eventually(lambda: received(server, url))
    event = json.loads(text)
    assert event["detail-type"] == "Glue Data Catalog Database State Change"
    assert event["detail"]["typeOfChange"] == "CreateDatabase"


def test_rules_are_described_as_they_were_put(server: Any, name: str) -> None:
    events = server.client("events")
    arn = events.put_rule(
        Name=name, ScheduleExpression="rate(15 minutes)", Description="d", Tags=[{"Key": "a", "Value": "1"}]
    )["RuleArn"]
    shown = events.describe_rule(Name=name)
    assert (shown["Arn"], shown["State"], shown["ScheduleExpression"]) == (arn, "ENABLED", "rate(15 minutes)")
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    listed = json.loads(server.aws("events", "list-rules", "--name-prefix", name, "--output", "json"))
    assert [rule["Name"] for rule in listed["Rules"]] == [name]
    assert events.test_event_pattern(
        EventPattern='{"source": ["a"]}',
        Event=json.dumps({"id": "1", "account": "1", "source": "a", "time": "t", "region": "r", "resources": [],
                          "detail-type": "d"}),
    )["Result"]  # fmt: skip
    with pytest.raises(ClientError, match="InvalidEventPatternException"):
        events.put_rule(Name=name, EventPattern='{"source": "a"}')
    with pytest.raises(ClientError, match="archives"):
        events.create_archive(ArchiveName=name, EventSourceArn=arn)


def test_an_alarm_tells_a_topic(server: Any, name: str) -> None:
    url, arn = queue(server, name)
    sns = server.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    server.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    cloudwatch = server.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace=name, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=0.0, ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic],
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    (text,) = eventually(lambda: received(server, url))
    envelope = json.loads(text)
    assert envelope["Subject"] == f'ALARM: "{name}" in US East (N. Virginia)'
    assert json.loads(envelope["Message"])["NewStateValue"] == "ALARM"


def test_an_object_tells_a_queue(server: Any, name: str) -> None:
    url, arn = queue(server, name)
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError, match="Unable to validate"):
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    allow = {
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{name}"}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    server.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    s3.put_object(Bucket=name, Key="a b", Body=b"x")
    found: list[str] = []
    assert eventually(lambda: found.extend(received(server, url)) or any("Records" in text for text in found))
    record = next(json.loads(text) for text in found if "Records" in text)["Records"][0]
    assert (record["eventName"], record["s3"]["object"]["key"]) == ("ObjectCreated:Put", "a+b")
