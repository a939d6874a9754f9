"""The in-process API of Lambda, for whatever else invokes functions: S3, EventBridge, alarms, log subscriptions.

An asynchronous invocation is durable when the caller's transaction is; it is a task on the queue ``lambda.async``
whose request id, and with it the root of its trace, never changes however often it is delivered.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection

from mastic.aws.lambda_ import lookup, permissions
from mastic.aws.lambda_.configurations import too_large
from mastic.aws.lambda_.names import FunctionRef, parse_arn
from mastic.aws.lambda_.running import Call, Result, Runs, throttled, trace
from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import lambda_events, tasks
from mastic.store.engine import Store

log = structlog.get_logger()

QUEUE = "lambda.async"
LARGEST_SYNC = 6_291_456
LARGEST_ASYNC = 1_048_576


class Functions:
    """Invokes functions by ARN."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, runs: Runs) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._runs = runs

    def invoke(self, scope: str, function_arn: str, payload: Any) -> Result:
        """Call a function and wait. Raises ServiceError when it cannot be called; a failing one is a result."""
        return self.call(parse_arn(function_arn), _encoded(payload), request_id=self._ids.uuid())

    def call(
        self,
        ref: FunctionRef,
        payload: bytes,
        *,
        request_id: str,
        delivery: str = "1",
        client_context: str = "",
    ) -> Result:
        """Call a function and wait; ``delivery`` tells apart the attempts at one invocation."""
        if len(payload) > LARGEST_SYNC:
            raise too_large(len(payload), LARGEST_SYNC)
        with self._store.read() as tx:
            function = lookup.function(tx, ref)
            version = lookup.version(tx, ref)
        if function.reserved == 0:
            raise throttled(reserved=True)
        call = Call(
            request_id=request_id,
            payload=payload,
            arn=ref.arn,
            trace=trace(request_id, delivery),
            client_context=client_context,
        )
        return self._runs.run(version, call, reserved=function.reserved)

    def invoke_async(self, tx: Connection, scope: str, function_arn: str, payload: Any, key: str) -> None:
        """Have a function called once ``tx`` is committed; once per key. ``payload`` is bytes or a JSON value.

        Raises ServiceError when there is no such function.
        """
        ref = parse_arn(function_arn)
        digest = hashlib.sha256(f"{function_arn}\0{key}".encode()).digest()
        request_id = str(uuid.UUID(bytes=digest[:16], version=4))
        self.accept(tx, ref, _encoded(payload), request_id=request_id)

    def accept(
        self, tx: Connection, ref: FunctionRef, payload: bytes, *, request_id: str, client_context: str = ""
    ) -> None:
        """Queue an asynchronous invocation; nothing happens when one of this id was accepted before."""
        if len(payload) > LARGEST_ASYNC:
            raise too_large(len(payload), LARGEST_ASYNC)
        lookup.qualified(tx, ref)
        now = self._clock.now()
        if not lambda_events.take(tx, request_id, now):
            return
        body = {
            "scope": ref.scope,
            "name": ref.name,
            "qualifier": ref.qualifier,
            "request_id": request_id,
            "payload": payload.decode(),
            "client_context": client_context,
            "accepted": now.timestamp(),
            "failures": 0,
            "postponed": 0,
        }
        tasks.put(tx, QUEUE, request_id, body, not_before=now)

    def may_invoke(
        self,
        scope: str,
        function_arn: str,
        principal: str,
        source_arn: str,
        source_account: str | None = None,
    ) -> bool:
        """Whether the function exists and its policy lets a service call it on behalf of a source."""
        return permissions.allows(self._store, function_arn, principal, source_arn, source_account)

    # -- what S3 notifications want ------------------------------------------------------------------

    def objection(self, function_arn: str, bucket_arn: str, account: str) -> str | None:
        """Why S3 could not call the function for a bucket, or None."""
        if self.may_invoke("", function_arn, "s3.amazonaws.com", bucket_arn, account):
            return None
        return "Not authorized to invoke function"

    def take_event(self, function_arn: str, event: dict[str, Any]) -> None:
        """Accept an event document; the same document, handed over again, is the same invocation."""
        encoded = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
        try:
            with self._store.write() as tx:
                self.invoke_async(tx, "", function_arn, event, hashlib.sha256(encoded).hexdigest())
        except ServiceError as error:
            if error.code != "ResourceNotFoundException":
                raise
            log.warning("event_for_missing_function", function=function_arn)


def _encoded(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else orjson.dumps(payload)
