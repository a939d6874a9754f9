"""The embedded neighbours over HTTP: real effects, durable over kill -9, and nothing else reachable."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.conftest import Server


def eventually(found: Callable[[], Any], seconds: float = 180) -> Any:
    """The first true result."""
    deadline = time.monotonic() + seconds
    while True:
        result = found()
        if result or time.monotonic() > deadline:
            return result
        time.sleep(0.1)


def queue(server: Any, name: str) -> tuple[str, str]:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def received(server: Any, url: str) -> list[str]:
    sqs = server.client("sqs")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in found]


def test_a_queue_is_named_by_the_address_of_the_client(server: Any, name: str) -> None:
    url, arn = queue(server, name)
    assert url == f"{server.endpoint}/123456789012/{name}"
    assert arn == f"arn:aws:sqs:us-east-1:123456789012:{name}"
    server.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    # The AWS CLI 1 takes SQS's public address unless it is told the endpoint on its command line.
    ask = ("receive-message", "--queue-url", url, "--query", "Messages[].Body", "--output", "text")
    listed = server.aws("--endpoint-url", server.endpoint, "sqs", *ask)
    assert listed.strip() == "hello"


def test_a_topic_feeds_a_queue(server: Any, name: str) -> None:
    url, arn = queue(server, name)
    sns = server.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    server.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="news")
    assert eventually(lambda: received(server, url)) == ["news"]


def test_secrets_keys_parameters_tables_networks(server: Any, name: str) -> None:
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"
    secrets = server.client("secretsmanager")
    secrets.create_secret(Name=name, SecretString="s")
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "s"
    ssm = server.client("ssm")
    ssm.put_parameter(Name=f"/{name}", Value="v", Type="String")
    assert ssm.get_parameter(Name=f"/{name}")["Parameter"]["Value"] == "v"
    table = server.client("dynamodb")
    table.create_table(
        TableName=name, KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    table.put_item(TableName=name, Item={"k": {"S": "1"}})
    assert table.scan(TableName=name)["Count"] == 1
    vpc = server.client("ec2").create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    server.client("ec2").delete_vpc(VpcId=vpc)


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("ec2", lambda c: c.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)),
        (
            "ssm",
            lambda c: c.send_command(DocumentName="AWS-RunShellScript", InstanceIds=["i-12345678901234567"]),
        ),
        (
            "dynamodb",
            lambda c: c.export_table_to_point_in_time(TableArn="arn:aws:dynamodb:::table/t", S3Bucket="b"),
        ),
        ("secretsmanager", lambda c: c.rotate_secret(SecretId="x")),
    ],
)
def test_what_would_not_be_real_is_refused(server: Any, service: str, call: Any) -> None:
    with pytest.raises(ClientError, match="not implemented by Mastic"):
        call(server.client(service))


def test_the_librarys_own_ways_in_are_closed(server: Any, name: str) -> None:
    url, _ = queue(server, name)
    http = urllib3.PoolManager()
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sqs/aws4_request, "
              "SignedHeaders=host, Signature=00"}  # fmt: skip
    for path in ("/_ministack/reset", "/_ministack/config", "/_localstack/health", "/_aws/sqs/messages"):
        for headers in ({}, signed):
            for method in ("GET", "POST"):
                reply = http.request(method, server.endpoint + path, headers=headers)
                assert reply.status >= 400, (method, path)
    assert server.client("sqs").get_queue_url(QueueName=name)["QueueUrl"] == url


def test_what_was_answered_survives_a_kill(own_server: Any, name: str) -> None:
    url, _ = queue(own_server, name)
    sqs, table = own_server.client("sqs"), own_server.client("dynamodb")
    table.create_table(
        TableName=name, KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    for number in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
        table.put_item(TableName=name, Item={"k": {"S": str(number)}})
    topic = own_server.client("sns").create_topic(Name=name)["TopicArn"]
    own_server.kill()
    own_server.restart()
    count = own_server.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert count["Attributes"]["ApproximateNumberOfMessages"] == "20"
    assert own_server.client("dynamodb").scan(TableName=name)["Count"] == 20
    assert own_server.client("sns").list_topics()["Topics"] == [{"TopicArn": topic}]


def test_an_outside_service_takes_its_place(server: Any, tmp_path: Path, name: str) -> None:
    settings = tmp_path / "mastic.toml"
    settings.write_text(f'[endpoints]\nsqs = "{server.endpoint}"\n')
    keys = {"AWS_ACCESS_KEY_ID": "other", "AWS_SECRET_ACCESS_KEY": "other"}
    inside = Server(tmp_path / "data", {"MASTIC_CONFIG": str(settings), **keys}).start()
    try:
        url = inside.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        assert url == server.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        inside.client("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
        inside.client("events").put_targets(
            Rule=name, Targets=[{"Id": "q", "Arn": arn, "InputPath": "$.detail"}]
        )
        inside.client("events").put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": "{}"}])
        assert eventually(lambda: received(server, url)) == ["{}"]
    finally:
        inside.stop()
