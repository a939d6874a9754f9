"""Carries asynchronous invocations out: calls, tries again as AWS does, sends the result on.

``handle`` is the handler of a worker for the queue ``lambda.async``, ``send`` that of one for
``lambda.destination``. State: tasks; an invocation is one task from acceptance until its result is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
import structlog

from mastic.aws.lambda_ import lookup
from mastic.aws.lambda_.functions import Functions
from mastic.aws.lambda_.names import FunctionRef, function_arn
from mastic.aws.lambda_.running import Result
from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.store import lambda_, lambda_events, tasks
from mastic.store.engine import Store
from mastic.store.lambda_ import INVOKE_CONFIG, LATEST

log = structlog.get_logger()

DESTINATION_QUEUE = "lambda.destination"
OLDEST = 21_600
LONGEST_PAUSE = 300.0
# An event's note is kept for longer than anything could deliver that event again.
REMEMBERED = timedelta(days=2)

Send = Callable[[str, str, Mapping[str, str]], None]
"""``(arn, text, attributes)``: put a message into a queue or topic, or an event on a bus."""


class Destinations:
    """How results and dead letters reach other services, each added when it is built: "sqs", "sns", "events"."""

    def __init__(self) -> None:
        self._send: dict[str, Send] = {}

    def add(self, service: str, send: Send) -> None:
        """Make a service reachable."""
        self._send[service] = send

    def send(self, arn: str, text: str, attributes: Mapping[str, str]) -> None:
        """Hand a message over. Raises LookupError for a service that is not there."""
        self._send[arn.split(":")[2]](arn, text, attributes)


class Deliveries:
    """``retry_seconds`` are the pauses before the second, third … attempt at a failing function."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        functions: Functions,
        destinations: Destinations,
        retry_seconds: Sequence[float] = (60.0, 120.0),
    ) -> None:
        self._store = store
        self._clock = clock
        self._functions = functions
        self._destinations = destinations
        self._retry_seconds = retry_seconds

    def handle(self, task: tasks.Task) -> None:
        """Deliver one event to its function. Raises RetryAt."""
        event = task.payload
        ref = FunctionRef(scope=event["scope"], name=event["name"], qualifier=event["qualifier"])
        settings = self._settings(ref)
        age = self._clock.now().timestamp() - event["accepted"]
        if task.attempt > 1 and age > settings.get("MaximumEventAgeInSeconds", OLDEST):
            self._conclude(ref, settings, event, None, "EventAgeExceeded")
            return
        try:
            result = self._functions.call(
                ref,
                event["payload"].encode(),
                request_id=event["request_id"],
                delivery=str(task.attempt),
                client_context=event["client_context"],
            )
        except ServiceError as error:
            self._postpone(ref, event, error)
            return
        if result.error is None:
            self._conclude(ref, settings, event, result, "Success")
            return
        failures = event["failures"] + 1
        if failures > settings.get("MaximumRetryAttempts", 2):
            self._conclude(ref, settings, {**event, "failures": failures}, result, "RetriesExhausted")
            return
        pause = (
            self._retry_seconds[min(failures, len(self._retry_seconds)) - 1] if self._retry_seconds else 0.0
        )
        raise tasks.RetryAt(
            self._clock.now() + timedelta(seconds=pause), payload={**event, "failures": failures}
        )

    def send(self, task: tasks.Task) -> None:
        """Send one result on; what fails is tried again by the worker."""
        self._destinations.send(task.payload["arn"], task.payload["text"], task.payload["attributes"])

    def forget(self) -> None:
        """Drop the notes of events that are long done."""
        with self._store.write() as tx:
            lambda_events.forget(tx, self._clock.now() - REMEMBERED)

    def _postpone(self, ref: FunctionRef, event: dict[str, Any], error: ServiceError) -> None:
        """The function was not called at all: wait for room, or drop the event of a function that is gone."""
        if error.code == "ResourceNotFoundException":
            log.warning("event_for_missing_function", function=ref.arn, request_id=event["request_id"])
            return
        postponed = event["postponed"] + 1
        pause = min(2.0 ** min(postponed, 10) / 2, LONGEST_PAUSE)
        raise tasks.RetryAt(
            self._clock.now() + timedelta(seconds=pause), payload={**event, "postponed": postponed}
        ) from error

    def _settings(self, ref: FunctionRef) -> dict[str, Any]:
        with self._store.read() as tx:
            part = lambda_.get_part(tx, ref.scope, ref.name, INVOKE_CONFIG, ref.qualifier or LATEST)
            version = lambda_.get_version(tx, ref.scope, ref.name, LATEST)
            if ref.qualifier:
                try:
                    version = lookup.version(tx, ref)
                except ServiceError:
                    version = None  # the call below says so
        settings = dict(part.body) if part else {}
        if version is not None and "DeadLetterConfig" in version.body:
            settings["DeadLetter"] = version.body["DeadLetterConfig"]["TargetArn"]
        return settings

    def _conclude(
        self,
        ref: FunctionRef,
        settings: dict[str, Any],
        event: dict[str, Any],
        result: Result | None,
        condition: str,
    ) -> None:
        """Queue what the outcome is to be told to."""
        succeeded = condition == "Success"
        chosen = (settings.get("DestinationConfig") or {}).get(
            "OnSuccess" if succeeded else "OnFailure"
        ) or {}
        messages: list[tuple[str, str, dict[str, str]]] = []
        if chosen.get("Destination"):
            messages.append((chosen["Destination"], self._record(ref, event, result, condition), {}))
        if not succeeded and settings.get("DeadLetter"):
            text = _error_message(result) or condition
            attributes = {"RequestID": event["request_id"], "ErrorCode": "200", "ErrorMessage": text[:1024]}
            messages.append((settings["DeadLetter"], event["payload"], attributes))
        if not messages:
            if not succeeded:
                log.warning(
                    "event_dropped", function=ref.arn, request_id=event["request_id"], condition=condition
                )
            return
        now = self._clock.now()
        with self._store.write() as tx:
            for number, (arn, text, attributes) in enumerate(messages):
                key = f"{event['request_id']}:{number}"
                if arn.split(":")[2] == "lambda":
                    self._functions.invoke_async(tx, ref.scope, arn, text.encode(), f"destination:{key}")
                else:
                    payload = {"arn": arn, "text": text, "attributes": attributes}
                    tasks.put(tx, DESTINATION_QUEUE, key, payload, not_before=now)

    def _record(self, ref: FunctionRef, event: dict[str, Any], result: Result | None, condition: str) -> str:
        """The invocation record of a destination."""
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "requestContext": {
                "requestId": event["request_id"],
                "functionArn": function_arn(ref.scope, ref.name, ref.qualifier or LATEST),
                "condition": condition,
                "approximateInvokeCount": max(1, event["failures"] + (condition == "Success")),
            },
            "requestPayload": orjson.loads(event["payload"]),
        }
        if result is not None:
            record["responseContext"] = {"statusCode": 200, "executedVersion": result.version}
            if result.error:
                record["responseContext"]["functionError"] = result.error
            record["responsePayload"] = orjson.loads(result.payload or b"null")
        return orjson.dumps(record).decode()


def _error_message(result: Result | None) -> str:
    if result is None:
        return ""
    found = orjson.loads(result.payload or b"null")
    return str(found.get("errorMessage", "")) if isinstance(found, dict) else ""
