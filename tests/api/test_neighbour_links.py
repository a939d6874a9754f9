"""From the embedded neighbours back into Mastic: topics call functions, state machines run real jobs and queries."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.api.test_neighbours import eventually, queue, received

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
)


def function(server: Any, name: str, source: str) -> str:
    """A Lambda function; returns its ARN."""
    role = server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("f.py", source)
    made = server.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Timeout=60,
        Handler="f.handler",
        Role=role,
        Code={"ZipFile": packed.getvalue()},
    )
    return str(made["FunctionArn"])


def test_a_topic_calls_a_function(server: Any, name: str) -> None:
    url, _ = queue(server, name)
    arn = function(
        server, name,
        "import boto3, json\n"
        "def handler(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl={url!r}, MessageBody=event['Records'][0]['Sns']['Message'])\n",
    )  # fmt: skip
    sns = server.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    server.client("lambda").add_permission(
        FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com",
        SourceArn=topic,
    )  # fmt: skip
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="news")
    assert eventually(lambda: received(server, url)) == ["news"]


def test_an_event_calls_a_function(server: Any, name: str) -> None:
    url, _ = queue(server, name)
    arn = function(
        server, name,
        "import boto3, json\n"
        "def handler(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl={url!r}, MessageBody=json.dumps(event['detail']))\n",
    )  # fmt: skip
    events = server.client("events")
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    server.client("lambda").add_permission(
        FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
        SourceArn=rule,
    )  # fmt: skip
    events.put_targets(Rule=name, Targets=[{"Id": "f", "Arn": arn}])
    events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": '{"n": 1}'}])
    assert eventually(lambda: received(server, url)) == ['{"n": 1}']


def run(server: Any, name: str, states: dict[str, Any], given: Any = None) -> dict[str, Any]:
    """Run a state machine to its end."""
    client = server.client("stepfunctions")
    first = next(iter(states))
    machine = client.create_state_machine(
        name=name, definition=json.dumps({"StartAt": first, "States": states}),
        roleArn="arn:aws:iam::123456789012:role/states",
    )["stateMachineArn"]  # fmt: skip
    execution = client.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))["executionArn"]

    def ended() -> Any:
        shown = client.describe_execution(executionArn=execution)
        return shown if shown["status"] != "RUNNING" else None

    found: dict[str, Any] = eventually(ended)
    assert found, "the execution did not end"
    return found


def test_a_state_machine_calls_a_function(server: Any, name: str) -> None:
    arn = function(server, name, "def handler(event, context):\n    return {'twice': event['n'] * 2}\n")
    done = run(server, name, {"Call": {"Type": "Task", "Resource": arn, "End": True}}, {"n": 21})
    assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", {"twice": 42})


def test_a_state_machine_never_pretends(server: Any, name: str) -> None:
    def task(resource: str, **parameters: Any) -> dict[str, Any]:
        return {"Only": {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}}

    missing = run(server, name, task("arn:aws:states:::glue:startJobRun.sync", JobName=f"{name}-none"))
    assert (missing["status"], missing["error"]) == ("FAILED", "Glue.EntityNotFoundException")
    sdk = run(server, f"{name}-b", task("arn:aws:states:::aws-sdk:glue:getDatabase", Name=f"{name}-none"))
    assert (sdk["status"], sdk["error"]) == ("FAILED", "Glue.EntityNotFoundException")
    other = run(server, f"{name}-c", task("arn:aws:states:::batch:submitJob.sync", JobName="x"))
    assert other["status"] == "FAILED"


def test_a_state_machine_sees_the_real_catalog(server: Any, name: str) -> None:
    server.client("glue").create_database(DatabaseInput={"Name": name, "Description": "real"})
    done = run(
        server, name,
        {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getDatabase",
                 "Parameters": {"Name": name}, "End": True}},
    )  # fmt: skip
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"])["Database"]["Description"] == "real"
