"""What a bucket tells of its objects, end to end: queue, topic and EventBridge rule on a real server."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3")


@pytest.fixture
def bucket(s3: Any, name: str) -> str:
    s3.create_bucket(Bucket=name)
    return name


class Queue:
    """A queue that S3 may send to."""

    def __init__(self, server: Any, name: str, service: str = "s3.amazonaws.com") -> None:
        self.sqs = server.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage",
                     "Resource": self.arn}  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def take(self, count: int, seconds: float = 180) -> list[dict[str, Any]]:
        """Messages in the order of arrival, until there are ``count``."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            reply = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            for message in reply.get("Messages", ()):
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found


@pytest.fixture
def queue(server: Any, name: str) -> Queue:
    return Queue(server, name)


def rule(queue: Queue, *events: str, **affixes: str) -> dict[str, Any]:
    out: dict[str, Any] = {"QueueArn": queue.arn, "Events": list(events)}
    if affixes:
        named = [{"Name": k, "Value": v} for k, v in affixes.items()]
        out["Filter"] = {"Key": {"FilterRules": named}}
    return out


def test_a_queue_is_told(s3: Any, bucket: str, queue: Queue) -> None:
    wanted = rule(queue, "s3:ObjectCreated:*", "s3:ObjectRemoved:Delete", prefix="in dir/", suffix=".csv")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wanted]}
    )
    (test,) = queue.take(1)
    assert (test["Event"], test["Service"], test["Bucket"]) == ("s3:TestEvent", "Amazon S3", bucket)
    key = "in dir/ä+b&c.csv"
    s3.put_object(Bucket=bucket, Key="other/a.csv", Body=b"no")
    s3.put_object(Bucket=bucket, Key="in dir/a.txt", Body=b"no")
    etag = s3.put_object(Bucket=bucket, Key=key, Body=b"hello")["ETag"]
    s3.copy_object(Bucket=bucket, Key="in dir/copy.csv", CopySource={"Bucket": bucket, "Key": key})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="in dir/parts.csv")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="in dir/parts.csv", UploadId=upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
    s3.complete_multipart_upload(
        Bucket=bucket, Key="in dir/parts.csv", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    s3.delete_object(Bucket=bucket, Key=key)
    records = [r for message in queue.take(4) for r in message["Records"]]
    records.sort(key=lambda r: r["eventTime"])
    assert sorted(r["eventName"] for r in records) == [
        "ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Copy", "ObjectCreated:Put", "ObjectRemoved:Delete",
    ]  # fmt: skip
    put = next(r for r in records if r["eventName"] == "ObjectCreated:Put")
    assert put["eventSource"] == "aws:s3"
    assert put["awsRegion"] == "us-east-1"
    assert put["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    described = put["s3"]["object"]
    assert described["key"] == "in+dir/%C3%A4%2Bb%26c.csv"
    assert (described["size"], f'"{described["eTag"]}"') == (5, etag)
    removed = next(r for r in records if r["eventName"] == "ObjectRemoved:Delete")
    assert int(removed["s3"]["object"]["sequencer"], 16) >= int(described["sequencer"], 16)


def test_eventbridge_is_told(server: Any, s3: Any, bucket: str) -> None:
    queue = Queue(server, bucket + "-bridge", "events.amazonaws.com")
    events = server.client("events")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "q", "Arn": queue.arn}])
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=bucket, Key="a b+ä", Body=b"hello")
    (event,) = queue.take(1)
    assert (event["detail-type"], event["source"]) == ("Object Created", "aws.s3")
    assert event["detail"]["object"]["key"] == "a b+ä"
    assert event["detail"]["reason"] == "PutObject"
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]


def test_the_configuration_is_told_as_kept(s3: Any, bucket: str, queue: Queue) -> None:
    given = {"QueueConfigurations": [{"Id": "mine", **rule(queue, "s3:ObjectCreated:Put", prefix="a/")}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=given)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    filters = {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "a/"}]}}
    assert found == [
        {"Id": "mine", "QueueArn": queue.arn, "Events": ["s3:ObjectCreated:Put"], "Filter": filters}
    ]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_refused_configurations(s3: Any, bucket: str, queue: Queue) -> None:
    def refusal(*rules: dict[str, Any]) -> str:
        with pytest.raises(ClientError) as raised:
            s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(rules)}
            )
        error = raised.value.response["Error"]
        assert error["Code"] == "InvalidArgument"
        return str(error["Message"])

    missing = {"QueueArn": queue.arn + "-none", "Events": ["s3:ObjectCreated:*"]}
    assert refusal(missing) == "Unable to validate the following destination configurations"
    both = (rule(queue, "s3:ObjectCreated:*", prefix="a"), rule(queue, "s3:ObjectCreated:Put", prefix="ab"))
    assert refusal(*both).startswith("Configurations overlap")
    apart = (rule(queue, "s3:ObjectCreated:*", prefix="a/"), rule(queue, "s3:ObjectCreated:Put", prefix="b/"))
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(apart)}
    )
