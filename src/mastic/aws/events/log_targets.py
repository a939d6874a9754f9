"""A rule's target is a log group: every event becomes a log event. Owns no state."""

from __future__ import annotations

from dataclasses import dataclass

from mastic.aws.events.deliveries import Delivery
from mastic.aws.logs.ingest import Logs
from mastic.clock import Clock
from mastic.store.engine import Store


@dataclass(frozen=True, kw_only=True)
class LogTarget:
    """Delivers to a log group; the stream is the event's id, as EventBridge names it."""

    store: Store
    clock: Clock
    logs: Logs

    def __call__(self, delivery: Delivery) -> None:
        parts = delivery.arn.split(":", 6)
        group = parts[6].removesuffix(":*")
        now = int(self.clock.now().timestamp() * 1000)
        with self.store.write() as tx:
            self.logs.append(
                tx, f"{parts[4]}:{parts[3]}", group, delivery.event["id"], [(now, delivery.text)]
            )
