"""Carries queued deliveries out: hands a target its input, tries again, gives up to a dead letter queue.

Targets are reached through callables by service name, given from outside. One raises ``Undeliverable`` when
trying again would not help.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from mastic.aws.events import buses, inputs
from mastic.aws.events.router import MOST_HOPS, Router
from mastic.clock import Clock
from mastic.store import tasks
from mastic.store.engine import Store

log = structlog.get_logger()

MOST_ATTEMPTS = 185
OLDEST = 86400
LONGEST_PAUSE = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One event for one target: ``text`` is what the target gets, ``key`` is the same at every attempt."""

    key: str
    arn: str
    text: str
    target: Mapping[str, Any]
    event: Mapping[str, Any]
    rule_arn: str
    scope: str


Deliver = Callable[[Delivery], None]


class Undeliverable(Exception):
    """The target does not exist or will never take the event."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Deliveries:
    """``handle`` is a worker's handler for the queue ``events.deliver``.

    ``send_to_queue(arn, text, attributes)`` puts a dead letter into an SQS queue.
    """

    store: Store
    clock: Clock
    router: Router
    targets: Mapping[str, Deliver]
    send_to_queue: Callable[[str, str, Mapping[str, str]], None]

    def handle(self, task: tasks.Task) -> None:
        """Deliver one event to one target."""
        payload = task.payload
        target = payload["target"]
        delivery = Delivery(
            key=task.key,
            arn=target["Arn"],
            text=inputs.render(target, payload["event"], self._facts(payload)),
            target=target,
            event=payload["event"],
            rule_arn=payload["rule_arn"],
            scope=payload["scope"],
        )
        try:
            if target["Arn"].split(":")[2] == "events":
                self._to_bus(delivery, payload["hops"])
            else:
                self.targets[target["Arn"].split(":")[2]](delivery)
        except Undeliverable as error:
            self._give_up(delivery, task, error.code, str(error))
        except Exception as error:  # noqa: BLE001  whatever a target raises, the delivery is tried again
            self._again_or_give_up(delivery, task, error)

    def _facts(self, payload: Mapping[str, Any]) -> dict[str, str]:
        since = datetime.fromtimestamp(payload["since"], UTC)
        return {
            "rule-arn": payload["rule_arn"],
            "rule-name": payload["rule"],
            "event.ingestion-time": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        }

    def _to_bus(self, delivery: Delivery, hops: int) -> None:
        """Pass an event on to another bus of this server."""
        if hops >= MOST_HOPS:
            raise Undeliverable("HOP_LIMIT", "an event is passed on from bus to bus only once")
        parts = delivery.arn.split(":", 5)
        scope, name = f"{parts[4]}:{parts[3]}", buses.name_of(parts[5])
        with self.store.write() as tx:
            buses.require(tx, scope, name)
            self.router.route(tx, scope, name, delivery.event, hops=hops + 1)

    def _again_or_give_up(self, delivery: Delivery, task: tasks.Task, error: Exception) -> None:
        policy = delivery.target.get("RetryPolicy", {})
        attempts = policy.get("MaximumRetryAttempts", MOST_ATTEMPTS)
        oldest = policy.get("MaximumEventAgeInSeconds", OLDEST)
        age = self.clock.now().timestamp() - task.payload["since"]
        if task.attempt > attempts or age >= oldest:
            code = getattr(error, "code", type(error).__name__)
            self._give_up(delivery, task, str(code), str(error))
            return
        jitter = random.uniform(0.75, 1.25)
        pause = min(2.0 ** min(task.attempt, 12) / 2, LONGEST_PAUSE) * jitter
        log.info("event_delivery_retry", target=delivery.arn, attempt=task.attempt, error=str(error))
        raise tasks.RetryAt(self.clock.now() + timedelta(seconds=pause)) from error

    def _give_up(self, delivery: Delivery, task: tasks.Task, code: str, message: str) -> None:
        log.warning(
            "event_not_delivered", rule=delivery.rule_arn, target=delivery.arn, code=code, error=message
        )
        queue = delivery.target.get("DeadLetterConfig", {}).get("Arn")
        if queue is None:
            return
        attributes = {
            "RULE_ARN": delivery.rule_arn,
            "TARGET_ARN": delivery.arn,
            "ERROR_CODE": code,
            "ERROR_MESSAGE": message[:1024] or code,
            "RETRY_ATTEMPTS": str(task.attempt - 1),
        }
        self.send_to_queue(queue, delivery.text, attributes)
