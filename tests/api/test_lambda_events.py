"""Asynchronous invocations: retries, destinations, sources, and that a crash neither loses nor repeats one."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.lambdas import create, eventually, messages
from tests.conftest import Server

QUICK = {"MASTIC_LAMBDA_RETRY_SECONDS": "0.1,0.2"}


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that tries failing functions again soon."""
    running = Server(tmp_path_factory.mktemp("quick") / "data", QUICK).start()
    yield running
    running.stop()


APPENDING = """
import json, os
def handle(event, context):
    with open(event["file"], "a") as file:
        file.write(json.dumps([context.aws_request_id, os.environ["_X_AMZN_TRACE_ID"]]) + "\\n")
    if event.get("fail"):
        raise ValueError("as asked")
    return "done"
"""


def _calls(path: Path) -> list[list[str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_failing_function_is_tried_three_times_as_one_invocation(
    quick: Server, name: str, tmp_path: Path
) -> None:
    client = quick.client("lambda")
    create(client, name, APPENDING)
    create(
        client,
        f"{name}-failed",
        "def handle(event, context):\n    print('RECORD', __import__('json').dumps(event))\n",
    )
    failed = client.get_function(FunctionName=f"{name}-failed")["Configuration"]["FunctionArn"]
    client.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": failed}}
    )
    file = tmp_path / "calls"
    reply = client.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps({"file": str(file), "fail": True})
    )
    assert reply["StatusCode"] == 202
    record = eventually(
        lambda: next(
            (
                m
                for m in messages(quick.client("logs"), f"/aws/lambda/{name}-failed")
                if m.startswith("RECORD")
            ),
            None,
        )
    )
    calls = _calls(file)
    assert len(calls) == 3
    assert {request for request, _ in calls} == {reply["ResponseMetadata"]["RequestId"]}
    roots = {trace.split(";")[0] for _, trace in calls}
    parents = {trace.split(";")[1] for _, trace in calls}
    assert len(roots) == 1
    assert len(parents) == 3
    document = json.loads(record.removeprefix("RECORD "))
    assert document["requestContext"]["condition"] == "RetriesExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 3
    assert document["responsePayload"]["errorType"] == "ValueError"


def test_no_retries_when_none_are_wanted(quick: Server, name: str, tmp_path: Path) -> None:
    client = quick.client("lambda")
    create(client, name, APPENDING)
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    file = tmp_path / "calls"
    client.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps({"file": str(file), "fail": True})
    )
    eventually(lambda: _calls(file))
    time.sleep(1)
    assert len(_calls(file)) == 1


def test_a_crash_in_the_middle_delivers_the_same_invocation_again(own_server: Server, tmp_path: Path) -> None:
    client = own_server.client("lambda")
    gate, file = tmp_path / "gate", tmp_path / "calls"
    code = APPENDING.replace(
        '    if event.get("fail")', '    import time\n    while not os.path.exists(event["gate"]):\n'
        '        time.sleep(0.02)\n    if event.get("fail")'
    )  # fmt: skip
    create(client, "f", code, Timeout=60)
    reply = client.invoke(
        FunctionName="f", InvocationType="Event", Payload=json.dumps({"file": str(file), "gate": str(gate)})
    )
    eventually(lambda: _calls(file))
    own_server.kill()
    gate.touch()
    own_server.restart()
    calls = eventually(lambda: len(_calls(file)) == 2 and _calls(file))
    assert {request for request, _ in calls} == {reply["ResponseMetadata"]["RequestId"]}
    assert calls[0][1].split(";")[0] == calls[1][1].split(";")[0]
    assert calls[0][1].split(";")[1] != calls[1][1].split(";")[1]
    time.sleep(1)
    assert len(_calls(file)) == 2


def test_what_was_accepted_before_a_crash_runs_after_it(own_server: Server, tmp_path: Path) -> None:
    client = own_server.client("lambda")
    create(client, "f", APPENDING)
    for number in range(20):
        event = {"file": str(tmp_path / str(number))}
        client.invoke(FunctionName="f", InvocationType="Event", Payload=json.dumps(event))
    own_server.kill()
    own_server.restart()
    eventually(lambda: all(_calls(tmp_path / str(number)) for number in range(20)))


def test_an_upload_calls_the_function_with_the_event(server: Server, name: str) -> None:
    s3, client, logs = server.client("s3"), server.client("lambda"), server.client("logs")
    s3.create_bucket(Bucket=name)
    arn = create(client, name, "import json\ndef handle(e, c):\n    print('EVENT', json.dumps(e))\n")[
        "FunctionArn"
    ]
    client.add_permission(
        FunctionName=name, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{name}",
    )  # fmt: skip
    filters = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}
    rule = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": filters}
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"LambdaFunctionConfigurations": [rule]}
    )
    s3.put_object(Bucket=name, Key="out/no.csv", Body=b"x")
    s3.put_object(Bucket=name, Key="in/a b=1.csv", Body=b"x")
    told = eventually(lambda: [m for m in messages(logs, f"/aws/lambda/{name}") if m.startswith("EVENT")])
    [record] = json.loads(told[0].removeprefix("EVENT "))["Records"]
    assert record["s3"]["object"]["key"] == "in/a+b%3D1.csv"
    assert record["s3"]["bucket"]["name"] == name
    assert len(told) == 1


def test_log_lines_reach_a_subscribed_function(server: Server, name: str) -> None:
    client, logs = server.client("lambda"), server.client("logs")
    arn = create(client, name, "import json\ndef handle(e, c):\n    print('GOT', e['awslogs']['data'])\n")[
        "FunctionArn"
    ]
    logs.create_log_group(logGroupName=f"src-{name}")
    logs.create_log_stream(logGroupName=f"src-{name}", logStreamName="s")
    subscribe: dict[str, Any] = {
        "logGroupName": f"src-{name}", "filterName": "x", "filterPattern": "ERROR", "destinationArn": arn,
    }  # fmt: skip
    with pytest.raises(logs.exceptions.InvalidParameterException, match="permission"):
        logs.put_subscription_filter(**subscribe)
    client.add_permission(
        FunctionName=name, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    logs.put_subscription_filter(**subscribe)
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName=f"src-{name}", logStreamName="s",
        logEvents=[{"timestamp": now, "message": "fine"}, {"timestamp": now, "message": "ERROR here"}],
    )  # fmt: skip
    told = eventually(lambda: [m for m in messages(logs, f"/aws/lambda/{name}") if m.startswith("GOT")])
    document = json.loads(gzip.decompress(base64.b64decode(told[0].split()[1])))
    assert [e["message"] for e in document["logEvents"]] == ["ERROR here"]


def test_a_queue_feeds_a_function_and_keeps_what_failed(server: Server, name: str) -> None:
    sqs, client, logs = server.client("sqs"), server.client("lambda"), server.client("logs")
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create(
        client,
        name,
        """
def handle(event, context):
    failed = []
    for record in event["Records"]:
        print("BODY", record["body"], record["attributes"]["ApproximateReceiveCount"])
        if record["body"] == "bad" and record["attributes"]["ApproximateReceiveCount"] == "1":
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
""",
    )
    mapping = client.create_event_source_mapping(
        EventSourceArn=queue,
        FunctionName=name,
        BatchSize=5,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert client.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Enabled"
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.create_event_source_mapping(EventSourceArn=queue, FunctionName=name)
    for body in ("good", "bad"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    told = eventually(
        lambda: (
            (found := [m for m in messages(logs, f"/aws/lambda/{name}") if m.startswith("BODY")])
            and any(m.startswith("BODY bad 2") for m in found)
            and found
        )
    )
    assert len([m for m in told if m.startswith("BODY good")]) == 1
    client.delete_event_source_mapping(UUID=mapping["UUID"])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_event_source_mapping(UUID=mapping["UUID"])
