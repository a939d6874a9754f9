"""EventBridge: rules, schedules, deliveries."""

from __future__ import annotations

from collections.abc import Callable

from mastic.app.base import Base
from mastic.app.neighbours import Neighbours
from mastic.aws.events.buses import Buses
from mastic.aws.events.deliveries import Deliveries, Delivery
from mastic.aws.events.entries import Entries
from mastic.aws.events.log_targets import LogTarget
from mastic.aws.events.router import QUEUE
from mastic.aws.events.rules import SIGNAL as RULES_CHANGED
from mastic.aws.events.rules import Rules
from mastic.aws.events.targets import Targets
from mastic.aws.events.ticks import Ticks
from mastic.aws.functions import Functions
from mastic.aws.logs.ingest import Logs


def add_events(base: Base, neighbours: Neighbours, functions: Functions, logs: Logs) -> None:
    """What happened reaches whoever asked for it."""
    messages, router = neighbours.messages, neighbours.router
    targets: dict[str, Callable[[Delivery], None]] = {
        "sqs": messages.to_queue,
        "sns": messages.to_topic,
        "states": messages.to_state_machine,
        "lambda": functions.target,
        "logs": LogTarget(logs=logs, **base.lasting),
    }
    base.handlers(
        "events",
        Buses(**base.lasting),
        Rules(**base.lasting),
        Targets(served=(*targets, "events"), **base.lasting),
        Entries(router=router, **base.making),
    )
    base.reactor.subscribe("glue.event", router.receive)
    deliveries = Deliveries(
        router=router, targets=targets, send_to_queue=messages.dead_letter, **base.lasting
    )
    base.worker(QUEUE, deliveries.handle, concurrency=8)
    base.periodic("events", Ticks(router=router, **base.making).act, RULES_CHANGED)
