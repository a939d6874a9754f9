"""Functions that run: answers, failures, limits, logs, isolation."""

from __future__ import annotations

import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.lambdas import create, eventually, messages, package
from tests.conftest import Server


@pytest.fixture
def client(server: Server) -> Any:
    return server.client("lambda", read_timeout=240)


def _invoke(client: Any, name: str, event: Any = None, **more: Any) -> Any:
    reply = client.invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
    return json.load(reply["Payload"]), reply


WORLD = """
import os, sys, boto3
def handle(event, context):
    print("working on", event)
    return {
        "identity": boto3.client("sts").get_caller_identity()["Arn"],
        "name": context.function_name, "memory": context.memory_limit_in_mb, "arn": context.invoked_function_arn,
        "request": context.aws_request_id, "remaining": context.get_remaining_time_in_millis(),
        "trace": os.environ["_X_AMZN_TRACE_ID"], "stream": context.log_stream_name, "cwd": os.getcwd(),
        "env": dict(os.environ), "pid": os.getpid(),
    }
"""


def test_what_a_function_sees(client: Any, name: str, server: Server) -> None:
    create(client, name, WORLD, Environment={"Variables": {"OWN": "yes"}}, Timeout=120)
    seen, reply = _invoke(client, name, {"n": 1}, LogType="Tail")
    assert seen["identity"] == f"arn:aws:sts::123456789012:assumed-role/lambda/{name}"
    assert seen["name"] == name
    assert seen["memory"] == "128"
    assert seen["arn"].endswith(f":function:{name}")
    assert 0 < seen["remaining"] <= 120_000
    assert seen["request"] == reply["ResponseMetadata"]["RequestId"]
    root, parent, *_ = seen["trace"].split(";")
    assert root.startswith("Root=1-")
    assert len(root) == len("Root=1-") + 8 + 1 + 24
    assert parent.startswith("Parent=")
    assert len(parent) == len("Parent=") + 16
    env = seen["env"]
    assert env["OWN"] == "yes"
    assert env["AWS_ENDPOINT_URL"] == server.endpoint
    assert env["TZ"] == ":UTC"
    assert env["LAMBDA_TASK_ROOT"] == seen["cwd"]
    assert env["_HANDLER"] == "handler.handle"
    assert not [key for key in env if key.startswith("MASTIC_")], "nothing of the server's own"
    assert "VIRTUAL_ENV" not in env
    assert env["HOME"] != os.path.expanduser("~")
    tail = base64.b64decode(reply["LogResult"]).decode()
    assert f"START RequestId: {seen['request']} Version: $LATEST" in tail
    assert "working on {'n': 1}" in tail
    group = f"/aws/lambda/{name}"
    lines = eventually(lambda: len(found := messages(server.client("logs"), group)) > 3 and found)
    assert lines[0].startswith("START ")
    assert lines[1] == "working on {'n': 1}\n"
    assert lines[2].startswith("END ")
    assert lines[3].startswith("REPORT ")
    assert "Init Duration" in lines[3]
    [stream] = server.client("logs").describe_log_streams(logGroupName=group)["logStreams"]
    assert stream["logStreamName"] == seen["stream"]
    assert "/[$LATEST]" in seen["stream"]
    again, _ = _invoke(client, name)
    assert again["pid"] == seen["pid"], "the environment is warm"


def test_the_seed_s_command(client: Any, name: str, server: Server, tmp_path: Path) -> None:
    create(
        client, name, "def handle(event, context):\n    return event['Records'][0]['s3']['object']['key']\n"
    )
    payload = '{"Records":[{"s3":{"bucket":{"name":"test"},"object":{"key":"test.csv"}}}]}'
    out = tmp_path / "out.json"
    said = server.aws("lambda", "invoke", "--function-name", name, "--payload", payload, str(out))
    assert json.loads(said)["StatusCode"] == 200
    assert json.loads(out.read_text()) == "test.csv"


FAILING = """
import os, sys, time, signal
def handle(event, context):
    how = event["how"]
    if how == "raise":
        raise KeyError("missing")
    if how == "exit":
        sys.stdout.write("last words"); sys.stdout.flush(); os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "sleep":
        time.sleep(600)
    if how == "memory":
        hog = bytearray(400 << 20)
        time.sleep(60)
    if how == "unserialisable":
        return object()
    if how == "huge":
        return "x" * (7 << 20)
    return "fine"
"""


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("raise", "KeyError", "'missing'"),
        ("exit", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("kill", "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        ("sleep", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ("memory", "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        ("unserialisable", "Runtime.MarshalError", "Unable to marshal response"),
        ("huge", "Function.ResponseSizeTooLarge", "exceeded maximum allowed payload size"),
    ],
)
def test_failures_are_told_and_the_next_call_works(
    client: Any, name: str, how: str, kind: str, message: str
) -> None:
    create(client, name, FAILING, Timeout=1 if how == "sleep" else 120)
    answer, reply = _invoke(client, name, {"how": how}, LogType="Tail")
    assert (reply["StatusCode"], reply["FunctionError"]) == (200, "Unhandled")
    assert answer["errorType"] == kind
    assert message in answer["errorMessage"]
    tail = base64.b64decode(reply["LogResult"]).decode()
    if how == "raise":
        assert "handler.py" in answer["stackTrace"][0]
        assert "[ERROR] KeyError: 'missing'\nTraceback" in tail
    if how == "exit":
        assert "last words" in tail
        assert "Error Type: Runtime.ExitError" in tail
    if how == "sleep":
        assert "Status: timeout" in tail
    # A second may be short for the next call, too, on a busy machine.
    assert eventually(lambda: _invoke(client, name, {"how": "fine"})[0] == "fine")


@pytest.mark.parametrize(
    ("code", "handler", "kind"),
    [
        ("import does_not_exist\n", "handler.handle", "Runtime.ImportModuleError"),
        ("def other(e, c): pass\n", "handler.handle", "Runtime.HandlerNotFound"),
        ("def broken(:\n", "handler.handle", "Runtime.UserCodeSyntaxError"),
        ("raise ValueError('at import')\n", "handler.handle", "ValueError"),
        ("import mastic\n", "handler.handle", "Runtime.ImportModuleError"),
        ("import sqlalchemy\n", "handler.handle", "Runtime.ImportModuleError"),
    ],
)
def test_a_function_that_does_not_start(client: Any, name: str, code: str, handler: str, kind: str) -> None:
    create(client, name, code, Handler=handler)
    answer, reply = _invoke(client, name)
    assert reply["FunctionError"] == "Unhandled"
    assert answer["errorType"] == kind


TOGETHER = """
import os, time
def handle(event, context):
    open(os.path.join(event["place"], context.aws_request_id), "w").close()
    while len(os.listdir(event["place"])) < event["number"]:
        time.sleep(0.02)
    return os.getpid()
"""


def test_calls_at_once_run_at_once_up_to_the_reservation(client: Any, name: str, tmp_path: Path) -> None:
    """A call ends when so many have begun."""
    create(client, name, TOGETHER, Timeout=120)
    places = [tmp_path / "three", tmp_path / "two"]
    for place in places:
        place.mkdir()
    event = {"place": str(places[0]), "number": 3}
    with ThreadPoolExecutor(3) as pool:
        pids = list(pool.map(lambda _: _invoke(client, name, event)[0], range(3)))
    assert len(set(pids)) == 3
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(_invoke, client, name, {"place": str(places[1]), "number": 2})
        eventually(lambda: list(places[1].iterdir()))
        with pytest.raises(ClientError) as error:
            _invoke(client, name)
        (places[1] / "second").touch()
        first.result()
    assert error.value.response["Error"]["Code"] == "TooManyRequestsException"


def test_a_change_takes_effect_at_once(client: Any, name: str) -> None:
    create(client, name, "import os\ndef handle(event, context):\n    return os.environ.get('KEY', 1)\n")
    assert _invoke(client, name)[0] == 1
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"KEY": "two"}})
    assert _invoke(client, name)[0] == "two"
    client.update_function_code(
        FunctionName=name, ZipFile=package(handler="def handle(e, c):\n    return 3\n")
    )
    assert _invoke(client, name)[0] == 3


def test_own_copies_of_libraries_come_first(client: Any, name: str) -> None:
    client.create_function(
        FunctionName=name, Runtime="python3.12", Role="arn:aws:iam::123456789012:role/r", Handler="handler.handle",
        Code={"ZipFile": package(
            handler="import six\ndef handle(e, c):\n    return six.MINE\n", six="MINE = 'mine'\n")},
    )  # fmt: skip
    assert _invoke(client, name)[0] == "mine"


def test_what_is_not_json_or_too_large_is_refused(client: Any, name: str) -> None:
    create(client, name, "def handle(event, context):\n    return len(event)\n")
    with pytest.raises(ClientError) as error:
        client.invoke(FunctionName=name, Payload=b"{broken")
    assert error.value.response["Error"]["Code"] == "InvalidRequestContentException"
    with pytest.raises(ClientError) as error:
        client.invoke(FunctionName=name, Payload=json.dumps("x" * (6 << 20)).encode())
    assert error.value.response["Error"]["Code"] == "RequestTooLargeException"
    assert client.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204


def test_json_log_format(client: Any, name: str, server: Server) -> None:
    code = "import logging\ndef handle(event, context):\n    logging.getLogger().info('told')\n"
    create(client, name, code, LoggingConfig={"LogFormat": "JSON", "LogGroup": f"/own/{name}"})
    _invoke(client, name)
    lines = eventually(lambda: len(found := messages(server.client("logs"), f"/own/{name}")) > 2 and found)
    documents = [json.loads(line) for line in lines]
    assert documents[0]["type"] == "platform.start"
    assert documents[-1]["type"] == "platform.report"
    assert documents[1]["message"] == "told"
    assert documents[1]["level"] == "INFO"


def test_functions_end_with_the_server(own_server: Server) -> None:
    client = own_server.client("lambda", read_timeout=240)
    create(client, "f", "import os\ndef handle(event, context):\n    return os.getpid()\n")
    pid = _invoke(client, "f")[0]
    assert os.path.exists(f"/proc/{pid}") or os.kill(pid, 0) is None
    own_server.kill()
    eventually(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not os.path.exists("/proc")
