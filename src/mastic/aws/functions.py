"""How EventBridge, alarms and topics reach Lambda functions. Lambda connects itself when it is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.aws.events.deliveries import Delivery, Undeliverable
from mastic.errors import ServiceError
from mastic.store.engine import Store

Deliver = Callable[[Connection, str, str, Any, str], None]
"""``(tx, scope, function_arn, payload, key)``: invoke a function asynchronously, once per key."""


class Functions:
    """Queues asynchronous invocations, each in a transaction of its own."""

    def __init__(self, *, store: Store) -> None:
        self._store = store
        self._deliver: Deliver | None = None

    def connect(self, deliver: Deliver) -> None:
        """Name Lambda's own queue of asynchronous invocations."""
        self._deliver = deliver

    def invoke(self, function: str, payload: bytes, key: str) -> None:
        """Queue an invocation; the same key queues none. Raises ServiceError for a function that is not there."""
        if self._deliver is None:
            raise ServiceError("ResourceNotFoundException", "This server has no Lambda functions")
        parts = function.split(":", 6)
        with self._store.write() as tx:
            self._deliver(tx, f"{parts[4]}:{parts[3]}", function, orjson.loads(payload), key)

    def target(self, delivery: Delivery) -> None:
        """A rule's target is a function."""
        try:
            self.invoke(delivery.arn, delivery.text.encode(), delivery.key)
        except ServiceError as error:
            if error.code == "ResourceNotFoundException":
                raise Undeliverable("NO_RESOURCE", error.message) from error
            raise
