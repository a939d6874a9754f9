"""Where the hosted services would reach others of ministack's own: they reach Mastic's instead.

A topic's message for a function and every event are handed to the server by way of the host's outbox; what a state
machine does to Lambda, Glue, Athena and others are calls of Mastic's services.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import types
import uuid
from typing import TYPE_CHECKING, Any

from .way_back import Answer

if TYPE_CHECKING:
    from .host import Host


def connect(host: Host, service: str, module: Any) -> None:
    """Lead a service's calls of functions, events and other services to the server."""
    if service == "sns":
        _connect_sns(host, module)
    if service == "stepfunctions":
        _connect_stepfunctions(host, module)
    if service in ("stepfunctions", "secretsmanager"):
        _connect_events(host)


def _connect_sns(host: Host, sns: Any) -> None:
    def deliver(
        endpoint: str,
        envelope: str,
        topic: str,
        subscription: str,
        message_id: str,
        _message: str,
        _attributes: Any,
    ) -> None:
        event = {
            "Records": [
                {
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": subscription,
                    "EventSource": "aws:sns",
                    "Sns": json.loads(envelope),
                }
            ]
        }
        message = {"type": "invoke", "function": endpoint, "event": event, "source": topic}
        host.put(f"{message_id}:{subscription}", message)

    class Thread:
        """Takes the delivery to a function down at once, so that it is stored before Publish is answered."""

        def __init__(self, target: Any = None, args: Any = (), daemon: bool | None = None) -> None:
            self._target, self._args, self._daemon = target, args, daemon

        def start(self) -> None:
            if self._args and self._args[0] is deliver:
                self._target(*self._args)
            else:
                threading.Thread(target=self._target, args=self._args, daemon=self._daemon).start()

    sns._deliver_to_lambda = deliver
    sns._threading = types.SimpleNamespace(**{**vars(threading), "Thread": Thread})


def _connect_events(host: Host) -> None:
    from ministack.services import eventbridge

    def put(entries: dict[str, Any], **_: object) -> Answer:
        for entry in entries["Entries"]:
            host.put(str(uuid.uuid4()), {"type": "event", **_envelope(host, entry)})
        return 200, {}, json.dumps({"FailedEntryCount": 0, "Entries": []}).encode()

    eventbridge._put_events = put
    eventbridge._dispatch_event = lambda event, view=None: host.put(
        event["EventId"], {"type": "event", **_envelope(host, event)}
    )


def _envelope(host: Host, entry: dict[str, Any]) -> dict[str, Any]:
    detail = entry.get("Detail", "{}")
    return {
        "bus": entry.get("EventBusName", "default"),
        "event": {
            "version": "0",
            "id": entry.get("EventId") or str(uuid.uuid4()),
            "detail-type": entry.get("DetailType", ""),
            "source": entry.get("Source", ""),
            "account": entry.get("Account") or host._responses.get_account_id(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "region": entry.get("Region") or host._responses.get_region(),
            "resources": entry.get("Resources", []),
            "detail": json.loads(detail) if isinstance(detail, str) else detail,
        },
    }


def _connect_stepfunctions(host: Host, states: Any) -> None:
    import ministack.app as app

    def elsewhere(service: str) -> Any:
        async def handle(method: str, path: str, headers: Any, body: Any, query: Any) -> Answer:
            run = asyncio.get_running_loop().run_in_executor
            return await run(None, host.server.call, service, method, path, headers, body, query)

        return handle

    for service in list(app.SERVICE_HANDLERS):
        if service not in ("sqs", "sns", "kms", "secretsmanager", "ssm", "dynamodb", "states"):
            app.SERVICE_HANDLERS[service] = elsewhere(service)

    def call_lambda(function: str, event: Any) -> Any:
        name = function.rpartition(":function:")[2] if ":function:" in function else function
        path = f"/2015-03-31/functions/{name.replace(':', '%3A')}/invocations"
        region = host._responses.get_region()
        credential = {"authorization": f"AWS4-HMAC-SHA256 Credential=x/x/{region}/lambda/aws4_request"}
        status, headers, body = host.server.call(
            "lambda", "POST", path, credential, json.dumps(event).encode(), {}
        )
        found = json.loads(body) if body else None
        if status >= 400:
            code = {k.lower(): v for k, v in headers.items()}.get("x-amzn-errortype", "Unknown").split(":")[0]
            raise states._ExecutionError(f"Lambda.{code}", (found or {}).get("Message", ""))
        if "x-amz-function-error" in {k.lower() for k in headers}:
            raise states._ExecutionError((found or {}).get("errorType", "Lambda.Unknown"), json.dumps(found))
        return found

    states._call_lambda = call_lambda
    invoke = states._invoke_resource

    def invoke_or_refuse(resource: str, given: Any) -> Any:
        known = ("states:::", ":function:", ":activity:")
        if not any(each in resource for each in known):
            raise states._ExecutionError("States.Runtime", f"The resource {resource} is not served.")
        parts = resource.split(":::")[-1].split(":")
        if parts[0] in ("glue", "athena") and len(parts) == 2:
            return _run_job(host, states, parts[0], parts[1], given)
        return invoke(resource, given)

    states._invoke_resource = invoke_or_refuse


_JOBS = {
    # service, action → (what to ask after, its input, where the state is)
    ("glue", "startJobRun"): ("GetJobRun", lambda given, got: {"JobName": given["JobName"], "RunId": got["JobRunId"]},
                              lambda seen: (seen["JobRun"], seen["JobRun"]["JobRunState"])),
    ("athena", "startQueryExecution"): (
        "GetQueryExecution", lambda given, got: {"QueryExecutionId": got["QueryExecutionId"]},
        lambda seen: (seen, seen["QueryExecution"]["Status"]["State"])),
}  # fmt: skip
_PREFIX = {"glue": "AWSGlue", "athena": "AmazonAthena"}


def _run_job(host: Host, states: Any, service: str, action: str, given: dict[str, Any]) -> dict[str, Any]:
    """The integrations with Glue and Athena: start, and with ``.sync`` wait for the end."""
    region = host._responses.get_region()

    def call(operation: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{_PREFIX[service]}.{operation}",
            "authorization": f"AWS4-HMAC-SHA256 Credential=x/x/{region}/{service}/aws4_request",
        }
        status, _, content = host.server.call(service, "POST", "/", headers, json.dumps(body).encode(), {})
        found: dict[str, Any] = json.loads(content or b"{}")
        if status >= 400:
            code = found.get("__type", "Exception").rpartition("#")[2]
            raise states._ExecutionError(
                f"{service.capitalize()}.{code}", found.get("Message") or found.get("message", "")
            )
        return found

    name, _, mode = action.partition(".")
    got = call(name[0].upper() + name[1:], given)
    if not mode.startswith("sync"):
        return got
    if (service, name) not in _JOBS:
        raise states._ExecutionError("States.Runtime", f"{service}:{action} is not served.")
    operation, asked, told = _JOBS[(service, name)]
    while True:
        result: dict[str, Any]
        result, state = told(call(operation, asked(given, got)))
        if state == "SUCCEEDED":
            return result
        if state in ("FAILED", "TIMEOUT", "STOPPED", "CANCELLED", "ERROR", "EXPIRED"):
            raise states._ExecutionError("States.TaskFailed", json.dumps(result))
        time.sleep(0.5)
